"""What a remote store needs of a filesystem: whole objects, put under conditions, and listings that are never cached.

A driver makes one attempt at one request. It knows its backend's ways of saying "there is something already", "it is
another one by now" and "try again later", and tells them by the same three errors. It retries nothing and decides nothing:
`Requests` retries, the store decides.

What would break it: a listing from a cache, a name that is taken for a pattern (`rm` and `cat` of fsspec expand `*`), a
file that appears before all of it is there.
"""

from __future__ import annotations

import hashlib
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

from langgraph_filesaver._store.base import Versioned

__all__ = ["Condition", "ConditionError", "Driver", "Head", "Item", "TransientError"]


class ConditionError(Exception):
    """A put was not done: its condition did not hold."""


class TransientError(Exception):
    """The backend may do it another time: it was busy, or did not answer. Whether it was done is not known."""


class Condition(NamedTuple):
    """When a put may be done.

    Attributes:
        is_absent: Only where nothing is there.
        version: Only where what is there has this version.
    """

    is_absent: bool = False
    version: str | None = None


class Head(NamedTuple):
    """What a backend tells of an object without sending it."""

    bytes: int
    modified_at: float
    version: str


class Item(NamedTuple):
    """One line of a listing; `path` is relative to the folder that was listed."""

    path: str
    is_folder: bool
    bytes: int = 0
    modified_at: float = 0.0
    version: str = ""


class Driver(ABC):
    """One filesystem, for one process at a time.

    A child after a fork has its own instance: what the parent's has open is the parent's.

    Args:
        fs: The filesystem.

    Attributes:
        can_exclude: A put that is bound to nothing being there is one step. A filesystem that looks and then writes seems to
            keep the condition when it is tried, and has two winners as soon as two try at once.
        can_swap: Puts can be bound to a version.
        may_have_repeated: The filesystem, or the HTTP client below it, may itself have repeated a request, so that a condition which does not hold may
            have been made untrue by the same call.
        is_durable: What was put survives the power cut of a machine.
        has_exact_versions: A listing tells another version of whatever was put again. Where it does not, `get` tells one of
            another kind, so that the two are never taken for the same.
    """

    can_exclude = True
    can_swap = False
    may_have_repeated = False
    is_durable = True
    has_exact_versions = True

    def __init__(self, fs: Any) -> None:
        self._given = fs
        self._of_process: tuple[int, Any] = (os.getpid(), fs)
        self._mutexes: dict[int, threading.Lock] = {}

    @property
    def fs(self) -> Any:
        """The filesystem of this process."""
        pid, fs = self._of_process
        if pid != os.getpid():
            with self._mutexes.setdefault(os.getpid(), threading.Lock()):  # not the parent's, which may be held
                if self._of_process[0] != os.getpid():
                    fs = type(fs)(*fs.storage_args, **{**fs.storage_options, "skip_instance_cache": True})
                    self._of_process = (os.getpid(), fs)
                return self._of_process[1]
        return fs

    @property
    def identity(self) -> str:
        """The same for filesystems that were made alike: a digest, for there may be secrets in it."""
        fs = self._given
        return hashlib.sha256(repr((type(fs), fs.storage_args, fs.storage_options)).encode()).hexdigest()

    def __getstate__(self) -> dict[str, Any]:
        fs = self._given
        return {**self.__dict__, "_mutexes": {}, "_of_process": (-1, fs)}

    @abstractmethod
    def get(self, path: str) -> Versioned | None:
        """Return an object and its version, or None where it is missing."""

    @abstractmethod
    def get_range(self, path: str, start: int, end: int) -> bytes | None:
        """Return the bytes from `start` to before `end`, or None where the object is missing."""

    @abstractmethod
    def head(self, path: str) -> Head | None:
        """Tell size, age and version, or None where it is missing."""

    @abstractmethod
    def put(self, path: str, data: bytes, condition: Condition) -> str:
        """Store an object as a whole, in one request; return its version ("" where the backend tells none).

        Raises:
            ConditionError: The condition did not hold.
        """

    @abstractmethod
    def upload(self, path: str, local_path: str) -> None:
        """Store a local file, however large, in place of what is there; it appears as a whole."""

    @abstractmethod
    def copy(self, source: str, target: str) -> bool:
        """Store what `source` has under `target`, in place of what is there; False where there is no source."""

    @abstractmethod
    def delete(self, paths: Sequence[str]) -> None:
        """Remove objects, as many in one request as the backend takes; a missing one is fine."""

    @abstractmethod
    def scan(self, folder: str, *, deep: bool) -> list[Item]:
        """Return what is in a folder now: directly inside, or with `deep` every object below it. Missing is empty."""

    def prepare_folder(self, folder: str) -> None:  # noqa: B027 most backends have no such things
        """Make a folder, where the backend has such things."""
