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

_LOG = logging.getLogger("langgraph_filesaver")


class Sweeper:
    """A thread that does something at each interval.

    Args:
        interval_seconds: How long it sleeps in between.
        work: What it does; a bound method, of whose object only a weak reference is kept.
    """

    def __init__(self, interval_seconds: float, work: Callable[[], object]) -> None:
        self._interval_seconds = interval_seconds
        self._work = weakref.WeakMethod(work)
        self._started_in: int | None = None
        self._ended = threading.Event()
        self._mutex = threading.Lock()

    def start(self) -> None:
        """Begin, unless this process has begun already; a forked process begins anew."""
        if self._started_in == os.getpid():
            return
        with self._mutex:
            if self._started_in != os.getpid():
                self._started_in, self._ended = os.getpid(), threading.Event()
                arguments = (self._ended, self._interval_seconds, self._work)
                threading.Thread(target=_run, args=arguments, name="langgraph-filesaver-sweeper", daemon=True).start()

    def stop(self) -> None:
        """End; a sweep that is under way goes on to its end. The next start begins anew."""
        with self._mutex:
            self._ended.set()
            self._started_in = None

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a thread that sweeps is not pickled")


def _run(ended: threading.Event, interval_seconds: float, work: weakref.WeakMethod[Callable[[], object]]) -> None:
    while not ended.wait(interval_seconds):
        sweep = work()
        if sweep is None:
            return
        try:
            sweep()
        except Exception as error:  # noqa: BLE001 whatever it is, it must reach a person, and stop nothing else
            _LOG.warning("a sweep in the background failed, and will be tried again: %s", error)
        del sweep
