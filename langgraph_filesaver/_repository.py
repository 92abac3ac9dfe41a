"""One thread's folder: which file is written, read and removed before which.

Knows the store's verbs, the layout and the documents; knows no Python value (values are `_codec`'s) and no config.

- Writing: what is referred to first, then what refers to it (P1). A checkpoint is one exclusive creation; putting the same
  id again replaces the file under the thread's lock. A call of put_writes is one file, numbered per task, claimed by
  exclusive creation and never rewritten.
- Reading: the checkpoint, then its writes, then a look whether the checkpoint is still there: a deletion removes the
  checkpoint first, so writes that were read before the look are all there were. A file that vanished means "look again"
  for the latest and "none" for an id; it is never an error (P5).
- Deleting: checkpoints first, durably, then their writes.

What would break it: taking the order of names for the order of ids, an unreadable file taken for a missing one, a lock
held while somebody else's code runs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._artifacts import (
    ArtifactFiles,
    ArtifactWriter,
    Formats,
    Memory,
    Outgoing,
    RemovedError,
    StoredSource,
    file_extension,
)
from langgraph_filesaver._calls import PendingWrite, call_order, folded, ordered, told, with_prefix
from langgraph_filesaver._codec import dump_plain, parse_json
from langgraph_filesaver._documents import (
    FORMAT,
    CheckpointDocument,
    ThreadDocument,
    WritesDocument,
    check_format,
)
from langgraph_filesaver._identity import Identified
from langgraph_filesaver._lock import ThreadLocks
from langgraph_filesaver._store import Marker, Store
from langgraph_filesaver.artifact import Artifact
from langgraph_filesaver.errors import CorruptDataError, StorageError, UnsupportedFormatError

__all__ = ["MARKER", "CheckpointIds", "PendingWrite", "Repository", "StoredCheckpoint"]

MARKER = Marker(layout.STORE_DOCUMENT, dump_plain({"format": FORMAT}) + b"\n")

_LOOKS = 20

Encode = Callable[[Outgoing], bytes]
"""Makes the file of a document, given where its large values go; called again where a first result could not be stored."""

Result = TypeVar("Result")
Document = TypeVar("Document", CheckpointDocument, WritesDocument, ThreadDocument)


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A checkpoint's document and its pending writes, in order."""

    document: CheckpointDocument
    writes: list[PendingWrite]


class CheckpointIds(NamedTuple):
    """The ids of a namespace's checkpoints, ascending, and the listing they were taken from."""

    listing: tuple[str, ...]
    ids: list[str]


class Repository:
    """The threads in a store.

    Args:
        store: Where the files are.
        locks: The locks of its threads.
        formats: How large values are written.
    """

    def __init__(self, store: Store, locks: ThreadLocks, formats: Formats) -> None:
        self.store = store
        self.locks = locks
        self.formats = formats
        self.artifacts = ArtifactFiles(store, locks)
        self.memory = Memory()
        self._ids: dict[str, CheckpointIds] = {}

    def check_root(self) -> None:
        """Refuse a root that is not ours and not empty, or of a newer format.

        Raises:
            StorageError: There are other things in the folder, or it is no folder.
            UnsupportedFormatError: The folder is of a newer format.
            CorruptDataError: The marker is unreadable.
        """
        names = self.store.list("")
        if layout.STORE_DOCUMENT in names:
            self.parsed(layout.STORE_DOCUMENT, check_format, self.store.read(layout.STORE_DOCUMENT) or b"")
            return
        strangers = [name for name in names if not layout.is_ignored_in_new_root(name)]
        if strangers:
            root = self.store.describe("")
            raise StorageError(
                f"{root} is not empty and holds no {layout.STORE_DOCUMENT}, so it is not a folder of this library "
                f"(found {', '.join(repr(name) for name in strangers[:3])}): give the path of an empty or new folder",
                path=root,
            )

    # --- threads and namespaces

    def thread_ids(self) -> list[str]:
        """Return the ids of all threads, ascending."""
        return sorted(
            thread_id
            for name in self.store.list("")
            if layout.is_name(name) and (thread_id := self._thread_id(name)) is not None
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

    def _thread_id(self, name: str) -> str | None:
        thread_id = layout.id_of_name(name)
        if thread_id is None:
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
        folder = layout.checkpoints_folder(layout.thread_folder(thread_id), layout.namespace_name(checkpoint_ns))
        listing = self.store.list(folder)
        known = self._ids.get(folder)
        if known is None or known.listing is not listing:
            known = CheckpointIds(listing, self._ids_in(folder, listing))
            if len(self._ids) > 1000:
                self._ids.clear()
            self._ids[folder] = known
        return known.ids

    def _ids_in(self, folder: str, listing: tuple[str, ...]) -> list[str]:
        ids, hashed = layout.json_stems(listing)
        for stem in hashed:
            document = self._read(f"{folder}/{stem}.json", CheckpointDocument.from_json)
            if document is not None:
                if layout.name_of(document.checkpoint_id) != stem:
                    raise self._misplaced(f"{folder}/{stem}.json", "checkpoint_id", document.checkpoint_id)
                ids.append(document.checkpoint_id)
        return sorted(ids)  # names are sorted with their `.json`, and `-` comes before the dot: `1-2.json`, `1.json`

    def put_checkpoint(self, thread_id: str, document: CheckpointDocument, encode: Encode) -> None:
        """Store a checkpoint whose file `encode` makes; one of the same id is replaced, its writes stay."""
        key = layout.checkpoint_key(thread_id, document.checkpoint_ns, document.checkpoint_id)
        if not self._storing(thread_id, encode, lambda data: self.store.create(key, data)):
            with self.locks.hold(thread_id):
                self._storing(thread_id, encode, lambda data: self.store.replace(key, data))

    def _storing(self, thread_id: str, encode: Encode, store: Callable[[bytes], Result]) -> Result:
        """Encode a document, bring what it refers to to the disk, and `store` it."""
        for memory in (self.memory, None):
            outgoing = Outgoing(self.artifacts, thread_id, self.formats, memory)
            try:
                data = encode(outgoing)
                with Identified(self.store, thread_id), self.artifacts.published(thread_id, outgoing, data):
                    stored = store(data)
            except RemovedError:
                continue
            else:
                outgoing.bind()
                return stored
            finally:
                outgoing.close()
        path = self.store.describe(layout.thread_folder(thread_id))
        raise StorageError(
            f"the artifacts in {path} are removed faster than they are written: who deletes them?", path=path
        )

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
        document = self.read_checkpoint(thread_id, checkpoint_ns, checkpoint_id)
        return None if document is None else self.with_writes(thread_id, document)

    def with_writes(self, thread_id: str, document: CheckpointDocument) -> StoredCheckpoint | None:
        """Add the pending writes to a checkpoint just read, or return None where it has been removed meanwhile."""
        place = (document.checkpoint_ns, document.checkpoint_id)
        writes = self.pending_writes(thread_id, *place)
        return StoredCheckpoint(document, writes) if self.is_there(thread_id, document) else None

    def is_there(self, thread_id: str, document: CheckpointDocument) -> bool:
        """Tell whether a checkpoint that was read is still stored."""
        return self.store.exists(layout.checkpoint_key(thread_id, document.checkpoint_ns, document.checkpoint_id))

    def load_latest(self, thread_id: str, checkpoint_ns: str) -> StoredCheckpoint | None:
        """Return the checkpoint with the greatest id, as of now, or None where the namespace has none."""
        for _ in range(_LOOKS):
            ids = self.checkpoint_ids(thread_id, checkpoint_ns)
            if not ids:
                return None
            found = self.load(thread_id, checkpoint_ns, ids[-1])
            if found is not None:
                return found
        path = self.store.describe(layout.thread_folder(thread_id))
        raise StorageError(f"{path} changes faster than it can be read: {_LOOKS} looks found nothing twice", path=path)

    # --- writes

    def put_writes(self, thread_id: str, document: WritesDocument, encode: Encode) -> None:
        """Store what one call brought, `encode` making its file, unless the files of the task hold all of it already."""
        self._storing(thread_id, encode, lambda data: self._add_writes(thread_id, document, data))

    def _add_writes(self, thread_id: str, document: WritesDocument, data: bytes) -> None:
        ns, checkpoint_id, task_id = document.checkpoint_ns, document.checkpoint_id, document.task_id
        number = 0
        standing: dict[int, bytes] = {}
        earlier_keys: list[str] = []
        incoming: WritesDocument | None = None
        while not self.store.create(key := layout.writes_key(thread_id, ns, checkpoint_id, task_id, number), data):
            if incoming is None:
                incoming = WritesDocument.from_json(parse_json(data))
            earlier = self._read(key, WritesDocument.from_json)
            if earlier is None:
                continue  # removed meanwhile: the number is free again
            for write in earlier.writes:
                standing[write.idx] = b"" if write.idx >= 0 else told(write, earlier.task_path)
            number += 1
            earlier_keys.append(key)
            if not self._exists_writes(thread_id, ns, checkpoint_id, task_id, number) and all(
                write.idx in standing and (write.idx >= 0 or standing[write.idx] == told(write, document.task_path))
                for write in incoming.writes
            ):
                self.store.settle(earlier_keys)  # who wrote them may have died before they were durable
                return

    def _exists_writes(self, thread_id: str, ns: str, checkpoint_id: str, task_id: str, number: int) -> bool:
        return self.store.exists(layout.writes_key(thread_id, ns, checkpoint_id, task_id, number))

    def pending_writes(self, thread_id: str, checkpoint_ns: str, checkpoint_id: str) -> list[PendingWrite]:
        """Return the pending writes of a checkpoint, folded and in order; there need be no such checkpoint yet."""
        return folded(self.writes_documents(thread_id, checkpoint_ns, checkpoint_id))

    def writes_documents(
        self, thread_id: str, checkpoint_ns: str, checkpoint_id: str
    ) -> Iterator[tuple[str, WritesDocument]]:
        """Yield (key, document) of the writes files of a checkpoint, those of one task in the order of the calls."""
        prefix = layout.writes_prefix(checkpoint_ns, checkpoint_id)
        folder = layout.writes_bucket_folder(thread_id, prefix)
        for name in ordered(with_prefix(self.store.list(folder), prefix)):
            key = f"{folder}/{name}"
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

    # --- artifacts by hand

    def open_artifact(self, thread_id: str, name: str, media_type: str | None) -> ArtifactWriter:
        """Begin an artifact of a thread that is written piece by piece."""
        staged = self.store.stage()

        def keep(sha256: str, size: int) -> Artifact:
            file_name = sha256 + file_extension(name)
            with Identified(self.store, thread_id):
                self.artifacts.keep_staged(thread_id, staged, file_name)
            source = StoredSource(self.store, self.artifacts.key(thread_id, file_name))
            artifact = Artifact(source, name=name, media_type=media_type, bytes=size)
            artifact.stored_as(source, sha256, size)
            return artifact

        return ArtifactWriter(staged, keep)

    # --- the whole thread; the caller holds its lock

    def rewrite(self, key: str, change: Callable[[dict[str, Any]], None]) -> None:
        """Apply `change` to the parsed document under `key` and store it again; unknown fields stay. Missing is fine."""
        data = self.store.read(key)
        if data is not None:
            raw = self.parsed(key, check_format, data)
            change(raw)
            self.store.replace(key, dump_plain(raw))

    def delete_thread(self, thread_id: str) -> None:
        """Remove the thread's folder with all that is in it."""
        with self.locks.removing(thread_id):
            self.store.delete_folder(layout.thread_folder(thread_id))

    def copy_thread(self, source_id: str, target_id: str) -> None:
        """Copy every file of a thread: artifacts, writes, then checkpoints, oldest first; what the target has, it keeps.

        A file copied is the same bytes: nothing in it names its thread. A crash leaves whole checkpoints with their
        writes, and with their parents as far as a parent's id is smaller, as LangGraph's are; only a checkpoint that the
        target had before may for now hold some of the source's writes. Repeating the call completes the copy.
        """
        source = layout.thread_folder(source_id)
        checkpoints = [
            layout.checkpoint_key(source_id, checkpoint_ns, checkpoint_id)
            for checkpoint_ns in reversed(
                self.namespaces(source_id)
            )  # called graphs first, the root's head last of all
            for checkpoint_id in self.checkpoint_ids(source_id, checkpoint_ns)
        ]
        writes = sorted((key for key, _ in self.writes_names(source_id)), key=call_order)
        artifacts = self.artifacts.names(source_id)
        with Identified(self.store, target_id), self.locks.referring(target_id):
            self.artifacts.confine(target_id)
            keys = [(self.artifacts.key(source_id, name), self.artifacts.key(target_id, name)) for name in artifacts]
            # What is there already may be of a copy that died before it was durable.
            self.store.settle([target for source_key, target in keys if not self.store.copy(source_key, target)])
            for key in (*writes, *checkpoints):
                data = self.store.read(key)
                if data is not None:
                    self.store.create(layout.thread_folder(target_id) + key[len(source) :], data)

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
