"""A lease in the hands of its owner, and who the owner is.

The owner is a context (`contextvars`): the block that took the lease, and every thread and task that was started from
there with its context, as LangGraph starts its own. A process forked from it is somebody else.

A run that has read the thread as the owner is the owner, too, whatever context it writes from: LangGraph stores what a
parallel task wrote from a callback of a bare thread. The run is told by an object of its own that stands in all its configs.
"""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Hashable, Iterator
from contextvars import ContextVar
from datetime import datetime

from langgraph_filesaver._leases.document import LeaseDocument

__all__ = ["Lease", "had_lease", "note_given_back", "note_taken", "own_lease", "owning"]

_MOST_RUNS = 1000  # in one lease
# Weakly: a block that nobody can leave any more, as its event loop was closed, must not keep the thread for ever.
_LIVE: weakref.WeakValueDictionary[tuple[Hashable, str], Lease] = weakref.WeakValueDictionary()
_OWNED: ContextVar[tuple[Lease, ...]] = ContextVar("langgraph_filesaver_owned_leases", default=())


class Lease:
    """The exclusive right to write to a thread, as long as it is held.

    Attributes:
        thread_id: The thread.
        owner: The fencing token, which every file written under the lease carries.
        acquired_at: Since when.
        ttl_seconds: How long after its last renewal the lease is over.
        checking: Held by whichever thread of the owner publishes with a check. A lock of this process is enough, for only the
            owner publishes; and were a lock file held and the process stopped, nobody could take the lease away.
    """

    def __init__(self, realm: Hashable, document: LeaseDocument) -> None:
        self.thread_id = document.thread_id
        self.owner = document.owner
        self.acquired_at: datetime = document.acquired_at
        self.ttl_seconds = document.ttl_seconds
        self.checking = threading.Lock()
        self._realm = realm
        self._document = document
        self._pid = os.getpid()
        self._mutex = threading.Lock()
        self._entries = 1
        self._publishing = 0
        self._none_publishing = threading.Condition(self._mutex)
        self._is_lost = False
        self._runs: dict[int, object] = {}
        self._published: set[tuple[str, str]] = set()

    def __repr__(self) -> str:
        state = "held" if self.is_held else "not held"
        return f"Lease(thread_id={self.thread_id!r}, owner={self.owner!r}, {state})"

    @property
    def is_held(self) -> bool:
        """Whether this process holds it, for all that is known without a look at the file."""
        return self._entries > 0 and not self._is_lost and self._pid == os.getpid()

    @property
    def is_lost(self) -> bool:
        """Whether somebody else has taken it away."""
        return self._is_lost

    @property
    def document(self) -> LeaseDocument:
        """What the file says, as of the last renewal."""
        return self._document

    def renewed(self, document: LeaseDocument) -> None:
        """Note a renewal."""
        self._document = document

    def lose(self) -> None:
        """Note that somebody else has taken it away."""
        self._is_lost = True

    def note_published(self, checkpoint_ns: str, checkpoint_id: str) -> None:
        """Note a checkpoint that was published under it."""
        self._published.add((checkpoint_ns, checkpoint_id))

    def has_published(self, checkpoint_ns: str, checkpoint_id: str) -> bool:
        """Tell whether a checkpoint was published under it by this process."""
        return (checkpoint_ns, checkpoint_id) in self._published

    def note_run(self, run: object) -> None:
        """Note that a run has read or written as the owner. None is no run."""
        if run is not None:
            if len(self._runs) >= _MOST_RUNS:
                del self._runs[next(iter(self._runs))]
            self._runs[id(run)] = run  # kept alive, so that no other object has its identity

    def is_of(self, run: object) -> bool:
        """Tell whether the run is one of the owner's."""
        return id(run) in self._runs

    def enter(self) -> bool:
        """Enter once more; False where it was given back already."""
        with self._mutex:
            if not self._entries:
                return False
            self._entries += 1
            return True

    def leave(self) -> bool:
        """Leave; True for the last one, who gives it back. A forked child that leaves the block has nothing to give."""
        if self._pid != os.getpid():
            return False
        with self._mutex:
            self._entries -= 1
            return not self._entries

    @contextlib.contextmanager
    def publishing(self) -> Iterator[bool]:
        """Publish a file under the lease inside the block; yields False where it has ended, and nothing is held off.

        A run that was cancelled may have puts under way still when its block ends: the lease is given back after them.
        """
        with self._mutex:
            is_held = self._entries > 0
            self._publishing += is_held
        try:
            yield is_held
        finally:
            with self._none_publishing:
                self._publishing -= is_held
                self._none_publishing.notify_all()

    def wait_for_publishing(self, timeout_seconds: float) -> None:
        """Wait until nothing is being published under the lease, which has ended, or until the time is over."""
        with self._none_publishing:
            self._none_publishing.wait_for(lambda: not self._publishing, timeout_seconds)

    def was_for(self, realm: Hashable, thread_id: str) -> bool:
        """Tell whether this is, or was, a lease of that thread."""
        return self.thread_id == thread_id and self._realm == realm

    def concerns(self, realm: Hashable, thread_id: str) -> bool:
        """Tell whether this is, or was, this process's lease of that thread."""
        return self.was_for(realm, thread_id) and self._pid == os.getpid() and self._entries > 0


def own_lease(realm: Hashable, thread_id: str, run: object = None) -> Lease | None:
    """Return the lease of a thread that the calling context or run owns: held, or lost and not yet left; else None."""
    for lease in reversed(_OWNED.get()):
        if lease.concerns(realm, thread_id):
            lease.note_run(run)
            return lease
    if run is not None:
        found = _LIVE.get((realm, thread_id))
        if found is not None and found.is_of(run) and found.concerns(realm, thread_id):
            return found
    return None


def note_taken(lease: Lease, realm: Hashable) -> None:
    """Note that this process has taken a lease; one that it had of the thread before is over."""
    _LIVE[realm, lease.thread_id] = lease


def note_given_back(lease: Lease, realm: Hashable) -> None:
    """Note that this process has given a lease back."""
    if _LIVE.get((realm, lease.thread_id)) is lease:
        del _LIVE[realm, lease.thread_id]


def had_lease(realm: Hashable, thread_id: str) -> bool:
    """Tell whether the calling context comes from a block that owned, or owns, a lease of the thread."""
    return any(lease.was_for(realm, thread_id) for lease in _OWNED.get())


@contextlib.contextmanager
def owning(lease: Lease) -> Iterator[None]:
    """Make the calling context the lease's owner inside the block."""
    _OWNED.set((*_OWNED.get(), lease))
    try:
        yield
    finally:
        # Without a token: blocks may overlap instead of nesting, and a block may be left in another context than it was
        # entered in, as generators are that a framework drives.
        owned = list(_OWNED.get())
        if lease in owned:
            owned.reverse()
            owned.remove(lease)  # the one that was entered last
            _OWNED.set(tuple(reversed(owned)))
