"""`_twins`, its pool: what was refused never happens, also where the system gives no thread or another thread shuts down."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typing_extensions import Self

from langgraph_filesaver import FileSaver
from langgraph_filesaver._twins import Twins
from tests.checkpoints import config_of, ids_of, put


@contextmanager
def no_new_threads(monkeypatch: pytest.MonkeyPatch, before: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Refuse new threads to pools of ours, as a system at its limit does, after calling `before`."""
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if not thread.name.startswith("filesaver"):
            return start(thread)
        before()
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        yield


class Busy:
    """A pool of two, one thread of which is at work until it is told to end."""

    def __init__(self) -> None:
        self.twins = Twins(2)
        self.let_go = threading.Event()

    async def __aenter__(self) -> Self:
        begun = threading.Event()

        def work() -> None:
            begun.set()
            assert self.let_go.wait(60)

        self.task = asyncio.create_task(self.twins.run(work))
        await asyncio.get_running_loop().run_in_executor(None, begun.wait, 60)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.let_go.set()
        await self.task
        self.twins.shutdown()


async def test_a_deletion_that_gets_no_thread_never_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """adelete_thread raises where no thread can be started, and later calls do not carry it out: nothing is lost."""
    saver = FileSaver(tmp_path)
    put(saver, "1")
    with no_new_threads(monkeypatch), pytest.raises(RuntimeError, match="can't start new thread"):
        await saver.adelete_thread("t")
    put(saver, "2")
    for _ in range(2):
        assert await saver.aget_tuple(config_of()) is not None
    assert ids_of(saver, None) == ["2", "1"]
    saver.__exit__(None, None, None)


async def test_what_gets_no_thread_is_not_left_to_one_that_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that was refused while another thread of the pool was at work is not run by that one afterwards."""
    ran: list[str] = []
    async with Busy() as busy:
        with no_new_threads(monkeypatch), pytest.raises(RuntimeError, match="can't start new thread"):
            await busy.twins.run(lambda: ran.append("refused"))
        busy.let_go.set()
        await busy.twins.run(lambda: ran.append("later"))
    assert ran == ["later"]


async def test_what_a_thread_took_while_another_could_not_be_started_runs_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that a thread has begun by the time the start of another one fails is no failure: it returns its result."""
    ran: list[str] = []
    begun = threading.Event()

    def work() -> str:
        begun.set()
        ran.append("once")
        return "done"

    async with Busy() as busy:

        def the_busy_one_takes_it() -> None:
            busy.let_go.set()
            assert begun.wait(60)

        with no_new_threads(monkeypatch, the_busy_one_takes_it):
            assert await busy.twins.run(work) == "done"
        await busy.twins.run(lambda: ran.append("later"))
    assert ran == ["once", "later"]


async def test_a_pool_is_shut_down_by_two_threads_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who leaves the context manager while another thread does meets no error, and the threads end."""
    twins = Twins(1)
    worker = await twins.run(threading.current_thread)
    own_pid, others = os.getpid(), [twins.shutdown]

    def getpid() -> int:
        """Answer as always, after the other thread has shut the pool down."""
        while others:
            other = threading.Thread(target=others.pop())
            other.start()
            other.join()
        return own_pid

    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", getpid)
        twins.shutdown()
    assert others == []
    await asyncio.get_running_loop().run_in_executor(None, worker.join, 60)
    assert not worker.is_alive()


async def test_a_lease_is_given_back_though_there_are_no_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the system gives no thread when a block ends, or none to renew a lease, nothing stays leased."""
    async with FileSaver(tmp_path) as saver:
        block = saver.athread_lock("t")
        await block.__aenter__()
        saver._twins.shutdown()
        with no_new_threads(monkeypatch):
            await block.__aexit__(None, None, None)
        assert await saver.alocks() == []
    refused = pytest.raises(RuntimeError, match="can't start")
    with no_new_threads(monkeypatch), refused, FileSaver(tmp_path).thread_lock("t"):
        pass
    assert FileSaver(tmp_path).locks() == []
