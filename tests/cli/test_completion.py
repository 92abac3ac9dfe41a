"""Completion, as a shell does it: which threads it offers, and that nothing it puts into a line is run by the shell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from langgraph_filesaver import FileSaver
from tests.checkpoints import put
from tests.cli.running import PROJECT, run

NOT_LITERAL = ["x$(touch hit)", "x`touch hit`", "x;touch hit", "x y", "x'", "x|y", "x*", "x\nz", "--xx", "x:y", "x\\y"]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A folder with the program, as an installation puts it on the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    path = folder / "langgraph-filesaver"
    path.write_text(f'#!/bin/sh\nPYTHONPATH={PROJECT} exec {sys.executable} -m langgraph_filesaver "$@"\n')
    path.chmod(0o755)
    return folder


def _in_bash(program: Path, root: Path, *words: str) -> list[str]:
    """Source the script in bash, and return what it completes the last word to."""
    code = """
source <(langgraph-filesaver completion bash)
complete -p langgraph-filesaver > /dev/null || exit 3
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_langgraph_filesaver_completion langgraph-filesaver "${COMP_WORDS[COMP_CWORD]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""
    done = subprocess.run(
        ["bash", "--norc", "-c", code, "bash", "langgraph-filesaver", *words],
        env={"PATH": f"{program}:{os.environ['PATH']}", "LANGGRAPH_FILESAVER_ROOT": str(root), "LANG": "C.UTF-8"},
        cwd=program,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split("\n")[:-1]


def test_bash_completes_commands_options_and_threads(root: Path, program: Path) -> None:
    """Bash takes the script, and then completes each kind of word."""
    assert _in_bash(program, root, "hist") == ["history"]
    assert _in_bash(program, root, "show", "--ch") == ["--checkpoint"]
    assert _in_bash(program, root, "delete", "asks", "rese") == ["research-42"]
    assert _in_bash(program, root, "gc", "rese") == ["research-42"]


def test_no_thread_is_offered_that_a_shell_would_not_take_literally(root: Path, program: Path) -> None:
    """A completion stands in the line unquoted, so an id that a stranger chose must not be a command, an option or two words."""
    saver = FileSaver(root, fsync=False)
    for each in (*NOT_LITERAL, "x-1", "x/ü.2@b"):
        put(saver, "1", {"value": 1}, thread_id=each)
    assert sorted(_in_bash(program, root, "show", "x")) == ["x-1", "x/ü.2@b"]
    assert [each for each in _in_bash(program, root, "show", "-") if "x" in each] == []


def test_threads_of_a_url_with_options_are_completed() -> None:
    """What the line says of the root counts for completion as it does for the command."""
    url = f"memory://{uuid.uuid4().hex}/agents"
    put(FileSaver(url), "1", {"value": 1}, thread_id="far-1")
    line = f"langgraph-filesaver show --root {url} --storage-options '{json.dumps({'asynchronous': False})}' far"
    asked = {"_LANGGRAPH_FILESAVER_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": "6"}
    assert run(**asked).stdout == "plain,far-1\n"
