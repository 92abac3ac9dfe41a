"""Looking at threads, as FileSaver offers it: read-only, without the code of their graph."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from langgraph.checkpoint.serde.base import SerializerProtocol

from langgraph_filesaver._codec import Codec
from langgraph_filesaver._metadata import MetadataRule
from langgraph_filesaver._repository import Repository
from langgraph_filesaver._twins import Twins

if TYPE_CHECKING:  # a run needs none of it, and it takes a quarter of the time that importing the package takes
    from langgraph_filesaver.inspection import Thread, Threads
    from langgraph_filesaver.inspection.inspector import Inspector

__all__ = ["InspectionMethods"]


class InspectionMethods:
    """The part of a saver that looks at threads.

    Attributes:
        serde: The saver's serde.
        _rule: Which keys name a credential.
        _twins: The saver's pool.
    """

    serde: SerializerProtocol
    _rule: MetadataRule
    _twins: Twins

    @property
    @abstractmethod
    def _repository(self) -> Repository:
        """The threads."""

    def threads(
        self,
        *,
        status: str | Collection[str] | None = None,
        older_than: timedelta | datetime | None = None,
        limit: int | None = None,
        progress: Callable[[], None] | None = None,
    ) -> Threads:
        """Return where each thread stands, the one that was changed last first.

        Args:
            status: Only threads of this status, or of these: "running", "interrupted", "failed", "pending", "done", "unknown".
            older_than: Only threads whose latest checkpoint is older than this span, or was made before this instant.
            limit: At most this many.
            progress: Called after each thread that was looked at.

        Raises:
            ValueError: An unknown status, a negative limit, or an instant without a time zone.
            TypeError: `older_than` is a bare number.
            CorruptDataError: The id of a thread, or who has one, cannot be read; the file is named. A thread whose own files are
                damaged is told with its `damage`.

        Example:
            >>> saver.threads(status="interrupted", limit=10)
        """
        from langgraph_filesaver.inspection import Threads
        from langgraph_filesaver.inspection.summaries import STATUSES, oldest_allowed, summaries

        statuses = {status} if isinstance(status, str) else None if status is None else set(status)
        for each in statuses or ():
            if each not in STATUSES:
                raise ValueError(f"status={each!r}: use one of {', '.join(map(repr, STATUSES))}")
        if limit is not None and limit < 0:
            raise ValueError(f"limit={limit} is negative: give 0 or more, or None for all")
        found = summaries(self._inspector(), statuses, oldest_allowed(older_than), progress)
        return Threads(tuple(islice(found, limit)))

    async def athreads(
        self,
        *,
        status: str | Collection[str] | None = None,
        older_than: timedelta | datetime | None = None,
        limit: int | None = None,
    ) -> Threads:
        """As `threads`, without blocking the event loop."""
        return await self._twins.run(lambda: self.threads(status=status, older_than=older_than, limit=limit))

    def thread(self, thread_id: str) -> Thread:
        """Return a thread to look at: its state, history, changes, forks, writes and artifacts.

        Raises:
            NotFoundError: There is no such thread; the nearest names are told.

        Example:
            >>> saver.thread("research-42").history()
        """
        from langgraph_filesaver.inspection import Thread

        return Thread(self._inspector(), str(thread_id))

    def _inspector(self) -> Inspector:
        from langgraph_filesaver.inspection.inspector import Inspector

        return Inspector(self._repository, Codec(self.serde), self._rule.leaves_out)
