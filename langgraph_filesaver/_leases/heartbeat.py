"""Renews the leases that this process holds, in one thread that lives as long as there are any."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable

__all__ = ["HEARTBEAT", "Heartbeat"]

logger = logging.getLogger("langgraph_filesaver")

_BEATS_PER_TTL = 3  # two may fail before the lease is over
_TRIES_PER_BEAT = 3  # how much sooner one that failed is tried again


class Heartbeat:
    """Calls, for each lease, what renews it, three times in its time to live."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._condition = threading.Condition()
        self._beating: dict[str, tuple[float, float, Callable[[], bool]]] = {}
        self._thread: threading.Thread | None = None

    def start(self, owner: str, ttl_seconds: float, renew: Callable[[], bool]) -> None:
        """Renew a lease from now on.

        Args:
            owner: Its token.
            ttl_seconds: Its time to live.
            renew: Renews it; False where it is lost, and then it is not called again.

        Raises:
            RuntimeError: The system gives no thread for it.
        """
        pause = ttl_seconds / _BEATS_PER_TTL
        with self._condition:
            self._beating[owner] = (time.monotonic() + pause, pause, renew)
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="filesaver-leases", daemon=True)
                try:
                    thread.start()
                except RuntimeError:
                    del self._beating[owner]
                    raise
                self._thread = thread
            self._condition.notify()

    def stop(self, owner: str) -> None:
        """Renew a lease no more."""
        with self._condition:
            self._beating.pop(owner, None)
            self._condition.notify()

    def forget_all(self) -> None:
        """Start anew, in a child after a fork: the leases are its parent's."""
        self._reset()

    def _run(self) -> None:
        while True:
            with self._condition:
                if not self._beating:
                    self._thread = None
                    return
                owner, (due, pause, renew) = min(self._beating.items(), key=lambda item: item[1][0])
                left = due - time.monotonic()
                if left > 0:
                    self._condition.wait(left)
                    continue
            is_held, next_pause = True, pause
            try:
                is_held = renew()
            except Exception as error:  # noqa: BLE001 whatever it is, it must not end the renewal of the others
                logger.warning("a lease cannot be renewed: %s", error)
                next_pause = pause / _TRIES_PER_BEAT
            with self._condition:
                if owner in self._beating:
                    if is_held:
                        self._beating[owner] = (time.monotonic() + next_pause, pause, renew)
                    else:
                        del self._beating[owner]


HEARTBEAT = Heartbeat()
"""That of this process."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=HEARTBEAT.forget_all)
