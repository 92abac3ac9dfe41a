"""`_documents`: what is read is checked field by field, and what is unknown is kept."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_filesaver._documents import (
    FORMAT,
    CheckpointDocument,
    StoredWrite,
    ThreadDocument,
    WritesDocument,
    check_format,
)
from langgraph_filesaver.errors import CorruptDataError, UnsupportedFormatError
from tests.checkpoints import put
from tests.stores import Home

CHECKPOINT: dict[str, Any] = {
    "format": 1,
    "checkpoint_ns": "",
    "checkpoint_id": "1",
    "parent_checkpoint_id": None,
    "ts": "2026",
    "source": "loop",
    "step": 3,
    "state": {"a": 1},
    "metadata": {"parents": {}},
    "checkpoint": {"v": 4},
}
WRITES: dict[str, Any] = {
    "format": 1,
    "checkpoint_ns": "",
    "checkpoint_id": "1",
    "task_id": "task",
    "task_path": "",
    "run_id": None,
    "writes": [{"idx": 0, "channel": "a", "value": 1}],
}
THREAD: dict[str, Any] = {"format": 1, "thread_id": "A"}

Read = Callable[[Any], object]
REQUIRED = [
    *[(CheckpointDocument.from_json, CHECKPOINT, name) for name in ("checkpoint_ns", "checkpoint_id", "state", "metadata", "checkpoint")],
    *[(WritesDocument.from_json, WRITES, name) for name in ("checkpoint_ns", "checkpoint_id", "task_id", "task_path", "writes")],
    (ThreadDocument.from_json, THREAD, "thread_id"),
]  # fmt: skip

identifiers = st.text(st.characters(codec=None, categories=None), max_size=8) | st.sampled_from(["$type", "\ud800"])
plain = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)


@pytest.mark.parametrize(("read", "document", "field"), REQUIRED, ids=lambda value: value if type(value) is str else "")
def test_a_missing_field_is_named(read: Read, document: dict[str, Any], field: str) -> None:
    """Each required field that is missing is named in the error."""
    raw = {key: value for key, value in document.items() if key != field}
    with pytest.raises(CorruptDataError, match="found nothing") as raised:
        read(raw)
    assert raised.value.where == field


@pytest.mark.parametrize(("read", "document", "field"), REQUIRED, ids=lambda value: value if type(value) is str else "")
@pytest.mark.parametrize("wrong", [None, 7, 1.5, True], ids=repr)
def test_a_field_of_another_type_is_named(read: Read, document: dict[str, Any], field: str, wrong: Any) -> None:
    """Each required field that holds something else is named, with what was expected and what was found."""
    with pytest.raises(CorruptDataError, match=r"expected .*, found (null|an integer|a number|a boolean)") as raised:
        read({**document, field: wrong})
    assert raised.value.where == field


@pytest.mark.parametrize(
    ("write", "where"),
    [
        (7, "writes[1]"),
        ({"idx": 0, "channel": "a"}, "writes[1]"),
        ({"channel": "a", "value": 1}, "writes[1].idx"),
        ({"idx": "0", "channel": "a", "value": 1}, "writes[1].idx"),
        ({"idx": True, "channel": "a", "value": 1}, "writes[1].idx"),
        ({"idx": 0, "channel": 1, "value": 1}, "writes[1].channel"),
    ],
)
def test_a_broken_write_is_named_by_its_place(write: Any, where: str) -> None:
    """Of many writes the one that is wrong is named, and in it the field."""
    with pytest.raises(CorruptDataError) as raised:
        WritesDocument.from_json({**WRITES, "writes": [WRITES["writes"][0], write]})
    assert raised.value.where == where


@pytest.mark.parametrize(
    ("channel", "where"),
    [(7, "state[1]"), ({"channel": "a"}, "state[1]"), ({"channel": 1, "value": 1}, "state[1].channel")],
)
def test_a_broken_channel_of_a_listed_state_is_named_by_its_place(channel: Any, where: str) -> None:
    """[C6] A state that is written as a list is checked item by item."""
    with pytest.raises(CorruptDataError) as raised:
        CheckpointDocument.from_json({**CHECKPOINT, "state": [{"channel": "$a", "value": 1}, channel]})
    assert raised.value.where == where


@pytest.mark.parametrize(
    "spelled", [{"utf8_hex": "zz"}, {"utf8_hex": 7}, {"utf8_hex": "ff"}, {"utf8_hex": "61", "x": 1}]
)
def test_an_id_that_is_misspelled_is_named(spelled: Any) -> None:
    """[D5] An id in hexadecimal that is none is an error that names the field."""
    with pytest.raises(CorruptDataError) as raised:
        CheckpointDocument.from_json({**CHECKPOINT, "checkpoint_ns": spelled})
    assert raised.value.where == "checkpoint_ns"


@pytest.mark.parametrize("read", [CheckpointDocument.from_json, WritesDocument.from_json, ThreadDocument.from_json])
@pytest.mark.parametrize(
    "raw", [None, [], "x", 7, {}, {"format": None}, {"format": "1"}, {"format": 0}, {"format": 1.0}]
)
def test_what_carries_no_format_is_no_document(read: Read, raw: Any) -> None:
    """[D2] JSON that is no object, or has no format number, is an error of its own kind."""
    with pytest.raises(CorruptDataError, match=r"format|JSON object"):
        read(raw)


@pytest.mark.parametrize("found", [2, 10**30])
@pytest.mark.parametrize(
    "read", [CheckpointDocument.from_json, WritesDocument.from_json, ThreadDocument.from_json, check_format]
)
def test_a_newer_format_is_refused_before_anything_else(read: Read, found: int) -> None:
    """[D2] A newer document is refused by its number, even where none of its other fields is known."""
    with pytest.raises(UnsupportedFormatError, match=f"format {found}") as raised:
        read({"format": found, "everything": "else"})
    assert (raised.value.found, raised.value.supported) == (found, FORMAT)


@given(
    ns=identifiers,
    checkpoint_id=identifiers,
    parent=st.none() | identifiers,
    state=st.dictionaries(identifiers, plain, max_size=3),
    metadata=st.dictionaries(identifiers | st.sampled_from(["source", "step"]), plain, max_size=4),
    checkpoint=st.dictionaries(st.sampled_from(["v", "ts", "x"]), plain, max_size=3),
)
def test_a_checkpoint_survives_its_json(
    ns: str, checkpoint_id: str, parent: str | None, state: Any, metadata: Any, checkpoint: Any
) -> None:
    """Whatever the ids, channels and keys, a document written and read again is the same, and nothing given is changed."""
    document = CheckpointDocument(ns, checkpoint_id, parent, state, metadata, checkpoint)
    given_values = copy.deepcopy((state, metadata, checkpoint))
    raw = document.to_json()
    assert (state, metadata, checkpoint) == given_values
    assert next(iter(raw)) == "format"
    assert CheckpointDocument.from_json(raw) == document


@given(
    names=st.tuples(identifiers, identifiers, identifiers, identifiers),
    run_id=st.none() | identifiers,
    writes=st.lists(st.builds(StoredWrite, st.integers(-4, 20), identifiers, plain), max_size=4),
)
def test_writes_survive_their_json(
    names: tuple[str, str, str, str], run_id: str | None, writes: list[StoredWrite]
) -> None:
    """A document of writes, written as JSON text and read again, is the same: ids that are no text included."""
    document = WritesDocument(*names, run_id, tuple(writes))
    assert WritesDocument.from_json(json.loads(json.dumps(document.to_json()))) == document


def test_unknown_fields_survive_a_rewrite(home: Home) -> None:
    """[D3] A tool that changes one field keeps all others: unknown ones, their order, and numbers of any length."""
    saver = home.saver()
    put(saver, "1", {"a": 1})
    key, store = "t/checkpoints/_root/1.json", home.store()
    text = (store.read(key) or b"").decode()
    added = '{\n  "future": {"x": [1, 12345678901234567890123, 1.50, null]},\n  "again": "é",' + text[1:]
    store.replace(key, added.encode())

    repository = saver._repository
    repository.rewrite(key, lambda document: document.update(parent_checkpoint_id="0"))

    raw = (home.store().read(key) or b"").decode("utf-8")
    changed, before = json.loads(raw), json.loads(added)
    assert list(changed) == list(before)
    assert changed == {**before, "parent_checkpoint_id": "0"}
    found = home.saver().get_tuple({"configurable": {"thread_id": "t"}})
    assert found is not None
    assert found.parent_config == {"configurable": {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": "0"}}


def test_a_rewrite_refuses_what_it_does_not_understand(home: Home) -> None:
    """A broken or newer document is left as it is by tools, with the error that a reader gets; a missing one is fine."""
    saver = home.saver()
    put(saver, "1")
    key, store = "t/checkpoints/_root/1.json", home.store()
    for data, error in ((b'{"format": 2}', UnsupportedFormatError), (b"{", CorruptDataError)):
        store.replace(key, data)
        with pytest.raises(error, match=r"1\.json"):
            saver._repository.rewrite(key, lambda document: document.clear())
        assert home.store().read(key) == data
    saver._repository.rewrite("t/checkpoints/_root/missing.json", lambda document: document.clear())
    assert home.store().read("t/checkpoints/_root/missing.json") is None
