"""Decides whether a recorded history of concurrent operations is linearizable: the search of Wing and Gong, with a memory.

A history is linearizable if each operation can be given one instant between its call and its return, so that in the order
of these instants every result is what a sequential model gives. The search tries, as the next one, each operation that was
called before any of those left over had returned, and takes back what the model refuses.

Sources: J. M. Wing and C. Gong, "Testing and Verifying Concurrent Objects", Journal of Parallel and Distributed Computing
17 (1993), 164-182; the memory of (operations done, state) pairs that led nowhere new is from G. Lowe, "Testing for
linearizability", Concurrency and Computation: Practice and Experience 29 (2017), e3928. As each process is sequential, the
set of operations done is one number per process.

A history that is cut where nobody was inside an operation can be judged piece by piece: all states that a piece may end in
are those that the next one may begin in. So the search does not end with the first order that it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Operation", "final_states"]

Action = TypeVar("Action")
State = TypeVar("State", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Operation(Generic[Action]):
    """One call of one process.

    Attributes:
        process: Who made it.
        invoked: When it was called, by a clock that all processes share.
        returned: When it had returned.
        action: What was called and what it returned, as the model knows it.
    """

    process: int
    invoked: int
    returned: int
    action: Action


def final_states(
    history: Iterable[Operation[Action]],
    initial_states: Iterable[State],
    apply: Callable[[State, Action], State | None],
) -> set[State]:
    """Return all states that the history may have ended in; none: it is not linearizable.

    Args:
        history: The operations; those of one process in the order of its calls. Two of one process may have the same times:
            they are two steps of one call.
        initial_states: The states that it may have begun in.
        apply: The sequential model: the state after an action, or None where it cannot have had that result.
    """
    lines = _lines(history)
    ends = tuple(map(len, lines))
    final: set[State] = set()
    open_ = [((0,) * len(lines), state) for state in initial_states]
    seen = set(open_)
    while open_:
        done, state = open_.pop()
        if done == ends:
            final.add(state)
            continue
        heads = [
            (number, line[at]) for number, (line, at) in enumerate(zip(lines, done, strict=True)) if at < len(line)
        ]
        first_return = min(operation.returned for _, operation in heads)
        for number, operation in heads:
            if operation.invoked > first_return:
                continue  # somebody had returned before this one was called
            after = apply(state, operation.action)
            if after is not None:
                step = ((*done[:number], done[number] + 1, *done[number + 1 :]), after)
                if step not in seen:
                    seen.add(step)
                    open_.append(step)
    return final


def _lines(history: Iterable[Operation[Action]]) -> list[Sequence[Operation[Action]]]:
    lines: dict[int, list[Operation[Action]]] = {}
    for operation in history:
        line = lines.setdefault(operation.process, [])
        assert operation.invoked <= operation.returned
        is_next = not line or line[-1].returned <= operation.invoked
        is_same_call = bool(line) and (line[-1].invoked, line[-1].returned) == (operation.invoked, operation.returned)
        assert is_next or is_same_call, "a process makes one call after the other"
        line.append(operation)
    return list(lines.values())
