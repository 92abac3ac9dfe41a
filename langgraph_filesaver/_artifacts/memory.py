"""What a saver remembers of what it stored, so as not to encode it again; bounded in bytes, and only ever a short cut.

- *Runs*: items of a list that became one chunk. Found by the identity of the first item, believed only if the
  fingerprint of all of them is the same as then: an item that was changed in place is seen.
- *Chunks*: what a chunk's file was read, verified and parsed to, for as long as the file stands as it was then, untouched
  (its stamp: the rule of `Listings`). Each call gets copies of its own. Kept from the second reading on, for many a process
  reads once.
- *Channels*: the text of a channel's value, for the same version and the very same object. A value that was read back
  (and perhaps edited by hand before) is another object.

Runs and channels say which artifacts the text needs; whether these are there still, `ArtifactFiles` knows. There is no mutex: each step
on a dict is atomic, and a fork at any moment leaves nothing locked in the child. What was remembered first is forgotten
first.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

from langgraph_filesaver._artifacts.shrinking import names_in
from langgraph_filesaver._serde.copying import copier
from langgraph_filesaver._serde.fingerprint import fingerprint
from langgraph_filesaver.config import CACHE_BYTES

__all__ = ["Memory", "Run"]

_BYTES_TAG = re.compile(rb'"\$type"\s*:\s*"byte')
_REFERENCES = re.compile(rb'"artifacts/[0-9a-f]{64}(\.[a-z0-9.]+)"')
_TEXT_IN_BASE64 = re.compile(rb'"bytes"\s*:\s*\d+\s*,\s*"base64"\s*:\s*"')
_OF_TEXT = (b".txt", b".json")
_OVERHEAD_BYTES = 300  # of an entry, roughly, beside its bytes
_BYTES_PER_CHARACTER = 4  # that what copies a chunk takes, for each character of its JSON, roughly

_Key = int | tuple[str, str] | tuple[str, str, str]


class Run(NamedTuple):
    """Items that became a chunk.

    Attributes:
        length: How many.
        print: Their fingerprint.
        name: The chunk's artifact.
        size: Bytes of their JSON.
        needs: The chunk, and what it refers to.
        cost: Bytes that this entry takes, roughly.
    """

    length: int
    print: bytes
    name: str
    size: int
    needs: frozenset[str]
    cost: int


class _Channel(NamedTuple):
    version: Any
    value: Callable[[], Any]
    text: bytes
    needs: frozenset[str]
    cost: int


class _Chunk(NamedTuple):
    stamp: tuple[int, ...]
    copy: Callable[[], Any] | None
    run: Run | None
    cost: int


class Memory:
    """What one saver and its clones remember.

    Args:
        most_bytes: The bound.
    """

    def __init__(self, most_bytes: int = CACHE_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._entries: dict[_Key, Run | _Chunk | _Channel] = {}

    def run_at(self, items: list[Any], at: int) -> Run | None:
        """Return the run that the items from `at` on are, if they are one."""
        run = self._entries.get(id(items[at]))
        if not isinstance(run, Run) or at + run.length > len(items):
            return None
        return run if fingerprint(items[at : at + run.length]) == run.print else None

    def remember_run(self, items: list[Any], name: str, text: bytes) -> Run | None:
        """Remember that `items` are the chunk `name`, whose JSON is `text`; return what was remembered."""
        if not items or _may_hold_bytes(text):  # a bytearray has the fingerprint of bytes
            return None
        print_ = fingerprint(items)
        if print_ is None:
            return None
        needs = frozenset({name, *names_in(text)})
        run = Run(len(items), print_, name, len(text), needs, len(print_) + sum(map(len, needs)) + _OVERHEAD_BYTES)
        self._keep(id(items[0]), run)
        return run

    def chunk(self, place: tuple[str, str], stamp: tuple[int, ...]) -> list[Any] | None:
        """Return the items of a chunk that was read before, as a copy of the caller's own, or None.

        Args:
            place: Thread and name of the artifact.
            stamp: Its file's, of now.
        """
        known = self._entries.get(place)
        if not isinstance(known, _Chunk) or known.stamp != stamp or known.copy is None:
            return None
        items: list[Any] = known.copy()
        if known.run is not None:
            self._keep(id(items[0]), known.run)
        return items

    def remember_chunk(
        self, place: tuple[str, str], stamp: tuple[int, ...] | None, items: list[Any], text: bytes
    ) -> None:
        """Remember that the file of a chunk, whose `stamp` was taken before it was read, holds `items`.

        Args:
            place: Thread and name of the artifact.
            stamp: None: the file cannot be relied on.
            items: They may be changed afterwards.
            text: Their JSON.
        """
        run = self.remember_run(items, place[1], text)
        if stamp is None:
            return
        known = self._entries.get(place)
        is_again = isinstance(known, _Chunk) and known.stamp == stamp
        copy = copier(items) if is_again else None
        cost = _OVERHEAD_BYTES if copy is None else _OVERHEAD_BYTES + len(text) * _BYTES_PER_CHARACTER
        self._keep(place, _Chunk(stamp, copy, run if copy is not None else None, cost))

    def channel(self, place: tuple[str, str, str], version: Any, value: Any) -> tuple[bytes, frozenset[str]] | None:
        """Return text and needs of a channel's value that was stored before, at the same version, as this very object."""
        known = self._entries.get(place)
        if not isinstance(known, _Channel) or known.version != version or known.value() is not value:
            return None
        return known.text, known.needs

    def is_large(self, place: tuple[str, str, str]) -> bool:
        """Tell whether parts of the channel's value left the document the last time."""
        known = self._entries.get(place)
        return isinstance(known, _Channel) and bool(known.needs)

    def remember_channel(
        self, place: tuple[str, str, str], version: Any, value: Any, text: bytes, needs: frozenset[str], size: int
    ) -> None:
        """Remember the text of a channel's value; `size` says how many bytes the value itself keeps in memory."""
        reference: Callable[[], Any]
        try:
            reference, size = weakref.ref(value), 0
        except TypeError:
            if size > self._most_bytes // 4:
                return
            reference = _Kept(value)
        cost = len(text) + size + sum(map(len, needs)) + _OVERHEAD_BYTES
        self._keep(place, _Channel(version, reference, text, needs, cost))

    def _keep(self, key: _Key, entry: Run | _Chunk | _Channel) -> None:
        self._forget(key)
        self._entries[key] = entry
        self._bytes += entry.cost
        while self._bytes > self._most_bytes:
            try:
                oldest = next(iter(self._entries))
            except (StopIteration, RuntimeError):  # other threads forget, too, or are just remembering
                return
            self._forget(oldest)

    def _forget(self, key: _Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry.cost


def _may_hold_bytes(text: bytes) -> bool:
    """Whether the JSON of a chunk may stand for bytes or bytearrays, in the text or by reference. False is certain."""
    if b'"byte' in text and _BYTES_TAG.search(text):
        return True
    others = sum(1 for reference in _REFERENCES.findall(text) if not reference.startswith(_OF_TEXT))
    return others > len(_TEXT_IN_BASE64.findall(text))


class _Kept:
    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def __call__(self) -> Any:
        return self._value
