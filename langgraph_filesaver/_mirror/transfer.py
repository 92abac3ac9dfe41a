"""Compares a thread in two stores by names and digests, and copies what is missing, references first.

Knows keys and bytes. An artifact's name is its digest, so two of one name and size are the same. Of another file the version
that a store tells is used where it is a digest (S3's ETag is the MD5 of what was put in one piece); else the file is read.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from itertools import islice

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._store import Entry, Store
from langgraph_filesaver.config import COPY_BLOCK_BYTES

__all__ = ["Progress", "Transfer", "in_order", "is_data"]

_MD5, _SHA256 = re.compile(r"[0-9a-f]{32}"), re.compile(r"[0-9a-f]{64}")
_LARGE_BYTES = 8 * 1024 * 1024
_BATCH = 64
_RANKS = {"thread.json": 0, "artifacts": 1, "fences": 2, "edits": 3, "writes": 4, "checkpoints": 5}

Progress = Callable[[str, int], object]
"""Told of each file that was copied: its key and its size."""


def in_order(keys: Iterable[str]) -> list[str]:
    """Return keys in the order in which they may appear: what is referred to, then what refers to it, the oldest first."""
    return sorted(keys, key=lambda key: (_RANKS.get(key.split("/")[1] if "/" in key else "", 6), key))


def is_data(key: str) -> bool:
    """Tell whether a file is part of a thread, and not what far stores keep beside it."""
    parts = key.split("/")
    return len(parts) > 1 and parts[1] not in ("claims", "garbage.json")


class Transfer:
    """From one store to another.

    Args:
        source: Where files come from.
        target: Where they go.
    """

    def __init__(self, source: Store, target: Store) -> None:
        self._source = source
        self._target = target

    def difference(self, folder: str) -> tuple[dict[str, Entry], dict[str, Entry]]:
        """Return what a folder has in the source and not in the target, and what it has there with other bytes."""
        there = {each.key: each for each in self._target.tree(folder)}
        missing, suspects = {}, {}
        changed: dict[str, Entry] = {}
        for each in self._source.tree(folder):
            found = there.get(each.key)
            if found is None:
                missing[each.key] = each
            elif found.bytes != each.bytes:
                changed[each.key] = each
            elif not layout.is_artifact_key(each.key):
                suspects[each.key] = (each, found)
        unread = iter(suspects)
        while batch := list(islice(unread, _BATCH)):
            self._compare({key: suspects[key] for key in batch}, changed)
        return missing, changed

    def _compare(self, pairs: dict[str, tuple[Entry, Entry]], changed: dict[str, Entry]) -> None:
        """Add to `changed` those whose bytes are others; reads only what no version tells."""
        ours = self._source.read_all(key for key, (each, _) in pairs.items() if not _is_digest(each.version))
        theirs = self._target.read_all(key for key, (_, found) in pairs.items() if not _is_digest(found.version))
        for key, (each, found) in pairs.items():
            if not _same(each.version, ours.get(key), found.version, theirs.get(key)):
                if key not in ours and key not in theirs:  # two kinds of digests: only the bytes can tell
                    mine, there = self._source.read(key), self._target.read(key)
                    if mine == there:
                        continue
                changed[key] = each

    def copy(self, keys: Iterable[str], progress: Progress | None = None) -> int:
        """Copy files in the order in which they may appear; return their bytes. One that is gone meanwhile is left out."""
        total = 0
        for key in in_order(keys):
            size = self.copy_one(key)
            if size is not None:
                total += size
                if progress is not None:
                    progress(key, size)
        return total

    def copy_one(self, key: str) -> int | None:
        """Copy a file in place of what is there; return its bytes, or None where it is gone."""
        status = self._source.status(key)
        if status is None:
            return None
        if status.bytes <= _LARGE_BYTES or not layout.is_artifact_key(key):
            data = self._source.read(key)
            if data is None:
                return None
            self._target.replace(key, data)
            return len(data)
        return self._copy_large(key, status.bytes)

    def _copy_large(self, key: str, size: int) -> int | None:
        file = self._source.open(key)
        if file is None:
            return None
        staged = self._target.stage(key.partition("/")[0])
        try:
            with file:
                while block := file.read(COPY_BLOCK_BYTES):
                    staged.write(block)
            staged.name(key)
        finally:
            staged.close()
        return size


def _is_digest(version: str) -> bool:
    return _MD5.fullmatch(version) is not None or _SHA256.fullmatch(version) is not None


def _same(version: str, data: bytes | None, other_version: str, other_data: bytes | None) -> bool:
    if data is None and other_data is None:
        return version == other_version
    if data is None:
        return _has_digest(other_data or b"", version)
    if other_data is None:
        return _has_digest(data, other_version)
    return data == other_data


def _has_digest(data: bytes, digest: str) -> bool:
    made = hashlib.sha256(data) if len(digest) == 64 else hashlib.md5(data, usedforsecurity=False)
    return made.hexdigest() == digest
