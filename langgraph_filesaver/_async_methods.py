"""The async methods of FileSaver: each runs the sync method of the same name on the saver's pool, and does nothing else."""

from __future__ import annotations

import builtins
from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
)

from langgraph_filesaver._collection import GarbageReport
from langgraph_filesaver._twins import Twins
from langgraph_filesaver.config import GRACE_SECONDS, LIST_PAGE

if TYPE_CHECKING:
    from langgraph_filesaver._editing import Edit

__all__ = ["AsyncMethods"]


class AsyncMethods(BaseCheckpointSaver[Any]):
    """Async twins for a saver whose methods are sync.

    Attributes:
        _twins: The saver's pool.
        _lock_timeout_seconds: How long a call waits for a thread that somebody else has.
    """

    _twins: Twins
    _lock_timeout_seconds: float

    @abstractmethod
    def _note_read(self, config: RunnableConfig, found: CheckpointTuple | None) -> None:
        """Note what the calling context has asked for, and what it was given."""

    @abstractmethod
    def _threads_for_runs(self, run_ids: Sequence[str]) -> builtins.list[str]:
        """Return the threads that may hold something of the runs."""

    @abstractmethod
    def _delete_for_runs_from(self, thread_id: str, run_ids: Sequence[str]) -> None:
        """Remove from one thread what the runs stored."""

    @abstractmethod
    def _setting(self, thread_id: str, values: Mapping[str, Any], checkpoint_ns: str) -> Edit:
        """Return the correction that sets channels of the latest state."""

    @abstractmethod
    def _store_edit(self, edit: Edit, edited_by: str | None) -> RunnableConfig:
        """Store a correction; return the config of the checkpoint that shows it."""

    @abstractmethod
    def collect_garbage(
        self, thread_id: str | None = None, *, dry_run: bool = True, grace_seconds: float = GRACE_SECONDS
    ) -> GarbageReport:
        """Find, and remove, artifacts that nothing refers to."""

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """As `get_tuple`, without blocking the event loop."""
        found = await self._twins.run(self.get_tuple, config)
        self._note_read(config, found)  # what the pool noted is known in its own context only
        return found

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 the contract's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """As `list`, without blocking the event loop; reads a few checkpoints ahead."""
        async for found in self._twins.pages(self.list(config, filter=filter, before=before, limit=limit), LIST_PAGE):
            yield found

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """As `put`, without blocking the event loop; a cancelled call has stored all or nothing."""
        return await self._twins.patiently(
            self._lock_timeout_seconds, self.put, config, checkpoint, metadata, new_versions
        )

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """As `put_writes`, without blocking the event loop; a cancelled call has stored all or nothing."""
        await self._twins.patiently(self._lock_timeout_seconds, self.put_writes, config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        """As `delete_thread`, without blocking the event loop."""
        await self._twins.patiently(self._lock_timeout_seconds, self.delete_thread, thread_id)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """As `delete_for_runs`, without blocking the event loop."""
        for thread_id in await self._twins.run(self._threads_for_runs, run_ids):
            await self._twins.patiently(self._lock_timeout_seconds, self._delete_for_runs_from, thread_id, run_ids)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """As `copy_thread`, without blocking the event loop."""
        await self._twins.patiently(self._lock_timeout_seconds, self.copy_thread, source_thread_id, target_thread_id)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """As `prune`, without blocking the event loop."""
        is_list = not isinstance(thread_ids, (str, bytes))
        await self._twins.run(
            self.prune, [] if is_list else thread_ids, strategy=strategy
        )  # refuses what makes no sense
        for thread_id in thread_ids:  # each for itself: who waits for one must not remove those before it once more
            await self._twins.patiently(self._lock_timeout_seconds, self.prune, [thread_id], strategy=strategy)

    async def aedit_state(
        self, thread_id: str, values: Mapping[str, Any], *, checkpoint_ns: str = "", edited_by: str | None = None
    ) -> RunnableConfig:
        """As `edit_state`, without blocking the event loop; a cancelled call has stored all or nothing."""
        edit = await self._twins.run(self._setting, thread_id, values, checkpoint_ns)
        return await self._twins.patiently(self._lock_timeout_seconds, self._store_edit, edit, edited_by)

    async def acollect_garbage(
        self, thread_id: str | None = None, *, dry_run: bool = True, grace_seconds: float = GRACE_SECONDS
    ) -> GarbageReport:
        """As `collect_garbage`, without blocking the event loop."""
        return await self._twins.run(self.collect_garbage, thread_id, dry_run=dry_run, grace_seconds=grace_seconds)

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """As `get_delta_channel_history`, without blocking the event loop."""
        return await self._twins.run(self.get_delta_channel_history, config=config, channels=channels)
