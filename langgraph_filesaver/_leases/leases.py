"""Leases on threads: taken, renewed, given back, taken away; and whose turn it is to publish a file.

The file `.locks/<thread>.lease.json` says who has the thread. It is looked at and changed under a lock file beside it,
which is never held for longer than that takes:

- Who takes, renews, gives back or takes away a lease holds the lock alone.
- An *outsider*, who publishes a file without a lease, holds it with other outsiders from the look at the lease until the
  file has its name. So nothing of an outsider appears once a lease was taken.
- The *owner* holds nothing while publishing: were it stopped just then, nobody could ever take its lease away. It looks
  before and after. What it publishes between the look and the moment when its lease is taken away carries its token, and
  whoever takes the lease away first changes the file, so that the owner's next look fails, and then puts up a *fence*
  against the token: what stands behind it is a fork, and never the latest (`Repository.put_up_fence`).

What would break it: a lease taken for over while its holder lives, runs and renews it; a calendar trusted for that.
"""

from __future__ import annotations

import random
import uuid
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import orjson

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._leases.clock import SYSTEM_CLOCK
from langgraph_filesaver._leases.document import LeaseDocument, Seen, is_over, says_free
from langgraph_filesaver._leases.heartbeat import HEARTBEAT
from langgraph_filesaver._leases.holders import HeldError, LockInfo, cannot_take_away
from langgraph_filesaver._leases.lease import Lease, had_lease, note_given_back, note_taken, own_lease
from langgraph_filesaver._leases.places import ChangedError, LeasePlace
from langgraph_filesaver._leases.turns import OutsidersTurn, Turns
from langgraph_filesaver._process import boot_id, this_process
from langgraph_filesaver._serde.text import parse
from langgraph_filesaver.config import LEASE_POLL_SECONDS, LEASE_TTL_SECONDS
from langgraph_filesaver.errors import ConflictError, CorruptDataError, FileSaverError, StorageError

__all__ = ["Leases"]

T = TypeVar("T")

_MOST_WATCHED = 10_000
_LOOKS = 20
_BEAT_TIMEOUT_SECONDS = 0.1  # one lease whose lock somebody keeps must not cost the other ones of this process theirs


class Leases:
    """The leases on the threads of one store.

    Args:
        place: Where they lie.
        put_up_fence: Called with a thread and the token of a former owner that may still write.
        timeout_seconds: How long to wait for the lock beside a lease.

    Attributes:
        clock: The clocks.
        is_far: Whether a look at a lease is a request.
    """

    def __init__(self, place: LeasePlace, put_up_fence: Callable[[str, str], None], timeout_seconds: float) -> None:
        self.clock = SYSTEM_CLOCK
        self._place = place
        self._put_up_fence = put_up_fence
        self._turns = Turns(place, timeout_seconds)
        self._watched: dict[str, tuple[bytes, float]] = {}
        self.is_far = place.is_far

    def own(self, thread_id: str, run: object = None) -> Lease | None:
        """Return the lease of the thread that the calling context or run has, or had and lost; None for an outsider.

        Args:
            thread_id: The thread.
            run: An object that stands for the run, or None. In the owner's context it is noted as the owner's.
        """
        return own_lease(self._place.realm, thread_id, run)

    def had(self, thread_id: str) -> bool:
        """Tell whether the calling context comes from a block that owned a lease of the thread.

        What such a run still writes must not bury what others have written since.
        """
        return had_lease(self._place.realm, thread_id)

    # --- the owner

    def take(self, thread_id: str, ttl_seconds: float, *, has_waited: bool = False) -> Lease:
        """Take the lease of a thread, which nobody has, and renew it from now on.

        Who has not waited lets those go first who have just been waiting: else one who takes it back to back would keep
        all others out.

        Args:
            thread_id: The thread.
            ttl_seconds: How long after its last renewal it is over.
            has_waited: Whether the caller has waited for it.

        Raises:
            HeldError: Somebody has it, or waits for it, or holds the lock beside it just now.
            StorageError: The file cannot be written.
        """
        if not (has_waited or self._place.is_far):
            self._let_waiters_go_first(thread_id)

        def put_in_place() -> LeaseDocument:
            self._refuse_living(thread_id)
            if not has_waited and self._place.is_far:  # there the look at the lease tells it, too
                self._let_waiters_go_first(thread_id)
            wanted = self._new(thread_id, ttl_seconds)  # now, for the time to live begins now
            self._replace(thread_id, wanted)
            return wanted

        wanted = self._changing(thread_id, put_in_place, is_hasty=True)
        lease = Lease(self._place.realm, wanted)
        note_taken(lease, self._place.realm)
        try:
            HEARTBEAT.start(wanted.owner, ttl_seconds, self._beat(weakref.ref(lease)))
        except RuntimeError:
            self.give_back(lease)
            raise
        return lease

    def _let_waiters_go_first(self, thread_id: str) -> None:
        if self._place.waited_ago_seconds(thread_id) < self._place.courtesy_seconds:
            pause = max(LEASE_POLL_SECONDS[1], self._place.poll_seconds) * random.uniform(1.5, 2.5)  # noqa: S311 as below
            raise HeldError(thread_id, self._path(thread_id), None, pause_seconds=pause)

    def _poll_seconds(self) -> float:
        # At random, so that not always the same one comes first.
        return self._place.poll_seconds * random.uniform(0.25, 1.0)  # noqa: S311 no secret

    def give_back(self, lease: Lease) -> None:
        """End a lease; one that was lost is somebody else's by now.

        Raises:
            StorageError: The file cannot be removed; the lease will be over by itself.
        """
        lease.wait_for_publishing(self._turns.timeout_seconds)
        note_given_back(lease, self._place.realm)
        HEARTBEAT.stop(lease.owner)

        def remove() -> None:
            found = self._found(lease.thread_id)
            if found is not None and found.owner == lease.owner:
                self._place.remove(layout.lease_name(lease.thread_id))

        self._changing(lease.thread_id, remove)

    def verify_by_clock(self, lease: Lease) -> None:
        """Make sure that the lease is not over; without a look at it, where that is a request. Raises as `verify` does."""
        is_young = self.clock.monotonic() <= lease.document.renewed_monotonic_seconds + lease.ttl_seconds
        if not (self._place.is_far and is_young and not lease.is_lost):
            self.verify(lease)

    def verify(self, lease: Lease) -> None:
        """Make sure that the lease is its owner's now.

        Raises:
            ConflictError: It is not; what the owner writes from now on would come too late.
        """
        if not lease.is_lost:
            found = self._found(lease.thread_id)
            if found is None or found.owner != lease.owner:
                lease.lose()
            elif self.clock.monotonic() > lease.document.renewed_monotonic_seconds + lease.ttl_seconds:
                self._renew_or_lose(lease)  # over, but nobody has taken it away
        if lease.is_lost:
            raise ConflictError(
                f"the lease of thread {lease.thread_id!r}, taken at {lease.acquired_at.isoformat(timespec='seconds')}, was lost: "
                f"it was not renewed for {lease.ttl_seconds:g} s, or was broken, and somebody else may have gone on. Take it "
                "again and read the thread again"
            )

    def _beat(self, reference: weakref.ref[Lease]) -> Callable[[], bool]:
        # Weakly: see `_LIVE` in `lease`.
        def beat() -> bool:
            lease = reference()
            return lease is not None and self._renew_or_lose(lease, timeout_seconds=_BEAT_TIMEOUT_SECONDS)

        return beat

    def _renew_or_lose(self, lease: Lease, timeout_seconds: float | None = None) -> bool:
        def renew() -> bool:
            found = self._found(lease.thread_id)
            if found is None or found.owner != lease.owner:
                lease.lose()
                return False
            renewed = replace(found, renewed_at=self.clock.calendar(), renewed_monotonic_seconds=self.clock.monotonic())
            self._write(renewed)
            lease.renewed(renewed)
            return True

        return self._changing(lease.thread_id, renew, timeout_seconds=timeout_seconds)

    # --- outsiders

    def refuse_held(self, thread_id: str, *, is_hasty: bool = False) -> None:
        """Raise HeldError where somebody has the thread now; take the lease away from one who has it no more."""
        if self.is_leased(thread_id):

            def clear() -> None:
                self._refuse_living(thread_id)
                self._replace(thread_id, None)

            self._changing(thread_id, clear, is_hasty=is_hasty)

    def mark(self, thread_id: str) -> bytes | None:
        """Return what tells whether a lease was taken meanwhile, for `confirm_free`; raises as `refuse_held` does."""
        mark = self._place.mark(layout.lease_name(thread_id))
        if self._place.tells_held(mark):
            self.refuse_held(thread_id, is_hasty=True)
            mark = self._place.mark(layout.lease_name(thread_id))
        return mark

    def confirm_free(self, thread_id: str, mark: bytes | None) -> None:
        """Make sure, after an outsider has published without holding anybody off, that nobody had the thread meanwhile.

        Raises:
            ConflictError: Somebody took it.
        """
        if self._place.mark(layout.lease_name(thread_id)) != mark:
            raise ConflictError(
                f"thread {thread_id!r} was leased by somebody while this call was storing, so what it stored may have become a "
                "fork of the thread. Read the thread again"
            )

    def may_meet_outsiders(self, thread_id: str) -> bool:
        """Tell whether an owner has to look for what outsiders publish who do not know yet that the thread is leased."""
        return self._place.is_new(layout.lease_name(thread_id))

    def outsiders_turn(self, thread_id: str, *, alone: bool) -> OutsidersTurn:
        """Nobody has the thread, or takes it, inside the block; with `alone` no other outsider publishes, either.

        Raises:
            HeldError: Somebody has it.
            LockTimeoutError: The lock beside the lease was held by somebody all the time.
        """
        return OutsidersTurn(
            self._turns,
            thread_id,
            alone=alone,
            is_leased=self.is_leased,
            refuse_held=self.refuse_held,
            held=self.held,
        )

    def is_leased(self, thread_id: str) -> bool:
        """Tell whether there is a lease, over or not."""
        return self._place.is_there(layout.lease_name(thread_id))

    def to_fence(self, thread_id: str) -> tuple[str, ...]:
        """Return the tokens of former owners against whom a fence is just being put up, for readers: raises nothing."""
        try:
            data = self._place.peek(layout.lease_name(thread_id))
            return () if data is None else LeaseDocument.from_json(parse(data)).to_fence
        except FileSaverError:  # nothing that can be read says so
            return ()

    def held(self, thread_id: str) -> HeldError:
        """Return the error that tells who has the thread."""
        return HeldError(thread_id, self._path(thread_id), self._found(thread_id), pause_seconds=self._poll_seconds())

    # --- for people

    def listing(self) -> list[LockInfo]:
        """Return who has which thread; a file that cannot be read raises CorruptDataError."""
        found = (self._parsed(name, self._place.read(name)) for name in self._place.names())
        return [self._info(lease) for lease in found if lease is not None]

    def info(self, thread_id: str) -> LockInfo | None:
        """Return who has a thread; a file that cannot be read raises CorruptDataError."""
        name = layout.lease_name(thread_id)
        lease = self._parsed(name, self._place.read(name))
        return None if lease is None else self._info(lease)

    def take_away(self, thread_id: str) -> LockInfo | None:
        """Take the lease of a thread away from whoever has it; return whose it was, or None."""

        def clear() -> LockInfo | None:
            found = self._found(thread_id)
            info = None if found is None else self._info(found)
            self._replace(thread_id, None)
            return info

        return self._changing(thread_id, clear)

    def _info(self, lease: LeaseDocument) -> LockInfo:
        name = layout.lease_name(lease.thread_id)
        return LockInfo(
            thread_id=lease.thread_id,
            owner=lease.owner,
            pid=lease.process.pid,
            host=lease.process.host,
            acquired_at=lease.acquired_at,
            renewed_at=lease.renewed_at,
            expires_at=lease.expires_at,
            is_over=is_over(lease, self._seen(lease.thread_id, self._place.read(name) or b"", lease)),
            path=self._place.path(name),
        )

    # --- the file; the caller has the turn alone where it changes

    def _refuse_living(self, thread_id: str) -> None:
        data = self._place.read(layout.lease_name(thread_id))
        if data is None:
            return
        try:
            found = self._parsed(layout.lease_name(thread_id), data)
        except CorruptDataError:
            # Torn by a power cut or changed by a person: whoever has it would have renewed it by now.
            seen = self._seen(thread_id, data, None)
            if seen.unchanged_seconds > LEASE_TTL_SECONDS or seen.is_written_long_ago(LEASE_TTL_SECONDS):
                return
            self._place.note_waiting(thread_id)
            raise HeldError(thread_id, self._path(thread_id), None, pause_seconds=self._poll_seconds()) from None
        if found is not None and not is_over(found, self._seen(thread_id, data, found)):
            self._place.note_waiting(thread_id)
            raise HeldError(thread_id, self._path(thread_id), found, pause_seconds=self._poll_seconds())

    def _replace(self, thread_id: str, wanted: LeaseDocument | None) -> None:
        """Put `wanted` in the place of the lease that is there, and a fence against all who may still write under that."""
        name = layout.lease_name(thread_id)
        try:
            found = self._parsed(name, self._place.read(name))
        except CorruptDataError:
            found = None
        owners = () if found is None else found.to_fence  # then nobody has had it: who took it has not come to the end
        if found is not None and not owners and not found.process.is_known_dead():
            owners = (found.owner,)
        if owners:
            # First, so that the former owner's next look fails, and so that who comes after a crash here goes on with it.
            # It is over at once: where no fence can be put up, as nobody can read the thread, nobody is to wait either.
            try:
                self._write(replace(wanted or self._new(thread_id, 0.0), to_fence=owners, ttl_seconds=0.0))
                for owner in owners:
                    self._put_up_fence(thread_id, owner)
            except StorageError as error:
                raise cannot_take_away(thread_id, found, error) from error
        if wanted is None:
            self._place.remove(name)
        else:
            self._write(wanted)

    def _new(self, thread_id: str, ttl_seconds: float) -> LeaseDocument:
        now, monotonic = self.clock.calendar(), self.clock.monotonic()
        return LeaseDocument(thread_id, uuid.uuid4().hex, this_process(), now, now, monotonic, ttl_seconds)

    def _found(self, thread_id: str) -> LeaseDocument | None:
        name = layout.lease_name(thread_id)
        try:
            return self._parsed(name, self._place.read(name))
        except CorruptDataError:
            return None

    def _parsed(self, name: str, data: bytes | None) -> LeaseDocument | None:
        if data is None:
            return None
        try:
            raw = parse(data)
            return None if says_free(raw) else LeaseDocument.from_json(raw)
        except CorruptDataError as error:
            raise error.in_file(self._place.path(name)) from error

    def _write(self, lease: LeaseDocument) -> None:
        self._place.write(layout.lease_name(lease.thread_id), orjson.dumps(lease.to_json(), option=orjson.OPT_INDENT_2))

    def _seen(self, thread_id: str, data: bytes, lease: LeaseDocument | None) -> Seen:
        monotonic = self.clock.monotonic()
        known = self._watched.get(thread_id)
        if known is None or known[0] != data:
            if len(self._watched) >= _MOST_WATCHED:
                self._watched.clear()
            known = self._watched[thread_id] = (data, monotonic)
        is_of_this_boot = lease is not None and lease.process.boot_id == boot_id()
        ago = 0.0 if is_of_this_boot else self._place.written_ago_seconds(thread_id)
        return Seen(self.clock.calendar(), monotonic, boot_id(), monotonic - known[1], ago)

    def _path(self, thread_id: str) -> str:
        return self._place.path(layout.lease_name(thread_id))

    def _changing(
        self,
        thread_id: str,
        change: Callable[[], T],
        *,
        timeout_seconds: float | None = None,
        is_hasty: bool = False,
    ) -> T:
        """Return what `change` returns, which looks at the lease and changes it, alone; waits as `Turns.hold` does."""
        for _ in range(_LOOKS):
            try:
                with self._turns.hold(thread_id, shared=False, timeout_seconds=timeout_seconds, is_hasty=is_hasty):
                    return change()
            except ChangedError:  # only in a place where nobody is held off
                continue
        raise self.held(thread_id)
