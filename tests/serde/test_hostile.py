"""[S4] Files made to do harm: nothing they name is imported or called, and every finding is one of our errors."""

from __future__ import annotations

import json
import logging
import os
import sys
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.serde.event_hooks import SerdeEvent, register_serde_event_listener

from langgraph_filesaver._serde import JsonSerializer, UnrevivedDict, UnrevivedList, UnrevivedStr
from langgraph_filesaver._serde.kinds import reader_of
from langgraph_filesaver._serde.naming import Policy, class_name
from langgraph_filesaver.errors import CorruptDataError
from tests.serde import canary, kinds, loaded
from tests.serde.test_round_trips import VALUES

SERDE = JsonSerializer()
FROM_3_11 = pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 gives such an enum no module")
AIM = "langchain_core.messages.ai.AIMessage"


def unrevived(name: str, **content: Any) -> Any:
    return SERDE.load(json.dumps({"$type": name, **content}).encode())


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "posix.system",
        "subprocess.Popen",
        "builtins.eval",
        "builtins.exec",
        "builtins.__import__",
        "builtins.open",
        "builtins.type",
        "builtins.object",
        "tests.serde.loaded.call",
        "tests.serde.loaded.Effect",
        "tests.serde.loaded.Called",
        "tests.serde.loaded.shell.system",
        "tests.serde.loaded.popen",
        "tests.serde.loaded.instance",
        "tests.serde.canary.alarm.call",
        "tests.serde.canary.alarm.Thing",
        "tests.serde.canary.alarm.Absent",
        "tests.serde.canary.__main__.Record",
        "tests.serde.canary.absent.Record",
        "not_imported_anywhere.Thing",
        "antigravity.fly",
        "this.s",
        "tests.serde.kinds.Model.__init__",
        "tests.serde.kinds.Model.model_validate",
        "tests.serde.kinds.Model.__class__",
        "tests.serde.test_hostile.kinds.Model",
        "tests.serde.kinds.Box[__import__('os')]",
        "tests.serde.kinds.Box[absent.Thing]",
        "tests.serde.kinds.Model[int]",
        "pickle",
        "made-up",
        "..",
        ".a",
        "a.",
        "",
        "\0.\0",
        "re.compile",
        "functools.partial",
        "pydantic.main.BaseModel.model_construct",
        "ctypes.CDLL",
        "logging.config.dictConfig",
        "code.InteractiveInterpreter",
        "weakref.finalize",
        "types.FunctionType",
        "enum.Enum.__call__",
    ],
)
def test_what_is_no_data_class_stays_plain_data(name: str) -> None:
    """[V20] A name that is not an allowed data class is neither called nor imported; its data stay, and its bytes."""
    for content in ({}, {"a": 1, "b": [1]}, {"$value": "ls"}, {"$value": ["x"]}, {"$value": {"a": 1}}, {"$value": 5}):
        text = json.dumps({"$type": name, **content}, separators=(",", ":")).encode()
        value = SERDE.load(text)
        assert type(value) in (UnrevivedDict, UnrevivedList, UnrevivedStr)
        assert value.tag == name
        assert SERDE.dump(value) == text
        assert SERDE.dump({"x": [value]}, indent=True) == SERDE.dump(SERDE.load(b'{"x":[' + text + b"]}"), indent=True)


def test_a_submodule_of_an_imported_package_may_be_found() -> None:
    """[V21] A data class is found in a submodule that is not imported yet, if its package is and its source defines it."""
    assert canary.__name__ in sys.modules
    value = unrevived("tests.serde.canary.data.Record", a=1)
    assert type(value).__name__ == "Record"
    assert value.a == 1


def test_a_subclass_of_text_is_rebuilt_without_its_code() -> None:
    """[V22] A subclass of a built-in type is rebuilt by the built-in: neither __new__ nor __init__ runs."""
    value = unrevived("tests.serde.loaded.Text", **{"$value": "x"})
    assert type(value) is loaded.Text
    assert value == "x"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("Quiet", {"a": 1}),
        ("Table", {"$value": {"a": 1}}),
        ("Row", {"$value": {"$type": "tuple", "items": [1]}, "$attributes": {"note": 1}}),
        ("Lamp", {"$value": 1}),
        ("Lamp", {"$value": 3}),
        pytest.param("Stair", {"$name": "FIRST"}, marks=FROM_3_11),
        ("Watched", {"$value": "x", "$attributes": {"note": 1}}),
        ("Single", {"a": 2}),
        ("Odd", {"$name": "ONE"}),
        ("Speaking", {"a": 2}),
        ("Speaking", {"a": 2, "$attributes": {"note": 1}}),
    ],
)
def test_reading_asks_nothing_of_a_class_that_hears_everything(name: str, content: Any) -> None:
    """[V22] Neither a metaclass nor __new__, __getattr__ or __getattribute__ of the class runs; the value is revived."""
    value = unrevived(f"tests.serde.loaded.{name}", **content)
    assert loaded.calls == []
    assert type(value).__name__ == (name if name != "Quiet" else "UnrevivedDict")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("Stair", 3, marks=FROM_3_11),
        ("Odd", {"$type": "tests.serde.loaded.Equal"}),
        ("Odd", 1),
        ("Lamp", 8),
        ("Lamp", True),
        ("Speaking", 1),
    ],
)
def test_a_value_that_no_member_has_is_an_error_and_asks_no_class(name: str, value: Any) -> None:
    """[V6] A combination that only code of the class could make, and values of strange types, are reported."""
    with pytest.raises(CorruptDataError):
        unrevived(f"tests.serde.loaded.{name}", **{"$value": value})
    assert loaded.calls == []


def test_a_class_must_claim_the_name_it_is_found_under() -> None:
    """[V20] A class imported into another module is not reached through it."""
    assert type(unrevived("tests.serde.test_hostile.AIMessage", content="x")) is UnrevivedDict


def test_plain_data_stand_for_what_cannot_be_revived(caplog: pytest.LogCaptureFixture) -> None:
    """[V23] Fields come as a dict, one value as a string or list, with a single warning per type, and can be changed."""
    with caplog.at_level(logging.WARNING, "langgraph_filesaver"):
        for _ in range(3):
            value = unrevived("gone.Thing", a={"$type": "tuple", "items": [1]}, **{"$unset": ["b"]})
    assert len(caplog.records) == 1
    assert "gone.Thing" in caplog.text
    assert value == {"a": (1,)}
    value["a"] = (2,)
    value["c"] = None
    assert json.loads(SERDE.dump(value)) == {
        "$type": "gone.Thing",
        "a": {"$type": "tuple", "items": [2]},
        "c": None,
        "$unset": ["b"],
    }
    assert unrevived("gone.Color", **{"$value": "red"}) == "red"
    assert unrevived("gone.Queue", **{"$value": [1, 2]}) == [1, 2]


@pytest.mark.parametrize("name", [name for name in VALUES if name not in {"open models"}])
def test_a_process_without_the_classes_destroys_nothing(name: str) -> None:
    """[V23] Read and written back by a process that knows no class at all, a file keeps every byte."""
    text = SERDE.dump(VALUES[name], indent=True)
    strange = text.replace(b'"$type": "', b'"$type": "gone.')
    assert SERDE.dump(SERDE.load(strange), indent=True) == strange


def test_strict_mode_revives_what_is_listed_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """[V24] In LangGraph's strict mode a data class is revived only if it is allowed; safe types always are."""
    from langgraph.checkpoint.serde import _msgpack

    monkeypatch.setattr(_msgpack, "STRICT_MSGPACK_ENABLED", True)
    text = SERDE.dump([kinds.Model(a=1), kinds.Outer.Inner(), AIMessage("x"), kinds.Level.LOW, kinds.Name("n")])
    strict = JsonSerializer()
    model, inner, message, level, name = strict.load(text)
    assert [type(value) for value in (model, inner, level, name)] == [
        UnrevivedDict,
        UnrevivedDict,
        UnrevivedStr,
        UnrevivedStr,
    ]
    assert message == AIMessage("x")
    assert strict.dump(strict.load(text)) == text
    listed = JsonSerializer(allowed_types=[kinds.Model, ("tests.serde.kinds", "Level")])
    assert type(listed.load(text)[0]) is kinds.Model
    assert listed.load(text)[3] is kinds.Level.LOW
    assert type(listed.load(text)[1]) is UnrevivedDict
    extended = strict.with_msgpack_allowlist([("tests.serde.kinds", "Inner"), ("tests.serde.kinds", "Model")])
    assert type(extended) is JsonSerializer
    assert [type(value) for value in extended.load(text)[:2]] == [kinds.Model, kinds.Outer.Inner]
    assert type(strict.load(text)[0]) is UnrevivedDict


def test_two_guards_stand_before_a_class_that_is_no_data() -> None:
    """[V20] The policy does not find it, and there is no reader for it either."""
    policy = Policy(True, frozenset())
    for kind in (loaded.Effect, loaded.Called):
        assert policy.find(class_name(kind)) is None
        assert reader_of(kind) is None
    assert policy.find("tests.serde.kinds.Model") is kinds.Model


def test_an_allowlist_makes_no_callable_of_a_name() -> None:
    """[V20] Even a function that the allowlist names is not called."""
    serde = JsonSerializer(
        allowed_types=[("os", "system"), ("tests.serde.loaded", "call"), ("tests.serde.loaded", "Effect")]
    )
    for name in ("os.system", "tests.serde.loaded.call", "tests.serde.loaded.Effect"):
        assert type(serde.load(json.dumps({"$type": name, "a": 1}).encode())) is UnrevivedDict


def test_listeners_of_langgraph_hear_of_types() -> None:
    """LangGraph's serde events tell of types that were revived without being listed, and of blocked ones."""
    heard: list[SerdeEvent] = []
    forget = register_serde_event_listener(heard.append)
    try:
        SERDE.load(SERDE.dump([kinds.Model(a=1), kinds.Model(a=2), AIMessage("x")]))
        unrevived("os.system")
    finally:
        forget()
    assert [(event["kind"], event["module"], event["name"]) for event in heard] == [
        ("msgpack_unregistered_allowed", "tests.serde.kinds", "Model"),
        ("msgpack_blocked", "os", "system"),
    ]


def test_pickles_are_run_only_on_request() -> None:
    """Without pickle_fallback a pickle is data: nothing of it runs."""
    risky = JsonSerializer(pickle_fallback=True)
    value = kinds.Unstorable
    text = risky.dump([value])
    assert risky.load(text) == [value]
    assert type(SERDE.load(text)[0]) is UnrevivedDict
    assert SERDE.dump(SERDE.load(text)) == text


@pytest.mark.parametrize(
    ("raw", "where"),
    [
        ({"$type": AIM, "content": 5}, "content"),
        ({"$type": AIM}, "content"),
        ({"$type": AIM, "content": "x", "tool_calls": "no"}, "tool_calls"),
        ({"$type": "tests.serde.kinds.Level", "$value": "middle"}, ""),
        ({"$type": "tests.serde.kinds.Right", "$value": 64}, ""),
        ({"$type": "tests.serde.loaded.Switch", "$value": 8}, ""),
        ({"$type": "tests.serde.kinds.Model", "b": "x"}, "a"),
        ({"$type": "tests.serde.kinds.Model", "a": "x"}, "a"),
        ({"$type": "tests.serde.kinds.Slotted"}, "x"),
        ({"$type": "tests.serde.kinds.Pair"}, "left"),
        ({"$type": "langgraph.types.Send", "node": "x"}, "arg"),
        ({"$type": "datetime", "value": "yesterday"}, ""),
        ({"$type": "datetime"}, ""),
        ({"$type": "datetime", "value": "2026-11-23", "zone": 1}, "zone"),
        ({"$type": "decimal", "value": 1.5}, "value"),
        ({"$type": "uuid", "value": "x"}, ""),
        ({"$type": "tuple", "items": {"a": 1}}, "items"),
        ({"$type": "set", "items": [[]]}, ""),
        ({"$type": "dict", "items": [[1, 2], [1, 3]]}, ""),
        ({"$type": "dict", "items": [[[], 2]]}, ""),
        ({"$type": "dict", "items": [[1]]}, ""),
        ({"$type": "int", "value": "1e9"}, ""),
        ({"$type": "fraction", "value": "1e999999999"}, ""),
        ({"$type": "float", "value": "1.5"}, ""),
        ({"$type": "defaultdict", "default": "eval", "items": []}, ""),
        ({"$type": "zoneinfo", "value": "../../etc/passwd"}, ""),
        ({"$type": "pattern", "value": "("}, ""),
        ({"$type": "pattern", "value": "a", "flags": "?"}, ""),
        ({"$type": "bytes", "base64": "*"}, ""),
        ({"$type": "ndarray", "dtype": "O", "shape": [1], "data": "AAAAAAAAAAA="}, ""),
        ({"$type": "ndarray", "dtype": "<f8", "shape": [9], "data": ""}, ""),
        ({"$type": "ndarray", "dtype": "f8,O", "shape": [1], "data": ""}, "dtype"),
        ({"$type": "ndarray", "dtype": "<f8", "shape": [-1], "data": ""}, "shape"),
        ({"$type": 5}, '["$type"]'),
        ({"$type": ["a"]}, '["$type"]'),
        ({"$type": {"$type": "tuple", "items": []}}, '["$type"]'),
        ({"$artifact": "x"}, ""),
        ({"$list": []}, ""),
    ],
)
def test_a_hand_edit_that_makes_a_value_invalid_is_reported(raw: Any, where: str) -> None:
    """[V6] A tagged object that is not what its type needs is CorruptDataError, with the path to the finding."""
    for root, expected in (("", 'state["messages"][1]'), ("run", 'run["state"]["messages"][1]')):
        with pytest.raises(CorruptDataError) as found:
            SERDE.revive({"format": 1, "state": {"messages": [1, raw]}}, where=root)
        assert found.value.where.startswith(expected)
        assert where in found.value.where
        assert found.value.reason


def test_a_file_may_be_corrected_by_hand() -> None:
    """A person may write what pydantic converts: a number in a text field of a tool's message, a date as text."""
    text = b'{"$type":"langchain_core.messages.tool.ToolMessage","content":5,"tool_call_id":"c"}'
    assert SERDE.load(text).content == "5"


def test_fields_that_a_class_has_no_more_are_told_and_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """A stored field that the class has lost does not make the thread unreadable; one warning tells."""
    with caplog.at_level(logging.WARNING, "langgraph_filesaver"):
        assert unrevived("tests.serde.kinds.Plain", x=1, lost=2) == kinds.Plain(1)
        assert unrevived("tests.serde.kinds.Model", a=1, lost=2) == kinds.Model(a=1)
    assert [record.args[1] for record in caplog.records if isinstance(record.args, tuple)] == ["lost", "lost"]


def test_reading_does_not_change_what_was_parsed() -> None:
    """Revive leaves the parsed tree as it was."""
    for value in VALUES.values():
        text = SERDE.dump({"state": value})
        raw = SERDE.parse(text)
        SERDE.revive(raw)
        assert raw == SERDE.parse(text)


def test_no_environment_is_needed() -> None:
    """The safe types are revived whatever else is imported: a message from a bare document."""
    assert os.getpid()
    assert SERDE.load(json.dumps({"$type": AIM, "content": "x"}).encode()) == AIMessage("x")
