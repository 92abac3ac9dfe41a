"""SFTP, by the paramiko connection of fsspec's filesystem.

SFTP has no put of a whole file: a reader sees what has been written so far. So a file is written under another name beside
the threads (`.tmp`), and then renamed: `posix-rename` replaces, and OpenSSH's plain `rename` makes a link and so refuses a
name that is taken, which makes it an exclusive creation. Whether another server does so, the probe tells. There is no way to
flush: what was written survives a killed process, and perhaps not the server's power cut.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
import threading
import uuid
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from langgraph_filesaver._store.base import Versioned
from langgraph_filesaver._store.remote.driver import Condition, ConditionError, Driver, Head, Item, TransientError
from langgraph_filesaver._store.remote.faults import explained, is_missing, is_transient
from langgraph_filesaver.config import COPY_BLOCK_BYTES, REQUEST_SECONDS

__all__ = ["SftpDriver"]

T = TypeVar("T")


class SftpDriver(Driver):
    """Files on an SSH server.

    Args:
        fs: fsspec's `SFTPFileSystem`.
        staging: The folder for files that are being written.
    """

    is_durable = False
    has_exact_versions = False  # a time in whole seconds, and a size

    def __init__(self, fs: Any, staging: str) -> None:
        super().__init__(fs)
        self._staging = staging
        self._turns: dict[int, threading.Lock] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_turns": {}}

    def _call(self, work: Callable[[Any], T]) -> T:
        # There is one channel, and threads that share it wait for each other's answers in vain. A child has a lock of its own.
        turn = self._turns.setdefault(os.getpid(), threading.Lock())
        if not turn.acquire(timeout=REQUEST_SECONDS):
            raise TransientError("other requests take all the time of the connection")
        try:
            return work(self._client())
        except Exception as error:
            if is_transient(error) or "Socket is closed" in str(error):
                self._disconnect()
                raise TransientError(explained(error)) from error
            raise
        finally:
            turn.release()

    def _client(self) -> Any:
        fs = self.fs
        channel = fs.ftp.get_channel()
        if channel is None or channel.closed or not channel.get_transport().is_active():
            fs._connect()  # noqa: SLF001 it has no public way to connect again
            channel = fs.ftp.get_channel()
        channel.settimeout(REQUEST_SECONDS)
        return fs.ftp

    def _disconnect(self) -> None:
        with contextlib.suppress(Exception):  # it may be open and never answer again; the next attempt connects anew
            self.fs.client.close()

    def _unless_missing(self, work: Callable[[Any], T]) -> T | None:
        try:
            return self._call(work)
        except OSError as error:
            if is_missing(error) or error.errno == errno.ENOTDIR:
                return None
            raise

    def get(self, path: str) -> Versioned | None:
        """Read the file; the version is that of the bytes, for its time may hide a change within the same second."""

        def work(ftp: Any) -> Versioned:
            with ftp.open(path, "rb") as file:
                data = file.read()
                return Versioned(data, hashlib.sha256(data).hexdigest())

        return self._unless_missing(work)

    def get_range(self, path: str, start: int, end: int) -> bytes | None:
        """Read a part of it."""

        def work(ftp: Any) -> bytes:
            with ftp.open(path, "rb") as file:
                file.seek(start)
                return bytes(file.read(end - start))

        return self._unless_missing(work)

    def head(self, path: str) -> Head | None:
        """Ask for its attributes."""
        found = self._unless_missing(lambda ftp: ftp.stat(path))
        if found is None or not stat.S_ISREG(found.st_mode or 0):
            return None
        return Head(found.st_size, float(found.st_mtime), _version(found))

    def put(self, path: str, data: bytes, condition: Condition) -> str:
        """Write the file beside, and rename it."""
        staged = f"{self._staging}/{uuid.uuid4().hex}"
        self._staged(staged, lambda file: file.write(data))
        self._name(staged, path, is_exclusive=condition.is_absent)
        return ""

    def upload(self, path: str, local_path: str) -> None:
        """Write the file beside, and rename it."""
        staged = f"{self._staging}/{uuid.uuid4().hex}"

        def copy(file: Any) -> None:
            with open(local_path, "rb") as local:
                while block := local.read(COPY_BLOCK_BYTES):
                    file.write(block)

        self._staged(staged, copy)
        self._name(staged, path, is_exclusive=False)

    def _staged(self, staged: str, fill: Callable[[Any], object]) -> None:
        def work(ftp: Any) -> None:
            try:
                file = ftp.open(staged, "wxb")
            except OSError:
                self._make_folders(ftp, self._staging)
                file = ftp.open(staged, "wxb")
            with file:
                file.set_pipelined(True)
                fill(file)

        self._call(work)

    def _name(self, staged: str, path: str, *, is_exclusive: bool) -> None:
        def work(ftp: Any) -> None:
            rename = ftp.rename if is_exclusive else ftp.posix_rename
            try:
                rename(staged, path)
            except OSError as error:
                if is_exclusive and _is_there(ftp, path):
                    _remove(ftp, staged)
                    raise ConditionError(path) from error
                self._make_folders(ftp, path.rpartition("/")[0])
                try:
                    rename(staged, path)
                except OSError as again:
                    _remove(ftp, staged)
                    if is_exclusive and _is_there(ftp, path):
                        raise ConditionError(path) from again
                    raise

        self._call(work)

    def _make_folders(self, ftp: Any, folder: str) -> None:
        parts = folder.split("/")
        for at in range(1, len(parts) + 1):
            place = "/".join(parts[:at])
            if place:
                with contextlib.suppress(OSError):  # it is there, or the next step says why not
                    ftp.mkdir(place, 0o700)

    def prepare_folder(self, folder: str) -> None:
        """Make the folder and those above it."""
        self._call(lambda ftp: self._make_folders(ftp, folder))

    def copy(self, source: str, target: str) -> bool:
        """Read it and write it: SFTP copies nothing by itself."""
        found = self.get(source)
        if found is None:
            return False
        self.put(target, found.data, Condition())
        return True

    def delete(self, paths: Sequence[str]) -> None:
        """Remove the files, and the folders that are empty then."""
        for path in paths:
            self._unless_missing(lambda ftp, path=path: ftp.remove(path) or True)  # type: ignore[misc]
        self._remove_empty({path.rpartition("/")[0] for path in paths})

    def _remove_empty(self, folders: set[str]) -> None:
        root = self._staging.rpartition("/")[0]
        for folder in sorted(folders, reverse=True):
            place = folder
            while place.startswith(f"{root}/"):
                try:
                    self._call(lambda ftp, place=place: ftp.rmdir(place))  # type: ignore[misc]
                except OSError:  # something is in it
                    break
                place = place.rpartition("/")[0]

    def scan(self, folder: str, *, deep: bool) -> list[Item]:
        """List the folder, and with `deep` those below it."""
        found: list[Item] = []
        waiting = [""]
        while waiting:
            place = waiting.pop()
            listed = self._unless_missing(lambda ftp, place=place: ftp.listdir_attr(f"{folder}/{place}".rstrip("/")))  # type: ignore[misc]
            for each in listed or ():
                path = f"{place}/{each.filename}" if place else each.filename
                if stat.S_ISDIR(each.st_mode or 0):
                    if deep:
                        waiting.append(path)
                    else:
                        found.append(Item(path, is_folder=True))
                else:
                    found.append(
                        Item(
                            path, is_folder=False, bytes=each.st_size, modified_at=each.st_mtime, version=_version(each)
                        )
                    )
        return found


def _version(found: Any) -> str:
    return f"{found.st_size}-{found.st_mtime}"


def _is_there(ftp: Any, path: str) -> bool:
    try:
        ftp.lstat(path)
    except FileNotFoundError:
        return False
    return True


def _remove(ftp: Any, path: str) -> None:
    with contextlib.suppress(OSError):  # what is left in the staging folder is nobody's
        ftp.remove(path)
