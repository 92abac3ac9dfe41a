"""[V5] Deep values: a clear error in both directions, whatever the interpreter's own limit on recursion."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from langchain_core.messages import AIMessage
from pydantic import BaseModel, PrivateAttr

from langgraph_filesaver import JsonSerializer
from langgraph_filesaver.errors import CorruptDataError, SerializationError
from tests.serde import kinds

SERDE = JsonSerializer()


class Node(BaseModel):
    children: list[Node] = []
    _parent: Any = PrivateAttr(default=None)


WRAPS: dict[str, Callable[[Any], Any]] = {
    "list": lambda value: [value],
    "dict": lambda value: {"a": value},
    "odd keys": lambda value: {1: value},
    "tuple": lambda value: (value,),
    "deque": lambda value: deque([value]),
    "ordereddict": lambda value: OrderedDict(a=value),
    "exception": ValueError,
    "dataclass": kinds.Plain,
    "named tuple": kinds.Pair,
    "subclass": lambda value: kinds.Queue([value]),
    "model": lambda value: kinds.Model.model_construct(a=1, d=value),
    "message": lambda value: AIMessage.model_construct(content="", additional_kwargs={"a": value}),
    "array": lambda value: np.array([value, None], dtype=object),
}

RAISED = """
import os, sys
from tests.serde.test_depth import WRAPS, SERDE, nested
from langgraph_filesaver.errors import CorruptDataError, SerializationError

sys.setrecursionlimit(1_000_000)
for name in WRAPS:
    for depth in (100, 160, 250, 330, 500, 700, 1000, 20_000):
        try:
            print(SERDE.dump(nested(WRAPS[name], depth)).decode())
        except SerializationError as error:
            assert "nested too deeply" in str(error), error
            assert depth > 100
for opening in (b"[", b'{"a":', b'{"$type":"tuple","items":[', b'{"$type":"gone","items":[', b"[" + b"1" * 400 + b",["):
    try:
        SERDE.load(opening * 100_000)
        raise AssertionError
    except CorruptDataError as error:
        assert "1024" in str(error), error
sys.stdout.flush()
os._exit(0)  # freeing such values is no matter of ours
"""


def nested(wrap: Callable[[Any], Any], depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = wrap(value)
    return value


def test_a_raised_recursion_limit_ends_no_process_and_writes_nothing_unreadable() -> None:
    """[V5] With a limit of a million, too deep is the same error, and what is written can be read without that limit."""
    ended = subprocess.run([sys.executable, "-c", RAISED], capture_output=True, timeout=120)
    assert ended.returncode == 0, ended.stderr[-2000:]
    texts = ended.stdout.splitlines()
    assert len(texts) > len(WRAPS)
    for text in texts:
        SERDE.load(text)
        SERDE.load(b"[" * 8 + text + b"]" * 8)  # as deep as it stands in a document


@pytest.mark.parametrize("depth", [100, 600, 2_000])
def test_deep_private_attributes_are_kept_or_refused(depth: int) -> None:
    """[V8] A private attribute that is too deep to be stored is refused, and not left out as one of a strange type is."""
    node = Node()
    node._parent = nested(WRAPS["tuple"], depth)
    if depth > 100:
        with pytest.raises(SerializationError, match="nested too deeply"):
            SERDE.dump([node])
    else:
        assert SERDE.load(SERDE.dump([node]))[0]._parent == node._parent


def test_private_attributes_that_lead_back_are_left_out() -> None:
    """A child's private reference to its parent holds the child itself: it is left out, and the rest is stored once."""
    parent = Node(children=[Node(), Node(), Node(children=[Node()])])
    for child in parent.children:
        child._parent = parent
    text = SERDE.dump({"state": parent})
    assert json.loads(text)["state"] == {
        "$type": "tests.serde.test_depth.Node",
        "children": [
            {"$type": "tests.serde.test_depth.Node"},
            {"$type": "tests.serde.test_depth.Node"},
            {
                "$type": "tests.serde.test_depth.Node",
                "children": [{"$type": "tests.serde.test_depth.Node"}],
            },
        ],
    }


def test_an_exception_that_holds_itself_has_an_end() -> None:
    """An exception is told by its repr, which ends where a list holds itself, however often."""
    rows: list[Any] = [1]
    rows += [rows, rows]
    assert SERDE.load(SERDE.dump(ValueError(rows))) == "ValueError([1, [...], [...]])"


@pytest.mark.parametrize("depth", [50, 2_000])
def test_a_deep_set_is_sorted_or_refused(depth: int) -> None:
    """[V5] Sets inside sets are sorted by their JSON, and refused where they are too deep for that."""
    value: Any = frozenset([1])
    for _ in range(depth):
        value = frozenset([value, 2])
    if depth > 50:
        with pytest.raises(SerializationError, match="nested too deeply"):
            SERDE.dump(value)
    else:
        assert SERDE.load(SERDE.dump(value)) == value


def test_an_endless_integer_hides_no_depth() -> None:
    """[V5] A number that only Python's own parser reads does not make it read what is nested too deeply."""
    with pytest.raises(CorruptDataError, match="1024"):
        SERDE.parse(b"[" + b"1" * 400 + b"," + b"[" * 5_000)
    assert SERDE.parse(b"[" + b"1" * 400 + b',{"a":[' + b"2" * 400 + b"]}]") == [
        int("1" * 400),
        {"a": [int("2" * 400)]},
    ]
