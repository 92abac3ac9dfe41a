"""How a local store lies on disk: what is flushed and named first, links, pipes and stray files, modes and permissions."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store import LocalStore
from langgraph_filesaver.errors import StorageError
from tests.contract.failing_calls import OLD, FailingCall, new_store, staged

NEW = b"new" * 1000


def test_without_fsync_nothing_is_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """[O2] `fsync=False` never calls fsync, and `fsync=True` does for each of create, replace, settle, delete, moving and removing folders."""
    flushes = FailingCall(os.fsync, errno.EIO, -1, after_effect=False, lasting=False)
    monkeypatch.setattr(os, "fsync", flushes)
    for fsync in (False, True):
        store = LocalStore(str(tmp_path / str(fsync)), marker=MARKER, fsync=fsync)
        store.create("a/k", OLD)
        acts: list[Callable[[LocalStore], object]] = [
            lambda store: store.create("a/new", NEW),
            lambda store: store.replace("a/k", NEW),
            lambda store: store.settle(["a/k"]),
            lambda store: store.delete(["a/new"]),
            lambda store: store.move_folder("a", "b"),
            lambda store: store.delete_folder("b"),
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
    LocalStore(str(tmp_path / "one"), marker=MARKER).create("a/k", NEW)
    LocalStore(str(tmp_path / "two"), marker=MARKER).replace("a/k", NEW)
    assert named == [f"one/{MARKER.key}", "one/a/k", f"two/{MARKER.key}", "two/a/k"]


def test_files_where_folders_belong_are_refused_and_kept(tmp_path: Path) -> None:
    """A stray file in the place of a thread's folder: writing says so, reading finds no thread, deleting keeps the file."""
    store = new_store(tmp_path)
    (tmp_path / "notes").write_bytes(b"mine")
    with pytest.raises(StorageError, match="A file stands where a folder is needed"):
        store.create("notes/checkpoints/k", NEW)
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
        assert store.create(key, NEW) is False


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
