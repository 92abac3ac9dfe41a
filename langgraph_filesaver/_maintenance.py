"""Prune, delete and copy: surveys a thread, asks `_retention` for a plan, and carries it out under the thread's lock.

Order of carrying out: kept checkpoints lose their parents first, then checkpoints go, newest first, then writes: a
checkpoint that is still to go may need the writes on one that stays. After a crash in between, every checkpoint that is
left is whole and shows its whole state, and repeating the call completes it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection
from datetime import datetime, timezone
from typing import Any

from langgraph_filesaver import _layout as layout
from langgraph_filesaver import _retention as retention
from langgraph_filesaver._artifacts import Incoming
from langgraph_filesaver._codec import Codec
from langgraph_filesaver._documents import CheckpointDocument
from langgraph_filesaver._repository import Repository
from langgraph_filesaver.errors import CorruptDataError

__all__ = ["copy_thread", "delete_for_runs", "delete_thread", "facts_of", "keep_latest", "prune_by"]

_SNAPSHOT = "_DeltaSnapshot"


def delete_thread(repository: Repository, thread_id: str) -> None:
    """Remove a thread; a missing one is fine."""
    with repository.maintaining(thread_id):
        repository.delete_thread(thread_id)


def copy_thread(
    repository: Repository, source_id: str, target_id: str, copied: Callable[[], None] | None = None
) -> None:
    """Copy a thread into another; what the target has already, it keeps. A missing source copies nothing.

    `copied` is called after each file.
    """
    if source_id == target_id:
        return
    with contextlib.ExitStack() as locks:
        for thread_id in sorted((source_id, target_id)):  # the same order everywhere: no two copies wait for each other
            is_source = thread_id == source_id  # which is only read
            locks.enter_context(
                repository.locks.hold(thread_id, is_hasty=True) if is_source else repository.maintaining(thread_id)
            )
        repository.copy_thread(source_id, target_id, copied)


def keep_latest(repository: Repository, codec: Codec, thread_id: str) -> None:
    """Prune a thread to the newest checkpoint of each namespace and what that needs."""
    with repository.maintaining(thread_id):
        thread = survey(repository, codec, thread_id)
        _carry_out(repository, thread_id, retention.keep_latest(thread), thread)


def prune_by(
    repository: Repository,
    codec: Codec,
    thread_id: str,
    policy: retention.Policy,
    *,
    dry_run: bool,
    check: Callable[[], object],
) -> tuple[retention.Plan, list[str]]:
    """Prune a thread to what a policy keeps, or only plan it; return the plan and the keys of the files that go.

    `check` is called when nobody else has the thread; what it raises ends the call, and nothing is changed.
    """
    with contextlib.nullcontext() if dry_run else repository.maintaining(thread_id):
        check()
        thread = survey(repository, codec, thread_id)
        plan = retention.plan(thread, policy)
        doomed = _doomed(repository, thread_id, plan, thread)
        if not dry_run and not plan.changes_nothing:
            _carry_out(repository, thread_id, plan, thread)
        return plan, doomed


def delete_for_runs(repository: Repository, codec: Codec, thread_id: str, run_ids: Collection[str]) -> None:
    """Remove the checkpoints and writes of the runs from a thread, but what remaining checkpoints need."""
    with repository.locks.hold(thread_id, is_hasty=True):
        thread = survey(repository, codec, thread_id)
        if retention.for_runs(thread, run_ids).changes_nothing and not _orphans(repository, thread_id, thread, set()):
            return  # and nobody needs to be waited for
        repository.refuse_held(thread_id)
        thread = survey(repository, codec, thread_id)
        _carry_out(repository, thread_id, retention.for_runs(thread, run_ids), thread)


def survey(repository: Repository, codec: Codec, thread_id: str) -> retention.ThreadFacts:
    """Read what a plan needs to know of a thread.

    Raises:
        CorruptDataError: A file of the thread cannot be read: nothing is planned on half the facts.
    """
    codec = codec.reading(Incoming(repository.artifacts, thread_id, repository.formats))
    checkpoints: dict[retention.Place, retention.CheckpointFacts] = {}
    for checkpoint_ns in repository.namespaces(thread_id):
        for checkpoint_id in repository.checkpoint_ids(thread_id, checkpoint_ns):
            document = repository.read_checkpoint(thread_id, checkpoint_ns, checkpoint_id)
            if document is not None:
                with repository.naming_checkpoint(thread_id, document):
                    facts = facts_of(document, codec, is_late=repository.is_late(thread_id, document))
                checkpoints[facts.place] = facts
    writes = [
        retention.WritesFacts(
            key=key,
            place=(document.checkpoint_ns, document.checkpoint_id),
            run_id=document.run_id,
            channels=frozenset(write.channel for write in document.writes),
        )
        for key, document in repository.all_writes(thread_id)
    ]
    return retention.ThreadFacts(checkpoints, writes)


def facts_of(document: CheckpointDocument, codec: Codec, *, is_late: bool) -> retention.CheckpointFacts:
    """Return what a plan needs to know of a checkpoint; raises CorruptDataError where its metadata are not LangGraph's."""
    metadata = codec.metadata(document)
    counters, run_id = metadata.get("counters_since_delta_snapshot") or {}, metadata.get("run_id")
    snapshots = {channel for channel, raw in document.state.items() if _is_snapshot(raw)}
    return retention.CheckpointFacts(
        place=(document.checkpoint_ns, document.checkpoint_id),
        parent_id=document.parent_checkpoint_id,
        run_id=None if run_id is None else str(run_id),
        calling=_calling(metadata.get("parents") or {}),
        versioned=codec.versioned(document),
        stored=frozenset(document.state),
        delta=frozenset(counters) | snapshots,
        is_late=is_late,
        made_at=_instant(document.checkpoint.get("ts")),
    )


def _instant(ts: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(ts).replace("Z", "+00:00"))
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=timezone.utc)


def _calling(parents: Any) -> frozenset[retention.Place]:
    if not isinstance(parents, dict) or not all(isinstance(each, str) for pair in parents.items() for each in pair):
        raise CorruptDataError("expected an object of namespaces and checkpoint ids", where='metadata["parents"]')
    return frozenset(parents.items())


def _is_snapshot(raw: Any) -> bool:
    return isinstance(raw, dict) and str(raw.get("$type", "")).endswith(_SNAPSHOT)


def _carry_out(repository: Repository, thread_id: str, plan: retention.Plan, thread: retention.ThreadFacts) -> None:
    for checkpoint_ns, checkpoint_id in plan.without_parent:
        repository.rewrite(layout.checkpoint_key(thread_id, checkpoint_ns, checkpoint_id), _set("parent_checkpoint_id"))
    # Durably before their writes go: a power cut must not leave a checkpoint that has lost its writes.
    repository.store.delete(layout.checkpoint_key(thread_id, *place) for place in plan.remove)
    for key in plan.empty_writes:
        repository.rewrite(key, _set("writes", []))
    if repository.store.is_far and plan.remove:
        repository.store.delete(layout.claim_key(thread_id, *place) for place in plan.remove)
    gone = set(plan.remove)
    repository.store.delete([*plan.remove_writes, *(writes.key for writes in thread.writes if writes.place in gone)])
    repository.store.delete(_orphans(repository, thread_id, thread, gone))


def _doomed(repository: Repository, thread_id: str, plan: retention.Plan, thread: retention.ThreadFacts) -> list[str]:
    gone = set(plan.remove)
    return [
        *(layout.checkpoint_key(thread_id, *place) for place in plan.remove),
        *plan.remove_writes,
        *(writes.key for writes in thread.writes if writes.place in gone),
        *(_orphans(repository, thread_id, thread, gone) if gone else ()),
    ]


def _orphans(
    repository: Repository, thread_id: str, thread: retention.ThreadFacts, gone: Collection[retention.Place]
) -> list[str]:
    """Return the keys of what checkpoints were before they were corrected, where those are gone."""
    there = {
        (layout.namespace_name(place[0]), layout.name_of(place[1])) for place in thread.checkpoints if place not in gone
    }
    return [key for key, name in repository.edits(thread_id) if (name.ns_name, name.checkpoint_name) not in there]


def _set(field: str, value: Any = None) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        document[field] = value

    return change
