"""What a thread's folder holds, read: which threads, namespaces, checkpoints and writes there are, and which is the latest.

Knows the store's verbs, the layout and the documents; writes nothing, and knows no Python value and no config.

- The checkpoint, then its writes, then a look whether the checkpoint is still there: a deletion removes the checkpoint
  first, so writes that were read before the look are all there were.
- A file that vanished means "look again" for the latest and "none" for an id; it is never an error (P5).
- What a former owner of a lease published after a fence was put up against it is a fork, and never the latest.

What would break it: taking the order of names for the order of ids, an unreadable file taken for a missing one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._artifacts import names_to_read
from langgraph_filesaver._calls import PendingWrite, folded, ordered, with_prefix
from langgraph_filesaver._checkpoint_ids import CheckpointIds
from langgraph_filesaver._codec import parse_json
from langgraph_filesaver._counting import note_bytes
from langgraph_filesaver._documents import (
    CheckpointDocument,
    FenceDocument,
    ThreadDocument,
    WritesDocument,
    check_format,
)
from langgraph_filesaver._store import Store
from langgraph_filesaver.config import REMOTE_CACHE_BYTES
from langgraph_filesaver.errors import CorruptDataError, StorageError, UnsupportedFormatError

__all__ = ["StoredCheckpoint", "ThreadFiles"]

_LOOKS = 20
_MOST_NOTED = 10_000

Document = TypeVar("Document", CheckpointDocument, WritesDocument, ThreadDocument, FenceDocument)


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A checkpoint's document and its pending writes, in order."""

    document: CheckpointDocument
    writes: list[PendingWrite]


class ThreadFiles:
    """The threads in a store, for reading.

    Args:
        store: Where the files are.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._ids: dict[str, CheckpointIds] = {}
        self._latest_ids: dict[tuple[str, str], str] = {}

    def check_root(self) -> None:
        """Refuse a root that is not ours and not empty, or of a newer format.

        Raises:
            StorageError: There are other things in the folder, or it is no folder.
            UnsupportedFormatError: The folder is of a newer format.
            CorruptDataError: The marker is unreadable.
        """
        if self._is_ours():
            return
        strangers = [name for name in self.store.list("") if not layout.is_ignored_in_new_root(name)]
        # Another process may have made the folder ours between the two looks, and written into it: its marker came first.
        if strangers and not self._is_ours():
            root = self.store.describe("")
            raise StorageError(
                f"{root} is not empty and holds no {layout.STORE_DOCUMENT}, so it is not a folder of this library "
                f"(found {', '.join(repr(name) for name in strangers[:3])}): give the path of an empty or new folder",
                path=root,
            )

    def _is_ours(self) -> bool:
        marker = self.store.read(layout.STORE_DOCUMENT)
        return marker is not None and bool(self.parsed(layout.STORE_DOCUMENT, check_format, marker))

    # --- threads and namespaces

    def thread_ids(self) -> list[str]:
        """Return the ids of all threads, ascending."""
        return sorted(
            thread_id
            for name in self.store.list("")
            if layout.is_name(name) and (thread_id := self.thread_id_of(name)) is not None
        )

    def namespaces(self, thread_id: str) -> list[str]:
        """Return the namespaces that have a checkpoint, ascending."""
        folder = layout.thread_folder(thread_id)
        found = []
        for name in self.store.list(layout.namespaces_folder(folder)):
            if name == layout.ROOT_NAMESPACE or layout.is_name(name):
                checkpoint_ns = layout.namespace_of_name(name)
                if checkpoint_ns is None:
                    checkpoint_ns = self._namespace_inside(folder, name)
                if checkpoint_ns is not None:
                    found.append(checkpoint_ns)
        return sorted(found)

    def thread_id_of(self, name: str) -> str | None:
        """Return the id of the thread whose folder has a name, or None where it does not tell one."""
        if (thread_id := layout.id_of_name(name)) is None:
            document = self._read(layout.thread_document_key(name), ThreadDocument.from_json)
            # A folder that a person copied from a hashed name keeps the original's id inside: it is no thread.
            thread_id = document.thread_id if document and layout.name_of(document.thread_id) == name else None
        return thread_id

    def _namespace_inside(self, folder: str, name: str) -> str | None:
        checkpoints = layout.checkpoints_folder(folder, name)
        plain, hashed = layout.json_stems(self.store.list(checkpoints))
        for stem in (*plain, *hashed):
            document = self._read(f"{checkpoints}/{stem}.json", CheckpointDocument.from_json)
            if document is not None:
                if layout.namespace_name(document.checkpoint_ns) != name:
                    raise self._misplaced(f"{checkpoints}/{stem}.json", "checkpoint_ns", document.checkpoint_ns)
                return document.checkpoint_ns
        return None

    # --- checkpoints

    def checkpoint_ids(self, thread_id: str, checkpoint_ns: str) -> Sequence[str]:
        """Return the ids of a namespace's checkpoints, ascending."""
        return self._listed_ids(thread_id, checkpoint_ns).all()

    def _listed_ids(self, thread_id: str, checkpoint_ns: str) -> CheckpointIds:
        folder = layout.checkpoints_folder(layout.thread_folder(thread_id), layout.namespace_name(checkpoint_ns))
        listing = self.store.list(folder)
        known = self._ids.get(folder)
        if known is None or known.listing is not listing:
            known = CheckpointIds(listing, partial(self._ids_in, folder))
            if len(self._ids) > 1000:
                self._ids.clear()
            self._ids[folder] = known
        return known

    def _ids_in(self, folder: str, listing: tuple[str, ...]) -> list[str]:
        ids, hashed = layout.json_stems(listing)
        for stem in hashed:
            document = self._read(f"{folder}/{stem}.json", CheckpointDocument.from_json)
            if document is not None:
                if layout.name_of(document.checkpoint_id) != stem:
                    raise self._misplaced(f"{folder}/{stem}.json", "checkpoint_id", document.checkpoint_id)
                ids.append(document.checkpoint_id)
        return sorted(ids)  # names are sorted with their `.json`, and `-` comes before the dot: `1-2.json`, `1.json`

    def read_checkpoint(self, thread_id: str, checkpoint_ns: str, checkpoint_id: str) -> CheckpointDocument | None:
        """Return a checkpoint's document, or None where there is none of that id."""
        key = layout.checkpoint_key(thread_id, checkpoint_ns, checkpoint_id)
        document = self._read(key, CheckpointDocument.from_json)
        if document is not None:
            if document.checkpoint_id != checkpoint_id:
                raise self._misplaced(key, "checkpoint_id", document.checkpoint_id)
            if document.checkpoint_ns != checkpoint_ns:
                raise self._misplaced(key, "checkpoint_ns", document.checkpoint_ns)
        return document

    def load(self, thread_id: str, checkpoint_ns: str, checkpoint_id: str) -> StoredCheckpoint | None:
        """Return a checkpoint with its pending writes, or None where there is none of that id."""
        with self.store.ahead():
            self.expect([(thread_id, checkpoint_ns, checkpoint_id)])
            document = self.read_checkpoint(thread_id, checkpoint_ns, checkpoint_id)
            return None if document is None else self.with_writes(thread_id, document)

    @staticmethod
    def _bucket(thread_id: str, checkpoint_ns: str, checkpoint_id: str) -> str:
        return layout.writes_bucket_folder(thread_id, layout.writes_prefix(checkpoint_ns, checkpoint_id))

    def expect(self, places: Iterable[tuple[str, str, str]], *, are_listed: bool = False) -> None:
        """Let a far store fetch, at once, what reading checkpoints needs: first they and what is written to them, then the rest.

        Args:
            places: (thread, namespace, id) of each.
            are_listed: Their writes have been listed already, before they were seen.
        """
        if not self.store.is_far:
            return
        keys = {layout.checkpoint_key(*place): place for place in places}
        self.store.expect(keys, () if are_listed else {self._bucket(*place) for place in keys.values()})
        parts: list[tuple[str, bytes]] = []
        others: list[str] = []
        fences: list[str] = []
        for key, place in keys.items():
            data = self.store.read(key)
            if data is not None:
                folder = layout.thread_folder(place[0])
                parts.append((folder, data))
                token = self.parsed(key, CheckpointDocument.from_json, data).fencing_token
                if token:  # the lease, and after it the fence: see `fence`
                    others.append(layout.lease_key(place[0]))
                    fences.append(layout.fence_key(folder, token))
                others += self.writes_keys(*place)
        # The look comes after the listing of the writes: a deletion takes the checkpoint first.
        looks = [] if are_listed else list(keys)
        known: set[str] = set()
        while True:
            found = {
                layout.artifact_key(folder, name)
                for folder, part in parts
                for name in names_to_read(part, REMOTE_CACHE_BYTES // 8)
            }
            artifacts = found - known
            known |= artifacts
            if not (others or artifacts or looks or fences):
                return
            self.store.expect([*others, *artifacts], (), looks)
            fetched = [each for each in (*others, *artifacts) if each.endswith(".json")]
            parts = [(each.partition("/")[0], self.store.read(each) or b"") for each in fetched]
            others, looks, fences = fences, [], []

    def with_writes(
        self, thread_id: str, document: CheckpointDocument, *, is_seen: bool = False
    ) -> StoredCheckpoint | None:
        """Add the pending writes to a checkpoint just read, or return None where it has been removed meanwhile.

        `is_seen` says that it was seen after its writes had been listed.
        """
        place = (document.checkpoint_ns, document.checkpoint_id)
        for _ in range(_LOOKS):
            writes = self.pending_writes(thread_id, *place)
            # Put once more meanwhile, and written to since: an old state must not be shown with new writes (a near store's only).
            again = self.read_checkpoint(thread_id, *place) if writes and not self.store.is_far else document
            if again is None or again is document or again == document:
                is_there = again is not None and (is_seen or self.is_there(thread_id, document))
                return StoredCheckpoint(document, writes) if is_there else None
            document = again
        raise self._changes_too_fast(thread_id)

    def is_there(self, thread_id: str, document: CheckpointDocument) -> bool:
        """Tell whether a checkpoint that was read is still stored."""
        return self.store.exists(layout.checkpoint_key(thread_id, document.checkpoint_ns, document.checkpoint_id))

    def load_latest(self, thread_id: str, checkpoint_ns: str) -> StoredCheckpoint | None:
        """Return the checkpoint with the greatest id, as of now, or None. One that was put again meanwhile must still be it."""
        for _ in range(_LOOKS):
            with self.store.ahead():
                # Of a far store, what was written to the checkpoint that was the latest before is listed first: where the
                # listing of checkpoints then shows that it still is, no other look is needed to know that it was there.
                known_id = self._latest_ids.get((thread_id, checkpoint_ns))
                if known_id is not None:
                    self.store.expect(folders=[self._bucket(thread_id, checkpoint_ns, known_id)])
                document = self.latest(thread_id, checkpoint_ns, known_id)
                if document is None:
                    return None
                is_seen = document.checkpoint_id == known_id
                found = self.with_writes(thread_id, document, is_seen=is_seen)
            if found and (found.document is document or self.latest(thread_id, checkpoint_ns) == found.document):
                self.note_latest(thread_id, checkpoint_ns, document.checkpoint_id)
                return found
        raise self._changes_too_fast(thread_id)

    def note_latest(self, thread_id: str, checkpoint_ns: str, checkpoint_id: str) -> None:
        """Note which checkpoint is likely to be the latest at the next look; a hint, and only for a far store."""
        if self.store.is_far:
            if len(self._latest_ids) >= _MOST_NOTED:
                self._latest_ids.clear()
            self._latest_ids[thread_id, checkpoint_ns] = checkpoint_id

    def latest(self, thread_id: str, checkpoint_ns: str, listed_id: str | None = None) -> CheckpointDocument | None:
        """Return the document of the checkpoint with the greatest id that no fence stands before, or None.

        `listed_id` is the checkpoint whose writes the caller has listed already.
        """
        for _ in range(_LOOKS):
            for checkpoint_id in self._listed_ids(thread_id, checkpoint_ns).newest_first():
                self.expect([(thread_id, checkpoint_ns, checkpoint_id)], are_listed=checkpoint_id == listed_id)
                document = self.read_checkpoint(thread_id, checkpoint_ns, checkpoint_id)
                if document is None:
                    break  # removed meanwhile: look again
                if not self.is_late(thread_id, document):
                    return document
            else:
                return None
        raise self._changes_too_fast(thread_id)

    def is_late(self, thread_id: str, document: CheckpointDocument) -> bool:
        """Tell whether a checkpoint was published after the lease that it was put under had been taken away."""
        fence = self.fence(thread_id, document.fencing_token)
        return fence is not None and fence.is_late(document.checkpoint_ns, document.checkpoint_id)

    def fence(self, thread_id: str, token: str | None) -> FenceDocument | None:
        """Return the fence against a token, as of now: call it when what it may concern has been read."""
        if token is None:
            return None
        return self._read(layout.fence_key(layout.thread_folder(thread_id), token), FenceDocument.from_json)

    def _changes_too_fast(self, thread_id: str) -> StorageError:
        path = self.store.describe(layout.thread_folder(thread_id))
        return StorageError(f"{path} changes faster than it can be read: {_LOOKS} looks found nothing twice", path=path)

    # --- writes

    def pending_writes(self, thread_id: str, checkpoint_ns: str, checkpoint_id: str) -> list[PendingWrite]:
        """Return the pending writes of a checkpoint, folded and in order; there need be no such checkpoint yet."""
        documents = list(self.writes_documents(thread_id, checkpoint_ns, checkpoint_id))
        # Each fence once, and after all that it may concern was read: see `fence`.
        fences = {token: self.fence(thread_id, token) for token in {each.fencing_token for _, each in documents}}
        return folded(
            (key, document)
            for key, document in documents
            if not _are_late(key, document, fences[document.fencing_token])
        )

    def are_late(self, thread_id: str, key: str, document: WritesDocument) -> bool:
        """Tell whether writes were published after the lease that they were put under had been taken away."""
        return _are_late(key, document, self.fence(thread_id, document.fencing_token))

    def writes_keys(self, thread_id: str, checkpoint_ns: str, checkpoint_id: str) -> list[str]:
        """Return the keys of the writes files of a checkpoint, those of one task in the order of the calls."""
        prefix = layout.writes_prefix(checkpoint_ns, checkpoint_id)
        folder = layout.writes_bucket_folder(thread_id, prefix)
        return [f"{folder}/{name}" for name in ordered(with_prefix(self.store.list(folder), prefix))]

    def writes_documents(
        self, thread_id: str, checkpoint_ns: str, checkpoint_id: str
    ) -> Iterator[tuple[str, WritesDocument]]:
        """Yield (key, document) of the writes files of a checkpoint, those of one task in the order of the calls."""
        for key in self.writes_keys(thread_id, checkpoint_ns, checkpoint_id):
            document = self._read(key, WritesDocument.from_json)
            if document is not None:
                if (document.checkpoint_ns, document.checkpoint_id) != (checkpoint_ns, checkpoint_id):
                    raise self._misplaced(key, "checkpoint_id", document.checkpoint_id)
                yield key, document

    def writes_names(self, thread_id: str) -> Iterator[tuple[str, layout.WritesName]]:
        """Yield (key, parts of the name) of every writes file of a thread, unread."""
        for bucket in layout.WRITES_BUCKETS:
            folder = f"{layout.writes_folder(layout.thread_folder(thread_id))}/{bucket}"
            for name in self.store.list(folder):
                parts = layout.WritesName.parse(name)
                if parts is not None:
                    yield f"{folder}/{name}", parts

    def all_writes(self, thread_id: str) -> Iterator[tuple[str, WritesDocument]]:
        """Yield (key, document) of every writes file of a thread."""
        for key, _ in self.writes_names(thread_id):
            document = self._read(key, WritesDocument.from_json)
            if document is not None:
                yield key, document

    def edits(self, thread_id: str) -> Iterator[tuple[str, layout.EditName]]:
        """Yield (key, parts of the name) of what corrected checkpoints were before."""
        folder = layout.edits_folder(layout.thread_folder(thread_id))
        for name in self.store.list(folder):
            parts = layout.EditName.parse(name)
            if parts is not None:
                yield f"{folder}/{name}", parts

    # --- reading a file

    @contextlib.contextmanager
    def naming_checkpoint(self, thread_id: str, document: CheckpointDocument) -> Iterator[None]:
        """Give the checkpoint's file to a CorruptDataError that is raised inside, where values are revived."""
        try:
            yield
        except CorruptDataError as error:
            key = layout.checkpoint_key(thread_id, document.checkpoint_ns, document.checkpoint_id)
            raise error.in_file(self.store.describe(key)) from error

    def _read(self, key: str, from_json: Callable[[Any], Document]) -> Document | None:
        data = self.store.read(key)
        return None if data is None else self.parsed(key, from_json, data)

    def parsed(self, key: str, from_json: Callable[[Any], Any], data: bytes) -> Any:
        """Return what `from_json` makes of the JSON in `data`, the file of `key`; an error names that file."""
        note_bytes(len(data))
        try:
            return from_json(parse_json(data))
        except CorruptDataError as error:
            raise error.in_file(self.store.describe(key)) from error
        except UnsupportedFormatError as error:
            path = self.store.describe(key)
            raise UnsupportedFormatError(
                f"{path}: {error}", path=path, found=error.found, supported=error.supported
            ) from error

    def _misplaced(self, key: str, field: str, found: str) -> CorruptDataError:
        return CorruptDataError(
            f"the file's place says something else than its content, {found!r}: "
            "correct the one or the other, or move the file away",
            path=self.store.describe(key),
            where=field,
        )


def _are_late(key: str, document: WritesDocument, fence: FenceDocument | None) -> bool:
    name = key.rpartition("/")[2]
    return fence is not None and fence.are_late(document.checkpoint_ns, document.checkpoint_id, name)
