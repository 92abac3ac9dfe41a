"""Making threads smaller, copying and removing them, as FileSaver offers it. Each call waits for whoever has the thread."""

from __future__ import annotations

import builtins
from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from langgraph.checkpoint.serde.base import SerializerProtocol

from langgraph_filesaver import _collection as collection
from langgraph_filesaver._codec import Codec
from langgraph_filesaver._collection import GarbageReport
from langgraph_filesaver._events import observed, thread_named
from langgraph_filesaver._patience import waiting_for
from langgraph_filesaver._repository import Repository
from langgraph_filesaver.config import GRACE_SECONDS

__all__ = ["MaintenanceMethods"]


class MaintenanceMethods:
    """The part of a saver that removes and copies.

    Attributes:
        serde: The saver's serde.
        _lock_timeout_seconds: How long a call waits for a thread that somebody else has.
    """

    serde: SerializerProtocol
    _lock_timeout_seconds: float

    @property
    @abstractmethod
    def _repository(self) -> Repository:
        """The threads."""

    @observed(thread_named)
    def collect_garbage(
        self, thread_id: str | None = None, *, dry_run: bool = True, grace_seconds: float = GRACE_SECONDS
    ) -> GarbageReport:
        """Find, and remove, artifacts that nothing refers to: `prune`, `delete_for_runs` and deleting by hand leave them.

        Args:
            thread_id: The thread; None for all threads.
            dry_run: True: only tell what would be removed.
            grace_seconds: Younger artifacts are kept: a node may have written one and not come to its put yet.

        Returns:
            How many files and bytes, and which.

        Raises:
            CorruptDataError: A checkpoint, write or artifact of a thread cannot be read, so that nobody knows what it refers
                to; it is named, and nothing of that thread was removed.
            LockTimeoutError: Another maintenance call on the thread did not end in time.
            ValueError: A negative `grace_seconds`.
        """
        if grace_seconds < 0:
            raise ValueError(f"grace_seconds={grace_seconds} is negative: give 0 or more")
        thread = None if thread_id is None else str(thread_id)
        return collection.collect(self._repository, thread, dry_run=dry_run, grace_seconds=grace_seconds)

    @observed(thread_named)
    def delete_thread(self, thread_id: str) -> None:
        """Remove a thread with all its checkpoints and writes; a missing one is fine.

        Raises:
            LockTimeoutError: Another maintenance call, or somebody else's lease of the thread, did not end in time.
        """
        from langgraph_filesaver import _maintenance as maintenance

        self._maintaining(lambda: maintenance.delete_thread(self._repository, str(thread_id)))

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Remove what the runs stored, in all threads.

        What remaining checkpoints need for their DeltaChannels stays, and so does a checkpoint without children at which
        another run waits for an answer. Only a thread that holds something of the runs is waited for, each for itself.
        """
        for thread_id in self._threads_for_runs(run_ids):
            self._delete_for_runs_from(thread_id, run_ids)

    def _threads_for_runs(self, run_ids: Sequence[str]) -> builtins.list[str]:
        _refuse_string("run_ids", run_ids)
        return self._repository.thread_ids() if run_ids else []

    def _delete_for_runs_from(self, thread_id: str, run_ids: Sequence[str]) -> None:
        from langgraph_filesaver import _maintenance as maintenance

        wanted = {str(run_id) for run_id in run_ids}
        self._maintaining(lambda: maintenance.delete_for_runs(self._repository, Codec(self.serde), thread_id, wanted))

    @observed(thread_named)
    def copy_thread(
        self, source_thread_id: str, target_thread_id: str, *, progress: Callable[[], None] | None = None
    ) -> None:
        """Copy all checkpoints and writes of a thread, with their ids, into another; what that has already, it keeps.

        Args:
            source_thread_id: The thread to copy.
            target_thread_id: Where to.
            progress: Called after each file.
        """
        from langgraph_filesaver import _maintenance as maintenance

        source_id, target_id = str(source_thread_id), str(target_thread_id)
        self._maintaining(lambda: maintenance.copy_thread(self._repository, source_id, target_id, progress))

    @observed(thread_named)
    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Make threads smaller.

        Prune a thread between its runs: of a run that is under way from an older checkpoint, the ancestors may go.

        Args:
            thread_ids: The threads; missing ones are fine.
            strategy: `"keep_latest"` keeps the newest checkpoint of each namespace, what it needs for its DeltaChannels,
                subgraph state that can still be resumed, and unanswered interrupts. `"delete"` and `"delete_all"` remove
                the threads.

        Raises:
            TypeError: `thread_ids` is one string.
            ValueError: An unknown strategy.
        """
        _refuse_string("thread_ids", thread_ids)
        if strategy not in {"keep_latest", "delete", "delete_all"}:
            raise ValueError(f"unknown strategy {strategy!r}: use 'keep_latest', 'delete' or 'delete_all'")
        from langgraph_filesaver import _maintenance as maintenance

        for thread_id in map(str, thread_ids):
            if strategy == "keep_latest":
                self._maintaining(partial(maintenance.keep_latest, self._repository, Codec(self.serde), thread_id))
            else:
                self._maintaining(partial(maintenance.delete_thread, self._repository, thread_id))

    def _maintaining(self, work: Callable[[], None]) -> None:
        waiting_for(self._lock_timeout_seconds, lambda _: work())


def _refuse_string(name: str, given: Any) -> None:
    if isinstance(given, (str, bytes)):
        raise TypeError(f"{name} takes a list of ids, not one string: {name}=[{given!r}]")
