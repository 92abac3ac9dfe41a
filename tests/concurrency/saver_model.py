"""The saver's contract for one thread and namespace, as a sequential model for `linearizability`.

The latest is the checkpoint with the greatest id. Writes are kept whether or not there is their checkpoint; the first value
of a regular index stays, the last one of a special index counts. Deleting the thread empties it.

One thing is no single step by design: reading the latest. Which one is the latest, and what it holds, is as of one instant;
its pending writes are as of the same or a later one, at which it was still stored. Between the two a newer checkpoint may
come, and after that writes to the older one, so the reader may have old and new together; a reader that asks by id never
has, as its checkpoint stays the same. LangGraph's runs write to a checkpoint before they go on from it, so it takes two runs at
once to see that, and a lease (`thread_lock`) keeps those apart. `STRICT` and `AS_READ` are the two readings of this.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.concurrency.linearizability import Operation

__all__ = ["AS_READ", "EMPTY", "STRICT", "State", "apply", "operations_of"]

STRICT = False
AS_READ = True


class State(NamedTuple):
    """What a thread holds.

    Attributes:
        checkpoints: (id, value).
        writes: (checkpoint id, task, index, value).
    """

    checkpoints: frozenset[tuple[str, int]]
    writes: frozenset[tuple[str, str, int, int]]


EMPTY = State(frozenset(), frozenset())


def apply(state: State, action: dict[str, Any]) -> State | None:
    """Return the state after a call with its result, or None where it cannot have had that result."""
    return _ACTIONS[action["do"]](state, action)


def _put(state: State, action: dict[str, Any]) -> State:
    others = frozenset(each for each in state.checkpoints if each[0] != action["id"])
    return State(others | {(action["id"], action["value"])}, state.writes)


def _put_writes(state: State, action: dict[str, Any]) -> State:
    place = (action["id"], action["task"])
    writes = {(*each[:3],): each[3] for each in state.writes}
    for index, value in action["writes"]:
        if index < 0 or (*place, index) not in writes:
            writes[(*place, index)] = value
    return State(state.checkpoints, frozenset((*key, value) for key, value in writes.items()))


def _delete(state: State, action: dict[str, Any]) -> State:
    return EMPTY


def _get(state: State, action: dict[str, Any]) -> State | None:
    wanted = action["id"] or max((each[0] for each in state.checkpoints), default=None)
    found = _shown(state, wanted)
    return state if action["found"] == found else None


def _get_head(state: State, action: dict[str, Any]) -> State | None:
    """Tell whether the latest is the one that was found, its writes aside."""
    latest = max(state.checkpoints, default=None)
    return state if latest is not None and list(latest) == action["found"][:2] else None


def _list(state: State, action: dict[str, Any]) -> State | None:
    ids = sorted((each[0] for each in state.checkpoints), reverse=True)
    return state if action["found"] == [_shown(state, each) for each in ids] else None


def _shown(state: State, checkpoint_id: str | None) -> list[Any] | None:
    for found_id, value in state.checkpoints:
        if found_id == checkpoint_id:
            return [found_id, value, [[*each[1:]] for each in sorted(state.writes) if each[0] == checkpoint_id]]
    return None


_ACTIONS = {
    "put": _put,
    "put_writes": _put_writes,
    "delete": _delete,
    "get": _get,
    "get_head": _get_head,
    "list": _list,
}


def operations_of(process: int, calls: list[dict[str, Any]], reading: bool) -> Iterator[Operation[dict[str, Any]]]:
    """Yield the operations of what a worker recorded.

    Args:
        process: Its number.
        calls: What it called, each with `invoked`, `returned` and the result.
        reading: `STRICT`, or `AS_READ`: the latest is read in two steps.
    """
    for call in calls:
        times = (call["invoked"], call["returned"])
        if reading is AS_READ and call["do"] == "get" and call["id"] is None and call["found"] is not None:
            yield Operation(process, *times, {**call, "do": "get_head"})
            yield Operation(process, *times, {**call, "id": call["found"][0]})
        else:
            yield Operation(process, *times, call)
