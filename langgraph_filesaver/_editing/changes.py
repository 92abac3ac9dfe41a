"""What becomes of a checkpoint when channels of it get other values. Pure: documents in, a document out.

Knows what LangGraph reads from a checkpoint; knows no file and no JSON. Two ways:

- `followed`: a new checkpoint after the corrected one. As with LangGraph's own `update_state`, the changed channels get a new
  version; but no node is triggered by that: whoever had seen the version before has seen the new one. `updated_channels` stays,
  for LangGraph looks there for the nodes to run next, and they are the same.
- `replaced`: the same checkpoint with other values, where task ids that derive from its id must hold. No version changes, so
  nothing that LangGraph decides by versions does.

A DeltaChannel that is not in the state follows from the writes of ancestors. It can be set as a whole: a value in the state ends
the way up for this checkpoint and all that follow it, and LangGraph stores `Overwrite` in the same way. Not set, it is rebuilt
as before: the new checkpoint has the corrected one for its parent, and on that there are no writes.

What would break it: a channel of LangGraph's own that a person changes; a version of another type than the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from langgraph.checkpoint.serde.types import _DeltaSnapshot

from langgraph_filesaver._codec import Stored
from langgraph_filesaver._documents import CheckpointDocument
from langgraph_filesaver.errors import CorruptDataError, InvalidEditError

__all__ = ["Opened", "followed", "is_langgraphs_own", "replaced"]

_OWN_PREFIXES = ("branch:", "join:", "start:", "__")
_USERS_OWN = "__previous__"  # what a function of LangGraph's functional API has returned or saved
_COUNTERS = "counters_since_delta_snapshot"
_BUMPS = "__snapshot_bumps__"  # where LangGraph notes versions that are no news to a node

NextVersion = Callable[[Any, None], Any]


def is_langgraphs_own(channel: str) -> bool:
    """Tell whether a channel holds what LangGraph decides by, such as the node to run next."""
    return channel.startswith(_OWN_PREFIXES) and channel != _USERS_OWN


@dataclass(frozen=True, slots=True)
class Opened:
    """A checkpoint that may be corrected.

    Attributes:
        document: It, as it was parsed.
        metadata: Its metadata, revived.
        others: What LangGraph's checkpoint has beside id and state, revived.
    """

    document: CheckpointDocument
    metadata: Mapping[str, Any]
    others: Mapping[str, Any]

    @property
    def shown(self) -> dict[str, Any]:
        """The channels that a person may correct in the text, and their values as parsed JSON."""
        return {name: raw for name, raw in self.document.state.items() if not is_langgraphs_own(name)}

    @property
    def versions(self) -> dict[str, Any]:
        """The versions of the channels.

        Raises:
            CorruptDataError: There are none.
        """
        found = self.others.get("channel_versions")
        if not isinstance(found, dict):
            raise CorruptDataError("expected an object", where='checkpoint["channel_versions"]')
        return found

    @property
    def not_shown(self) -> list[str]:
        """The channels that have a version and no value here."""
        return sorted(name for name in self.versions if name not in self.document.state and not is_langgraphs_own(name))

    @property
    def rebuilt(self) -> frozenset[str]:
        """Those of `not_shown` that are DeltaChannels, as far as LangGraph has noted it."""
        counters = self.metadata.get(_COUNTERS)
        return frozenset(counters).intersection(self.not_shown) if isinstance(counters, dict) else frozenset()

    def refuse_others(self, channels: Iterable[str]) -> None:
        """Refuse channels that cannot be set.

        Raises:
            InvalidEditError: One is LangGraph's own, or none of this state.
        """
        settable = [*self.shown, *self.not_shown]
        for name in channels:
            if name in settable:
                continue
            if is_langgraphs_own(name):
                raise InvalidEditError(
                    f"channel {name!r} is LangGraph's own, which decides by it what runs next: use the graph's "
                    "update_state to change that"
                )
            near = get_close_matches(name, settable, n=3, cutoff=0.5)
            told = f"did you mean {' or '.join(map(repr, near))}?" if near else f"there are {sorted(settable)}."
            raise InvalidEditError(
                f"this state has no channel {name!r}: {told} One that was never written to can be set by the graph's "
                "update_state only"
            )

    def wrapped(self, channel: str, value: Any) -> Any:
        """Return a value as it is stored: that of a DeltaChannel as LangGraph's snapshot."""
        raw = self.document.state.get(channel)
        was_snapshot = isinstance(raw, dict) and str(raw.get("$type", "")).endswith(_DeltaSnapshot.__name__)
        if (was_snapshot or channel in self.rebuilt) and not isinstance(value, _DeltaSnapshot):
            return _DeltaSnapshot(value)
        return value

    def state_with(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the state for a new document: what is not among `values` as it stands in this one."""
        return {**{name: Stored(raw) for name, raw in self.document.state.items()}, **values}


def replaced(opened: Opened, values: Mapping[str, Any], *, edited_by: str) -> CheckpointDocument:
    """Return the same checkpoint with other values of some channels."""
    metadata = {**opened.metadata, "edited_by": edited_by}
    _count(metadata, opened, values, steps=0)
    return replace(opened.document, state=opened.state_with(values), metadata=metadata, checkpoint=opened.others)


def followed(
    opened: Opened,
    values: Mapping[str, Any],
    *,
    checkpoint_id: str,
    ts: str,
    edited_by: str,
    next_version: NextVersion,
) -> CheckpointDocument:
    """Return a new checkpoint after the corrected one, with other values of some channels and the same nodes to run next.

    Args:
        opened: The corrected one, which nothing hangs on: no writes, and no checkpoint of a called graph.
        values: The changed channels.
        checkpoint_id: The id of the new one.
        ts: The time, in ISO 8601.
        edited_by: Who did it.
        next_version: The saver's `get_next_version`.

    Raises:
        CorruptDataError: The versions are no versions of one kind.
    """
    # What a run copied into the metadata stays, so that the thread is found by it; but the correction is none of the run.
    metadata = {key: value for key, value in opened.metadata.items() if key not in ("run_id", "writes")}
    step = metadata.get("step")
    metadata |= {"source": "update", "step": step + 1 if type(step) is int else 0, "edited_by": edited_by}
    _count(metadata, opened, values, steps=1)
    versions = opened.versions
    try:
        version = next_version(max(versions.values(), default=None), None)
    except (TypeError, ValueError, AttributeError) as error:
        raise CorruptDataError(
            f"expected versions of one kind: {error}", where='checkpoint["channel_versions"]'
        ) from error
    others = {
        **opened.others,
        "ts": ts,
        "channel_versions": {**versions, **dict.fromkeys(values, version)},
        "versions_seen": _seen(opened, values, version),
    }
    return CheckpointDocument(
        checkpoint_ns=opened.document.checkpoint_ns,
        checkpoint_id=checkpoint_id,
        parent_checkpoint_id=opened.document.checkpoint_id,
        state=opened.state_with(values),
        metadata=metadata,
        checkpoint=others,
    )


def _count(metadata: dict[str, Any], opened: Opened, values: Mapping[str, Any], *, steps: int) -> None:
    """Go on with what LangGraph counts of each DeltaChannel since its last snapshot: (updates, steps)."""
    counters = metadata.get(_COUNTERS)
    if not isinstance(counters, dict):
        return
    stored = opened.document.state.keys() | values.keys()
    left = {
        name: (each[0], each[1] + steps) if name not in stored else each
        for name, each in counters.items()
        if name not in values
    }
    metadata[_COUNTERS] = left
    if not left:
        del metadata[_COUNTERS]


def _seen(opened: Opened, changed: Iterable[str], version: Any) -> dict[str, Any]:
    """Return `versions_seen` for which a new version of the changed channels is no news to anybody.

    It is marked as LangGraph marks versions that only a snapshot moved, so that which node ran last is told as before.
    """
    old_seen = opened.others.get("versions_seen") or {}
    seen = {node: dict(versions) for node, versions in old_seen.items() if node != _BUMPS}
    marks = dict(old_seen.get(_BUMPS, {}))
    for channel in changed:
        old = opened.versions.get(channel)
        # One without a value triggered nobody, and must not begin to.
        is_empty = channel not in opened.document.state and channel not in opened.rebuilt
        for node, versions in seen.items():
            if versions.get(channel) != old and not is_empty:
                continue  # this news still waits for it
            advanced, read = f"{node}|{channel}", f"{node}:{channel}"
            if channel in versions and marks.get(advanced) != versions[channel]:
                marks[read] = versions[channel]
            marks[advanced] = version
            versions[channel] = version
    return {**seen, _BUMPS: marks} if marks else seen
