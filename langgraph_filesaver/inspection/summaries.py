"""All threads at a glance, the one that was changed last first.

The order needs one listing per thread and no document: LangGraph's ids tell when they were made. So a first page is quick
however many threads there are. A summary then takes the latest checkpoint, what is written to it, and one walk over the
thread's folder.

What would break it: a thread that is removed meanwhile, which is left out; a damaged one, which is an error that names its file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta, timezone

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._artifacts import MissingArtifactError
from langgraph_filesaver.inspection.inspector import Inspector, instant_of, made_at
from langgraph_filesaver.inspection.progress import Progress, status_of
from langgraph_filesaver.inspection.records import Holder, ThreadSummary

__all__ = ["STATUSES", "oldest_allowed", "summaries", "summary_of"]

STATUSES = ("running", "interrupted", "failed", "pending", "done", "unknown")

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
        return datetime.now(timezone.utc) - older_than
    if not isinstance(older_than, datetime):
        raise TypeError(f"older_than={older_than!r}: give a timedelta, such as timedelta(days=7), or a datetime")
    if older_than.tzinfo is None:
        raise ValueError(f"older_than={older_than!r} has no time zone: give it one, such as timezone.utc")
    return older_than


def summaries(
    inspector: Inspector, statuses: Collection[str] | None, before: datetime | None
) -> Iterator[ThreadSummary]:
    """Yield where each thread stands, the one that was changed last first.

    Args:
        inspector: Reads them.
        statuses: Only threads of these; None for all.
        before: Only threads that were last changed before it; None for all.
    """
    holders = inspector.holders()
    for thread_id, at in _newest_first(inspector):
        if before is None or at < before:
            summary = summary_of(inspector, thread_id, holders.get(thread_id))
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
    document = inspector.repository.latest(thread_id, checkpoint_ns)
    return (made_at(document) if document else None) or _NEVER


def summary_of(inspector: Inspector, thread_id: str, holder: Holder | None) -> ThreadSummary | None:
    """Return where a thread stands, or None where it has no checkpoint.

    Raises:
        CorruptDataError: A file that tells it is damaged; it is named.
    """
    repository, folder = inspector.repository, layout.thread_folder(thread_id)
    found = repository.load_latest(thread_id, "")
    size = artifacts = 0
    namespaces: dict[str, list[str]] = {}
    for entry in repository.store.tree(folder):
        size += entry.bytes
        kind, _, rest = entry.key[len(folder) + 1 :].partition("/")
        if kind == "artifacts":
            artifacts += layout.is_artifact_name(rest)
        elif kind == "checkpoints":
            ns_name, _, name = rest.partition("/")
            if name.endswith(".json") and layout.is_name(name[:-5]):
                namespaces.setdefault(ns_name, []).append(name[:-5])
    if found is None and not namespaces:
        return None
    progress, metadata, document = _NOTHING_KNOWN, {}, None
    if found is not None:
        values, document = inspector.plain_values(thread_id), found.document
        try:
            progress = inspector.progress(thread_id, found, values)
            metadata = inspector.metadata(document, values)
        except MissingArtifactError:
            if found == repository.load(thread_id, "", document.checkpoint_id):
                raise
            return summary_of(inspector, thread_id, holder)
    seen = document.checkpoint.get("versions_seen") if document else None
    nodes = [name for name in seen if not name.startswith("__")] if isinstance(seen, dict) else []
    step = metadata.get("step")
    return ThreadSummary(
        thread_id=thread_id,
        status=status_of(progress, is_running=holder is not None),
        step=step if isinstance(step, int) else None,
        next=progress.next,
        nodes_completed=tuple(dict.fromkeys([*nodes, *progress.finished])),
        interrupts=progress.interruptions,
        errors=progress.failures,
        created_at=_first_at(inspector, thread_id),
        updated_at=made_at(document) if document else None,
        checkpoints=sum(map(len, namespaces.values())),
        namespaces=len(namespaces),
        bytes=size,
        artifacts=artifacts,
        holder=holder,
        checkpoint_id=document.checkpoint_id if document else None,
    )


def _first_at(inspector: Inspector, thread_id: str) -> datetime | None:
    ids = inspector.repository.checkpoint_ids(thread_id, "")
    if not ids:
        return None
    at = instant_of(ids[0])
    if at is None:
        document = inspector.repository.read_checkpoint(thread_id, "", ids[0])
        at = made_at(document) if document else None
    return at
