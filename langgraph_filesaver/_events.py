"""What a saver tells of its own work: one event per call, to a callback and to the log `langgraph_filesaver` at DEBUG.

An event names the operation and the thread, and how much, how long and how it ended; never what is in a state. Nobody's call fails for
a callback that fails. Where nobody listens, nothing is measured.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar

from langgraph_filesaver._counting import counting
from langgraph_filesaver._leases import HeldError

__all__ = ["Event", "observed", "thread_named"]

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")

_LOG = logging.getLogger("langgraph_filesaver")


@dataclass(frozen=True, slots=True)
class Event:
    """One call that has ended.

    Attributes:
        operation: The method, such as "put"; an async one has the name of its sync twin.
        thread_id: The thread, or None where the call is about all.
        bytes: How much of documents and artifacts it read and wrote.
        milliseconds: How long it took.
        outcome: "ok", or the name of the exception's class.
    """

    operation: str
    thread_id: str | None
    bytes: int
    milliseconds: float
    outcome: str


def thread_named(first: Any) -> str | None:
    """Return the thread that a method's first argument names, where it is one and not several."""
    return first if isinstance(first, str) else None


def observed(
    thread_of: Callable[[Any], str | None],
) -> Callable[[Callable[Concatenate[S, P], R]], Callable[Concatenate[S, P], R]]:
    """Make a method of a saver tell an event when it has ended.

    Args:
        thread_of: Returns the thread, given the method's first argument, or None where it has none.
    """

    def made(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
        @functools.wraps(method)
        def observing(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
            listener: Callable[[Event], object] | None = getattr(self, "_on_event", None)
            if listener is None and not _LOG.isEnabledFor(logging.DEBUG):
                return method(self, *args, **kwargs)
            outcome, begun = "ok", time.perf_counter()
            with counting() as counted:
                try:
                    return method(self, *args, **kwargs)
                except BaseException as error:
                    outcome = type(error).__name__
                    raise
                finally:
                    if outcome != HeldError.__name__:  # who waits on an event loop tries again
                        first = next(iter((*args, *kwargs.values())), None)
                        elapsed = (time.perf_counter() - begun) * 1e3
                        _tell(listener, Event(method.__name__, thread_of(first), counted[0], elapsed, outcome))

        return observing

    return made


def _tell(listener: Callable[[Event], object] | None, event: Event) -> None:
    _LOG.debug(
        "%s of thread %r: %s, %d bytes, %.1f ms",
        event.operation,
        event.thread_id,
        event.outcome,
        event.bytes,
        event.milliseconds,
    )
    if listener is not None:
        try:
            listener(event)
        except Exception as error:  # noqa: BLE001 a listener is the user's, and no call fails for it
            _LOG.warning("on_event failed for %s: %s", event.operation, error)
