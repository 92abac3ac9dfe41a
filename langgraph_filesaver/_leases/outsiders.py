"""The turn of who publishes a file of a thread without having its lease."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langgraph_filesaver._leases.leases import Leases

__all__ = ["OutsidersTurn"]

_LOOKS = 20


class OutsidersTurn:
    """See `Leases.outsiders_turn`. A class, because each put of everybody passes here: a generator takes three times as long."""

    __slots__ = ("_alone", "_leases", "_thread_id", "_turn")

    def __init__(self, leases: Leases, thread_id: str, *, alone: bool) -> None:
        self._leases = leases
        self._thread_id = thread_id
        self._alone = alone

    def __enter__(self) -> None:
        for _ in range(_LOOKS):
            turn = self._leases.enter_turn(self._thread_id, shared=not self._alone)
            try:
                is_free = not self._leases.is_leased(self._thread_id)
            except BaseException:
                turn.__exit__(None, None, None)
                raise
            if is_free:
                self._turn = turn
                return
            turn.__exit__(None, None, None)
            self._leases.refuse_held(self._thread_id)
        raise self._leases.held(self._thread_id)

    def __exit__(self, *_: object) -> None:
        self._turn.__exit__(None, None, None)
