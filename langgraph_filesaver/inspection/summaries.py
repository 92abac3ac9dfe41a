"""All threads at a glance, the one that was changed last first.

The order needs one listing per thread and no document: LangGraph's ids tell when they were made. So a first page is quick
however many threads there are. A summary then takes the latest checkpoint, what is written to it, and one walk over the
thread's folder.

What would break it: a thread that is removed meanwhile, which is left out; a damaged one, which is told with its file, and hides no
other thread.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._artifacts import MissingArtifactError
from langgraph_filesaver._documents import CheckpointDocument
from langgraph_filesaver.errors import CorruptDataError, StorageError, UnsupportedFormatError
from langgraph_filesaver.inspection.inspector import Inspector
from langgraph_filesaver.inspection.progress import Progress, status_of
from langgraph_filesaver.inspection.records import ThreadSummary
from langgraph_filesaver.inspection.steps import instant_of, made_at

__all__ = ["STATUSES", "oldest_allowed", "summaries", "summary_of"]

STATUSES = ("running", "interrupted", "failed", "pending", "done", "unknown")

_LOOKS = 20
_NEVER = datetime.min.replace(tzinfo=timezone.utc)
_NOTHING_KNOWN = Progress(None, (), (), (), None)


def oldest_allowed(older_than: timedelta | datetime | None) -> datetime | None:
    """Return the instant before which a thread must have been changed; None for any.

    Raises:
        TypeError: It is neither a span nor an instant: a bare number does not tell its unit.
        ValueError: An instant without a time zone.
    """
    if older_than is None:
        return None
    if isinstance(older_than, timedelta):
        try:
            return datetime.now(timezone.utc) - older_than
        except OverflowError:  # longer ago than there are dates
            return _NEVER
    if not isinstance(older_than, datetime):
        raise TypeError(f"older_than={older_than!r}: give a timedelta, such as timedelta(days=7), or a datetime")
    if older_than.tzinfo is None:
        raise ValueError(f"older_than={older_than!r} has no time zone: give it one, such as timezone.utc")
    return older_than


def summaries(
    inspector: Inspector,
    statuses: Collection[str] | None,
    before: datetime | None,
    looked: Callable[[], None] | None = None,
) -> Iterator[ThreadSummary]:
    """Yield where each thread stands, the one that was changed last first.

    Args:
        inspector: Reads them.
        statuses: Only threads of these; None for all.
        before: Only threads that were last changed before it; None for all.
        looked: Called after each thread that was looked at.
    """
    for thread_id, at in _newest_first(inspector):
        if before is None or at < before:
            summary = summary_of(inspector, thread_id)
            if looked is not None:
                looked()
            if summary is not None and (statuses is None or summary.status in statuses):
                yield summary


def _newest_first(inspector: Inspector) -> list[tuple[str, datetime]]:
    repository = inspector.repository
    found = []
    for thread_id in repository.thread_ids():
        names = repository.store.list(layout.checkpoints_folder(layout.thread_folder(thread_id), layout.ROOT_NAMESPACE))
        # The name that sorts last is that of the latest, but for odd ids, which `_latest_at` reads.
        at = instant_of(names[-1][:-5]) if names and names[-1].endswith(".json") else None
        if at is not None:
            found.append((thread_id, at))
        else:
            namespaces = repository.namespaces(thread_id)
            if namespaces:  # else no thread, for there is no checkpoint
                root = [""] if "" in namespaces else namespaces
                found.append((thread_id, max(_latest_at(inspector, thread_id, each) for each in root)))
    return sorted(found, key=lambda each: each[1], reverse=True)


def _latest_at(inspector: Inspector, thread_id: str, checkpoint_ns: str) -> datetime:
    try:
        document = inspector.repository.latest(thread_id, checkpoint_ns)
    except (CorruptDataError, UnsupportedFormatError):  # which its summary tells of
        document = None
    return (made_at(document) if document else None) or _NEVER


class _Standing(NamedTuple):
    """What the latest checkpoint of a thread tells."""

    document: CheckpointDocument | None
    progress: Progress
    step: int | None
    damage: str | None = None


def summary_of(inspector: Inspector, thread_id: str) -> ThreadSummary | None:
    """Return where a thread stands, or None where it has no checkpoint. Damage is told, and hides no other thread."""
    folder, holder = layout.thread_folder(thread_id), None
    try:
        holder = inspector.holder(thread_id)
        standing = _standing(inspector, thread_id)
        created_at = _first_at(inspector, thread_id)
    except (CorruptDataError, UnsupportedFormatError) as error:
        standing, created_at = _Standing(None, _NOTHING_KNOWN, None, str(error)), None
    size = artifacts = 0
    namespaces: dict[str, int] = {}
    for entry in inspector.repository.store.tree(folder):
        size += entry.bytes
        kind, _, rest = entry.key[len(folder) + 1 :].partition("/")
        if kind == "artifacts":
            artifacts += layout.is_artifact_name(rest)
        elif kind == "checkpoints":
            ns_name, _, name = rest.partition("/")
            if name.endswith(".json") and layout.is_name(name[:-5]):
                namespaces[ns_name] = namespaces.get(ns_name, 0) + 1
    document, progress = standing.document, standing.progress
    if document is None and not namespaces:
        return None
    seen = document.checkpoint.get("versions_seen") if document else None
    nodes = [name for name in seen if not name.startswith("__")] if isinstance(seen, dict) else []
    return ThreadSummary(
        thread_id=thread_id,
        status=status_of(progress, is_running=holder is not None),
        step=standing.step,
        next=progress.next,
        nodes_completed=tuple(dict.fromkeys([*nodes, *progress.finished])),
        interrupts=progress.interruptions,
        errors=progress.failures,
        created_at=created_at,
        updated_at=made_at(document) if document else None,
        checkpoints=sum(namespaces.values()),
        namespaces=len(namespaces),
        bytes=size,
        artifacts=artifacts,
        holder=holder,
        checkpoint_id=document.checkpoint_id if document else None,
        damage=standing.damage,
    )


def _standing(inspector: Inspector, thread_id: str) -> _Standing:
    repository = inspector.repository
    for _ in range(_LOOKS):
        found = repository.load_latest(thread_id, "")
        if found is None:
            return _Standing(None, _NOTHING_KNOWN, None)
        values = inspector.plain_values(thread_id)
        try:
            progress = inspector.progress(thread_id, found, values)
            step = inspector.metadata(found.document, values).get("step")
        except MissingArtifactError:  # removed together with the checkpoint, or damage
            if found == repository.load(thread_id, "", found.document.checkpoint_id):
                raise
        else:
            return _Standing(found.document, progress, step if isinstance(step, int) else None)
    raise StorageError(f"thread {thread_id!r} changes faster than it can be read: try again")


def _first_at(inspector: Inspector, thread_id: str) -> datetime | None:
    ids = inspector.repository.checkpoint_ids(thread_id, "")
    if not ids:
        return None
    at = instant_of(ids[0])
    if at is None:
        document = inspector.repository.read_checkpoint(thread_id, "", ids[0])
        at = made_at(document) if document else None
    return at
