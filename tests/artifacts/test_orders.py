"""[O5] What is referred to is durable before what refers to it: the order of writing and flushing artifacts."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable

from langgraph_filesaver import FileSaver
from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store import LocalStore
from langgraph_filesaver._store.durability import NoFlush
from tests.artifacts.folder import artifacts_of, referred_names
from tests.checkpoints import put
from tests.stores import Home, WatchedStore


class WitnessedFlushes(NoFlush):
    """Notes, at each of the two moments of naming a file, how large it is and whether it has its name already."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.seen: list[tuple[str, int, bool]] = []

    def before_name(self, descriptor: int) -> None:
        self.seen.append(("before", os.fstat(descriptor).st_size, os.path.exists(self._path)))

    def after_name(self, descriptor: int, folder: str) -> None:
        assert folder == os.path.dirname(self._path)
        self.seen.append(("after", os.fstat(descriptor).st_size, os.path.exists(self._path)))


def test_a_large_file_is_flushed_before_it_has_its_name(local_home: Home) -> None:
    """[O1] [O2] A file that was written piece by piece is flushed as a whole, then named, then its name is flushed."""
    store = LocalStore(str(local_home.root), marker=MARKER)
    store.create("t/a.bin", b"a")
    flushes = store._chosen = WitnessedFlushes(f"{local_home.root}/t/large.bin")
    staged = store.stage("t")
    for _ in range(3):
        staged.write(b"x" * 1000)
    assert staged.name("t/large.bin")
    staged.close()
    assert flushes.seen == [("before", 3000, False), ("after", 3000, True)]


class NotingStore(WatchedStore):
    """Notes which keys were made durable because they were found, and when among the changes."""

    def settle(self, keys: Iterable[str]) -> None:
        keys = list(keys)
        super().settle(keys)
        self.changes += [("settle", key) for key in keys]


def test_an_artifact_that_was_found_is_made_durable_first(local_home: Home) -> None:
    """[O2] Another process wrote the artifact and may have died before it was durable: it is flushed before the checkpoint."""
    value = "x" * 100_000
    key = f"t/artifacts/{hashlib.sha256(value.encode()).hexdigest()}.txt"
    local_home.store().create(key, value.encode())
    store = NotingStore(local_home.store())
    put(FileSaver(store), "c1", {"a": value})
    assert store.changes == [("settle", key), ("create", "t/checkpoints/_root/c1.json")]


def test_an_artifact_is_stored_after_those_that_it_refers_to(home: Home) -> None:
    """Texts come before the chunk that holds them, chunks before the chunk of references, and the checkpoint comes last."""
    store = WatchedStore(home.store())
    listed = [{"n": number, "text": f"{number}" * 300} for number in range(2000)]
    put(FileSaver(store, artifact_threshold_bytes=1000), "c1", {"list": listed})
    created = [key for verb, key in store.changes if verb == "create"]
    assert created[-1] == "t/checkpoints/_root/c1.json"
    place = {key.rpartition("/")[2]: number for number, key in enumerate(created)}
    artifacts = artifacts_of(home)
    pairs = [(inner, name) for name, data in artifacts.items() for inner in referred_names({"checkpoints/x": data})]
    assert len(pairs) > 1000
    assert all(place[inner] < place[name] for inner, name in pairs)
