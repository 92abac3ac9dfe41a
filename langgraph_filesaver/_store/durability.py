"""How a new file becomes durable on this file system, whole before it has a name (P1, P2).

A file is written under a temporary name, `before_name` is called, the file gets its name (link or rename), `after_name`
is called, and only then is the write acknowledged. Three ways, chosen once per store:

- `TwoFlushes`, right on every POSIX file system: fsync the file, name it, fsync the folder. Two flushes of the device.
- `OneFlush`, for XFS and for ext4 with a journal: wait until the data is on the device (`sync_file_range`), name it, fsync the file.
  Their metadata is journaled in order, so a name that survives a power cut comes with the block allocation made before
  it, whose data had been written; and fsync of a file that was just linked or renamed commits its new name too. One
  flush instead of two, so about half the time. The power-cut tests prove it on both;
  `docs/decisions/0002-one-flush.md` tells why, what was measured and what was considered instead.
  Not for ext4 without a journal: another process' flush may write the new name before the file's size and blocks.
  Not for btrfs: it notes where a file's data lies in a worker that may run after `sync_file_range` has returned, and
  another process' commit in between makes the name of an empty file durable.
- `NoFlush`, for `fsync=False`: survives a killed process, not a power cut.

An fsync that failed is never repeated: the kernel may have dropped the data. On macOS only F_FULLFSYNC reaches the disk.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from typing import Protocol, cast

from langgraph_filesaver._store.mounts import file_system_of, has_journal

__all__ = ["Durability", "NoFlush", "OneFlush", "TwoFlushes", "durability_for"]

_WAIT_WRITE_WAIT = 7  # SYNC_FILE_RANGE_WAIT_BEFORE | _WRITE | _WAIT_AFTER, linux/fs.h


class Durability(Protocol):
    """The two moments around naming a new file, and the one after removing or renaming something in a folder."""

    def before_name(self, descriptor: int) -> None:
        """Make sure that the file's data comes before its name, whenever the power fails."""

    def after_name(self, descriptor: int, folder: str) -> None:
        """Make the file's data and its name in `folder` durable."""

    def folder_changed(self, folder: str) -> None:
        """Make made, removed and renamed names in `folder` durable."""


class NoFlush:
    """Leave it to the kernel."""

    def before_name(self, descriptor: int) -> None:
        """Do nothing."""

    def after_name(self, descriptor: int, folder: str) -> None:
        """Do nothing."""

    def folder_changed(self, folder: str) -> None:
        """Do nothing."""


class TwoFlushes:
    """Flush the file before and the folder after naming it."""

    def before_name(self, descriptor: int) -> None:
        """Flush the file."""
        _flush(descriptor)

    def after_name(self, descriptor: int, folder: str) -> None:  # noqa: ARG002 the file itself is flushed already
        """Flush the folder."""
        self.folder_changed(folder)

    def folder_changed(self, folder: str) -> None:
        """Flush the folder."""
        if sys.platform == "win32":  # folders cannot be opened there; NTFS journals names
            return
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _flush(descriptor)
        finally:
            os.close(descriptor)


class OneFlush(TwoFlushes):
    """Wait for the data before and flush the file after naming it."""

    def before_name(self, descriptor: int) -> None:
        """Wait until the data is on the device, without flushing the journal."""
        assert _sync_file_range is not None, "OneFlush is chosen only where it is there"  # noqa: S101 for the type checker
        if _sync_file_range(descriptor, 0, 0, _WAIT_WRITE_WAIT) != 0:  # the whole file
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def after_name(self, descriptor: int, folder: str) -> None:  # noqa: ARG002 the journal carries the name
        """Flush the file, and with it the journal that holds its name."""
        os.fsync(descriptor)


def durability_for(path: str, *, fsync: bool) -> Durability:
    """Choose how to make files below `path`, which need not exist yet, durable."""
    if not fsync:
        return NoFlush()
    kind = file_system_of(path)
    orders_data_before_names = kind == "xfs" or (kind == "ext4" and has_journal(path))
    return OneFlush() if orders_data_before_names and _sync_file_range is not None else TwoFlushes()


def _flush(descriptor: int) -> None:
    if sys.platform == "darwin":
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def _load_sync_file_range() -> Callable[[int, int, int, int], int] | None:
    if sys.platform != "linux":
        return None
    function = getattr(ctypes.CDLL(None, use_errno=True), "sync_file_range", None)
    if function is not None:
        function.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
    return cast("Callable[[int, int, int, int], int] | None", function)


_sync_file_range = _load_sync_file_range()
