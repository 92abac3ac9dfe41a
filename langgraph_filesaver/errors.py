"""The errors of this library, grouped by what the caller will do about them.

Every error is a `FileSaverError`. Each names the file or the value it concerns, what was found and what to do next,
and each survives pickling (a worker process raises it, its parent sees the same class, message and fields).

| class | the caller's next step |
| --- | --- |
| `StorageError` | free the disk, mend the permission or the path, try again |
| `ReadOnlyError` | make a saver without `read_only=True` |
| `LockTimeoutError` | wait for the named holder, try again |
| `ConflictError` | read again: somebody else was faster |
| `NotFoundError` | give one of the names that are there |
| `CorruptDataError` | mend the named file at the named place, or remove it |
| `DecryptionError` | give the key that the named file was written with, or bring the file back |
| `UnsupportedFormatError` | install a newer release |
| `SerializationError` | change the named value, or allow its type |
| `InvalidEditError` | correct the edited text at the named line, or the named channel |
"""

from __future__ import annotations

import errno
import os
from typing import Any

__all__ = [
    "ConflictError",
    "CorruptCheckpointWarning",
    "CorruptDataError",
    "DecryptionError",
    "FileSaverError",
    "InvalidEditError",
    "LockTimeoutError",
    "NotFoundError",
    "ReadOnlyError",
    "SerializationError",
    "StorageError",
    "UnsupportedFormatError",
]


class FileSaverError(Exception):
    """Base class of every error that this library raises on its own account."""

    def __reduce__(self) -> tuple[Any, ...]:
        # The default rebuilds an exception from `args` alone, which loses keyword fields or fails outright.
        return (_rebuild, (type(self), self.args, self.__dict__.copy()))


def _rebuild(cls: type[FileSaverError], args: tuple[Any, ...], fields: dict[str, Any]) -> FileSaverError:
    error = cls.__new__(cls, *args)
    error.args = args
    for name, value in fields.items():
        setattr(error, name, value)
    return error


class StorageError(FileSaverError, OSError):
    """The store could not be read or written; what was there before is untouched.

    One exception: where only the last flush of a replacement failed, the new file stands in place of the old one.

    Attributes:
        path: The file or folder concerned, as the operating system or the backend names it.
        errno: The system's error number where there is one (`errno.ENOSPC`, `errno.EACCES`, …), else None.
    """

    def __init__(self, message: str, *, path: str = "", number: int | None = None) -> None:
        super().__init__(message)
        self.path = path
        self.errno = number

    @classmethod
    def from_os_error(cls, error: OSError, *, action: str, path: str) -> StorageError:
        """Make the StorageError that tells `error`, met when doing `action` ("write", "read", …) on `path`."""
        reason = error.strerror or str(error) or type(error).__name__
        return cls(
            f"cannot {action} {path}: {reason}{_ADVICE.get(error.errno or 0, '')}",
            path=path,
            number=error.errno,
        )

    def __str__(self) -> str:
        # OSError would print only "[Errno n] …" once errno is set.
        return str(self.args[0])

    def __reduce__(self) -> tuple[Any, ...]:
        # OSError keeps errno in its C struct, where `__dict__` does not show it.
        return (_rebuild, (type(self), self.args, {**self.__dict__, "errno": self.errno}))


_ADVICE = {
    errno.ENOSPC: ". The disk is full: free some space and repeat the call; what was stored is intact",
    errno.EDQUOT: ". The quota is used up: free some space and repeat the call; what was stored is intact",
    errno.EACCES: ". Check who owns the folder and its permissions",
    errno.EROFS: ". The file system is mounted read-only",
    errno.ENOTDIR: ". A file stands where a folder is needed: give another root, or move the file away",
    errno.EIO: ". The device reports an error: check it before writing again",
}


class ReadOnlyError(StorageError):
    """The saver was made with `read_only=True`, and the call would have written; nothing was."""

    @classmethod
    def refusing(cls, path: str) -> ReadOnlyError:
        """Make the error for a call that would have written in `path`."""
        return cls(
            f"cannot write {path}: the saver was made with read_only=True; make one without it to write", path=path
        )


class LockTimeoutError(FileSaverError, TimeoutError):
    """A lock was held by somebody else for longer than the caller was willing to wait.

    Attributes:
        path: The lock file.
        timeout_seconds: How long was waited.
        holder: What the lock file says of its holder (`pid`, `host`, `since`), as far as it says anything.
    """

    def __init__(self, message: str, *, path: str, timeout_seconds: float, holder: dict[str, Any] | None) -> None:
        super().__init__(message)
        self.path = path
        self.timeout_seconds = timeout_seconds
        self.holder = holder


class ConflictError(FileSaverError):
    """Somebody else changed what this call was about to change; read again and decide."""


class NotFoundError(FileSaverError, LookupError):
    """There is no such thread, checkpoint or channel.

    Attributes:
        wanted: What was asked for.
        nearest: Names that are there and look like it, the nearest first.
    """

    def __init__(self, message: str, *, wanted: str, nearest: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.wanted = wanted
        self.nearest = nearest


class CorruptDataError(FileSaverError):
    """A file is there and cannot be what its name says. It is never taken for empty and never overwritten.

    Attributes:
        path: The file.
        reason: What was found and what was expected.
        line: Line of the finding, counted from 1, where it is known.
        column: Column of the finding, counted from 1, where it is known.
        where: Path inside the document, like `state["messages"][3].content`, where it is known.
    """

    def __init__(
        self,
        reason: str,
        *,
        path: str = "",
        line: int | None = None,
        column: int | None = None,
        where: str = "",
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path
        self.line = line
        self.column = column
        self.where = where

    def __str__(self) -> str:
        place = self.path or "<document>"
        if self.line is not None:
            place += f", line {self.line}"
            if self.column is not None:
                place += f", column {self.column}"
        if self.where:
            place += f", at {self.where}"
        return f"{place}: {self.reason}"

    def in_file(self, path: str | os.PathLike[str]) -> CorruptDataError:
        """Return the same finding with `path` as its file, unless it tells another one that it was in."""
        return type(self)(
            self.reason, path=self.path or os.fspath(path), line=self.line, column=self.column, where=self.where
        )


class CorruptCheckpointWarning(UserWarning):
    """The latest checkpoint of a thread is damaged, and an older one was given, as `on_corrupt="previous"` asks for."""


class DecryptionError(CorruptDataError):
    """A file of an encrypted store does not open: another key, or it was altered, cut off, moved or never encrypted."""


class UnsupportedFormatError(FileSaverError):
    """The file or folder is of a format that this release does not read.

    Attributes:
        path: The file or folder.
        found: The format number found there.
        supported: The newest format number that this release reads.
    """

    def __init__(self, message: str, *, path: str, found: Any, supported: int) -> None:
        super().__init__(message)
        self.path = path
        self.found = found
        self.supported = supported


class SerializationError(FileSaverError, TypeError):
    """A value cannot be stored; nothing of the call that brought it was written.

    Attributes:
        where: Path to the value, like `state["rows"][3].owner`.
        type_name: Qualified name of the value's type, like `_socket.socket`.
    """

    def __init__(self, message: str, *, where: str = "", type_name: str = "") -> None:
        super().__init__(message)
        self.where = where
        self.type_name = type_name


class InvalidEditError(FileSaverError, ValueError):
    """A correction of a state makes no sense; nothing was written.

    Attributes:
        reason: What was found and what was expected.
        line: Line of the finding in the edited text, counted from 1, where it is known.
        column: Column of the finding, counted from 1, where it is known.
        where: Path to the value, like `state["rows"][3].owner`, where it is known.
    """

    def __init__(self, reason: str, *, line: int | None = None, column: int | None = None, where: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.column = column
        self.where = where

    def __str__(self) -> str:
        place = [] if self.line is None else [f"line {self.line}"]
        if self.column is not None:
            place.append(f"column {self.column}")
        if self.where:
            place.append(f"at {self.where}")
        return f"{', '.join(place)}: {self.reason}" if place else self.reason
