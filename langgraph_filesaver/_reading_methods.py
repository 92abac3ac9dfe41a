"""Reading threads, as LangGraph asks for it: one checkpoint, a list of them, the history of delta channels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple, DeltaChannelHistory, get_checkpoint_id
from langgraph.checkpoint.serde.base import SerializerProtocol

from langgraph_filesaver._asked import note_asked, note_latest
from langgraph_filesaver._codec import Codec
from langgraph_filesaver._events import observed
from langgraph_filesaver._ids import exceed
from langgraph_filesaver._metadata import MetadataRule
from langgraph_filesaver._reading import Address, OnLoad, Reading, thread_of_config
from langgraph_filesaver._repository import Repository
from langgraph_filesaver._root import Root
from langgraph_filesaver._runs import run_of
from langgraph_filesaver._ttl import TimeToLive

__all__ = ["ReadingMethods"]


class ReadingMethods:
    """The part of a saver that reads.

    Attributes:
        serde: The saver's serde.
        _root: Where the threads are.
        _rule: Which keys name a credential.
        _ttl: Whether reading counts as activity.
        _on_corrupt: What becomes of a latest checkpoint that is damaged.
        _on_load: Makes of a stored state the one that is given, or None.
    """

    serde: SerializerProtocol
    _root: Root
    _rule: MetadataRule
    _ttl: TimeToLive
    _on_corrupt: str
    _on_load: OnLoad | None

    @abstractmethod
    def _note_use(self, thread_id: str, checkpoint_ns: str, checkpoint_id: str) -> None:
        """Let reading a checkpoint count as its thread's activity."""

    @property
    @abstractmethod
    def _repository(self) -> Repository:
        """The threads."""

    @observed(thread_of_config)
    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the checkpoint that `config` names, or the latest of its thread and namespace, or None.

        Raises:
            CorruptDataError: The checkpoint or one of its writes is unreadable; the file is named.
            StorageError: The folder cannot be read.
        """
        address = Address.of(config)
        self._repository.leases.own(
            address.thread_id, run_of(config)
        )  # what the owner reads as a run, it may write as one
        found = self._reading().get(address, config, falls_back=self._on_corrupt == "previous")
        self._note_read(config, found)
        if found is not None and self._ttl.refresh_on_read:
            self._note_use(address.thread_id, address.checkpoint_ns, found.checkpoint["id"])
        return found

    def _note_read(self, config: RunnableConfig, found: CheckpointTuple | None) -> None:
        if found is not None:
            thread_id, checkpoint_ns, checkpoint_id = Address.of(config)
            place = (self._root.realm, thread_id, checkpoint_ns)
            if checkpoint_id:
                note_asked(place, checkpoint_id)
                parent = found.parent_config  # a copy of what was asked for (`as_node="__copy__"`) is put beside it
                note_asked(place, parent["configurable"]["checkpoint_id"] if parent else None)
            else:
                note_latest(place, found.checkpoint["id"])
                exceed(found.checkpoint["id"])

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 the contract's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Yield checkpoints: threads, then namespaces, ascending; in each the newest id first.

        Nothing is locked while the caller's loop runs, and any method may be called inside it. A checkpoint that is
        removed meanwhile is left out.

        Args:
            config: The thread, and the namespace and checkpoint where given; None for all threads. Without
                `checkpoint_ns` all namespaces, with `""` the root namespace.
            filter: Metadata keys and the values they must equal, as stored; dots in a key are literal.
            before: Only checkpoints with a smaller id than this one's `checkpoint_id`.
            limit: At most this many, counted after the filter.

        Raises:
            ValueError: The filter has a key that is never stored (see `metadata_include`).
            CorruptDataError: A file is unreadable; it is named.
        """
        self._rule.check_filter(filter)
        before_id = get_checkpoint_id(before) if before else None
        if limit is not None and limit <= 0:
            return
        reading, remaining = self._reading(), limit
        for places in reading.pages(config, before_id):
            for found in reading.page(places, filter):
                yield found
                if remaining is not None:
                    remaining -= 1
                    if not remaining:
                        return

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Return, per channel, the writes since its nearest stored value on the way up from `config`'s checkpoint.

        Walks the parents once for all channels and revives no other channel. The writes of the ancestor that stores the
        value are included; those of the checkpoint itself are not (they belong to the next step).

        Raises:
            ConflictError: The checkpoint that `config` names was removed during the walk; read the thread again.
            CorruptDataError: A file on the way is unreadable; it is named.
        """
        return self._reading().delta_history(Address.of(config), channels)

    def _reading(self) -> Reading:
        return Reading(self._repository, Codec(self.serde), self._on_load)
