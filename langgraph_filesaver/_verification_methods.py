"""Whether the files are sound, and what to do where they are not, as FileSaver offers it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Literal

from langgraph.checkpoint.serde.base import SerializerProtocol

from langgraph_filesaver._codec import Codec
from langgraph_filesaver._events import observed, thread_named
from langgraph_filesaver._patience import waiting_for
from langgraph_filesaver._repository import Repository
from langgraph_filesaver._twins import Twins

if TYPE_CHECKING:
    from langgraph_filesaver._verification import RepairReport, VerifyReport

__all__ = ["VerificationMethods"]


class VerificationMethods:
    """The part of a saver that verifies and repairs.

    Attributes:
        serde: The saver's serde.
        _twins: The saver's pool.
        _lock_timeout_seconds: How long a call waits for a thread that somebody else has.
    """

    serde: SerializerProtocol
    _twins: Twins
    _lock_timeout_seconds: float

    @property
    @abstractmethod
    def _repository(self) -> Repository:
        """The threads."""

    @observed(thread_named)
    def verify(self, thread_id: str | None = None, *, progress: Callable[[], None] | None = None) -> VerifyReport:
        """Read every file and tell what is damaged, missing, edited by hand, or not ours. Nothing is changed or locked.

        Args:
            thread_id: The thread; None for all, and what else lies in the root.
            progress: Called after each file.

        Returns:
            The findings; `is_sound` tells whether there is damage among them.

        Raises:
            StorageError: A file cannot be read for another reason than what is in it.
        """
        from langgraph_filesaver._verification import verify

        thread = None if thread_id is None else str(thread_id)
        return verify(self._repository, Codec(self.serde), thread, progress)

    async def averify(
        self, thread_id: str | None = None, *, progress: Callable[[], None] | None = None
    ) -> VerifyReport:
        """As `verify`, without blocking the event loop; `progress` is called on another thread."""
        return await self._twins.run(self.verify, thread_id, progress=progress)

    @observed(thread_named)
    def repair(
        self, thread_id: str, *, dry_run: bool = True, reparent: Literal["none", "nearest"] = "none"
    ) -> RepairReport:
        """Take what is damaged in a thread out of the way, into `.quarantine` of the root, so that the rest goes on.

        Nothing is removed: files can be mended there and moved back. A sound thread stays as it is, byte for byte.

        Args:
            thread_id: The thread.
            dry_run: True: only tell what would be done.
            reparent: What the children of a checkpoint that goes get as their parent: "none", or "nearest", the nearest ancestor that
                stays, as far as the damaged files tell it. One that cannot show its state without what goes, goes as well.

        Raises:
            ValueError: An unknown `reparent`.
            LockTimeoutError: Somebody has had the thread all the time.
            StorageError: A file cannot be moved.
        """
        from langgraph_filesaver._verification import repair

        if reparent not in ("none", "nearest"):
            raise ValueError(f"reparent={reparent!r}: use 'none' or 'nearest'")
        codec, now = Codec(self.serde), datetime.now(timezone.utc)

        def attempt(_: bool) -> RepairReport:  # noqa: FBT001 how `waiting_for` calls it
            return repair(self._repository, codec, str(thread_id), reparent=reparent, dry_run=dry_run, now=now)

        return waiting_for(self._lock_timeout_seconds, attempt)

    async def arepair(
        self, thread_id: str, *, dry_run: bool = True, reparent: Literal["none", "nearest"] = "none"
    ) -> RepairReport:
        """As `repair`, without blocking the event loop."""
        return await self._twins.patiently(
            self._lock_timeout_seconds, self.repair, thread_id, dry_run=dry_run, reparent=reparent
        )
