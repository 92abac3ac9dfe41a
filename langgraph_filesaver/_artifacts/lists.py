"""A long list on its way out: chunks of items become artifacts, and so do chunks of the references to them.

Where it is cut, `_cutting` says. A run of items that the memory knows as a chunk is not encoded at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._cutting import INLINE, Cutter, chunks
from langgraph_filesaver._serde.encode import PASS_THROUGH, Encoder

if TYPE_CHECKING:
    from langgraph_filesaver._artifacts.outgoing import Outgoing

__all__ = ["ListWriter"]

_OPTION = PASS_THROUGH | orjson.OPT_STRICT_INTEGER


class ListWriter:
    """Writes one list.

    Args:
        outgoing: Where its chunks go.
        encoder: Encodes its items.
    """

    def __init__(self, outgoing: Outgoing, encoder: Encoder) -> None:
        self._outgoing = outgoing
        self._encoder = encoder
        self._limit = outgoing.limit or 0
        self._names: list[str] = []
        self._waiting: list[tuple[int, list[bytes]]] = []
        self._size = 0

    def write(self, items: Sequence[Any]) -> Any:
        """Return the list of the encoded items, or `{"$list": [references], "tail": [items]}`."""
        items = items if isinstance(items, list) else list(items)
        trees = self._cut(items, believing=self._outgoing.memory is not None)
        if self._names and self._size <= INLINE:  # so short a list is never cut, whatever it was cut from
            self._names, self._waiting, self._size = [], [], 0
            trees = self._cut(items, believing=False)
        if not self._names:
            return trees
        references = [layout.artifact_reference(name) for name in self._folded(self._names)]
        return {"$list": references, "tail": trees}

    def _cut(self, items: list[Any], *, believing: bool) -> list[Any]:
        """Cut the list; return the encoded items of the tail, or all of them where the list is not long."""
        everything: list[Any] = []
        trees: list[Any] = []
        texts: list[bytes] = []
        cutter, at, start = Cutter(), 0, 0
        while at < len(items):
            if believing and not trees and (length := self._reused(items, at)):
                at = start = at + length
                continue
            tree, text = self._encoded(items[at], at)
            trees.append(tree)
            texts.append(text)
            at += 1
            self._size += len(text) + 2
            if cutter.ends_with(text) and at < len(items):
                self._waiting.append((start, texts))
                if self._size > INLINE or self._names:
                    self._flush(items)
                    everything = []
                else:
                    everything += trees
                trees, texts, start = [], [], at
        if self._size <= INLINE and not self._names:
            return everything + trees
        self._flush(items)
        return trees

    def _reused(self, items: list[Any], at: int) -> int:
        memory, outgoing = self._outgoing.memory, self._outgoing
        run = memory.run_at(items, at) if memory is not None else None
        if run is None or at + run.length >= len(items) or not outgoing.has(run.needs):
            return 0
        if self._waiting:
            self._flush(items)
        outgoing.use(run.needs, run.size)
        self._size += run.size
        self._names.append(run.name)
        return run.length

    def _encoded(self, item: Any, at: int) -> tuple[Any, bytes]:
        tree = self._encoder.value(item, at)
        text = orjson.dumps(tree, self._encoder.encode_object, _OPTION)
        if len(text) > self._limit:
            tree = self._outgoing.shrunk(tree, keep_root=False)
            text = orjson.dumps(tree, self._encoder.encode_object, _OPTION)
        return tree, text

    def _flush(self, items: list[Any]) -> None:
        for start, texts in self._waiting:
            text = b"[\n" + b",\n".join(texts) + b"\n]\n"
            name = self._outgoing.keep(text, ".json")
            self._names.append(name)
            if self._outgoing.memory is not None:
                self._outgoing.memory.remember_run(items[start : start + len(texts)], name, text)
        self._waiting = []

    def _folded(self, names: list[str]) -> list[str]:
        """Return the names for the document, after chunks of references to chunks have become artifacts themselves."""
        rest: list[str] = []
        while True:
            texts = [orjson.dumps(layout.artifact_reference(name)) for name in names]
            cuts = list(chunks(texts))
            if not cuts:
                return names + rest
            rest = names[cuts[-1].stop :] + rest
            names = [
                self._outgoing.keep(b'{"$list": [\n' + b",\n".join(texts[cut]) + b"\n]}\n", ".json") for cut in cuts
            ]
