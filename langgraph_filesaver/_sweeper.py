"""Sweeps in the background: a daemon thread of a process that writes, which wakes at each interval.

It holds no reference to the saver whose work it does, and ends when that is gone or closed. What goes wrong is logged and tried
again at the next interval: no caller's call fails for it.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable
from typing import Any

__all__ = ["Sweeper"]

Work = weakref.WeakMethod[Callable[[], object]]

_LOG = logging.getLogger("langgraph_filesaver")


class Sweeper:
    """A thread that does something at each interval.

    Args:
        interval_seconds: How long it sleeps in between.
    """

    def __init__(self, interval_seconds: float) -> None:
        self._interval_seconds = interval_seconds
        self._work: Work | None = None
        self._started_in: int | None = None
        self._ended = threading.Event()
        self._mutex = threading.Lock()

    def start(self, work: Callable[[], object]) -> None:
        """Begin, unless this process has begun already and whoever's work that is still lives; a forked process begins anew.

        Args:
            work: What is done; a bound method, of whose object only a weak reference is kept.
        """
        if self._is_at_work():
            return
        with self._mutex:
            if not self._is_at_work():
                self._ended.set()
                self._started_in, self._ended, self._work = os.getpid(), threading.Event(), weakref.WeakMethod(work)
                arguments = (self._ended, self._interval_seconds, self._work)
                threading.Thread(target=_run, args=arguments, name="langgraph-filesaver-sweeper", daemon=True).start()

    def _is_at_work(self) -> bool:
        return self._started_in == os.getpid() and self._work is not None and self._work() is not None

    def stop(self) -> None:
        """End; a sweep that is under way goes on to its end. The next start begins anew."""
        with self._mutex:
            self._ended.set()
            self._started_in = None

    def __reduce__(self) -> tuple[Any, ...]:
        return (Sweeper, (self._interval_seconds,))


def _run(ended: threading.Event, interval_seconds: float, work: Work) -> None:
    while not ended.wait(interval_seconds):
        sweep = work()
        if sweep is None:
            return
        try:
            sweep()
        except Exception as error:  # noqa: BLE001 whatever it is, it must reach a person, and stop nothing else
            _LOG.warning("a sweep in the background failed, and will be tried again: %s", error)
        del sweep
