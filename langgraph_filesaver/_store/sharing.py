"""Copies that share their blocks with the original (reflinks: btrfs, XFS, and others), so that they cost no space and no time.

A hard link would do as well on any disk, but only for files that nobody changes: written to in place, the "copy" changes
too. So a user's own file is shared by reflink or copied, and only our own immutable files are linked.
"""

from __future__ import annotations

import contextlib
import os
import sys

__all__ = ["share_blocks"]

_FICLONE = 0x40049409  # linux/fs.h


def share_blocks(path: str, descriptor: int) -> bool:
    """Make the empty file `descriptor` a reflink of the file at `path`; False where the file system cannot."""
    if sys.platform != "linux":
        return False
    import fcntl

    with contextlib.suppress(OSError):  # another file system, or one without reflinks: the caller copies
        source = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.ioctl(descriptor, _FICLONE, source)
            return True
        finally:
            os.close(source)
    return False
