"""A lease that nobody gave back: when it is over, and when it is not."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

import pytest

from langgraph_filesaver import ConflictError, CorruptDataError, LockTimeoutError, StorageError
from langgraph_filesaver._leases import heartbeat
from tests.checkpoints import config_of, id_of, ids_of, put
from tests.concurrency.clocks import FakeClock
from tests.concurrency.others import elsewhere, impatient
from tests.stores import Home


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


@pytest.mark.parametrize("how", ["put", "thread_lock", "prune"])
def test_a_holder_elsewhere_that_let_its_time_pass_needs_no_watching(local_home: Home, how: str) -> None:
    """[K5] What another machine, or this one before it was started anew, left behind for its time to live waits for nobody.

    The file system's own clock tells, and the own calendar has to agree; a process that has just begun needs no more.
    """
    other, clock = impatient(local_home), FakeClock()
    clock.give_to(other)
    put(other, "1")
    foreign_lease(local_home, clock, ttl_seconds=60, age_seconds=65)
    written_ago(local_home, 65)
    if how == "put":
        put(other, "2", parent="1")
    elif how == "prune":
        other.prune(["t"])
    else:
        with other.thread_lock("t"):
            put(other, "2", parent="1")
    assert other.locks() == []


@pytest.mark.parametrize(
    ("by_file_system", "by_calendar"), [(3600, 0), (0, 3600), (-3600, 3600), (3600, -3600), (59, 61), (61, 59)]
)
def test_one_clock_that_was_set_steals_nothing(local_home: Home, by_file_system: float, by_calendar: float) -> None:
    """[K5] Where the file system's clock or the calendar alone says that a lease from elsewhere is over, it is not yet."""
    other, clock = impatient(local_home), FakeClock()
    clock.give_to(other)
    put(other, "1")
    foreign_lease(local_home, clock, ttl_seconds=60, age_seconds=by_calendar)
    written_ago(local_home, by_file_system)
    assert isinstance(elsewhere(lambda: put(other, "2", parent="1")), LockTimeoutError)


def test_the_time_of_the_file_decides_nothing_on_one_machine(local_home: Home) -> None:
    """[K5] A living holder of this boot keeps its lease, though file system and calendar were set an hour forward."""
    saver, other, clock = local_home.saver(), impatient(local_home), FakeClock()
    clock.give_to(saver, other)
    with saver.thread_lock("t", ttl_seconds=60):
        clock.set_calendar(1)
        written_ago(local_home, 3600)
        assert isinstance(elsewhere(lambda: put(other, "1")), LockTimeoutError)


def written_ago(home: Home, seconds: float) -> None:
    """Make the lease's file as old as that by the file system's clock."""
    then = time.time() - seconds
    os.utime(home.root / ".locks" / "t.lease.json", (then, then))


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
    path.write_bytes(b"")
    written_ago(local_home, 33)
    put(local_home.saver(), "3", parent="2")
    assert not path.exists()


@pytest.mark.parametrize("full", ["lease", "fence"])
def test_a_thread_that_cannot_be_taken_away_on_a_full_disk(
    local_home: Home, monkeypatch: pytest.MonkeyPatch, full: str
) -> None:
    """A living holder's lease that is over stays where nothing can be written: the error says so, and nothing is lost.

    With room again the same call takes it, and what the holder had put by then counts.
    """
    saver, other, clock = local_home.saver(), impatient(local_home), FakeClock()
    clock.give_to(saver, other)

    def no_room(*_: Any) -> Any:
        raise StorageError.from_os_error(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), action="write", path="/full")

    with saver.thread_lock("t", ttl_seconds=60):
        put(saver, "1")
        clock.pass_seconds(61)
        with monkeypatch.context() as patch:
            if full == "lease":
                patch.setattr(other._repository.leases._place, "write", no_room)
            else:
                patch.setattr(other._repository.store, "create", no_room)
            for work in (
                lambda: put(other, "2", parent="1"),
                lambda: other.delete_thread("t"),
                lambda: other.break_lock("t"),
                lambda: other.thread_lock("t").__enter__(),
            ):
                clock.pass_seconds(1)
                error = elsewhere(work)
                assert isinstance(error, StorageError)
                assert error.errno == errno.ENOSPC
                assert all(word in str(error) for word in ("'t' cannot be taken away from", "free some space"))
            assert ids_of(other, config_of()) == ["1"]
            assert elsewhere(lambda: id_of(other.get_tuple(config_of()).config)) == "1"  # type: ignore[union-attr]
        clock.pass_seconds(1)
        elsewhere(lambda: put(other, "2", parent="1"))
        with pytest.raises(ConflictError, match="was lost"):
            put(saver, "3", parent="1")
    assert ids_of(other, config_of()) == ["2", "1"]
    assert len(list((local_home.root / "t" / "fences").iterdir())) == 1, "none against those who never had it"
    assert saver.locks() == []


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
