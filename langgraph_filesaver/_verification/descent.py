"""Which checkpoints cannot show their state once others are lost, and what becomes of parents. Pure, on the facts of retention.

A channel whose value follows from the writes of ancestors (LangGraph's DeltaChannel) needs each ancestor back to the nearest one that
stores it, and their writes ([O11]). Lost checkpoints are known by the names of their files, for their ids may be unreadable.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._retention import CheckpointFacts, Place, ThreadFacts, delta_channels

__all__ = ["Names", "cut_off", "names_of", "new_parents"]

Names = tuple[str, str]
"""The names of a namespace and of a checkpoint in it."""


def names_of(place: Place) -> Names:
    """Return the names of a checkpoint's folder and file."""
    return layout.namespace_name(place[0]), layout.name_of(place[1])


def cut_off(
    thread: ThreadFacts, lost: Collection[Names], without_writes: Collection[Names]
) -> dict[Place, frozenset[str]]:
    """Return the checkpoints that cannot show their state, and the channels that they lack.

    Args:
        thread: What can be read and is to stay.
        lost: The checkpoints that go.
        without_writes: The checkpoints of which some writes are lost.
    """
    delta = delta_channels(thread)
    found: dict[Place, frozenset[str]] = {}
    gone = set(lost)
    is_done = False
    while (
        not is_done
    ):  # parents have smaller ids, so the second look finds nothing more, but for what a person has made
        is_done = True
        for place in sorted(thread.checkpoints):
            facts = thread.checkpoints[place]
            needed = (delta.get(place[0], frozenset()) & facts.versioned) - facts.stored
            if place in found or not needed or facts.parent_id is None:
                continue
            parent = names_of((place[0], facts.parent_id))
            if parent in gone or parent in without_writes:
                found[place] = needed
                gone.add(names_of(place))
                is_done = False
    return found


def new_parents(
    stay: Mapping[Place, CheckpointFacts], lost: Mapping[Names, str | None], *, is_nearest: bool
) -> dict[Place, str | None]:
    """Return the new parents of the checkpoints that stay and whose parent goes.

    Args:
        stay: The checkpoints that stay.
        lost: Those that go, with the ids of their parents as far as these can still be read.
        is_nearest: Whether the nearest ancestor that stays becomes the parent; else none does.
    """
    found: dict[Place, str | None] = {}
    for place, facts in stay.items():
        parent_id, passed = facts.parent_id, set[str]()
        if parent_id is None or names_of((place[0], parent_id)) not in lost:
            continue
        while is_nearest and parent_id is not None and parent_id not in passed:
            passed.add(parent_id)
            names = names_of((place[0], parent_id))
            if names not in lost:
                break
            parent_id = lost[names]
        is_there = is_nearest and parent_id is not None and (place[0], parent_id) in stay and parent_id != place[1]
        found[place] = parent_id if is_there else None
    return found
