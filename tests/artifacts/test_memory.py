"""What a saver remembers of the artifacts that are there is only a short cut: whoever removed one, the next put stores it again."""

from __future__ import annotations

import hashlib
import random
import shutil
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langgraph_filesaver import FileSaver
from langgraph_filesaver._serde import fingerprint
from tests.artifacts.folder import artifacts_of, assert_nothing_missing
from tests.checkpoints import config_of, put
from tests.stores import Home, WatchedStore


def message(number: int) -> HumanMessage:
    return HumanMessage(f"{number}: " + random.Random(number).randbytes(100).hex(), id=f"m{number}")


def messages(*numbers: range) -> list[Any]:
    return [message(number) for each in numbers for number in each]


def value_of(saver: FileSaver, checkpoint_id: str | None = None) -> Any:
    found = saver.get_tuple(config_of("t", "", checkpoint_id))
    assert found is not None
    return found.checkpoint["channel_values"]["value"]


@pytest.mark.parametrize("rounds", range(5))
def test_a_backup_under_a_warm_saver(local_home: Home, tmp_path: Path, rounds: int) -> None:
    """A person replaces the thread's folder by an older copy: what the running saver puts next is complete all the same."""
    saver = local_home.saver()
    items = messages(range(200 + rounds))
    put(saver, "c1", {"value": items})
    shutil.copytree(local_home.root / "t", tmp_path / "backup")
    items = items + messages(range(500, 800))
    put(saver, "c2", {"value": items}, step=1)
    shutil.rmtree(local_home.root / "t")
    shutil.copytree(tmp_path / "backup", local_home.root / "t")
    put(saver, "c3", {"value": items}, step=2)
    assert_nothing_missing(local_home)
    assert value_of(local_home.saver()) == items


def test_two_warm_savers_and_a_removed_folder(local_home: Home) -> None:
    """After `rm -rf` one saver stores some of it again; the other one does not take that for all of it."""
    one, other = local_home.saver(), local_home.saver()
    items = messages(range(500))
    put(one, "c1", {"value": items})
    again = value_of(other)
    put(other, "c2", {"value": again}, step=1)
    shutil.rmtree(local_home.root / "t")
    put(one, "c3", {"value": items[:100]}, step=2)
    put(other, "c4", {"value": again}, step=3)
    assert_nothing_missing(local_home)


@pytest.mark.parametrize("gone", range(4))
def test_one_file_removed_by_hand(local_home: Home, gone: int) -> None:
    """A person removes one artifact of many: the same saver's next put of its value brings it back."""
    saver = local_home.saver()
    texts = {f"text {number}": str(number) * 100_000 for number in range(4)}
    put(saver, "c1", texts)
    name = f"{hashlib.sha256((str(gone) * 100_000).encode()).hexdigest()}.txt"
    (local_home.root / "t" / "artifacts" / name).unlink()
    put(saver, "c2", texts, step=1)
    assert_nothing_missing(local_home)


def test_a_damaged_file_is_mended_by_the_next_put(local_home: Home) -> None:
    """An artifact that a power cut left empty is written again when its value is stored again."""
    put(local_home.saver(), "c1", {"value": "x" * 100_000})
    (path,) = (local_home.root / "t" / "artifacts").iterdir()
    path.write_bytes(b"")
    put(local_home.saver(), "c2", {"value": "x" * 100_000}, step=1)
    assert value_of(local_home.saver()) == "x" * 100_000


class SlowStore(WatchedStore):
    """A store that stops before it removes artifacts."""

    def __init__(self, home: Home) -> None:
        super().__init__(home.store())
        self.is_about_to_remove, self.may_remove = threading.Event(), threading.Event()

    def delete(self, keys: Iterable[str]) -> None:
        keys = list(keys)
        if any("/artifacts/" in key for key in keys):
            self.is_about_to_remove.set()
            assert self.may_remove.wait(30)
        super().delete(keys)


class PausingStore(WatchedStore):
    """A store that calls back once, after it was asked whether a checkpoint is still there."""

    def exists(self, key: str) -> bool:
        found = super().exists(key)
        if key.endswith("/c1.json") and self.then:
            self.then.pop()()
        return found

    def __init__(self, home: Home) -> None:
        super().__init__(home.store())
        self.then: list[Any] = []


@pytest.mark.parametrize("rounds", range(5))
def test_what_is_read_while_it_is_removed(local_home: Home, rounds: int) -> None:
    """A reader that sees artifacts in the midst of their removal does not remember them as there."""
    kept = messages(range(400 + rounds))
    old = [*kept, *messages(range(1_000, 1_200))]
    put(local_home.saver(), "c1", {"value": old})
    put(local_home.saver(), "c2", {"value": kept}, parent="c1", step=1)
    slow, pausing = SlowStore(local_home), PausingStore(local_home)
    reader = FileSaver(pausing)
    collecting = threading.Thread(target=lambda: FileSaver(slow).collect_garbage("t", dry_run=False, grace_seconds=0))

    def prune_and_collect() -> None:
        local_home.saver().prune(["t"])
        collecting.start()
        assert slow.is_about_to_remove.wait(30)

    pausing.then.append(prune_and_collect)
    read = value_of(reader, "c1")
    assert read == old
    slow.may_remove.set()
    collecting.join()
    put(reader, "c3", {"value": read}, parent="c2", step=2)
    assert_nothing_missing(local_home)
    assert value_of(local_home.saver()) == old


def test_a_list_that_looks_like_a_tuple_to_the_memory(home: Home) -> None:
    """No list of a user's has the fingerprint of a tuple, whatever numbers are in it: the change is seen and stored."""
    saver = home.saver()
    items: list[list[Any]] = [["first", ("a", number)] for number in range(2_000)]
    put(saver, "c1", {"value": items})
    for number in range(len(fingerprint._parts) + 1):
        items[0][1] = ("a", 0)
        put(saver, f"a{number}", {"value": items}, step=2 * number)
        items[0][1] = [number, ["a", 0]]
        put(saver, f"b{number}", {"value": items}, step=2 * number + 1)
        assert repr(value_of(home.saver(), f"b{number}")) == repr(items)
    assert artifacts_of(home)
