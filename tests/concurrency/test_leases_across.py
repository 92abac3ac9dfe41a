"""Leases across forks, pickles, paths, tasks and event loops."""

from __future__ import annotations

import asyncio
import contextvars
import os
import pickle
import time
from pathlib import Path
from typing import Any

import pytest

from langgraph_filesaver import FileSaver, Lease, LockTimeoutError
from tests.checkpoints import config_of, ids_of, put
from tests.concurrency.others import elsewhere, impatient
from tests.stores import Home


def test_a_forked_child_is_somebody_else(local_home: Home) -> None:
    """A child forked inside the block neither writes as the owner nor gives the lease back."""
    saver = impatient(local_home)
    with saver.thread_lock("t") as lease:
        process = os.fork()
        if process == 0:
            try:
                put(saver, "1")
            except LockTimeoutError:
                os._exit(0 if not lease.is_held else 2)
            except BaseException:  # noqa: BLE001 whatever it is, the parent is told by the code
                os._exit(3)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
        assert [info.owner for info in saver.locks()] == [lease.owner]


def test_a_saver_made_before_a_fork_takes_leases_in_parent_and_child(local_home: Home) -> None:
    """Gunicorn's preload: what was made before the fork locks and renews in both."""
    saver = local_home.saver(lock_timeout_seconds=20)
    with saver.thread_lock("warm"):
        put(saver, "1", thread_id="warm")
    process = os.fork()
    if process == 0:
        try:
            with saver.thread_lock("t", ttl_seconds=0.2) as lease:
                time.sleep(0.5)  # renewed meanwhile, or the put below is refused
                put(saver, "1")
                os._exit(0 if lease.is_held and lease.document.renewed_at > lease.acquired_at else 2)
        except BaseException:  # noqa: BLE001 whatever it is, the parent is told by the code
            os._exit(3)
    with saver.thread_lock("u"):
        put(saver, "1", thread_id="u")
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
    assert ids_of(saver, config_of()) == ["1"]


def test_pickles_share_the_locks(local_home: Home) -> None:
    """A saver that was pickled excludes, and is excluded by, the one it was pickled from."""
    saver = impatient(local_home)
    put(saver, "1")
    other: FileSaver = pickle.loads(pickle.dumps(saver))
    with saver.thread_lock("t"):
        put(other, "2", parent="1")  # the same context: the same owner
        assert isinstance(elsewhere(lambda: put(other, "3", parent="2")), LockTimeoutError)
    assert ids_of(other, config_of()) == ["2", "1"]


def test_a_root_by_two_paths_is_one(local_home: Home, tmp_path: Path) -> None:
    """The owner of a thread owns it by whatever path the folder was given."""
    saver = impatient(local_home)
    put(saver, "1")
    (tmp_path / "link").symlink_to(local_home.root)
    other = FileSaver(tmp_path / "link", lock_timeout_seconds=0.05)
    with saver.thread_lock("t"):
        put(other, "2", parent="1")
        assert isinstance(elsewhere(lambda: put(other, "3", parent="2")), LockTimeoutError)


def test_a_time_to_live_must_be_positive(saver: FileSaver) -> None:
    """A `ttl_seconds` that makes no sense is refused before anything happens."""
    for ttl_seconds in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="ttl_seconds"), saver.thread_lock("t", ttl_seconds=ttl_seconds):
            pass
    assert saver.locks() == []


async def test_async_owners(home: Home) -> None:
    """Tasks started inside the block own the thread, others wait; reentrant like the sync one."""
    async with impatient(home) as saver:
        outside = contextvars.Context()
        async with saver.athread_lock("t") as lease:
            async with saver.athread_lock("t") as again:
                assert again is lease
            await asyncio.create_task(asyncio.to_thread(put, saver, "1"))
            with pytest.raises(LockTimeoutError):
                await outside.run(asyncio.get_running_loop().create_task, aput(saver, "2"))
            assert [info.owner for info in await saver.alocks()] == [lease.owner]
        assert await saver.alocks() == []


async def aput(saver: FileSaver, checkpoint_id: str) -> Any:
    """Put a checkpoint by `aput`."""
    from tests.checkpoints import checkpoint_of, metadata_of

    return await saver.aput(config_of("t", "", "1"), checkpoint_of(checkpoint_id), metadata_of(), {})


async def test_waiting_occupies_no_thread_of_the_pool(home: Home) -> None:
    """More waiters than threads, for the lease and with puts, do not keep the holder's own calls from being made."""
    async with home.saver(max_workers=1) as saver:
        loop = asyncio.get_running_loop()
        async with saver.athread_lock("t"):
            await asyncio.to_thread(put, saver, "1")

            async def taking() -> str:
                async with saver.athread_lock("t"):
                    return "taken"

            waiters = [contextvars.Context().run(loop.create_task, taking()) for _ in range(5)]
            waiters += [contextvars.Context().run(loop.create_task, aput(saver, "2")) for _ in range(5)]
            for _ in range(20):
                await asyncio.wait_for(saver.aget_tuple(config_of()), 30)
            await asyncio.wait_for(saver.aput_writes(config_of("t", "", "1"), [("a", 1)], "task"), 30)
        results = await asyncio.wait_for(asyncio.gather(*waiters, return_exceptions=True), 60)
        assert results.count("taken") == 5
        assert await saver.alocks() == []


async def test_a_cancelled_taker_leaves_nothing(home: Home) -> None:
    """Cancelled at any moment of taking, holding or giving back, a task leaves no lease and the thread is free."""
    async with home.saver(lock_timeout_seconds=20) as saver:
        for turns in range(60):

            async def hold() -> None:
                async with saver.athread_lock("t"):
                    await asyncio.sleep(0.0005)

            task = asyncio.create_task(hold())
            for _ in range(turns):
                await asyncio.sleep(0.0001 if turns % 2 else 0)
            task.cancel()
            await asyncio.wait({task})
            assert await saver.alocks() == []
        async with saver.athread_lock("t") as lease:
            assert isinstance(lease, Lease)
