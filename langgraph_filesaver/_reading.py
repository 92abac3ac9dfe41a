"""Stored documents as LangGraph's readers get them: configs, tuples, the order of `list`, the history of delta channels.

Bound to one repository and one serde for the length of a call, and keeps nothing: a clone of the saver with another
allowlist never meets this one's (P10). Values are revived here and nowhere else, so an error in one names its file here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import Checkpoint, CheckpointMetadata, CheckpointTuple, DeltaChannelHistory
from langgraph.checkpoint.base import PendingWrite as PendingWriteTuple

from langgraph_filesaver._codec import Codec
from langgraph_filesaver._documents import CheckpointDocument
from langgraph_filesaver._repository import PendingWrite, Repository, StoredCheckpoint
from langgraph_filesaver.errors import ConflictError, CorruptDataError, StorageError

__all__ = ["Address", "Reading", "config_of"]

_LOOKS = 20


class Address(NamedTuple):
    """What a config names: a thread, a namespace, and a checkpoint or none."""

    thread_id: str
    checkpoint_ns: str
    checkpoint_id: str | None

    @classmethod
    def of(cls, config: RunnableConfig) -> Address:
        """Read a config; an absent namespace is the root's, an empty checkpoint id is none.

        Raises:
            ValueError: The config names no thread.
        """
        configurable = config["configurable"]
        return cls(
            thread_id_of(configurable),
            configurable.get("checkpoint_ns") or "",
            configurable.get("checkpoint_id") or None,
        )


def thread_id_of(configurable: Mapping[str, Any]) -> str:
    """Return the thread's id as a string, whatever it was given as; raises ValueError where there is none."""
    if "thread_id" not in configurable:
        raise ValueError('the config names no thread: pass {"configurable": {"thread_id": "…"}}')
    return str(configurable["thread_id"])


def config_of(thread_id: Any, checkpoint_ns: str, checkpoint_id: str) -> RunnableConfig:
    """Return the config that names a checkpoint."""
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": checkpoint_ns, "checkpoint_id": checkpoint_id}}


class Reading:
    """Reads for one call.

    Args:
        repository: The threads.
        codec: Revives values, with the serde that the saver has now.
    """

    def __init__(self, repository: Repository, codec: Codec) -> None:
        self._repository = repository
        self._codec = codec

    def addresses(self, config: RunnableConfig | None) -> Iterator[tuple[str, str, str]]:
        """Yield (thread, namespace, id) of what `list(config)` covers: ascending, but the newest id first."""
        configurable = config["configurable"] if config else {}
        wanted_ns, wanted_id = configurable.get("checkpoint_ns"), configurable.get("checkpoint_id")
        for thread_id in [thread_id_of(configurable)] if config else self._repository.thread_ids():
            for checkpoint_ns in self._repository.namespaces(thread_id) if wanted_ns is None else [wanted_ns]:
                if wanted_id:
                    yield thread_id, checkpoint_ns, wanted_id
                else:
                    for checkpoint_id in reversed(self._repository.checkpoint_ids(thread_id, checkpoint_ns)):
                        yield thread_id, checkpoint_ns, checkpoint_id

    def metadata(self, thread_id: str, document: CheckpointDocument) -> dict[str, Any]:
        """Return a checkpoint's metadata, reviving nothing else."""
        with self._repository.naming_checkpoint(thread_id, document):
            return self._codec.metadata(document)

    def tuple(self, thread_id: str, found: StoredCheckpoint, config: RunnableConfig | None = None) -> CheckpointTuple:
        """Return what LangGraph gets for a stored checkpoint; `config` is the one it was asked by, if by its id."""
        document = found.document
        with self._repository.naming_checkpoint(thread_id, document):
            checkpoint, metadata = self._codec.checkpoint(document), self._codec.metadata(document)
        return CheckpointTuple(
            config=config or config_of(thread_id, document.checkpoint_ns, document.checkpoint_id),
            checkpoint=cast("Checkpoint", checkpoint),
            metadata=cast("CheckpointMetadata", metadata),
            parent_config=(
                config_of(thread_id, document.checkpoint_ns, document.parent_checkpoint_id)
                if document.parent_checkpoint_id
                else None
            ),
            pending_writes=[self._pending(write) for write in found.writes],
        )

    def delta_history(self, address: Address, channels: Sequence[str]) -> Mapping[str, DeltaChannelHistory]:
        """Walk the parents once for all channels; see `FileSaver.get_delta_channel_history`.

        A deletion takes the newest first, so a checkpoint that is still there after the walk had all its ancestors on it.

        Raises:
            ConflictError: The checkpoint that `address` names was removed meanwhile.
            StorageError: The latest changes faster than it can be read.
        """
        for _ in range(_LOOKS):
            target = self._target(address)
            history = self._walk(address, target, channels)
            if target is None or self._repository.is_there(address.thread_id, target):
                return history
            if address.checkpoint_id:
                raise ConflictError(
                    f"checkpoint {address.checkpoint_id} of thread {address.thread_id!r} was removed while its history was "
                    "read: read the thread again"
                )
        raise StorageError(f"thread {address.thread_id!r} changes faster than its history can be read: try again")

    def _walk(
        self, address: Address, target: CheckpointDocument | None, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        remaining = set(channels)
        seeds: dict[str, Any] = {}
        newest_first: dict[str, list[PendingWriteTuple]] = {channel: [] for channel in channels}
        for document in self._ancestors(address, target) if remaining else ():
            place = (address.thread_id, address.checkpoint_ns, document.checkpoint_id)
            for write in reversed(self._repository.pending_writes(*place)):
                if write.channel in remaining:
                    newest_first[write.channel].append(self._pending(write))
            with self._repository.naming_checkpoint(address.thread_id, document):
                for channel in remaining & document.state.keys():
                    seeds[channel] = self._codec.channel(document, channel)
            remaining -= seeds.keys()
            if not remaining:
                break
        return {channel: _history(newest_first[channel][::-1], seeds, channel) for channel in channels}

    def _target(self, address: Address) -> CheckpointDocument | None:
        if address.checkpoint_id:
            return self._repository.read_checkpoint(*address[:2], address.checkpoint_id)
        latest = self._repository.load_latest(address.thread_id, address.checkpoint_ns)
        return latest.document if latest else None

    def _ancestors(self, address: Address, document: CheckpointDocument | None) -> Iterator[CheckpointDocument]:
        read = self._repository.read_checkpoint
        passed: set[str] = set()
        while document is not None and document.parent_checkpoint_id:
            if document.checkpoint_id in passed:  # by a person's hand: no put makes a circle
                with self._repository.naming_checkpoint(address.thread_id, document):
                    raise CorruptDataError(
                        "this checkpoint is its own ancestor: correct the parents, or set this one to null",
                        where="parent_checkpoint_id",
                    )
            passed.add(document.checkpoint_id)
            document = read(address.thread_id, address.checkpoint_ns, document.parent_checkpoint_id)
            if document is not None:
                yield document

    def _pending(self, write: PendingWrite) -> PendingWriteTuple:
        try:
            return (write.task_id, write.channel, self._codec.write(write.channel, write.value))
        except CorruptDataError as error:
            raise error.in_file(self._repository.store.describe(write.key)) from error


def _history(writes: list[PendingWriteTuple], seeds: Mapping[str, Any], channel: str) -> DeltaChannelHistory:
    history: DeltaChannelHistory = {"writes": writes}
    if channel in seeds:
        history["seed"] = seeds[channel]
    return history
