"""Every store keeps the contract of stores; see `tests/store_contract.py` for the rules."""

from __future__ import annotations

import errno
import os
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import pytest

from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store import LocalStore, MemoryStore
from langgraph_filesaver._store.remote import open_remote
from tests.store_contract import Opener, SharedStoreTests, StoreTests


class TestMemoryStore(StoreTests):
    """The store in a dict."""

    def opener(self, root: Path) -> Opener:
        store = MemoryStore(MARKER)
        return lambda: store


class TestRemoteStore(StoreTests):
    """The store on a filesystem of fsspec, in the memory of this process."""

    def opener(self, root: Path) -> Opener:
        return partial(open_remote, f"memory://{root.as_posix().strip('/')}", None, None, MARKER)


class TestLocalStore(SharedStoreTests):
    """The store in a folder, flushing."""

    races = 100  # each costs a flush

    def opener(self, root: Path) -> Opener:
        return partial(LocalStore, str(root), marker=MARKER)


class TestLocalStoreWithoutFlushes(SharedStoreTests):
    """The store in a folder with `fsync=False`."""

    def opener(self, root: Path) -> Opener:
        return partial(LocalStore, str(root), marker=MARKER, fsync=False)


class TestLocalStoreWithoutLinks(SharedStoreTests):
    """The store on a file system that has no hard links: new files are named under a kernel lock."""

    races = 100

    def opener(self, root: Path) -> Opener:
        return partial(LocalStore, str(root), marker=MARKER, fsync=False)

    @staticmethod
    def prepare_process() -> None:
        os.link = _refuse_to_link

    @pytest.fixture(autouse=True)
    def _no_links(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "link", _refuse_to_link)


def _refuse_to_link(*_: Any, **__: Any) -> NoReturn:
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
