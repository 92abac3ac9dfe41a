"""Leases, as FileSaver offers them: a thread for oneself from the first read of a run to its last write."""

from __future__ import annotations

import builtins
import contextlib
from abc import abstractmethod
from collections.abc import AsyncIterator, Iterator

from langgraph_filesaver._exclusive import GraphT, exclusive
from langgraph_filesaver._leases import Lease, LockInfo, owning
from langgraph_filesaver._patience import waiting_for
from langgraph_filesaver._repository import Repository
from langgraph_filesaver._root import Root
from langgraph_filesaver._twins import Twins
from langgraph_filesaver.config import LEASE_MOST_TTL_SECONDS, LEASE_TTL_SECONDS

__all__ = ["LeaseMethods"]

_COURTEOUS_FROM_SECONDS = 0.5  # who has less time to wait cannot afford to let others go first


class LeaseMethods:
    """The part of a saver that deals with leases.

    Attributes:
        _twins: The saver's pool.
        _root: Its root.
        _lock_timeout_seconds: How long a call waits for a thread that somebody else has.
    """

    _twins: Twins
    _root: Root
    _lock_timeout_seconds: float

    @property
    @abstractmethod
    def _repository(self) -> Repository:
        """The threads."""

    @contextlib.contextmanager
    def thread_lock(
        self, thread_id: str, *, timeout_seconds: float | None = None, ttl_seconds: float = LEASE_TTL_SECONDS
    ) -> Iterator[Lease]:
        """Have a thread for oneself inside the block: nobody else writes to it, and nobody else gets it.

        The owner is the block and whatever is started from it with its context, as LangGraph's own threads and tasks are;
        for it the block can be entered again. Everybody else's puts to the thread wait, and raise LockTimeoutError; reading
        waits for nobody. While it is held, a thread of this process renews it. A holder that dies loses it at once for
        other processes of its machine, and after `ttl_seconds` for others; so does one that is stopped for so long, whose
        next put then raises ConflictError.

        Args:
            thread_id: The thread; there need be none yet.
            timeout_seconds: How long to wait for whoever has it; None: the saver's `lock_timeout_seconds`.
            ttl_seconds: How long after its last renewal it is over.

        Raises:
            LockTimeoutError: Somebody else had it all the time; the error tells who.
            StorageError: The lease cannot be written.
            ValueError: A `ttl_seconds` that is not positive, or more than a year.

        Example:
            >>> with saver.thread_lock("research-42"):
            ...     state = graph.get_state(config)
            ...     graph.invoke(next_question(state), config)
        """
        with self._lease(thread_id, timeout_seconds, ttl_seconds) as lease, owning(lease):
            yield lease

    @contextlib.asynccontextmanager
    async def athread_lock(
        self, thread_id: str, *, timeout_seconds: float | None = None, ttl_seconds: float = LEASE_TTL_SECONDS
    ) -> AsyncIterator[Lease]:
        """As `thread_lock`, without blocking the event loop: any number may wait, and none of them holds a thread of the pool."""
        async with self._alease(thread_id, timeout_seconds, ttl_seconds) as lease:
            with owning(lease):
                yield lease

    def exclusive(
        self, graph: GraphT, *, timeout_seconds: float | None = None, ttl_seconds: float = LEASE_TTL_SECONDS
    ) -> GraphT:
        """Return the same compiled graph, each run of which has its thread for itself, from its first read to its last write.

        That is `invoke`, `stream`, `batch`, `update_state` and all that is made of them, and their async forms. The thread is
        free again when the run ends, fails, is interrupted or cancelled, or when its stream is closed.

        Args:
            graph: A compiled graph whose checkpointer is this saver, or a clone of it.
            timeout_seconds: As for `thread_lock`.
            ttl_seconds: As for `thread_lock`.

        Raises:
            TypeError: It is no compiled graph.
            ValueError: Its checkpointer is another one.

        Example:
            >>> graph = saver.exclusive(builder.compile(checkpointer=saver))
        """
        _check_ttl(ttl_seconds)
        checkpointer = getattr(graph, "checkpointer", None)
        if isinstance(checkpointer, LeaseMethods) and checkpointer._is_clone_of(self):  # noqa: SLF001 of this class
            return exclusive(
                graph,
                lambda thread_id: self._lease(thread_id, timeout_seconds, ttl_seconds),
                lambda thread_id: self._alease(thread_id, timeout_seconds, ttl_seconds),
            )
        raise ValueError(
            f"the graph's checkpointer is {checkpointer!r}, not this saver: compile it with checkpointer=saver"
        )

    def locks(self) -> builtins.list[LockInfo]:
        """Return who has which thread now, and whose lease is over though nobody has needed the thread since.

        Raises:
            CorruptDataError: A lease cannot be read; it is named.
        """
        return self._repository.leases.listing()

    async def alocks(self) -> builtins.list[LockInfo]:
        """As `locks`, without blocking the event loop."""
        return await self._twins.run(self.locks)

    def break_lock(self, thread_id: str) -> LockInfo | None:
        """Take a thread away from whoever has it, and return whose it was, or None.

        The former owner's next put raises ConflictError, and what it is just publishing becomes a fork.
        """
        return self._repository.leases.take_away(str(thread_id))

    async def abreak_lock(self, thread_id: str) -> LockInfo | None:
        """As `break_lock`, without blocking the event loop."""
        return await self._twins.run(self.break_lock, thread_id)

    @contextlib.contextmanager
    def _lease(self, thread_id: str, timeout_seconds: float | None, ttl_seconds: float) -> Iterator[Lease]:
        """Have the lease of a thread inside the block, owned by no context yet."""
        _check_ttl(ttl_seconds)
        lease = self._enter(str(thread_id), self._timeout(timeout_seconds), ttl_seconds)
        try:
            yield lease
        finally:
            self._leave(lease)

    @contextlib.asynccontextmanager
    async def _alease(self, thread_id: str, timeout_seconds: float | None, ttl_seconds: float) -> AsyncIterator[Lease]:
        """As `_lease`, without blocking the event loop."""
        _check_ttl(ttl_seconds)
        timeout = self._timeout(timeout_seconds)
        taken: builtins.list[Lease] = []

        def take() -> None:
            taken.append(self._enter(str(thread_id), timeout, ttl_seconds))

        try:
            await self._twins.patiently(timeout, take)
            yield taken[0]
        finally:
            if taken:  # also where the call was cancelled while it was just being taken
                await self._twins.to_the_end(lambda: self._leave(taken[0]))

    def _is_clone_of(self, other: LeaseMethods) -> bool:
        return self._root is other._root

    def _timeout(self, given: float | None) -> float:
        return self._lock_timeout_seconds if given is None else given

    def _enter(self, thread_id: str, timeout_seconds: float, ttl_seconds: float) -> Lease:
        repository = self._repository
        own = repository.leases.own(thread_id)
        if own is not None and own.enter():
            return own
        is_hasty = timeout_seconds < _COURTEOUS_FROM_SECONDS
        return waiting_for(
            timeout_seconds,
            lambda has_waited: repository.take_lease(thread_id, ttl_seconds, has_waited=has_waited or is_hasty),
        )

    def _leave(self, lease: Lease) -> None:
        if lease.leave():
            self._repository.leases.give_back(lease)


def _check_ttl(ttl_seconds: float) -> None:
    if not 0 < ttl_seconds <= LEASE_MOST_TTL_SECONDS:
        raise ValueError(f"ttl_seconds={ttl_seconds}: give more than 0, and a year at most")
