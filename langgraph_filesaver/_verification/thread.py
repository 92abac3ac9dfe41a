"""One thread, verified: each file by itself, then what it refers to.

Holds names and ids, never contents: artifacts are hashed in blocks, and documents are read a few at a time. No value of an artifact is
revived; one of a document that is not as it was written is, as whoever opens it would, unless parts of it are artifacts.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._artifacts import names_in
from langgraph_filesaver._codec import Codec, is_as_written, parse_json
from langgraph_filesaver._collection import references_in
from langgraph_filesaver._documents import (
    CheckpointDocument,
    FenceDocument,
    GarbageDocument,
    ThreadDocument,
    WritesDocument,
)
from langgraph_filesaver._repository import Repository
from langgraph_filesaver._store import Entry
from langgraph_filesaver._ttl import RetentionDocument
from langgraph_filesaver._verification.findings import Finding, Kind
from langgraph_filesaver.config import COPY_BLOCK_BYTES
from langgraph_filesaver.errors import CorruptDataError, FileSaverError, StorageError, UnsupportedFormatError

__all__ = ["ThreadCheck"]

_BATCH = 32
_DOCUMENTS: dict[str, Callable[[Any], object]] = {
    "checkpoints": CheckpointDocument.from_json,
    "edits": CheckpointDocument.from_json,
    "writes": WritesDocument.from_json,
    "fences": FenceDocument.from_json,
    "thread.json": ThreadDocument.from_json,
    "garbage.json": GarbageDocument.from_json,
    "retention.json": RetentionDocument.from_json,
}
_NO_FILE = frozenset({None, errno.ELOOP, errno.EISDIR, errno.ENXIO})  # a link, a folder or a socket in its place
_NOT_OURS = frozenset({"claims"})  # claims are of far stores, and no data


class ThreadCheck:
    """A look at one thread.

    Args:
        repository: The threads.
        codec: Revives values.
        folder: The thread's folder.
        progress: Called after each file.

    Attributes:
        findings: What was found.
        files: How many files were read.
        bytes: Their size.
        referring: The files that refer to artifacts and can be read.
    """

    def __init__(self, repository: Repository, codec: Codec, folder: str, progress: Callable[[], None]) -> None:
        self._repository = repository
        self._store = repository.store
        self._codec = codec
        self._folder = folder
        self._progress = progress
        self._thread_id = layout.id_of_name(folder)
        self._artifacts: set[str] = set()
        self._parents: dict[tuple[str, str], tuple[str | None, str]] = {}
        self._calls: defaultdict[str, list[int]] = defaultdict(list)
        self._places: set[str] = set()
        self._wanted: set[str] = set()
        self.referring: list[str] = []
        self._to_follow: list[str] = []
        self.findings: list[Finding] = []
        self.files = 0
        self.bytes = 0

    def _find(self, kind: Kind, key: str, reason: str) -> None:
        self.findings.append(Finding(kind, key, reason, self._thread_id))

    def run(self) -> None:
        """Look at all of it."""
        entries = list(self._store.tree(self._folder))
        if not entries:
            return
        self._identify({each.key for each in entries})
        ours = [each for each in entries if layout.is_data_key(each.key)]
        self._look_for_others(entries, {each.key for each in ours})
        artifacts = [each for each in ours if layout.is_artifact_key(each.key)]
        self._artifacts = {each.key.rpartition("/")[2] for each in artifacts}
        for each in artifacts:
            self._artifact(each)
        documents = iter([each for each in ours if not layout.is_artifact_key(each.key)])
        while batch := list(islice(documents, _BATCH)):
            self._documents(batch)
        self._follow()
        self._references()
        self._circles()
        self._gaps()

    def _identify(self, keys: set[str]) -> None:
        if self._thread_id is not None:
            return
        key = layout.thread_document_key(self._folder)
        if key not in keys:
            self._find("missing", key, "the folder's name does not tell its thread's id, and no thread.json does")

    def _look_for_others(self, entries: list[Entry], ours: set[str]) -> None:
        """Tell strays, and what is no file where a file belongs."""
        for each in entries:
            role = each.key.split("/")[1]
            if each.key not in ours and role not in _NOT_OURS:
                self._find("stray", each.key, "no file of this library has this name in this place")
        known = {each.key for each in entries}
        for folder in self._folders():
            for name in self._store.list(folder):
                key = f"{folder}/{name}"
                if layout.is_data_key(key) and key not in known and self._store.exists(key):
                    self._find("corrupt", key, "it is no regular file: move it away, and bring the file back")

    def _folders(self) -> Iterator[str]:
        yield self._folder
        for role in ("artifacts", "edits", "fences"):
            yield f"{self._folder}/{role}"
        namespaces = layout.namespaces_folder(self._folder)
        yield from (f"{namespaces}/{name}" for name in self._store.list(namespaces))
        yield from (f"{layout.writes_folder(self._folder)}/{bucket}" for bucket in layout.WRITES_BUCKETS)

    # --- files

    def _artifact(self, entry: Entry) -> None:
        name = entry.key.rpartition("/")[2]
        try:
            file = self._store.open(entry.key)
            if file is None:
                return
            digest = hashlib.sha256()
            with file:
                while block := file.read(COPY_BLOCK_BYTES):
                    digest.update(block)
            self._hashed(entry.key, name, digest.hexdigest())
        except FileSaverError as error:
            self._broken(entry.key, error)
        self._done(entry)

    def _hashed(self, key: str, name: str, digest: str) -> None:
        self._repository.artifacts.verify(key, name, digest)

    def _broken(self, key: str, error: FileSaverError) -> None:
        if isinstance(error, StorageError) and (self._store.is_far or error.errno not in _NO_FILE):
            raise error  # the disk or the network, and not the file
        if isinstance(error, UnsupportedFormatError):
            self._find("newer", key, str(error))
            return
        reason = error.reason if isinstance(error, CorruptDataError) else str(error)
        where = f"at {error.where}: " if isinstance(error, CorruptDataError) and error.where else ""
        self._find("corrupt", key, where + reason)

    def _done(self, entry: Entry) -> None:
        self.files += 1
        self.bytes += entry.bytes
        self._progress()

    def _documents(self, batch: list[Entry]) -> None:
        try:
            contents = self._store.read_all(each.key for each in batch)
        except FileSaverError:  # one of them: which is it?
            contents = {}
            for each in batch:
                try:
                    contents[each.key] = self._store.read(each.key)
                except FileSaverError as error:
                    self._broken(each.key, error)
        for each in batch:
            data = contents.get(each.key)
            if data is not None:
                try:
                    self._document(each.key, data)
                except (CorruptDataError, UnsupportedFormatError) as error:
                    self._broken(each.key, error)
                self._done(each)

    def _document(self, key: str, data: bytes) -> None:
        role = key.split("/")[1]
        tree = parse_json(data)
        document = _DOCUMENTS[role](tree)
        is_written = is_as_written(data)
        if isinstance(document, CheckpointDocument):
            self._checkpoint(key, role, document)
            if not is_written:  # what this library wrote can be revived
                self._revive_checkpoint(document)
        elif isinstance(document, WritesDocument):
            self._writes(key, document)
            for write in () if is_written else document.writes:
                if not _has_references(write.value):
                    self._codec.write(write.channel, write.value)
        elif isinstance(document, ThreadDocument) and layout.id_of_name(self._folder) is None:
            if layout.name_of(document.thread_id) != self._folder:
                raise CorruptDataError(f"the folder is not that of thread {document.thread_id!r}", where="thread_id")
            self._thread_id = document.thread_id
        # An earlier state is of the past: what it refers to may be collected.
        if role != "edits" and (b"artifacts/" in data or not is_written):
            self._want(key, tree)
        if is_written is False:
            self._find("edited", key, "it was changed by hand since it was written, and can be read")

    def _want(self, key: str, tree: Any) -> None:
        """Note what a file refers to."""
        is_referring = False
        for reference, may_refer, is_certain in references_in(tree):
            name = layout.artifact_name(reference)
            if is_certain:
                if name is None:
                    raise CorruptDataError(f"{reference!r} is no reference to an artifact")
                self._wanted.add(name)
                if may_refer and ".json" in name:
                    self._to_follow.append(name)
                is_referring = True
        if is_referring:
            self.referring.append(key)

    def _checkpoint(self, key: str, role: str, document: CheckpointDocument) -> None:
        ns_name, checkpoint_name = layout.namespace_name(document.checkpoint_ns), layout.name_of(document.checkpoint_id)
        place = f"{self._folder}/{role}/" + (
            f"{ns_name}/{checkpoint_name}.json" if role == "checkpoints" else f"{ns_name}.{checkpoint_name}."
        )
        if not (key == place if role == "checkpoints" else key.startswith(place)):
            raise CorruptDataError(
                f"its place is not that of checkpoint {document.checkpoint_id!r} of namespace {document.checkpoint_ns!r}"
            )
        versions = document.checkpoint.get("channel_versions")
        if isinstance(versions, dict):
            kinds = {"a number" if type(each) in (int, float) else type(each).__name__ for each in versions.values()}
            if len(kinds) > 1:
                raise CorruptDataError(
                    f"versions of one checkpoint are of one type, and these are {' and '.join(sorted(kinds))}",
                    where='checkpoint["channel_versions"]',
                )
        if role == "checkpoints":
            self._parents[document.checkpoint_ns, document.checkpoint_id] = (document.parent_checkpoint_id, key)
            self._places.add(f"{ns_name}.{checkpoint_name}")

    def _revive_checkpoint(self, document: CheckpointDocument) -> None:
        self._codec.others(document)
        if not _has_references(document.metadata):
            self._codec.metadata(document)
        for channel, raw in document.state.items():
            if not _has_references(raw):
                self._codec.channel(document, channel)

    def _writes(self, key: str, document: WritesDocument) -> None:
        prefix = layout.writes_prefix(document.checkpoint_ns, document.checkpoint_id)
        name = key.rpartition("/")[2]
        start = f"{self._folder}/writes/{layout.writes_bucket(prefix)}/{prefix}{layout.name_of(document.task_id)}."
        if not key.startswith(start):
            raise CorruptDataError(
                f"its place is not that of task {document.task_id!r} at checkpoint {document.checkpoint_id!r}"
            )
        parsed = layout.WritesName.parse(name)
        if parsed is not None:
            self._calls[start].append(parsed.number)

    # --- what they are together

    def _follow(self) -> None:
        """Look into the parts of values that documents refer to; a file of the user's, behind a handle, is none of them."""
        done: set[str] = set()
        while self._to_follow:
            name = self._to_follow.pop()
            if name not in done and name in self._artifacts:
                done.add(name)
                key = layout.artifact_key(self._folder, name)
                with contextlib.suppress(FileSaverError):  # a damaged one was told when it was hashed
                    content = self._repository.formats.content(self._store.read(key) or b"", name)
                    self._want(key, self._repository.parsed(key, _as_it_is, content))

    def _references(self) -> None:
        missing = {
            name
            for name in self._wanted
            if name not in self._artifacts and not self._store.exists(layout.artifact_key(self._folder, name))
        }
        for key in self.referring if missing else ():  # once more, to tell all of them
            data = self._store.read(key)
            content = b"" if data is None else self._repository.formats.content(data, key.rpartition("/")[2])
            for name in sorted(missing & names_in(content)):
                self._find("missing", key, f"it refers to {layout.artifact_reference(name)}, which is not there")

    def _circles(self) -> None:
        done: set[tuple[str, str]] = set()
        for start in self._parents:
            line: dict[tuple[str, str], None] = {}
            place: tuple[str, str] | None = start
            while place is not None and place in self._parents and place not in done:
                if place in line:
                    self._find("unsound", self._parents[place][1], "this checkpoint is its own ancestor")
                    break
                line[place] = None
                parent_id = self._parents[place][0]
                place = None if parent_id is None else (place[0], parent_id)
            done.update(line)

    def _gaps(self) -> None:
        for start, numbers in self._calls.items():
            if start.rpartition("/")[2].rsplit(".", 2)[0] not in self._places:
                continue  # its checkpoint is gone, or still to come: a prune that died leaves such
            for number in sorted(set(range(max(numbers))) - set(numbers)):
                self._find(
                    "unsound", f"{start}{number}.json", "this call of its task is not there, though later ones are"
                )


def _has_references(raw: Any) -> bool:
    """Tell whether a value cannot be revived without artifacts, which are looked for here and not read."""
    return any(is_certain for _, _, is_certain in references_in(raw))


def _as_it_is(tree: Any) -> Any:
    return tree
