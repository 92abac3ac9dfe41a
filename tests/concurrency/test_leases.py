"""A thread for oneself: who gets it, who waits, who is refused, and what is left behind."""

from __future__ import annotations

import contextvars
import copy
import json
import os
import socket
import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from langgraph_filesaver import ConflictError, FileSaver, LockTimeoutError, StorageError
from tests.checkpoints import config_of, id_of, ids_of, put
from tests.concurrency.others import elsewhere, impatient, wait_until
from tests.concurrency.stopping import between_look_and_name
from tests.stores import Home


def test_only_the_owner_writes(home: Home) -> None:
    """[K5] While a thread is leased, its owner puts at once; everybody else gets LockTimeoutError, and nothing is stored."""
    saver, other = home.saver(), impatient(home)
    put(saver, "1")
    with saver.thread_lock("t"):
        put(saver, "2", parent="1")
        saver.put_writes({**config_of("t", "", "2"), "metadata": {"run_id": "r"}}, [("a", 1)], "task")
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


def test_the_lease_can_be_read_by_a_person(local_home: Home) -> None:
    """The file tells token, process, host, boot and times in indented JSON, and is there while the thread is had, no longer."""
    saver = local_home.saver()
    path = local_home.root / ".locks" / "t.lease.json"
    with saver.thread_lock("t", ttl_seconds=60) as lease:
        text = path.read_text()
        found = json.loads(text)
    assert not path.exists()
    assert text.startswith('{\n  "format": 1,\n  "thread_id": "t",\n')
    assert (found["owner"], found["pid"], found["host"]) == (lease.owner, os.getpid(), socket.gethostname())
    assert found["boot_id"] == lease.document.process.boot_id
    acquired, renewed, expires = (
        datetime.fromisoformat(found[name]) for name in ("acquired_at", "renewed_at", "expires_at")
    )
    assert acquired == renewed
    assert (expires - renewed).total_seconds() == 60
    assert abs(datetime.now(timezone.utc) - acquired).total_seconds() < 60


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


def test_breaking_says_whose_it_was(home: Home) -> None:
    """`break_lock` takes the thread away from a living holder, tells whose it was, and the holder's next put is refused.

    In a far store the holder looks only after its put, which may have become a fork then.
    """
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
    assert [each for each in ids_of(saver, config_of()) if each != "2" or home.kind != "remote"] == ["3", "1"]
    latest = home.saver().get_tuple(config_of())
    assert latest is not None
    assert latest.checkpoint["id"] == "3"
    assert saver.locks() == []


def test_locks_lists_any_thread_id(home: Home) -> None:
    """`locks` tells the ids of threads whose names are escaped."""
    saver = home.saver()
    with saver.thread_lock("a/b"), saver.thread_lock("A"), saver.thread_lock("\ud800"):
        assert {info.thread_id for info in saver.locks()} == {"a/b", "A", "\ud800"}


def test_nobody_starves(home: Home) -> None:
    """Three who take a thread again and again, with nothing in between, all get it: who comes again lets others go first.

    In a far store, where who waits looks a few times a second, one may have it more often in between.
    """
    counts, turns = [0, 0, 0], 60

    def take_again_and_again(number: int) -> None:
        saver = home.saver(lock_timeout_seconds=60)
        while sum(counts) < turns:
            with saver.thread_lock("t"):
                counts[number] += 1
                time.sleep(0.005)  # the work

    threads = [threading.Thread(target=take_again_and_again, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert min(counts) >= (1 if home.kind == "remote" else turns // 10), counts


def test_who_cannot_wait_is_not_courteous(home: Home) -> None:
    """A thread that is free is taken with a timeout of nothing, though somebody has waited for it a moment ago."""
    saver, other = home.saver(), impatient(home)
    with saver.thread_lock("t"):
        assert isinstance(elsewhere(lambda: other.thread_lock("t").__enter__()), LockTimeoutError)
    with other.thread_lock("t", timeout_seconds=0):
        put(other, "1")


def test_a_lease_is_given_back_after_what_is_under_way(home: Home) -> None:
    """A put that the owner's block has started and not waited for ends before anybody else gets the thread."""
    saver, other = home.saver(), home.saver(lock_timeout_seconds=30)
    put(saver, "1")
    taken: list[str | None] = []
    about_to_name, go_on = threading.Event(), threading.Event()

    def stop() -> None:
        about_to_name.set()
        assert go_on.wait(30)

    def take() -> None:
        with other.thread_lock("t"):
            found = other.get_tuple(config_of())
            taken.append(id_of(found.config) if found else None)

    def run() -> None:
        with saver.thread_lock("t"):
            context = contextvars.copy_context()
            threads.append(threading.Thread(target=lambda: context.run(put, saver, "2", parent="1")))
            threads[-1].start()
            assert about_to_name.wait(30)

    threads: list[threading.Thread] = []
    with between_look_and_name(saver, stop):
        threads += [threading.Thread(target=run), threading.Thread(target=take)]
        threads[0].start()
        assert about_to_name.wait(30)
        threads[1].start()
        wait_until(lambda: other._repository.leases._watched)
        assert [info.thread_id for info in saver.locks()] == ["t"]
        assert not taken
        go_on.set()
        for thread in [*threads]:
            thread.join(60)
    assert taken == ["2"]


def test_what_a_run_writes_after_its_block_buries_nothing(home: Home) -> None:
    """A put that comes when the block has ended is stored only where nobody has gone on since."""
    saver, other = home.saver(), home.saver()
    put(saver, "1")
    with saver.thread_lock("t"):
        context = contextvars.copy_context()
    context.run(put, saver, "2", parent="1")
    put(other, "3", parent="2")
    with pytest.raises(ConflictError, match="latest checkpoint is 3"):
        context.run(put, saver, "4", parent="2")
    with pytest.raises(ConflictError, match="latest checkpoint is 3"):
        context.run(saver.put_writes, config_of("t", "", "2"), [("a", 1)], "task")
    assert ids_of(saver, config_of()) == ["3", "2", "1"]
