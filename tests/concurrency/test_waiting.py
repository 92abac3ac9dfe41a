"""Who waits for whom, for how long, and what that costs others."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from langgraph_filesaver import LockTimeoutError
from tests.checkpoints import config_of, ids_of, put
from tests.concurrency.others import elsewhere, impatient
from tests.stores import Home


async def test_a_removal_that_waits_happens_once(home: Home) -> None:
    """While `aprune` waits for one thread, what others put to a thread that it has removed already stays."""
    async with home.saver(lock_timeout_seconds=20) as saver:
        for thread_id in ("a", "b"):
            await asyncio.to_thread(put, saver, "1", thread_id=thread_id)
        async with saver.athread_lock("b"):
            loop = asyncio.get_running_loop()
            removal = contextvars.Context().run(loop.create_task, saver.aprune(["a", "b"], strategy="delete"))
            for _ in range(10_000):
                if await saver.aget_tuple(config_of("a")) is None:
                    break
                await asyncio.sleep(0.001)
            await asyncio.to_thread(put, saver, "2", thread_id="a")
            await asyncio.sleep(0.2)
        await removal
        assert await saver.aget_tuple(config_of("a")) is not None
        assert await saver.aget_tuple(config_of("b")) is None


async def test_what_makes_no_sense_is_refused_before_anything_is_removed(home: Home) -> None:
    """`aprune` refuses one string and an unknown strategy, also without any thread."""
    async with home.saver() as saver:
        with pytest.raises(TypeError):
            await saver.aprune("a")
        with pytest.raises(ValueError, match="strategy"):
            await saver.aprune([], strategy="?")


def test_removing_runs_waits_for_no_thread_without_them(home: Home) -> None:
    """A thread that somebody has does not keep the runs of other threads from being removed, unless it holds some, too."""
    saver, other = home.saver(), impatient(home)
    for thread_id in ("a", "b", "c"):
        saver.put_writes(
            {**config_of(thread_id, "", "1"), "metadata": {"run_id": f"run {thread_id}"}}, [("x", 1)], "task"
        )
        put(saver, "1", thread_id=thread_id)
    with saver.thread_lock("b"):
        assert elsewhere(lambda: other.delete_for_runs(["run a", "run c"])) is None
        assert isinstance(elsewhere(lambda: other.delete_for_runs(["run b"])), LockTimeoutError)
    left = [saver.get_tuple(config_of(thread_id)).pending_writes for thread_id in ("a", "b", "c")]  # type: ignore[union-attr]
    assert left == [[], [("task", "x", 1)], []]
    assert [ids_of(saver, config_of(thread_id)) for thread_id in ("a", "b", "c")] == [["1"]] * 3


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file, as another process would."""
    path.parent.mkdir(exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("name", ["t.lock", "t.lease.lock"])
async def test_waiting_for_a_lock_file_occupies_no_thread_of_the_pool(local_home: Home, name: str) -> None:
    """[K3] Takers and maintainers that wait for somebody's lock file leave the pool to others; then all get their turn."""
    async with local_home.saver(max_workers=1, lock_timeout_seconds=60) as saver:
        await asyncio.to_thread(put, saver, "1")
        await asyncio.to_thread(put, saver, "1", thread_id="free")

        async def take() -> None:
            async with saver.athread_lock("t"):
                pass

        with locked(local_home.root / ".locks" / name):
            waiters = [asyncio.create_task(take()) for _ in range(4)]
            if name == "t.lock":
                waiters += [asyncio.create_task(saver.aprune(["t"])) for _ in range(4)]
                waiters += [asyncio.create_task(saver.acopy_thread("t", "u"))]
            await asyncio.sleep(0.1)
            for _ in range(3):
                await asyncio.wait_for(saver.aget_tuple(config_of("free")), 20)
            assert not any(waiter.done() for waiter in waiters)
        await asyncio.gather(*waiters)
        assert await saver.alocks() == []


async def test_puts_that_wait_for_the_lock_of_a_lease_leave_the_pool_to_others(local_home: Home) -> None:
    """Where somebody has a thread and is stopped with the lock beside the lease, puts to it keep nobody else from reading."""
    async with local_home.saver(max_workers=1, lock_timeout_seconds=60) as saver:
        await asyncio.to_thread(put, saver, "1")
        await asyncio.to_thread(put, saver, "1", thread_id="free")
        with local_home.saver()._lease("t", None, 600), locked(local_home.root / ".locks" / "t.lease.lock"):
            waiters = [
                asyncio.create_task(saver.aput_writes(config_of("t", "", "1"), [("a", 1)], str(number)))
                for number in range(4)
            ]
            await asyncio.sleep(0.1)
            for _ in range(3):
                await asyncio.wait_for(saver.aget_tuple(config_of("free")), 20)
            assert not any(waiter.done() for waiter in waiters)
        await asyncio.gather(*waiters)


@pytest.mark.parametrize("name", ["t.lock", "t.lease.lock"])
def test_the_timeout_of_the_call_bounds_all_its_waiting(local_home: Home, name: str) -> None:
    """`timeout_seconds` of `thread_lock` holds for lock files, too, whatever the saver's own timeout; the error names the file."""
    saver = local_home.saver(lock_timeout_seconds=600)
    put(saver, "1")
    path = local_home.root / ".locks" / name
    began = time.monotonic()
    with locked(path), pytest.raises(LockTimeoutError, match=r"waited 0\.2 s") as raised:
        saver.thread_lock("t", timeout_seconds=0.2).__enter__()
    assert (raised.value.path, raised.value.timeout_seconds) == (str(path), 0.2)
    assert 0.2 <= time.monotonic() - began < 60


def test_a_lock_file_that_is_held_for_a_moment_makes_no_conflict(local_home: Home) -> None:
    """Who waited for a lock file, and for nobody's lease, has not been overtaken: without `on_conflict` its put is a fork."""
    saver = local_home.saver(lock_timeout_seconds=60)
    put(saver, "1")
    put(saver, "2", parent="1")
    with saver.thread_lock("t", timeout_seconds=1):
        pass
    results: list[object] = []
    with locked(local_home.root / ".locks" / "t.lease.lock"):
        thread = threading.Thread(target=lambda: results.append(elsewhere(lambda: put(saver, "3", parent="1"))))
        thread.start()
        thread.join(0.2)
        assert not results
    thread.join(60)
    assert ids_of(saver, config_of()) == ["3", "2", "1"]
