"""Files that a command writes for a person, outside the store: whole or not there, and never over another one unasked."""

from __future__ import annotations

import contextlib
import os
import tempfile

import click

from langgraph_filesaver.errors import StorageError

__all__ = ["write_file"]


def write_file(path: str, data: bytes, *, overwrite: bool = False, mode: int = 0o666) -> None:
    """Write a file at once: who looks sees the old one or the new one. Its mode is `mode`, less the umask.

    Raises:
        click.UsageError: It is there already, and is not to be replaced.
        StorageError: It cannot be written.
    """
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=".langgraph-filesaver-", dir=os.path.dirname(path) or ".")
    except OSError as error:
        raise StorageError.from_os_error(error, action="write", path=path) from error
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, mode & ~_umask())
        if overwrite:
            os.replace(temporary, path)
        else:
            _name_new(temporary, path)
    except FileExistsError as error:
        raise click.UsageError(f"{path} is there already, and stays as it is") from error
    except OSError as error:
        raise StorageError.from_os_error(error, action="write", path=path) from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def _name_new(temporary: str, path: str) -> None:
    """Give a file its name; raises FileExistsError where there is one of that name."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # no hard links on this file system: there an empty file keeps the name free for a moment
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        os.replace(temporary, path)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
