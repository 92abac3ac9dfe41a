"""What two rare mishaps at once leave behind: a bounded wait, a call that is done all the same, or an error that tells all."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import IO, Any, cast

import pytest

from langgraph_filesaver import FileSaver, LockTimeoutError, StorageError, _lock, _twins
from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store import LocalStore, MemoryStore, Turn, no_turn, staging
from langgraph_filesaver._store.durability import TwoFlushes
from langgraph_filesaver.config import LOCK_TIMEOUT_SECONDS
from tests.checkpoints import checkpoint_of, config_of, ids_of, metadata_of, put
from tests.crash.filled import failing, filled, shown, staged


@contextmanager
def names_locked(root: Path) -> Iterator[Path]:
    """Hold the lock of names as another process would: unknown to filelock."""
    lock = root / ".locks/_names.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield lock


@pytest.mark.timeout(30)
@pytest.mark.parametrize("is_new", [True, False])
def test_the_wait_for_the_lock_of_names_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_new: bool
) -> None:
    """Without hard links, a put ends in a LockTimeoutError that names the lock of names while somebody keeps that.

    It waits as long as the saver was told to, and leaves nothing behind, in a new root (where the marker waits for the
    lock) and in one in use; with the holder gone the same put succeeds.
    """
    monkeypatch.setattr(os, "link", failing(errno.EPERM))
    root = tmp_path / "checkpoints"
    saver = FileSaver(root, lock_timeout_seconds=0.05)
    if not is_new:
        put(saver, "1")
    with names_locked(root) as lock:
        began = time.monotonic()
        with pytest.raises(LockTimeoutError, match=r"_names\.lock.*Try again") as raised:
            put(saver, "2")
        assert 0.05 <= time.monotonic() - began < LOCK_TIMEOUT_SECONDS
        assert isinstance(raised.value.__cause__, TimeoutError)
        assert raised.value.path == str(lock)
        assert raised.value.timeout_seconds == 0.05
        assert ids_of(saver, None) == ([] if is_new else ["1"])
        assert staged(root) == []
    put(saver, "2")
    assert ids_of(FileSaver(root), None) == (["2"] if is_new else ["2", "1"])


@pytest.mark.timeout(30)
def test_a_deletion_that_waits_for_the_lock_of_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without hard links, and with the marker gone, a deletion waits for the lock of names, too: it ends in the same error."""
    store = LocalStore(str(tmp_path), marker=MARKER, lock_timeout_seconds=0.05)
    store.create("a/k", b"old")
    (tmp_path / MARKER.key).unlink()
    monkeypatch.setattr(os, "link", failing(errno.EPERM))
    with names_locked(tmp_path), pytest.raises(LockTimeoutError, match=r"_names\.lock"):
        store.delete_folder("a")
    assert store.read("a/k") == b"old"


async def test_a_pool_that_is_shut_down_while_a_call_is_handed_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another thread leaves the context manager after aput has taken the pool and before its call is in: it is stored."""
    saver = FileSaver(tmp_path)

    class LeftAtTheWorstMoment(ThreadPoolExecutor):
        made = 0

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            type(self).made += 1

        def submit(self, *args: Any, **kwargs: Any) -> Future[Any]:
            if self.made == 1:
                other = threading.Thread(target=saver.__exit__, args=(None, None, None))
                other.start()
                other.join()
            return super().submit(*args, **kwargs)

    monkeypatch.setattr(_twins, "ThreadPoolExecutor", LeftAtTheWorstMoment)
    await saver.aput(config_of(), checkpoint_of("1"), metadata_of(), {})
    assert LeftAtTheWorstMoment.made == 2
    assert ids_of(FileSaver(tmp_path), None) == ["1"]
    saver.__exit__(None, None, None)


async def test_a_pool_that_is_shut_down_while_calls_run_and_wait() -> None:
    """Leaving the context manager drops neither the call that runs nor those that wait for a thread: all are stored."""
    begun, opened = threading.Event(), threading.Event()

    class SlowStore(MemoryStore):
        def create(self, key: str, data: bytes, turn: Turn = no_turn) -> bool:
            begun.set()
            assert opened.wait(60)
            return super().create(key, data, turn)

    async with FileSaver(SlowStore(MARKER), max_workers=1) as saver:
        puts = [
            asyncio.create_task(saver.aput(config_of(), checkpoint_of(str(number)), metadata_of(), {}))
            for number in range(3)
        ]
        await asyncio.get_running_loop().run_in_executor(None, begun.wait, 60)
    assert not any(task.done() for task in puts)
    opened.set()
    await asyncio.gather(*puts)
    assert ids_of(saver, None) == ["2", "1", "0"]


class NoRoom(FileIO):
    """A file on a disk that is full."""

    def write(self, *_: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_disk_too_full_for_the_holders_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ENOSPC when the holder is written into the lock file: the lock is taken and keeps others out, and deleting works.

    Who waits in vain is told of nobody: not of the holder before, whose name was there.
    """
    written: list[str] = []

    def open_on_a_full_disk(path: str, mode: str) -> IO[Any]:
        if mode != "r+b":
            return open(path, mode)
        written.append(path)
        return cast("IO[Any]", NoRoom(path, mode))

    root = tmp_path / "checkpoints"
    saver = filled(root)
    locks = FileSaver(root, lock_timeout_seconds=0.05)._repository.locks
    with locks.hold("t"):
        pass
    lock = root / ".locks/t.lock"
    assert lock.read_bytes()
    monkeypatch.setattr(_lock, "open", open_on_a_full_disk, raising=False)
    with locks.hold("t"):
        with pytest.raises(LockTimeoutError, match=r"'t' is locked by somebody") as raised, locks.hold("t"):
            pass
        assert raised.value.holder is None
    saver.delete_thread("t")
    assert written == [str(lock)] * 2
    assert shown(root) == []


class FailsOnce(TwoFlushes):
    """Fails to flush a folder once, after `before`; notes which ones are flushed afterwards."""

    def __init__(self, before: Callable[[], object]) -> None:
        self._before = before
        self.flushed: list[str] | None = None

    def folder_changed(self, folder: str) -> None:
        if self.flushed is not None:
            self.flushed.append(folder)
            return
        self.flushed = []
        self._before()
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def deleting_fails(store: LocalStore, flush: FailsOnce) -> StorageError:
    """Delete the folder `a` of a store, and return the error in which it ends."""
    store.create("a/k", b"old")
    store._chosen = flush
    with pytest.raises(StorageError) as raised:
        store.delete_folder("a")
    return raised.value


def swept_by_another_process(root: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStore:
    """Return a store that has made its first write, and taken this process for a dead one when it swept."""
    later = LocalStore(str(root), marker=MARKER)
    with monkeypatch.context() as patch:
        patch.setattr(staging, "is_alive", lambda _: False)
        later.create("b/later", b"other")
    return later


def test_a_deletion_that_is_neither_flushed_nor_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """[O9] EIO at a deletion's flush, and the folder made anew by then: StorageError names where it was and where it is now.

    Neither the old files nor the new ones are removed, by this call or by a later process, and the place of the old ones
    is flushed.
    """
    store, rival = (LocalStore(str(tmp_path), marker=MARKER) for _ in range(2))
    flush = FailsOnce(lambda: rival.create("a/new", b"new"))
    error = deleting_fails(store, flush)
    (kept,) = staged(tmp_path)
    assert error.path == str(tmp_path / "a")
    assert str(error).startswith(f"cannot move {error.path} back")
    assert f"{tmp_path}/.tmp/{kept}, which nothing removes" in str(error)
    assert error.errno in (errno.ENOTEMPTY, errno.EEXIST)
    assert error.__cause__ is not None
    flushing = error.__cause__.__context__
    assert isinstance(flushing, StorageError)
    assert flushing.errno == errno.EIO
    assert flush.flushed == [str(tmp_path / ".tmp")]
    store.create("b/k2", b"other")
    later = swept_by_another_process(tmp_path, monkeypatch)
    assert (tmp_path / ".tmp" / kept / "k").read_bytes() == b"old"
    assert later.list("a") == ("new",)
    assert later.read("a/new") == b"new"


def test_a_deletion_that_is_taken_back_is_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """EIO at a deletion's flush: the folder is back, and that is flushed, lest a power cut find it among the staged files."""
    flush = FailsOnce(lambda: None)
    error = deleting_fails(LocalStore(str(tmp_path), marker=MARKER), flush)
    assert error.errno == errno.EIO
    assert flush.flushed == [str(tmp_path)]
    assert staged(tmp_path) == []
    assert swept_by_another_process(tmp_path, monkeypatch).read("a/k") == b"old"


def test_a_deletion_that_can_only_stay_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """EIO at a deletion's flush and at every renaming from then on: StorageError says that a later process removes it."""
    with monkeypatch.context() as patch:
        error = deleting_fails(
            LocalStore(str(tmp_path), marker=MARKER), FailsOnce(lambda: patch.setattr(os, "rename", failing(errno.EIO)))
        )
    (hidden,) = staged(tmp_path)
    assert f"{tmp_path}/.tmp/{hidden}: move them away before this process ends" in str(error)
    LocalStore(str(tmp_path), marker=MARKER).create("b/k2", b"other")  # its first write sweeps
    assert (tmp_path / ".tmp" / hidden / "k").read_bytes() == b"old"


def test_a_deletion_meets_a_writer_that_was_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """[O9] A name that lands in the folder while it is removed out of sight fails no deletion, and stays nowhere."""
    saver = FileSaver(tmp_path)
    put(saver, "1")
    rmdir, late = os.rmdir, []  # type: tuple[Any, list[Any]]

    def removing(path: Any, **named: Any) -> None:
        if not late:
            late.append(path)
            folder = os.open(path, os.O_RDONLY, dir_fd=named.get("dir_fd"))
            os.close(os.open("late.json", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
            os.close(folder)
        rmdir(path, **named)

    monkeypatch.setattr(os, "rmdir", removing)
    saver.delete_thread("t")
    assert late
    assert ids_of(saver, None) == []
    assert os.listdir(tmp_path / ".tmp") == []
