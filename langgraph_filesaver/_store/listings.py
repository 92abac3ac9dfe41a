"""Listings of folders, kept only while it is certain that they are still true (P5).

A folder of 5,000 names takes 2 ms to list. Its mtime tells whether a name came or went, but moves in ticks of the kernel
(4 to 10 ms): two changes within one tick look like one. So a listing is kept only if the folder had been left alone for
longer than a few ticks when it was listed, and is used only while inode, mtime and ctime stand still: the rule by which
git trusts its index (racy-git.txt). A network mount shows mtimes from a cache: nothing is kept where the file system is
not known to be this kernel's own.
"""

from __future__ import annotations

import os
import time
from typing import NamedTuple

from langgraph_filesaver._store.mounts import file_system_of

__all__ = ["Listings", "Stamp", "stamp_of"]

_SETTLED_NANOSECONDS = 50_000_000  # five ticks of the slowest kernel clock, 100 Hz
_SETTLED_WHOLE_SECONDS = 2_100_000_000
_MTIME_IS_OURS = {"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "tmpfs", "overlay"}
_MOST_NAMES = 500_000  # about 50 MB


Stamp = tuple[int, int, int, int]
"""Device, inode, mtime and ctime: another one once a file or folder has been changed."""


class _Kept(NamedTuple):
    stamp: Stamp
    names: tuple[str, ...]


def stamp_of(status: os.stat_result) -> Stamp:
    """Return what tells a file or folder from what it is after any change that a tick of the clock tells."""
    return (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)


class Listings:
    """What the folders of one store hold.

    There is no mutex: each step on the dict is atomic, threads that race list once more than needed, and a fork at any
    moment leaves nothing locked in the child.
    """

    def __init__(self) -> None:
        self._trusted: dict[int, bool] = {}
        self._kept: dict[str, _Kept] = {}
        self._kept_names = 0

    def names(self, path: str) -> tuple[str, ...]:
        """Return the sorted names in the folder `path`; the same object as before if it did not change.

        Raises:
            OSError: The folder is missing or cannot be read.
        """
        status = os.stat(path)
        stamp = stamp_of(status)
        kept = self._kept.get(path)
        if kept is not None and kept.stamp == stamp:
            return kept.names
        # The stamp is older than the listing: a change in between makes the next look list again.
        listed_at = time.time_ns()
        names = tuple(sorted(os.listdir(path)))
        if self.is_settled(path, status, listed_at):
            self._keep(path, _Kept(stamp, names))
        return names

    def is_settled(self, path: str, status: os.stat_result, now: int) -> bool:
        """Tell whether the stamp of a file or folder, taken before `now`, is another one after any later change.

        Args:
            path: Where it is.
            status: What the system tells of it.
            now: The time in nanoseconds since 1970.
        """
        changed_at = max(status.st_mtime_ns, status.st_ctime_ns)
        # Whole seconds: the file system may tell no finer time (ext2, ext3, ext4 with inodes of 128 bytes).
        settled = _SETTLED_NANOSECONDS if changed_at % 1_000_000_000 else _SETTLED_WHOLE_SECONDS
        return now - changed_at > settled and self._trusts(path, status.st_dev)

    def _trusts(self, path: str, device: int) -> bool:
        # By device: a thread's folder may be a link to somewhere else.
        if device not in self._trusted:
            self._trusted[device] = file_system_of(path) in _MTIME_IS_OURS
        return self._trusted[device]

    def _keep(self, path: str, kept: _Kept) -> None:
        self._kept_names += len(kept.names) + 1
        if self._kept_names > _MOST_NAMES:  # to begin anew is simpler than to choose, and as good at this size
            self._kept.clear()
            self._kept_names = len(kept.names) + 1
        self._kept[path] = kept
