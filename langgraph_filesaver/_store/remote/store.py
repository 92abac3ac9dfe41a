"""A store on another machine: whole objects, put in one request each, read past no cache that could be out of date.

A put is the commit: nothing is renamed, and nothing is seen before all of it is there. An exclusive creation is a put under
the condition that nothing is there. Where the answer to one got lost and a second try finds something, that is read: the
same bytes are one's own, and never a conflict with oneself.

Before the first write of a process the root gets its marker, and the backend is tried (`probe`).

What would break it: a condition that the backend ignores (so it is tried), an answer that is taken for the truth though a
request was repeated, a thread or connection of the parent used in a forked child (so each process has its own).
"""

from __future__ import annotations

import contextlib
import io
import os
import zlib
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any, BinaryIO, TypeVar, cast

from langgraph_filesaver._layout import STAGING_FOLDER
from langgraph_filesaver._store.base import (
    Entry,
    Marker,
    Properties,
    Staged,
    Status,
    Store,
    Turn,
    Versioned,
    no_turn,
)
from langgraph_filesaver._store.remote.ahead import Ahead
from langgraph_filesaver._store.remote.driver import Condition, ConditionError, Driver
from langgraph_filesaver._store.remote.files import RemoteFile, RemoteStaged
from langgraph_filesaver._store.remote.probe import Findings, probe
from langgraph_filesaver._store.remote.process import OfProcess
from langgraph_filesaver._store.remote.requests import Requests
from langgraph_filesaver.config import COPY_BLOCK_BYTES
from langgraph_filesaver.errors import StorageError

__all__ = ["RemoteStore"]

T = TypeVar("T")


class RemoteStore(Store):
    """Bytes in objects below a prefix.

    Args:
        driver: The filesystem.
        root: The prefix, as the filesystem spells it.
        url: How a person spells it.
        marker: The file that the first write leaves in the root.
        is_immutable: Tells of a key whether the bytes under it can only ever be the same.
        requests: Makes the requests.
    """

    is_far = True

    def __init__(
        self,
        driver: Driver,
        root: str,
        *,
        url: str,
        marker: Marker,
        is_immutable: Callable[[str], bool],
        requests: Requests | None = None,
    ) -> None:
        self._driver = driver
        self._root = root.rstrip("/")
        self._url = url.rstrip("/")
        self._marker = marker
        self._is_immutable = is_immutable
        self._requests = requests or Requests()
        self._found: Findings | None = None
        self._own = OfProcess()

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_own"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._own = OfProcess()

    def __repr__(self) -> str:
        return repr(self._url)

    @property
    def properties(self) -> Properties:  # type: ignore[override] # found out when it is first asked for
        """What the backend was found to keep; the first look tries it, and writes."""
        found = self._prepared()
        return Properties(
            exclusive_create=found.exclusive_create,
            durable=self._driver.is_durable,
            lock_folder=None,
            compare_and_swap=found.compare_and_swap,
            deletes_folders_at_once=False,
            exact_versions=self._driver.has_exact_versions,
            is_far=True,
        )

    @property
    def realm(self) -> Hashable:
        """The URL, and what tells of the filesystem where that is."""
        return (self._url, self._driver.identity)

    @property
    def _process(self) -> OfProcess:
        own = self._own
        if own.pid != os.getpid():
            own = self._own = OfProcess()
        return own

    def _prepared(self) -> Findings:
        found = self._found
        if found is None:
            with self._process.mutex:
                if self._found is None:
                    self._leave_marker()
                    folder = f"{self._root}/{STAGING_FOLDER}"
                    self._driver.prepare_folder(folder)
                    self._found = probe(self._driver, self._requests, folder, self.describe(STAGING_FOLDER))
                found = self._found
        return found

    def _leave_marker(self) -> None:
        key = self._marker.key
        if self._get(key) is None:
            with contextlib.suppress(ConditionError):  # somebody else was faster
                self._make("write", key, lambda path: self._driver.put(path, self._marker.data, Condition(True)))  # noqa: FBT003

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}" if key else self._root

    def describe(self, key: str) -> str:
        """Return the URL of `key`."""
        return f"{self._url}/{key}" if key else self._url

    def _make(
        self, action: str, key: str, request: Callable[[str], T], *, before_retry: Callable[[], None] | None = None
    ) -> T:
        path = self._path(key)
        return self._requests.make(action, self.describe(key), lambda: request(path), before_retry=before_retry)

    def _get(self, key: str) -> Versioned | None:
        return self._make("read", key, self._driver.get)

    def _together(self, work: Callable[[str], T], keys: list[str]) -> list[T]:
        if len(keys) < 2:
            return [work(key) for key in keys]
        return list(self._process.pool.map(work, keys))

    # --- reading

    def read(self, key: str) -> bytes | None:
        """Fetch the object, unless it is known to be the one that is kept in memory."""
        own = self._process
        block = own.aheads.block
        if block is not None and key in block.read:
            return block.read[key]
        kept = own.cache.get(key)
        if kept is not None and (
            self._is_immutable(key) or (block is not None and block.versions.get(key) == kept.version)
        ):
            return kept.data
        return self._fetched(key)

    def _fetched(self, key: str) -> bytes | None:
        found = self._get(key)
        cache = self._process.cache
        if found is None:
            cache.drop(key)
            return None
        cache.keep(key, found)
        return found.data

    def read_all(self, keys: Iterable[str]) -> dict[str, bytes | None]:
        """Fetch the objects at once."""
        wanted = list(dict.fromkeys(keys))
        return dict(zip(wanted, self._together(self.read, wanted), strict=True))

    def exists(self, key: str) -> bool:
        """Ask for the object's particulars."""
        block = self._process.aheads.block
        if block is not None and key in block.seen:
            return block.seen[key]
        return self._make("look at", key, self._driver.head) is not None

    def list(self, folder: str) -> tuple[str, ...]:
        """List the folder, always anew."""
        block = self._process.aheads.block
        if block is not None and folder in block.listed:
            return block.listed[folder]
        names, versions = self._scanned(folder)
        if block is not None:
            block.versions.update(versions)
        return names

    def _scanned(self, folder: str) -> tuple[tuple[str, ...], dict[str, str]]:
        items = self._make("list", folder, lambda path: self._driver.scan(path, deep=False))
        prefix = f"{folder}/" if folder else ""
        versions = {f"{prefix}{each.path}": each.version for each in items if not each.is_folder}
        return tuple(sorted({each.path for each in items if each.path})), versions

    def tree(self, folder: str) -> Iterator[Entry]:
        """List everything below the folder."""
        prefix = f"{folder}/" if folder else ""
        items = self._make("list", folder, lambda path: self._driver.scan(path, deep=True))
        yield from sorted(
            Entry(prefix + each.path, each.bytes, each.modified_at, each.version)
            for each in items
            if folder or not each.path.startswith(".")
        )

    @contextlib.contextmanager
    def ahead(self) -> Iterator[None]:
        """See `Store.ahead`; a block inside a block is the same one."""
        aheads = self._process.aheads
        if aheads.block is not None:
            yield
            return
        aheads.block = Ahead()
        try:
            yield
        finally:
            aheads.block = None

    def expect(self, keys: Iterable[str] = (), folders: Iterable[str] = (), looks: Iterable[str] = ()) -> None:
        """Fetch, list and look, all at once; what is kept in memory and known to be the same is not fetched."""
        own = self._process
        block = own.aheads.block
        if block is None:
            return
        work: list[Callable[[], None]] = []

        def fetch(key: str) -> None:
            kept = own.cache.get(key)
            if kept is not None and (self._is_immutable(key) or block.versions.get(key) == kept.version):
                block.read[key] = kept.data
            else:
                work.append(lambda: block.read.__setitem__(key, self._fetched(key)))

        def scan(folder: str) -> None:
            block.listed[folder], versions = self._scanned(folder)
            block.versions.update(versions)

        def look(key: str) -> None:
            block.seen[key] = self._make("look at", key, self._driver.head) is not None

        for key in dict.fromkeys(keys):
            fetch(key)
        work += [lambda folder=folder: scan(folder) for folder in folders]  # type: ignore[misc]
        work += [lambda key=key: look(key) for key in looks]  # type: ignore[misc]
        if len(work) == 1:
            work[0]()
        else:
            for done in [own.pool.submit(each) for each in work]:
                done.result()

    # --- writing

    def create(self, key: str, data: bytes, turn: Turn = no_turn) -> bool:
        """Put the object unless it is there."""
        is_exclusive = self._prepared().exclusive_create
        with turn():
            if is_exclusive:
                return self._put(key, bytes(data), Condition(is_absent=True)) is not None
            if self.exists(key):
                return False
            self._put(key, bytes(data), Condition())
            return True

    def create_all(self, files: Mapping[str, bytes]) -> None:
        """Put the objects at once, also in place of what is there: it can only be the same, and is as young as its use then."""
        self._prepared()
        self._together(lambda key: self._put(key, bytes(files[key]), Condition()), list(files))

    def replace(self, key: str, data: bytes) -> None:
        """Put the object in place of what is there."""
        self._prepared()
        self._put(key, bytes(data), Condition())

    def _put(self, key: str, data: bytes, condition: Condition) -> str | None:
        """Put an object; return its version, or None where the condition did not hold."""
        is_certain = not self._driver.may_have_repeated

        def note_retry() -> None:
            nonlocal is_certain
            is_certain = False

        own = self._process
        try:
            version = self._make(
                "write", key, lambda path: self._driver.put(path, data, condition), before_retry=note_retry
            )
        except ConditionError:
            own.cache.drop(key)
            if is_certain:
                return None
            found = self._get(key)  # an earlier try of this very call may have put it
            if found is None or found.data != data:
                return None
            version = found.version
        if own.aheads.block is not None:
            own.aheads.block.read.pop(key, None)
        own.cache.keep(key, Versioned(data, version))
        return version

    def read_versioned(self, key: str) -> Versioned | None:
        """Fetch the object and its version."""
        return self._get(key)

    def swap(self, key: str, data: bytes, version: str | None) -> str | None:
        """Put the object on the condition that the version is still there."""
        self._prepared()
        condition = Condition(is_absent=True) if version is None else Condition(version=version)
        swapped = self._put(key, bytes(data), condition)
        if swapped == "":  # the backend tells no version along with a put
            found = self._get(key)
            return found.version if found is not None and found.data == data else None
        return swapped

    def settle(self, keys: Iterable[str]) -> None:
        """Do nothing: what a backend has acknowledged is as durable as it gets."""

    def delete(self, keys: Iterable[str]) -> None:
        """Remove the objects, in as few requests as the backend allows."""
        doomed = list(keys)
        if not doomed:
            return
        for key in doomed:
            self._process.cache.drop(key)
        paths = [self._path(key) for key in doomed]
        self._requests.make("delete", self.describe(doomed[0]), lambda: self._driver.delete(paths))

    def delete_folder(self, folder: str) -> None:
        """Remove all objects below the folder. Readers may see some of them gone before others."""
        self.delete([each.key for each in self.tree(folder)])

    def move_folder(self, source: str, target: str) -> bool:
        """Copy every object, what is referred to first, then remove them, what refers first. It is not one step."""
        keys = [each.key for each in self.tree(source)]
        if not keys or self.list(target):
            return False
        keys.sort(key=lambda key: key.startswith(f"{source}/checkpoints/"))
        for key in keys:
            self.copy(key, target + key[len(source) :])
        self.delete(reversed(keys))
        return True

    # --- large files

    def stage(self, thread_id: str) -> Staged:  # noqa: ARG002 all are alike here
        """Begin a file on the local disk."""
        self._prepared()
        return RemoteStaged(self._upload)

    def _upload(self, local_path: str, key: str) -> None:
        if os.path.getsize(local_path) <= COPY_BLOCK_BYTES:
            with open(local_path, "rb") as file:
                self._put(key, file.read(), Condition())
        else:
            self._make("write", key, lambda path: self._driver.upload(path, local_path))

    def open(self, key: str) -> BinaryIO | None:
        """Open the object; it is fetched in blocks as it is read."""
        head = self._make("look at", key, self._driver.head)
        if head is None:
            return None

        def fetch(start: int, end: int) -> bytes:
            data = self._make("read", key, lambda path: self._driver.get_range(path, start, end))
            if data is None:
                path = self.describe(key)
                raise StorageError(f"{path} was removed while it was being read", path=path)
            return data

        return cast("BinaryIO", io.BufferedReader(RemoteFile(head.bytes, fetch), COPY_BLOCK_BYTES))

    def status(self, key: str) -> Status | None:
        """Ask for the object's particulars. There are no folders."""
        head = self._make("look at", key, self._driver.head)
        if head is None:
            return None
        return Status(head.bytes, head.modified_at, (head.bytes, zlib.crc32(head.version.encode())))

    def touch(self, key: str) -> None:
        """Do nothing: an upload is always a new one."""

    def copy(self, source_key: str, target_key: str) -> bool:
        """Let the backend copy it."""
        self._prepared()
        if self.exists(target_key):
            return False
        target = self._path(target_key)
        return self._make("copy", source_key, lambda path: self._driver.copy(path, target))

    def path(self, key: str) -> str | None:  # noqa: ARG002 no file of it is on this machine
        """Return None."""
        return None

    def confine(self, folder: str) -> None:
        """Do nothing: there are no links."""
