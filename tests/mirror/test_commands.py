"""The commands `push` and `pull`."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from langgraph_filesaver import FileSaver
from langgraph_filesaver.__main__ import main
from tests.checkpoints import config_of, ids_of, put


def test_push_and_pull_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each file is told on standard error and the sum on standard output; what is there is not copied again."""
    url = f"memory://{uuid.uuid4().hex}/agents"
    here, there = str(tmp_path / "here"), str(tmp_path / "there")
    put(FileSaver(here), "1", {"value": "x" * 100_000})
    put(FileSaver(here), "1", {"value": 1}, thread_id="A/b")
    assert main(["push", url, "--root", here, "--mirror-options", json.dumps({})]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("2 threads compared, 4 files copied, ")
    assert [line.split(": ")[0] for line in told.err.splitlines()] == ["1", "2", "3", "4"]
    assert main(["push", url, "--root", here]) == 0
    assert capsys.readouterr().out == "2 threads compared, 0 files copied, 0 bytes\n"
    assert main(["pull", url, "--root", there, "--thread", "A/b"]) == 0
    assert capsys.readouterr().out.startswith("1 threads compared, 2 files copied, ")
    assert ids_of(FileSaver(there), config_of("A/b")) == ["1"]
    assert ids_of(FileSaver(there), config_of("t")) == []


def test_a_difference_is_told_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Pull ends with 5 and names the file that differs; with --overwrite it is named, asked about, and then the mirror's."""
    url, here = f"memory://{uuid.uuid4().hex}/agents", tmp_path / "here"
    put(FileSaver(here), "1", {"value": "mirror"})
    assert main(["push", url, "--root", str(here)]) == 0
    path = here / "t/checkpoints/_root/1.json"
    path.write_bytes(path.read_bytes().replace(b"mirror", b"edited"))
    capsys.readouterr()
    assert main(["pull", url, "--root", str(here)]) == 5
    assert str(path) in capsys.readouterr().err
    assert b"edited" in path.read_bytes()
    assert main(["pull", url, "--root", str(here), "--overwrite"]) == 2, "there is nobody to ask"
    told = capsys.readouterr().err
    assert "replace 1 file" in told
    assert "t/checkpoints/_root/1.json" in told
    assert b"edited" in path.read_bytes()
    assert main(["pull", url, "--root", str(here), "--overwrite", "--yes"]) == 0
    assert b"mirror" in path.read_bytes()


def test_a_dry_run_names_the_files_and_copies_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Push and pull tell what is missing and what differs, in the direction that they would copy."""
    url, here = f"memory://{uuid.uuid4().hex}/agents", tmp_path / "here"
    put(FileSaver(here), "1", {"value": "mirror"})
    assert main(["push", url, "--root", str(here), "--dry-run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["file"] for each in told["missing"]] == ["t/checkpoints/_root/1.json"]
    assert main(["pull", url, "--root", str(here), "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("would copy 0 files")
    assert main(["push", url, "--root", str(here)]) == 0
    path = here / "t/checkpoints/_root/1.json"
    path.write_bytes(path.read_bytes().replace(b"mirror", b"edited"))
    capsys.readouterr()
    assert main(["pull", url, "--root", str(here), "--dry-run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert ([each["file"] for each in told["changed"]], told["missing"]) == (["t/checkpoints/_root/1.json"], [])
    assert main(["pull", url, "--root", str(tmp_path / "there"), "--dry-run"]) == 0
    assert not (tmp_path / "there").exists()
    assert b"edited" in path.read_bytes()


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
@pytest.mark.parametrize("name", ["push", "pull"])
def test_a_thread_that_is_not_there_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, options: list[str]
) -> None:
    """A thread that the source does not have ends with 1 and the nearest names, before anything is copied."""
    url, here = f"memory://{uuid.uuid4().hex}/agents", tmp_path / "here"
    put(FileSaver(here if name == "push" else url), "1", {"value": 1}, thread_id="research-42")
    put(FileSaver(url if name == "push" else here), "1", {"value": 1}, thread_id="research-4")
    wanted = ["--thread", "research-42", "--thread", "research-4"]
    assert main([name, url, "--root", str(here), *wanted, *options]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "there is no thread 'research-4'" in told.err
    assert "did you mean 'research-42'?" in told.err
    assert ids_of(FileSaver(url if name == "push" else here), config_of("research-42")) == []


def test_options_that_do_not_fit_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a driver does not know among its options ends with 2 and its name, not with a traceback; no value is repeated."""
    put(FileSaver(tmp_path), "1")
    url, options = "sftp://127.0.0.1:1/agents", json.dumps({"nope": "hunter2"})
    for arguments in (
        ["push", url, "--root", str(tmp_path), "--mirror-options", options],
        ["threads", "--root", url, "--storage-options", options],
    ):
        assert main(arguments) == 2
        told = capsys.readouterr().err
        assert f"{url}: the options do not fit" in told
        assert "'nope'" in told
        assert "hunter2" not in told


def test_a_wrong_url_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A URL of a kind that nobody knows ends with 2 and a line that repeats it."""
    put(FileSaver(tmp_path / "here"), "1")
    assert main(["push", "nowhere://bucket", "--root", str(tmp_path / "here")]) == 2
    assert "nowhere://bucket" in capsys.readouterr().err
