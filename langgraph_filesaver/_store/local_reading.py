"""The local store's files, read: never half a file, never what a link leads to."""

from __future__ import annotations

import builtins
import errno
import os
import stat
import time
from collections.abc import Iterator
from typing import BinaryIO

from langgraph_filesaver._store.base import Entry, Status, Store
from langgraph_filesaver._store.descriptors import open_regular, read_all
from langgraph_filesaver._store.listings import Listings, stamp_of
from langgraph_filesaver.errors import StorageError

__all__ = ["LocalReading"]


class LocalReading(Store):
    """The half of the local store that changes nothing.

    Args:
        root: The folder.
    """

    def __init__(self, root: str) -> None:
        self.root = os.path.abspath(root)
        self._listings = Listings()

    def describe(self, key: str) -> str:
        """Return the absolute path of `key`."""
        return self._path(key)

    def read(self, key: str) -> bytes | None:
        """Return the bytes of the file, or None. Symbolic links, pipes and devices are refused, never followed."""
        path = self._path(key)
        descriptor = open_regular(path)
        if descriptor is None:
            return None
        try:
            return read_all(descriptor, os.fstat(descriptor).st_size)
        except OSError as error:
            raise StorageError.from_os_error(error, action="read", path=path) from error
        finally:
            os.close(descriptor)

    def open(self, key: str) -> BinaryIO | None:
        """Open the file for reading; refuses what `read` refuses."""
        descriptor = open_regular(self._path(key))
        return None if descriptor is None else os.fdopen(descriptor, "rb")

    def stamp(self, key: str) -> tuple[int, ...] | None:
        """Look at the file; None where it was changed so lately that a further change might not show (see `Listings`)."""
        path = self._path(key)
        try:
            found = os.lstat(path)
        except OSError:  # whoever reads it is told
            return None
        is_certain = stat.S_ISREG(found.st_mode) and self._listings.is_settled(path, found, time.time_ns())
        return stamp_of(found) if is_certain else None

    def status(self, key: str) -> Status | None:
        """Tell size and time of the last change."""
        path = self._path(key)
        try:
            found = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise StorageError.from_os_error(error, action="look at", path=path) from error
        return Status(found.st_size, found.st_mtime, stamp_of(found))

    def path(self, key: str) -> str | None:
        """Return the absolute path of the file."""
        return self._path(key)

    def confine(self, folder: str) -> None:
        """Refuse a link out of the root and out of the folder that holds it."""
        path = self._path(folder)
        if os.path.islink(path):
            real = os.path.realpath(path)
            homes = [os.path.realpath(home) + os.sep for home in (self.root, os.path.dirname(path))]
            if not any(real.startswith(home) for home in homes):
                raise StorageError(
                    f"{path} is a symbolic link to {real}, out of the folder of its thread: move the files in",
                    path=path,
                )

    def exists(self, key: str) -> bool:
        """Tell whether the file is there."""
        path = self._path(key)
        try:
            os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise StorageError.from_os_error(error, action="look at", path=path) from error
        return True

    def list(self, folder: str) -> tuple[str, ...]:
        """Return the sorted names in the folder."""
        path = self._path(folder)
        try:
            return self._listings.names(path)
        except FileNotFoundError:
            return ()
        except NotADirectoryError as error:
            if folder:  # a stray file where a thread's folder could be: no thread
                return ()
            raise StorageError.from_os_error(error, action="list", path=path) from error
        except OSError as error:
            raise StorageError.from_os_error(error, action="list", path=path) from error

    def tree(self, folder: str) -> Iterator[Entry]:
        """Walk the folder. The version of a file is made of what the system tells of it without reading it."""
        found: list[Entry] = []
        folders = [folder]
        while folders:
            place = folders.pop()
            prefix = f"{place}/" if place else ""
            try:
                with os.scandir(self._path(place)) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            if place or not entry.name.startswith("."):
                                folders.append(prefix + entry.name)
                        elif _is_file(entry):
                            self._note(entry, prefix + entry.name, found)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise StorageError.from_os_error(error, action="list", path=self._path(place)) from error
        yield from sorted(found)

    @staticmethod
    def _note(entry: os.DirEntry[str], key: str, found: builtins.list[Entry]) -> None:
        try:
            told = entry.stat(follow_symlinks=False)
        except FileNotFoundError:  # removed meanwhile
            return
        version = f"{told.st_dev}-{told.st_ino}-{told.st_mtime_ns}-{told.st_ctime_ns}"
        found.append(Entry(key, told.st_size, told.st_mtime, version))

    def _path(self, key: str) -> str:
        return f"{self.root}/{key}" if key else self.root


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Tell whether an entry is a file, or a link to one; links in a circle lead to none."""
    try:
        return entry.is_file()
    except OSError as error:
        if error.errno == errno.ELOOP:
            return False
        raise
