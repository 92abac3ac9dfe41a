"""Whether a file may get its name now: the thread is nobody else's, and what the file builds on is still the newest.

Serves one attempt to store one document. It looks early, so that nothing is encoded in vain, and again where the name is
given, in one step with that (P2, P5).

In a far store there is no such step, for nobody is held off. There it looks early, and again after the name was given: what was
published while somebody took the thread is not reported as stored.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext

from langgraph_filesaver._leases import Leases
from langgraph_filesaver.errors import ConflictError

__all__ = ["Publication"]


class Publication:
    """One document's way to its name.

    Args:
        leases: The leases of the store.
        thread_id: The thread.
        check: Raises ConflictError where the document must not be published any more; then nobody else publishes between
            this look and the name. None: there is nothing to look at.
        run: An object that stands for the run, or None.
        claim: In a far store, called in place of holding others off who publish with a check: raises ConflictError where one
            of them was faster.

    Attributes:
        fencing_token: The token that the document carries, or None.
    """

    def __init__(
        self,
        leases: Leases,
        thread_id: str,
        check: Callable[[], None] | None = None,
        run: object = None,
        claim: Callable[[], None] | None = None,
    ) -> None:
        self._leases = leases
        self._thread_id = thread_id
        self._check = check
        self._claim = claim
        self._mark: bytes | None = None
        self._lease = leases.own(thread_id, run)
        self.fencing_token = None if self._lease is None else self._lease.owner

    @contextlib.contextmanager
    def under_way(self) -> Iterator[None]:
        """Keep the lease, if there is one, from being given back inside the block.

        Raises:
            HeldError: It has just been given back: another attempt finds out what that means.
        """
        if self._lease is None:
            yield
            return
        with self._lease.publishing() as is_held:
            if not is_held:
                raise self._leases.held(self._thread_id)
            yield

    def look(self) -> None:
        """Look whether it is worth beginning.

        Raises:
            HeldError: Somebody else has the thread.
            ConflictError: The lease was lost, or the check says no.
        """
        if self._lease is None:
            if self._leases.is_far:
                self._mark = self._leases.mark(self._thread_id)
            else:
                self._leases.refuse_held(self._thread_id, is_hasty=True)
        else:
            self._leases.verify_by_clock(self._lease)
        if self._check is not None:
            self._check()

    def turn(self) -> AbstractContextManager[None]:
        """Hold off whatever must not come between a last look and the name, which is given inside; raises as `look` does."""
        if self._leases.is_far:
            if self._claim is not None:
                self._claim()
            return nullcontext()
        if self._lease is None and self._check is None:
            return self._leases.outsiders_turn(self._thread_id, alone=False)
        return self._checked_turn()

    @contextlib.contextmanager
    def _checked_turn(self) -> Iterator[None]:
        with contextlib.ExitStack() as turns:
            if self._lease is None:
                turns.enter_context(self._leases.outsiders_turn(self._thread_id, alone=True))
            else:
                if self._check is not None:
                    turns.enter_context(self._lease.checking)
                self._leases.verify(self._lease)
            if self._check is not None:
                self._check()
            yield

    def note_published(self, checkpoint_ns: str, checkpoint_id: str) -> None:
        """Note that the checkpoint is stored."""
        if self._lease is not None and self._leases.is_far:
            self._lease.note_published(checkpoint_ns, checkpoint_id)

    def confirm(self) -> None:
        """Look, after the name was given, whether it was given in time.

        Raises:
            ConflictError: The lease was lost meanwhile: what was published may stand behind a fence, as a fork. Or somebody
                took one who could not be held off.
        """
        if self._lease is None:
            if self._leases.is_far:
                self._leases.confirm_free(self._thread_id, self._mark)
        else:
            try:
                self._leases.verify(self._lease)
            except ConflictError as error:
                raise ConflictError(f"{error}. What was just written may have become a fork of the thread") from error
