"""Async calls that are cancelled at every await: no lease is held, no temporary file stays, the state is the old or the new."""

from __future__ import annotations

import asyncio
import contextvars
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langgraph.checkpoint.base import ChannelVersions

from langgraph_filesaver import FileSaver
from tests.artifacts.folder import staged
from tests.checkpoints import checkpoint_of, config_of, id_of, ids_of, metadata_of, put
from tests.concurrency.counting import CONFIG, counting_graph
from tests.stores import Home

MOST_STEPS = 2_000
VERSIONS: ChannelVersions = {"text": f"{2:032}.0"}
WRITES = [("a", "x" * 200_000), ("b", 1)]  # an artifact and a number

Call = Callable[[FileSaver], Coroutine[Any, Any, Any]]


class LoopPool(ThreadPoolExecutor):
    """Runs what it is given on the event loop, one piece of work in each turn: so each await is met in each run alike.

    Args:
        turns: After how many turns of the loop it begins a piece of work.
    """

    def __init__(self, turns: int) -> None:
        super().__init__(1)
        self._turns = turns

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Any:
        """Run it later."""
        loop, context = asyncio.get_running_loop(), contextvars.Context()

        def later(turns: int) -> None:
            if turns:
                loop.call_soon(later, turns - 1)
            else:
                context.run(function, *arguments, **named)

        loop.call_soon(later, self._turns)


async def turns_of_loop(turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


async def cancelled_after(turns: int, call: Coroutine[Any, Any, Any]) -> bool:
    """Cancel a call after so many turns of the loop; tell whether it had ended before."""
    task = contextvars.Context().run(asyncio.create_task, call)
    await turns_of_loop(turns)
    if task.done():
        task.result()
        return True
    task.cancel()
    await asyncio.wait({task}, timeout=60)
    assert task.done(), f"cancelled after {turns} turns of the loop, it goes on"
    if not task.cancelled():
        task.result()
    return False


def other_tasks() -> set[asyncio.Task[Any]]:
    """Return the tasks of the loop that have not ended, but for the test's own."""
    return asyncio.all_tasks() - {asyncio.current_task()}


async def cancel_everywhere(
    home: Home,
    turns_of_pool: int | None,
    call: Call,
    reset: Callable[[FileSaver], Any],
    check: Callable[[FileSaver], Any],
    *,
    leaves_tasks: bool = False,
) -> set[Any]:
    """Cancel a call after 0, 1, 2, … turns of the loop, until it ends before; return what `check` saw.

    Args:
        home: Where the thread is.
        turns_of_pool: None: the saver's own pool of threads.
        call: Makes the call.
        reset: Makes the thread what it was before.
        check: Looks at the thread after the cancellation.
        leaves_tasks: Whether the call may leave tasks to the loop, which are waited for, then.
    """
    saver, other, seen = home.saver(), home.saver(lock_timeout_seconds=0.05), set()
    for turns in range(MOST_STEPS):
        reset(other)
        if turns_of_pool is not None:
            saver._twins._pool = (os.getpid(), LoopPool(turns_of_pool))
        has_ended = await cancelled_after(turns, call(saver))
        where = f"cancelled after {turns} turns of the loop"
        while leaves_tasks and (tasks := other_tasks()):
            await asyncio.wait(tasks)
        assert not other_tasks(), where
        assert other.locks() == [], where
        assert staged(home) == [], where
        try:
            seen.add(check(other))
        except Exception as error:
            raise AssertionError(where) from error
        if has_ended and turns > 5:
            saver._twins.shutdown()
            return seen
    raise AssertionError(f"the call has not ended after {MOST_STEPS} turns of the loop")


def begin_anew(saver: FileSaver) -> None:
    """Make the thread one checkpoint."""
    saver.delete_thread("t")
    put(saver, "1", {"text": "old"})


def latest(saver: FileSaver) -> Any:
    """Return the latest, read whole; the thread must be writable by others at once."""
    found = saver.get_tuple(config_of())
    put(saver, "9", {"text": "after"}, parent=id_of(found.config) if found else None)
    return found and (id_of(found.config), found.checkpoint["channel_values"]["text"], len(found.pending_writes or ()))


async def aput(saver: FileSaver) -> None:
    text = "new " * 50_000
    await saver.aput(config_of("t", "", "1"), checkpoint_of("2", {"text": text}, VERSIONS), metadata_of(1), VERSIONS)


async def aput_writes(saver: FileSaver) -> None:
    await saver.aput_writes(config_of("t", "", "1"), WRITES, "task")


async def aget_tuple(saver: FileSaver) -> None:
    assert await saver.aget_tuple(config_of()) is not None


async def adelete_thread(saver: FileSaver) -> None:
    await saver.adelete_thread("t")


async def athread_lock(saver: FileSaver) -> None:
    async with saver.athread_lock("t"):
        await asyncio.sleep(0)
        await aput(saver)
        async with saver.athread_lock("t"):
            await aput_writes(saver)


OLD, NEW = ("1", "old", 0), ("2", "new " * 50_000, 0)

CALLS: dict[str, tuple[Call, set[Any]]] = {
    "aput": (aput, {OLD, NEW}),
    "aput_writes": (aput_writes, {OLD, ("1", "old", 2)}),
    "aget_tuple": (aget_tuple, {OLD}),
    "adelete_thread": (adelete_thread, {OLD, None}),
    "athread_lock": (athread_lock, {OLD, NEW}),
}

POOLS = pytest.mark.parametrize("turns_of_pool", [0, 1, 3, None], ids=["at once", "one turn", "three turns", "threads"])


@POOLS
@pytest.mark.parametrize("name", CALLS)
async def test_cancelled_calls(local_home: Home, name: str, turns_of_pool: int | None) -> None:
    """Cancelled after any number of turns of the loop, whether its work had begun or not, a call has done all or nothing."""
    call, expected = CALLS[name]
    seen = await cancel_everywhere(local_home, turns_of_pool, call, begin_anew, latest)
    assert seen <= expected
    assert turns_of_pool is None or seen == expected, "not all was cut where it should have been"


def begin_counting(saver: FileSaver) -> None:
    saver.delete_thread("t")
    counting_graph(saver).invoke({"asked": 0}, CONFIG)


def count_on(saver: FileSaver) -> tuple[int, int]:
    """Return the count, and what it is after one more run."""
    graph = saver.exclusive(counting_graph(saver))
    ids = ids_of(saver, config_of())
    parents = [id_of(each.parent_config) for each in saver.list(config_of())]
    assert parents == [*ids[1:], None]
    latest = saver.get_tuple(config_of())
    assert latest is not None
    return latest.checkpoint["channel_values"]["count"], graph.invoke({"asked": 2}, CONFIG)["count"]


@POOLS
async def test_a_cancelled_run_of_an_exclusive_graph(local_home: Home, turns_of_pool: int | None) -> None:
    """Cancelled anywhere, a run gives its thread back, has counted or not, and the next one counts by one; one chain.

    LangGraph, cancelled while it ends a run, leaves the last writes of it to tasks of the loop. They are waited for here.
    """

    async def run(saver: FileSaver) -> None:
        await saver.exclusive(counting_graph(saver, is_async=True)).ainvoke({"asked": 1}, CONFIG)

    seen = await cancel_everywhere(local_home, turns_of_pool, run, begin_counting, count_on, leaves_tasks=True)
    assert seen <= {(1, 2), (2, 3)}
    assert turns_of_pool is None or len(seen) == 2


@POOLS
async def test_a_cancelled_waiter(local_home: Home, turns_of_pool: int | None) -> None:
    """Cancelled while somebody else has the thread, a call leaves that one's lease alone, and nothing of its own."""
    holder = local_home.saver()
    begin_anew(holder)
    saver = local_home.saver()
    with holder.thread_lock("t") as lease:
        for call in (aput, aput_writes, adelete_thread, athread_lock):
            for turns in range(40):
                if turns_of_pool is not None:
                    saver._twins._pool = (os.getpid(), LoopPool(turns_of_pool))
                assert not await cancelled_after(turns, call(saver))
                assert [info.owner for info in holder.locks()] == [lease.owner]
                assert staged(local_home) == []
    assert latest(holder) == OLD
    assert holder.locks() == []


async def test_cancelled_twice(local_home: Home) -> None:
    """Cancelled again while its work is waited for, a call still ends no sooner than that, and leaves nothing."""
    saver, other = local_home.saver(), local_home.saver(lock_timeout_seconds=0.05)
    seen = set()
    for turns in range(60):
        begin_anew(other)
        task = contextvars.Context().run(asyncio.create_task, athread_lock(saver))
        await turns_of_loop(turns * 3)
        while not task.done():
            task.cancel()
            await asyncio.sleep(0)
        assert other.locks() == [], turns
        assert staged(local_home) == [], turns
        seen.add(latest(other))
    assert seen <= {OLD, NEW}


async def test_a_stream_that_is_not_read_to_its_end(local_home: Home) -> None:
    """A consumer that is cancelled between two items closes the stream, and the thread is free."""
    saver, other = local_home.saver(), local_home.saver(lock_timeout_seconds=0.05)

    async def consume() -> None:
        stream: AsyncIterator[Any] = saver.exclusive(counting_graph(saver, is_async=True)).astream({"asked": 1}, CONFIG)
        try:
            async for _ in stream:
                reached.set()
                await asyncio.Event().wait()
        finally:
            await stream.aclose()  # type: ignore[attr-defined]

    reached = asyncio.Event()
    task: asyncio.Task[None] = asyncio.create_task(consume())
    await asyncio.wait_for(reached.wait(), 60)
    assert len(other.locks()) == 1
    task.cancel()
    await asyncio.wait({task}, timeout=60)
    assert task.cancelled()
    assert other.locks() == []
    assert staged(local_home) == []
    assert count_on(other)[1] >= 1
