"""Who has a thread, as told to those who ask and to those who wait in vain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from langgraph_filesaver._leases.document import LeaseDocument
from langgraph_filesaver.config import LOCK_ATTEMPT_SECONDS
from langgraph_filesaver.errors import LockTimeoutError, StorageError

__all__ = ["BusyError", "HeldError", "LockInfo", "cannot_take_away"]


@dataclass(frozen=True, slots=True)
class LockInfo:
    """Who has a thread, as its lease tells.

    Attributes:
        thread_id: The thread.
        owner: The token of the lease.
        pid: The process that has it.
        host: The machine of that process.
        acquired_at: Since when, aware.
        renewed_at: When it was last renewed.
        expires_at: When it is over unless it is renewed.
        is_over: Whether nobody has to wait for it any more: its holder died, or did not renew it.
        path: The file.
    """

    thread_id: str
    owner: str
    pid: int
    host: str
    acquired_at: datetime
    renewed_at: datetime
    expires_at: datetime
    is_over: bool
    path: str


class HeldError(Exception):
    """Somebody else has the thread, or goes first: try again later. Nothing was done.

    Attributes:
        is_for_lease: Whether it is for a lease: who had to wait for one has read before others may have written.
        pause_seconds: How long to wait at least.
        waited_seconds: How long the attempt has waited itself.
    """

    is_for_lease = True
    waited_seconds = 0.0

    def __init__(self, thread_id: str, path: str, holder: LeaseDocument | None, *, pause_seconds: float = 0.0) -> None:
        super().__init__(thread_id)
        self.pause_seconds = pause_seconds
        self.thread_id = thread_id
        self.path = path
        self.holder = holder

    def timed_out(self, timeout_seconds: float) -> LockTimeoutError:
        """Return the error that tells the caller who has it."""
        found: dict[str, Any] | None = None
        who = "somebody whose lease cannot be read"
        if self.holder is not None:
            process, since = self.holder.process, self.holder.acquired_at.isoformat(timespec="seconds")
            renewed = self.holder.renewed_at.isoformat(timespec="seconds")
            found = {
                "owner": self.holder.owner,
                "pid": process.pid,
                "host": process.host,
                "since": since,
                "renewed": renewed,
            }
            who = f"process {process.pid} on {process.host} since {since}, renewed {renewed}, owner {self.holder.owner}"
        return LockTimeoutError(
            f"thread {self.thread_id!r} is leased by {who}; waited {timeout_seconds:g} s for {self.path}. Try again when its "
            "run is done; a holder that dies loses it by itself, and `langgraph-filesaver unlock` takes it away",
            path=self.path,
            timeout_seconds=timeout_seconds,
            holder=found,
        )


class BusyError(HeldError):
    """Somebody holds a lock file, for a moment or for a call: try again later. Nothing was done.

    Args:
        thread_id: The thread.
        path: The lock file.
        tell: Returns the error for a caller who has waited that many seconds in vain.
    """

    is_for_lease = False
    waited_seconds = LOCK_ATTEMPT_SECONDS

    def __init__(self, thread_id: str, path: str, tell: Callable[[float], LockTimeoutError]) -> None:
        super().__init__(thread_id, path, None)
        self._tell = tell

    def timed_out(self, timeout_seconds: float) -> LockTimeoutError:
        """Return the error that tells the caller who holds it."""
        return self._tell(timeout_seconds)


def cannot_take_away(thread_id: str, found: LeaseDocument | None, error: StorageError) -> StorageError:
    """Return the error that tells why a thread cannot be taken away from one who may still write to it."""
    who = "its former holder"
    if found is not None and not found.to_fence:
        who = f"process {found.process.pid} on {found.process.host}"
    return StorageError(
        f"thread {thread_id!r} cannot be taken away from {who}, which may still write to it, as that cannot be written "
        f"down: {error}. Nothing was lost: repeat the call when that is mended, or when the process has ended",
        path=error.path,
        number=error.errno,
    )
