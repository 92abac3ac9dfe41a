"""`export`: the report as a file, whole or not there, and never over another one unasked."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.running import files_in, run


def test_the_report_is_a_file(root: Path, tmp_path: Path) -> None:
    """One HTML file of this thread is written, and nothing else, here or in the store; --json tells which, and how large."""
    path, before = tmp_path / "out" / "report.html", files_in(root)
    path.parent.mkdir()
    result = run("export", "asks", "-o", str(path), "--json", root=root)
    assert (result.exit_code, result.stderr) == (0, "")
    told = json.loads(result.stdout)
    assert told == {"dry_run": False, "thread_id": "asks", "file": str(path), "bytes": path.stat().st_size}
    page = path.read_text()
    assert page.lower().startswith("<!doctype html>")
    assert "asks" in page
    assert [each.name for each in path.parent.iterdir()] == ["report.html"]
    assert files_in(root) == before


def test_a_file_that_is_there_stays_unless_forced(root: Path, tmp_path: Path) -> None:
    """Without --force it ends with 2 and says what to give; with it the file is replaced; a dry run replaces nothing."""
    path = tmp_path / "report.html"
    path.write_text("mine")
    result = run("export", "asks", "-o", str(path), root=root)
    assert (result.exit_code, path.read_text()) == (2, "mine")
    assert "--force" in result.stderr
    assert run("export", "asks", "-o", str(path), "--force", "--dry-run", root=root).exit_code == 0
    assert path.read_text() == "mine"
    assert run("export", "asks", "-o", str(path), "--force", root=root).exit_code == 0
    assert path.read_text() != "mine"


def test_a_folder_that_is_not_there_ends_with_4(root: Path, tmp_path: Path) -> None:
    """The place is named, and no folder is made."""
    result = run("export", "asks", "-o", str(tmp_path / "none" / "report.html"), root=root)
    assert result.exit_code == 4
    assert str(tmp_path / "none") in result.stderr
    assert not (tmp_path / "none").exists()


def test_a_damaged_checkpoint_makes_no_report(root: Path, tmp_path: Path) -> None:
    """A file that cannot be read ends with 3 and is named; no half of a report is written."""
    latest = max((root / "single/checkpoints/_root").iterdir())
    latest.write_text("{")
    result = run("export", "single", "-o", str(tmp_path / "report.html"), root=root)
    assert result.exit_code == 3
    assert str(latest) in result.stderr
    assert not (tmp_path / "report.html").exists()
