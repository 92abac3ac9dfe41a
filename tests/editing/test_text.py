"""A state as text: whole, with its tags, and back to a state that differs in nothing but what was changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

from langgraph_filesaver import CorruptDataError, FileSaver, InvalidEditError
from langgraph_filesaver._editing.text import line_of
from tests.checkpoints import config_of, put
from tests.contract.test_foreign_serde import XorCipher
from tests.stores import Home

VALUES: dict[str, Any] = {
    "messages": [HumanMessage(f"question {n} " * 20, id=str(n)) for n in range(300)],
    "report": "line\n" * 40_000,
    "rows": {"inner": [{"text": "x" * 100_000, "n": n} for n in range(3)]},
    "price": Decimal("1.50"),
    "pair": (1, b"abc"),
    "image": b"\x89PNG\r\n\x1a\n" + b"\0" * 100_000,
    "table": np.zeros((200, 100)),
    "tagged by hand": {"$type": "tuple", "items": [1]},
    "none": None,
}


def edited(saver: FileSaver, change: Callable[[str], str], thread_id: str = "t") -> Any:
    """Change the text of the latest state and store it."""
    editing = saver.editing()
    state = editing.open(thread_id)
    return editing.store(editing.checked(state, change(state.text)), edited_by="ann")


def values_of(saver: FileSaver) -> dict[str, Any]:
    found = saver.get_tuple(config_of())
    assert found is not None
    return found.checkpoint["channel_values"]


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_the_text_is_the_whole_state(home: Home, compression: Any) -> None:
    """[E4] Chunks, texts and JSON in files of their own stand in the text; bytes and arrays are references; tags stay."""
    saver = home.saver(compression=compression)
    put(saver, "c0", VALUES)
    document = json.loads(home.store().read("t/checkpoints/_root/c0.json") or b"")
    assert document["state"]["messages"].keys() == {"$list", "tail"}
    assert "$artifact" in document["state"]["report"]

    state = saver.editing().open("t")

    told = json.loads(state.text)
    assert list(told) == list(VALUES)
    assert told["report"] == VALUES["report"]
    assert [each["content"] for each in told["messages"]] == [each.content for each in VALUES["messages"]]
    assert [len(each["text"]) for each in told["rows"]["inner"]] == [100_000] * 3
    assert told["price"] == {"$type": "decimal", "value": "1.50"}
    assert told["table"].keys() == {"$artifact", "bytes"}
    assert "$artifact" in json.dumps(told["image"])
    assert "$list" not in state.text
    assert state.notes == ()


def test_only_what_was_changed_is_stored_anew(home: Home) -> None:
    """[E4] A changed channel goes out by chunks and artifacts again; every other one stands in the file as it stood."""
    saver = home.saver()
    put(saver, "c0", VALUES)
    before = json.loads(home.store().read("t/checkpoints/_root/c0.json") or b"")["state"]
    artifacts = {key for key in home.files() if "/artifacts/" in key}

    edited(saver, lambda text: text.replace("question 7 ", "query 7 ", 1))

    after = json.loads(home.store().read("t/checkpoints/_root/c0.json") or b"")["state"]
    assert {name: value for name, value in after.items() if name != "messages"} == {
        name: value for name, value in before.items() if name != "messages"
    }
    new = {key for key in home.files() if "/artifacts/" in key} - artifacts
    assert 1 <= len(new) <= 3, "the chunks around the edit"
    found = values_of(home.saver())
    assert found["messages"][7] == HumanMessage("query 7 " + "question 7 " * 19, id="7")
    assert found["messages"][8:] == VALUES["messages"][8:]
    assert found["price"] == Decimal("1.50")
    assert np.array_equal(found["table"], VALUES["table"])


def test_a_channel_with_references_can_be_changed(home: Home) -> None:
    """What stays a reference inside a changed channel is the same value afterwards."""
    saver = home.saver()
    put(saver, "c0", {"mixed": [VALUES["image"], VALUES["table"], "word"]})
    edited(saver, lambda text: text.replace('"word"', '"other"'))
    image, table, word = values_of(home.saver())["mixed"]
    assert (image, word) == (VALUES["image"], "other")
    assert np.array_equal(table, VALUES["table"])


@pytest.mark.parametrize("change", [lambda text: text, lambda text: json.dumps(json.loads(text))])
def test_an_edit_that_changes_nothing_writes_nothing(home: Home, change: Callable[[str], str]) -> None:
    """[E4] The same text, and the same values laid out otherwise, write no file."""
    saver = home.saver()
    put(saver, "c0", VALUES)
    before = home.files()
    assert edited(saver, change) is None
    assert saver.edit_state("t", {"price": Decimal("1.50"), "messages": list(VALUES["messages"])}) == config_of(
        "t", "", "c0"
    )
    assert home.files() == before


def test_odd_channel_names_make_a_list(home: Home) -> None:
    """Where a channel's name begins with a dollar sign, the text is a list of channels, and is edited like one."""
    saver = home.saver()
    put(saver, "c0", {"$odd": 1, "plain": [1]})
    edited(saver, lambda text: text.replace('"value": 1', '"value": 2'))
    assert values_of(saver) == {"$odd": 2, "plain": [1]}
    with pytest.raises(InvalidEditError, match="line 4, column 14"):
        edited(saver, lambda text: text.replace('"value": 2', '"value": {"$type": "decimal"}'))


def test_types_without_code_stay(local_home: Home) -> None:
    """[E4] An object whose class is not here survives, also beside an edit in the same channel, and may be edited itself."""
    saver = local_home.saver()
    put(saver, "c0", {"plan": [{"a": 1}, 1], "other": 1})
    path = local_home.root / "t/checkpoints/_root/c0.json"
    foreign = '{"$type": "app.models.Plan", "steps": [1, {"$type": "tuple", "items": []}], "$private": {"_x": 1}}'
    document = json.loads(path.read_bytes())
    document["state"]["plan"][0] = json.loads(foreign)
    path.write_text(json.dumps(document))
    edited(saver, lambda text: text.replace("    1\n  ]", "    2\n  ]"))
    assert json.loads(path.read_bytes())["state"]["plan"] == [json.loads(foreign), 2]
    edited(saver, lambda text: text.replace('"steps": [\n        1', '"steps": [\n        7'))
    assert json.loads(path.read_bytes())["state"]["plan"][0]["steps"][0] == 7


def test_sealed_values_are_replaced_as_a_whole(home: Home) -> None:
    """With a serializer of another kind values stand sealed in the text, with a note; what replaces one is sealed as well."""
    serde = EncryptedSerializer(XorCipher())
    saver = home.saver(serde=serde)
    put(saver, "c0", {"secret": "old", "other": 1})
    state = saver.editing().open("t")
    assert "old" not in state.text
    assert [note for note in state.notes if "sealed" in note]
    told = json.loads(state.text)
    edited(saver, lambda _: json.dumps({**told, "secret": "new"}))
    assert values_of(home.saver(serde=serde)) == {"secret": "new", "other": 1}
    assert b"new" not in (home.store().read("t/checkpoints/_root/c0.json") or b"")


def test_a_reference_to_nothing_stays_and_can_be_mended(local_home: Home) -> None:
    """A state with a missing artifact can be opened; what is not touched stays, and a value in its place mends it."""
    saver = local_home.saver()
    put(saver, "c0", {"report": "x" * 100_000, "plan": "old"})
    (artifact,) = (local_home.root / "t/artifacts").iterdir()
    artifact.unlink()
    edited(local_home.saver(), lambda text: text.replace('"old"', '"new"'))
    with pytest.raises(CorruptDataError):
        values_of(local_home.saver())
    told = json.loads(local_home.saver().editing().open("t").text)
    edited(local_home.saver(), lambda _: json.dumps({**told, "report": "short"}))
    assert values_of(local_home.saver()) == {"report": "short", "plan": "new"}
    local_home.saver().collect_garbage("t", dry_run=False, grace_seconds=0)
    local_home.saver().edit_state("t", {"report": "once more"})


def test_a_damaged_value_can_be_set(local_home: Home) -> None:
    """What cannot be revived any more is mended from Python, too."""
    saver = local_home.saver()
    put(saver, "c0", {"price": Decimal("1.50"), "message": AIMessage("a")})
    path = local_home.root / "t/checkpoints/_root/c0.json"
    path.write_text(path.read_text("utf-8").replace("1.50", "a lot"), "utf-8")
    saver.edit_state("t", {"price": Decimal(2)})
    assert values_of(local_home.saver())["price"] == Decimal(2)


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [((), 1, 1), (("a",), 2, 8), (("a", 1), 3, 8), (("a", 1, "c"), 3, 28), (("last",), 5, 11), (("no",), None, None)],
)
def test_where_something_stands(path: Any, line: int | None, column: int | None) -> None:
    """Lines and columns are those of the value, the last one of two equal keys, whatever stands in strings."""
    text = '{\n  "a": ["}],\\"",\n       {"b": [{}],   "c" : 1}],\n  "last": 0,\n  "last": 1\n}'
    json.loads(text)
    assert line_of(text, path) == (None if line is None else (line, column))


def test_unknown_fields_of_a_file_stay(local_home: Home, tmp_path: Path) -> None:
    """[E1] Keys of a checkpoint's file that are not known here are kept when it is replaced."""
    saver = local_home.saver()
    put(saver, "c0", {"a": 1})
    path = local_home.root / "t/checkpoints/_root/c0.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "of the future": [1]}))
    saver.edit_state("t", {"a": 2})
    assert json.loads(path.read_bytes())["of the future"] == [1]


def test_what_finished_tasks_have_written_is_told(home: Home) -> None:
    """Where finished tasks have written to a channel, a note says that this comes on top of the value in the text."""
    saver = home.saver()
    put(saver, "c0", {"done": ["a"], "plan": 1})
    saver.put_writes(config_of("t", "", "c0"), [("done", ["b"]), ("branch:to:x", None)], "task")
    state = saver.editing().open("t")
    assert json.loads(state.text) == {"done": ["a"], "plan": 1}
    (note,) = state.notes
    assert "'done'" in note
