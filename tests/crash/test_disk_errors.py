"""The disk is full, read-only, closed to us or broken, or somebody removed it: an error that says so, and nothing is lost."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from langgraph_filesaver import FileSaver
from langgraph_filesaver._layout import LOCKS_FOLDER
from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store import LocalStore, durability, local
from langgraph_filesaver._store.durability import OneFlush, TwoFlushes
from langgraph_filesaver.errors import StorageError
from tests.checkpoints import config_of, id_of, ids_of, put

_LARGE = {"text": "what was known " * 20_000}  # more than the small disk has left


def filled(root: Path) -> FileSaver:
    """Return a saver with two checkpoints and a write."""
    saver = FileSaver(root)
    put(saver, "c0", {"n": 0})
    put(saver, "c1", {"n": 1}, parent="c0", step=1)
    saver.put_writes(config_of("t", "", "c1"), [("n", "pending")], "task-1")
    return saver


def shown(root: Path) -> list[Any]:
    return list(FileSaver(root).list(None))


def staged(root: Path) -> list[str]:
    return os.listdir(root / ".tmp")


def big_put(saver: FileSaver) -> Any:
    return put(saver, "c2", _LARGE, parent="c1", step=2)


def big_replacement(saver: FileSaver) -> Any:
    return put(saver, "c1", _LARGE, parent="c0", step=1)


def big_put_writes(saver: FileSaver) -> Any:
    return saver.put_writes(config_of("t", "", "c1"), [("text", _LARGE)], "task-2")


def delete(saver: FileSaver) -> Any:
    return saver.delete_thread("t")


def prune(saver: FileSaver) -> Any:
    return saver.prune(["t"])


WRITING: list[Callable[[FileSaver], Any]] = [big_put, big_replacement, big_put_writes]
CHANGING = [*WRITING, delete, prune]


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


def failing(number: int) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

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


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Where the file system has no hard links, all calls work, beginning with the first in a new folder."""
    monkeypatch.setattr(os, "link", failing(number))
    root = tmp_path / "checkpoints"
    saver = filled(root)
    for act in WRITING:
        act(saver)
    saver.copy_thread("t", "u")
    found = FileSaver(root).get_tuple(config_of("u"))
    assert found is not None
    assert found.checkpoint["channel_values"] == _LARGE
    saver.prune(["t"])
    assert ids_of(FileSaver(root), config_of("t")) == ["c2"]
    saver.delete_thread("t")
    assert {each.config["configurable"]["thread_id"] for each in FileSaver(root).list(None)} == {"u"}
    assert staged(root) == []
    assert LOCKS_FOLDER in os.listdir(root)


def test_one_winner_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without hard links, too, one of many that create the same key wins, and its bytes are what is there."""
    monkeypatch.setattr(os, "link", failing(errno.EPERM))
    rounds, runners = 30, 4
    barrier = threading.Barrier(runners)
    won: list[tuple[int, int]] = []

    def run(runner: int) -> None:
        store = LocalStore(str(tmp_path / "store"), marker=MARKER, fsync=False)
        for key in range(rounds):
            barrier.wait(60)
            if store.create(f"a/{key}", f"runner {runner}".encode()):
                won.append((key, runner))

    threads = [threading.Thread(target=run, args=(runner,)) for runner in range(runners)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = LocalStore(str(tmp_path / "store"), marker=MARKER, fsync=False)
    assert sorted(key for key, _ in won) == list(range(rounds))
    for key, runner in won:
        assert store.read(f"a/{key}") == f"runner {runner}".encode()


def test_one_winner_without_hard_links_at_the_worst_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes between another's look whether the name is free and its taking has to wait, and loses."""
    monkeypatch.setattr(os, "link", failing(errno.EPERM))
    first, second = (LocalStore(str(tmp_path / "store"), marker=MARKER, fsync=False) for _ in range(2))
    first.create("a/other", b"so that the folders are there")
    look, answers = os.path.lexists, []
    rival = threading.Thread(target=lambda: answers.append(second.create("a/k", b"second")))

    def slow_look(path: str) -> bool:
        found = look(path)
        if path.endswith("a/k") and rival.ident is None:
            rival.start()
            rival.join(0.3)  # time enough to win, were there no lock
        return found

    monkeypatch.setattr(os.path, "lexists", slow_look)
    assert first.create("a/k", b"first")
    rival.join(60)
    assert answers == [False]
    assert first.read("a/k") == b"first"


def test_one_winner_among_processes_without_hard_links(tmp_path: Path) -> None:
    """The same among processes, which share no lock but the kernel's."""
    root = tmp_path / "store"
    program = """
import errno, os, sys
def fail(*_, **__):
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))
os.link = fail
from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store import LocalStore
store = LocalStore(sys.argv[1], marker=MARKER, fsync=False)
print("ready", flush=True)
for line in sys.stdin:
    print(int(store.create("a/" + line.strip(), sys.argv[2].encode())), flush=True)
"""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(root), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    try:
        answers = [process.stdout or pytest.fail("no pipe") for process in processes]
        assert [answer.readline() for answer in answers] == ["ready\n"] * 3
        winners = []
        for key in range(100):
            for process in processes:
                stdin = process.stdin or pytest.fail("no pipe")
                stdin.write(f"{key}\n")
                stdin.flush()
            told = [answer.readline() for answer in answers]
            assert sorted(told) == ["0\n", "0\n", "1\n"]
            winners.append(told.index("1\n"))
    finally:
        for process in processes:
            process.communicate(timeout=60)
    store = LocalStore(str(root), marker=MARKER, fsync=False)
    assert [store.read(f"a/{key}") for key in range(100)] == [str(winner).encode() for winner in winners]
