"""The serializer as LangGraph and FileSaver use it: refusals, allowlists, encryption, foreign payloads, memory."""

from __future__ import annotations

import copy
import itertools
import socket
import tracemalloc
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END, START, MessagesState, StateGraph

from langgraph_filesaver._serde import JsonSerializer, UnrevivedDict
from langgraph_filesaver.errors import SerializationError
from tests.serde import kinds

SERDE = JsonSerializer()


class Cipher:
    """Turns bytes over; enough to tell ciphertext from plaintext."""

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        return "mirror", bytes(byte ^ 255 for byte in plaintext)

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        assert ciphername == "mirror"
        return bytes(byte ^ 255 for byte in ciphertext)


def test_the_tag_is_its_own() -> None:
    """The type tag is neither LangGraph's legacy "json" nor one that EncryptedSerializer would split."""
    tag, text = SERDE.dumps_typed({"a": 1})
    assert (tag, text) == ("filesaver-json", b'{"a":1}')
    assert "+" not in tag


@pytest.mark.parametrize("value", [None, b"x", bytearray(b"x"), {"a": (1,)}, HumanMessage("x"), [1, {2}]])
def test_payloads_of_langgraph_load(value: Any) -> None:
    """What JsonPlusSerializer wrote, under each of its tags, is read as it reads it."""
    other = JsonPlusSerializer()
    payload = other.dumps_typed(value)
    assert SERDE.loads_typed(payload) == other.loads_typed(payload)
    assert SERDE.loads_typed(("json", b'{"a": 1}')) == {"a": 1}


def test_encryption_wraps_it_unchanged() -> None:
    """EncryptedSerializer(cipher, JsonSerializer()) works, and its allowlist is passed through."""
    serde = EncryptedSerializer(Cipher(), SERDE)
    tag, data = serde.dumps_typed({"secret": (1,)})
    assert tag == "filesaver-json+mirror"
    assert b"secret" not in data
    assert serde.loads_typed((tag, data)) == {"secret": (1,)}
    assert serde.loads_typed(SERDE.dumps_typed({"plain": (1,)})) == {"plain": (1,)}


def test_with_allowlist_clones() -> None:
    """BaseCheckpointSaver.with_allowlist yields a saver whose serializer is a JsonSerializer with the longer list."""
    strict = JsonSerializer(allowed_msgpack_modules=None)
    saver = InMemorySaver(serde=strict)
    clone = saver.with_allowlist([("tests.serde.kinds", "Model")])
    text = SERDE.dumps_typed(kinds.Model(a=1))
    assert type(clone.serde) is JsonSerializer
    assert type(clone.serde.loads_typed(text)) is kinds.Model
    assert type(saver.serde.loads_typed(text)) is UnrevivedDict
    assert strict.with_msgpack_allowlist([]) is strict
    assert SERDE.with_msgpack_allowlist([("a", "B")]) is SERDE
    assert type(copy.copy(clone.serde).loads_typed(text)) is kinds.Model
    msgpack = JsonPlusSerializer().dumps_typed(kinds.Model(a=1))
    assert (
        type(JsonSerializer(allowed_msgpack_modules=None, allowed_types=[kinds.Model]).loads_typed(msgpack))
        is kinds.Model
    )


def test_langgraph_runs_on_it() -> None:
    """A graph with messages runs, stops and resumes on a saver of LangGraph that uses this serializer."""
    builder = StateGraph(MessagesState)
    builder.add_node("answer", lambda state: {"messages": [AIMessage("yes", id="a")]})
    builder.add_edge(START, "answer")
    builder.add_edge("answer", END)
    graph = builder.compile(checkpointer=InMemorySaver(serde=SERDE), interrupt_before=["answer"])
    config: Any = {"configurable": {"thread_id": "t"}}
    graph.invoke({"messages": [HumanMessage("well?", id="h")]}, config)
    assert graph.invoke(None, config)["messages"] == [HumanMessage("well?", id="h"), AIMessage("yes", id="a")]


@pytest.mark.parametrize(
    ("value", "where", "type_name"),
    [
        (
            {"state": {"rows": [1, 2, 3, kinds.Plain(kinds.Unstorable())]}},
            'state["rows"][3].x',
            "tests.serde.kinds.Unstorable",
        ),
        ({"state": {"f": len}}, 'state["f"]', "builtins.builtin_function_or_method"),
        ({"state": {"s": socket.socket}}, 'state["s"]', "builtins.type"),
        (
            {"state": {"m": [kinds.Model.model_construct(a=1, d={"k": iter(())})]}},
            'state["m"][0].d["k"]',
            "builtins.tuple_iterator",
        ),
        ({"a key": [object()]}, '["a key"][0]', "builtins.object"),
        ({'a "b"\n': [object()]}, r'["a \"b\"\n"][0]', "builtins.object"),
        ({"state": {object(): 1}}, "state[<key>]", "builtins.object"),
        ({"state": {1: {(1, 2): object()}}}, "state[1][(1, 2)]", "builtins.object"),
        (
            [HumanMessage("x", additional_kwargs={"f": print})],
            '[0].additional_kwargs["f"]',
            "builtins.builtin_function_or_method",
        ),
    ],
)
def test_what_cannot_be_stored_is_named(value: Any, where: str, type_name: str) -> None:
    """[V8] A value that cannot be stored raises SerializationError with its path and type, and says what to do."""
    with pytest.raises(SerializationError) as found:
        SERDE.dump(value, indent=True)
    assert (found.value.where, found.value.type_name) == (where, type_name)
    assert where in str(found.value)
    assert type_name in str(found.value)
    assert "dataclass" in str(found.value)
    with pytest.raises(SerializationError) as found:
        SERDE.dump(value, root="writes[0]")
    assert found.value.where.startswith("writes[0]")


def test_a_factory_that_a_file_cannot_hold_is_refused() -> None:
    """A defaultdict with a factory of one's own cannot come back as it was, and is refused."""
    from collections import defaultdict

    with pytest.raises(SerializationError, match="default_factory"):
        SERDE.dump({"state": defaultdict(lambda: 1, a=1)})


def test_a_cycle_is_refused_with_its_path() -> None:
    """A value that holds itself raises SerializationError at the place where the cycle closes."""
    rows: list[Any] = [1]
    rows.append({"again": rows})
    with pytest.raises(SerializationError, match="cycle") as found:
        SERDE.dump({"state": {"rows": rows}})
    assert found.value.where == 'state["rows"][1]["again"]'
    node = kinds.Plain(None)
    node.x = (node,)
    with pytest.raises(SerializationError, match="cycle"):
        SERDE.dump(node)


def test_what_is_shared_is_written_twice() -> None:
    """Two references to one object are no cycle: each is written, as msgpack does."""
    shared = {"a": (1,)}
    assert SERDE.load(SERDE.dump([shared, shared])) == [shared, shared]


def test_a_dump_needs_at_most_one_copy() -> None:
    """The peak of memory while dumping is the text and at most one copy of the data, for plain and for other values."""
    plain = {"rows": [{"id": at, "text": "lorem ipsum " * 20, "tags": ["a", "b"]} for at in range(3000)]}
    messages = [HumanMessage("lorem ipsum " * 40, id=str(at)) for at in range(1000)]
    for value in (plain, messages, {"plain": plain, "one": (1,)}):
        SERDE.dump(value)
        tracemalloc.start()
        try:
            size = len(SERDE.dump(value))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 2.2 * size + 200_000


def test_plain_data_are_not_walked_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in plain data, and nothing inside surveyed messages, is visited by Python code."""
    from langgraph_filesaver._serde.encode import Encoder

    visits = itertools.count()
    walk = Encoder.value

    def counted(self: Encoder, value: Any, step: object = None) -> Any:
        next(visits)
        return walk(self, value, step)

    monkeypatch.setattr(Encoder, "value", counted)
    SERDE.dump({"rows": [{"id": at, "text": "costs 5$", "n": None, "f": 0.5} for at in range(1000)]})
    SERDE.dump([HumanMessage("x", additional_kwargs={"a": [at]}) for at in range(1000)])
    assert next(visits) == 0


def test_untagged_trees_are_returned_as_they_are() -> None:
    """Reviving what holds no tag copies nothing."""
    raw = SERDE.parse(b'{"rows": [{"a": 1}, {"b": ["$5"]}]}')
    assert SERDE.revive(raw) is raw
    assert not SERDE.has_tags(b'{"a": 1}')
    assert SERDE.has_tags(b'{"$type": 1}')
