"""Copies of values that were read: equal to what reading gives, nothing shared, and none of what is not known for certain."""

from __future__ import annotations

import copy
import enum
from collections import OrderedDict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, RemoveMessage, SystemMessage, ToolMessage
from langchain_core.messages.ai import UsageMetadata

from langgraph_filesaver._serde.copying import copier
from tests.serde.same import same

ATOMS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
TREES = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=3), TREES, max_size=3)
MESSAGES = st.one_of(
    st.builds(HumanMessage, content=st.text(max_size=9), id=st.none() | st.text(max_size=3), additional_kwargs=OBJECTS),
    st.builds(HumanMessage, content=st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": st.text()}))),
    st.builds(AIMessage, content=st.text(max_size=9), response_metadata=OBJECTS),
    st.builds(
        AIMessage,
        content=st.text(max_size=9),
        tool_calls=st.lists(st.fixed_dictionaries({"name": st.text(), "args": OBJECTS, "id": st.text()}), max_size=2),
        usage_metadata=st.just(UsageMetadata(input_tokens=1, output_tokens=2, total_tokens=3)),
    ),
    st.builds(ToolMessage, content=st.text(max_size=9), tool_call_id=st.text(), artifact=TREES),
    st.builds(SystemMessage, content=st.text(max_size=9), name=st.text()),
    st.text().map(lambda id_: RemoveMessage(id=id_)),
    st.builds(AIMessageChunk, content=st.text(max_size=9)),
)


def changeable(value: Any) -> dict[int, Any]:
    """Return all objects inside `value` that can be changed, by identity."""
    found: dict[int, Any] = {}
    inner: list[Any] = [value]
    while inner:
        item = inner.pop()
        if isinstance(item, (str, int, float, type(None))):
            continue
        found[id(item)] = item
        if isinstance(item, dict):
            inner += item.values()
        elif isinstance(item, list):
            inner += item
        elif hasattr(item, "__pydantic_fields_set__"):
            inner += [item.__dict__, item.__pydantic_extra__, *item.__dict__.values()]
            found[id(item.__pydantic_fields_set__)] = item.__pydantic_fields_set__
    return found


@given(st.lists(TREES | MESSAGES, max_size=5))
def test_a_copy_is_equal_and_shares_nothing_that_can_be_changed(items: list[Any]) -> None:
    """Copies equal the list in every part and every type, and no two of them, nor the list itself, share an object."""
    make = copier(items)
    assert make is not None
    first, second = make(), make()
    assert same(first, items)
    assert same(second, items)
    for copied, original in zip(first, items, strict=True):
        if isinstance(original, HumanMessage):
            assert copied.__pydantic_fields_set__ == original.__pydantic_fields_set__
    for left, right in ((items, first), (items, second), (first, second)):
        assert not changeable(left).keys() & changeable(right).keys()


def test_a_copy_is_of_the_moment_when_its_maker_was_made() -> None:
    """What the caller does to the list afterwards, or to a copy, is in no later copy."""
    items: list[Any] = [HumanMessage("a", additional_kwargs={"k": [1]}), {"x": {"y": [2]}}, [3], []]
    before = copy.deepcopy(items)
    make = copier(items)
    assert make is not None
    for changed in (items, make()):
        changed[0].content = "b"
        changed[0].additional_kwargs["k"].append(9)
        changed[0].response_metadata["new"] = 1
        changed[0].__pydantic_fields_set__.add("name")
        changed[1]["x"]["y"].append(9)
        changed[2].append(9)
        changed[3].append(9)
        changed.append(9)
        assert same(make(), before)
        assert make()[0].__pydantic_fields_set__ == before[0].__pydantic_fields_set__


class Colour(str, enum.Enum):
    """An enum whose members are strings."""

    RED = "red"


class Own(HumanMessage):
    """A message class of a user's."""


class Text(str):
    """A string that can carry more."""

    __slots__ = ()


@pytest.mark.parametrize(
    "value",
    [
        (1, 2),
        {1, 2},
        b"bytes",
        bytearray(b"bytes"),
        Own(content="a"),
        Text("a"),
        Colour.RED,
        OrderedDict(a=1),
        HumanMessage("a", additional_kwargs={"k": (1,)}),
        HumanMessage("a", more=[1]),
        {(1, 2): 3},
    ],
    ids=repr,
)
def test_what_is_not_known_for_certain_has_no_copier(value: Any) -> None:
    """Any other type, also deep inside and where it is a kind of a known one, is read again instead."""
    assert copier([value]) is None
    assert copier([{"deep": [value]}]) is None


def test_what_is_nested_deeply_has_no_copier() -> None:
    """Deep values are read again rather than copied with a stack as deep."""
    tree: list[Any] = []
    for _ in range(100):
        tree = [tree]
    assert copier(tree) is None
