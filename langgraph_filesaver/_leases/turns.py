"""Turns at a lease: the lock file beside it, which is held for moments only, and how long anybody waits for that.

An attempt at a lease is *hasty*: it waits for a moment and then lets its caller wait where that costs nobody a thread of
the pool (`_patience`). What has begun already waits for as long as a call may.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._leases.holders import BusyError, HeldError
from langgraph_filesaver._leases.places import LeasePlace
from langgraph_filesaver.config import LOCK_ATTEMPT_SECONDS
from langgraph_filesaver.errors import LockTimeoutError, StorageError

__all__ = ["OutsidersTurn", "Turns"]

_LOOKS = 20


class Turns:
    """The locks beside the leases of one store.

    Args:
        place: Where they lie.
        timeout_seconds: How long to wait for one.
    """

    def __init__(self, place: LeasePlace, timeout_seconds: float) -> None:
        self._place = place
        self.timeout_seconds = timeout_seconds

    @contextlib.contextmanager
    def hold(
        self, thread_id: str, *, shared: bool, timeout_seconds: float | None = None, is_hasty: bool = False
    ) -> Iterator[None]:
        """Hold off changes of a lease inside the block, alone or with others.

        Args:
            thread_id: Whose lease.
            shared: With others.
            timeout_seconds: How long to wait; None: as long as a call may.
            is_hasty: Wait for a moment only, and raise BusyError then.

        Raises:
            BusyError: Somebody held it at that moment.
            LockTimeoutError: Somebody held it all the time.
            StorageError: The lock file cannot be opened.
        """
        try:
            turn = self.enter(
                thread_id, shared=shared, timeout_seconds=LOCK_ATTEMPT_SECONDS if is_hasty else timeout_seconds
            )
        except LockTimeoutError as error:
            if not is_hasty:
                raise
            raise BusyError(thread_id, error.path, partial(self._timed_out, thread_id)) from error
        try:
            yield
        finally:
            turn.__exit__(None, None, None)

    def enter(
        self, thread_id: str, *, shared: bool, timeout_seconds: float | None = None
    ) -> contextlib.AbstractContextManager[None]:
        """Hold off changes of a lease; the caller exits what is returned. Raises as `hold` does."""
        timeout = self.timeout_seconds if timeout_seconds is None else timeout_seconds
        turn = self._place.turn(thread_id, shared=shared, timeout_seconds=timeout)
        try:
            turn.__enter__()
        except TimeoutError as error:
            raise self._timed_out(thread_id, timeout) from error
        except StorageError:
            raise
        except OSError as error:
            path = self._place.path(layout.lease_lock_name(thread_id))
            raise StorageError.from_os_error(error, action="lock", path=path) from error
        return turn

    def _timed_out(self, thread_id: str, timeout_seconds: float) -> LockTimeoutError:
        path = self._place.path(layout.lease_lock_name(thread_id))
        return LockTimeoutError(
            f"somebody is just taking or giving back thread {thread_id!r}, or publishing to it, and does not end; waited "
            f"{timeout_seconds:g} s for {path}. The lock goes away with the process that has it",
            path=path,
            timeout_seconds=timeout_seconds,
            holder=None,
        )


class OutsidersTurn:
    """Nobody has the thread, or takes it, inside the block.

    A class, because each put of everybody passes here: a generator takes three times as long.

    Args:
        turns: The locks beside the leases.
        thread_id: The thread.
        alone: No other outsider publishes, either.
        is_leased: Tells whether there is a lease, over or not.
        refuse_held: Raises HeldError where that is not over; else removes it.
        held: Returns the error that tells who has the thread.
    """

    __slots__ = ("_alone", "_held", "_is_leased", "_refuse_held", "_thread_id", "_turn", "_turns")

    def __init__(
        self,
        turns: Turns,
        thread_id: str,
        *,
        alone: bool,
        is_leased: Callable[[str], bool],
        refuse_held: Callable[[str], None],
        held: Callable[[str], HeldError],
    ) -> None:
        self._turns = turns
        self._thread_id = thread_id
        self._alone = alone
        self._is_leased = is_leased
        self._refuse_held = refuse_held
        self._held = held

    def __enter__(self) -> None:
        for _ in range(_LOOKS):
            turn = self._turns.enter(self._thread_id, shared=not self._alone)
            try:
                is_free = not self._is_leased(self._thread_id)
            except BaseException:
                turn.__exit__(None, None, None)
                raise
            if is_free:
                self._turn = turn
                return
            turn.__exit__(None, None, None)
            self._refuse_held(self._thread_id)
        raise self._held(self._thread_id)

    def __exit__(self, *_: object) -> None:
        self._turn.__exit__(None, None, None)
