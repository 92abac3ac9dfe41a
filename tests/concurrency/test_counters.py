"""Eight processes increment one counter in the state of a real graph: no increment is lost without a word."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from langgraph_filesaver import FileSaver
from tests.checkpoints import config_of, id_of
from tests.concurrency.counting import CONFIG, counting_graph
from tests.concurrency.processes import Worker, assert_every_file_parses

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the processes are told and heard by pipes and select")

PROCESSES = 8
TIMES = 50


def count_at_once(root: Path, way: str, durability: str) -> tuple[int, int]:
    """Let eight processes count; return how many increments went well, and how many conflicts there were."""
    workers = [Worker("counting", way, root, durability) for _ in range(PROCESSES)]
    try:
        for worker in workers:
            worker.wait_until_ready()
        for worker in workers:
            worker.tell({"times": TIMES})
        done = [worker.hear() for worker in workers]
        for worker in workers:
            worker.end()
    finally:
        for worker in workers:
            worker.kill()
    assert_every_file_parses(root)
    return sum(each["counted"] for each in done), sum(each["conflicts"] for each in done)


def assert_one_chain(saver: FileSaver) -> None:
    """Check that each checkpoint's parent is the one before it, and that nobody has a lease or left a temporary file."""
    chain = list(saver.list(config_of()))[::-1]
    ids = [id_of(each.config) for each in chain]
    assert [id_of(each.parent_config) for each in chain] == [None, *ids[:-1]]
    counts = [each.checkpoint["channel_values"].get("count", 0) for each in chain]
    assert counts == sorted(counts)
    assert set(counts) == set(range(counts[-1] + 1))
    assert saver.locks() == []


@pytest.mark.parametrize(
    ("way", "durability"),
    [
        ("locked", "sync"),
        ("exclusive", "async"),
        pytest.param("locked", "async", marks=pytest.mark.soak),
        pytest.param("exclusive", "sync", marks=pytest.mark.soak),
    ],
)
def test_under_a_lease_no_increment_is_lost(tmp_path: Path, way: str, durability: str) -> None:
    """8 processes by 50 runs that have the thread for themselves: the counter is 400, and the history is one chain."""
    root = tmp_path / "checkpoints"
    assert count_at_once(root, way, durability) == (PROCESSES * TIMES, 0)
    saver = FileSaver(root)
    assert counting_graph(saver).get_state(CONFIG).values["count"] == PROCESSES * TIMES
    assert_one_chain(saver)
    assert list((root / ".tmp").iterdir()) == []


@pytest.mark.parametrize("durability", ["sync", "async"])
def test_without_a_lease_each_lost_increment_is_told(tmp_path: Path, durability: str) -> None:
    """8 processes by 50 runs with `on_conflict="raise"`: counter + ConflictErrors = 400, and the history is one chain."""
    root = tmp_path / "checkpoints"
    counted, conflicts = count_at_once(root, "raise", durability)
    saver = FileSaver(root)
    count = counting_graph(saver).get_state(CONFIG).values.get("count", 0)
    assert (count, count + conflicts) == (counted, PROCESSES * TIMES)
    assert conflicts > 0, "nobody met anybody: this shows nothing"
    assert count > 0, "nobody came through"
    assert_one_chain(saver)
    assert list((root / ".tmp").iterdir()) == []
