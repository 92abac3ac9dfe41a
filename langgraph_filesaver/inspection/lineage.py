"""Checkpoints as a tree that fits a page: forks, ends and the latest one are kept, long runs between them are folded. Pure.

Knows only the JSON of checkpoints (`CheckpointSummary.to_dict`). A parent that is not there makes a root, and so does one whose
parents run in a circle, as only a hand-edited file can: everything is shown once, and nothing is walked twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Knot", "branches", "knots"]

_UNFOLDED = 40
"""Checkpoints of which each is shown."""

_MOST_KNOTS = 250
_ENDS = 2


@dataclass(frozen=True, slots=True)
class Knot:
    """A checkpoint of the tree, or a run of folded ones.

    Attributes:
        parent: The index of the knot it follows, which is always smaller; None for a root.
        summary: The checkpoint; None for folded ones.
        folded: How many checkpoints are folded here.
    """

    parent: int | None
    summary: Mapping[str, Any] | None
    folded: int = 0


def branches(found: Sequence[Mapping[str, Any]]) -> tuple[list[int], list[list[int]]]:
    """Return the indexes of the roots, and for each checkpoint those of what was made from it, all in the order of `found`."""
    parents = _parents(found)
    children: list[list[int]] = [[] for _ in found]
    for at, parent in enumerate(parents):
        if parent is not None:
            children[parent].append(at)
    return [at for at, parent in enumerate(parents) if parent is None], children


def knots(found: Sequence[Mapping[str, Any]]) -> tuple[list[Knot], int]:
    """Return the tree, and how many of the oldest checkpoints were left out of it.

    Args:
        found: The checkpoints, oldest first.
    """
    parents = _parents(found)
    children = [0] * len(found)
    for parent in parents:
        if parent is not None:
            children[parent] += 1
    kept = _kept(found, parents, children)
    made: list[Knot] = []
    place: dict[int, int] = {}  # a checkpoint's index to its knot's
    for at in _in_order(parents):
        parent = parents[at]
        before = place.get(parent) if parent is not None else None
        if at in kept:
            made.append(Knot(before, found[at]))
        elif before is not None and made[before].summary is None:
            made[before] = Knot(made[before].parent, None, made[before].folded + 1)
            place[at] = before
            continue
        else:
            made.append(Knot(before, None, 1))
        place[at] = len(made) - 1
    return _newest(made)


def _parents(found: Sequence[Mapping[str, Any]]) -> list[int | None]:
    """Return for each checkpoint the index of its parent, or None; circles are opened."""
    index = {each.get("checkpoint_id"): at for at, each in enumerate(found)}
    parents = [index.get(each.get("parent_checkpoint_id")) for each in found]
    walked = [0] * len(found)  # the number of the walk that came by
    for start in range(len(found)):
        at: int | None = start
        while at is not None and not walked[at]:
            walked[at] = start + 1
            step = parents[at]
            if step is not None and walked[step] == start + 1:
                parents[at] = None
            at = parents[at]
    return parents


def _kept(found: Sequence[Mapping[str, Any]], parents: list[int | None], children: list[int]) -> set[int]:
    if len(found) <= _UNFOLDED:
        return set(range(len(found)))
    turns = {
        at
        for at, each in enumerate(found)
        if parents[at] is None or children[at] != 1 or each.get("is_latest") or children[parents[at] or 0] > 1
    }
    kept = set(turns)
    for turn in turns:
        at: int | None = turn
        for _ in range(_ENDS):  # what led to a turn is of interest, too
            at = parents[at] if at is not None else None
            if at is not None:
                kept.add(at)
    folded_parents = {parents[at] for at in range(len(found)) if at not in kept}
    return kept | {
        at for at in range(len(found)) if at not in kept and parents[at] in kept and at not in folded_parents
    }


def _in_order(parents: list[int | None]) -> list[int]:
    """Return the indexes so that a parent comes before its children, else in their own order."""
    done: set[int] = set()
    ordered: list[int] = []
    for start in range(len(parents)):
        path, at = [], start
        while at not in done:
            path.append(at)
            done.add(at)
            parent = parents[at]
            if parent is None:
                break
            at = parent
        ordered += reversed(path)
    return ordered


def _newest(made: list[Knot]) -> tuple[list[Knot], int]:
    gone = len(made) - _MOST_KNOTS
    if gone <= 0:
        return made, 0
    left_out = sum(each.folded or 1 for each in made[:gone])
    return [
        Knot(each.parent - gone if each.parent is not None and each.parent >= gone else None, each.summary, each.folded)
        for each in made[gone:]
    ], left_out
