"""What a terminal shows of a thread: readable, bounded, and nothing in it speaks to the terminal or to Mermaid."""

from __future__ import annotations

import re
from typing import Any

import pytest

from langgraph_filesaver import FileSaver
from langgraph_filesaver.inspection import words
from tests.checkpoints import config_of, put
from tests.inspection.looking import chat, config_for
from tests.stores import Home

HOSTILE = [
    "\x1b[2J\x1b[31mred",
    "line\r\nforged   done",
    "\u202egnp.exe",
    "\x9b31m",
    "\u2028next",
    '"]; click c0 "javascript:alert(1)"',
    "a --> b\n%%{init: {}}%%",
    "<script>document.title='ran'</script>",
    "`#35;`&quot;[[(({{",
]


def everything(saver: FileSaver, thread_id: str) -> list[Any]:
    thread = saver.thread(thread_id)
    return [
        saver.threads(),
        saver.threads()[0],
        thread,
        thread.latest,
        thread.history(),
        thread.history()[0],
        thread.diff(),
        thread.tree(),
        thread.writes(),
        thread.artifacts(),
    ]


def hostile_thread(saver: FileSaver, text: str) -> None:
    """Put `text` wherever a name or value of a user's can stand."""
    message = {"$type": text, text: text, "content": text}
    put(saver, "1", {text: [text, message], "b": text}, thread_id=text, metadata={text: text, "source": text})
    put(
        saver,
        "2",
        {text: [text, message, text], "b": {text: text}},
        thread_id=text,
        parent="1",
        metadata={"source": text},
    )
    saver.put_writes(config_of(text, "", "2"), [(text, text), ("__error__", text)], text, f"~__pregel_pull, {text}")


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_in_a_state_speaks_to_the_terminal(home: Home, text: str) -> None:
    """Escape sequences, line breaks, and marks that turn text around, are shown as their codes, wherever they stand."""
    saver = home.saver()
    hostile_thread(saver, text)
    for each in everything(saver, text):
        told = repr(each)
        assert all(character.isprintable() for character in told.replace("\n", "")), told


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_in_a_state_changes_a_diagram(home: Home, text: str) -> None:
    """Whatever nodes and sources are called, the diagram has its own lines only, with texts of harmless characters."""
    saver = home.saver()
    hostile_thread(saver, text)
    for line in saver.thread(text).tree().to_mermaid().splitlines():
        assert re.fullmatch(
            r'flowchart TD|    c\d+\["[\w .,:+#;…-]*"\]|    c\d+ --> c\d+|    classDef latest stroke-width:3px|    class c\d+ latest',
            line,
        ), line


def test_a_thread_that_waits_is_told_in_a_few_lines(home: Home) -> None:
    """Status, step, what is next, what it asks; messages and lists by item, text by line."""
    saver = home.saver()
    chat(saver, asks=True).invoke({"log": ["begun"]}, config_for("t"))
    told = repr(saver.thread("t").latest)
    assert "status interrupted, next: review" in told
    assert 'asks       review: {"question": "publish?"}' in told
    assert "\nlog:\n  - begun\n  - drafted\n" in told
    assert "\ntext:\n  one\n  two\n  three" in told
    assert re.search(r"interrupted +t +1 +review", repr(saver.threads()))


def test_a_fork_is_drawn_beside_the_line_that_goes_on(home: Home) -> None:
    """The branch of the latest goes straight down; the other one is indented at its place."""
    saver = home.saver()
    for checkpoint_id, parent in (("1", None), ("2", "1"), ("3", "2"), ("4", "1"), ("5", "4")):
        put(saver, checkpoint_id, {"a": 1}, parent=parent, step=int(checkpoint_id))
    lines = [re.sub(r", loop.*, (\d)( |$)", r" \1\2", line) for line in repr(saver.thread("t").tree()).splitlines()]
    assert lines == [
        "● step 1 1",
        "├─● step 2 2",
        "│ ● step 3 3",
        "● step 4 4",
        "● step 5 5 (latest)",
    ]


def test_long_states_are_bounded(home: Home) -> None:
    """However long a list, text, dict or name is, what is shown is a few screens, and says what it left out."""
    saver = home.saver(artifact_threshold_bytes=None)
    state = {
        "list": [{"x": "y" * 5_000}] * 300,
        "text": "line\n" * 50_000,
        "dict": {f"key {number}": number for number in range(2_000)},
        "n" * 5_000: 1,
    }
    put(saver, "1", state)
    for each in everything(saver, "t"):
        assert len(repr(each)) < 60_000
    told = repr(saver.thread("t").latest)
    assert "… 250 earlier ones" in told
    assert "… and 49,950 more lines" in told


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (4711, "4.7 kB"), (123_456, "123 kB"), (10**13, "10.0 TB")],
)
def test_sizes_are_told_in_the_unit_that_fits(count: int, told: str) -> None:
    """Bytes in steps of a thousand."""
    assert words.size(count) == told
