"""Artifacts that refer to artifacts: what is inside of them is written, found, kept and copied as what the checkpoint refers to."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langgraph.checkpoint.serde.types import _DeltaSnapshot

from langgraph_filesaver import Artifact, FileSaver, FileSaverError
from tests.artifacts.folder import artifacts_of, assert_nothing_missing
from tests.checkpoints import checkpoint_of, config_of, ids_of, metadata_of, put
from tests.stores import Home, WatchedStore


def value_of(saver: FileSaver) -> Any:
    found = saver.get_tuple(config_of())
    assert found is not None
    return found.checkpoint["channel_values"]["value"]


@pytest.mark.parametrize("entries", [2_000, 20_000, 160_000])
@pytest.mark.parametrize("compression", [None, "gzip"])
def test_a_large_dict_with_a_large_text(home: Home, entries: int, compression: Any) -> None:
    """A `.json` file of 0.1, 1 or 9 MB, held in memory or in the staging folder, and the text that it refers to are both there."""
    value = {"text": "x" * 100_000, "list": ["y" * 90] * 300, **{str(number): "z" * 40 for number in range(entries)}}
    saver = home.saver(compression=compression)
    for step in range(2):
        put(saver, f"c{step}", {"value": value, "n": step}, step=step)
        assert value_of(home.saver()) == value
    assert saver.collect_garbage("t", grace_seconds=0).files == 0


def test_a_chunk_that_is_a_file_of_the_users_too(home: Home) -> None:
    """An agent takes an artifact of its own store as an `Artifact`: what that refers to is still found by a collection."""
    saver = home.saver()
    value = [{"text": "t" * 100_000 + str(number)} for number in range(40)] + ["m" * 200] * 200
    put(saver, "c1", {"value": value})
    nested = [data for data in artifacts_of(home).values() if b'"artifacts/' in data]
    assert nested
    files = [Artifact.from_bytes(data, name="copy.json") for data in nested]
    put(saver, "c2", {"value": value, "files": files}, parent="c1", step=1)
    put(saver, "c3", {"files": files, "value": value}, parent="c2", step=2)
    for checkpoint_id in ("c1", "c2"):
        assert checkpoint_id in ids_of(saver, config_of())
    saver.prune(["t"])
    assert saver.collect_garbage("t", dry_run=False, grace_seconds=0).files == 0
    put(saver, "c4", {"value": value, "files": files}, step=3)
    saver.prune(["t"])
    assert saver.collect_garbage("t", dry_run=False, grace_seconds=0).files == 0
    assert value_of(home.saver()) == value


@pytest.mark.parametrize("depth", [50, 150, 240])
@pytest.mark.parametrize("threshold", [0, 200])
def test_a_deep_value_at_a_small_threshold(home: Home, depth: int, threshold: int) -> None:
    """What is acknowledged can be read, however deep: there are never too many files inside of files."""
    value: Any = "t" * 100_000
    for _ in range(depth):
        value = {"a": value, "b": "q" * 100}
    saver = home.saver(artifact_threshold_bytes=threshold)
    put(saver, "c1", {"value": value})
    assert value_of(home.saver()) == value
    assert saver.collect_garbage("t", grace_seconds=0).files == 0


@pytest.mark.parametrize("threshold", [0, 20, 100, 200, 65536])
def test_a_snapshot_is_known_wherever_it_lies(home: Home, threshold: int) -> None:
    """Pruning keeps the checkpoint with the only snapshot of a DeltaChannel at any threshold."""
    saver = home.saver(artifact_threshold_bytes=threshold)
    snapshot = _DeltaSnapshot([1, 2, "text " * 20])
    saver.put(config_of(), checkpoint_of("c1", {"v": snapshot}, {"v": 1}), metadata_of(), {"v": 1})
    saver.put(config_of("t", "", "c1"), checkpoint_of("c2", {}, {"v": 1}), metadata_of(), {})
    saver.prune(["t"])
    assert ids_of(saver, config_of()) == ["c2", "c1"]


def test_integers_in_chunks_stay_in_the_range_that_every_tool_keeps(home: Home) -> None:
    """[V3] In artifacts, too, an integer beyond 53 bits is written as tagged text."""
    value = [{"n": 2**60 + number} for number in range(1_000)] + [{"n": 1}] * 1_500

    def check(number: str) -> int:
        assert abs(int(number)) < 2**53
        return int(number)

    put(home.saver(), "c1", {"value": value})
    assert len(artifacts_of(home)) > 5
    for data in artifacts_of(home).values():
        json.loads(data, parse_int=check)
    assert value_of(home.saver()) == value


@pytest.mark.parametrize("size", [48_000, 50_000, 65_536, 65_537, 90_000])
@pytest.mark.parametrize("make", [bytes, bytearray])
def test_bytes_are_bytes(home: Home, size: int, make: type) -> None:
    """Bytes that leave the file become a file of those bytes, and never base64 inside of JSON."""
    put(home.saver(), "c1", {"value": make(size)})
    assert {name[64:] for name in artifacts_of(home)} <= {".bin"}
    assert value_of(home.saver()) == make(size)


def test_a_newer_file_is_named_by_a_collection(local_home: Home) -> None:
    """A collection that meets a file of a newer format says which."""
    put(local_home.saver(), "c1", {"value": 1})
    path = local_home.root / "t" / "checkpoints" / "_root" / "c1.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 99'))
    with pytest.raises(FileSaverError, match=r"c1\.json"):
        local_home.saver().collect_garbage("t")


class SettlingStore(WatchedStore):
    """A store that notes what was made durable."""

    def __init__(self, home: Home) -> None:
        super().__init__(home.store())
        self.settled: list[str] = []

    def settle(self, keys: Any) -> None:
        keys = list(keys)
        self.settled += keys
        super().settle(keys)


def test_a_copy_settles_what_it_finds(local_home: Home) -> None:
    """A copy died after it had named an artifact and before that was durable: the next copy makes it so."""
    put(local_home.saver(), "c1", {"value": "x" * 100_000})
    (name,) = artifacts_of(local_home)
    folder = local_home.root / "u" / "artifacts"
    folder.mkdir(parents=True)
    (folder / name).hardlink_to(local_home.root / "t" / "artifacts" / name)
    store = SettlingStore(local_home)
    FileSaver(store).copy_thread("t", "u")
    assert f"u/artifacts/{name}" in store.settled
    assert_nothing_missing(local_home, "u")
