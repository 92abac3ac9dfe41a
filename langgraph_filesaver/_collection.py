"""Collects garbage: removes the artifacts of a thread that none of its files refers to.

An artifact is kept if any checkpoint or write of the thread refers to it, itself or by way of other artifacts, or if it is
younger than the grace period: a node may have written it and not come to its put yet. All of the thread is read first;
a file that cannot be read may refer to anything, so then nothing is removed. Meanwhile writers go on. Only for the
removal itself the gate to the artifacts is closed (`_gate`), and what was stored in between is read before it begins:
under the thread's lock files only come, so files seen once need not be read again.

A far store has no gate. There a writer may refer to an artifact that it has seen a document refer to within `TRUST_SECONDS`.
So one is removed only where a collection before, longer than the grace period ago, has found it to be garbage already: that
is written down in `garbage.json` of the thread, and what is referred to again begins anew.

What would break it: a reference that this module does not see but a reader would follow.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._codec import dump_plain
from langgraph_filesaver._documents import GarbageDocument, check_format
from langgraph_filesaver._repository import Repository
from langgraph_filesaver.errors import CorruptDataError

__all__ = ["GarbageReport", "collect"]

_BATCH = 64  # documents that are read at once


@dataclass(frozen=True, slots=True)
class GarbageReport:
    """What a collection found.

    Attributes:
        dry_run: True: it is still there. False: it has been removed.
        files: How many artifacts nothing refers to, less those in their grace period.
        bytes: Their size.
        paths: Where they are, or were.
    """

    dry_run: bool
    files: int
    bytes: int
    paths: tuple[str, ...]


def collect(repository: Repository, thread_id: str | None, *, dry_run: bool, grace_seconds: float) -> GarbageReport:
    """Find, and unless `dry_run` remove, the garbage of a thread or of all threads.

    Raises:
        CorruptDataError: A file of a thread cannot be read; nothing of that thread was removed.
    """
    found: list[tuple[str, int]] = []
    for each in repository.thread_ids() if thread_id is None else [thread_id]:
        with repository.locks.hold(each):
            found += _Thread(repository, each).collect(dry_run=dry_run, now=time.time(), grace_seconds=grace_seconds)
    paths = tuple(path for path, _ in found)
    return GarbageReport(dry_run=dry_run, files=len(paths), bytes=sum(size for _, size in found), paths=paths)


class _Thread:
    """One thread, whose lock the caller holds."""

    def __init__(self, repository: Repository, thread_id: str) -> None:
        self._repository = repository
        self._thread_id = thread_id
        self._store = repository.store
        self._seen: set[str] = set()
        self._wanted: set[str] = set()
        self._followed: set[str] = set()
        self._there: frozenset[str] = frozenset()

    def collect(self, *, dry_run: bool, now: float, grace_seconds: float) -> list[tuple[str, int]]:
        """Return (path, bytes) of the garbage that is older than the grace period."""
        artifacts = self._repository.artifacts
        artifacts.confine(self._thread_id)
        found = list(self._store.tree(layout.artifacts_folder(layout.thread_folder(self._thread_id))))
        self._there = frozenset(each.key for each in found)
        self._look()
        wanted = {artifacts.key(self._thread_id, name) for name in self._wanted}
        doomed = {
            each.key: each.bytes
            for each in found
            if each.key not in wanted and layout.is_artifact_key(each.key) and each.modified_at <= now - grace_seconds
        }
        if not dry_run:
            if self._store.is_far:
                doomed = self._long_known(doomed, now, grace_seconds)
            if doomed:
                with self._repository.locks.removing(self._thread_id):
                    self._look()
                    wanted = {artifacts.key(self._thread_id, name) for name in self._wanted}
                    doomed = {key: size for key, size in doomed.items() if key not in wanted}
                    self._store.delete(doomed)
        return [(self._store.describe(key), size) for key, size in doomed.items()]

    def _long_known(self, doomed: dict[str, int], now: float, grace_seconds: float) -> dict[str, int]:
        """Return those that have been garbage for longer than the grace period, and write down since when all of them are."""
        key = layout.garbage_key(layout.thread_folder(self._thread_id))
        data = self._store.read(key)
        document = (
            GarbageDocument({}) if data is None else self._repository.parsed(key, GarbageDocument.from_json, data)
        )
        since = {each: min(document.since.get(each.rpartition("/")[2], now), now) for each in doomed}
        if doomed:
            names = {each.rpartition("/")[2]: at for each, at in since.items()}
            self._store.replace(key, dump_plain(GarbageDocument(names).to_json()))
        elif data is not None:
            self._store.delete([key])
        return {each: size for each, size in doomed.items() if since[each] <= now - grace_seconds}

    def _look(self) -> None:
        """Read the documents that were not seen before."""
        unseen = (key for key in list(self._documents()) if key not in self._seen)
        while batch := list(islice(unseen, _BATCH)):
            for key, data in self._store.read_all(batch).items():
                if data is not None:
                    tree = self._repository.parsed(key, check_format, data)
                    self._want(key, tree, is_of_the_past=layout.is_edit_key(key))
                    self._seen.add(key)

    def _documents(self) -> Iterator[str]:
        folder = layout.thread_folder(self._thread_id)
        namespaces = layout.namespaces_folder(folder)
        for ns_name in self._store.list(namespaces):
            checkpoints = f"{namespaces}/{ns_name}"
            plain, hashed = layout.json_stems(self._store.list(checkpoints))
            yield from (f"{checkpoints}/{stem}.json" for stem in (*plain, *hashed))
        yield from (key for key, _ in self._repository.writes_names(self._thread_id))
        # What a checkpoint was before it was corrected: without its artifacts it could not be put back.
        yield from (key for key, _ in self._repository.edits(self._thread_id))

    def _want(self, key: str, tree: Any, *, is_of_the_past: bool = False) -> None:
        """Note what a document refers to; one of the past may have been corrected because of just that."""
        artifacts = self._repository.artifacts
        for reference, has_references, is_certain in references_in(tree):
            name = layout.artifact_name(reference)
            if name is None and is_of_the_past:
                continue
            if name is None:
                raise CorruptDataError(
                    f"{reference!r} is no reference to an artifact: correct it, or move the file away",
                    path=self._store.describe(key),
                )
            if name not in self._wanted and not self._is_there(artifacts.key(self._thread_id, name)):
                if is_certain and not is_of_the_past:
                    raise artifacts.missing(self._thread_id, name)  # by a slip of the pen, perhaps, that can be undone
                continue
            self._wanted.add(name)
            if name not in self._followed and has_references and ".json" in name:
                self._followed.add(name)
                try:
                    content = self._repository.formats.content(artifacts.read(self._thread_id, name), name)
                    inner = artifacts.key(self._thread_id, name)
                    self._want(inner, self._repository.parsed(inner, _as_it_is, content), is_of_the_past=is_of_the_past)
                except CorruptDataError:
                    if not is_of_the_past:
                        raise

    def _is_there(self, key: str) -> bool:
        return key in self._there or self._store.exists(key)  # it may have come meanwhile


def _as_it_is(tree: Any) -> Any:
    return tree


def references_in(tree: Any) -> Iterator[tuple[Any, bool, bool]]:
    """Yield the references in parsed JSON: each, whether what it refers to may hold references itself, and whether it is certain.

    A string that has the form of a reference is taken for one wherever it stands, though it may be a user's text: the key
    above it may be misspelt.
    """
    parts = [tree]
    while parts:
        part = parts.pop()
        if type(part) is list:
            parts.extend(part)
        elif type(part) is str and layout.artifact_name(part) is not None:
            yield part, True, False
        elif type(part) is dict:
            place = ""
            if type(part.get("$list")) is list:
                place = "$list"
                yield from ((reference, True, True) for reference in part["$list"])
            elif "$artifact" in part:
                place = "$artifact"
                yield part["$artifact"], "codec" not in part and "base64" not in part, True
            elif part.get("$type") == "artifact":
                place = "path"
                yield part.get("path"), False, True
            parts.extend(value for key, value in part.items() if key != place)
