"""Ids and states that strangers wrote: nothing in them moves the cursor, changes colours or is read as markup or an option."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from langgraph_filesaver import FileSaver
from langgraph_filesaver.cli.text import one_line, to_json, visible
from tests.checkpoints import put
from tests.cli.running import answer, run, terminal

IDS = [
    "..",
    "--help",
    "a/b",
    "line\nbreak",
    "[red]x[/red]",
    ":boom:",
    "🙂",
    "-",
    "\x1b[2J\x9b31m",
    "\u202egpj.exe",
    "*",
]
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
# What the command line itself sends to a terminal: colours, and the progress bar's hidden cursor, cleared lines and steps up.
OURS = re.compile(r"\r?\x1b\[(?:[0-9;]*m|\?25[lh]|2K|1A)|\r(?=\n)")


@pytest.mark.parametrize("thread_id", IDS)
def test_any_string_is_a_thread(tmp_path: Path, thread_id: str) -> None:
    """After `--`, any id is taken as it is by every command, and what is printed holds nothing that a terminal obeys."""
    saver, root = FileSaver(tmp_path / "c"), tmp_path / "c"
    put(saver, "1", {"value": thread_id, thread_id: ["x" * 100_000]}, thread_id=thread_id)
    put(saver, "2", {"value": thread_id, thread_id: []}, thread_id=thread_id, parent="1", step=1)
    put(saver, "1", {"value": 1}, thread_id="other")
    for name in (
        "show",
        "history",
        "diff",
        "tree",
        "writes",
        "artifacts",
        "tail",
        "delete --dry-run",
        "prune --dry-run",
    ):
        result = run(*name.split(), "--", thread_id, root=root)
        assert result.exit_code == 0, result.output
        assert not OBEYED.search(result.output)
    told = run("threads", root=root).stdout
    assert one_line(thread_id) in told
    assert not OBEYED.search(told)
    assert thread_id in [each["thread_id"] for each in answer("threads", root=root)]
    assert answer("copy", "--", thread_id, f"{thread_id}2", root=root)["target"] == f"{thread_id}2"
    assert answer("delete", "--yes", "--", thread_id, root=root)["threads"][0]["thread_id"] == thread_id
    assert saver.threads().to_dict()[0]["thread_id"] in ("other", f"{thread_id}2")
    gone = run("show", "--", thread_id, root=root)
    assert gone.exit_code == 1
    assert not OBEYED.search(gone.output)


def test_state_on_a_terminal(tmp_path: Path) -> None:
    """Also where colours are drawn, a state's own escape sequences, markup and emoji codes are shown as they are spelled."""
    saver, root = FileSaver(tmp_path / "c"), tmp_path / "c"
    put(saver, "1", {"value": 1}, thread_id="[bold red]t[/] :boom:")
    saver.put_writes(
        {"configurable": {"thread_id": "[bold red]t[/] :boom:", "checkpoint_ns": "", "checkpoint_id": "1"}},
        [("[link=x]y", "\x1b]0;title\x07[blink]:boom:")],
        "task",
    )
    for arguments in (["threads"], ["writes", "[bold red]t[/] :boom:"]):
        with terminal(*arguments, root=root) as screen:
            assert screen.end() == 0
        plain = OURS.sub("", screen.shown)
        assert not OBEYED.search(plain)
        assert ("[bold red]t[/] :boom:" in plain) == (arguments == ["threads"])
    assert "[link=x]y" in plain
    assert "\\x1b]0;title\\x07[blink]:boom:" in plain


def test_wrong_usage_is_told_without_what_a_terminal_obeys(tmp_path: Path) -> None:
    """A message that repeats what was given spells its control characters."""
    for arguments in (["x\x1b[2J"], ["threads", "--\x9b31m"], ["threads", "--root", "\x1b[2J"], ["show", "-x\x07"]):
        result = run(*arguments)
        assert result.exit_code == 2
        assert not OBEYED.search(result.output)


def test_what_is_spelled_is_the_same_value() -> None:
    """JSON with control characters spelled is the same value; lines and tabs of text stay, and joined emoji, too."""
    value = {"a\x9b": "\x00\x1b\x7f\x85\u2028\u202e\ud800é🙂\n"}
    assert json.loads(to_json(value)) == value
    assert not OBEYED.search(to_json(value))
    assert visible("a\tb\n\x1b\u202e👩‍🚀é") == "a\tb\n\\x1b\\u202e👩‍🚀é"
    assert one_line("a\r\nb\tc") == "a\\r\\nb\\tc"
