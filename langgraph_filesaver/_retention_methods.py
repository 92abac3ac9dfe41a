"""How long threads and checkpoints are kept, as FileSaver offers it."""

from __future__ import annotations

import logging
import time
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from langgraph.checkpoint.serde.base import SerializerProtocol

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._codec import Codec, dump_plain
from langgraph_filesaver._events import observed, thread_named
from langgraph_filesaver._patience import waiting_for
from langgraph_filesaver._repository import Repository
from langgraph_filesaver._store import Store
from langgraph_filesaver._sweeper import Sweeper
from langgraph_filesaver._ttl import RetentionDocument, TimeToLive
from langgraph_filesaver._twins import Twins
from langgraph_filesaver.config import READ_NOTE_SECONDS, TRASH_GRACE
from langgraph_filesaver.errors import FileSaverError

if TYPE_CHECKING:
    from langgraph_filesaver._sweeping import SweepReport
    from langgraph_filesaver.inspection.inspector import Inspector

__all__ = ["RetentionMethods"]

_LOG = logging.getLogger("langgraph_filesaver")
_MOST_NOTED = 10_000


class RetentionMethods:
    """The part of a saver that lets threads expire.

    Attributes:
        serde: The saver's serde.
        _twins: The saver's pool.
        _lock_timeout_seconds: How long a call waits for a thread that somebody else has.
        _ttl: How long threads are kept.
        _read_at: When reading a thread was last noted, by the process's clock.
        _sweeper: Sweeps in the background, or None.
    """

    serde: SerializerProtocol
    _twins: Twins
    _lock_timeout_seconds: float
    _ttl: TimeToLive
    _read_at: dict[str, float]
    _sweeper: Sweeper | None

    @property
    @abstractmethod
    def _repository(self) -> Repository:
        """The threads."""

    @abstractmethod
    def _inspector(self) -> Inspector:
        """Return what reads threads."""

    @observed(thread_named)
    def sweep(
        self,
        *,
        dry_run: bool = False,
        ttl: timedelta | None = None,
        include_unfinished: bool = False,
        keep_last: int | None = None,
        older_than: timedelta | datetime | None = None,
        keep_per_run: int | None = None,
        trash: bool = False,
        trash_grace: timedelta = TRASH_GRACE,
        now: datetime | None = None,
        progress: Callable[[], None] | None = None,
    ) -> SweepReport:
        """Remove threads that have expired, and checkpoints that no policy keeps. One process sweeps at a time.

        A thread expires as a whole, a time to live after its last activity: that of `set_ttl`, else that of the saver. It must be
        done; one that waits, has failed or is under way stays. Who uses it again before it is gone keeps it whole. Pinned threads are
        left alone. Of the others, a checkpoint stays if any of the policies given keeps it, or if what stays needs it.

        Args:
            dry_run: True: only tell what would be done; nothing is written, not even a lock. Large values that only checkpoints refer
                to that a policy does not keep are not counted then.
            ttl: A time to live in place of the saver's.
            include_unfinished: Let threads expire, too, that are not done.
            keep_last: Keep so many of the newest checkpoints of each namespace.
            older_than: Keep checkpoints that are younger than this span, or were made at this instant or later.
            keep_per_run: Keep so many of the newest checkpoints of each run and namespace.
            trash: Move expired threads out of sight, for `restore` to bring them back.
            trash_grace: How long they stay there; the first sweep after that removes them.
            now: The instant to reckon from, with its time zone; by default this one.
            progress: Called after each thread.

        Returns:
            What was done with which thread, and why, in files and bytes; which are due and stay; which failed.

        Raises:
            ValueError: A number below 1, a span that is not positive, or an instant without a time zone.
            TypeError: A bare number where a span is needed.
            StorageError: The root cannot be listed.
        """
        from langgraph_filesaver._retention import Policy
        from langgraph_filesaver._sweeping import Sweep
        from langgraph_filesaver.inspection.summaries import oldest_allowed

        for name, count in (("keep_last", keep_last), ("keep_per_run", keep_per_run)):
            if count is not None and count < 1:
                raise ValueError(f"{name}={count}: give 1 or more, or None")
        if now is not None and now.tzinfo is None:
            raise ValueError(f"now={now!r} has no time zone: give it one, such as timezone.utc")
        policy = Policy(keep_last, oldest_allowed(older_than), keep_per_run)
        return Sweep(
            self._inspector(),
            Codec(self.serde),
            self._ttl if ttl is None else replace(self._ttl, after=TimeToLive.of(ttl).after),
            None if policy == Policy() else policy,
            include_unfinished,
            trash,
            trash_grace,
            dry_run,
            (now or datetime.now(timezone.utc)).astimezone(timezone.utc),
            progress or (lambda: None),
        ).run()

    async def asweep(
        self,
        *,
        dry_run: bool = False,
        ttl: timedelta | None = None,
        include_unfinished: bool = False,
        keep_last: int | None = None,
        older_than: timedelta | datetime | None = None,
        keep_per_run: int | None = None,
        trash: bool = False,
        trash_grace: timedelta = TRASH_GRACE,
    ) -> SweepReport:
        """As `sweep`, without blocking the event loop."""
        return await self._twins.run(
            lambda: self.sweep(
                dry_run=dry_run,
                ttl=ttl,
                include_unfinished=include_unfinished,
                keep_last=keep_last,
                older_than=older_than,
                keep_per_run=keep_per_run,
                trash=trash,
                trash_grace=trash_grace,
            )
        )

    def set_ttl(self, thread_id: str, ttl: timedelta | None) -> None:
        """Keep a thread for another time after its last activity than the saver says; None: for as long as the saver says.

        Raises:
            NotFoundError: There is no such thread.
            TypeError: A bare number.
            ValueError: A span that is not positive.
            LockTimeoutError: Somebody maintains the thread.
        """
        after = TimeToLive.of(ttl).after
        seconds = None if after is None else after.total_seconds()
        self._change_wishes(str(thread_id), lambda wishes: replace(wishes, ttl_seconds=seconds))

    async def aset_ttl(self, thread_id: str, ttl: timedelta | None) -> None:
        """As `set_ttl`, without blocking the event loop."""
        await self._twins.patiently(self._lock_timeout_seconds, self.set_ttl, thread_id, ttl)

    def pin(self, thread_id: str, *, pinned: bool = True) -> None:
        """Keep a thread for ever: no sweep changes it. `pinned=False` takes that back.

        Raises:
            NotFoundError: There is no such thread.
            LockTimeoutError: Somebody maintains the thread.
        """
        self._change_wishes(str(thread_id), lambda wishes: replace(wishes, pinned=pinned))

    async def apin(self, thread_id: str, *, pinned: bool = True) -> None:
        """As `pin`, without blocking the event loop."""
        await self._twins.patiently(self._lock_timeout_seconds, self.pin, thread_id, pinned=pinned)

    @observed(thread_named)
    def restore(self, thread_id: str, *, dry_run: bool = False) -> None:
        """Bring back a thread that a sweep has moved to the trash, or with `dry_run` only see whether that could be done.

        Raises:
            NotFoundError: It is not there, or not any more.
            ConflictError: There is a thread of that id by now.
            LockTimeoutError: Somebody has the thread.
        """
        from langgraph_filesaver._sweeping import restore

        waiting_for(self._lock_timeout_seconds, lambda _: restore(self._repository, str(thread_id), dry_run=dry_run))

    async def arestore(self, thread_id: str) -> None:
        """As `restore`, without blocking the event loop."""
        await self._twins.patiently(self._lock_timeout_seconds, self.restore, thread_id)

    def _change_wishes(self, thread_id: str, change: Callable[[RetentionDocument], RetentionDocument]) -> None:
        from langgraph_filesaver._sweeping import change_wishes

        waiting_for(self._lock_timeout_seconds, lambda _: change_wishes(self._repository, thread_id, change))

    def _sweep_in_background(self) -> None:
        """Sweep, and tell the log what could not be swept."""
        report = self.sweep()
        for each in report.failed:
            _LOG.warning("thread %r could not be swept: %s", each.thread_id, each.reason)

    def _note_use(self, thread_id: str, checkpoint_ns: str, checkpoint_id: str) -> None:
        """Let reading a checkpoint count as its thread's activity, now and then; no read fails for it.

        The file that was read is made young: nothing new appears, so a read brings no folder back that is being removed, and
        takes no thread of a mirror for its own. In a far store `retention.json` is uploaded once more.
        """
        now = time.monotonic()
        if now - self._read_at.get(thread_id, -READ_NOTE_SECONDS) < READ_NOTE_SECONDS:
            return
        if len(self._read_at) >= _MOST_NOTED:
            self._read_at.clear()
        self._read_at[thread_id] = now
        store = self._repository.store
        try:
            if store.is_read_only:
                return
            if store.is_far:
                self._write_wishes_again(store, layout.retention_key(layout.thread_folder(thread_id)))
            else:
                store.touch(layout.checkpoint_key(thread_id, checkpoint_ns, checkpoint_id))
        except FileSaverError as error:
            _LOG.warning("that thread %r was read could not be noted, so it may expire sooner: %s", thread_id, error)

    @staticmethod
    def _write_wishes_again(store: Store, key: str) -> None:
        """Where a file is as old as its last upload, upload what the thread wants for itself; who changes it meanwhile has done that."""
        if store.properties.compare_and_swap:
            found = store.read_versioned(key)
            data = dump_plain(RetentionDocument().to_json()) if found is None else found.data
            store.swap(key, data, None if found is None else found.version)
        else:
            store.replace(key, store.read(key) or dump_plain(RetentionDocument().to_json()))
