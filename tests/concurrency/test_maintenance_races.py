"""Prune, copy, delete, collection and hand edits while other processes write: nothing fails, nothing wanted is gone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from langgraph_filesaver import FileSaver
from tests.artifacts.folder import assert_nothing_missing_in
from tests.checkpoints import config_of, id_of, ids_of, put
from tests.concurrency.maintaining import assert_whole, values_of
from tests.concurrency.processes import Worker, assert_every_file_parses

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the processes are told and heard by pipes and select")


def act_at_once(root: Path, seconds: float, *roles: tuple[str, int]) -> list[dict[str, Any]]:
    """Let processes of these roles act for some time; return what each tells, and check what they leave."""
    workers = [Worker("maintaining", role, root, number) for role, number in roles]
    try:
        for worker in workers:
            worker.wait_until_ready()
        for worker in workers:
            worker.tell({"seconds": seconds})
        told: list[dict[str, Any]] = [worker.hear() for worker in workers]
        for worker in workers:
            worker.end()
    finally:
        for worker in workers:
            worker.kill()
    assert all(each["count"] > 2 for each in told), f"somebody had no turn: {[each['count'] for each in told]}"
    assert_every_file_parses(root)
    assert list((root / ".tmp").iterdir()) == []
    assert FileSaver(root).locks() == []
    return told


def assert_latest(root: Path, writers: list[dict[str, Any]]) -> None:
    """Check that the latest of each writer's namespace is what it put last, whole."""
    saver = FileSaver(root)
    for told in writers:
        ns, last = told["done"]
        latest = saver.get_tuple(config_of("t", ns))
        assert latest is not None
        assert id_of(latest.config) == last
    for found in saver.list(config_of("t", None)):
        assert_whole(found, must_have_writes=True)
    assert_nothing_missing_in(root / "t")


def writers_and_all_others(root: Path, seconds: float) -> None:
    others = [("prune", 0), ("copy", 0), ("collect", 0)]
    told = act_at_once(root, seconds, ("write", 0), ("write", 1), *others)
    assert sum(told[4]["done"]) > 0, "no garbage was collected"
    assert_latest(root, told[:2])
    saver = FileSaver(root)
    saver.prune(["t"])
    saver.collect_garbage("t", dry_run=False, grace_seconds=0)
    assert_latest(root, told[:2])
    assert len(list(saver.list(config_of("t", None)))) == 2


def test_writers_against_prune_copy_and_collection(tmp_path: Path) -> None:
    """Two processes write while one each prunes, copies, and collects without grace: no error, and nothing wanted is gone."""
    writers_and_all_others(tmp_path / "checkpoints", 5)


def test_edits_by_hand_lose_nothing(tmp_path: Path) -> None:
    """While files are laid out anew by hand, and copied and collected, every checkpoint that was put is there, with all of it.

    Nobody prunes here: a person who saves a file that was removed since they opened it brings it back without its artifacts.
    """
    root = tmp_path / "checkpoints"
    told = act_at_once(root, 4, ("write", 0), ("write", 1), ("edit", 0), ("copy", 0), ("collect", 0))
    assert_latest(root, told[:2])
    for writer in told[:2]:
        ids = [f"{number:06}" for number in range(writer["count"])]
        found = list(FileSaver(root).list(config_of("t", writer["done"][0])))[::-1]
        assert [id_of(each.config) for each in found] == ids
        assert [id_of(each.parent_config) for each in found] == [None, *ids[:-1]]


def writers_and_deleters(root: Path, seconds: float) -> None:
    saver = FileSaver(root)
    told = act_at_once(root, seconds, ("write_and_lose", 0), ("write_and_lose", 1), ("delete", 0), ("delete", 1))
    deletions = [each for deleter in told[2:] for each in deleter["done"]]
    last_begin, last_end = max(begin for begin, _ in deletions), max(end for _, end in deletions)
    there = set(ids_of(saver, config_of("d")))
    for checkpoint_id, begun, put_at, written_at in (each for writer in told[:2] for each in writer["done"]):
        if begun > last_end:
            assert checkpoint_id in there, "acknowledged after the last deletion, and gone"
        if put_at < last_begin:
            assert checkpoint_id not in there, "deleted, and there again"
        found = saver.get_tuple(config_of("d", "", checkpoint_id))
        if found is not None:
            assert_whole(found, must_have_writes=put_at > last_end and written_at > last_end)
    saver.delete_thread("d")
    assert not (root / "d").exists()


def test_writers_against_deletions(tmp_path: Path) -> None:
    """Two processes put to a thread that two others delete: no error; what came after the last deletion is there, whole."""
    writers_and_deleters(tmp_path / "checkpoints", 4)


def test_copies_in_both_directions(tmp_path: Path) -> None:
    """Two processes copy two threads into each other, and a third one too: no deadlock, and both have all of both."""
    root = tmp_path / "checkpoints"
    saver = FileSaver(root, fsync=False, artifact_threshold_bytes=500)
    for number in range(10):
        each = f"{number:06}"
        put(saver, each, values_of(each), thread_id="ab"[number % 2], step=number)
    act_at_once(root, 2, ("copy_back", 0), ("copy_back", 1), ("copy_back", 2))
    for thread_id in "ab":
        assert ids_of(saver, config_of(thread_id)) == [f"{number:06}" for number in range(10)][::-1]
        assert_nothing_missing_in(root / thread_id)
        for found in saver.list(config_of(thread_id)):
            assert_whole(found)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("race", [writers_and_all_others, writers_and_deleters])
def test_maintenance_for_long(tmp_path: Path, race: Any) -> None:
    """As above, for two minutes."""
    race(tmp_path / "checkpoints", 120)
