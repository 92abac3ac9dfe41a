"""What a person writes is checked before anything is stored; the error tells channel, path and line."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from langgraph_filesaver import FileSaver, InvalidEditError, JsonSerializer, NotFoundError, SerializationError
from tests.checkpoints import put
from tests.stores import Home


@dataclass
class Plan:
    """A class of the user's."""

    steps: list[str]
    note: str = ""


VALUES: dict[str, Any] = {
    "price": Decimal("1.50"),
    "messages": [AIMessage("one", id="1"), AIMessage("two", id="2")],
    "plan": Plan(["search"]),
    "picture": b"\0" * 100_000,
}

BROKEN = [
    ('"two"', '"two', "line 1[34], column .*not valid JSON"),
    ('"1.50"', '"a lot"', r'line 2, column 12, at state\["price"\]'),
    ('"value": "1.50"', '"valeu": "1.50"', r'line 2, column 12, at state\["price"\].*valeu'),
    ('"decimal"', '"decimla"', "line 2, column 12, .*'decimla'.*misspelt"),
    (
        'ai.AIMessage",\n      "content": "two"',
        'ai.AIMesage",\n      "content": "two"',
        "line 12, .*AIMesage.*misspelt",
    ),
    ('"content": "two"', '"content": {"$typ": "x"}', r'line 1[2-4], .*state\["messages"\]\[1\]'),
    ('"content": "two"', '"contents": "two"', r'line 1[2-4], .*state\["messages"\]\[1\]'),
    ('"note": ""', '"noet": ""', "line 23, .*no field 'noet'"),
    ("artifacts/", "artifacts/../", r'line 2[4-9], column \d+, at state\["picture"\]'),
    ("bytes", "$bytes", r'line 2[4-9], column \d+, at state\["picture"\]'),
]


@pytest.fixture
def prepared(home: Home) -> FileSaver:
    """A saver over a thread with one checkpoint."""
    saver = home.saver()
    put(saver, "c0", VALUES)
    return saver


@pytest.mark.parametrize(("old", "new", "match"), BROKEN)
def test_what_is_broken_is_told_with_its_line(home: Home, prepared: FileSaver, old: str, new: str, match: str) -> None:
    """[E4] JSON that is none, a broken tag, a wrong field, a misspelt type, a dangling reference: each at its line."""
    before = home.files()
    state = prepared.editing().open("t")
    assert old in state.text
    with pytest.raises(InvalidEditError, match=match) as caught:
        prepared.editing().checked(state, state.text.replace(old, new, 1))
    assert caught.value.line is not None
    assert home.files() == before


def test_a_dangling_reference(home: Home, prepared: FileSaver) -> None:
    """[E4] A reference to a file that is not there is told at its line, with the file."""
    state = prepared.editing().open("t")
    name = next(key.rpartition("/")[2] for key in home.files() if "/artifacts/" in key)
    with pytest.raises(InvalidEditError, match=r"line 2\d.*" + "0" * 64 + r".*missing"):
        prepared.editing().checked(state, state.text.replace(name[:64], "0" * 64))


@pytest.mark.parametrize("text", ["", "[1]", "1", "null", '{"price": 1}'])
def test_what_is_no_state(prepared: FileSaver, text: str) -> None:
    """[E4] An empty text, another JSON, or a state that lacks channels, is refused."""
    with pytest.raises(InvalidEditError):
        prepared.editing().checked(prepared.editing().open("t"), text)


def test_strict_mode(home: Home) -> None:
    """[E4] In LangGraph's strict mode a type that is not allowed may stay, but not come."""
    put(home.saver(), "c0", {"plan": [Plan(["search"]), 1], "other": 1})
    strict = home.saver(serde=JsonSerializer(allowed_msgpack_modules=None))
    editing = strict.editing()
    state = editing.open("t")
    assert editing.checked(state, state.text.replace('"search"', '"find"')).values["plan"] == [
        {"steps": ["find"], "note": ""},
        1,
    ]
    more = state.text.replace('"other": 1', '"other": {"$type": "tests.editing.test_checking.Plam"}')
    with pytest.raises(InvalidEditError, match="Plam"):
        editing.checked(state, more)


def test_unknown_threads_and_channels(prepared: FileSaver) -> None:
    """An unknown thread, namespace or channel is an error that tells what to do, a channel's with the nearest names."""
    for thread_id, ns in (("u", ""), ("t", "inner")):
        with pytest.raises(NotFoundError, match="has no checkpoint"):
            prepared.edit_state(thread_id, {"a": 1}, checkpoint_ns=ns)
        with pytest.raises(NotFoundError, match="has no checkpoint"):
            prepared.editing().open(thread_id, ns)
    with pytest.raises(InvalidEditError, match="did you mean 'price'"):
        prepared.edit_state("t", {"prize": 1})
    with pytest.raises(ValueError, match="there are"):
        prepared.edit_state("t", {"xyz": 1})


def test_a_value_that_cannot_be_stored(home: Home, prepared: FileSaver) -> None:
    """A Python value that cannot be stored is refused with its path, and nothing was written."""
    before = home.files()
    with pytest.raises(SerializationError, match=r'state\["price"\]\[0\]'):
        prepared.edit_state("t", {"price": [open]})
    assert home.files() == before
