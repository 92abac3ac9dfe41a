"""One saver, many event loops in many threads at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from langgraph.checkpoint.base import ChannelVersions

from langgraph_filesaver import FileSaver
from tests.artifacts.folder import staged
from tests.checkpoints import checkpoint_of, config_of, id_of, ids_of, metadata_of
from tests.concurrency.counting import CONFIG, counting_graph
from tests.stores import Home

THREADS = 8
TIMES = 15


def on_loops(work: Callable[[int], Coroutine[Any, Any, None]]) -> None:
    """Run `work` with the numbers 0 to 7, each on an event loop of its own in a thread of its own, all at once."""
    failures: list[BaseException] = []
    begin = threading.Barrier(THREADS)

    def run(number: int) -> None:
        try:
            begin.wait(60)
            asyncio.run(work(number))
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(240)
    assert not any(thread.is_alive() for thread in threads)
    assert failures == []


async def put_and_read(saver: FileSaver, thread_id: str, tasks: int) -> None:
    """Put a chain with writes to a thread of one's own, and read it back as it grows."""
    parent = None
    for number in range(TIMES):
        new = f"{number:06}"
        versions: ChannelVersions = {"text": f"{number + 1:032}.0"}
        checkpoint = checkpoint_of(new, {"text": f"{thread_id} {new}"}, versions)
        await saver.aput(config_of(thread_id, "", parent), checkpoint, metadata_of(number), versions)
        config = config_of(thread_id, "", new)
        await asyncio.gather(*(saver.aput_writes(config, [("a", task)], f"task {task}") for task in range(tasks)))
        found = await saver.aget_tuple(config_of(thread_id))
        assert found is not None
        assert found.checkpoint["channel_values"] == {"text": f"{thread_id} {new}"}
        assert found.pending_writes == [(f"task {task}", "a", task) for task in range(tasks)]
        assert id_of(found.parent_config) == parent
        parent = new
    listed = [id_of(each.config) async for each in saver.alist(config_of(thread_id))]
    assert listed == [f"{number:06}" for number in range(TIMES)][::-1]


def test_threads_of_their_own(home: Home) -> None:
    """Eight loops put, write in parallel, read and list, each its own thread: each finds its own, whole."""
    saver = home.saver()
    on_loops(lambda number: put_and_read(saver, f"t{number}", 5))
    for number in range(THREADS):
        assert len(ids_of(home.saver(), config_of(f"t{number}"))) == TIMES
    assert staged(home) == []


def test_one_thread_under_leases(home: Home) -> None:
    """Eight loops count in one thread by an exclusive graph: no increment is lost, and no lease is left."""
    saver = home.saver(lock_timeout_seconds=200)
    graph = saver.exclusive(counting_graph(saver, is_async=True))

    async def count(number: int) -> None:
        for _ in range(TIMES):
            await graph.ainvoke({"asked": number}, CONFIG)

    on_loops(count)
    assert counting_graph(saver).get_state(CONFIG).values["count"] == THREADS * TIMES
    chain = list(saver.list(config_of()))[::-1]
    assert [id_of(each.parent_config) for each in chain] == [None, *(id_of(each.config) for each in chain[:-1])]
    assert saver.locks() == []
    assert staged(home) == []


def test_loops_that_come_and_go(home: Home) -> None:
    """A loop that ends leaves the saver usable for the others, also where its context manager was left."""
    saver = home.saver()

    async def work(number: int) -> None:
        async with saver:
            await put_and_read(saver, f"u{number}", 2)

    on_loops(work)
    asyncio.run(put_and_read(saver, "after", 2))
    assert saver.locks() == []
