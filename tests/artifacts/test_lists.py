"""A long list is stored in chunks: it comes back equal after any edit, and an edit writes a few chunks and no more."""

from __future__ import annotations

import copy
import itertools
import json
import random
import tempfile
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from pydantic import BaseModel

from langgraph_filesaver import FileSaver
from langgraph_filesaver._cutting import LARGEST, SMALLEST
from tests.artifacts.folder import artifacts_of, assert_nothing_missing, checkpoint_text, files_of
from tests.checkpoints import config_of, put
from tests.stores import LONG_KINDS, Home

_IDS = itertools.count(1)


@dataclass
class Note:
    """A dataclass as a list's item."""

    text: str
    tags: list[str] = field(default_factory=list)


class Page(BaseModel):
    """A pydantic model as a list's item."""

    title: str
    lines: list[str] = []


class Plan(BaseModel):
    """A whole state in one model."""

    goal: str
    history: list[Any] = []
    pages: dict[str, Page] = {}


@dataclass
class Board:
    """A whole state in one dataclass."""

    notes: list[Any]
    pair: tuple[Any, ...] = ()


def message(number: int, size: int = 200) -> HumanMessage:
    return HumanMessage(f"{number}: " + random.Random(number).randbytes(size // 2).hex(), id=f"m{number}")


def item(kind: int, number: int) -> Any:
    """Return a new item of one of the kinds of items that lists of a state hold."""
    text = random.Random(number).randbytes(60 + number % 150).hex()
    made: list[Any] = [
        HumanMessage(text, id=f"h{number}"),
        AIMessage(text, id=f"a{number}", tool_calls=[{"name": "look", "args": {"at": [number]}, "id": "c"}]),
        ToolMessage(text * (1 + number % 40), tool_call_id="c"),
        {"number": number, "text": text, "$type": "mine"},
        {"rows": [[text, number / 3], (text, None)]},
        text,
        (number, [text]),
        Note(text, [str(number)]),
        Page(title=text, lines=[text] * (number % 30)),
        bytearray(text, "ascii"),
        {"float": float("nan") if number % 2 else -0.0, "large": 2**60 + number},
        [text] * (number % 90),
        deque([text, number], maxlen=5),
    ]
    return made[kind % len(made)]


def changed_in_place(value: Any, number: int) -> None:
    """Change an item without replacing it, as a node may do."""
    if isinstance(value, (HumanMessage, AIMessage, ToolMessage)):
        value.content = f"edited {number}"
        value.additional_kwargs["edited"] = number
    elif isinstance(value, dict):
        value["edited"] = number
    elif isinstance(value, (list, deque)):
        value.append(number)
    elif isinstance(value, tuple):
        value[1].append(number)
    elif isinstance(value, Note):
        value.tags.append(f"edited {number}")
    elif isinstance(value, Page):
        value.lines.append(f"edited {number}")
    elif isinstance(value, bytearray):
        value += b"edited"


class Same:
    """Compares by text, too: `==` does not tell `True` from 1, a bytearray from bytes, nor a NaN from itself."""

    def __init__(self, value: Any) -> None:
        self._text = repr(value)

    def __eq__(self, other: object) -> bool:
        return self._text == repr(other)

    def __repr__(self) -> str:
        return self._text


def value_of(saver: FileSaver, channel: str = "list") -> Any:
    found = saver.get_tuple(config_of())
    assert found is not None
    return found.checkpoint["channel_values"][channel]


def put_next(saver: FileSaver, **values: Any) -> str:
    checkpoint_id = f"{next(_IDS):08}"
    put(saver, checkpoint_id, values, step=int(checkpoint_id))
    return checkpoint_id


EDITS = st.one_of(
    st.tuples(st.just("append"), st.integers(1, 120), st.integers(0, 12)),
    st.tuples(st.just("trim"), st.integers(0, 300), st.just(0)),
    st.tuples(st.just("insert"), st.integers(0, 1000), st.integers(0, 12)),
    st.tuples(st.just("replace"), st.integers(0, 1000), st.integers(0, 12)),
    st.tuples(st.just("delete"), st.integers(0, 1000), st.just(0)),
    st.tuples(st.just("in place"), st.integers(0, 1000), st.just(0)),
    st.tuples(st.just("resume"), st.just(0), st.just(0)),
    st.tuples(st.just("nothing"), st.just(0), st.just(0)),
)


def edited(items: list[Any], what: str, number: int, kind: int, counter: itertools.count[int]) -> list[Any]:
    """Return the list after an edit; some edits make a new list and some do not, as reducers and nodes do."""
    at = number * len(items) // 1001
    if what == "append":
        return items + [item(kind + number % 2, next(counter)) for _ in range(number)]
    if what == "trim":
        return items[number:]
    if what == "insert":
        items.insert(at, item(kind, next(counter)))
    elif items and what == "replace":
        items[at] = item(kind, next(counter))
    elif items and what == "delete":
        del items[at]
    elif items and what == "in place":
        changed_in_place(items[at], next(counter))
    return items


@pytest.mark.parametrize("kind", LONG_KINDS)
@pytest.mark.parametrize("threshold", [0, 300, 65536])
@given(st.integers(0, 12), st.integers(0, 250), st.lists(EDITS, min_size=1, max_size=6))
@settings(max_examples=25)
def test_any_edits(kind: str, threshold: int, first: int, length: int, edits: list[tuple[str, int, int]]) -> None:
    """After any sequence of edits, put and read by the same saver and by another one, the list is what it is in memory."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(kind, folder)
        saver = home.saver(artifact_threshold_bytes=threshold)
        counter = itertools.count()
        items: list[Any] = [item(first + number % 3, next(counter)) for number in range(length)]
        put_next(saver, list=items)
        for what, number, of_kind in edits:
            if what == "resume":
                items = value_of(saver)
            items = edited(items, what, number, of_kind, counter)
            put_next(saver, list=items)
            assert value_of(saver) == Same(items)
            assert value_of(home.saver()) == Same(items)
        assert_nothing_missing(home)


class Name(str):
    """Text of a type of its own."""

    __slots__ = ()


@dataclass
class Remark:
    """As a note, but another class."""

    text: str
    tags: list[str] = field(default_factory=list)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (1, True), (1, 1.0), (0.0, -0.0), (0, False), ("a", Name("a")), (b"a", bytearray(b"a")), (bytearray(b"a"), b"a"),
        ((1, 2), [1, 2]), ([1, 2], (1, 2)), ([], {}), ({"a": 1, "b": 2}, {"b": 2, "a": 1}), (None, "None"),
        (Note("a"), Remark("a")), (HumanMessage("a"), AIMessage("a")), ({1}, frozenset({1})), (deque([1]), [1]),
        (HumanMessage("a"), HumanMessage("a", name="b")), (Page(title="a"), Page(title="a", lines=[])),
        (float("nan"), float("inf")), ("1", 1), (2**60, 2**60 + 1),
    ],
    ids=repr,
)  # fmt: skip
def test_a_change_of_type_is_seen(home: Home, before: Any, after: Any) -> None:
    """An item of a chunk that the saver remembers is changed in place to what is much the same: the new value is stored."""
    saver = home.saver()
    items = [{"n": "x" * 90, "deep": [{"value": before}]} for _ in range(200)]
    put_next(saver, list=items)
    for at in (0, 50):
        items[at]["deep"][0]["value"] = after  # type: ignore[index]
        put_next(saver, list=items)
        assert value_of(home.saver()) == Same(items)
    assert type(value_of(saver)[50]["deep"][0]["value"]) is type(after)


@pytest.mark.parametrize("length", [100, 1_000, 5_000])
def test_appending_writes_a_chunk_or_two(home: Home, length: int) -> None:
    """Two more messages cost at most 40 KiB of new files, however long the list is, in this process or the next."""
    messages: list[Any] = [message(number) for number in range(length)]
    saver = home.saver()
    put_next(saver, list=messages)
    for round_ in range(12):
        before = files_of(home)
        messages = [*messages, message(length + 2 * round_), message(length + 2 * round_ + 1)]
        put_next(saver if round_ % 3 else home.saver(), list=messages)
        new = {key: data for key, data in files_of(home).items() if key not in before}
        assert sum(map(len, new.values())) <= 40 * 1024
        assert len(new) <= 4
    assert value_of(home.saver()) == messages


@pytest.mark.parametrize("where", [0.0, 0.02, 0.5, 0.9])
@pytest.mark.parametrize("what", ["insert", "replace", "delete", "in place", "trim"])
def test_an_edit_leaves_most_chunks(home: Home, what: str, where: float) -> None:
    """One item put in, changed, taken out, or the list shortened in front: a few chunks are new, all others are kept."""
    saver = home.saver()
    messages: list[Any] = [message(number) for number in range(2_000)]
    put_next(saver, list=messages)
    before = artifacts_of(home)
    assert len(before) > 50
    at = int(where * len(messages))
    if what == "trim":
        messages = messages[7 + at :]
    elif what == "insert":
        messages.insert(at, message(9_999))
    elif what == "delete":
        del messages[at]
    elif what == "replace":
        messages[at] = message(9_999)
    else:
        messages[at].content = "edited"
    put_next(saver, list=messages)
    assert value_of(home.saver()) == messages
    new = artifacts_of(home).keys() - before.keys()
    assert 1 <= len(new) <= 12


def test_the_same_list_is_cut_alike_whoever_writes_it(home: Home) -> None:
    """Where a list is cut is decided by its content: another saver, which remembers nothing, writes no new artifact."""
    saver = home.saver()
    messages: list[Any] = []
    for number in range(300):
        messages = [*messages, message(number)]
        if number % 7 == 0:
            put_next(saver, list=messages)
    put_next(saver, list=messages)
    before = artifacts_of(home)
    put_next(home.saver(), list=copy.deepcopy(messages))
    assert artifacts_of(home) == before


def test_a_tail_is_never_empty(home: Home) -> None:
    """A list that ends where a chunk ended before, which its saver remembers, keeps items in the checkpoint's file."""
    saver = home.saver()
    messages = [message(number) for number in range(200)]
    put_next(saver, list=messages)
    for length in range(len(messages), 40, -1):
        checkpoint_id = put_next(saver, list=messages[:length])
        written = json.loads(checkpoint_text(home, checkpoint_id))["state"]["list"]
        assert written["tail"][-1]["id"] == f"m{length - 1}"


def test_the_last_items_are_in_the_checkpoint(home: Home) -> None:
    """[A7] The newest messages are what a person sees first: they stand in the file itself, below the references."""
    checkpoint_id = put_next(home.saver(), list=[message(number) for number in range(500)])
    written = json.loads(checkpoint_text(home, checkpoint_id))["state"]["list"]
    assert list(written) == ["$list", "tail"]
    assert written["tail"][-1]["id"] == "m499"
    assert all(reference.startswith("artifacts/") and reference.endswith(".json") for reference in written["$list"])


@pytest.mark.parametrize("threshold", [1_000, 65536, 10_000_000])
def test_chunks_are_of_one_size_at_any_threshold(home: Home, threshold: int) -> None:
    """Chunks hold 4 to 9 KiB, whatever the threshold is; a list of 8 KiB is not cut."""
    put_next(home.saver(artifact_threshold_bytes=threshold), list=[message(number) for number in range(1_000)])
    sizes = [len(data) for name, data in artifacts_of(home).items() if name.endswith(".json")]
    assert len(sizes) > 30
    assert SMALLEST <= min(sizes) <= max(sizes) <= LARGEST + 600
    if threshold > 100_000:
        put(home.saver(), "c1", {"list": [message(number) for number in range(24)]}, thread_id="u")
        assert artifacts_of(home, "u") == {}


def test_references_are_cut_again(home: Home) -> None:
    """With ten thousand messages the checkpoint's file is still small: long lists of references are artifacts themselves."""
    saver = home.saver()
    messages = [message(number) for number in range(10_000)]
    checkpoint_id = put_next(saver, list=messages)
    assert len(artifacts_of(home)) > 300
    assert len(checkpoint_text(home, checkpoint_id)) < 20_000
    checkpoint_id = put_next(saver, list=messages[100:])
    assert len(checkpoint_text(home, checkpoint_id)) < 20_000
    assert value_of(home.saver()) == messages[100:]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param([[message(n) for n in range(200)], [[message(n)] * 3 for n in range(200)]], id="lists in lists"),
        pytest.param(tuple(message(n) for n in range(300)), id="tuple"),
        pytest.param(deque((message(n) for n in range(300)), maxlen=400), id="deque"),
        pytest.param({"a": {"b": [tuple(range(n, n + 30)) for n in range(500)]}}, id="deep in dicts"),
        pytest.param(list(range(20_000)), id="integers"),
        pytest.param([number / 7 for number in range(20_000)], id="floats"),
        pytest.param([float("inf"), *(number / 7 for number in range(9_000)), float("nan")], id="special floats"),
        pytest.param([2**60 + number for number in range(3_000)], id="long integers"),
        pytest.param([None, True, False] * 9_000, id="scalars"),
        pytest.param(["x" * 5, "", "ä" * 9] * 3_000, id="texts"),
        pytest.param(["\ud800 broken", "\\"] * 2_000, id="no unicode"),
        pytest.param({"$list": ["mine"] * 5_000, "tail": [1]}, id="a dict like a list"),
        pytest.param({1: [message(n) for n in range(100)], ("a", 2): list(range(9_000))}, id="under other keys"),
        pytest.param(Plan(goal="g", history=[message(n) for n in range(300)]), id="pydantic"),
        pytest.param(Plan(goal="g", pages={f"p{n}": Page(title="t", lines=["l"] * n) for n in range(200)}), id="dict"),
        pytest.param(Board([Note("n" * 90, [str(n)]) for n in range(300)], tuple(range(9_000))), id="dataclass"),
        pytest.param([Board([Plan(goal="g", history=[message(n)] * 20)]) for n in range(30)], id="models in models"),
        pytest.param([message(n, 9_000) for n in range(40)], id="an item is more than a chunk"),
        pytest.param([message(n, 90_000) for n in range(9)], id="an item is more than the threshold"),
        pytest.param([{"n": [message(n, 90_000)]} for n in range(9)], id="a large part of an item"),
    ],
)
@pytest.mark.parametrize("threshold", [0, 65536, None])
def test_long_lists_inside_of_values(home: Home, value: Any, threshold: int | None) -> None:
    """A list is cut wherever it stands, and comes back in its place, of its own type; with None it is not cut at all."""
    saver = home.saver(artifact_threshold_bytes=threshold)
    for _ in range(2):
        put_next(saver, list=value)
        for reader in (saver, home.saver()):
            assert value_of(reader) == Same(value)
            assert type(value_of(reader)) is type(value)
    assert bool(artifacts_of(home)) == (threshold is not None)
    assert_nothing_missing(home)


def test_a_state_in_one_model_profits_too(home: Home) -> None:
    """A pydantic object with a long history costs, for one more message, a few chunks and not all of the history."""
    saver = home.saver()
    plan = Plan(goal="g", history=[message(number) for number in range(2_000)])
    put_next(saver, list=plan)
    before = files_of(home)
    plan = plan.model_copy(update={"history": [*plan.history, message(2_000)]})
    put_next(saver, list=plan)
    assert value_of(home.saver()) == plan
    assert sum(len(data) for key, data in files_of(home).items() if key not in before) <= 40 * 1024


def test_two_tuples_share_no_message(home: Home) -> None:
    """Chunks are read once per call, and yet each checkpoint that `list` yields has messages of its own."""
    saver = home.saver()
    messages = [message(number) for number in range(200)]
    for _ in range(3):
        put_next(saver, list=messages)
    first, second, third = saver.list(config_of())
    for found in (first, second, third):
        given_back = found.checkpoint["channel_values"]["list"]
        assert given_back == messages
        for each in given_back:
            each.content = "changed by the caller"
            each.additional_kwargs["changed"] = True
    assert value_of(saver) == messages
