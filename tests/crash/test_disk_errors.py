"""The disk is full, read-only, closed to us or broken, or somebody removed it: an error that says so, and nothing is lost."""

from __future__ import annotations

import ctypes
import errno
import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from langgraph_filesaver import FileSaver
from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store import durability, local
from langgraph_filesaver._store.durability import OneFlush, TwoFlushes
from langgraph_filesaver.errors import StorageError
from tests.checkpoints import config_of, id_of, ids_of, put
from tests.crash.filled import (
    CHANGING,
    WRITING,
    big_put,
    big_put_writes,
    big_replacement,
    delete,
    failing,
    filled,
    shown,
    staged,
)


def check_refused(
    saver: FileSaver, root: Path, act: Callable[[FileSaver], Any], number: int, advice: str
) -> StorageError:
    """Check that a call is refused with an error that tells all, and has changed nothing."""
    before = shown(root)
    with pytest.raises(StorageError) as raised:
        act(saver)
    error = raised.value
    assert error.errno == number
    assert error.path.startswith(str(root))
    assert error.path in str(error)
    assert os.strerror(number) in str(error)
    assert advice in str(error)
    assert isinstance(error.__cause__, OSError)
    assert shown(root) == before == list(saver.list(None))
    assert staged(root) == []
    return error


class SmallDisk:
    """A file system of half a megabyte, mounted for one test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self._mount("-t", "tmpfs", "-o", "size=512k", "tmpfs")

    def fill(self) -> None:
        """Leave a few free blocks: a file can be made, and not be written to its end."""
        status = os.statvfs(self.folder)
        (self.folder / "ballast").write_bytes(b"\0" * (status.f_bavail - 4) * status.f_frsize)

    def free(self) -> None:
        (self.folder / "ballast").unlink()

    def remount(self, mode: str) -> None:
        self._mount("-o", f"remount,{mode}")

    def unmount(self) -> None:
        subprocess.run(["umount", "-l", str(self.folder)], check=True)

    def _mount(self, *options: str) -> None:
        done = subprocess.run(["mount", *options, str(self.folder)], capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux can mount a small disk")
    disk = SmallDisk(tmp_path / "disk")
    yield disk
    disk.unmount()


@pytest.mark.parametrize("act", WRITING)
def test_a_full_disk(small_disk: SmallDisk, act: Callable[[FileSaver], Any]) -> None:
    """ENOSPC in the midst of a file leaves the old state and no litter; with room again the same call succeeds."""
    root = small_disk.folder / "checkpoints"
    saver = filled(root)
    small_disk.fill()
    check_refused(saver, root, act, errno.ENOSPC, "free some space")
    check_refused(FileSaver(root), root, act, errno.ENOSPC, "free some space")
    small_disk.free()
    before = shown(root)
    act(saver)
    assert shown(root) != before
    assert staged(root) == []


@pytest.mark.parametrize("act", WRITING)
def test_a_limit_of_file_size(tmp_path: Path, act: Callable[[FileSaver], Any]) -> None:
    """Where no disk can be mounted, too: a real limit, met in the midst of a file, leaves the old state and no litter."""
    if sys.platform == "win32":
        pytest.skip("the limit is one of POSIX")
    import resource

    root = tmp_path / "checkpoints"
    saver = filled(root)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        check_refused(saver, root, act, errno.EFBIG, "cannot write")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    before = shown(root)
    act(saver)
    assert shown(root) != before
    assert staged(root) == []


def test_deleting_on_a_full_disk(small_disk: SmallDisk) -> None:
    """A disk without a free block can be relieved by deleting a thread that was locked before."""
    root = small_disk.folder / "checkpoints"
    saver = filled(root)
    put(saver, "c1", {"n": 1}, parent="c0", step=1)
    status = os.statvfs(small_disk.folder)
    (small_disk.folder / "ballast").write_bytes(b"\0" * status.f_bavail * status.f_frsize)
    saver.delete_thread("t")
    assert shown(root) == []


@pytest.mark.parametrize("was_locked", [False, True])
@pytest.mark.parametrize("act", CHANGING)
def test_a_read_only_disk(small_disk: SmallDisk, act: Callable[[FileSaver], Any], was_locked: bool) -> None:
    """EROFS: reading goes on, whatever would write is refused, and succeeds once the disk is writable."""
    root = small_disk.folder / "checkpoints"
    saver = filled(root)
    if was_locked:  # then there is a lock file already
        put(saver, "c1", {"n": 1}, parent="c0", step=1)
    small_disk.remount("ro")
    before = shown(root)
    check_refused(saver, root, act, errno.EROFS, "read-only")
    check_refused(FileSaver(root), root, act, errno.EROFS, "read-only")
    small_disk.remount("rw")
    act(saver)
    assert shown(root) != before
    assert staged(root) == []


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilitySets(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


@pytest.fixture
def bound_by_permissions() -> Iterator[None]:
    """Where the tests are root's, let permissions bind this thread: without CAP_DAC_*, see capset(2)."""
    if not hasattr(os, "geteuid"):
        pytest.skip("permissions here are not those of POSIX")
    if os.geteuid() != 0:
        yield
        return
    if sys.platform != "linux":
        pytest.skip("root is stopped by no permission, and only Linux lets it be")
    c_library = ctypes.CDLL(None, use_errno=True)
    header, sets = _CapabilityHeader(0x20080522, 0), (_CapabilitySets * 2)()
    assert c_library.capget(ctypes.byref(header), sets) == 0
    effective = sets[0].effective
    sets[0].effective = effective & ~0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
    assert c_library.capset(ctypes.byref(header), sets) == 0
    yield
    sets[0].effective = effective
    assert c_library.capset(ctypes.byref(header), sets) == 0


@pytest.mark.parametrize("act", CHANGING)
def test_a_folder_closed_to_us(bound_by_permissions: None, tmp_path: Path, act: Callable[[FileSaver], Any]) -> None:
    """EACCES: the folders are not ours to write; what is there can be read, and opened up again the call succeeds."""
    root = tmp_path / "checkpoints"
    saver = filled(root)
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o500)
    try:
        check_refused(saver, root, act, errno.EACCES, "permissions")
    finally:
        for folder in folders:
            folder.chmod(0o700)
    before = shown(root)
    act(saver)
    assert shown(root) != before


def failing_from(use: int, call: Callable[[int], None]) -> Callable[[int], None]:
    """Fail at a use of the call and at all later ones."""
    uses = itertools.count(1)

    def fail(descriptor: int) -> None:
        if next(uses) >= use:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        call(descriptor)

    return fail


def failing_in_c(number: int) -> Callable[..., int]:
    def fail(*_: Any) -> int:
        ctypes.set_errno(number)
        return -1

    return fail


def half_written(call: Callable[[int, Any], int]) -> Callable[[int, Any], int]:
    """Write half, and fail at the rest."""
    uses = iter((True, False))

    def write(descriptor: int, data: Any) -> int:
        if not next(uses, False):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return call(descriptor, data[: len(data) // 2])

    return write


@pytest.mark.parametrize("act", WRITING)
@pytest.mark.parametrize(
    ("flush", "call"),
    [
        (OneFlush, "sync_file_range"),
        (OneFlush, "fsync"),
        (OneFlush, "write"),
        (TwoFlushes, "fsync"),
        (TwoFlushes, "write"),
    ],
)
def test_a_broken_device(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    flush: type[TwoFlushes],
    call: str,
    act: Callable[[FileSaver], Any],
) -> None:
    """EIO when data are written or flushed is told, never swallowed; a new file that was not flushed keeps no name."""
    if durability._sync_file_range is None and flush is OneFlush:
        pytest.skip("the one flush is for Linux")
    monkeypatch.setattr(local, "durability_for", lambda path, *, fsync: flush())
    root = tmp_path / "checkpoints"
    saver = filled(root)
    before = shown(root)
    with monkeypatch.context() as patch:
        if call == "sync_file_range":
            patch.setattr(durability, "_sync_file_range", failing_in_c(errno.EIO))
        elif call == "fsync":
            patch.setattr(os, "fsync", failing(errno.EIO))
        else:
            patch.setattr(os, "write", half_written(os.write))
        if (act, call, flush) == (big_replacement, "fsync", OneFlush):
            # The new file has its name already, and the old one is gone: whole it is, but not acknowledged.
            with pytest.raises(StorageError, match="device reports an error") as raised:
                act(saver)
            assert raised.value.errno == errno.EIO
            assert ids_of(FileSaver(root), None) == ["c1", "c0"]
        else:
            check_refused(saver, root, act, errno.EIO, "device reports an error")
        assert staged(root) == []
    act(saver)
    assert shown(root) != before
    assert staged(root) == []


@pytest.mark.parametrize("flush", [OneFlush, TwoFlushes])
def test_a_broken_device_at_a_deletion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flush: type[TwoFlushes]
) -> None:
    """EIO when a deletion is flushed: the thread is there again, with all its files, and nothing is left elsewhere."""
    monkeypatch.setattr(local, "durability_for", lambda path, *, fsync: flush())
    root = tmp_path / "checkpoints"
    saver = filled(root)
    saver.delete_thread("other")  # so that there is a lock file's folder
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing(errno.EIO))
        check_refused(saver, root, delete, errno.EIO, "device reports an error")
    saver.delete_thread("t")
    assert shown(root) == []
    assert staged(root) == []


@pytest.mark.parametrize("flush", [OneFlush, TwoFlushes])
def test_a_broken_device_at_a_pruning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flush: type[TwoFlushes]) -> None:
    """EIO when a pruning is flushed: what is kept is there with its writes, and the call can be repeated."""
    monkeypatch.setattr(local, "durability_for", lambda path, *, fsync: flush())
    root = tmp_path / "checkpoints"
    saver = filled(root)
    for uses in range(1, 50):
        refused = None
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", failing_from(uses, os.fsync))
            try:
                saver.prune(["t"])
            except StorageError as error:
                refused = error.errno
        if refused is None:
            break
        assert refused == errno.EIO
        head, *others = shown(root)
        assert head.pending_writes == [("task-1", "n", "pending")]
        assert [id_of(each.config) for each in others] in ([], ["c0"])
        assert staged(root) == []
        put(saver, "c0", {"n": 0})
    assert uses > 1
    assert ids_of(FileSaver(root), None) == ["c1"]


@pytest.mark.parametrize("what", ["the root", "everything in it", "the thread", "the staging folder"])
@pytest.mark.parametrize("act", WRITING)
def test_removed_under_a_running_saver(tmp_path: Path, what: str, act: Callable[[FileSaver], Any]) -> None:
    """After `rm -rf` the running saver's next write works and leaves a folder that a new saver opens."""
    root = tmp_path / "checkpoints"
    saver = filled(root)
    assert id_of((saver.get_tuple(config_of()) or pytest.fail("nothing")).config) == "c1"
    paths = {"the root": [root], "the thread": [root / "t"], "the staging folder": [root / ".tmp"]}
    for path in paths.get(what, list(root.iterdir())):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    is_left = what == "the staging folder"
    assert ids_of(saver, None) == (["c1", "c0"] if is_left else [])
    act(saver)
    put(saver, "c3", {"n": 3})
    assert (root / "filesaver.json").read_bytes() == MARKER.data
    assert staged(root) == []
    assert shown(root) == list(saver.list(None))
    left = ids_of(FileSaver(root), None)
    expected = {"c3"} | ({"c0", "c1"} if is_left else set())
    if act is not big_put_writes:
        expected.add("c2" if act is big_put else "c1")
    assert set(left) == expected
    saver.delete_thread("t")
    assert shown(root) == []
