"""One thread's files as the records of `records`: reads documents, and asks `progress`, `values` and `diff` what they mean.

Reads as LangGraph's own readers do (`_thread_files`): the latest is what a run would go on from, pending writes are folded, and
what a former owner of a lease published too late is a fork. Nothing is locked and nothing is kept between two calls: a record
tells what was there when it was made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, TypeVar

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._artifacts import Incoming, MissingArtifactError
from langgraph_filesaver._codec import Codec, parse_json
from langgraph_filesaver._documents import CheckpointDocument
from langgraph_filesaver._leases import LockInfo
from langgraph_filesaver._reading import Address, Reading
from langgraph_filesaver._repository import Repository
from langgraph_filesaver._serde import JsonSerializer
from langgraph_filesaver._thread_files import StoredCheckpoint
from langgraph_filesaver.errors import (
    CorruptDataError,
    NotFoundError,
    SerializationError,
    StorageError,
    UnsupportedFormatError,
)
from langgraph_filesaver.inspection.progress import Progress, progress_of, status_of
from langgraph_filesaver.inspection.records import CheckpointSummary, Holder, State
from langgraph_filesaver.inspection.steps import changed_between, is_machinery, nodes_between, seconds_between
from langgraph_filesaver.inspection.values import PlainValues

__all__ = ["Inspector", "nearest"]

Result = TypeVar("Result")

_LOOKS = 20


class Inspector:
    """Looks at the threads of a repository.

    Args:
        repository: The threads.
        codec: With the saver's serde, which opens what it has sealed.
        is_secret: Tells whether a key names a credential.
    """

    def __init__(self, repository: Repository, codec: Codec, is_secret: Callable[[str], bool]) -> None:
        self.repository = repository
        self._codec = codec
        self._is_secret = is_secret

    def plain_values(self, thread_id: str) -> PlainValues:
        """Return what makes plain values of a thread."""
        repository = self.repository
        if self._codec.is_readable:
            return PlainValues(repository.artifacts, thread_id, self._is_secret, None)
        codec = self._codec.reading(Incoming(repository.artifacts, thread_id, repository.formats))

        def unsealed(raw: dict[str, Any]) -> Any:
            value = codec.part(raw, "a sealed value")
            try:
                return parse_json(JsonSerializer().dump(value))  # as our own serde would have written it
            except SerializationError:
                return raw

        return PlainValues(repository.artifacts, thread_id, self._is_secret, unsealed)

    def load(self, thread_id: str, checkpoint_ns: str, checkpoint_id: str | None) -> StoredCheckpoint:
        """Return a checkpoint, or the latest one.

        Raises:
            NotFoundError: There is none; the nearest names are told.
        """
        repository = self.repository
        if checkpoint_id is None:
            found = repository.load_latest(thread_id, checkpoint_ns)
        else:
            found = repository.load(thread_id, checkpoint_ns, checkpoint_id)
        if found is not None:
            return found
        if checkpoint_id is not None and repository.namespaces(thread_id):
            near = nearest(checkpoint_id, repository.checkpoint_ids(thread_id, checkpoint_ns))
            raise NotFoundError(
                f"thread {thread_id!r} has no checkpoint {checkpoint_id!r}{_told(near)}",
                wanted=checkpoint_id,
                nearest=near,
            )
        if namespaces := repository.namespaces(thread_id):
            near = nearest(checkpoint_ns, namespaces) or tuple(namespaces[:3])
            raise NotFoundError(
                f"thread {thread_id!r} has no checkpoint in the namespace {checkpoint_ns!r}{_told(near)}",
                wanted=checkpoint_ns,
                nearest=near,
            )
        near = nearest(thread_id, repository.thread_ids())
        raise NotFoundError(
            f"there is no thread {thread_id!r} in {repository.store.describe('')}{_told(near)}",
            wanted=thread_id,
            nearest=near,
        )

    def progress(self, thread_id: str, found: StoredCheckpoint, values: PlainValues) -> Progress:
        """Tell where a thread stands at a checkpoint."""
        with self.repository.naming_checkpoint(thread_id, found.document):
            return progress_of(found.document, found.writes, values.plain)

    def holder(self, thread_id: str) -> Holder | None:
        """Return who has a thread for a whole run now."""
        return _holder_of(self.repository.leases.info(thread_id))

    def state(
        self, thread_id: str, checkpoint_ns: str, checkpoint_id: str | None, values: PlainValues | None = None
    ) -> State:
        """Return what a thread knew at a checkpoint, by `values` where a caller reads many; raises as `load` does."""
        chosen = values or self.plain_values(thread_id)
        return self.steadily(
            thread_id, checkpoint_ns, checkpoint_id, lambda found: self._state(thread_id, found, chosen)
        )

    def steadily(
        self, thread_id: str, checkpoint_ns: str, checkpoint_id: str | None, make: Callable[[StoredCheckpoint], Result]
    ) -> Result:
        """Return what `make` makes of a checkpoint, or of the latest one, however often that is removed meanwhile.

        Raises:
            NotFoundError: There is none, or none any more.
            MissingArtifactError: It refers to an artifact that is not there, though it is there itself.
        """
        for _ in range(_LOOKS):
            found = self.load(thread_id, checkpoint_ns, checkpoint_id)
            try:
                return make(found)
            except MissingArtifactError:  # removed together with the checkpoint, or damage
                if found == self.repository.load(thread_id, checkpoint_ns, found.document.checkpoint_id):
                    raise
        raise StorageError(f"thread {thread_id!r} changes faster than it can be read: try again")

    def _state(self, thread_id: str, found: StoredCheckpoint, values: PlainValues) -> State:
        document = found.document
        with self.repository.naming_checkpoint(thread_id, document):
            metadata = self.metadata(document, values)
            shown = values.channels({name: raw for name, raw in document.state.items() if not is_machinery(name)})
        progress = self.progress(thread_id, found, values)
        counters = metadata.get("counters_since_delta_snapshot")
        unknown = tuple(name for name in counters if name not in document.state) if isinstance(counters, dict) else ()
        if unknown:
            shown |= self._unfolded(thread_id, document, unknown, values)
        latest = self.repository.latest(thread_id, document.checkpoint_ns)
        is_latest = latest is not None and latest.checkpoint_id == document.checkpoint_id
        if not is_latest:  # it has gone on: what was next then were all of its tasks, as for `get_state` with its id
            progress = replace(progress, next=progress.tasks)
        is_running = is_latest and self.holder(thread_id) is not None
        return State(
            thread_id,
            self.summary(thread_id, document, values, is_latest=is_latest),
            shown,
            status=status_of(progress, is_running=is_running),
            next=progress.next,
            interrupts=progress.interruptions,
            errors=progress.failures,
            metadata=metadata,
            unknown_channels=unknown,
            image=lambda path: self.artifact_bytes(thread_id, path),
        )

    def _unfolded(
        self, thread_id: str, document: CheckpointDocument, channels: Sequence[str], values: PlainValues
    ) -> dict[str, Any]:
        """Return, for channels that only the graph's code can build, what it would build them from."""
        reading = Reading(self.repository, PlainCodec(values))
        address = Address(thread_id, document.checkpoint_ns, document.checkpoint_id)
        history = reading.delta_history(address, channels)
        found = {
            name: {
                "$delta": {
                    **({"seed": each["seed"]} if "seed" in each else {}),
                    "writes": [w[2] for w in each["writes"]],
                }
            }
            for name, each in history.items()
        }
        return values.channels(found)  # plain already, but for a channel that is itself called after a credential

    def metadata(self, document: CheckpointDocument, values: PlainValues) -> dict[str, Any]:
        """Return a checkpoint's metadata as plain data."""
        plain = values.plain(document.metadata)
        return plain if isinstance(plain, dict) else {}

    def summary(
        self,
        thread_id: str,
        document: CheckpointDocument,
        values: PlainValues,
        *,
        is_latest: bool,
        size: int | None = None,
    ) -> CheckpointSummary:
        """Return a checkpoint in a line; its parent is read for what changed."""
        repository, place = self.repository, (thread_id, document.checkpoint_ns)
        parent_id = document.parent_checkpoint_id
        if size is None:
            status = repository.store.status(layout.checkpoint_key(*place, document.checkpoint_id))
            size = status.bytes if status else 0
        with repository.naming_checkpoint(thread_id, document):
            metadata = self.metadata(document, values)
        parent = None
        nodes: tuple[str, ...] = ()  # where the parent cannot be looked at, nothing is said of the step
        changed: tuple[str, ...] = ()
        try:
            parent = repository.read_checkpoint(*place, parent_id) if parent_id else None
            if parent or not parent_id:
                nodes = nodes_between(parent, document, values.plain, metadata.get("source"))
                changed = changed_between(parent, document)
        except (CorruptDataError, UnsupportedFormatError):
            parent = None  # its own summary names the file
        ts = str(document.checkpoint.get("ts") or "")
        step = metadata.get("step")
        return CheckpointSummary(
            checkpoint_id=document.checkpoint_id,
            checkpoint_ns=document.checkpoint_ns,
            parent_checkpoint_id=parent_id,
            ts=ts,
            step=step if isinstance(step, int) else None,
            source=str(metadata.get("source") or ""),
            nodes=nodes,
            channels_changed=changed,
            duration_seconds=seconds_between(parent, document),
            bytes=size,
            is_latest=is_latest,
            is_late=repository.is_late(thread_id, document),
        )

    def artifact_bytes(self, thread_id: str, path: str) -> bytes:
        """Return the content of an artifact, verified; raises CorruptDataError where it is missing or damaged."""
        files = self.repository.artifacts
        name = layout.artifact_name(path)
        if name is None:
            raise NotFoundError(f"{path!r} is no artifact: give artifacts/<sha256>.<extension>", wanted=path)
        files.confine(thread_id)
        return self.repository.formats.content(files.read(thread_id, name), name)


class PlainCodec(Codec):
    """Gives `_reading` plain values in place of revived ones."""

    def __init__(self, values: PlainValues) -> None:
        super().__init__(JsonSerializer())
        self._values = values

    def reading(self, references: Any) -> Codec:  # noqa: ARG002 the values know their artifacts
        """Return itself."""
        return self

    def _opened(self, raw: Any, where: str) -> Any:  # noqa: ARG002 the contract's name
        return self._values.plain(raw)

    def _revive(self, raw: Any, where: str) -> Any:  # noqa: ARG002 the contract's name
        return self._values.plain(raw)


def _holder_of(lock: LockInfo | None) -> Holder | None:
    if lock is None or lock.is_over:
        return None
    return Holder(lock.pid, lock.host, lock.acquired_at, lock.expires_at)


def nearest(wanted: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return up to three names that look like the wanted one: those that it begins, then those that are spelled much like it."""
    begun = [name for name in names if wanted and name.startswith(wanted)][:3]
    alike = get_close_matches(wanted, names, n=3) if len(names) <= 20_000 else []
    return tuple(dict.fromkeys([*begun, *alike]))[:3]


def _told(near: Sequence[str]) -> str:
    return f": did you mean {' or '.join(map(repr, near))}?" if near else ""
