"""Somebody else, who has nothing of the caller's context, and who does not wait for long."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable
from typing import Any

from langgraph_filesaver import FileSaver
from tests.stores import Home


def elsewhere(work: Callable[[], Any]) -> Any:
    """Run `work` in a thread that has nothing of the caller's context; return its result, or the error it raised."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(contextvars.Context().run(work))
        except Exception as error:  # noqa: BLE001 it is what the test looks at
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    return found[0]


def impatient(home: Home, **options: Any) -> FileSaver:
    """Return a saver that does not wait for long."""
    return home.saver(lock_timeout_seconds=0.05, **options)


def wait_until(condition: Callable[[], Any]) -> None:
    """Wait until something is the case; half a minute at most."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)
