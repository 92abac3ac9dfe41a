"""Which tasks LangGraph would start from a checkpoint, told by the checkpoint's document alone: no code of the graph.

Knows how LangGraph compiles graphs to channels, and when a channel triggers a node (langgraph 1.2: `pregel/_algo.py`,
`graph/state.py`, `func/__init__.py`). Knows nothing of what tasks wrote, but for the names in the paths of those that did.

- A node of a StateGraph listens to `branch:to:<node>` and to `join:<a>+<b>:<node>`, the node `__start__` to the channel of
  its name. A Send is a task of its own, kept in `__pregel_tasks`. The one node of a functional graph listens to `__start__`.
- A node is triggered where such a channel is available and newer than what the node has seen of it.
- What the document does not tell is None, never a guess: which kind of graph it is before anything ran (a functional graph
  looks like a StateGraph until a task wrote), a graph of Pregel's own nodes, another version of the checkpoint than 4,
  values of another serde where they decide.

Taken for granted: names that LangGraph forms (`branch:to:…`, `__start__`) mean what LangGraph means by them, and the graph is
the one that wrote the files: a Send to a node that it never had, which LangGraph passes over, counts as a task here.

What would break it: another rule of triggering under the same version of the checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from langgraph.checkpoint.serde.types import TASKS
from xxhash import xxh3_128_hexdigest

from langgraph_filesaver._documents import CheckpointDocument

__all__ = ["PULL", "Plain", "Task", "is_opaque", "items_of", "namespace_of", "step_after", "tasks_of"]

Plain = Callable[[Any], Any]
"""Gives a parsed value with its references replaced by what they stand for."""

PULL = "__pregel_pull"
_PUSH = "__pregel_push"
_START = "__start__"
_ROOT = "__root__"
_BUMPS = "__snapshot_bumps__"
_NO_NODES = frozenset(("__input__", "__interrupt__", _BUMPS))
_PREVIOUS = "__previous__"
_OF_ENTRYPOINTS = frozenset((_START, "__end__", _PREVIOUS))
_BRANCH = "branch:to:"
_JOIN = "join:"
_SEND = "langgraph.types.Send"
_VERSION = 4

Versions = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Task:
    """A task that belongs to a checkpoint's step.

    Attributes:
        node: Its node.
        path: The path that its writes bear; of a Send's task None, as another Send may have had the same.
        task_id: The id that LangGraph gives it, or None where that cannot be computed.
        is_id_sure: Whether it cannot have another: a node may listen to a join that no channel version tells of yet.
    """

    node: str
    path: str | None
    task_id: str | None
    is_id_sure: bool


def tasks_of(document: CheckpointDocument, wrote: Collection[str], plain: Plain) -> tuple[Task, ...] | None:
    """Return the tasks of the step after a checkpoint, finished or not, or None where the document does not tell.

    Args:
        document: The checkpoint.
        wrote: The nodes that are known to have run in that step, triggered by a channel.
        plain: Replaces references in values.
    """
    versions = _mapping(document.checkpoint.get("channel_versions"))
    seen = _seen(document.checkpoint.get("versions_seen"))
    values = _Values(document, plain)
    sends = _sends(values)
    if document.checkpoint.get("v") != _VERSION or versions is None or seen is None or sends is None:
        return None
    triggers = _triggers(versions, seen, wrote) if versions else {}
    if triggers is None:
        return None
    tasks = [
        Task(node, None, _task_id(document, node, _PUSH, str(index)), is_id_sure=True)
        for index, node in enumerate(sends)
    ]
    for node, channels in sorted(triggers.items()):
        is_triggered = _is_triggered(channels, versions, seen.get(node), values)
        if is_triggered and channels != {_START}:
            is_triggered = _has_input(versions, seen, document.state)
        if is_triggered is None:
            return None
        if is_triggered:
            task_id = _task_id(document, node, PULL, *sorted(channels))
            tasks.append(Task(node, f"~{PULL}, {node}", task_id, is_id_sure=channels == {_START}))
    return tuple(tasks)


def _triggers(versions: Versions, seen: Mapping[str, Versions], wrote: Collection[str]) -> dict[str, set[str]] | None:
    """Return node to channels it listens to, for every node that may be triggered; None if that is not known."""
    found: dict[str, set[str]] = {}
    for channel in versions:
        if channel.startswith((_BRANCH, _JOIN)):
            node = _listener(channel)
            if node is None:
                return None
            found.setdefault(node, {f"{_BRANCH}{node}"}).add(channel)
    nodes = {node: channels for node, channels in seen.items() if node not in _NO_NODES}
    is_entrypoint = _OF_ENTRYPOINTS.issuperset(versions)
    if found or _START in nodes or _START in wrote or (_START in versions and not is_entrypoint):
        found[_START] = {_START}
        # The version of a channel that is stored anew without a change is marked as seen by those who never read it.
        bumps = seen.get(_BUMPS, {})
        are_known = all(
            channel in found.get(node, ()) or channel == f"{_BRANCH}{node}" or f"{node}|{channel}" in bumps
            for node, channels in nodes.items()
            for channel in channels
        )
        return found if are_known else None
    # Of a functional graph; the tasks that its function called have seen nothing, and the function that was only updated.
    names = {node for node, channels in nodes.items() if channels} | set(wrote)
    if not names and _PREVIOUS in versions:
        names = set(nodes)
    return {name: {_START} for name in names} if is_entrypoint and len(names) == 1 else None


def _listener(channel: str) -> str | None:
    """Return the node that a channel of LangGraph's triggers, or None where its name is not as LangGraph forms it."""
    name = channel.removeprefix(_BRANCH)
    if name == channel:
        _, _, name = channel.removeprefix(_JOIN).partition(":")
    return name if name and ":" not in name else None  # LangGraph admits no colon in the name of a node


class _Values:
    """The stored values of the channels.

    Of a value that another serde stored, only this is known: after a step, LangGraph lists the channels that it left with
    something to give, and starts tasks by these alone. An update of the state leaves no such list.
    """

    def __init__(self, document: CheckpointDocument, plain: Plain) -> None:
        self._state = document.state
        updated = document.checkpoint.get("updated_channels")
        self._updated: list[Any] | None = updated if isinstance(updated, list) else None
        self._plain = plain

    def of(self, channel: str) -> Any:
        return self._plain(self._state[channel]) if channel in self._state else []

    def were_updated(self, channel: str) -> bool | None:
        """Tell whether a sealed value came with the last step; None where it is not sealed or that is not known."""
        if self._updated is None or not is_opaque(self._state.get(channel)):
            return None
        return channel in self._updated

    def are_available(self, channel: str) -> bool | None:
        if channel not in self._state:
            return False
        value = self.of(channel)
        if channel != _START and is_opaque(value):
            return self.were_updated(channel)
        return _is_available(channel, value)


def _is_triggered(channels: Collection[str], versions: Versions, seen: Versions | None, values: _Values) -> bool | None:
    is_unknown = False
    for channel in channels:
        is_newer = seen is None or _is_newer(versions.get(channel), seen.get(channel))
        is_available = is_newer is not False and values.are_available(channel)
        if is_newer and is_available:
            return True
        is_unknown = is_unknown or (is_available is not False)
    return None if is_unknown else False


def _is_newer(version: Any, seen: Any) -> bool | None:
    if version is None:
        return False
    if seen is None and type(version) in (str, int, float):
        seen = type(version)()
    if type(version) is str and type(seen) is str:
        return version > seen
    if type(version) in (int, float) and type(seen) in (int, float):
        return bool(version > seen)
    return None


def _is_available(channel: str, value: Any) -> bool | None:
    """Tell whether a channel has a value to give; a node that is deferred waits for its flag."""
    if channel == _START:
        return True
    flagged = items_of(value, "tuple")
    content, is_ready = value, True
    if flagged is not None and len(flagged) == 2 and type(flagged[1]) is bool:
        content, is_ready = flagged
    if channel.startswith(_BRANCH):
        if flagged is None:
            return True
        return is_ready if content in (None, _START) else None  # an edge writes the one, a Command's `goto` the other
    have_come = items_of(content, "set")
    if have_come is None or not all(type(name) is str for name in have_come):
        return None
    all_there = _have_all_come(channel.removeprefix(_JOIN).partition(":")[0], have_come)
    return all_there if is_ready else False


def _have_all_come(awaited: str, have_come: list[str]) -> bool | None:
    """Tell whether these are all of the nodes that a join awaits, given their names joined by `+`.

    A name may hold `+`, too: how the text is to be cut is not known, but those that came are among its parts.
    """
    if not awaited:
        return None
    if len("+".join(have_come)) == len(awaited):
        return True
    # Else they are all only if one was awaited twice, so that the whole text consists of their names.
    text = f"{awaited}+"
    reached, looked_at = {0}, -1
    while rest := [at for at in reached if at > looked_at]:
        looked_at = min(rest)
        reached |= {looked_at + len(name) + 1 for name in have_come if text.startswith(f"{name}+", looked_at)}
    return None if len(text) in reached else False


def _has_input(versions: Versions, seen: Mapping[str, Versions], state: Mapping[str, Any]) -> bool | None:
    """Tell whether a triggered node has something to read: where the state is one value, that has to be there."""
    if _ROOT in versions:
        return True if _ROOT in state else None
    has_state = any(not channel.startswith((_BRANCH, _JOIN, "__")) for channel in versions)
    return True if has_state or _START in seen.get(_START, {}) else None


def _sends(values: _Values) -> list[str] | None:
    """Return the nodes that were sent to, one for each Send in order, or None where that cannot be read."""
    packets = values.of(TASKS) if values.were_updated(TASKS) is not False else []
    if not isinstance(packets, list):
        return None
    nodes = [each["node"] for each in packets if _is_send(each)]
    return nodes if len(nodes) == len(packets) else None


def _is_send(packet: Any) -> bool:
    return isinstance(packet, dict) and packet.get("$type") == _SEND and type(packet.get("node")) is str


# --- ids


def step_after(document: CheckpointDocument) -> int | None:
    """Return the number of the step that a checkpoint's tasks belong to, or None where it cannot be read."""
    metadata = document.metadata
    if not isinstance(metadata, dict) or any(key.startswith("$") for key in metadata):
        return None
    step = metadata.get("step", -1)
    return step + 1 if type(step) is int else None


def namespace_of(document: CheckpointDocument, node: str) -> str:
    """Return the namespace of a node's tasks, without the task's id."""
    return f"{document.checkpoint_ns}|{node}" if document.checkpoint_ns else node


def _task_id(document: CheckpointDocument, node: str, *parts: str) -> str | None:
    step = step_after(document)
    if step is None:
        return None
    text = "".join((namespace_of(document, node), str(step), node, *parts))
    try:
        digest = xxh3_128_hexdigest(bytes.fromhex(document.checkpoint_id.replace("-", "")) + text.encode())
    except ValueError:  # an id that is not LangGraph's, or a name that is no valid Unicode
        return None
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:]}"


# --- values


def is_opaque(value: Any) -> bool:
    """Tell whether a value was stored by another serde, so that only that can read it."""
    return isinstance(value, dict) and "$serde" in value


def items_of(value: Any, kind: str) -> list[Any] | None:
    """Return the items of a tagged tuple or set, or None if the value is none."""
    items = value.get("items") if isinstance(value, dict) and value.get("$type") == kind else None
    return items if isinstance(items, list) else None


def _mapping(value: Any) -> dict[str, Any] | None:
    """Return a dict as it was before it was stored, or None if it is none with text for keys."""
    if not isinstance(value, dict):
        return None
    if not any(key.startswith("$") for key in value):
        return value
    pairs = items_of(value, "dict")
    if pairs is None or not all(isinstance(pair, list) and len(pair) == 2 and type(pair[0]) is str for pair in pairs):
        return None
    return {pair[0]: pair[1] for pair in pairs}


def _seen(value: Any) -> dict[str, dict[str, Any]] | None:
    found = {node: _mapping(each) for node, each in (_mapping(value) or {}).items()}
    known = {node: each for node, each in found.items() if each is not None}
    return known if _mapping(value) is not None and len(known) == len(found) else None
