"""What a local store leaves behind when the operating system refuses: the old state, no litter, a StorageError."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store import LocalStore, durability
from langgraph_filesaver._store.durability import OneFlush, TwoFlushes
from langgraph_filesaver.errors import StorageError
from tests.contract.failing_calls import OLD, FailingCall, new_store, staged

NEW = b"new" * 1000


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
            tmp_path, monkeypatch, flush, call, number, after_effect, lambda store: store.create("new/k", NEW)
        ):
            left = store.read("new/k")
            if error is None or (call == "close" and left is not None):
                assert left == NEW
            else:
                assert left is None
                assert error.errno == number
                assert str(store.root) in str(error)
                assert store.create("new/k", NEW) is True
            assert store.read("a/k") == OLD

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
            tmp_path, monkeypatch, flush, call, number, after_effect, lambda store: store.create("a/k", NEW)
        ):
            assert store.read("a/k") == OLD
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
            tmp_path, monkeypatch, flush, call, number, after_effect, lambda store: store.replace("a/k", NEW)
        ):
            assert store.read("a/k") in ((OLD, NEW) if error else (NEW,))
            store.replace("a/k", NEW)
            assert store.read("a/k") == NEW


def test_a_write_cut_short_by_the_system_leaves_nothing(tmp_path: Path) -> None:
    """[O1] [O12] A real limit of file size, met in the middle of the data, raises StorageError: old value intact, no litter."""
    store = new_store(tmp_path)
    with file_size_limited_to(100_000):
        with pytest.raises(StorageError) as replaced:
            store.replace("a/k", bytes(300_000))
        with pytest.raises(StorageError) as created:
            store.create("a/new", bytes(300_000))
    assert replaced.value.errno == created.value.errno == errno.EFBIG
    assert store.read("a/k") == OLD
    assert store.list("a") == ("k",)
    assert staged(tmp_path) == []


def test_a_full_disk_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ENOSPC names the file and says that space must be freed and that nothing was lost."""
    store = new_store(tmp_path)
    failing = FailingCall(os.write, errno.ENOSPC, 1, after_effect=False, lasting=True)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", failing)
        with pytest.raises(StorageError, match=r"new/k: .*free some space.*intact") as raised:
            store.create("new/k", NEW)
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
            verb("a/new", NEW)
        assert store.read("a/new") == NEW
        assert store.read("a/k") is None
        assert staged(tmp_path) == []


def test_a_folder_that_always_vanishes_is_an_error_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A create that never finds its folder gives up with a StorageError and leaves no litter."""
    store = new_store(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "link", FailingCall(os.link, errno.ENOENT, 1, after_effect=False, lasting=True))
        with pytest.raises(StorageError, match="vanished"):
            store.create("a/new", NEW)
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
                store.create("a/new", NEW)
        assert failing.uses == 1
        assert store.read("a/new") is None


def test_a_deleted_folder_is_out_of_sight_before_its_files_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where removing the files fails half way, the folder is gone for every reader, and the call says so."""
    store = new_store(tmp_path)
    store.create("a/k2", OLD)
    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", FailingCall(os.unlink, errno.EIO, 2, after_effect=False, lasting=True))
        with pytest.raises(StorageError, match="cannot delete"):
            store.delete_folder("a")
    assert store.list("a") == ()
    assert store.read("a/k") is None
    assert not (tmp_path / "a").exists()


@contextlib.contextmanager
def file_size_limited_to(most_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
