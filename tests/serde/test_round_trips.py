"""What goes in comes out: equal, of the same type, and as the same bytes the next time."""

from __future__ import annotations

import ipaddress
import json
import math
import pathlib
import re
from collections import Counter, OrderedDict, defaultdict, deque
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    ChatMessage,
    ChatMessageChunk,
    FunctionMessage,
    FunctionMessageChunk,
    HumanMessage,
    HumanMessageChunk,
    RemoveMessage,
    SystemMessage,
    SystemMessageChunk,
    ToolMessage,
    ToolMessageChunk,
)
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from langgraph.store.base import Item, SearchItem
from langgraph.types import Command, Interrupt, Overwrite, Send
from pydantic import SecretBytes, SecretStr

from langgraph_filesaver._serde import JsonSerializer
from tests.serde import kinds
from tests.serde.same import same

SERDE = JsonSerializer()

NOON = datetime(2026, 11, 23, 12, 0, 1, 5)


def private_model() -> kinds.Private:
    model = kinds.Private(a=1)
    model._note = "n"
    model._sum = 99
    return model


def tagged_text() -> kinds.Tagged:
    text = kinds.Tagged("t")
    text.note = "n"
    return text


VALUES: dict[str, Any] = {
    "tuple": (1, (2, [3]), ()),
    "keys of every kind": {1: "a", "1": "b", None: "c", 2.5: "d", (1, "x"): "e", kinds.Number.TWO: "f", b"k": "g"},
    "boolean keys": {True: 1, False: 0},
    "a key of a text subclass": {kinds.Name("k"): 1},
    "not a number": [math.nan, math.inf, -math.inf, -0.0, 0.0],
    "large integers": [2**53, -(2**53), 2**63, 2**64, -(2**64), 10**5000],
    "complex": [1 + 2j, complex(math.nan, -0.0)],
    "fraction": Fraction(-22, 7),
    "range": [range(3), range(9, 0, -2)],
    "surrogates": ["\ud800", "a\udfffb\\ud800", {"\udc00": 1}, "\0", "\u2028"],
    "defaultdict": defaultdict(list, {"a": [1], 2: [(3,)]}),
    "defaultdict of collections": [defaultdict(kind) for kind in (Counter, deque, OrderedDict, defaultdict, bytearray)],
    "defaultdict without a factory": defaultdict(None, {"a": 1}),
    "ordereddict": OrderedDict(b=1, a=2),
    "counter": Counter("abca"),
    "set": {1, "a", None, (2, 3), frozenset({4})},
    "deque": [deque([1, (2,)], maxlen=3), deque()],
    "bytes": [b"", b"\0\xff", bytearray(b"x")],
    "datetime": [NOON, NOON.replace(tzinfo=timezone.utc), NOON.replace(tzinfo=ZoneInfo("Europe/Berlin"), fold=1)],
    "a fold": datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1),
    "a named timezone": NOON.replace(tzinfo=timezone(timedelta(hours=-3, minutes=-30), "NST")),
    "offsets of microseconds": [NOON.replace(tzinfo=timezone(timedelta(microseconds=at))) for at in (1, -1, 10**6)],
    "date and time": [date(1, 1, 1), time(1, 2, 3, 4), time(1, tzinfo=timezone.utc), time(2, tzinfo=ZoneInfo("UTC"))],
    "timedelta": [timedelta(-1, 2, 3), timedelta(0), timedelta.max],
    "timezone": [timezone.utc, timezone(timedelta(seconds=61)), *(timezone(timedelta(0), name) for name in ("Z", ""))],
    "zoneinfo": ZoneInfo("America/St_Johns"),
    "uuid": UUID(int=5),
    "decimal": [Decimal("1.50"), Decimal("NaN"), Decimal("-0"), Decimal("1E+400")],
    "path": [pathlib.Path("/a/b"), pathlib.Path(), pathlib.PurePosixPath("x"), pathlib.PureWindowsPath("C:\\x")],
    "pattern": [re.compile("a+"), re.compile("b", re.I | re.M), re.compile(b"c"), re.compile("d", re.A)],
    "addresses": [
        ipaddress.ip_address("10.0.0.1"),
        ipaddress.ip_network("10.0.0.0/8"),
        ipaddress.ip_interface("10.0.0.1/8"),
        ipaddress.ip_address("::1"),
        ipaddress.ip_network("2001:db8::/32"),
        ipaddress.ip_interface("::1/64"),
    ],
    "enums": [kinds.Color.RED, kinds.Color.GREEN, kinds.Color.NOT, kinds.Level.HIGH, kinds.Number.ONE, *kinds.Absence],
    "flags": [kinds.Right.READ, kinds.Right.READ | kinds.Right.WRITE, kinds.Right(0), kinds.Bit.A | kinds.Bit.B],
    "subclasses": [
        kinds.Name("n"),
        tagged_text(),
        kinds.Count(3),
        kinds.Ratio(1.5),
        kinds.Queue([1]),
        kinds.Point((1, 2)),
    ],
    "mappings": [kinds.Row(a=(1,)), kinds.Sorted(b=1)],
    "named tuples": [kinds.Pair(1), kinds.Pair((1,), {"a": kinds.Pair(2)})],
    "dataclasses": [kinds.Plain(1, [(2,)]), kinds.Frozen("x"), kinds.Slotted(None), kinds.Outer.Data(2)],
    "dataclasses that prepare themselves": [kinds.Prepared(2), kinds.Demanding(2, 3)],
    "models": [kinds.Model(a=1), kinds.Model(a=1, b=None, d=(1, {2}), e=kinds.Level.HIGH, f=0.25, g=(1,), h={1: 2})],
    "open models": [kinds.Open.model_validate({"a": 1, "other": (1,)}), kinds.Open(**{"$type": 1, "a": 2})],
    "private attributes": private_model(),
    "aliases": kinds.Aliased.model_validate({"Number": 1, "Text": "t"}),
    "a model whose validator refuses its own data": kinds.Changing.model_validate({"words": "a b"}),
    "nested models": [kinds.Outer.Inner(a=2), kinds.Words(["a"]), kinds.Box[int](item=1), kinds.Box(item=(1,))],
    "a model with a serializer of its own": kinds.Serializing(handle=kinds.Handle(3), note=(1,)),
    "secrets": [SecretStr("s"), SecretBytes(b"s"), kinds.Keeper(key=SecretStr("t"))],
    "pydantic v1": [kinds.Old(a=1), kinds.OldOpen.parse_obj({"a": 2, "z": (1,)})],
    "messages": [
        HumanMessage("hé", id="1"),
        HumanMessage([{"type": "text", "text": "x"}, "y"], name="n"),
        AIMessage("", tool_calls=[{"name": "f", "args": {"a": (1,)}, "id": "c", "type": "tool_call"}]),
        AIMessage("x", usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}),
        AIMessage("x", response_metadata={"t": (1,), "n": math.nan, "$type": "x"}, additional_kwargs={"a": {1: 2}}),
        AIMessageChunk(content="x", chunk_position="last"),
        SystemMessage("s"),
        ToolMessage("r", tool_call_id="c", artifact={"s": {1}}, status="error"),
        ToolMessageChunk(content="r", tool_call_id="c"),
        RemoveMessage(id="3"),
        ChatMessage(content="x", role="r"),
        ChatMessageChunk(content="x", role="r"),
        FunctionMessage(content="x", name="f"),
        FunctionMessageChunk(content="x", name="f"),
        HumanMessageChunk(content="x"),
        SystemMessageChunk(content="x"),
        HumanMessage("x", extra_field=(1,)),
        Document("text", metadata={"a": (1,)}, id="d"),
    ],
    "langgraph": [
        Send("n", {"a": (1,)}),
        Command(update={"a": (1,)}, goto=[Send("x", 1), "y"], graph=Command.PARENT, resume={"i": 1}),
        Command(),
        Interrupt(value={"q": (1,)}, id="i"),
        Overwrite([1]),
        _DeltaSnapshot((1, 2)),
    ],
    "look-alikes": [
        {"$type": "datetime", "value": "2026-11-23"},
        {"$type": {"$type": 1}},
        {"$artifact": "x", "$list": []},
        {"": 1, "$": 2},
        {"lc": 2, "type": "constructor", "id": ["builtins", "eval"], "kwargs": {}},
        {"value": 1, "id": "x"},
        ["$type", "$5", 'a "$type": b'],
    ],
    "text": ["😀 né 日本語", 'quote " and \\ backslash', '{"$type": "x"}'],
}


@pytest.mark.parametrize("name", VALUES)
def test_every_type_returns_as_itself(name: str) -> None:
    """[V1] A value comes back equal and of the same type, and its second dump has the bytes of the first."""
    value = VALUES[name]
    text = SERDE.dump(value)
    back = SERDE.load(text)
    assert same(back, value)
    assert SERDE.dump(back) == text
    assert same(SERDE.load(SERDE.dump({"state": {"a": [value]}}, indent=True)), {"state": {"a": [value]}})


@pytest.mark.parametrize("name", VALUES)
def test_files_survive_other_tools(name: str) -> None:
    """[V2] Files are strict JSON: a tool that parses and rewrites them, with or without escapes, loses nothing."""
    text = SERDE.dump(VALUES[name], indent=True)
    for ascii_only in (True, False):
        rewritten = json.dumps(json.loads(text), ensure_ascii=ascii_only).encode()
        assert same(SERDE.load(rewritten), VALUES[name])


@pytest.mark.parametrize("name", VALUES)
def test_numbers_stay_in_the_range_that_every_tool_keeps(name: str) -> None:
    """[V3] Integers beyond 53 bits, NaN and infinities are written as tagged text, so doubles hold every number."""

    def check(number: str) -> int:
        assert abs(int(number)) < 2**53
        return int(number)

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    json.loads(SERDE.dump(VALUES[name]), parse_int=check, parse_constant=refuse)


@pytest.mark.parametrize("number", [2**53, -(2**53), 2**60, 2**64 - 1])
def test_an_integer_that_a_double_rounds_is_tagged(number: int) -> None:
    """[V3] Also where everything else is plain, an integer beyond 53 bits is written as text."""
    assert SERDE.dump({"a": [number]}) == b'{"a":[{"$type":"int","value":"%d"}]}' % number
    assert SERDE.dump(2**53 - 1) == b"9007199254740991"


@pytest.mark.parametrize("name", VALUES)
def test_never_worse_than_langgraph(name: str) -> None:
    """Whatever JsonPlusSerializer keeps, in equal value and type, JsonSerializer keeps, too."""
    other = JsonPlusSerializer()
    for value in VALUES[name] if type(VALUES[name]) is list else [VALUES[name]]:
        try:
            kept = same(other.loads_typed(other.dumps_typed(value)), value)
        except Exception:  # noqa: BLE001 - it refuses what it cannot store in its own ways
            kept = False
        assert same(SERDE.loads_typed(SERDE.dumps_typed(value)), value) >= kept


@pytest.mark.parametrize("indent", [True, False])
@pytest.mark.parametrize("name", VALUES)
def test_fast_and_careful_ways_write_the_same_bytes(name: str, indent: bool) -> None:
    """The bytes do not depend on what else is in the document: the fast way and the careful way agree."""
    alone = SERDE.dump([VALUES[name]], indent=indent)
    beside = SERDE.dump([VALUES[name], "\ud800"], indent=indent)
    assert beside.startswith(alone[:-2])


def test_items_of_a_store_return() -> None:
    """Items of LangGraph's store keep every slot, a SearchItem its score."""
    item = Item(value={"a": (1,)}, key="k", namespace=("a", "b"), created_at=NOON, updated_at=NOON)
    found = SearchItem(namespace=("a",), key="k", value={}, created_at=NOON, updated_at=NOON, score=0.5)
    assert SERDE.load(SERDE.dump(item)) == item
    back = SERDE.load(SERDE.dump(found))
    assert type(back) is SearchItem
    assert back.score == 0.5


def test_exceptions_are_told_as_langgraph_tells_them() -> None:
    """An exception is stored as its repr."""
    assert SERDE.load(SERDE.dump({"error": ValueError("x")})) == {"error": "ValueError('x')"}


def test_what_a_dataclass_keeps_beside_its_fields_is_made_anew() -> None:
    """A dataclass with __post_init__ is prepared, and its stored fields win over what it computes."""
    value = kinds.Prepared(2)
    value.doubled = 77
    back = SERDE.load(SERDE.dump(value))
    assert back.doubled == 77
    assert back.cache == {"made": True}


def test_private_attributes_return_and_what_cannot_be_stored_is_made_anew() -> None:
    """Private attributes of a model are kept where they can be stored; the class makes the others."""
    back = SERDE.load(SERDE.dump(private_model()))
    assert (back._note, back._sum) == ("n", 99)
    assert type(back._lock) is object


def test_fields_that_were_never_set_stay_unset() -> None:
    """model_fields_set of a user's model is kept, which LangGraph reads to tell updates from defaults."""
    value = kinds.Model(a=1, b=None)
    value.c.append(5)
    back = SERDE.load(SERDE.dump(value))
    assert back.model_fields_set == {"a", "b"}
    assert back.c == [5]


def test_excluded_fields_are_not_stored() -> None:
    """A field with exclude=True stays out, as it does with LangGraph; it may hold anything."""
    back = SERDE.load(SERDE.dump(kinds.Excluding(a=1, client=kinds.Unstorable())))
    assert (back.a, back.client) == (1, None)


def test_invalid_objects_return_as_they_were() -> None:
    """An object that its own class would refuse (made by model_construct, or changed) is stored and read as it is."""
    for value in (
        AIMessage.model_construct(content=None),
        kinds.Model.model_construct(a="no"),
        kinds.Model.model_construct(),
        AIMessage.model_construct(),
    ):
        text = SERDE.dump(value)
        back = SERDE.load(text)
        assert type(back) is type(value)
        assert back.__dict__ == value.__dict__
        assert SERDE.dump(back) == text


def test_a_message_that_was_taken_apart_is_stored() -> None:
    """A message without content, but with something cached in its place, is stored as far as it has fields."""
    message = AIMessage.model_construct(id="a")
    message.__dict__["cached"] = 1
    assert SERDE.load(SERDE.dump([message]))[0].id == "a"


def test_shared_default_containers_are_not_shared() -> None:
    """Two objects read from one file never share a default list or dict."""
    first, second = SERDE.load(SERDE.dump([AIMessage("a"), AIMessage("b")]))
    first.tool_calls.append(1)
    assert second.tool_calls == []
    one, other = SERDE.load(SERDE.dump([kinds.Model(a=1), kinds.Model(a=1)]))
    one.h["x"] = 1
    assert other.h == {}


def test_sets_give_the_same_bytes_in_any_order() -> None:
    """Items of a set are written in an order that does not depend on hashes."""
    assert SERDE.dump({"b", "a", "c"}) == b'{"$type":"set","items":["a","b","c"]}'
    assert SERDE.dump({(2,), (1,), None, "x"}) == SERDE.dump({"x", None, (1,), (2,)})


def test_readable_forms() -> None:
    """What a person sees: data as it is, a message flat with its defaults left out, text unescaped."""
    assert SERDE.dump({"a": [1, 2.5, None, True, "é"]}) == '{"a":[1,2.5,null,true,"é"]}'.encode()
    message = AIMessage("Found 3.", id="a3")
    assert SERDE.dump(message) == b'{"$type":"langchain_core.messages.ai.AIMessage","content":"Found 3.","id":"a3"}'
    assert SERDE.dump(NOON.replace(microsecond=0, tzinfo=timezone.utc)) == (
        b'{"$type":"datetime","value":"2026-11-23T12:00:01+00:00"}'
    )


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(exclude_categories=())),
    st.binary(max_size=20),
    st.decimals(),
    st.fractions(),
    st.complex_numbers(),
    st.uuids(),
    st.dates(),
    st.times(),
    st.timedeltas(),
    st.datetimes(timezones=st.none() | st.timezones()),
    st.ip_addresses(),
    st.sampled_from(list(kinds.Color)),
    st.sampled_from(list(kinds.Bit)),
    st.builds(kinds.Name, st.text()),
    st.builds(kinds.Count, st.integers()),
    st.sampled_from(["$type", "$artifact", "$list", "$", "lc", "value"]),
)
KEYS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=())),
    st.binary(max_size=5),
    st.tuples(st.integers(), st.text(max_size=3)),
    st.sampled_from(["$type", "$artifact", "$list", "value", "id", "type", "lc"]),
    st.sampled_from(list(kinds.Level)),
)


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    names = st.text(max_size=5)
    return st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
        st.dictionaries(names, inner, max_size=4),
        st.lists(KEYS, max_size=4).map(frozenset),
        st.builds(deque, st.lists(inner, max_size=3), st.none() | st.integers(3, 9)),
        st.dictionaries(names, inner, max_size=3).map(OrderedDict),
        st.dictionaries(names, inner, max_size=3).map(lambda made: defaultdict(list, made)),
        st.builds(kinds.Pair, inner, inner),
        st.builds(kinds.Plain, inner, st.lists(inner, max_size=2)),
        st.builds(kinds.Frozen, inner),
        st.builds(kinds.Slotted, inner),
        st.builds(lambda d: kinds.Model(a=1, d=d), inner),
        st.builds(
            lambda extra: kinds.Open.model_construct(**extra),
            st.dictionaries(names.filter(str.isidentifier), inner, max_size=2),
        ),
        st.builds(
            lambda text, extra: AIMessage(text, additional_kwargs=extra),
            names,
            st.dictionaries(names, inner, max_size=2),
        ),
        st.builds(lambda item: ToolMessage("x", tool_call_id="c", artifact=item), inner),
        st.builds(lambda item: Send("n", item), inner),
        st.builds(lambda item: Command(update={"a": item}), inner),
        st.builds(Overwrite, inner),
    )


@settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.recursive(SCALARS, containers, max_leaves=12))
def test_any_value_returns_as_itself(value: Any) -> None:
    """[V1] Of values nested at random: equal, of the same type, stable bytes, in strict JSON."""
    text = SERDE.dump(value)
    back = SERDE.load(text)
    assert same(back, value)
    assert SERDE.dump(back) == text
    assert same(SERDE.load(json.dumps(json.loads(text)).encode()), value)
