"""`_twins`: async calls on a small pool of threads; a cancelled one leaves all or nothing (P9)."""

from __future__ import annotations

import asyncio
import contextvars
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from langgraph_filesaver import FileSaver
from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store import MemoryStore, Turn, no_turn
from langgraph_filesaver._twins import Twins, is_on_event_loop
from tests.checkpoints import checkpoint_of, config_of, id_of, ids_of, metadata_of
from tests.stores import Home


class Gate:
    """A piece of work that begins, waits to be let through, and ends."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.opened = threading.Event()
        self.ended = threading.Event()

    def work(self, outcome: Any = None) -> Any:
        self.begun.set()
        assert self.opened.wait(60)
        self.ended.set()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def has_begun(self) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self.begun.wait, 60)


class GatedStore(MemoryStore):
    """A store whose writes wait at a gate."""

    def __init__(self) -> None:
        super().__init__(MARKER)
        self.gate = Gate()

    def create(self, key: str, data: bytes, turn: Turn = no_turn) -> bool:
        self.gate.work()
        return super().create(key, data, turn)


async def few_turns_of_the_loop() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def aput(saver: FileSaver, checkpoint_id: str) -> None:
    await saver.aput(config_of(), checkpoint_of(checkpoint_id), metadata_of(), {})


async def test_a_call_that_has_begun_ends_before_its_cancellation_is_raised() -> None:
    """Cancelled, even repeatedly, a call that runs is waited for; only then does CancelledError reach the caller."""
    twins, gate = Twins(2), Gate()
    task = asyncio.create_task(twins.run(gate.work))
    await gate.has_begun()
    for _ in range(3):
        task.cancel()
        await few_turns_of_the_loop()
        assert not task.done()
    gate.opened.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gate.ended.is_set()


async def test_a_cancelled_put_is_stored_when_the_cancellation_is_raised() -> None:
    """At the moment in which the caller of a cancelled aput goes on, the checkpoint is there, whole."""
    store = GatedStore()
    saver = FileSaver(store)
    task = asyncio.create_task(aput(saver, "1"))
    await store.gate.has_begun()
    task.cancel()
    await few_turns_of_the_loop()
    assert not task.done()
    assert ids_of(saver, None) == []
    store.gate.opened.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ids_of(saver, None) == ["1"]


async def test_a_timeout_waits_for_the_call_too() -> None:
    """`asyncio.wait_for` around a call that runs raises its timeout only after the call has ended."""
    store = GatedStore()
    saver = FileSaver(store)
    task = asyncio.create_task(aput(saver, "1"))
    await store.gate.has_begun()
    asyncio.get_running_loop().call_later(0.05, store.gate.opened.set)
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(task, 0)
    assert store.gate.ended.is_set()
    assert ids_of(saver, None) == ["1"]


async def test_a_call_that_has_not_begun_leaves_nothing() -> None:
    """Cancelled while it waits for a thread of the pool, a call ends at once and never happens."""
    store = GatedStore()
    saver = FileSaver(store, max_workers=1)
    first = asyncio.create_task(aput(saver, "1"))
    await store.gate.has_begun()
    second = asyncio.create_task(aput(saver, "2"))
    await few_turns_of_the_loop()
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert not first.done()
    store.gate.opened.set()
    await first
    await aput(saver, "3")
    assert ids_of(saver, None) == ["3", "1"]


async def test_the_error_of_a_cancelled_call_is_not_lost() -> None:
    """Where the call that was waited for failed, its error is the cause of the CancelledError."""
    twins, gate = Twins(1), Gate()
    causes: list[BaseException | None] = []

    async def caller() -> None:
        try:
            await twins.run(gate.work, ValueError("from the call"))
        except asyncio.CancelledError as cancelled:
            causes.append(cancelled.__cause__)
            raise

    task = asyncio.create_task(caller())
    await gate.has_begun()
    task.cancel()
    await few_turns_of_the_loop()
    gate.opened.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [str(cause) for cause in causes] == ["from the call"]


async def test_errors_and_results_come_through() -> None:
    """`run` returns what the function returns and raises what it raises."""
    twins = Twins(1)

    def subtract(left: int, *, right: int) -> int:
        return left - right

    assert await twins.run(subtract, 3, right=2) == 1
    with pytest.raises(ZeroDivisionError):
        await twins.run(lambda: 1 // 0)


async def test_context_variables_reach_the_call() -> None:
    """The caller's context, which tracing rests on, is the call's; what the call sets there stays there."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    variable.set("the caller's")

    def work() -> str:
        seen = variable.get()
        variable.set("the call's")
        return seen

    assert await Twins(1).run(work) == "the caller's"
    assert variable.get() == "the caller's"


async def test_no_more_than_the_given_number_run_at_once() -> None:
    """Of twenty calls at most three run at the same time."""
    twins, mutex, running, most = Twins(3), threading.Lock(), 0, 0
    together = threading.Barrier(3)

    def work() -> None:
        nonlocal running, most
        with mutex:
            running += 1
            most = max(most, running)
        together.wait(60)
        with mutex:
            running -= 1

    await asyncio.gather(*(twins.run(work) for _ in range(21)))
    assert most == 3


async def test_pages_grow_and_yield_everything_in_order() -> None:
    """A sync iterator is read in pages of 1, 2, 4, … items up to the limit, and all items come in order."""
    taken_in: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(40):
            taken_in.append(threading.get_ident())
            yield number

    seen = []
    read_ahead = []
    async for number in Twins(1).pages(numbers(), 8):
        seen.append(number)
        read_ahead.append(len(taken_in) - len(seen))
    assert seen == list(range(40))
    assert max(read_ahead) == 7
    assert read_ahead[0] == 0
    assert threading.get_ident() not in taken_in


async def test_after_shutdown_the_next_call_makes_new_threads() -> None:
    """Leaving the context manager ends the threads, and the saver works on all the same."""
    twins = Twins(1)
    first = await twins.run(threading.current_thread)
    twins.shutdown()
    twins.shutdown()
    await asyncio.get_running_loop().run_in_executor(None, first.join, 60)
    assert not first.is_alive()
    assert await twins.run(threading.current_thread) is not first
    twins.shutdown()


def test_one_saver_serves_several_event_loops_at_once(home: Home) -> None:
    """Four loops in four threads use one instance at the same time, sync calls between them; nothing is lost or mixed."""
    saver = home.saver()

    async def many(who: int) -> list[str | None]:
        async def one(number: int) -> str | None:
            config = await saver.aput(
                config_of(f"t{who}"), checkpoint_of(f"{number:02}", {"who": who}), metadata_of(number), {"who": number}
            )
            await saver.aput_writes(config, [("who", [who, number])], "task")
            found = await saver.aget_tuple(config)
            assert found is not None
            assert found.pending_writes == [("task", "who", [who, number])]
            return id_of(found.config)

        return await asyncio.gather(*(one(number) for number in range(20)))

    finished: dict[int, list[str | None]] = {}

    def run(who: int) -> None:
        finished[who] = asyncio.run(many(who))

    threads = [threading.Thread(target=run, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        list(saver.list(None))
    for thread in threads:
        thread.join()
    assert finished == {who: [f"{number:02}" for number in range(20)] for who in range(4)}
    for who in range(4):
        assert ids_of(saver, config_of(f"t{who}")) == [f"{number:02}" for number in reversed(range(20))]


_FORK = """
import asyncio, os, sys, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # that forking with threads is delicate is what is tried here
from langgraph_filesaver import FileSaver
from tests.checkpoints import checkpoint_of, config_of, metadata_of

saver = FileSaver(sys.argv[1])

async def put(checkpoint_id):
    await asyncio.gather(*(
        saver.aput(config_of(f"t{number}"), checkpoint_of(checkpoint_id), metadata_of(), {}) for number in range(5)
    ))

asyncio.run(put("1"))  # the pool's threads and the listings' caches are warm now
assert saver.get_tuple(config_of("t0")) is not None
pid = os.fork()
if pid == 0:
    asyncio.run(put("2"))
    os._exit(0)
_, status = os.waitpid(pid, 0)
asyncio.run(put("3"))
print(os.waitstatus_to_exitcode(status), [each.checkpoint["id"] for each in saver.list(config_of("t4"))])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_after_a_fork_child_and_parent_both_go_on(tmp_path: Path) -> None:
    """A forked child makes threads of its own instead of waiting for those it does not have; the parent keeps its own."""
    told = subprocess.run(
        [sys.executable, "-c", _FORK, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert told.stdout == "0 ['3', '2', '1']\n"


def test_it_is_known_whether_one_is_on_an_event_loop() -> None:
    """In a coroutine yes, outside of one and in a thread of the pool no."""

    async def both() -> tuple[bool, bool]:
        return is_on_event_loop(), await Twins(1).run(is_on_event_loop)

    assert is_on_event_loop() is False
    assert asyncio.run(both()) == (True, False)
