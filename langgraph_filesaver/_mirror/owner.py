"""Which machine mirrors a thread: one object per thread in the mirror, changed by compare-and-swap.

Two folders that mirror one thread would each call the other's files missing. So a folder first makes itself a thread's owner.
It stays so while it renews that, which it does at its own puts and only then; another one may take a thread over whose owner is
known to be dead, or has not renewed it for a while. The former owner's next put finds out, by the swap that fails. A folder is
told from another one by a random id in it, so two folders of one machine are two owners.

Where the mirror has no compare-and-swap, another owner is reported and not refused.
"""

from __future__ import annotations

import time
import uuid
import warnings
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import orjson

from langgraph_filesaver._layout import MIRROR_FOLDER
from langgraph_filesaver._process import Process, this_process
from langgraph_filesaver._serde.text import parse
from langgraph_filesaver._store import Store
from langgraph_filesaver.config import MIRROR_TTL_SECONDS
from langgraph_filesaver.errors import ConflictError, CorruptDataError, LockTimeoutError

__all__ = ["Owners"]

_FOLDER_KEY = f"{MIRROR_FOLDER}/folder.json"


class Owners:
    """Who owns the threads of a mirror.

    Args:
        local: The folder, which holds its own id.
        remote: The mirror.
        calendar: The time.
    """

    def __init__(
        self, local: Store, remote: Store, calendar: Callable[[], datetime] = lambda: datetime.now(timezone.utc)
    ) -> None:
        self._local = local
        self._remote = remote
        self.calendar = calendar
        self._folder_id: str | None = None
        self._held: dict[str, tuple[str, float]] = {}

    def is_sure(self, name: str) -> bool:
        """Tell whether this folder is the owner of a thread for certain, without asking the mirror."""
        held = self._held.get(name)
        return held is not None and time.monotonic() - held[1] < MIRROR_TTL_SECONDS / 2

    def claim(self, name: str) -> bool:
        """Make this folder the owner of a thread; tell whether it was not known to be so before.

        Raises:
            LockTimeoutError: Another folder is its owner, and may be alive.
            ConflictError: Another folder has become its owner since.
            StorageError: The mirror cannot be reached.
        """
        if self.is_sure(name):
            return False
        held = self._held.get(name)
        if held is not None:
            self._renew(name, held[0])
            return False
        self._take(name)
        return True

    def _renew(self, name: str, version: str) -> None:
        at = time.monotonic()
        swapped = self._swap(name, version)
        if swapped is None:
            del self._held[name]
            found = self._found(name)
            if found is not None and found[0].get("folder") == self._id():
                self._take(name)  # another process of this folder has renewed it
                return
            raise ConflictError(
                f"thread {name!r} was taken over by {_told(found[0] if found else {})}, which has gone on with it in "
                f"{self._remote.describe(name)}: pull it, and read it again"
            )
        self._held[name] = (swapped, at)

    def _take(self, name: str) -> None:
        at = time.monotonic()
        found = self._found(name)
        if found is not None and found[0].get("folder") != self._id() and not self._is_over(found[0]):
            if self._remote.properties.compare_and_swap:
                raise LockTimeoutError(
                    f"thread {name!r} is mirrored by {_told(found[0])}: two folders must not mirror one thread. Use that one, or "
                    f"try again when it has not put anything for {MIRROR_TTL_SECONDS:g} s",
                    path=self._key(name),
                    timeout_seconds=0.0,
                    holder={key: found[0].get(key) for key in ("host", "pid", "renewed_at", "root")},
                )
            warnings.warn(
                f"thread {name!r} is mirrored by {_told(found[0])} as well, and {self._remote.describe('')} cannot keep the two apart",
                RuntimeWarning,
                stacklevel=2,
            )
        swapped = self._swap(name, None if found is None else found[1])
        if swapped is None:
            raise LockTimeoutError(
                f"thread {name!r} is just being taken by another folder that mirrors it: try again",
                path=self._key(name),
                timeout_seconds=0.0,
                holder=None,
            )
        self._held[name] = (swapped, at)

    def is_of_another(self, name: str) -> bool:
        """Tell whether the mirror names another folder as the owner of a thread."""
        found = self._found(name)
        return found is not None and found[0].get("folder") != self._id()

    def _found(self, name: str) -> tuple[dict[str, Any], str] | None:
        if not self._remote.properties.compare_and_swap:
            data = self._remote.read(self._key(name))
            return None if data is None else (_parsed(data), "")
        found = self._remote.read_versioned(self._key(name))
        return None if found is None else (_parsed(found.data), found.version)

    def _swap(self, name: str, version: str | None) -> str | None:
        process = this_process()
        document = {
            "format": 1,
            "folder": self._id(),
            "root": self._local.describe(""),
            "host": process.host,
            "pid": process.pid,
            "boot_id": process.boot_id,
            "pid_namespace": process.pid_namespace,
            "pid_started": process.started,
            "renewed_at": self.calendar().isoformat(timespec="milliseconds"),
        }
        data = orjson.dumps(document, option=orjson.OPT_INDENT_2)
        if self._remote.properties.compare_and_swap:
            return self._remote.swap(self._key(name), data, version)
        self._remote.replace(self._key(name), data)
        return "unknown"

    def _is_over(self, document: dict[str, Any]) -> bool:
        try:
            process = Process(
                document["host"],
                document["boot_id"],
                document["pid_namespace"],
                document["pid"],
                document["pid_started"],
            )
            if process.is_known_dead():
                return True
            renewed_at = datetime.fromisoformat(document["renewed_at"])
            # Twice, for calendars differ; the owner itself goes by a clock that nobody sets.
            return self.calendar() > renewed_at + timedelta(seconds=2 * MIRROR_TTL_SECONDS)
        except (KeyError, TypeError, ValueError):  # changed by a person: nobody who renews it
            return True

    def _id(self) -> str:
        if self._folder_id is None:
            made = orjson.dumps({"format": 1, "folder": uuid.uuid4().hex}, option=orjson.OPT_INDENT_2)
            self._local.create(_FOLDER_KEY, made)
            self._folder_id = str(_parsed(self._local.read(_FOLDER_KEY) or made)["folder"])
        return self._folder_id

    @staticmethod
    def _key(name: str) -> str:
        return f"{MIRROR_FOLDER}/owners/{name}.json"


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        document = parse(data)
    except CorruptDataError:
        return {}
    return document if isinstance(document, dict) else {}


def _told(document: dict[str, Any]) -> str:
    host, root = document.get("host", "another machine"), document.get("root", "another folder")
    return f"{root} on {host} (process {document.get('pid')}, renewed {document.get('renewed_at')})"
