"""A folder and its mirror: what one process knows of their threads, and what happens while the mirror is down."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

from langgraph_filesaver._mirror.deletions import Deletions
from langgraph_filesaver._mirror.owner import Owners
from langgraph_filesaver._mirror.transfer import Transfer
from langgraph_filesaver._store import Store
from langgraph_filesaver.config import MIRROR_PAUSE_SECONDS
from langgraph_filesaver.errors import StorageError

__all__ = ["Link", "MirroredThread"]


class MirroredThread:
    """What a process knows of one thread."""

    def __init__(self) -> None:
        self.mutex = threading.RLock()
        self.is_compared = False
        self.pending: set[str] = set()
        self.stamps: dict[str, tuple[int, ...]] = {}


class _OfProcess:
    """What belongs to one process and is made anew after a fork."""

    def __init__(self, local: Store, remote: Store) -> None:
        self.pid = os.getpid()
        self.mutex = threading.Lock()
        self.threads: dict[str, MirroredThread] = {}
        self.owners = Owners(local, remote)
        self.down_until = 0.0
        self.last_error: str | None = None
        self.is_warned = False


class Link:
    """A folder and its mirror.

    Args:
        local: The folder.
        remote: The mirror.
        is_required: Whether a write fails that did not get there; else it is told once, and made up for.

    Attributes:
        out: Copies from the folder to the mirror.
        back: Copies from the mirror to the folder.
        deletions: Those that the mirror has still to make.
    """

    def __init__(self, local: Store, remote: Store, *, is_required: bool) -> None:
        self.local = local
        self.remote = remote
        self.is_required = is_required
        self.out = Transfer(local, remote)
        self.back = Transfer(remote, local)
        self.deletions = Deletions(local)
        self._own: _OfProcess | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_own": None}

    @property
    def process(self) -> _OfProcess:
        """What belongs to this process."""
        own = self._own
        if own is None or own.pid != os.getpid():
            own = self._own = _OfProcess(self.local, self.remote)
        return own

    def thread(self, name: str) -> MirroredThread:
        """Return what this process knows of a thread."""
        own = self.process
        with own.mutex:
            return own.threads.setdefault(name, MirroredThread())

    def do(self, work: Callable[[], object], *, is_needed: bool | None = None) -> bool:
        """Do something in the mirror; False where it is down and need not be up.

        Raises:
            StorageError: It is down, and must be up.
        """
        own = self.process
        is_needed = self.is_required if is_needed is None else is_needed
        if not is_needed and time.monotonic() < own.down_until:
            return False
        try:
            work()
        except StorageError as error:
            own.last_error = str(error)
            if is_needed:
                raise StorageError(
                    f"the mirror failed: {error}. What is in {self.local.describe('')} is intact; repeat the call when the "
                    "mirror is back, or go on without it by mirror_required=False",
                    path=error.path,
                    number=error.errno,
                ) from error
            self._note_outage(error)
            return False
        own.down_until, own.last_error, own.is_warned = 0.0, None, False
        return True

    def _note_outage(self, error: StorageError) -> None:
        own = self.process
        own.down_until = time.monotonic() + MIRROR_PAUSE_SECONDS
        if not self.is_required and not own.is_warned:
            own.is_warned = True
            warnings.warn(
                f"the mirror is down, and will be brought up to date when it is back: {error}",
                RuntimeWarning,
                stacklevel=4,
            )
