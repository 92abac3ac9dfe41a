"""System calls on paths and descriptors, with the conditions under which the local store makes them."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat

from langgraph_filesaver.errors import StorageError

__all__ = [
    "READ_FLAGS",
    "WRITE_FLAGS",
    "name_by_rename",
    "open_regular",
    "read_all",
    "remove_tree",
    "unlink_if_same",
    "unlink_if_there",
    "without_empty",
    "write_all",
]

_ATTEMPTS = 50

READ_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
WRITE_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def open_regular(path: str) -> int | None:
    """Open a regular file for reading, or return None where it is missing.

    Raises:
        StorageError: It is something else, such as a symbolic link, or cannot be opened.
    """
    try:
        descriptor = os.open(path, READ_FLAGS)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StorageError.from_os_error(error, action="read", path=path) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise StorageError(f"cannot read {path}: it is not a regular file; move it away", path=path)
    return descriptor


def unlink_if_there(path: str) -> None:
    """Unlink `path`; a missing one is fine."""
    try:  # noqa: SIM105 - every write passes here, and a context manager costs as much as the call
        os.unlink(path)
    except FileNotFoundError:
        pass


def unlink_if_same(path: str, descriptor: int) -> None:
    """Unlink `path` unless somebody has replaced it: that file was acknowledged to somebody else."""
    with contextlib.suppress(FileNotFoundError):
        if os.path.samestat(os.lstat(path), os.fstat(descriptor)):
            os.unlink(path)


def name_by_rename(staged: str, path: str) -> bool:
    """Give a staged file its name in place of what has it; always True."""
    os.replace(staged, path)
    return True


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write all of `data`: one call may write less."""
    written = os.write(descriptor, data)
    if written == len(data):
        return
    view = memoryview(data)[written:]
    while view:
        view = view[os.write(descriptor, view) :]


def read_all(descriptor: int, size: int) -> bytes:
    """Return all that a file holds; `size` is what it is believed to be."""
    data = os.read(descriptor, size + 1)
    if len(data) == size:
        return data
    parts = [data]  # a short read, or a file that is being edited by hand
    while part := os.read(descriptor, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def remove_tree(path: str) -> None:
    """Remove a folder that was moved out of sight.

    A writer that had found its way into it before may add a name while it is being removed, and not for long.
    """
    for attempt in range(_ATTEMPTS):
        try:
            shutil.rmtree(path)
        except OSError as error:
            if error.errno != errno.ENOTEMPTY or attempt == _ATTEMPTS - 1:
                raise
        else:
            return


def without_empty(folder: str, root: str) -> str:
    """Remove `folder` and those above it, below `root`, as far as they are empty; return the first that stays."""
    while folder != root:
        try:
            os.rmdir(folder)
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError:  # not empty, or gone already; a writer that loses its folder here makes it again
            break
        folder = os.path.dirname(folder)
    return folder
