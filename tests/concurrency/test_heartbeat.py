"""Who renews the leases of a process, and that nothing which befalls one of them costs the others theirs."""

from __future__ import annotations

import asyncio
import fcntl
import gc
import json
import os
import time
from typing import Any

import pytest

from langgraph_filesaver import CorruptDataError, LockTimeoutError, StorageError
from langgraph_filesaver._leases import heartbeat
from tests.checkpoints import put
from tests.concurrency.others import elsewhere, impatient, wait_until
from tests.stores import Home


def test_an_error_ends_no_renewal(home: Home) -> None:
    """Whatever the renewal of a lease raises, it and the others are renewed afterwards."""
    saver = home.saver()
    with saver.thread_lock("t", ttl_seconds=0.3) as failing, saver.thread_lock("u", ttl_seconds=0.3) as lease:
        due, pause, renew = heartbeat.HEARTBEAT._beating[failing.owner]
        failures: list[int] = []

        def fail_twice() -> bool:
            if len(failures) < 2:
                failures.append(1)
                raise RecursionError
            return renew()

        heartbeat.HEARTBEAT._beating[failing.owner] = (due, pause, fail_twice)
        before = [each.document.renewed_at for each in (failing, lease)]
        wait_until(lambda: failing.document.renewed_at > before[0] and lease.document.renewed_at > before[1])


def test_a_lease_whose_lock_is_kept_costs_the_others_nothing(local_home: Home) -> None:
    """Somebody stopped with the lock of one thread's lease does not keep the leases of other threads from being renewed."""
    saver, other = local_home.saver(lock_timeout_seconds=20), impatient(local_home)
    with saver.thread_lock("t", ttl_seconds=1), saver.thread_lock("u", ttl_seconds=1) as lease:
        descriptor = os.open(local_home.root / ".locks" / "t.lease.lock", os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            time.sleep(1.5)
            assert isinstance(elsewhere(lambda: put(other, "1", thread_id="u")), LockTimeoutError)
        finally:
            os.close(descriptor)
        assert not lease.is_lost


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_block_that_cannot_be_left_is_over_some_day(home: Home) -> None:
    """A lease whose event loop was closed in the midst of its block is renewed no more, and free after its time to live."""
    saver = home.saver(lock_timeout_seconds=20)

    async def begin() -> None:
        blocks.append(saver.athread_lock("t", ttl_seconds=0.3))
        await blocks[0].__aenter__()

    blocks: list[Any] = []
    loop = asyncio.new_event_loop()
    loop.run_until_complete(begin())
    loop.close()
    blocks.clear()
    gc.collect()
    elsewhere(lambda: put(saver, "1"))
    assert saver.locks() == []
    wait_until(lambda: heartbeat.HEARTBEAT._thread is None)


def test_a_time_to_live_beyond_all_clocks(local_home: Home) -> None:
    """What clocks cannot add up is refused before anything happens; in a file it is damage, not a crash of whoever puts."""
    saver = impatient(local_home)
    for ttl_seconds in (float("inf"), 1e300, 1e11):
        with pytest.raises(ValueError, match="ttl_seconds"), saver.thread_lock("t", ttl_seconds=ttl_seconds):
            pass
    path = local_home.root / ".locks" / "t.lease.json"
    with saver.thread_lock("t"):
        fields = json.loads(path.read_bytes())
    path.write_text(json.dumps({**fields, "boot_id": "another", "ttl_seconds": 1e300}))
    assert isinstance(elsewhere(lambda: put(saver, "1")), LockTimeoutError)
    with pytest.raises(CorruptDataError, match="ttl_seconds"):
        saver.locks()
    path.write_text(json.dumps({**fields, "boot_id": "another", "renewed_at": "9999-12-31T23:59:00+00:00"}))
    assert isinstance(elsewhere(lambda: put(saver, "1")), LockTimeoutError)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path)])
def test_what_stands_in_place_of_a_lease_is_not_opened(local_home: Home, make: Any) -> None:
    """[S2] A pipe, a folder or a link to a device is told by its path; nobody waits for what comes out of it."""
    saver = impatient(local_home)
    put(saver, "1")
    path = local_home.root / ".locks" / "t.lease.json"
    make(path)
    for work in (lambda: put(saver, "2", parent="1"), saver.locks, lambda: saver.thread_lock("t").__enter__()):
        error = elsewhere(work)
        assert isinstance(error, StorageError)
        assert str(path) in str(error)
