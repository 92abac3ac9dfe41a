"""The clocks that leases are judged by: the calendar, which people set, and the monotonic one, which nobody does."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import NamedTuple

__all__ = ["SYSTEM_CLOCK", "Clock"]


class Clock(NamedTuple):
    """The clocks that leases are judged by."""

    calendar: Callable[[], datetime]
    monotonic: Callable[[], float]


SYSTEM_CLOCK = Clock(lambda: datetime.now(timezone.utc), time.monotonic)
