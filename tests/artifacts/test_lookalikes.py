"""A user's dict that looks like a reference is that dict (P12); a value that a person wrote in a reference's place counts (P3)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langgraph_filesaver import FileSaver
from tests.artifacts.folder import artifacts_of, assert_nothing_missing
from tests.checkpoints import config_of, put
from tests.stores import Home

NAME = f"artifacts/{'0' * 64}.txt"
LOOKALIKES: list[Any] = [
    {"$artifact": NAME},
    {"$artifact": NAME, "bytes": 5},
    {"$artifact": NAME, "base64": ""},
    {"$artifact": NAME, "codec": "grid"},
    {"$artifact": "/etc/passwd"},
    {"$artifact": None},
    {"$list": [NAME], "tail": []},
    {"$list": []},
    {"$list": [], "tail": [1]},
    {"$list": {"$list": []}},
    {"$type": "artifact", "path": NAME, "name": "a", "media_type": "text/plain", "bytes": 1, "sha256": "0" * 64},
    {"$type": "artifact"},
    {"$type": "dict", "items": [["$artifact", NAME]]},
    {"$serde": "x", "value": {"$artifact": NAME}},
    {"items": {"$artifact": NAME}, "$type": "tuple"},
    {"$type": {"$artifact": NAME}},
    NAME,
    json.dumps({"$artifact": NAME}),
]


def channels_of(saver: FileSaver) -> dict[str, Any]:
    found = saver.get_tuple(config_of())
    assert found is not None
    return found.checkpoint["channel_values"]


@pytest.mark.parametrize("value", LOOKALIKES, ids=lambda value: str(value)[:40])
@pytest.mark.parametrize("threshold", [0, 65536, None])
def test_a_dict_that_looks_like_a_reference(home: Home, value: Any, threshold: int | None) -> None:
    """It comes back as it was: alone, deep inside, in a chunk of a long list, in a large dict, in writes and in metadata."""
    saver = home.saver(artifact_threshold_bytes=threshold)
    state = {
        "alone": value,
        "deep": {"a": [value, (value, {"b": value})]},
        "long list": [value] * 9 + [["x" * 90]] * 300 + [value] * 90,
        "large dict": {**{f"k{number}": "x" * 90 for number in range(900)}, "here": value},
        "large inside": {"value": value, "text": "x" * 100_000},
        "message": HumanMessage(
            [value if isinstance(value, dict) else {"text": value}], additional_kwargs={"v": value}
        ),
    }
    put(saver, "c1", state, metadata={"value": value})
    saver.put_writes(config_of("t", "", "c1"), list(state.items()), "task")
    found = home.saver().get_tuple(config_of())
    assert found is not None
    assert found.checkpoint["channel_values"] == state
    assert {channel: written for _, channel, written in found.pending_writes or ()} == state
    assert found.metadata["value"] == value  # type: ignore[typeddict-item]
    before = artifacts_of(home)
    assert saver.collect_garbage("t", dry_run=False, grace_seconds=0).files == 0
    assert artifacts_of(home) == before


def edit(home: Home, change: Any) -> None:
    """Change the file of the checkpoint as a person would in an editor."""
    path: Path = home.root / "t" / "checkpoints" / "_root" / "c1.json"
    document = json.loads(path.read_text())
    change(document["state"])
    path.write_text(json.dumps(document, indent=2))


def test_a_list_written_in_place_of_its_chunks(local_home: Home) -> None:
    """A person writes the list itself where `$list` was, or takes a chunk out, or writes into the tail: that is the list."""
    messages = [HumanMessage(f"message {number}" * 9, id=f"m{number}") for number in range(400)]
    saver = local_home.saver()
    put(saver, "c1", {"list": messages})
    assert channels_of(saver)["list"] == messages

    def drop_a_chunk(state: dict[str, Any]) -> None:
        del state["list"]["$list"][1]

    def without_tail(state: dict[str, Any]) -> None:
        del state["list"]["tail"]

    edit(local_home, drop_a_chunk)
    shorter = channels_of(saver)["list"]
    assert 300 < len(shorter) < 400
    assert shorter[:10] == messages[:10]
    assert shorter[-10:] == messages[-10:]
    edit(local_home, lambda state: state["list"]["tail"].append({"$type": "tuple", "items": [1]}))
    assert channels_of(saver)["list"] == [*shorter, (1,)]
    edit(local_home, without_tail)
    assert channels_of(saver)["list"] == shorter[: len(channels_of(saver)["list"])]
    edit(local_home, lambda state: state.update(list=[1, 2, 3]))
    for reader in (saver, local_home.saver()):
        assert channels_of(reader)["list"] == [1, 2, 3]


def test_a_value_written_in_place_of_its_artifact(local_home: Home) -> None:
    """A person writes the text itself, or another value, where `$artifact` was: that is the value."""
    saver = local_home.saver()
    put(saver, "c1", {"text": "x" * 100_000, "data": {"a": b"y" * 100_000, "b": 1}})
    edit(local_home, lambda state: state.update(text="corrected"))
    edit(local_home, lambda state: state["data"].update(a=["corrected", 1]))
    for reader in (saver, local_home.saver()):
        assert channels_of(reader) == {"text": "corrected", "data": {"a": ["corrected", 1], "b": 1}}


def test_an_edit_is_not_undone_by_the_next_step(local_home: Home) -> None:
    """What a person corrected, and a graph reads and puts on unchanged, stays corrected: no memory of the old text counts."""
    saver = local_home.saver()
    messages = [HumanMessage(f"message {number}" * 9, id=f"m{number}") for number in range(400)]
    put(saver, "c1", {"text": "x" * 100_000, "list": messages})
    edit(local_home, lambda state: state.update(text="corrected"))
    edit(local_home, lambda state: state["list"]["tail"][-1].update(content="corrected"))
    found = saver.get_tuple(config_of())
    assert found is not None
    checkpoint = {**found.checkpoint, "id": "c2"}
    saver.put(found.config, checkpoint, found.metadata, {})  # type: ignore[arg-type]
    for reader in (saver, local_home.saver()):
        assert channels_of(reader)["text"] == "corrected"
        assert channels_of(reader)["list"] == [*messages[:-1], HumanMessage("corrected", id="m399")]
    assert_nothing_missing(local_home)


def test_a_chunk_that_a_person_made(local_home: Home) -> None:
    """A reference may lead to any list in JSON that has the name of its bytes, also to a list of references."""
    import hashlib

    saver = local_home.saver()
    put(saver, "c1", {"list": ["x" * 200] * 400})
    folder = local_home.root / "t" / "artifacts"

    def written(tree: Any) -> str:
        data = json.dumps(tree).encode()
        name = f"{hashlib.sha256(data).hexdigest()}.json"
        (folder / name).write_bytes(data)
        return f"artifacts/{name}"

    inner = written(["b", {"$type": "tuple", "items": [1]}])
    outer = written({"$list": [written(["a"]), inner]})
    edit(local_home, lambda state: state.update(list={"$list": [outer, inner], "tail": ["c"]}))
    expected: list[Any] = ["a", "b", (1,), "b", (1,), "c"]
    for reader in (saver, local_home.saver()):
        assert channels_of(reader)["list"] == expected
    assert saver.collect_garbage("t", dry_run=False, grace_seconds=0).files > 0
    assert channels_of(saver)["list"] == expected
    put(saver, "c2", {"list": expected * 1_000}, step=1)
    assert channels_of(local_home.saver())["list"] == expected * 1_000
