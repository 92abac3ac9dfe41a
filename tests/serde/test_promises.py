"""What the serializer promises as a whole: every type in every holder, what a person reads, what no file can reach."""

from __future__ import annotations

import dataclasses
import enum
import json
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import types
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from ipaddress import ip_address
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from langgraph.store.base import Item
from langgraph.types import Command, Interrupt, Overwrite, Send
from pydantic import BaseModel, HttpUrl, SecretStr

from langgraph_filesaver import FileSaver, JsonSerializer
from langgraph_filesaver._serde import UnrevivedDict
from langgraph_filesaver.errors import CorruptDataError, SerializationError
from tests.checkpoints import config_of, put
from tests.serde import kinds, loaded
from tests.serde.same import same
from tests.serde.test_round_trips import SCALARS, VALUES, containers
from tests.stores import Home

SERDE = JsonSerializer()
NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)


class Signal(str):  # noqa: SLOT000 - as users write them
    heard: list[Any] = []  # noqa: RUF012 - the mark that a test looks for

    @property
    def volume(self) -> int:
        return 0

    @volume.setter
    def volume(self, value: int) -> None:
        self.heard.append(value)


class Word(enum.Enum):
    KNOWN = "known"

    @classmethod
    def _missing_(cls, value: object) -> Any:
        made: Any = object.__new__(cls)
        made._value_, made._name_ = value, "UNKNOWN"
        return made


class Linked(BaseModel):
    page: HttpUrl


def alike(left: Any, right: Any) -> bool:
    """As `same`, also for arrays and frames inside what holds them."""
    if type(left) is not type(right):
        return False
    if isinstance(left, (np.ndarray, np.generic)):
        left, right = ([item.dtype, item.shape, item.flags.f_contiguous, repr(item.tolist())] for item in (left, right))
        return bool(left == right)
    if isinstance(left, (pd.DataFrame, pl.DataFrame)):
        return bool(left.equals(right)) and list(left.dtypes) == list(right.dtypes)
    if type(left) in (dict, OrderedDict):
        return same(list(left), list(right)) and all(map(alike, left.values(), right.values()))
    if type(left) in (list, tuple, deque):
        return len(left) == len(right) and all(map(alike, left, right))
    if isinstance(left, (BaseModel, Send)) or dataclasses.is_dataclass(left):
        names: Any = [*getattr(left, "__dict__", ())] or vars(type(left))["__slots__"]
        return all(alike(getattr(left, name), getattr(right, name)) for name in names)
    return same(left, right)


def returns(value: Any) -> None:
    text = SERDE.dump(value)
    back = SERDE.load(text)
    assert alike(back, value)
    assert SERDE.dump(back) == text
    assert alike(SERDE.load(json.dumps(json.loads(text)).encode()), value)


NUMBERS = st.lists(st.floats(width=32), max_size=5)
OTHERS = st.one_of(
    st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(timezone),
    st.timezones(),
    st.builds(range, st.integers(-9, 9), st.integers(), st.integers(1, 9)),
    st.text("ab/._ é", max_size=9).map(pathlib.Path),
    st.text(max_size=5).map(lambda text: re.compile(re.escape(text), re.I)),
    st.binary(max_size=9).map(bytearray),
    st.lists(st.text(max_size=2), max_size=9).map(Counter),
    st.sampled_from([*kinds.Right, *kinds.Level, *kinds.Number, kinds.Right(0), kinds.Right(3)]),
    st.lists(st.integers(), max_size=3).map(lambda items: kinds.Point(tuple(items))),
    NUMBERS.flatmap(lambda numbers: st.sampled_from(["<f8", ">f4", "O"]).map(lambda kind: np.array(numbers, kind))),
    st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=1).map(lambda rows: np.array(rows, order="F")),
    st.floats(width=32).map(np.float32) | st.integers(-(2**63), 2**63 - 1).map(np.int64),
    NUMBERS.map(lambda numbers: pd.DataFrame({"n": numbers, "o": pd.Series([(at,) for at in numbers], dtype=object)})),
    st.lists(st.integers(-9, 9) | st.none(), min_size=1).map(lambda numbers: pl.DataFrame({"$type": numbers})),
    st.text(max_size=5).map(lambda text: AIMessageChunk(content=text, id="1")),
    st.text(max_size=5).map(lambda text: Document(text, metadata={text: (text,)})),
    st.text(max_size=5).map(SecretStr) | st.integers().map(lambda number: kinds.Old(a=number)),
)


def holders(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        containers(SCALARS),
        *(st.lists(inner, max_size=4).map(kind) for kind in (list, tuple, deque)),
        st.dictionaries(st.text(max_size=3), inner, max_size=3),
        st.dictionaries(st.integers() | st.text(max_size=3), inner, max_size=3).map(OrderedDict),
        st.builds(kinds.Plain, inner),
        st.builds(lambda item: kinds.Model(a=1, d=item), inner),
        st.builds(lambda item: AIMessage("x", additional_kwargs={"a": item}), inner),
        st.builds(lambda item: ToolMessage("x", tool_call_id="c", artifact=item), inner),
        st.builds(lambda item: Send("n", item), inner),
        st.builds(lambda item: Command(update={"a": item}, resume=item), inner),
        st.builds(Overwrite, inner),
    )


@settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.recursive(SCALARS | OTHERS, holders, max_leaves=8))
def test_values_of_every_library_return_from_any_holder(value: Any) -> None:
    """[V1] Zones, paths, patterns, arrays, frames, chunks and documents, nested at random, return with stable bytes."""
    returns(value)


HASHABLE: list[Any] = [
    *(None, True, 2**70, -0.0, 1 + 2j, "\ud800", "$type", b"x", Fraction(1, 2), Decimal("1.50"), range(3), NOON),
    *(date(2026, 1, 1), time(1), timedelta(1), timezone.utc, ZoneInfo("UTC"), re.compile("a"), pathlib.Path("/a")),
    *(UUID(int=1), ip_address("::1"), frozenset({1, "a", (2,)}), (kinds.Level.LOW, (None,)), np.int64(3), np.str_("q")),
    *(
        kinds.Frozen("x"),
        kinds.Pair(1, kinds.Color.GREEN),
        kinds.Name("n"),
        kinds.Point((1,)),
        kinds.Level.LOW,
        kinds.Right(3),
    ),
]


@pytest.mark.parametrize("at", range(len(HASHABLE)))
def test_a_key_of_any_type_returns_from_any_mapping(at: int) -> None:
    """[V1] A dict key or an item of a set, whatever its type and wherever the collection is, stays what it is."""
    key = HASHABLE[at]
    held: tuple[Any, ...] = (
        *({key: {key: (key,)}}, [{key}, frozenset({(key, 1)})], OrderedDict([(key, [key])]), Counter({key: 2})),
        *(defaultdict(list, {key: [key]}), kinds.Model(a=1, d={key}, h={key: 1}), kinds.Row({key: 1})),
        *(kinds.Plain({key: kinds.Slotted({key: 1})}), AIMessage("x", additional_kwargs={"a": {key: key}})),
        Command(update={key: 1}, goto=[Send("n", {key: key})]),
    )
    for holder in held:
        returns(holder)


LOOK_ALIKES: list[dict[str, Any]] = [
    {"$type": "langgraph.types.Interrupt", "value": 1, "id": "x"},
    {"$type": "dict", "items": [[1, 2]]},
    {"a": 1, "$type": "tuple"},
    {"$artifact": "a", "$list": [1]},
    {"$value": 1, "$name": "x", "$unset": [], "$dump": 1, "$extra": {}, "$private": {}, "$attributes": {}},
    {"lc": 1, "type": "constructor", "id": ["langchain_core", "messages", "AIMessage"], "kwargs": {}},
    {"value": 1, "id": "x", "type": "ai", "content": "x"},
    {"base64": "eA==", "$serde": "json"},
]


@pytest.mark.parametrize("at", range(len(LOOK_ALIKES)))
def test_a_look_alike_is_a_dict_in_any_holder(at: int) -> None:
    """[V1] A user's dict with keys that we, LangGraph or LangChain use returns as that dict, wherever it is."""
    like: Any = LOOK_ALIKES[at]
    held: tuple[Any, ...] = (
        *({"x": [like]}, (like, {1: like}), deque([like]), defaultdict(dict, like), OrderedDict(like), kinds.Row(like)),
        *(kinds.Plain(like), kinds.Model(a=1, d=like, h={"q": [like]}), kinds.Open.model_construct(**like)),
        *(kinds.OldOpen.construct(**like), kinds.Box(item=like), kinds.Words.model_construct(root=[like])),
        *(
            AIMessage([like], response_metadata=like),
            ToolMessage("", tool_call_id="c", artifact=like),
            Document("", metadata=like),
        ),
        AIMessage("", tool_calls=[{"name": "f", "args": like, "id": "1", "type": "tool_call"}]),
        *(Send("n", like), Command(update=like, resume=like), Interrupt(like), Overwrite(like), _DeltaSnapshot(like)),
        Item(value=like, key="k", namespace=("a",), created_at=NOON, updated_at=NOON),
    )
    for holder in held:
        returns([holder])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("né 日本 😀", '"né 日本 😀"'),
        (b"\0\xff", '{"$type":"bytes","base64":"AP8="}'),
        (kinds.Level.HIGH, '{"$type":"tests.serde.kinds.Level","$value":"high"}'),
        (kinds.Plain("q", [2]), '{"$type":"tests.serde.kinds.Plain","x":"q","y":[2]}'),
        (kinds.Model(f=0.25, b="q", a=1), '{"$type":"tests.serde.kinds.Model","a":1,"b":"q","f":0.25}'),
        (
            ToolMessage("r", id="i", name="n", tool_call_id="c"),
            '{"$type":"langchain_core.messages.tool.ToolMessage","content":"r","name":"n","id":"i","tool_call_id":"c"}',
        ),
    ],
)
def test_values_read_like_the_data(value: Any, text: str) -> None:
    """Text stays text, bytes are base64, an enum its value, objects their fields in the order of declaration."""
    assert SERDE.dump(value) == text.encode()


def test_it_is_the_serializer_of_a_saver_and_its_json_is_not_wrapped(home: Home) -> None:
    """A FileSaver uses it by default, and the values stand in the checkpoint as JSON, not as a string in JSON."""
    saver = home.saver()
    assert (type(saver.serde), JsonSerializer.__base__) == (JsonSerializer, JsonPlusSerializer)
    put(saver, "1", {"ask": HumanMessage("é", id="h"), "rows": [1, {"a": None}]})
    (key,) = (key for key in home.files() if key.endswith("/1.json"))
    state = json.loads(home.store().read(key) or b"")["state"]
    assert state["ask"] == {"$type": "langchain_core.messages.human.HumanMessage", "content": "é", "id": "h"}
    assert state["rows"] == [1, {"a": None}]


@pytest.mark.skipif(not shutil.which("jq"), reason="jq is not installed")
def test_jq_rewrites_files_without_loss() -> None:
    """[V2] What jq parses and writes again holds every value; before 1.7 it drops the fraction of a whole float."""
    values = {name: value for name, value in VALUES.items() if name not in {"not a number", "complex"}}
    text = SERDE.dump(values, indent=True)
    rewritten = subprocess.run(["jq", "-c", "."], input=text, capture_output=True, check=True, timeout=60).stdout
    assert same(SERDE.load(rewritten), values)


REWRITE = """
import sys
from langgraph_filesaver import JsonSerializer

serde = JsonSerializer()
value = serde.load(sys.stdin.buffer.read())
assert not any(name.split(".")[0] == "tests" for name in sys.modules)
sys.stdout.buffer.write(serde.dump(value, indent=True))
"""


def test_another_process_without_the_classes_rewrites_a_file_byte_by_byte(tmp_path: pathlib.Path) -> None:
    """[V23] Known tags around unknown ones: a process that never imported the user's classes destroys no type."""
    values = {name: value for name, value in VALUES.items() if name != "keys of every kind"}
    values["around"] = AIMessage("x", additional_kwargs={"a": (kinds.Level.LOW, {kinds.Level.LOW: kinds.Plain(1)})})
    text = SERDE.dump(values, indent=True)
    command = [sys.executable, "-c", REWRITE]
    assert (
        subprocess.run(command, input=text, stdout=subprocess.PIPE, check=True, timeout=120, cwd=tmp_path).stdout
        == text
    )


@pytest.mark.parametrize(
    "value",
    [
        {kinds.Level.LOW: {kinds.Name("n")}},
        {kinds.Number.ONE},
        {kinds.Color.RED, "red"},
        {kinds.Color.RED: 1, "red": 2},
        Counter([(kinds.Frozen(1), kinds.Count(3))]),
    ],
)
def test_unknown_types_among_keys_and_items_of_sets_are_kept(value: Any) -> None:
    """[V23] Also as a dict key or in a set, a value whose type cannot be revived is readable and written back unchanged."""
    text = SERDE.dump(value).replace(b'"tests.serde.kinds.', b'"gone.')
    assert SERDE.dump(SERDE.load(text)) == text


NANS = (float("nan"), float("nan"))


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({*NANS}, id="NaNs"),
        pytest.param({(NANS[0],): 1, (NANS[1],): 2}, id="keys with NaN"),
        pytest.param(np.bytes_(b""), id="empty bytes of numpy"),
        pytest.param(Word("unheard of"), id="a member made by _missing_"),
        pytest.param(loaded.Stair.FIRST | loaded.Stair.SECOND, id="flags with a class of their own"),
        pytest.param(loaded.Switch(1) | loaded.Switch.ON, id="a flag"),
        pytest.param(Linked(page=HttpUrl("http://a.b/")), id="a URL"),
    ],
)
def test_what_is_accepted_is_read_back(value: Any) -> None:
    """[V1] A value is either refused when written, or read back equal, of its type, with the same bytes."""
    try:
        text = SERDE.dump(value)
    except SerializationError:
        return
    back = SERDE.load(text)
    assert type(back) is type(value)
    assert SERDE.dump(back) == text
    assert repr(back) == repr(value)


DEEP: list[Callable[[Any], Any]] = [
    *(kinds.Plain, kinds.Slotted, kinds.Pair, ValueError),
    *(lambda value: kinds.Model.model_construct(a=1, d=value), lambda value: kinds.Row(a=value)),
    *(lambda value: deque([value]), lambda value: kinds.Queue([value]), lambda value: Send("n", value)),
]


@pytest.mark.parametrize("at", range(len(DEEP)))
def test_deep_objects_are_a_clear_error(at: int) -> None:
    """[V5] Ten thousand levels of objects, not only of lists, are refused, without a crash."""
    value: Any = 1
    for _ in range(10_000):
        value = DEEP[at](value)
    with pytest.raises(SerializationError, match="nested too deeply"):
        SERDE.dump({"state": value})


@pytest.mark.parametrize("name", ["os.system", "tests.serde.loaded.call", "tests.serde.canary.alarm.call"])
def test_of_repeated_keys_the_last_counts_and_nothing_runs(name: str) -> None:
    """A tag given twice is the one that stands last: hiding a name behind another one neither calls nor imports it."""
    loaded.calls.clear()
    forged = f'{{"$type":"tuple","$type":"{name}","items":["x"],"items":["y"]}}'.encode()
    value = SERDE.load(forged)
    assert (type(value), value.tag, value) == (UnrevivedDict, name, {"items": ["y"]})
    assert SERDE.load(f'{{"$type":"{name}","items":["x"],"$type":"tuple"}}'.encode()) == ("x",)
    assert loaded.calls == []
    assert "tests.serde.canary.alarm" not in sys.modules


def test_references_in_a_circle_are_a_clear_error() -> None:
    """References that lead back to themselves raise our error, not RecursionError."""
    documents = {"a": {"x": [{"$artifact": "b"}]}, "b": [{"$artifact": "a"}]}
    with pytest.raises(CorruptDataError):
        SERDE.revive(documents["b"], references=lambda raw, decoder: decoder.value(documents[raw["$artifact"]]))


def test_attributes_of_a_subclass_run_no_property() -> None:
    """[V22] What a file lists under `$attributes` never runs a property of the class."""
    Signal.heard.clear()
    SERDE.load(b'{"$type":"tests.serde.test_promises.Signal","$value":"x","$attributes":{"volume":5}}')
    assert Signal.heard == []


def test_a_name_asks_no_module_that_answers_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """[V20] A module's own `__getattr__` is not called for a name in a file."""
    asked: list[str] = []
    module = types.ModuleType("speaking")
    module.__dict__["__getattr__"] = asked.append
    monkeypatch.setitem(sys.modules, "speaking", module)
    SERDE.load(b'{"$type":"speaking.part.Thing","a":1}')
    assert asked == []


def test_a_put_that_is_refused_names_channel_and_path_and_writes_nothing(saver: FileSaver, home: Home) -> None:
    """[V8] The error of a `put` leads to the value, names its type and says what to do; the store has no new file."""
    with socket.socket() as owner, pytest.raises(SerializationError) as found:
        put(saver, "1", {"good": 1, "rows": [1, 2, 3, kinds.Plain(owner)]})
    assert (found.value.where, found.value.type_name) == ('state["rows"][3].x', "socket.socket")
    assert "Keep it out of the state" in str(found.value)
    assert home.files() == set()


def test_a_write_that_is_refused_names_its_channel(saver: FileSaver) -> None:
    """[V8] The error of `put_writes` names the channel of the write that cannot be stored."""
    with pytest.raises(SerializationError, match="gate"):
        saver.put_writes(config_of("t", "", "1"), [("good", 1), ("gate", [kinds.Unstorable()])], "task")


def test_the_path_leads_through_a_key_that_is_none() -> None:
    """[V8] A key of None is a step of the path like any other."""
    with pytest.raises(SerializationError, match=r'^state\["a"\]\[None\]'):
        SERDE.dump({"state": {"a": {None: kinds.Unstorable()}}})
