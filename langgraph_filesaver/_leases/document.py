"""The lease of a thread: one file in `.locks/`, and whether the one who has it still has it. Pure (docs/format.md, "Leases").

A lease is over when it was given back (the file is gone), when its holder is known to be dead, or when it was not renewed
for its `ttl_seconds`. How long ago the renewal was is told without trusting anybody's calendar:

- A holder of the same boot of the same machine has the same monotonic clock, which no one sets.
- Any other holder, on another machine or before this one was started anew, is judged by two clocks that have to agree: the
  file system's own one, which gave the file its time and gives another file that of now, and the own calendar. That needs no
  watching, so that it holds between processes, and one clock alone that was set steals nothing.
- Where these say nothing, the file has stood unchanged before this process's eyes for the whole `ttl_seconds`, or for half
  of it where the calendar says that it is over. A living holder renews every third.
- One that has been over for a day by the calendar is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

from langgraph_filesaver._documents import FORMAT, check_format, identifier_in, spelled
from langgraph_filesaver._process import Process
from langgraph_filesaver.config import LEASE_MOST_TTL_SECONDS
from langgraph_filesaver.errors import CorruptDataError

__all__ = ["FREE_SINCE", "LeaseDocument", "Seen", "is_over", "says_free"]

FREE_SINCE = "free_since"

_SURELY_OVER = timedelta(days=1)
_COARSEST_SECONDS = 2.0  # of the times that file systems keep
_KINDS: Mapping[str, tuple[type, ...]] = {
    "owner": (str,),
    "host": (str,),
    "boot_id": (str,),
    "pid_namespace": (str,),
    "pid": (int,),
    "pid_started": (int, type(None)),
    "acquired_at": (str,),
    "renewed_at": (str,),
    "renewed_monotonic_seconds": (int, float),
    "ttl_seconds": (int, float),
    "to_fence": (list,),
}


class Seen(NamedTuple):
    """What a process has seen of a lease and its clocks.

    Attributes:
        now: The calendar's time, aware.
        monotonic_seconds: The monotonic clock.
        boot_id: Of the boot that the monotonic clock belongs to, or "".
        unchanged_seconds: For how long the file has been seen as it is.
        written_ago_seconds: How long ago it was written by the clock of what it lies on; 0 where that is not known.
    """

    now: datetime
    monotonic_seconds: float
    boot_id: str
    unchanged_seconds: float
    written_ago_seconds: float

    def is_written_long_ago(self, ttl_seconds: float) -> bool:
        """Tell whether the file's own clock says that it was not renewed for that long."""
        return self.written_ago_seconds > ttl_seconds + _COARSEST_SECONDS


@dataclass(frozen=True, slots=True)
class LeaseDocument:
    """Who has a thread.

    Attributes:
        thread_id: The thread.
        owner: The fencing token: another one for each lease.
        process: The process that has it.
        acquired_at: Since when.
        renewed_at: When it was last renewed.
        renewed_monotonic_seconds: The same by the monotonic clock of the holder's boot.
        ttl_seconds: How long after that it is over.
        to_fence: Tokens of earlier holders that may still write, and against whom no fence stands yet.
    """

    thread_id: str
    owner: str
    process: Process
    acquired_at: datetime
    renewed_at: datetime
    renewed_monotonic_seconds: float
    ttl_seconds: float
    to_fence: tuple[str, ...] = ()

    @property
    def expires_at(self) -> datetime:
        """When it is over by the holder's calendar, unless it is renewed."""
        return self.renewed_at + timedelta(seconds=self.ttl_seconds)

    def to_json(self) -> dict[str, Any]:
        """Return the document as it is laid out in the file."""
        return {
            "format": FORMAT,
            "thread_id": spelled(self.thread_id),
            "owner": self.owner,
            "pid": self.process.pid,
            "host": self.process.host,
            "acquired_at": self.acquired_at.isoformat(timespec="milliseconds"),
            "renewed_at": self.renewed_at.isoformat(timespec="milliseconds"),
            "expires_at": self.expires_at.isoformat(timespec="milliseconds"),
            "ttl_seconds": self.ttl_seconds,
            "boot_id": self.process.boot_id,
            "pid_namespace": self.process.pid_namespace,
            "pid_started": self.process.started,
            "renewed_monotonic_seconds": self.renewed_monotonic_seconds,
            "to_fence": list(self.to_fence),
        }

    @classmethod
    def from_json(cls, raw: Any) -> LeaseDocument:
        """Read a parsed file.

        Raises:
            CorruptDataError: A field is missing or not of its type.
            UnsupportedFormatError: The file is of a newer format.
        """
        fields = check_format(raw)
        for name, kinds in _KINDS.items():
            if type(fields.get(name)) not in kinds:
                expected = " or ".join(kind.__name__ for kind in kinds)
                raise CorruptDataError(f"expected {expected}, found {fields.get(name)!r}", where=name)
        lease = cls(
            thread_id=identifier_in(fields, "thread_id"),
            owner=fields["owner"],
            process=Process(
                fields["host"], fields["boot_id"], fields["pid_namespace"], fields["pid"], fields["pid_started"]
            ),
            acquired_at=_instant(fields, "acquired_at"),
            renewed_at=_instant(fields, "renewed_at"),
            renewed_monotonic_seconds=fields["renewed_monotonic_seconds"],
            ttl_seconds=fields["ttl_seconds"],
            to_fence=tuple(map(str, fields["to_fence"])),
        )
        if not 0 <= lease.ttl_seconds <= LEASE_MOST_TTL_SECONDS:  # a person wrote that; 0 has who takes a thread away
            raise CorruptDataError(f"expected at most {LEASE_MOST_TTL_SECONDS:.0f}", where="ttl_seconds")
        try:
            lease.expires_at.astimezone(timezone.utc)
        except OverflowError as error:
            raise CorruptDataError("expected an instant that calendars know", where="renewed_at") from error
        return lease


def says_free(raw: Any) -> bool:
    """Tell whether a parsed file says that nobody has the thread: a far store keeps it, and a copy of the tree brings it along."""
    return isinstance(raw, dict) and FREE_SINCE in raw


def is_over(lease: LeaseDocument, seen: Seen) -> bool:
    """Tell whether a lease that nobody gave back is over, for all that is known here."""
    if lease.process.is_known_dead():
        return True
    if seen.boot_id and lease.process.boot_id == seen.boot_id:
        return seen.monotonic_seconds > lease.renewed_monotonic_seconds + lease.ttl_seconds
    is_past = seen.now > lease.expires_at
    if seen.now - _SURELY_OVER > lease.expires_at:
        return True
    # Of another boot for sure: on this machine the two clocks may be one, and its living holders have the monotonic one.
    if seen.boot_id and lease.process.boot_id and is_past and seen.is_written_long_ago(lease.ttl_seconds):
        return True
    patience = lease.ttl_seconds / 2 if is_past else lease.ttl_seconds
    return seen.unchanged_seconds > patience


def _instant(fields: Mapping[str, Any], name: str) -> datetime:
    try:
        instant = datetime.fromisoformat(fields[name])
    except ValueError as error:
        raise CorruptDataError(f"expected a date and time: {error}", where=name) from error
    if instant.tzinfo is None:
        raise CorruptDataError("expected a time zone", where=name)
    return instant
