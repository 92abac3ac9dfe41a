"""A thread of 5,000 checkpoints beside one of ten: what the length of a history costs."""

from __future__ import annotations

import time
from typing import Any

from langchain_core.runnables import RunnableConfig

from benchmarks.material import latest_of, put, thread
from benchmarks.measuring import Bench, timed
from benchmarks.savers import Saver

__all__ = ["history"]


def history(bench: Bench) -> None:
    """Note the latest, by id, list, filter, delete and prune in a long thread, and the first two in a short one."""
    long, calls = bench.count(5000, 30), bench.count(200, 3)
    for kind, folder in bench.blocks(most_rounds=1):
        with kind.opened(folder) as saver:
            for count in (10, long):
                _fill(saver, f"t{count}", count)
            _settle()
            config = thread(f"t{long}")
            for count, called in ((10, "10"), (long, "5,000")):
                latest = latest_of(f"t{count}")
                found = saver.get_tuple(latest)
                assert found is not None
                for row, config in (("latest", latest), ("by id", found.config)):
                    seconds = [timed(saver.get_tuple, config) for _ in range(calls)]
                    bench.note(f"{row} of {called} checkpoints", kind.name, seconds)
                config = found.config
            seconds = []
            for step in range(bench.count(50, 3)):
                config, _ = put(saver, config, long + step, {"steps": step, "note": "small"})
                seconds.append(timed(saver.get_tuple, latest))
            bench.note("latest of 5,000 right after a put", kind.name, seconds)
            _settle()
            every = thread(f"t{long}")
            for row, options in (
                ("list 10", {"limit": 10}),
                ("list all", {}),
                ("filter by step", {"filter": {"step": 7}}),
            ):
                seconds = [timed(_listed, saver, every, options) for _ in range(3)]
                bench.note(f"{row} of 5,000 checkpoints", kind.name, seconds)
            _remove(bench, kind.name, saver, long)


def _settle() -> None:
    time.sleep(0.1)  # "unchanged": a folder is trusted once its last change is some ticks of the clock old


def _listed(saver: Saver, config: RunnableConfig, options: dict[str, Any]) -> None:
    for _ in saver.list(config, **options):
        pass


def _fill(saver: Saver, thread_id: str, count: int) -> None:
    config = thread(thread_id)
    for step in range(count):
        config, _ = put(saver, config, step, {"steps": step, "note": "small"})


def _remove(bench: Bench, name: str, saver: Saver, long: int) -> None:
    try:
        seconds = timed(saver.prune, [f"t{long}"], strategy="keep_latest")
    except NotImplementedError:
        _fill(saver, "others", 10)  # so that what comes next does not meet an empty store
    else:
        bench.note("prune 5,000 checkpoints to the latest", name, [seconds])
        _fill(saver, f"t{long}", long)
    bench.note("delete a thread of 5,000 checkpoints", name, [timed(saver.delete_thread, f"t{long}")])
