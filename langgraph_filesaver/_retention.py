"""What may be deleted from a thread, and why the rest stays. Pure: facts in, a plan out, nothing is touched.

Rules, in the order in which they decide:

1. Every plan but `for_runs` keeps the head (greatest id) of each namespace, and every checkpoint without children that holds an
   interrupt nobody has answered. `for_runs` keeps all checkpoints but those of the runs, and of these the ones without
   children at which another run waits for an answer.
2. A subgraph call has a namespace of its own (`node:task_id`, the task id derives from the checkpoint that called). Once
   that checkpoint goes, nothing can resume the call, and its namespace goes whole. The namespace of a
   subgraph compiled with `checkpointer=True` has no `:` and stays; besides its head it keeps, for each kept checkpoint
   of the root graph, the newest one older than that, which is what the subgraph begins with when the root is replayed
   from there.
3. Whatever a kept checkpoint needs to rebuild its DeltaChannels stays, and stays listed: its ancestors back to the nearest
   one that stores a value of each such channel, with their writes. This holds for the ancestors kept so, too: no listed
   checkpoint ever shows less than its state.
4. A kept checkpoint whose parent goes gets no parent.
5. Writes whose checkpoint is not there may have come before it. `keep_latest` removes them where that checkpoint would be
   older than the head of its namespace, or of the root where the namespace is empty: a call that died has left them.

Which channels are DeltaChannels is not written down as such. A channel counts as one if LangGraph counts its updates
since a snapshot (`counters_since_delta_snapshot`), if a snapshot of it is stored, or if it was written and has a version
but was never stored. LangGraph's own channels (`branch:to:…`, `__…`) never count: they are ephemeral, and the checkpoint
that stores one may be gone, or never have been stored with durability "exit". To keep too much is harmless.

Sources: BaseCheckpointSaver.prune and get_delta_channel_history (langgraph-checkpoint 4.3); for rule 2 the behaviour of
PostgresSaver's pruning.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from langgraph.checkpoint.serde.types import INTERRUPT

__all__ = [
    "CheckpointFacts",
    "Plan",
    "Policy",
    "ThreadFacts",
    "WritesFacts",
    "delta_channels",
    "for_runs",
    "keep_latest",
    "plan",
]

_LANGGRAPHS_OWN = ("branch:to:", "__")

Place = tuple[str, str]
"""(checkpoint_ns, checkpoint_id)"""


@dataclass(frozen=True, slots=True)
class CheckpointFacts:
    """What a plan needs to know of a checkpoint.

    Attributes:
        place: Its namespace and id.
        parent_id: Id of its parent in the same namespace, or None.
        run_id: The run that made it, or None.
        calling: For a subgraph, the checkpoints of the graphs above it: `metadata["parents"]`.
        versioned: Channels that have a version.
        stored: Channels whose value the checkpoint stores.
        delta: Channels that are DeltaChannels by what this checkpoint tells.
        is_late: Whether it stands behind a fence: a fork, and no head.
        made_at: When it was made, or None where it does not tell.
    """

    place: Place
    parent_id: str | None
    run_id: str | None
    calling: frozenset[Place]
    versioned: frozenset[str]
    stored: frozenset[str]
    delta: frozenset[str]
    is_late: bool = False
    made_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WritesFacts:
    """What a plan needs to know of a writes file."""

    key: str
    place: Place
    run_id: str | None
    channels: frozenset[str]

    @property
    def task(self) -> str:
        """What the keys of all files of one task at one checkpoint begin with."""
        return self.key.rsplit(".", 2)[0]


@dataclass(frozen=True, slots=True)
class ThreadFacts:
    """What a plan needs to know of a thread."""

    checkpoints: Mapping[Place, CheckpointFacts]
    writes: Collection[WritesFacts]


@dataclass(slots=True)
class Plan:
    """What to do with a thread.

    Attributes:
        remove: Checkpoints to remove, with all writes on them; newest first.
        without_parent: Kept checkpoints that lose their parent.
        empty_writes: Keys of writes files, on kept checkpoints, whose writes go while the file's number stays taken.
        remove_writes: Keys of writes files whose checkpoint never came.
        kept: Why each kept checkpoint stays.
    """

    remove: list[Place] = field(default_factory=list)
    without_parent: list[Place] = field(default_factory=list)
    empty_writes: list[str] = field(default_factory=list)
    remove_writes: list[str] = field(default_factory=list)
    kept: dict[Place, str] = field(default_factory=dict)

    @property
    def changes_nothing(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.remove or self.without_parent or self.empty_writes or self.remove_writes)


@dataclass(frozen=True, slots=True)
class Policy:
    """Which checkpoints stay beside those that the rules keep. One that any of these keeps, stays; without any, only those do.

    Attributes:
        keep_last: The newest of each namespace: how many.
        made_before: Those that were made at this instant or later, or do not tell when. It has a time zone.
        keep_per_run: The newest of each run: how many.
    """

    keep_last: int | None = None
    made_before: datetime | None = None
    keep_per_run: int | None = None


def plan(thread: ThreadFacts, policy: Policy) -> Plan:
    """Plan to keep what a policy and the rules 1 to 5 keep."""
    return _plan_to_keep(thread, _wanted(thread, policy))


def keep_latest(thread: ThreadFacts) -> Plan:
    """Plan to keep of each namespace its head and what it needs (rules 1 to 5)."""
    return _plan_to_keep(thread, {})


def _wanted(thread: ThreadFacts, policy: Policy) -> dict[Place, str]:
    wanted: dict[Place, str] = {}
    groups: defaultdict[tuple[str, ...], list[Place]] = defaultdict(list)
    for facts in thread.checkpoints.values():
        groups["namespace", facts.place[0]].append(facts.place)
        groups["run", facts.place[0], facts.run_id or ""].append(facts.place)
        if policy.made_before is not None and (facts.made_at is None or facts.made_at >= policy.made_before):
            wanted[facts.place] = "younger than asked for"
    for group, places in groups.items():
        count = policy.keep_last if group[0] == "namespace" else policy.keep_per_run
        of_what = "its namespace" if group[0] == "namespace" else "its run"
        for place in sorted(places, reverse=True)[: count or 0]:
            wanted.setdefault(place, f"one of the last {count} of {of_what}")
    return wanted


def _plan_to_keep(thread: ThreadFacts, wanted: Mapping[Place, str]) -> Plan:
    kept: dict[Place, str] = {}
    by_namespace: defaultdict[str, list[CheckpointFacts]] = defaultdict(list)
    for facts in thread.checkpoints.values():
        by_namespace[facts.place[0]].append(facts)
    heads = {
        checkpoint_ns: max((not facts.is_late, facts.place[1]) for facts in many)[1]
        for checkpoint_ns, many in by_namespace.items()
    }
    interrupted = {writes.place for writes in thread.writes if INTERRUPT in writes.channels}
    delta = delta_channels(thread)
    # Calling graphs before the called: whether a call can still be resumed depends on what is kept above it.
    for checkpoint_ns in sorted(by_namespace, key=lambda ns: (ns.count("|"), bool(ns), ns)):
        head = thread.checkpoints[checkpoint_ns, heads[checkpoint_ns]]
        if not _can_resume(head, thread, kept, heads):
            continue
        parents = {(checkpoint_ns, facts.parent_id) for facts in by_namespace[checkpoint_ns]}
        kept[head.place] = "head of its namespace"
        for facts in by_namespace[checkpoint_ns]:
            if facts.place in interrupted and facts.place not in parents:
                kept.setdefault(facts.place, "holds an unanswered interrupt")
            if facts.place in wanted:
                kept.setdefault(facts.place, wanted[facts.place])
        if checkpoint_ns and ":" not in checkpoint_ns:
            _keep_memory(kept, checkpoint_ns, sorted(facts.place[1] for facts in by_namespace[checkpoint_ns]))
        _keep_ancestors(thread, kept, checkpoint_ns, delta[checkpoint_ns])
    plan = _plan(thread, kept)
    for writes in thread.writes:
        # A checkpoint older than the newest that is there comes no more: a call that died left its writes behind.
        if writes.place not in thread.checkpoints and writes.place[1] < heads.get(writes.place[0], heads.get("", "")):
            plan.remove_writes.append(writes.key)
    return plan


def for_runs(thread: ThreadFacts, run_ids: Collection[str]) -> Plan:
    """Plan to remove the checkpoints and writes of some runs, but what the remaining checkpoints need."""
    kept = {facts.place: "of another run" for facts in thread.checkpoints.values() if facts.run_id not in run_ids}
    waited_on = _waited_on_by_others(thread, run_ids)
    kept |= dict.fromkeys(waited_on, "another run waits on it")
    needed: set[tuple[Place, str]] = set()
    for checkpoint_ns, delta in delta_channels(thread).items():
        needed |= _keep_ancestors(thread, kept, checkpoint_ns, delta)
    plan = _plan(thread, kept)
    for writes in thread.writes:
        if writes.run_id not in run_ids:
            continue
        if writes.place not in thread.checkpoints:
            # Where another run's files of the task stay, the number stays taken: a later call must not come before them.
            others = any(other.run_id not in run_ids and other.task == writes.task for other in thread.writes)
            (plan.empty_writes if others else plan.remove_writes).append(writes.key)
        elif (
            writes.place in kept
            and writes.place not in waited_on
            and not any((writes.place, channel) in needed for channel in writes.channels)
        ):
            plan.empty_writes.append(writes.key)
    return plan


def _waited_on_by_others(thread: ThreadFacts, run_ids: Collection[str]) -> set[Place]:
    """Return checkpoints of the runs, without children, at which another run has asked and waits for its answer."""
    parents = {(facts.place[0], facts.parent_id) for facts in thread.checkpoints.values()}
    return {
        writes.place
        for writes in thread.writes
        if INTERRUPT in writes.channels
        and writes.run_id is not None
        and writes.run_id not in run_ids
        and writes.place not in parents
        and writes.place in thread.checkpoints
        and thread.checkpoints[writes.place].run_id in run_ids
    }


def _can_resume(
    head: CheckpointFacts, thread: ThreadFacts, kept: Mapping[Place, str], heads: Mapping[str, str]
) -> bool:
    if ":" not in head.place[0]:
        return True
    for calling_ns, calling_id in head.calling:
        if (calling_ns, calling_id) in kept:
            continue
        # A caller that is not here was pruned before, unless it is newer than all we know: then it is still to come.
        if (calling_ns, calling_id) in thread.checkpoints or calling_id < heads.get(calling_ns, ""):
            return False
    return True


def _keep_memory(kept: dict[Place, str], checkpoint_ns: str, ids: list[str]) -> None:
    for root_id in [checkpoint_id for ns, checkpoint_id in kept if ns == ""]:
        older = bisect_left(ids, root_id)
        if older:
            kept.setdefault((checkpoint_ns, ids[older - 1]), f"memory of the subgraph when {root_id} was made")


def delta_channels(thread: ThreadFacts) -> Mapping[str, frozenset[str]]:
    """Return the DeltaChannels of each namespace, as far as the thread tells."""
    told: defaultdict[str, set[str]] = defaultdict(set)
    stored: defaultdict[str, set[str]] = defaultdict(set)
    versioned: defaultdict[str, set[str]] = defaultdict(set)
    written: defaultdict[str, set[str]] = defaultdict(set)
    for facts in thread.checkpoints.values():
        checkpoint_ns = facts.place[0]
        told[checkpoint_ns] |= facts.delta
        stored[checkpoint_ns] |= facts.stored
        versioned[checkpoint_ns] |= facts.versioned
    for writes in thread.writes:
        written[writes.place[0]] |= {name for name in writes.channels if not name.startswith(_LANGGRAPHS_OWN)}
    return {ns: frozenset(told[ns] | ((written[ns] & versioned[ns]) - stored[ns])) for ns in versioned}


def _keep_ancestors(
    thread: ThreadFacts, kept: dict[Place, str], checkpoint_ns: str, delta: frozenset[str]
) -> set[tuple[Place, str]]:
    """Add to `kept` what its members in a namespace need (rule 3); return the (place, channel) replayed for them."""
    needed: set[tuple[Place, str]] = set()
    waiting = [
        (facts, _missing(facts, delta))
        for facts in (thread.checkpoints[place] for place in kept if place[0] == checkpoint_ns)
    ]
    while waiting:
        facts, wanted = waiting.pop()
        ancestor = _parent(thread, facts)
        if ancestor is None:
            continue
        # A channel that is replayed here for another checkpoint is on its way up already.
        wanted = frozenset(channel for channel in wanted if (ancestor.place, channel) not in needed)
        if not wanted:
            continue
        needed.update((ancestor.place, channel) for channel in wanted)
        onward = wanted - ancestor.stored
        if ancestor.place not in kept:
            kept[ancestor.place] = _needed_for(ancestor, wanted, facts)
            onward |= _missing(ancestor, delta)
        waiting.append((ancestor, onward))
    return needed


def _needed_for(ancestor: CheckpointFacts, wanted: frozenset[str], facts: CheckpointFacts) -> str:
    seeds = sorted(wanted & ancestor.stored)
    if not seeds:
        return f"needed to rebuild {', '.join(sorted(wanted))} of {facts.place[1]}"
    names = ", ".join(f"`{channel}`" for channel in seeds)
    return f"seed of delta channel{'s' * (len(seeds) > 1)} {names} of {facts.place[1]}"


def _missing(facts: CheckpointFacts, delta: frozenset[str]) -> frozenset[str]:
    return (delta & facts.versioned) - facts.stored


def _parent(thread: ThreadFacts, facts: CheckpointFacts) -> CheckpointFacts | None:
    return None if facts.parent_id is None else thread.checkpoints.get((facts.place[0], facts.parent_id))


def _plan(thread: ThreadFacts, kept: dict[Place, str]) -> Plan:
    return Plan(
        remove=sorted((place for place in thread.checkpoints if place not in kept), key=_newest_first, reverse=True),
        without_parent=_lost_parent(thread, kept),
        kept=kept,
    )


def _lost_parent(thread: ThreadFacts, kept: Iterable[Place]) -> list[Place]:
    survivors = set(kept)
    facts = (thread.checkpoints[place] for place in survivors)
    return [
        each.place for each in facts if each.parent_id is not None and (each.place[0], each.parent_id) not in survivors
    ]


def _newest_first(place: Place) -> tuple[str, str]:
    return (place[1], place[0])
