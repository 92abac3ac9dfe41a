"""The commands that look: what they say, and how checkpoints are named."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from langgraph_filesaver import FileSaver
from langgraph_filesaver.cli.tables import short_ids
from tests.checkpoints import put
from tests.cli.running import answer, run
from tests.inspection.looking import chat, config_for


def test_json_is_what_the_api_says(root: Path) -> None:
    """`--json` of a command that looks is `to_dict()` of what the saver returns."""
    saver = FileSaver(root)
    thread = saver.thread("research-42")
    assert answer("threads", root=root) == saver.threads().to_dict()
    assert answer("show", "research-42", root=root) == thread.latest.to_dict()
    assert answer("history", "research-42", root=root) == thread.history().to_dict()
    assert answer("diff", "research-42", root=root) == json.loads(json.dumps(thread.diff().to_dict()))
    assert answer("tree", "research-42", root=root) == thread.tree().to_dict()
    assert answer("writes", "asks", root=root) == saver.thread("asks").writes().to_dict()
    assert answer("artifacts", "research-42", root=root) == thread.artifacts().to_dict()


def test_text_is_how_records_show_themselves(root: Path) -> None:
    """What `show`, `diff` and `tree` print is the `repr` of the record, and the diagram where it was asked for."""
    thread = FileSaver(root).thread("asks")
    assert run("show", "asks", root=root).stdout == f"{thread.latest!r}\n"
    assert run("diff", "asks", root=root).stdout == f"{thread.diff()!r}\n"
    assert run("tree", "asks", root=root).stdout == f"{thread.tree()!r}\n"
    assert run("tree", "asks", "--mermaid", root=root).stdout == f"{thread.tree().to_mermaid()}\n"


def test_threads_are_chosen_by_status_age_and_number(root: Path) -> None:
    """--status may be repeated, --older-than takes a span with its unit, --limit cuts off."""

    def names(*options: str) -> list[str]:
        return [each["thread_id"] for each in answer("threads", *options, root=root)]

    assert names("--status", "interrupted") == ["asks"]
    assert sorted(names("--status", "interrupted", "--status", "failed")) == ["asks", "fails"]
    assert names("--older-than", "7d") == []
    assert len(names("--older-than", "0s")) == 4
    assert len(names("--limit", "2")) == 2
    assert run("threads", "--status", "running", root=root).stdout == "no threads\n"


@pytest.mark.parametrize("span", ["7", "d", "-1d", "1 d", "1y", "9" * 400 + "w", "99999999999w"])
def test_a_span_without_a_unit_is_refused(root: Path, span: str) -> None:
    """What does not tell its unit, or is longer than calendars, is wrong usage, and never guessed."""
    result = run("threads", "--older-than", span, root=root)
    assert result.exit_code == 2
    assert span[:20] in result.stderr


def test_the_table_tells_where_threads_stand(root: Path) -> None:
    """A line for each thread, with what it asks or what went wrong."""
    lines = run("threads", root=root).stdout.splitlines()
    assert lines[0].split() == ["THREAD", "STATUS", "STEP", "CHANGED", "CHECKPOINTS", "SIZE", "NEXT"]
    told = {line.split()[0]: line for line in lines[2:]}
    assert 'review asks: {"question": "publish?"}' in told["asks"]
    assert "ValueError('no <b>luck</b>')" in told["fails"]
    assert re.search(r"done +2 +\d+ s ago +4 ", told["research-42"])


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_narrow_table_keeps_its_width_and_the_ids(root: Path, columns: int) -> None:
    """No line is wider than what COLUMNS says, and an id is whole, over several lines where it must be."""
    name = "a-long-name-of-a-thread-" * 3
    put(FileSaver(root), "1", {"value": 1}, thread_id=name)
    lines = run("threads", root=root, COLUMNS=str(columns)).stdout.splitlines()
    assert max(map(len, lines)) <= columns
    width = lines[0].index("STATUS")
    assert name in "".join(line[:width].strip() for line in lines[2:])


def test_checkpoints_are_named_by_the_beginning_of_their_id(root: Path) -> None:
    """What `history` shows of an id is enough; what several begin with, and what none does, ends with 1."""
    ids = [each["checkpoint_id"] for each in answer("history", "asks", root=root)]
    shown = [line.split()[0] for line in run("history", "asks", root=root).stdout.splitlines()[2:]]
    assert [full.startswith(short) for full, short in zip(ids, shown, strict=True)] == [True, True, True]
    for full, short in zip(ids, shown, strict=True):
        assert answer("show", "asks", "--checkpoint", short, root=root)["checkpoint_id"] == full
    assert answer("diff", "asks", shown[2], shown[0], root=root)["old"] == ids[2]
    several = run("show", "asks", "--checkpoint", ids[0][:4], root=root)
    assert several.exit_code == 1
    assert "3 checkpoints begin with" in several.stderr
    none = run("show", "asks", "--checkpoint", "nope", root=root)
    assert none.exit_code == 1
    assert "'nope'" in none.stderr


def test_one_id_may_begin_with_another_one(root: Path) -> None:
    """An id that is given whole is that one, however many others begin with it."""
    saver = FileSaver(root)
    for number in ("1", "10", "11"):
        put(saver, number, {"value": number}, thread_id="numbers")
    assert answer("show", "numbers", "--checkpoint", "1", root=root)["values"] == {"value": "1"}
    assert short_ids(["1", "10", "x" * 20 + "1", "x" * 20 + "2"]) == {
        each: each for each in ("1", "10", "x" * 20 + "1", "x" * 20 + "2")
    }


def test_namespaces(root: Path) -> None:
    """Where a thread has checkpoints of called graphs only, the message tells their namespace, and --namespace takes it."""
    put(FileSaver(root), "1", {"value": 1}, thread_id="called", checkpoint_ns="review:1")
    result = run("show", "called", root=root)
    assert result.exit_code == 1
    assert "--namespace, such as 'review:1'" in result.stderr
    assert answer("show", "called", "--namespace", "review:1", root=root)["values"] == {"value": 1}
    assert run("history", "called", "--namespace", "nope", root=root).exit_code == 1


def test_a_pipe_gets_no_colours_and_whole_lines(root: Path) -> None:
    """Outside a terminal a table has no escape sequence, nothing is folded, and no line ends with blanks."""
    saver = FileSaver(root)
    name = "a-long-name-of-a-thread-" * 8
    chat(saver).invoke({"log": []}, config_for(name))
    told = run("threads", root=root).stdout
    assert name in told
    assert "\x1b" not in told
    assert not re.search(r" $", told, re.MULTILINE)


def test_a_damaged_thread_hides_no_other(root: Path) -> None:
    """`threads` shows all, names the file that is damaged, and ends with 3."""
    newest = max((root / "asks/checkpoints/_root").iterdir())
    newest.write_text("{")
    result = run("threads", root=root)
    assert result.exit_code == 3
    assert newest.name in result.stderr
    assert "research-42" in result.stdout
    assert "damaged" in result.stdout
    assert len(json.loads(run("threads", "--json", root=root).stdout)) == 4
