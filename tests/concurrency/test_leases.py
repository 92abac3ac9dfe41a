"""A thread for oneself: who gets it, who waits, who is refused, and what is left behind."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import json
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from langgraph_filesaver import ConflictError, CorruptDataError, FileSaver, Lease, LockTimeoutError, StorageError
from langgraph_filesaver._leases import heartbeat
from tests.checkpoints import config_of, id_of, ids_of, put
from tests.concurrency.clocks import FakeClock
from tests.stores import Home


def elsewhere(work: Callable[[], Any]) -> Any:
    """Run `work` in a thread that has nothing of the caller's context; return its result, or the error it raised."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(contextvars.Context().run(work))
        except Exception as error:  # noqa: BLE001 it is what the test looks at
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    return found[0]


def impatient(home: Home, **options: Any) -> FileSaver:
    """Return a saver that does not wait for long."""
    return home.saver(lock_timeout_seconds=0.05, **options)


def test_only_the_owner_writes(home: Home) -> None:
    """[K5] While a thread is leased, its owner puts at once; everybody else gets LockTimeoutError, and nothing is stored."""
    saver, other = home.saver(), impatient(home)
    put(saver, "1")
    with saver.thread_lock("t"):
        put(saver, "2", parent="1")
        saver.put_writes(config_of("t", "", "2"), [("a", 1)], "task")
        for work in (
            lambda: put(other, "3", parent="2"),
            lambda: other.put_writes(config_of("t", "", "2"), [("a", 2)], "other"),
            lambda: other.delete_thread("t"),
            lambda: other.prune(["t"]),
            lambda: other.prune(["t"], strategy="delete"),
            lambda: other.delete_for_runs(["r"]),
            lambda: other.copy_thread("u", "t"),
            lambda: other.thread_lock("t").__enter__(),
        ):
            assert isinstance(elsewhere(work), LockTimeoutError)
        put(saver, "3", parent="2")
    assert ids_of(saver, config_of()) == ["3", "2", "1"]
    found = saver.get_tuple(config_of("t", "", "2"))
    assert found is not None
    assert found.pending_writes == [("task", "a", 1)]
    put(other, "4", parent="3")


def test_other_threads_are_free(home: Home) -> None:
    """A lease concerns its thread only, and nobody needs one."""
    saver = home.saver()
    other = impatient(home)
    with saver.thread_lock("t"):
        elsewhere(lambda: put(other, "1", thread_id="u"))
        with other.thread_lock("v"):
            pass
    assert ids_of(saver, config_of("u")) == ["1"]


def test_leases_are_private(local_home: Home) -> None:
    """[S3] The lease and what lies beside it are for their owner only, whatever the umask allows; no link is followed."""
    saver = local_home.saver()
    put(saver, "1")
    target = local_home.root / "target"
    (local_home.root / ".locks" / "t.lease.json.tmp").symlink_to(target)
    with pytest.raises(StorageError), saver.thread_lock("t"):
        pass
    assert not target.exists()
    before = os.umask(0)
    try:
        with saver.thread_lock("t"):
            modes = {path.name: path.stat().st_mode & 0o777 for path in (local_home.root / ".locks").iterdir()}
    finally:
        os.umask(before)
    assert modes == {"t.lease.json": 0o600, "t.lease.lock": 0o600, "t.lock": 0o600}


def test_the_error_tells_who_has_it(local_home: Home) -> None:
    """LockTimeoutError holds owner, pid, host, since and renewed, and names the file."""
    saver, other = local_home.saver(), impatient(local_home)
    with saver.thread_lock("t") as lease:
        error = elsewhere(lambda: put(other, "1"))
    assert isinstance(error, LockTimeoutError)
    assert error.holder is not None
    assert set(error.holder) == {"owner", "pid", "host", "since", "renewed"}
    assert (error.holder["owner"], error.holder["pid"]) == (lease.owner, os.getpid())
    assert error.path == str(local_home.root / ".locks" / "t.lease.json")
    assert all(word in str(error) for word in (lease.owner, str(os.getpid()), error.path, "0.05 s"))


def test_readers_do_not_wait(home: Home) -> None:
    """Reading, listing and copying from a leased thread go on."""
    saver, other = home.saver(), impatient(home)
    put(saver, "1", {"a": 1})
    with saver.thread_lock("t"):
        assert elsewhere(lambda: id_of(other.get_tuple(config_of()).config)) == "1"  # type: ignore[union-attr]
        assert elsewhere(lambda: ids_of(other, None)) == ["1"]
        assert elsewhere(lambda: other.copy_thread("t", "u")) is None
        assert elsewhere(lambda: other.collect_garbage(dry_run=False, grace_seconds=0).files) == 0
    assert ids_of(saver, config_of("u")) == ["1"]


def test_the_owner_enters_again(home: Home) -> None:
    """Inside its own block the owner gets the same lease at once, also by a clone; it ends with the outermost block."""
    saver = impatient(home)
    clone = copy.copy(saver)
    with saver.thread_lock("t") as lease:
        with clone.thread_lock("t") as again:
            assert again is lease
        assert [info.owner for info in saver.locks()] == [lease.owner]
        put(saver, "1")
    assert saver.locks() == []
    assert not lease.is_held


def test_threads_with_the_context_are_the_owner(home: Home) -> None:
    """A thread started with the owner's context writes; once the block has ended it is anybody."""
    saver = impatient(home)
    with saver.thread_lock("t"):
        context = contextvars.copy_context()
        thread = threading.Thread(target=lambda: context.run(put, saver, "1"))
        thread.start()
        thread.join()
        assert ids_of(saver, config_of()) == ["1"]
        taken = elsewhere(lambda: isinstance(LockTimeoutError, type))
        assert taken
    other = home.saver()
    with other.thread_lock("t"), pytest.raises(LockTimeoutError):
        context.run(put, saver, "2", parent="1")


def test_a_failing_block_gives_it_back(home: Home) -> None:
    """Whatever ends the block, the lease ends with it."""
    saver = home.saver()
    with pytest.raises(ZeroDivisionError), saver.thread_lock("t"):
        raise ZeroDivisionError
    assert saver.locks() == []
    put(impatient(home), "1")


def test_a_waiting_put_goes_on_when_the_thread_is_free(home: Home) -> None:
    """A put that waits is stored once the owner is done, if the owner has not gone on meanwhile."""
    saver, other = home.saver(), home.saver()
    put(saver, "1")
    results: list[Any] = []
    with saver.thread_lock("t"):
        thread = threading.Thread(target=lambda: results.append(contextvars.Context().run(put, other, "2", parent="1")))
        thread.start()
        wait_until(lambda: other._repository.leases._watched)
        assert ids_of(saver, config_of()) == ["1"]
    thread.join(60)
    assert [id_of(result) for result in results] == ["2"]
    assert ids_of(saver, config_of()) == ["2", "1"]


def wait_until(condition: Callable[[], Any]) -> None:
    """Wait until something is the case; half a minute at most."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.mark.parametrize("on_conflict", ["fork", "raise"])
def test_a_put_that_waited_does_not_bury(home: Home, on_conflict: Any) -> None:
    """A put, or writes, that waited while the owner went on raise ConflictError naming both checkpoints; nothing is stored."""
    saver, other, third = (home.saver(on_conflict=on_conflict) for _ in range(3))
    put(saver, "1")
    results: list[Any] = []

    def late(saver: FileSaver, work: Callable[[], Any]) -> threading.Thread:
        thread = threading.Thread(target=lambda: results.append(elsewhere(work)))
        thread.start()
        wait_until(lambda: saver._repository.leases._watched)
        return thread

    with saver.thread_lock("t"):
        threads = [
            late(other, lambda: put(other, "3", parent="1")),
            late(third, lambda: third.put_writes(config_of("t", "", "1"), [("a", 1)], "task")),
        ]
        put(saver, "2", parent="1")
    for thread in threads:
        thread.join(60)
    assert [type(result) for result in results] == [ConflictError, ConflictError]
    assert all("'t'" in str(result) and "1" in str(result) and "2" in str(result) for result in results)
    assert ids_of(saver, config_of()) == ["2", "1"]
    assert found_writes(saver, "1") == []


def found_writes(saver: FileSaver, checkpoint_id: str) -> list[Any]:
    """Return the pending writes of a checkpoint."""
    found = saver.get_tuple(config_of("t", "", checkpoint_id))
    assert found is not None
    return list(found.pending_writes or ())


def test_a_fork_on_purpose_may_wait(home: Home) -> None:
    """A caller that asked for an old checkpoint by its id forks there, also after waiting."""
    saver, other = home.saver(), home.saver()
    put(saver, "1")
    results: list[Any] = []

    def replay() -> None:
        assert other.get_tuple(config_of("t", "", "1")) is not None
        asked.set()
        assert go_on.wait(30)
        results.append(put(other, "3", parent="1"))

    asked, go_on = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: results.append(elsewhere(replay)))
    with saver.thread_lock("t"):
        thread.start()
        assert asked.wait(30)
        go_on.set()
        wait_until(lambda: other._repository.leases._watched)
        put(saver, "2", parent="1")
    thread.join(60)
    assert id_of(results[0]) == "3"
    assert ids_of(saver, config_of()) == ["3", "2", "1"]


# --- leases that are over


def test_a_lease_that_is_not_renewed_is_over(home: Home) -> None:
    """[K5] After its time to live another one gets it, and the former owner's next put raises ConflictError."""
    saver, other, clock = home.saver(), impatient(home), FakeClock()
    clock.give_to(saver, other)
    put(saver, "1")
    with saver.thread_lock("t", ttl_seconds=3600) as lost:
        clock.pass_seconds(3599)
        assert isinstance(elsewhere(lambda: put(other, "x", parent="1")), LockTimeoutError)
        clock.pass_seconds(2)
        elsewhere(lambda: put(other, "2", parent="1"))
        assert ids_of(other, config_of()) == ["2", "1"]
        with pytest.raises(ConflictError, match="was lost"):
            put(saver, "3", parent="1")
        with pytest.raises(ConflictError, match="was lost"):
            saver.put_writes(config_of("t", "", "1"), [("a", 1)], "task")
        with pytest.raises(ConflictError, match="was lost"):
            saver.delete_thread("t")
        assert lost.is_lost
    assert ids_of(saver, config_of()) == ["2", "1"]
    put(saver, "4", parent="2")


def test_an_owner_that_nobody_has_displaced_goes_on(home: Home) -> None:
    """A lease that is over but was wanted by nobody is its owner's still: the next put renews it."""
    saver, clock = home.saver(), FakeClock()
    clock.give_to(saver)
    with saver.thread_lock("t", ttl_seconds=3600) as lease:
        clock.pass_seconds(7200)
        assert [info.is_over for info in saver.locks()] == [True]
        put(saver, "1")
        assert [info.is_over for info in saver.locks()] == [False]
        assert lease.is_held


@pytest.mark.parametrize("hours", [1, -1])
def test_the_calendar_decides_nothing_on_one_machine(local_home: Home, hours: float) -> None:
    """[K5] A calendar set by an hour steals no lease from a living holder here, and keeps no dead one alive."""
    saver, other, clock = local_home.saver(), impatient(local_home), FakeClock()
    clock.give_to(saver, other)
    with saver.thread_lock("t", ttl_seconds=60):
        clock.set_calendar(hours)
        clock.pass_seconds(59)
        assert isinstance(elsewhere(lambda: put(other, "1")), LockTimeoutError)
        clock.pass_seconds(2)
        assert id_of(elsewhere(lambda: put(other, "1"))) == "1"


@pytest.mark.parametrize(("past", "patience"), [(False, 60), (True, 30)])
def test_a_holder_elsewhere_is_judged_by_what_one_sees(local_home: Home, past: bool, patience: float) -> None:
    """[K5] Another machine's lease is over when it has stood unchanged before one's own eyes, whatever its calendar says."""
    other, clock = impatient(local_home), FakeClock()
    clock.give_to(other)
    put(other, "1")
    foreign_lease(local_home, clock, ttl_seconds=60, age_seconds=120 if past else -3600)
    assert isinstance(elsewhere(lambda: put(other, "2", parent="1")), LockTimeoutError)
    clock.pass_seconds(patience - 1)
    assert isinstance(elsewhere(lambda: put(other, "2", parent="1")), LockTimeoutError)
    foreign_lease(local_home, clock, ttl_seconds=60, age_seconds=120 if past else -3600)  # renewed
    clock.pass_seconds(2)
    assert isinstance(elsewhere(lambda: put(other, "2", parent="1")), LockTimeoutError)
    clock.pass_seconds(patience + 1)
    assert id_of(elsewhere(lambda: put(other, "2", parent="1"))) == "2"


def test_a_holder_elsewhere_that_is_long_past_needs_no_watching(local_home: Home) -> None:
    """[K5] A lease of another machine, over for more than a day by the calendar, is over."""
    other, clock = impatient(local_home), FakeClock()
    clock.give_to(other)
    put(other, "1")
    foreign_lease(local_home, clock, ttl_seconds=60, age_seconds=90_000)
    put(other, "2", parent="1")


def foreign_lease(home: Home, clock: FakeClock, *, ttl_seconds: float, age_seconds: float) -> None:
    """Write the lease of a holder on another machine, renewed some seconds ago by its calendar."""
    saver = home.saver()
    lease = saver._repository.take_lease("t", 60) if not saver.locks() else None
    path = home.root / ".locks" / "t.lease.json"
    fields = json.loads(path.read_bytes())
    if lease is not None:
        heartbeat.HEARTBEAT.stop(lease.owner)
    renewed = clock.calendar.timestamp() - age_seconds
    told = type(clock.calendar).fromtimestamp(renewed, clock.calendar.tzinfo).isoformat()
    count = int(fields.get("renewals", 0)) + 1
    path.write_text(
        json.dumps({**fields, "boot_id": "another", "renewed_at": told, "ttl_seconds": ttl_seconds, "renewals": count})
    )


def test_a_lease_that_cannot_be_read_is_over_some_day(local_home: Home) -> None:
    """[K5] A torn lease holds a thread for thirty seconds, not for ever; until then the error names the file."""
    other, clock = impatient(local_home), FakeClock()
    clock.give_to(other)
    put(other, "1")
    path = local_home.root / ".locks" / "t.lease.json"
    path.write_bytes(b"")
    error = elsewhere(lambda: put(other, "2", parent="1"))
    assert isinstance(error, LockTimeoutError)
    assert (error.holder, error.path) == (None, str(path))
    with pytest.raises(CorruptDataError, match=r"t\.lease\.json"):
        other.locks()
    clock.pass_seconds(31)
    put(other, "2", parent="1")
    assert not path.exists()


HOLDER = """
import sys, time
from langgraph_filesaver import FileSaver
saver = FileSaver(sys.argv[1])
with saver.thread_lock("t", ttl_seconds=float(sys.argv[2])) as lease:
    print(lease.owner, flush=True)
    sys.stdin.read()
"""


def holder(home: Home, ttl_seconds: float) -> subprocess.Popen[str]:
    """Start a process that holds the lease of "t" until its stdin is closed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home.root), str(ttl_seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert len(process.stdout.readline()) == 33
    return process


def test_a_killed_holder_is_replaced_at_once(local_home: Home) -> None:
    """[K5] Nobody waits for the time to live of a process that was killed on this machine, reaped or not."""
    saver = local_home.saver(lock_timeout_seconds=20)
    process = holder(local_home, ttl_seconds=3600)
    try:
        assert isinstance(elsewhere(lambda: put(impatient(local_home), "1")), LockTimeoutError)
    finally:
        process.kill()
    with saver.thread_lock("t"):  # it may be a zombie still
        put(saver, "1")
    process.communicate()
    assert not (local_home.root / "t" / "fences").exists(), "a dead holder writes no more: it needs no fence"


def test_a_process_with_the_same_number_is_not_the_holder(local_home: Home) -> None:
    """[K5] A pid that was used again does not keep a dead holder's lease alive."""
    saver = impatient(local_home)
    lease = saver._repository.take_lease("t", 3600)
    heartbeat.HEARTBEAT.stop(lease.owner)
    process = lease.document.process
    reused = replace(lease.document, process=replace(process, started=(process.started or 0) - 1))
    saver._repository.leases._write(reused)
    if process.started is None:
        pytest.skip("this system does not tell when a process was started")
    put(saver, "1")
    assert saver.locks() == []


def test_the_heartbeat_renews(local_home: Home) -> None:
    """[K5] A lease that is held for longer than its time to live is renewed, and its holder not displaced."""
    saver, other = local_home.saver(), impatient(local_home)
    with saver.thread_lock("t", ttl_seconds=0.3) as lease:
        before = lease.document.renewed_at
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:
            assert isinstance(elsewhere(lambda: put(other, "1")), LockTimeoutError)
        assert lease.document.renewed_at > before
        assert not list((local_home.root / ".locks").glob("*.tmp"))
        put(saver, "1")
    assert saver.locks() == []


# --- taking a thread away


def test_breaking_says_whose_it_was(home: Home) -> None:
    """`break_lock` takes the thread away from a living holder, tells whose it was, and the holder's next put is refused."""
    saver, other = home.saver(), home.saver()
    assert other.break_lock("t") is None
    with saver.thread_lock("t") as lease:
        put(saver, "1")
        info = other.break_lock("t")
        assert info is not None
        assert (info.thread_id, info.owner, info.pid, info.is_over) == ("t", lease.owner, os.getpid(), False)
        with pytest.raises(ConflictError):
            put(saver, "2", parent="1")
        elsewhere(lambda: put(other, "3", parent="1"))
    assert ids_of(saver, config_of()) == ["3", "1"]
    assert saver.locks() == []


def test_locks_lists_any_thread_id(home: Home) -> None:
    """`locks` tells the ids of threads whose names are escaped."""
    saver = home.saver()
    with saver.thread_lock("a/b"), saver.thread_lock("A"), saver.thread_lock("\ud800"):
        assert {info.thread_id for info in saver.locks()} == {"a/b", "A", "\ud800"}


# --- forks, copies, pickles


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


# --- async


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
