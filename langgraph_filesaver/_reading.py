"""Stored documents as LangGraph's readers get them: configs, tuples, the order of `list`, the history of delta channels.

Bound to one repository and one serde for the length of a call, and keeps nothing: a clone of the saver with another
allowlist never meets this one's (P10). Values are revived here and nowhere else, so an error in one names its file here.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import Checkpoint, CheckpointMetadata, CheckpointTuple, DeltaChannelHistory
from langgraph.checkpoint.base import PendingWrite as PendingWriteTuple

from langgraph_filesaver._artifacts import Incoming, MissingArtifactError
from langgraph_filesaver._calls import PendingWrite
from langgraph_filesaver._codec import Codec
from langgraph_filesaver._documents import CheckpointDocument
from langgraph_filesaver._metadata import matches
from langgraph_filesaver._repository import Repository
from langgraph_filesaver._thread_files import StoredCheckpoint
from langgraph_filesaver.config import REMOTE_LIST_PAGE
from langgraph_filesaver.errors import ConflictError, CorruptCheckpointWarning, CorruptDataError, StorageError

__all__ = ["Address", "OnLoad", "Reading", "config_of", "thread_of_config"]

_LOOKS = 20
_LOG = logging.getLogger("langgraph_filesaver")


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


OnLoad = Callable[[dict[str, Any]], Mapping[str, Any]]
"""Makes of a stored state the one that the graph is given."""

Place = tuple[str, str, str]
"""A thread, a namespace in it, and the id of a checkpoint."""


def thread_id_of(configurable: Mapping[str, Any]) -> str:
    """Return the thread's id as a string, whatever it was given as; raises ValueError where there is none."""
    if "thread_id" not in configurable:
        raise ValueError('the config names no thread: pass {"configurable": {"thread_id": "…"}}')
    return str(configurable["thread_id"])


def thread_of_config(config: Any) -> str | None:
    """Return the thread that a config names, or None where it names none."""
    found = (config.get("configurable") or {}).get("thread_id") if isinstance(config, Mapping) else None
    return None if found is None else str(found)


def config_of(thread_id: Any, checkpoint_ns: str, checkpoint_id: str) -> RunnableConfig:
    """Return the config that names a checkpoint."""
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": checkpoint_ns, "checkpoint_id": checkpoint_id}}


class Reading:
    """Reads for one call.

    Args:
        repository: The threads.
        codec: Revives values, with the serde that the saver has now.
        on_load: Makes of a stored state the one that is given, or None.
    """

    def __init__(self, repository: Repository, codec: Codec, on_load: OnLoad | None = None) -> None:
        self._on_load = on_load
        self._repository = repository
        self._plain = codec
        self._codecs: dict[str, Codec] = {}
        self._incoming: dict[str, Incoming] = {}
        self._is_for_going_on = False

    def get(self, address: Address, config: RunnableConfig, *, falls_back: bool = False) -> CheckpointTuple | None:
        """Return the checkpoint that `address` names, or the latest, or None; see `FileSaver.get_tuple`.

        With `falls_back` a latest one that is damaged is warned of, and the newest sound one before it is given.
        """
        try:
            return self._get(address, config)
        except CorruptDataError as error:
            if address.checkpoint_id or not falls_back:
                raise
            found = self._before_damage(address)
            if found is None:
                raise
            told = f"thread {address.thread_id!r} goes on from checkpoint {found.checkpoint['id']}, for a later one is damaged: {error}"
            _LOG.warning(told)
            warnings.warn(told, CorruptCheckpointWarning, stacklevel=4)
            return found

    def _before_damage(self, address: Address) -> CheckpointTuple | None:
        """Return the newest checkpoint of a namespace that is sound with all that belongs to it, or None."""
        for checkpoint_id in reversed(self._repository.checkpoint_ids(address.thread_id, address.checkpoint_ns)):
            with contextlib.suppress(CorruptDataError):
                found = self._repository.load(address.thread_id, address.checkpoint_ns, checkpoint_id)
                if found is not None and not self._repository.is_late(address.thread_id, found.document):
                    return self.tuple(address.thread_id, found)
        return None

    def _get(self, address: Address, config: RunnableConfig) -> CheckpointTuple | None:
        thread_id, checkpoint_ns, checkpoint_id = address
        self._is_for_going_on = True  # what is read now is what the next step stores again
        for _ in range(_LOOKS):
            if checkpoint_id:
                found = self._repository.load(thread_id, checkpoint_ns, checkpoint_id)
            else:
                found = self._repository.load_latest(thread_id, checkpoint_ns)
            if found is None:
                return None
            try:
                return self.tuple(thread_id, found, config if checkpoint_id else None)
            except MissingArtifactError:
                if self._is_still(thread_id, found):
                    raise
        raise StorageError(f"thread {thread_id!r} changes faster than it can be read: try again")

    def tuple_if_there(self, thread_id: str, document: CheckpointDocument) -> CheckpointTuple | None:
        """Return what LangGraph gets for a checkpoint just read, or None where it has been removed meanwhile."""
        found = self._repository.with_writes(thread_id, document)
        while found is not None:
            try:
                return self.tuple(thread_id, found)
            except MissingArtifactError:
                if self._is_still(thread_id, found):
                    raise
            found = self._repository.load(thread_id, document.checkpoint_ns, document.checkpoint_id)
        return None

    def _is_still(self, thread_id: str, found: StoredCheckpoint) -> bool:
        """Tell whether all files of a checkpoint are as they were read: then what they refer to must be there."""
        return found == self._repository.load(thread_id, found.document.checkpoint_ns, found.document.checkpoint_id)

    def _codec(self, thread_id: str) -> Codec:
        codec = self._codecs.get(thread_id)
        if codec is None:
            memory = self._repository.memory if self._is_for_going_on else None
            incoming = Incoming(self._repository.artifacts, thread_id, self._repository.formats, memory)
            self._incoming[thread_id] = incoming
            codec = self._codecs[thread_id] = self._plain.reading(incoming)
        return codec

    def addresses(self, config: RunnableConfig | None) -> Iterator[Place]:
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

    def pages(self, config: RunnableConfig | None, before_id: str | None) -> Iterator[list[Place]]:
        """Yield what `addresses` yields, less what is not before a checkpoint, as much together as is read at once."""
        size = REMOTE_LIST_PAGE if self._repository.store.is_far else 1
        places = (place for place in self.addresses(config) if not before_id or place[2] < before_id)
        while page := list(islice(places, size)):
            yield page

    def page(self, places: Sequence[Place], filter: Mapping[str, Any] | None) -> Iterator[CheckpointTuple]:  # noqa: A002 the contract's name
        """Yield the checkpoints that are there and that the filter lets through."""
        found: list[tuple[str, CheckpointDocument, CheckpointTuple]] = []
        with self._repository.store.ahead():
            self._repository.expect(places)
            for thread_id, checkpoint_ns, checkpoint_id in places:
                document = self._repository.read_checkpoint(thread_id, checkpoint_ns, checkpoint_id)
                if document is None or (filter and not matches(self.metadata(thread_id, document), filter)):
                    continue
                each = self.tuple_if_there(thread_id, document)
                if each is not None:
                    found.append((thread_id, document, each))
        for number, (thread_id, document, each) in enumerate(found):
            if not number or self._repository.is_there(thread_id, document):  # the caller may have removed it meanwhile
                yield each

    def metadata(self, thread_id: str, document: CheckpointDocument) -> dict[str, Any]:
        """Return a checkpoint's metadata, reviving nothing else."""
        with self._repository.naming_checkpoint(thread_id, document):
            return self._codec(thread_id).metadata(document)

    def tuple(self, thread_id: str, found: StoredCheckpoint, config: RunnableConfig | None = None) -> CheckpointTuple:
        """Return what LangGraph gets for a stored checkpoint; `config` is the one it was asked by, if by its id."""
        document = found.document
        with _no_collection(), self._repository.naming_checkpoint(thread_id, document):
            codec = self._codec(thread_id)
            checkpoint, metadata = codec.checkpoint(document), codec.metadata(document)
        if self._on_load is not None:
            _change_state(checkpoint, self._on_load)
        pending = [self._pending(thread_id, write) for write in found.writes]
        self._incoming[thread_id].note_seen()
        return CheckpointTuple(
            config=config or config_of(thread_id, document.checkpoint_ns, document.checkpoint_id),
            checkpoint=cast("Checkpoint", checkpoint),
            metadata=cast("CheckpointMetadata", metadata),
            parent_config=(
                config_of(thread_id, document.checkpoint_ns, document.parent_checkpoint_id)
                if document.parent_checkpoint_id
                else None
            ),
            pending_writes=pending,
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
                    newest_first[write.channel].append(self._pending(address.thread_id, write))
            with self._repository.naming_checkpoint(address.thread_id, document):
                for channel in remaining & document.state.keys():
                    seeds[channel] = self._codec(address.thread_id).channel(document, channel)
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

    def _pending(self, thread_id: str, write: PendingWrite) -> PendingWriteTuple:
        try:
            return (write.task_id, write.channel, self._codec(thread_id).write(write.channel, write.value))
        except CorruptDataError as error:
            raise error.in_file(self._repository.store.describe(write.key)) from error


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Keep Python's cyclic garbage collector from running: while a state is built, all of it is alive.

    It would look through all objects again and again, in vain; for many messages that takes longer than building them.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _history(writes: list[PendingWriteTuple], seeds: Mapping[str, Any], channel: str) -> DeltaChannelHistory:
    history: DeltaChannelHistory = {"writes": writes}
    if channel in seeds:
        history["seed"] = seeds[channel]
    return history


def _change_state(checkpoint: dict[str, Any], on_load: OnLoad) -> None:
    """Give a checkpoint the state that `on_load` makes. LangGraph forgets a channel without a version, so a new one gets the greatest."""
    state = dict(on_load(dict(checkpoint["channel_values"])))
    versions = checkpoint.get("channel_versions") or {}
    new = state.keys() - versions.keys()
    if new and versions:
        greatest = max(versions.values())
        checkpoint["channel_versions"] = {**versions, **dict.fromkeys(sorted(new), greatest)}
    checkpoint["channel_values"] = state
