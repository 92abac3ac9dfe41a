"""What a saver remembers of artifacts is never believed where it may have become untrue: by hand, by a collection, by damage."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from langgraph_filesaver import FileSaver
from langgraph_filesaver._store import Store
from tests.artifacts.folder import artifacts_of, assert_nothing_missing, make_older
from tests.checkpoints import config_of, put
from tests.stores import Home, WatchedStore


def items(start: int, end: int) -> list[str]:
    """Return items of a long list, of 200 letters each."""
    return [f"{number:06d} {hashlib.sha256(str(number).encode()).hexdigest() * 3}" for number in range(start, end)]


def value_of(saver: FileSaver, channel: str, checkpoint_id: str | None = None) -> Any:
    """Return a channel's value."""
    found = saver.get_tuple(config_of("t", "", checkpoint_id))
    assert found is not None
    return found.checkpoint["channel_values"][channel]


def test_a_folder_brought_back_from_a_backup(local_home: Home, tmp_path: Path) -> None:
    """A person replaces the thread's folder by an older copy: the saver that stored the newer state stores it again whole."""
    saver = local_home.saver()
    put(saver, "c1", {"list": items(0, 200)}, step=1)
    shutil.copytree(local_home.root / "t", tmp_path / "backup")
    put(saver, "c2", {"list": items(0, 500)}, step=2)
    shutil.rmtree(local_home.root / "t")
    shutil.copytree(tmp_path / "backup", local_home.root / "t")
    put(saver, "c3", {"list": items(0, 500)}, step=3)
    assert_nothing_missing(local_home)


def test_a_folder_removed_under_two_savers(local_home: Home) -> None:
    """Two savers know a thread that a person removes: the one that comes second does not believe what the first brought back."""
    one, other = local_home.saver(), local_home.saver()
    put(one, "c1", {"list": items(0, 500)}, step=1)
    read = value_of(other, "list")
    put(other, "c2", {"list": read}, step=2)
    shutil.rmtree(local_home.root / "t")
    put(one, "c3", {"list": items(0, 100)}, step=3)
    put(other, "c4", {"list": read}, step=4)
    assert_nothing_missing(local_home)


@pytest.mark.parametrize("letter", ["a", "b", "c", "d"])
def test_one_artifact_removed_by_hand(local_home: Home, letter: str) -> None:
    """Whichever artifact a person removed, a put of the same values by the same saver brings it back."""
    saver, state = local_home.saver(), {each: each * 100_000 for each in "abcd"}
    put(saver, "c1", state, step=1)
    name = hashlib.sha256(state[letter].encode()).hexdigest()
    (local_home.root / "t" / "artifacts" / f"{name}.txt").unlink()
    put(saver, "c2", state, step=2)
    assert_nothing_missing(local_home)


def test_a_damaged_artifact_is_mended_by_a_put(local_home: Home) -> None:
    """An artifact cut short, as by a power cut without fsync, is written again by whoever has its content."""
    put(local_home.saver(), "c1", {"a": "x" * 100_000}, step=1)
    (artifact,) = (local_home.root / "t" / "artifacts").iterdir()
    artifact.write_bytes(b"")
    put(local_home.saver(), "c2", {"a": "x" * 100_000}, step=2)
    assert value_of(local_home.saver(), "a") == "x" * 100_000


class CollectingStore(WatchedStore):
    """A store in which a removal of artifacts waits until it is let go on."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self.removing = threading.Event()
        self.may_remove = threading.Event()

    def delete(self, keys: Iterable[str]) -> None:
        keys = list(keys)
        if any("/artifacts/" in key for key in keys):
            self.removing.set()
            assert self.may_remove.wait(60)
        super().delete(keys)


class InterruptedStore(WatchedStore):
    """A store that, right after somebody saw that a checkpoint is there, lets another one act, once."""

    def __init__(self, inner: Store, checkpoint: str, act: Any) -> None:
        super().__init__(inner)
        self._checkpoint = checkpoint
        self._act = act

    def exists(self, key: str) -> bool:
        there = super().exists(key)
        if key.endswith(self._checkpoint) and self._act is not None:
            act, self._act = self._act, None
            act()
        return there


def test_what_is_read_while_a_collection_removes_it(local_home: Home) -> None:
    """A reader that sees artifacts which a collection is about to remove does not believe, when it puts, that they are there."""
    common = items(0, 400)
    old = common + items(1000, 1300)
    writer = local_home.saver()
    put(writer, "c1", {"list": old}, step=1)
    put(writer, "c2", {"list": common}, step=2, parent="c1")
    store = CollectingStore(local_home.store())
    collector = threading.Thread(target=lambda: FileSaver(store).collect_garbage("t", dry_run=False, grace_seconds=0))

    def prune_and_collect() -> None:
        local_home.saver().prune(["t"])
        collector.start()
        assert store.removing.wait(60)

    reader = FileSaver(InterruptedStore(local_home.store(), "/c1.json", prune_and_collect))
    read = value_of(reader, "list", "c1")
    store.may_remove.set()
    collector.join()
    assert read == old
    put(reader, "c3", {"list": read}, step=3, parent="c2")
    assert_nothing_missing(local_home)
    assert value_of(local_home.saver(), "list") == old


def test_old_garbage_that_is_written_again_is_young(local_home: Home) -> None:
    """`open_artifact` of what is there as old garbage already: the grace period begins anew, so the put that follows finds it."""
    saver = local_home.saver()
    put(saver, "c1", {"n": 1}, step=1)
    with saver.open_artifact(config_of(), "a.bin") as file:
        file.write(b"abc")
    make_older(local_home, 7200)
    with saver.open_artifact(config_of(), "a.bin") as file:
        file.write(b"abc")
    saver.collect_garbage("t", dry_run=False)
    put(saver, "c2", {"a": file.artifact}, step=2)
    assert value_of(local_home.saver(), "a").read_bytes() == b"abc"


def test_a_copy_flushes_what_an_earlier_one_left(local_home: Home) -> None:
    """[O2] A copy that is repeated after it died flushes the artifacts that it finds, for the first may not have come to it."""
    put(local_home.saver(), "c1", {"a": "x" * 100_000}, step=1)
    (name,) = artifacts_of(local_home)
    (local_home.root / "u" / "artifacts").mkdir(parents=True)
    os.link(local_home.root / "t" / "artifacts" / name, local_home.root / "u" / "artifacts" / name)
    settled: list[str] = []

    class NotingStore(WatchedStore):
        def settle(self, keys: Iterable[str]) -> None:
            keys = list(keys)
            settled.extend(keys)
            super().settle(keys)

    FileSaver(NotingStore(local_home.store())).copy_thread("t", "u")
    assert f"u/artifacts/{name}" in settled
