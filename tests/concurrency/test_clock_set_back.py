"""A clock that was set back, or another machine's that runs ahead, hides no progress: the new checkpoint is the latest."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest
from langgraph.checkpoint.base import id as generator

from langgraph_filesaver import FileSaver
from tests.checkpoints import config_of, id_of, ids_of, put
from tests.concurrency.graphs import CONFIG, chain_of, counting
from tests.stores import Home

HOUR = 3600 * 10**9


@pytest.fixture(autouse=True)
def _fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give LangGraph's generator of ids the memory of a process that has made none."""
    assert hasattr(generator, "_last_v6_timestamp"), "LangGraph keeps its memory elsewhere: see _ids"
    monkeypatch.setattr(generator, "_last_v6_timestamp", None)


@pytest.mark.parametrize("hours", [1, -1])
def test_runs_go_on_after_the_clock_was_set(home: Home, monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    """A process whose clock differs by an hour goes on from the latest, and what it puts is the latest then."""
    counting(home.saver()).invoke({"count": 0}, CONFIG)
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + hours * HOUR)
    monkeypatch.setattr(generator, "_last_v6_timestamp", None)  # another process
    saver = home.saver()
    assert counting(saver).invoke({"count": 0}, CONFIG) == {"count": 4}
    assert counting(saver).get_state(CONFIG).values == {"count": 4}
    assert chain_of(saver)


async def test_async_runs_go_on_after_the_clock_was_set_back(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for an async run."""
    async with home.saver() as saver:
        graph = counting(saver)
        await graph.ainvoke({"count": 0}, CONFIG)
        now = time.time_ns
        monkeypatch.setattr(time, "time_ns", lambda: now() - HOUR)
        monkeypatch.setattr(generator, "_last_v6_timestamp", None)
        await graph.ainvoke({"count": 0}, CONFIG)
        assert (await graph.aget_state(CONFIG)).values == {"count": 4}


@pytest.mark.parametrize(
    "checkpoint_id", ["1f0c8a11-5b2e-6d04-8001-3f9c27a1d55e", "zz0c8a11-5b2e-6d04-8001-3f9c27a1d55e", "7"]
)
def test_other_ids_change_nothing(saver: FileSaver, checkpoint_id: str) -> None:
    """An id of the past, and one that is no UUID of version 6, leave the generator as it is."""
    put(saver, checkpoint_id)
    assert saver.get_tuple(config_of()) is not None
    assert vars(generator)["_last_v6_timestamp"] is None


def test_an_id_of_the_far_future_moves_no_clock(saver: FileSaver, caplog: pytest.LogCaptureFixture) -> None:
    """One made-up id does not carry a whole process into another century; that progress is hidden there is told."""
    far: Any = "fff0c8a1-5b2e-6d04-8001-3f9c27a1d55e"
    put(saver, far)
    with caplog.at_level(logging.WARNING, "langgraph_filesaver"):
        assert id_of(saver.get_tuple(config_of()).config) == far  # type: ignore[union-attr]
    assert vars(generator)["_last_v6_timestamp"] is None
    assert "will not be the latest" in caplog.text
    assert ids_of(saver, None) == [far]
