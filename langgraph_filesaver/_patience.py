"""How long a call waits for a thread that somebody else has: one rule for sync and async callers.

Nothing is held while waiting, and no thread of the pool: an attempt raises `HeldError` before it does anything, and is made
again after a pause, which a sync caller sleeps and an async one spends on its event loop (`_twins`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeVar

from langgraph_filesaver._leases import HeldError
from langgraph_filesaver.config import LEASE_POLL_SECONDS

__all__ = ["Patience", "waiting_for"]

T = TypeVar("T")

_GROWTH = 1.5


class Patience:
    """The waiting of one call.

    Args:
        timeout_seconds: How long in all.

    Attributes:
        has_waited: Whether a lease was waited for; what the caller read before may be outdated then.
    """

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._deadline: float | None = None
        self._pause = LEASE_POLL_SECONDS[0]
        self.has_waited = False

    def pause_after(self, held: HeldError) -> float:
        """Return how many seconds to wait before the next attempt.

        Raises:
            LockTimeoutError: There is no time left; it tells who has the thread.
        """
        now = time.monotonic()
        if self._deadline is None:
            self._deadline = now + self._timeout_seconds - held.waited_seconds
        if now >= self._deadline:
            raise held.timed_out(self._timeout_seconds) from None
        self.has_waited = self.has_waited or held.is_for_lease
        pause = min(max(self._pause, held.pause_seconds), self._deadline - now)
        self._pause = min(self._pause * _GROWTH, LEASE_POLL_SECONDS[1])
        return pause

    def leave_to_loop(self, attempt: Callable[[], T]) -> T:
        """Return what `attempt` returns; a `waiting_for` inside it makes one attempt and lets HeldError out."""
        token = _ON_LOOP.set(self)
        try:
            return attempt()
        finally:
            _ON_LOOP.reset(token)


_ON_LOOP: ContextVar[Patience | None] = ContextVar("langgraph_filesaver_patience", default=None)


def waiting_for(timeout_seconds: float, attempt: Callable[[bool], T]) -> T:
    """Return what `attempt` returns once nobody else has the thread.

    Args:
        timeout_seconds: How long to wait.
        attempt: Told whether a lease was waited for.

    Raises:
        LockTimeoutError: Somebody had it all the time.
    """
    on_loop = _ON_LOOP.get()
    if on_loop is not None:
        return attempt(on_loop.has_waited)
    patience = Patience(timeout_seconds)
    while True:
        try:
            return attempt(patience.has_waited)
        except HeldError as held:
            pause = patience.pause_after(held)
        time.sleep(pause)
