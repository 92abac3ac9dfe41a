"""What a saver remembers of what it stored, so as not to encode it again; bounded in bytes, and only ever a short cut.

- *Runs*: items of a list that became one chunk. Found by the identity of the first item, believed only if the
  fingerprint of all of them is the same as then: an item that was changed in place is seen.
- *Channels*: the text of a channel's value, for the same version and the very same object. A value that was read back
  (and perhaps edited by hand before) is another object.

Both say which artifacts the text needs; whether these are there still, `ArtifactFiles` knows. There is no mutex: each step
on a dict is atomic, and a fork at any moment leaves nothing locked in the child. What was remembered first is forgotten
first.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

from langgraph_filesaver._artifacts.shrinking import names_in
from langgraph_filesaver._serde.fingerprint import fingerprint
from langgraph_filesaver.config import CACHE_BYTES

__all__ = ["Memory", "Run"]

_BYTES_TAG = re.compile(rb'"\$type"\s*:\s*"byte')
_REFERENCES = re.compile(rb'"artifacts/[0-9a-f]{64}(\.[a-z0-9.]+)"')
_TEXT_IN_BASE64 = re.compile(rb'"bytes"\s*:\s*\d+\s*,\s*"base64"\s*:\s*"')
_OF_TEXT = (b".txt", b".json")
_OVERHEAD_BYTES = 300  # of an entry, roughly, beside its bytes


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


class Memory:
    """What one saver and its clones remember.

    Args:
        most_bytes: The bound.
    """

    def __init__(self, most_bytes: int = CACHE_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._entries: dict[int | tuple[str, str, str], Run | _Channel] = {}

    def run_at(self, items: list[Any], at: int) -> Run | None:
        """Return the run that the items from `at` on are, if they are one."""
        run = self._entries.get(id(items[at]))
        if not isinstance(run, Run) or at + run.length > len(items):
            return None
        return run if fingerprint(items[at : at + run.length]) == run.print else None

    def remember_run(self, items: list[Any], name: str, text: bytes) -> None:
        """Remember that `items` are the chunk `name`, whose JSON is `text`."""
        if not items or _may_hold_bytes(text):  # a bytearray has the fingerprint of bytes
            return
        print_ = fingerprint(items)
        if print_ is not None:
            needs = frozenset({name, *names_in(text)})
            cost = len(print_) + sum(map(len, needs)) + _OVERHEAD_BYTES
            self._keep(id(items[0]), Run(len(items), print_, name, len(text), needs, cost))

    def channel(self, place: tuple[str, str, str], version: Any, value: Any) -> tuple[bytes, frozenset[str]] | None:
        """Return text and needs of a channel's value that was stored before, at the same version, as this very object."""
        known = self._entries.get(place)
        if not isinstance(known, _Channel) or known.version != version or known.value() is not value:
            return None
        return known.text, known.needs

    def is_large(self, place: tuple[str, str, str]) -> bool:
        """Tell whether parts of the channel's value left the document the last time."""
        known = self._entries.get(place)
        return known is not None and bool(known.needs)

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

    def _keep(self, key: int | tuple[str, str, str], entry: Run | _Channel) -> None:
        self._forget(key)
        self._entries[key] = entry
        self._bytes += entry.cost
        while self._bytes > self._most_bytes:
            try:
                oldest = next(iter(self._entries))
            except (StopIteration, RuntimeError):  # other threads forget, too, or are just remembering
                return
            self._forget(oldest)

    def _forget(self, key: int | tuple[str, str, str]) -> None:
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
