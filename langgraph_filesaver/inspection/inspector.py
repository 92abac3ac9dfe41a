"""One thread's files as the records of `records`: reads documents, and asks `progress`, `values` and `diff` what they mean.

Reads as LangGraph's own readers do (`_thread_files`): the latest is what a run would go on from, pending writes are folded, and
what a former owner of a lease published too late is a fork. Nothing is locked and nothing is kept between two calls: a record
tells what was there when it was made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from difflib import get_close_matches
from typing import Any

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._artifacts import Incoming, MissingArtifactError
from langgraph_filesaver._codec import Codec, parse_json
from langgraph_filesaver._documents import CheckpointDocument
from langgraph_filesaver._leases import LockInfo
from langgraph_filesaver._reading import Address, Reading
from langgraph_filesaver._repository import Repository
from langgraph_filesaver._serde import JsonSerializer
from langgraph_filesaver._thread_files import StoredCheckpoint
from langgraph_filesaver.errors import NotFoundError, StorageError
from langgraph_filesaver.inspection.progress import Progress, progress_of, status_of
from langgraph_filesaver.inspection.records import CheckpointSummary, Holder, State
from langgraph_filesaver.inspection.values import PlainValues

__all__ = ["Inspector", "instant_of", "made_at", "nearest"]

_LOOKS = 20
_UUID6_EPOCH = 0x01B21DD213814000  # between 1582 and 1970, in 100 ns: RFC 9562, section 5.6
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MACHINERY = ("branch:to:", "join:", "__")
_NEITHER_NODE = frozenset({"__input__", "__interrupt__"})


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

        def unsealed(raw: dict[str, Any]) -> Any:  # as our own serde would have written it
            return parse_json(JsonSerializer().dump(codec.write("", raw)))

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

    def holders(self) -> dict[str, Holder]:
        """Return who has which thread now."""
        found = ((each.thread_id, _holder_of(each)) for each in self.repository.leases.listing())
        return {thread_id: holder for thread_id, holder in found if holder is not None}

    def state(
        self, thread_id: str, checkpoint_ns: str, checkpoint_id: str | None, values: PlainValues | None = None
    ) -> State:
        """Return what a thread knew at a checkpoint, by `values` where a caller reads many; raises as `load` does."""
        values = values or self.plain_values(thread_id)
        for _ in range(_LOOKS):
            found = self.load(thread_id, checkpoint_ns, checkpoint_id)
            try:
                return self._state(thread_id, found, values)
            except MissingArtifactError:  # removed together with the checkpoint, or damage
                if found == self.repository.load(thread_id, checkpoint_ns, found.document.checkpoint_id):
                    raise
        raise StorageError(f"thread {thread_id!r} changes faster than it can be read: try again")

    def _state(self, thread_id: str, found: StoredCheckpoint, values: PlainValues) -> State:
        document = found.document
        with self.repository.naming_checkpoint(thread_id, document):
            metadata = self.metadata(document, values)
            shown = {
                name: value
                for name, value in values.channels(document.state).items()
                if not (name.startswith(_MACHINERY) and name not in ("__root__", "__end__", "__previous__"))
            }
        progress = self.progress(thread_id, found, values)
        counters = metadata.get("counters_since_delta_snapshot")
        unknown = tuple(name for name in counters if name not in document.state) if isinstance(counters, dict) else ()
        if unknown:
            shown |= self._unfolded(thread_id, document, unknown, values)
        latest = self.repository.latest(thread_id, document.checkpoint_ns)
        is_latest = latest is not None and latest.checkpoint_id == document.checkpoint_id
        is_running = is_latest and self.holder(thread_id) is not None
        return State(
            thread_id,
            self.summary(thread_id, document, values, is_latest=is_latest),
            shown,
            status=status_of(progress, is_running=is_running),
            next=progress.next if is_latest else progress.tasks,
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
        parent = repository.read_checkpoint(*place, parent_id) if parent_id else None
        if size is None:
            status = repository.store.status(layout.checkpoint_key(*place, document.checkpoint_id))
            size = status.bytes if status else 0
        with repository.naming_checkpoint(thread_id, document):
            metadata = self.metadata(document, values)
        try:
            nodes = _nodes_between(parent, document, values, metadata.get("source"))
        except MissingArtifactError:  # removed together with the parent, or damage
            if parent_id and repository.read_checkpoint(*place, parent_id) == parent:
                raise
            nodes, parent = _nodes_between(None, document, values, metadata.get("source")), None
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
            channels_changed=_changed_between(parent, document),
            duration_seconds=_seconds_between(parent, ts),
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


def made_at(document: CheckpointDocument) -> datetime | None:
    """Return when a checkpoint was made, as LangGraph wrote it; None where that is no date."""
    try:
        at = datetime.fromisoformat(str(document.checkpoint.get("ts")).replace("Z", "+00:00"))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=timezone.utc)


def instant_of(checkpoint_id: str) -> datetime | None:
    """Return when an id was made, where it is a UUID of version 6 as LangGraph's are (RFC 9562, 5.6), else None."""
    if len(checkpoint_id) != 36 or checkpoint_id[14] != "6":
        return None
    try:
        ticks = int(checkpoint_id[:8] + checkpoint_id[9:13] + checkpoint_id[15:18], 16) - _UUID6_EPOCH
        return _EPOCH + timedelta(microseconds=ticks // 10)
    except (ValueError, OverflowError):
        return None


def _mapping(document: CheckpointDocument | None, field: str) -> dict[str, Any]:
    found = document.checkpoint.get(field) if document else None
    return found if isinstance(found, dict) else {}


def _nodes_between(
    parent: CheckpointDocument | None, document: CheckpointDocument, values: PlainValues, source: Any
) -> tuple[str, ...]:
    before, after = _mapping(parent, "versions_seen"), _mapping(document, "versions_seen")
    nodes = [name for name, seen in after.items() if seen != before.get(name) and name not in _NEITHER_NODE]
    # An update leaves what was sent as it is.
    if parent is not None and source == "loop" and "__pregel_tasks" in parent.state:
        sends = values.plain(parent.state["__pregel_tasks"])  # what was sent leaves no other trace in the versions
        if isinstance(sends, list):
            nodes += [str(each["node"]) for each in sends if isinstance(each, dict) and "node" in each]
    return tuple(dict.fromkeys(nodes))


def _changed_between(parent: CheckpointDocument | None, document: CheckpointDocument) -> tuple[str, ...]:
    before, after = _mapping(parent, "channel_versions"), _mapping(document, "channel_versions")
    names = [name for name in after if after[name] != before.get(name)]
    return tuple(name for name in names if not name.startswith(_MACHINERY))


def _seconds_between(parent: CheckpointDocument | None, ts: str) -> float | None:
    if parent is None:
        return None
    try:
        span = datetime.fromisoformat(ts.replace("Z", "+00:00")) - datetime.fromisoformat(
            str(parent.checkpoint.get("ts")).replace("Z", "+00:00")
        )
    except (TypeError, ValueError):  # no dates, or one with a time zone and one without
        return None
    return span.total_seconds()
