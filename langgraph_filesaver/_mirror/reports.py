"""What a mirror has to tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["MirrorStatus", "TransferReport"]


@dataclass(frozen=True, slots=True)
class MirrorStatus:
    """How far a mirror is behind its folder.

    Attributes:
        url: Where the mirror is.
        pending_files: How many files of the folder are not there, or are others there.
        pending_bytes: Their size.
        oldest_pending_at: When the oldest of them was changed, aware; None where there is none.
        pending_deletions: How many deletions have still to be made there.
        last_error: What the mirror last failed with, or None where it has been well since. While it fails, only what this
            process knows of is counted.
    """

    url: str
    pending_files: int
    pending_bytes: int
    oldest_pending_at: datetime | None
    pending_deletions: int
    last_error: str | None


@dataclass(frozen=True, slots=True)
class TransferReport:
    """What `push` or `pull` has copied.

    Attributes:
        threads: How many threads were compared.
        files: How many files were copied.
        bytes: Their size.
    """

    threads: int
    files: int
    bytes: int
