"""Any filesystem of fsspec, by its public verbs. How well it keeps conditions is found out by the probe.

Only verbs that take a path literally are used (`*_file`), a listing is asked for anew each time, and an object is put in one
call. Whether `mode="create"` means anything to a filesystem only an attempt tells: many ignore it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import inspect
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from fsspec.asyn import sync

from langgraph_filesaver._store.base import Versioned
from langgraph_filesaver._store.remote.driver import Condition, ConditionError, Driver, Head, Item, TransientError
from langgraph_filesaver._store.remote.faults import explained, is_condition, is_missing, is_transient
from langgraph_filesaver.config import REQUEST_SECONDS, SLOWEST_BYTES_PER_SECOND

__all__ = ["AzureDriver", "GenericDriver", "GoogleDriver", "MemoryDriver", "azure_options"]

T = TypeVar("T")

_TIMES = ("LastModified", "last_modified", "updated", "mtime", "created")
_VERSIONS = ("ETag", "etag", "generation", "md5Hash", "content_settings")
_BATCH = 500
_GET_SECONDS = REQUEST_SECONDS + 64 * 1024 * 1024 / SLOWEST_BYTES_PER_SECOND  # of an object of unknown size


class GenericDriver(Driver):
    """A filesystem of which nothing is known, not even how it creates a file exclusively: it may look and then write.

    Args:
        fs: An fsspec filesystem, async or not.
    """

    can_exclude = False
    may_have_repeated = True
    has_exact_versions = False

    def _call(self, verb: str, *args: Any, size: int = 0, **options: Any) -> Any:
        fs = self.fs
        try:
            if getattr(fs, "async_impl", False):
                seconds = REQUEST_SECONDS + size / SLOWEST_BYTES_PER_SECOND
                return sync(fs.loop, getattr(fs, f"_{verb}"), *args, timeout=seconds, **options)
            return getattr(fs, verb)(*args, **options)
        except Exception as error:
            if is_condition(error):
                raise ConditionError(explained(error)) from error
            if is_transient(error):
                raise TransientError(explained(error)) from error
            raise

    def _unless_missing(self, call: Callable[[], T]) -> T | None:
        try:
            return call()
        except Exception as error:
            if is_missing(error):
                return None
            raise

    def get(self, path: str) -> Versioned | None:
        """Fetch it; the version is that of the bytes, for fsspec tells no other along with them."""
        data = self._unless_missing(lambda: self._call("cat_file", path, size=64 * 1024 * 1024))
        return None if data is None else Versioned(bytes(data), _of_bytes(data))

    def get_range(self, path: str, start: int, end: int) -> bytes | None:
        """Fetch a range."""
        found: bytes | None = self._unless_missing(lambda: self._call("cat_file", path, start=start, end=end))
        return found

    def head(self, path: str) -> Head | None:
        """Ask for its particulars, past any cache of listings."""
        with contextlib.suppress(Exception):
            self.fs.invalidate_cache(path)
        info = self._unless_missing(lambda: self._call("info", path))
        if info is None or info.get("type") == "directory":
            return None
        return Head(int(info.get("size") or 0), _time_of(info), _version_of(info))

    def put(self, path: str, data: bytes, condition: Condition) -> str:
        """Put it in one call."""
        if condition.is_absent:
            self._call("pipe_file", path, data, mode="create", size=len(data))
        else:
            self._call("pipe_file", path, data, size=len(data))
        return ""

    def upload(self, path: str, local_path: str) -> None:
        """Put the file."""
        self._call("put_file", local_path, path, size=1 << 40)

    def copy(self, source: str, target: str) -> bool:
        """Copy it as the filesystem does."""
        return self._unless_missing(lambda: self._call("cp_file", source, target) or True) is not None

    def delete(self, paths: Sequence[str]) -> None:
        """Remove them, as many at once as the filesystem takes."""
        for at in range(0, len(paths), _BATCH):
            for path in paths[at : at + _BATCH]:
                self._unless_missing(lambda path=path: self._call("rm_file", path) or True)  # type: ignore[misc]

    def scan(self, folder: str, *, deep: bool) -> list[Item]:
        """List it; folders below are walked one by one where the filesystem knows only one level."""
        found: list[Item] = []
        waiting = [folder]
        while waiting:
            place = waiting.pop()
            for item in self._level(place):
                path = item.path if place == folder else f"{place[len(folder) + 1 :]}/{item.path}"
                if item.is_folder and deep:
                    waiting.append(f"{place}/{item.path}")
                else:
                    found.append(item._replace(path=path))
        return found

    def _level(self, folder: str) -> list[Item]:
        with contextlib.suppress(Exception):  # it is a cache's, which may not be there
            self.fs.invalidate_cache(folder)
        refresh = {"refresh": True} if "refresh" in inspect.signature(self.fs.ls).parameters else {}
        listed = self._unless_missing(lambda: self._call("ls", folder, detail=True, **refresh))
        items = []
        for info in listed or ():
            place, _, name = str(info["name"]).rstrip("/").rpartition("/")
            if name and place.strip("/").endswith(folder.strip("/")):  # a file of that name lists itself
                is_folder = info.get("type") == "directory"
                size = 0 if is_folder else int(info.get("size") or 0)
                items.append(Item(name, is_folder, size, _time_of(info), _version_of(info)))
        return items


class GoogleDriver(GenericDriver):
    """Google's buckets, by gcsfs: creation is one request under a condition; puts cannot be bound to a version."""

    can_exclude = True
    has_exact_versions = True


class MemoryDriver(GenericDriver):
    """fsspec's `memory://`, which all savers of a process share; it looks and then writes, so here only one does so at a time."""

    can_exclude = True
    can_swap = True
    may_have_repeated = False
    is_durable = False
    has_exact_versions = True
    _turn = threading.RLock()

    def _call(self, verb: str, *args: Any, **options: Any) -> Any:
        with self._turn:  # its listings fail where one of the files is removed meanwhile
            return super()._call(verb, *args, **options)

    def put(self, path: str, data: bytes, condition: Condition) -> str:
        """Put it, alone in this process."""
        with self._turn:
            there = self.get(path)
            if condition.is_absent and there is not None:
                raise ConditionError(path)
            if condition.version is not None and (there is None or there.version != condition.version):
                raise ConditionError(path)
            super().put(path, data, Condition())
        return _of_bytes(data)

    def head(self, path: str) -> Head | None:
        """The version is that of the bytes."""
        found, head = self.get(path), super().head(path)
        return None if head is None or found is None else head._replace(version=found.version)

    def _level(self, folder: str) -> list[Item]:
        items = []
        for item in super()._level(folder):
            if item.is_folder:
                if self._level(f"{folder}/{item.path}"):  # it keeps folders that are empty
                    items.append(item)
            else:
                found = self.get(f"{folder}/{item.path}")
                if found is not None:
                    items.append(item._replace(version=found.version))
        return items


def azure_options(given: dict[str, Any]) -> dict[str, Any]:
    """Return the options for a filesystem of our own: no caches, and nothing that never answers is waited for."""
    seconds = int(REQUEST_SECONDS)
    return {"use_listings_cache": False, "connection_timeout": seconds // 2, "read_timeout": seconds, **given}


class AzureDriver(GenericDriver):
    """Azure's blobs, by adlfs: puts can be bound to an ETag."""

    can_exclude = True
    can_swap = True
    has_exact_versions = True

    def get(self, path: str) -> Versioned | None:
        """Fetch the blob together with its ETag."""

        async def work() -> Versioned:
            container, blob, _ = self.fs.split_path(path)
            async with self.fs.service_client.get_blob_client(container=container, blob=blob) as client:
                stream = await client.download_blob(
                    retry_total=0, connection_timeout=REQUEST_SECONDS / 2, read_timeout=REQUEST_SECONDS
                )
                return Versioned(await stream.readall(), stream.properties.etag.strip('"'))

        def call() -> Versioned:
            try:
                found: Versioned = sync(self.fs.loop, work, timeout=_GET_SECONDS)
            except Exception as error:
                if is_transient(error):
                    raise TransientError(explained(error)) from error
                raise
            return found

        return self._unless_missing(call)

    def put(self, path: str, data: bytes, condition: Condition) -> str:
        """Put the blob, unless it is there, or if it has the ETag."""
        how: dict[str, Any] = {"overwrite": not condition.is_absent, "length": len(data), "retry_total": 0}
        if condition.version is not None:
            from azure.core import MatchConditions

            how |= {"etag": f'"{condition.version}"', "match_condition": MatchConditions.IfNotModified}
        answer = self._call("pipe_file", path, data, size=len(data), **how)
        return str((answer or {}).get("etag", "")).strip('"')


def _of_bytes(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _time_of(info: dict[str, Any]) -> float:
    for name in _TIMES:
        found = info.get(name)
        if isinstance(found, dt.datetime):
            return found.timestamp()
        if isinstance(found, (int, float)):
            return float(found)
        if isinstance(found, str):
            with contextlib.suppress(ValueError):
                return dt.datetime.fromisoformat(found.replace("Z", "+00:00")).timestamp()
    return 0.0


def _version_of(info: dict[str, Any]) -> str:
    for name in _VERSIONS:
        found = info.get(name)
        if isinstance(found, (str, int)):
            return str(found).strip('"')
    return f"{info.get('size')}-{_time_of(info)}"
