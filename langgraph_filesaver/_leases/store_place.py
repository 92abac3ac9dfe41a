"""Leases in a far store: one object per thread, changed by compare-and-swap, and looked at as rarely as is safe.

There is no lock there that could be held while a lease is looked at and changed. So what was read first in a turn must still be
there when it is changed; else `ChangedError` tells, and the turn begins anew.

Who publishes without a lease would have to look for one each time, and each look is a request. So:

- A thread that has been leased once keeps the object, free or not; there an outsider looks before it publishes and after.
- Of a thread that never was, it is believed for `LEASE_LOOK_SECONDS` that it still is not; when a publication ends later
  than that, it is looked at again. So nothing that an outsider was told is stored appears later than so long after the first
  lease of a thread was taken; until then its owners look for intruders (`is_new`).

Whoever waits for a thread writes so into its lease, and who gives it back leaves that there, so that a newcomer lets them go
first.

What would break it: a swap that the store does not do atomically (then no lease is given at all).
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import orjson

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._leases.document import FREE_SINCE, says_free
from langgraph_filesaver._leases.places import ChangedError, LeasePlace
from langgraph_filesaver._serde.text import parse
from langgraph_filesaver._store import Store
from langgraph_filesaver.config import LEASE_LOOK_SECONDS
from langgraph_filesaver.errors import CorruptDataError, StorageError

__all__ = ["StorePlace"]

_FIRST = "first_leased_at"
_WAITED = "waited_for_at"
_SKEW_SECONDS = 60.0  # by which calendars may differ
_MOST_KNOWN = 100_000


class _Turn(threading.local):
    versions: dict[str, str | None] | None = None


class StorePlace(LeasePlace):
    """Objects in the locks folder of a store.

    Args:
        store: The store.
    """

    is_far = True
    poll_seconds = 0.2
    courtesy_seconds = 2.0  # one who waits says so once in half of it: some stores take one write a second of a name

    def __init__(self, store: Store) -> None:
        self.realm = store.realm
        self._store = store
        self._turn = _Turn()
        self._never: dict[str, float] = {}
        self._first: dict[str, datetime] = {}
        self._waited: dict[str, datetime] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_turn": None}

    @contextlib.contextmanager
    def turn(self, thread_id: str, *, shared: bool, timeout_seconds: float) -> Iterator[None]:  # noqa: ARG002 nothing is held
        """Remember which versions are read inside; raises StorageError where the store cannot swap."""
        if not self._store.properties.compare_and_swap:
            path = self._store.describe("")
            raise StorageError(
                f"{path} does not keep conditional writes, so nobody can have the thread {thread_id!r} for themselves there: "
                "thread_lock, exclusive and on_conflict='raise' need a store that does. One writer at a time may still use it",
                path=path,
            )
        self._turn.versions = {}
        try:
            yield
        finally:
            self._turn.versions = None

    def _key(self, name: str) -> str:
        return f"{layout.LOCKS_FOLDER}/{name}"

    def mark(self, name: str) -> bytes | None:
        """Return what is there, free or not; None where the thread was never leased. That is believed for a while."""
        looked_at = self._never.get(name)
        if looked_at is not None and time.monotonic() - looked_at < LEASE_LOOK_SECONDS:
            return None
        return self._looked(name)

    def _looked(self, name: str) -> bytes | None:
        at = time.monotonic()  # of before: what is done after the look may come later
        found = self._store.read_versioned(self._key(name))
        if self._turn.versions is not None:
            self._turn.versions.setdefault(name, None if found is None else found.version)
        if found is None:
            if len(self._never) >= _MOST_KNOWN:
                self._never.clear()
            self._never[name] = at
            return None
        self._never.pop(name, None)
        return found.data

    def tells_held(self, mark: bytes | None) -> bool:
        """Tell a lease from what says that the thread is free."""
        return mark is not None and not _is_free(mark)

    def is_there(self, name: str) -> bool:
        """Tell whether somebody has it."""
        return self.tells_held(self.mark(name))

    def read(self, name: str) -> bytes | None:
        """Return the lease, or None where the thread is free."""
        data = self._looked(name)
        if data is None:
            return None
        for field, known in ((_FIRST, self._first), (_WAITED, self._waited)):
            known.pop(name, None)
            with contextlib.suppress(CorruptDataError, ValueError, TypeError, KeyError):  # as if it said nothing
                known[name] = datetime.fromisoformat(parse(data)[field])
        return None if _is_free(data) else data

    def peek(self, name: str) -> bytes | None:
        """Read it as any other file."""
        data = self._store.read(self._key(name))
        return None if data is None or _is_free(data) else data

    def written_ago_seconds(self, thread_id: str) -> float:  # noqa: ARG002 it would take a write to know the store's time
        """Return 0: whoever waits watches it."""
        return 0.0

    def write(self, name: str, data: bytes) -> None:
        """Swap it for what was read in this turn."""
        self._swap(name, parse(data))

    def remove(self, name: str) -> None:
        """Swap it for what says that the thread is free: the object stays, so that outsiders know that it may be leased."""
        now = datetime.now(timezone.utc)
        self._swap(name, {"format": 1, FREE_SINCE: now.isoformat(timespec="milliseconds"), "change": uuid.uuid4().hex})

    def _swap(self, name: str, document: dict[str, Any]) -> None:
        versions = self._turn.versions
        if versions is None or name not in versions:
            raise ChangedError(name)
        version = versions[name]
        first = datetime.now(timezone.utc) if version is None else self._first.get(name)
        if first is not None:
            self._first[name] = first
            document[_FIRST] = first.isoformat(timespec="milliseconds")
        if name in self._waited:
            document[_WAITED] = self._waited[name].isoformat(timespec="milliseconds")
        swapped = self._store.swap(self._key(name), orjson.dumps(document, option=orjson.OPT_INDENT_2), version)
        if swapped is None:
            raise ChangedError(name)
        versions[name] = swapped
        self._never.pop(name, None)

    def is_new(self, name: str) -> bool:
        """Tell whether the thread was first leased so lately that an outsider may not know of it."""
        first = self._first.get(name)
        if first is None:
            return True
        return abs(datetime.now(timezone.utc) - first) < timedelta(seconds=LEASE_LOOK_SECONDS + _SKEW_SECONDS)

    def note_waiting(self, thread_id: str) -> None:
        """Write into the lease that somebody waits, unless it says so already; inside the turn in which it was read."""
        name = layout.lease_name(thread_id)
        versions = self._turn.versions
        if self.waited_ago_seconds(thread_id) < self.courtesy_seconds / 2 or versions is None or not versions.get(name):
            return
        found = self._store.read_versioned(self._key(name))
        if found is not None and found.version == versions[name]:
            document = {**parse(found.data), _WAITED: datetime.now(timezone.utc).isoformat(timespec="milliseconds")}
            self._store.swap(self._key(name), orjson.dumps(document, option=orjson.OPT_INDENT_2), found.version)

    def waited_ago_seconds(self, thread_id: str) -> float:
        """Return what the lease said when it was last read; a calendar that is ahead of this one counts for nothing."""
        waited_at = self._waited.get(layout.lease_name(thread_id))
        ago = math.inf if waited_at is None else (datetime.now(timezone.utc) - waited_at).total_seconds()
        return ago if ago >= 0 else math.inf

    def names(self) -> list[str]:
        """List the folder."""
        return [name for name in self._store.list(layout.LOCKS_FOLDER) if layout.is_lease_name(name)]

    def path(self, name: str) -> str:
        """Return the URL of the object."""
        return self._store.describe(self._key(name))


def _is_free(data: bytes) -> bool:
    try:
        document = parse(data)
    except CorruptDataError:
        return False
    return says_free(document)
