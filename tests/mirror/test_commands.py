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
    assert main(["push", here, url, "--options", json.dumps({})]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("2 threads compared, 4 files copied, ")
    assert [line.split(": ")[0] for line in told.err.splitlines()] == ["1", "2", "3", "4"]
    assert main(["push", here, url]) == 0
    assert capsys.readouterr().out == "2 threads compared, 0 files copied, 0 bytes\n"
    assert main(["pull", there, url, "--thread", "A/b"]) == 0
    assert capsys.readouterr().out.startswith("1 threads compared, 2 files copied, ")
    assert ids_of(FileSaver(there), config_of("A/b")) == ["1"]
    assert ids_of(FileSaver(there), config_of("t")) == []


def test_a_difference_is_told_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Pull ends with 1 and names the file that differs; with --overwrite it is the mirror's."""
    url, here = f"memory://{uuid.uuid4().hex}/agents", tmp_path / "here"
    put(FileSaver(here), "1", {"value": "mirror"})
    assert main(["push", str(here), url]) == 0
    path = here / "t/checkpoints/_root/1.json"
    path.write_bytes(path.read_bytes().replace(b"mirror", b"edited"))
    capsys.readouterr()
    assert main(["pull", str(here), url]) == 1
    assert str(path) in capsys.readouterr().err
    assert b"edited" in path.read_bytes()
    assert main(["pull", str(here), url, "--overwrite"]) == 0
    assert b"mirror" in path.read_bytes()


def test_a_wrong_url_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A URL of a kind that nobody knows ends with 1 and a line that repeats it."""
    assert main(["push", str(tmp_path), "nowhere://bucket"]) == 1
    assert "nowhere://bucket" in capsys.readouterr().err
