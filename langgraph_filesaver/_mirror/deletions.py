"""Deletions that a mirror which is down has still to make: written down in the folder before anything of it is deleted there.

Else what was deleted would be missing here and present there, and be fetched again.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from langgraph_filesaver._layout import MIRROR_FOLDER
from langgraph_filesaver._serde.text import parse
from langgraph_filesaver._store import Store
from langgraph_filesaver.errors import CorruptDataError

__all__ = ["Deletions"]

_FOLDER = f"{MIRROR_FOLDER}/deletions"


class Deletions:
    """The deletions of one folder that are still to be mirrored.

    Args:
        local: The folder.
    """

    def __init__(self, local: Store) -> None:
        self._local = local
        self._may_be_there = True

    def note(self, thread: str, keys: Iterable[str] | None) -> None:
        """Write down that keys of a thread go, or with None the whole thread."""
        document = {"format": 1, "thread": thread, "keys": None if keys is None else list(keys)}
        self._may_be_there = True
        self._local.create(f"{_FOLDER}/{uuid.uuid4().hex}.json", orjson.dumps(document, option=orjson.OPT_INDENT_2))

    def pending(self) -> Iterator[tuple[str, str, list[str] | None]]:
        """Yield (key of the note, thread, keys or None)."""
        if not self._may_be_there:
            return
        names = self._local.list(_FOLDER)
        if not names:
            self._may_be_there = False
        for name in names:
            data = self._local.read(f"{_FOLDER}/{name}")
            if data is not None:
                yield f"{_FOLDER}/{name}", *self._parsed(f"{_FOLDER}/{name}", data)

    def _parsed(self, key: str, data: bytes) -> tuple[str, list[str] | None]:
        path = self._local.describe(key)
        try:
            document: Any = parse(data)
        except CorruptDataError as error:
            raise error.in_file(path) from error
        if not isinstance(document, dict) or type(document.get("thread")) is not str or "keys" not in document:
            raise CorruptDataError(
                "expected the thread and the keys of a deletion that the mirror has still to make: mend it, or remove the file "
                "and delete the thread once more",
                path=path,
            )
        return document["thread"], document["keys"]

    def make(self, remote: Store) -> None:
        """Make them in the mirror; what has come back here meanwhile stays there, too."""
        for note, thread, keys in list(self.pending()):
            doomed = [each.key for each in remote.tree(thread)] if keys is None else keys
            remote.delete([key for key in newest_first(doomed) if not self._local.exists(key)])
            self._local.delete([note])


def newest_first(keys: Iterable[str]) -> list[str]:
    """Return keys in the order in which they may go: checkpoints first, the newest of them first of all."""
    return sorted(keys, key=lambda key: (key.split("/")[1:2] == ["checkpoints"], key), reverse=True)
