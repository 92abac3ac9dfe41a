"""`artifacts --extract`: verified contents under safe names, and no file that was there is touched."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from langgraph_filesaver import FileSaver
from langgraph_filesaver.cli.files import write_file
from tests.checkpoints import put
from tests.cli.running import answer, run


def test_contents_come_out_as_they_are(root: Path, tmp_path: Path) -> None:
    """Each artifact is a file whose name is the digest of its bytes."""
    out = tmp_path / "deep" / "out"
    told = answer("artifacts", "research-42", "--extract", str(out), root=root)
    assert {each["extracted"] for each in told} == {str(path) for path in out.iterdir()}
    for path in out.iterdir():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name.partition(".")[0]
    assert sorted(each["bytes"] for each in told) == sorted(path.stat().st_size for path in out.iterdir())


def test_compressed_ones_come_out_as_they_were(tmp_path: Path) -> None:
    """A compressed artifact is extracted without its compression, and without the extension that tells of it."""
    put(FileSaver(tmp_path / "c", compression="gzip", fsync=False), "1", {"text": "t" * 100_000})
    told = answer("artifacts", "t", "--extract", str(tmp_path / "out"), root=tmp_path / "c")
    (each,) = told
    assert each["path"].endswith(".txt.gz")
    assert Path(each["extracted"]).name.endswith(".txt")
    assert Path(each["extracted"]).read_text() == "t" * 100_000


def test_nothing_is_overwritten(root: Path, tmp_path: Path) -> None:
    """A file of that name with other bytes stays, and ends the command with 2; one with the same bytes is passed over."""
    out = tmp_path / "out"
    told = answer("artifacts", "research-42", "--extract", str(out), root=root)
    again = run("artifacts", "research-42", "--extract", str(out), root=root)
    assert again.exit_code == 0
    assert "were there already" in again.stdout
    Path(told[0]["extracted"]).write_text("mine")
    result = run("artifacts", "research-42", "--extract", str(out), root=root)
    assert result.exit_code == 2
    assert told[0]["extracted"] in result.stderr
    assert Path(told[0]["extracted"]).read_text() == "mine"


def test_a_damaged_artifact_is_named_and_not_extracted(root: Path, tmp_path: Path) -> None:
    """What does not have the digest of its name ends with 3, and no file is made of it."""
    (largest, *_) = answer("artifacts", "research-42", root=root)
    Path(largest["file"]).write_bytes(b"u" * largest["bytes"])
    result = run("artifacts", "research-42", "--extract", str(tmp_path / "out"), root=root)
    assert result.exit_code == 3
    assert largest["file"] in result.stderr
    assert not (tmp_path / "out" / Path(largest["path"]).name).exists()


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `overwrite` a file stays; with it, it is replaced at once; what fails leaves no litter. The umask counts."""
    path = tmp_path / "report.html"
    write_file(str(path), b"one")
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()
    with pytest.raises(Exception, match="is there already"):
        write_file(str(path), b"two")
    assert path.read_bytes() == b"one"
    write_file(str(path), b"three", overwrite=True)
    assert path.read_bytes() == b"three"

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="The disk is full"):
        write_file(str(path), b"four", overwrite=True)
    assert path.read_bytes() == b"three"
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]


def test_a_new_file_appears_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed at any moment, a command leaves no empty file under the name: the next one would refuse to replace it."""
    path = tmp_path / "new"
    monkeypatch.setattr(os, "replace", lambda source, target: pytest.fail("the name was there before the content"))
    write_file(str(path), b"one")
    assert path.read_bytes() == b"one"


def test_without_hard_links_a_file_is_still_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a file system without hard links files are written all the same, and one that is there stays."""

    def refuse(source: str, target: str) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "new"
    write_file(str(path), b"one")
    with pytest.raises(Exception, match="is there already"):
        write_file(str(path), b"two")
    assert path.read_bytes() == b"one"
    assert [each.name for each in tmp_path.iterdir()] == ["new"]


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def test_a_report_is_one_file(root: Path, tmp_path: Path) -> None:
    """`export` writes the page of the thread; a dry run writes nothing, and what is there is replaced with --force only."""
    path = tmp_path / "report.html"
    assert run("export", "asks", "-o", str(path), "--dry-run", root=root).exit_code == 0
    assert not path.exists()
    told = answer("export", "asks", "-o", str(path), root=root)
    page = path.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "publish?" in page
    assert path.stat().st_size == told["bytes"]
    path.write_text("mine")
    again = run("export", "asks", "-o", str(path), root=root)
    assert again.exit_code == 2
    assert "--force" in again.stderr
    assert path.read_text() == "mine"
    assert run("export", "asks", "-o", str(path), "--force", root=root).exit_code == 0
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_report_that_cannot_be_written_is_told(root: Path, tmp_path: Path) -> None:
    """An unknown thread ends with 1, a folder that is not there with 4; neither leaves a file."""
    assert run("export", "askss", "-o", str(tmp_path / "report.html"), root=root).exit_code == 1
    assert run("export", "asks", "-o", str(tmp_path / "missing/report.html"), root=root).exit_code == 4
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".html"] == []
