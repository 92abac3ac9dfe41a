"""`_lock`: one lock file per thread, held for one call, free when its process is gone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from langgraph_filesaver import FileSaver, LockTimeoutError, StorageError
from langgraph_filesaver._lock import ThreadLocks
from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store import LocalStore
from tests.checkpoints import config_of, ids_of, put
from tests.stores import Home

_HOLD = """
import sys
from langgraph_filesaver import FileSaver
with FileSaver(sys.argv[1])._repository.locks.hold(sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_by_another_process(root: Path, thread_id: str) -> Iterator[subprocess.Popen[str]]:
    """Hold the lock of a thread in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(root), thread_id], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.stdin.close()
            process.wait(60)


def test_who_waits_in_vain_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    """[K3] LockTimeoutError names thread, pid, host and since when; the wait is bounded; with the holder gone all is well."""
    saver = FileSaver(tmp_path, lock_timeout_seconds=0.2)
    put(saver, "1")
    with held_by_another_process(tmp_path, "t") as holder:
        began = time.monotonic()
        with pytest.raises(LockTimeoutError) as raised:
            saver.delete_thread("t")
        assert 0.2 <= time.monotonic() - began < 30
        told = raised.value.holder
        assert told is not None
        assert (told["pid"], told["host"]) == (holder.pid, socket.gethostname())
        assert datetime.fromisoformat(told["since"]).tzinfo is not None
        assert raised.value.timeout_seconds == 0.2
        assert raised.value.path == str(tmp_path / ".locks/t.lock")
        for part in ("'t'", str(holder.pid), socket.gethostname(), told["since"], "0.2 s", raised.value.path):
            assert part in str(raised.value)
        assert ids_of(saver, None) == ["1"]
    saver.delete_thread("t")
    assert ids_of(saver, None) == []


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    """[K3] A process that is killed while it holds a lock leaves a file that says its name and keeps nobody out."""
    saver = FileSaver(tmp_path, lock_timeout_seconds=20)
    put(saver, "1")
    with held_by_another_process(tmp_path, "t") as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait(60)
        assert json.loads((tmp_path / ".locks/t.lock").read_bytes())["pid"] == holder.pid
        saver.delete_thread("t")
    assert ids_of(saver, None) == []


def test_everything_but_maintenance_goes_on_while_a_lock_is_held(tmp_path: Path) -> None:
    """New checkpoints, writes and reading take no lock; maintenance of the thread and replacing a checkpoint do [K2]."""
    saver = FileSaver(tmp_path, lock_timeout_seconds=0.05)
    put(saver, "1")
    put(saver, "1", thread_id="other")
    with held_by_another_process(tmp_path, "t"):
        put(saver, "2", {"a": 1}, parent="1")
        saver.put_writes(config_of("t", "", "2"), [("a", 2)], "task")
        assert ids_of(saver, config_of()) == ["2", "1"]
        assert saver.get_tuple(config_of()) is not None
        saver.prune(["other"])
        for refused in (
            lambda: saver.delete_thread("t"),
            lambda: saver.prune(["t"]),
            lambda: saver.prune(["t"], strategy="delete"),
            lambda: saver.delete_for_runs(["r"]),
            lambda: saver.copy_thread("t", "new"),
            lambda: saver.copy_thread("other", "t"),
            lambda: put(saver, "1"),
        ):
            with pytest.raises(LockTimeoutError, match="'t'"):
                refused()
        assert ids_of(saver, config_of()) == ["2", "1"]


def test_the_lock_file_outlives_the_thread(tmp_path: Path) -> None:
    """[K1] Deleting a thread leaves its lock file, the very same one, outside the thread's folder."""
    saver = FileSaver(tmp_path)
    for thread_id in ("t", "A/b", "names"):
        put(saver, "1", thread_id=thread_id)
        put(saver, "1", thread_id=thread_id)
    before = {path.name: path.stat().st_ino for path in (tmp_path / ".locks").iterdir()}
    assert len(before) == 6  # and the lock beside the lease
    folders = [path for path in tmp_path.iterdir() if path.is_dir() and not path.name.startswith(".")]
    assert [path for folder in folders for path in folder.rglob("*.lock*")] == []
    for strategy in ("delete", "delete_all"):
        saver.prune(["t", "A/b", "names"], strategy=strategy)
        put(saver, "1")
    after = {path.name: path.stat().st_ino for path in (tmp_path / ".locks").iterdir()}
    assert after.items() >= before.items()  # there are the locks of the artifacts, too


def test_the_holders_name_is_whole_after_a_longer_one(tmp_path: Path) -> None:
    """What the lock file says is always the last holder's name, also where the one before had a longer one."""
    locks = ThreadLocks(LocalStore(str(tmp_path), marker=MARKER), 5)
    with locks.hold("t"):
        pass
    (tmp_path / ".locks/t.lock").write_text('{"pid": 1, "host": "' + "x" * 500 + '"}')
    with locks.hold("t"):
        assert json.loads((tmp_path / ".locks/t.lock").read_bytes())["pid"] == os.getpid()


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff"])
def test_a_lock_file_that_says_nothing_is_no_obstacle(tmp_path: Path, content: bytes) -> None:
    """The text in a lock file is for people: whatever it holds, the lock can be taken, and a timeout is still told."""
    store = LocalStore(str(tmp_path), marker=MARKER)
    with ThreadLocks(store, 5).hold("t"):
        (tmp_path / ".locks/t.lock").write_bytes(content)
        with pytest.raises(LockTimeoutError, match="'t'") as raised, ThreadLocks(store, 0.01).hold("t"):
            pass
        assert raised.value.holder is None
    with ThreadLocks(store, 5).hold("t"):
        pass


def test_a_lock_excludes_threads_savers_and_itself(home: Home) -> None:
    """Two savers over one place, and one saver twice, exclude each other; locks of other threads are free."""
    one, two = (home.saver(lock_timeout_seconds=0.02)._repository.locks for _ in range(2))
    with one.hold("t"):
        for locks in (one, two):
            with pytest.raises(LockTimeoutError), locks.hold("t"):
                pass
            with locks.hold("T"), locks.hold("other"):
                pass
    with two.hold("t"):
        pass


def test_a_lock_is_released_when_the_work_under_it_fails(home: Home) -> None:
    """An error inside `hold` frees the lock and comes out unchanged."""
    locks = home.saver(lock_timeout_seconds=0.02)._repository.locks
    with pytest.raises(ZeroDivisionError), locks.hold("t"):
        raise ZeroDivisionError
    with locks.hold("t"):
        pass


def test_under_contention_everybody_gets_the_lock_alone(home: Home) -> None:
    """Six threads that take one lock 30 times each are never in it together, and none of them starves."""
    inside = 0
    most = 0
    taken: list[int] = []

    def work(number: int) -> None:
        nonlocal inside, most
        locks = home.saver(lock_timeout_seconds=60)._repository.locks
        for _ in range(30):
            with locks.hold("t"):
                inside += 1
                most = max(most, inside)
                taken.append(number)
                inside -= 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert sorted(taken) == sorted(list(range(6)) * 30)


def test_copies_in_both_directions_do_not_wait_for_each_other(home: Home) -> None:
    """[K2] Copying a to b and b to a at once, many times, ends: both take the two locks in the same order."""
    put(home.saver(), "1", thread_id="a")
    put(home.saver(), "2", thread_id="b")
    failures: list[BaseException] = []

    def work(source: str, target: str) -> None:
        saver = home.saver(lock_timeout_seconds=60)
        try:
            for _ in range(40):
                saver.copy_thread(source, target)
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=work, args=pair) for pair in (("a", "b"), ("b", "a")) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert ids_of(home.saver(), config_of("a")) == ids_of(home.saver(), config_of("b")) == ["2", "1"]


def test_a_lock_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    """A file where the folder of locks belongs is a StorageError that names the lock, and nothing is deleted."""
    saver = FileSaver(tmp_path)
    put(saver, "1")
    shutil.rmtree(tmp_path / ".locks")
    (tmp_path / ".locks").write_bytes(b"")
    with pytest.raises(StorageError, match=r"t\.lock"):
        saver.delete_thread("t")
    with pytest.raises(StorageError, match=r"t\.lease\.lock"):
        put(saver, "2")
    assert ids_of(saver, None) == ["1"]


def test_locks_are_private(tmp_path: Path) -> None:
    """Lock files and their folder are for their owner only, whatever the umask allows."""
    before = os.umask(0)
    try:
        with ThreadLocks(LocalStore(str(tmp_path / "root"), marker=MARKER), 5).hold("t"):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "root/.locks").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "root/.locks/t.lock").stat().st_mode & 0o777 == 0o600
