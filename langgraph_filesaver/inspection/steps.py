"""What the document of a checkpoint tells of its step, by itself and beside that of its parent. Pure.

Knows the shapes that LangGraph writes, and takes whatever else stands there for nothing said: a person may have edited the file.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

from langgraph_filesaver._documents import CheckpointDocument

__all__ = ["changed_between", "instant_of", "is_machinery", "made_at", "nodes_between", "seconds_between"]

_UUID6_EPOCH = 0x01B21DD213814000  # between 1582 and 1970, in 100 ns: RFC 9562, section 5.6
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MACHINERY = ("branch:to:", "join:", "__")
_OF_THE_USER = frozenset({"__root__", "__end__", "__previous__"})
_NEITHER_NODE = frozenset({"__input__", "__interrupt__"})


def is_machinery(channel: str) -> bool:
    """Tell whether a channel is LangGraph's own: what triggers nodes, and not what the graph's author keeps in it."""
    return channel.startswith(_MACHINERY) and channel not in _OF_THE_USER


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


def nodes_between(
    parent: CheckpointDocument | None, document: CheckpointDocument, plain: Callable[[Any], Any], source: Any
) -> tuple[str, ...]:
    """Return the nodes that ran between two checkpoints, by what they have seen and what was sent to them.

    Args:
        parent: The one before, or None where there is none.
        document: The other one.
        plain: Gives a parsed value as plain data; what it raises is raised.
        source: What made the other one.
    """
    before, after = _mapping(parent, "versions_seen"), _mapping(document, "versions_seen")
    nodes = [name for name, seen in after.items() if seen != before.get(name) and name not in _NEITHER_NODE]
    # An update leaves what was sent as it is.
    if parent is not None and source == "loop" and "__pregel_tasks" in parent.state:
        sends = plain(parent.state["__pregel_tasks"])  # what was sent leaves no other trace in the versions
        if isinstance(sends, list):
            nodes += [str(each["node"]) for each in sends if isinstance(each, dict) and "node" in each]
    return tuple(dict.fromkeys(nodes))


def changed_between(parent: CheckpointDocument | None, document: CheckpointDocument) -> tuple[str, ...]:
    """Return the channels that have another version than in the parent."""
    before, after = _mapping(parent, "channel_versions"), _mapping(document, "channel_versions")
    names = [name for name in after if after[name] != before.get(name)]
    return tuple(name for name in names if not is_machinery(name))


def seconds_between(parent: CheckpointDocument | None, document: CheckpointDocument) -> float | None:
    """Return the time from one checkpoint to another; None where one of them is not there or tells no date."""
    before, after = made_at(parent) if parent else None, made_at(document)
    return None if before is None or after is None else (after - before).total_seconds()
