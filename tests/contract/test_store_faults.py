"""What a local store leaves behind when the operating system refuses: the old state, no litter, a StorageError."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store import LocalStore, durability
from langgraph_filesaver._store.durability import OneFlush, TwoFlushes
from langgraph_filesaver.errors import StorageError

_OLD, _NEW = b"old" * 1000, b"new" * 1000


class FailingCall:
    """A system call that fails with an error number, at its n-th use and, if lasting, at all later ones."""

    def __init__(self, call: Callable[..., Any], number: int, at: int, *, after_effect: bool, lasting: bool) -> None:
        self._call = call
        self._number = number
        self._at = at
        self._after_effect = after_effect
        self._lasting = lasting
        self.uses = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.uses += 1
        if self.uses == self._at or (self._lasting and self.uses > self._at):
            if self._after_effect:
                self._call(*args, **kwargs)
            raise OSError(self._number, os.strerror(self._number), *args[:1])
        return self._call(*args, **kwargs)


def new_store(root: Path, flush: type[TwoFlushes] = TwoFlushes) -> LocalStore:
    """Return a store with one key, `a/k`, that flushes in a way given."""
    store = LocalStore(str(root), marker=MARKER)
    store._chosen = flush()
    store.create("a/k", _OLD)
    return store


def staged(root: Path) -> list[str]:
    """Return the names in the staging folder."""
    return os.listdir(root / ".tmp")


CALLS = [
    pytest.param("open", errno.EACCES, False, id="open refused"),
    pytest.param("open", errno.EMFILE, False, id="no descriptors left"),
    pytest.param("write", errno.ENOSPC, False, id="disk full"),
    pytest.param("write", errno.EDQUOT, False, id="quota used up"),
    pytest.param("fsync", errno.EIO, False, id="flush fails"),
    pytest.param("link", errno.EIO, False, id="link fails"),
    pytest.param("link", errno.EMLINK, False, id="too many links"),
    pytest.param("replace", errno.EACCES, False, id="rename refused"),
    pytest.param("mkdir", errno.EROFS, False, id="read-only"),
    pytest.param("close", errno.EIO, True, id="close reports an error"),
]


@pytest.mark.parametrize("flush", [TwoFlushes, OneFlush])
@pytest.mark.parametrize(("call", "number", "after_effect"), CALLS)
class TestEachCallThatFails:
    """Fail each use of a system call in turn, until a verb no longer comes to it."""

    def refused(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        flush: type[TwoFlushes],
        call: str,
        number: int,
        after_effect: bool,
        act: Callable[[LocalStore], Any],
    ) -> Iterator[tuple[LocalStore, StorageError | None]]:
        if flush is OneFlush and durability._sync_file_range is None:
            pytest.skip("OneFlush is for Linux")
        for at in range(1, 30):
            root = tmp_path / str(at)
            store = new_store(root, flush)
            failing = FailingCall(getattr(os, call), number, at, after_effect=after_effect, lasting=False)
            error: StorageError | None = None
            with monkeypatch.context() as patch:
                patch.setattr(os, call, failing)
                try:
                    act(store)
                except StorageError as raised:
                    error = raised
            if failing.uses < at:
                assert error is None
                return
            yield store, error
            assert staged(root) == []
        raise AssertionError(f"os.{call} is used without end")

    def test_create_leaves_the_key_missing(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        flush: type[TwoFlushes],
        call: str,
        number: int,
        after_effect: bool,
    ) -> None:
        """A create that raises has stored nothing (but where only the closing failed), and can be repeated."""
        for store, error in self.refused(
            tmp_path, monkeypatch, flush, call, number, after_effect, lambda store: store.create("new/k", _NEW)
        ):
            left = store.read("new/k")
            if error is None or (call == "close" and left is not None):
                assert left == _NEW
            else:
                assert left is None
                assert error.errno == number
                assert str(store.root) in str(error)
                assert store.create("new/k", _NEW) is True
            assert store.read("a/k") == _OLD

    def test_create_of_a_key_that_is_there_changes_nothing(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        flush: type[TwoFlushes],
        call: str,
        number: int,
        after_effect: bool,
    ) -> None:
        """A create that finds the key taken leaves it as it is, whatever fails on the way."""
        for store, _ in self.refused(
            tmp_path, monkeypatch, flush, call, number, after_effect, lambda store: store.create("a/k", _NEW)
        ):
            assert store.read("a/k") == _OLD
            assert store.list("a") == ("k",)

    def test_replace_leaves_the_old_value_or_the_new(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        flush: type[TwoFlushes],
        call: str,
        number: int,
        after_effect: bool,
    ) -> None:
        """A replace that raises has left the old value or, failing in the very last step, the new one; never a part."""
        for store, error in self.refused(
            tmp_path, monkeypatch, flush, call, number, after_effect, lambda store: store.replace("a/k", _NEW)
        ):
            assert store.read("a/k") in ((_OLD, _NEW) if error else (_NEW,))
            store.replace("a/k", _NEW)
            assert store.read("a/k") == _NEW


def test_a_write_cut_short_by_the_system_leaves_nothing(tmp_path: Path) -> None:
    """[O1] [O12] A real limit of file size, met in the middle of the data, raises StorageError: old value intact, no litter."""
    store = new_store(tmp_path)
    with file_size_limited_to(100_000):
        with pytest.raises(StorageError) as replaced:
            store.replace("a/k", bytes(300_000))
        with pytest.raises(StorageError) as created:
            store.create("a/new", bytes(300_000))
    assert replaced.value.errno == created.value.errno == errno.EFBIG
    assert store.read("a/k") == _OLD
    assert store.list("a") == ("k",)
    assert staged(tmp_path) == []


def test_a_full_disk_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ENOSPC names the file and says that space must be freed and that nothing was lost."""
    store = new_store(tmp_path)
    failing = FailingCall(os.write, errno.ENOSPC, 1, after_effect=False, lasting=True)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", failing)
        with pytest.raises(StorageError, match=r"new/k: .*free some space.*intact") as raised:
            store.create("new/k", _NEW)
    assert raised.value.path == f"{store.root}/new/k"


def test_a_folder_that_vanishes_while_it_is_written_to_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A create or replace whose folder another process deletes at the worst moment succeeds in a new folder."""
    store, another = new_store(tmp_path), LocalStore(str(tmp_path), marker=MARKER)
    for name, verb in (("link", store.create), ("replace", store.replace)):
        call = getattr(os, name)

        def delete_then_name(*args: Any, name: str = name, call: Callable[..., Any] = call, **kwargs: Any) -> None:
            patch.setattr(os, name, call)
            another.delete_folder("a")
            call(*args, **kwargs)

        with monkeypatch.context() as patch:
            patch.setattr(os, name, delete_then_name)
            verb("a/new", _NEW)
        assert store.read("a/new") == _NEW
        assert store.read("a/k") is None
        assert staged(tmp_path) == []


def test_a_folder_that_always_vanishes_is_an_error_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A create that never finds its folder gives up with a StorageError and leaves no litter."""
    store = new_store(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "link", FailingCall(os.link, errno.ENOENT, 1, after_effect=False, lasting=True))
        with pytest.raises(StorageError, match="vanished"):
            store.create("a/new", _NEW)
    assert staged(tmp_path) == []
    assert store.list("a") == ("k",)


def test_a_failed_flush_is_never_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an fsync that failed the kernel may have dropped the data: the call raises and does not flush again."""
    for flush in (TwoFlushes, OneFlush):
        store = new_store(tmp_path / flush.__name__, flush)
        failing = FailingCall(os.fsync, errno.EIO, 1, after_effect=False, lasting=True)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", failing)
            with pytest.raises(StorageError):
                store.create("a/new", _NEW)
        assert failing.uses == 1
        assert store.read("a/new") is None


def test_without_fsync_nothing_is_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """[O2] `fsync=False` never calls fsync, and `fsync=True` does for each of create, replace, settle, delete and delete_folder."""
    flushes = FailingCall(os.fsync, errno.EIO, -1, after_effect=False, lasting=False)
    monkeypatch.setattr(os, "fsync", flushes)
    for fsync in (False, True):
        store = LocalStore(str(tmp_path / str(fsync)), marker=MARKER, fsync=fsync)
        store.create("a/k", _OLD)
        acts: list[Callable[[LocalStore], object]] = [
            lambda store: store.create("a/new", _NEW),
            lambda store: store.replace("a/k", _NEW),
            lambda store: store.settle(["a/k"]),
            lambda store: store.delete(["a/new"]),
            lambda store: store.delete_folder("a"),
        ]
        for act in acts:
            before = flushes.uses
            act(store)
            assert (flushes.uses > before) == fsync


def test_the_marker_is_named_before_anything_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """[O3] [F3] In a new root the marker gets its name first: a crash right after it leaves a store, not a stranger's folder.

    Whatever is named lay in the staging folder of the same root before, so that naming never copies.
    """
    named: list[str] = []
    link, rename = os.link, os.replace

    def linked(source: str, target: str) -> None:
        assert source.startswith(f"{target[: len(str(tmp_path)) + 4]}/.tmp/")
        link(source, target)
        named.append(os.path.relpath(target, tmp_path))

    def replaced(source: str, target: str) -> None:
        assert source.startswith(f"{target[: len(str(tmp_path)) + 4]}/.tmp/")
        rename(source, target)
        named.append(os.path.relpath(target, tmp_path))

    monkeypatch.setattr(os, "link", linked)
    monkeypatch.setattr(os, "replace", replaced)
    LocalStore(str(tmp_path / "one"), marker=MARKER).create("a/k", _NEW)
    LocalStore(str(tmp_path / "two"), marker=MARKER).replace("a/k", _NEW)
    assert named == [f"one/{MARKER.key}", "one/a/k", f"two/{MARKER.key}", "two/a/k"]


def test_a_deleted_folder_is_out_of_sight_before_its_files_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where removing the files fails half way, the folder is gone for every reader, and the call says so."""
    store = new_store(tmp_path)
    store.create("a/k2", _OLD)
    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", FailingCall(os.unlink, errno.EIO, 2, after_effect=False, lasting=True))
        with pytest.raises(StorageError, match="cannot delete"):
            store.delete_folder("a")
    assert store.list("a") == ()
    assert store.read("a/k") is None
    assert not (tmp_path / "a").exists()


def test_files_where_folders_belong_are_refused_and_kept(tmp_path: Path) -> None:
    """A stray file in the place of a thread's folder: writing says so, reading finds no thread, deleting keeps the file."""
    store = new_store(tmp_path)
    (tmp_path / "notes").write_bytes(b"mine")
    with pytest.raises(StorageError, match="A file stands where a folder is needed"):
        store.create("notes/checkpoints/k", _NEW)
    assert store.list("notes") == ()
    assert store.read("notes/k") is None
    assert store.exists("notes/k") is False
    store.delete(["notes/k"])
    store.delete_folder("notes")
    assert (tmp_path / "notes").read_bytes() == b"mine"
    assert staged(tmp_path) == []


def test_a_linked_folder_is_removed_as_a_link(tmp_path: Path) -> None:
    """A folder that is a symbolic link is deleted as a link: nothing outside the root is removed, nothing is left."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "k").write_bytes(b"mine")
    store = new_store(tmp_path / "root")
    (tmp_path / "root/linked").symlink_to(elsewhere)
    assert store.list("linked") == ("k",)
    store.delete_folder("linked")
    assert store.list("linked") == ()
    assert not os.path.lexists(tmp_path / "root/linked")
    assert (elsewhere / "k").read_bytes() == b"mine"
    assert staged(tmp_path / "root") == []


def test_links_pipes_and_folders_are_not_read_as_files(tmp_path: Path) -> None:
    """A symbolic link, a pipe and a folder under a key are StorageErrors at once: never followed, never waited for."""
    store = new_store(tmp_path)
    secret = tmp_path / "secret"
    secret.write_bytes(b"mine")
    (tmp_path / "a/link").symlink_to(secret)
    os.mkfifo(tmp_path / "a/pipe")
    (tmp_path / "a/folder").mkdir()
    for key in ("a/link", "a/pipe", "a/folder"):
        with pytest.raises(StorageError, match=key):
            store.read(key)
        assert store.create(key, _NEW) is False


def test_what_is_stored_is_private(tmp_path: Path) -> None:
    """Files and folders are for their owner only, whatever the umask allows."""
    before = os.umask(0)
    try:
        new_store(tmp_path / "root")
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "root").rglob("*") if path.is_dir()}
    assert modes | {(tmp_path / "root").stat().st_mode & 0o777} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "root").rglob("*") if path.is_file()} == {0o600}


_AS_ANOTHER_USER = """
import os, sys
from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store import LocalStore
from langgraph_filesaver.errors import StorageError
root, user = sys.argv[1], int(sys.argv[2])
warm = LocalStore(root + "-warm", marker=MARKER)  # imports what the other user may not read
warm.create("a/k", b"")
warm.delete_folder("a")
if user != os.geteuid():
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
store = LocalStore(root, marker=MARKER)
store.create("open/k", b"old")
store.create("closed/k", b"old")
os.chmod(f"{root}/closed", 0o500)
for act in (
    lambda: store.create("closed/new", b"new"),
    lambda: store.replace("closed/k", b"new"),
    lambda: store.delete(["closed/k"]),
):
    try:
        act()
    except StorageError as error:
        print(error.errno, os.listdir(f"{root}/.tmp"), store.read("closed/k"), store.list("closed"), "owns" in str(error))
os.chmod(f"{root}/closed", 0)
for act in (lambda: store.read("closed/k"), lambda: store.list("closed"), lambda: store.exists("closed/k")):
    try:
        print(act())
    except StorageError as error:
        print(error.errno)
os.chmod(f"{root}/closed", 0o700)
os.chmod(root, 0o500)
try:
    store.create("another/k", b"new")
except StorageError as error:
    print(error.errno, os.listdir(f"{root}/.tmp"), store.read("open/k"))
os.chmod(root, 0o700)
"""


def test_missing_permission_is_a_storage_error_and_no_empty_answer() -> None:
    """Without permission, for real: writing raises and leaves the old state and no litter, reading raises, too."""
    user = os.geteuid() or 65534  # root may do everything, so the child becomes nobody
    with tempfile.TemporaryDirectory() as folder:  # tmp_path lies in a folder that nobody may enter
        os.chmod(folder, 0o711)
        root = os.path.join(folder, "root")
        os.mkdir(root, 0o700)
        os.chown(root, user, -1)
        told = subprocess.run(
            [sys.executable, "-c", _AS_ANOTHER_USER, root, str(user)], capture_output=True, text=True, check=True
        )
    unchanged = f"{errno.EACCES} [] b'old' ('k',) True"
    assert told.stdout.splitlines() == [
        *[unchanged] * 3,
        *[str(errno.EACCES)] * 3,
        f"{errno.EACCES} [] b'old'",
    ]


@contextlib.contextmanager
def file_size_limited_to(most_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
