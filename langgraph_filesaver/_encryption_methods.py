"""Keys of an encrypted store, as FileSaver offers it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from langgraph_filesaver._events import observed, thread_named
from langgraph_filesaver._patience import waiting_for
from langgraph_filesaver._repository import Repository
from langgraph_filesaver._twins import Twins

if TYPE_CHECKING:
    from langgraph_filesaver._rekeying import RekeyReport

__all__ = ["EncryptionMethods"]


class EncryptionMethods:
    """The part of a saver that deals with keys.

    Attributes:
        _twins: The saver's pool.
        _lock_timeout_seconds: How long a call waits for a thread that somebody else has.
    """

    _twins: Twins
    _lock_timeout_seconds: float

    @property
    @abstractmethod
    def _repository(self) -> Repository:
        """The threads."""

    @observed(thread_named)
    def rekey(
        self, thread_id: str | None = None, *, dry_run: bool = False, progress: Callable[[], None] | None = None
    ) -> RekeyReport:
        """Give all files the keys that new ones get, so that older keys are needed no more. It can be repeated at any time.

        What is in backups, and in threads that were removed to the trash, keeps the key that it has.

        Args:
            thread_id: The thread; None for all threads.
            dry_run: True: only tell what would be done.
            progress: Called after each file.

        Returns:
            How many files got another key.

        Raises:
            ValueError: The store is not encrypted.
            DecryptionError: A file does not open, for it is damaged or its key is not there; it is named. What was done is done.
            LockTimeoutError: Somebody has had the thread all the time.
        """
        from langgraph_filesaver._rekeying import RekeyReport

        return RekeyReport.sum(self._rekey_one(each, dry_run, progress) for each in self._rekeyed(thread_id))

    def _rekeyed(self, thread_id: str | None) -> list[str]:
        store = self._repository.store
        if not store.keyed_names:
            raise ValueError(f"{store.describe('')} is not encrypted: there is no key to change")
        return self._repository.thread_ids() if thread_id is None else [str(thread_id)]

    def _rekey_one(self, thread_id: str, is_dry: bool, progress: Callable[[], None] | None) -> RekeyReport:  # noqa: FBT001 passed on by position
        from langgraph_filesaver import _rekeying as rekeying

        def attempt(_: bool) -> RekeyReport:  # noqa: FBT001 how `waiting_for` calls it
            return rekeying.rekey_thread(self._repository, thread_id, progress, is_dry=is_dry)

        return waiting_for(self._lock_timeout_seconds, attempt)

    async def arekey(
        self, thread_id: str | None = None, *, dry_run: bool = False, progress: Callable[[], None] | None = None
    ) -> RekeyReport:
        """As `rekey`, without blocking the event loop; `progress` is called on another thread."""
        from langgraph_filesaver._rekeying import RekeyReport

        return RekeyReport.sum(
            [
                await self._twins.patiently(self._lock_timeout_seconds, self._rekey_one, each, dry_run, progress)
                for each in await self._twins.run(self._rekeyed, thread_id)
            ]
        )
