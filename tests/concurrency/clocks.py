"""Clocks that a test sets."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from langgraph_filesaver import FileSaver
from langgraph_filesaver._leases import Clock

__all__ = ["FakeClock"]


class FakeClock:
    """A calendar and a monotonic clock, given to savers that then stand in for processes."""

    def __init__(self) -> None:
        self.calendar = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
        self.monotonic = 1000.0

    def give_to(self, *savers: FileSaver) -> None:
        """Make the savers look at these clocks."""
        for saver in savers:
            saver._repository.leases.clock = Clock(lambda: self.calendar, lambda: self.monotonic)

    def pass_seconds(self, seconds: float) -> None:
        """Let time pass."""
        self.calendar += timedelta(seconds=seconds)
        self.monotonic += seconds

    def set_calendar(self, hours: float) -> None:
        """Set the calendar forward or back; no time passes."""
        self.calendar += timedelta(hours=hours)
