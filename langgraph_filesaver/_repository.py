"""One thread's folder: which file is written and removed before which. What is read is in `_thread_files`.

Knows the store's verbs, the layout and the documents; knows no Python value (values are `_codec`'s) and no config.

- Writing: what is referred to first, then what refers to it (P1). A checkpoint is one exclusive creation; putting the same
  id again replaces the file under the thread's lock. A call of put_writes is one file, numbered per task, claimed by
  exclusive creation and never rewritten. Both get their names in a turn that a `Publication` gives.
- Deleting: checkpoints first, durably, then their writes.

What would break it: a lock held while somebody else's code runs, a file named in another order than it is referred to.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

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
from langgraph_filesaver._calls import call_order, told
from langgraph_filesaver._claims import claim
from langgraph_filesaver._codec import dump_document, dump_plain, is_as_written, parse_json
from langgraph_filesaver._counting import note_bytes
from langgraph_filesaver._documents import CheckpointDocument, FenceDocument, WritesDocument, check_format
from langgraph_filesaver._identity import Identified
from langgraph_filesaver._leases import Lease, Leases
from langgraph_filesaver._lock import ThreadLocks
from langgraph_filesaver._publication import Publication
from langgraph_filesaver._store import PLAIN_MARKER, Store
from langgraph_filesaver._thread_files import ThreadFiles
from langgraph_filesaver.artifact import Artifact
from langgraph_filesaver.errors import ConflictError, FileSaverError, StorageError

__all__ = ["MARKER", "Repository"]

MARKER = PLAIN_MARKER

Encode = Callable[[Outgoing], bytes]
"""Makes the file of a document, given where its large values go; called again where a first result could not be stored."""

Result = TypeVar("Result")


class Repository(ThreadFiles):
    """The threads in a store.

    Args:
        store: Where the files are.
        locks: The locks of its threads.
        formats: How large values are written.
    """

    def __init__(self, store: Store, locks: ThreadLocks, formats: Formats) -> None:
        super().__init__(store)
        self.locks = locks
        self.formats = formats
        self.artifacts = ArtifactFiles(store, locks)
        self.memory = Memory()
        self.leases = Leases(locks.lease_place, self.put_up_fence, locks.timeout_seconds)

    # --- who may write

    def publication(
        self,
        thread_id: str,
        document: CheckpointDocument | WritesDocument,
        *,
        is_checked: bool,
        is_asked: bool,
        run: object,
    ) -> Publication:
        """Return the way to its name of a document that is about to be stored.

        Args:
            thread_id: The thread.
            document: What is stored.
            is_checked: Whether it must build on the latest checkpoint. That of a run whose lease has ended must in any case.
            run: An object that stands for the run, or None.
            is_asked: Whether the caller has asked for what it builds on, whatever that is.
        """
        lease = self.leases.own(thread_id, run)
        is_checked = is_checked or (lease is None and self.leases.had(thread_id))
        # Whoever has the lease alone need not look; but an outsider in a far store may not know of it yet.
        is_wary = lease is not None and not is_checked and self.leases.may_meet_outsiders(thread_id)
        check: Callable[[], None] | None = None
        claims: Callable[[], None] | None = None
        if (is_checked or is_wary) and not is_asked:
            if isinstance(document, CheckpointDocument):
                check = partial(self._refuse_buried, thread_id, document, lease if is_wary else None)
                if is_checked and document.metadata.get("source") != "fork":  # a copy has the parent of its original
                    claims = partial(claim, self, thread_id, document)
            elif is_checked:  # an owner's own run may have gone on meanwhile: LangGraph stores writes in the background
                check = partial(self._refuse_outdated, thread_id, document)
        return Publication(self.leases, thread_id, check, run, claims)

    def _refuse_buried(self, thread_id: str, document: CheckpointDocument, lease: Lease | None) -> None:
        """Raise ConflictError where the checkpoint would bury another one that its parent does not know."""
        latest_id = self._latest_id(thread_id, document)
        parent_id = document.parent_checkpoint_id
        if latest_id == parent_id and (latest_id is None or latest_id < document.checkpoint_id):
            return
        if lease is not None and latest_id is not None and lease.has_published(document.checkpoint_ns, latest_id):
            return
        if latest_id == document.checkpoint_id or self.is_there(thread_id, document):
            return  # put once more, in place of itself
        if latest_id == parent_id:
            found = f"its id is smaller than that of its parent {latest_id}, so it would never be the latest; was a clock set back?"
        elif self._is_beside_its_original(thread_id, document):
            return
        elif latest_id is None:
            found = f"the thread was deleted since its checkpoint {document.parent_checkpoint_id} was read"
        else:
            found = f"its parent is {document.parent_checkpoint_id}, but the latest checkpoint is {latest_id} by now"
        raise ConflictError(
            f"checkpoint {document.checkpoint_id} of thread {thread_id!r} was not stored: {found}. Read the thread again and "
            "decide; to fork on purpose, name the parent's checkpoint_id in the config"
        )

    def _latest_id(self, thread_id: str, document: CheckpointDocument) -> str | None:
        """Return the id of the latest checkpoint. That the parent is no fork was seen when it was read: in a far store a listing does."""
        if self.store.is_far:
            ids = self.checkpoint_ids(thread_id, document.checkpoint_ns)
            if not ids or ids[-1] == document.parent_checkpoint_id:
                return ids[-1] if ids else None
        latest = self.latest(thread_id, document.checkpoint_ns)
        return None if latest is None else latest.checkpoint_id

    def _is_beside_its_original(self, thread_id: str, document: CheckpointDocument) -> bool:
        latest = self.latest(thread_id, document.checkpoint_ns)
        return latest is not None and _is_copy_beside(latest, document)

    def _refuse_outdated(self, thread_id: str, document: WritesDocument) -> None:
        """Raise ConflictError where the thread has gone on without the task that wrote."""
        latest = self.latest(thread_id, document.checkpoint_ns)
        if latest is not None and latest.checkpoint_id > document.checkpoint_id:
            raise ConflictError(
                f"the writes of task {document.task_id} of thread {thread_id!r} were not stored: they belong to checkpoint "
                f"{document.checkpoint_id}, but the latest checkpoint is {latest.checkpoint_id} by now. Read the thread again"
            )

    def take_lease(self, thread_id: str, ttl_seconds: float, *, has_waited: bool = True) -> Lease:
        """Take the lease of a thread; raises as `Leases.take` does, and HeldError where somebody maintains the thread."""
        # First, for who waits for a lease keeps nobody from maintaining the thread.
        self.leases.refuse_held(thread_id, is_hasty=True)
        # Who maintains the thread looks at the lease once it has this lock: so one of the two sees the other.
        with self.locks.hold(thread_id, is_hasty=True):
            return self.leases.take(thread_id, ttl_seconds, has_waited=has_waited)

    @contextlib.contextmanager
    def maintaining(self, thread_id: str) -> Iterator[None]:
        """Hold the lock of a thread that nobody else has a lease of.

        Raises:
            HeldError: Somebody else has its lease, or maintains it.
            ConflictError: The caller's own lease was lost.
        """
        with self.locks.hold(thread_id, is_hasty=True):
            self.refuse_held(thread_id)
            yield

    def refuse_held(self, thread_id: str) -> None:
        """Raise as `maintaining` does where the caller must not change the thread, whose lock it holds."""
        Publication(self.leases, thread_id).look()

    def put_up_fence(self, thread_id: str, token: str) -> None:
        """Write down what there is, so that what the former owner `token` still publishes is known to be late.

        A fence that stands already stays as it is. Until one stands, all that carries the token counts.
        """
        latest: dict[str, tuple[str, frozenset[str]]] = {}
        files = ThreadFiles(self.store)  # which know of fences that stand, and of none to be put up
        for checkpoint_ns in files.namespaces(thread_id):
            document = files.latest(thread_id, checkpoint_ns)
            if document is not None:
                keys = files.writes_keys(thread_id, checkpoint_ns, document.checkpoint_id)
                names = frozenset(key.rpartition("/")[2] for key in keys)
                latest[checkpoint_ns] = (document.checkpoint_id, names)
        key = layout.fence_key(layout.thread_folder(thread_id), token)
        with Identified(self.store, thread_id):
            if not self.store.create(key, dump_plain(FenceDocument(token, latest).to_json())):
                self.store.settle([key])

    def fence(self, thread_id: str, token: str | None) -> FenceDocument | None:
        """Return the fence against a token, as of now; where one is just being put up, put it up.

        Whoever does that first decides for all what came in time: else a reader might be given as the latest what is known
        to be late a moment after.
        """
        if token is None:
            return None
        # In this order: were the lease read after the fence, the fence might come, and the lease change, in between.
        is_to_come = token in self.leases.to_fence(thread_id)
        found = super().fence(thread_id, token)
        if found is None and is_to_come:
            with contextlib.suppress(FileSaverError):  # who may not write, or cannot, sees what has come by now
                self.put_up_fence(thread_id, token)
            found = super().fence(thread_id, token)
        return found

    # --- checkpoints

    def put_checkpoint(
        self, thread_id: str, document: CheckpointDocument, encode: Encode, publication: Publication
    ) -> None:
        """Store a checkpoint whose file `encode` makes; one of the same id is replaced, its writes stay.

        Raises:
            HeldError: Somebody else has the thread; nothing was stored.
            ConflictError: See `publication`, and `Publication.confirm`.
        """
        key = layout.checkpoint_key(thread_id, document.checkpoint_ns, document.checkpoint_id)
        if not self.storing(
            thread_id, encode, lambda data: self.store.create(key, data, publication.turn), publication
        ):
            with self.locks.hold(thread_id):
                self.storing(thread_id, encode, lambda data: self._replace(key, data, publication), publication)
        self.note_stored(thread_id, document, publication)

    def note_stored(self, thread_id: str, document: CheckpointDocument, publication: Publication) -> None:
        """Note that a checkpoint has its name."""
        self.note_latest(thread_id, document.checkpoint_ns, document.checkpoint_id)
        publication.note_published(document.checkpoint_ns, document.checkpoint_id)

    def _replace(self, key: str, data: bytes, publication: Publication) -> None:
        with publication.turn():
            self.store.replace(key, data)

    def storing(
        self, thread_id: str, encode: Encode, store: Callable[[bytes], Result], publication: Publication
    ) -> Result:
        """Encode a document, bring what it refers to to the disk, and `store` it; raises as `put_checkpoint` does."""
        with publication.under_way():
            return self._stored(thread_id, encode, store, publication)

    def _stored(
        self, thread_id: str, encode: Encode, store: Callable[[bytes], Result], publication: Publication
    ) -> Result:
        publication.look()
        for memory in (self.memory, None):
            outgoing = Outgoing(self.artifacts, thread_id, self.formats, memory)
            try:
                data = encode(outgoing)
                note_bytes(len(data))
                with Identified(self.store, thread_id), self.artifacts.published(thread_id, outgoing, data):
                    stored = store(data)
            except RemovedError:
                continue
            else:
                outgoing.bind()
                publication.confirm()
                return stored
            finally:
                outgoing.close()
        path = self.store.describe(layout.thread_folder(thread_id))
        raise StorageError(
            f"the artifacts in {path} are removed faster than they are written: who deletes them?", path=path
        )

    # --- writes

    def put_writes(self, thread_id: str, document: WritesDocument, encode: Encode, publication: Publication) -> None:
        """Store what one call brought, `encode` making its file, unless the files of the task hold all of it already.

        Raises as `put_checkpoint` does.
        """
        self.storing(
            thread_id, encode, lambda data: self._add_writes(thread_id, document, data, publication), publication
        )

    def _add_writes(self, thread_id: str, document: WritesDocument, data: bytes, publication: Publication) -> None:
        ns, checkpoint_id, task_id = document.checkpoint_ns, document.checkpoint_id, document.task_id
        number = 0
        standing: dict[int, bytes] = {}
        earlier_keys: list[str] = []
        incoming: WritesDocument | None = None
        while not self.store.create(
            key := layout.writes_key(thread_id, ns, checkpoint_id, task_id, number), data, publication.turn
        ):
            if incoming is None:
                incoming = WritesDocument.from_json(parse_json(data))
            earlier = self._read(key, WritesDocument.from_json)
            if earlier is None:
                continue  # removed meanwhile: the number is free again
            if not self.are_late(thread_id, key, earlier):  # else its number is taken, and it says nothing
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

    # --- artifacts by hand

    def open_artifact(self, thread_id: str, name: str, media_type: str | None) -> ArtifactWriter:
        """Begin an artifact of a thread that is written piece by piece."""
        staged = self.store.stage(thread_id)

        def keep(sha256: str, size: int) -> Artifact:
            file_name = self.store.artifact_digest(thread_id, sha256) + file_extension(name)
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
            # What a person has edited stays known as that.
            self.store.replace(key, dump_document(raw) if is_as_written(data) else dump_plain(raw))

    def delete_thread(self, thread_id: str) -> None:
        """Remove the thread's folder with all that is in it; checkpoints first where that is not one step."""
        folder = layout.thread_folder(thread_id)
        with self.locks.removing(thread_id):
            if self.store.is_far:
                checkpoints = [each.key for each in self.store.tree(layout.namespaces_folder(folder))]
                self.store.delete(reversed(checkpoints))
            self.store.delete_folder(folder)
            Identified.forget(self.store, thread_id)

    def copy_thread(self, source_id: str, target_id: str, copied: Callable[[], None] | None = None) -> None:
        """Copy every file of a thread: artifacts, fences, edits, writes, then checkpoints, oldest first; what the target has, it keeps.

        A file copied is the same bytes: nothing in it names its thread. A crash leaves whole checkpoints with their
        writes, and with their parents as far as a parent's id is smaller, as LangGraph's are; only a checkpoint that the
        target had before may for now hold some of the source's writes. Repeating the call completes the copy.

        `copied` is called after each file.
        """
        copied = copied or (lambda: None)
        source = layout.thread_folder(source_id)
        checkpoints = [
            layout.checkpoint_key(source_id, checkpoint_ns, checkpoint_id)
            for checkpoint_ns in reversed(
                self.namespaces(source_id)
            )  # called graphs first, the root's head last of all
            for checkpoint_id in self.checkpoint_ids(source_id, checkpoint_ns)
        ]
        writes = sorted((key for key, _ in self.writes_names(source_id)), key=call_order)
        for token in self.leases.to_fence(source_id):  # in the copy there will be no lease that tells of it
            self.put_up_fence(source_id, token)
        fences = layout.fences_folder(source)
        fence_keys = [f"{fences}/{name}" for name in self.store.list(fences)]
        edits = [key for key, _ in self.edits(source_id)]
        artifacts = self.artifacts.names(source_id)
        with Identified(self.store, target_id), self.locks.referring(target_id):
            self.artifacts.confine(target_id)
            keys = [(self.artifacts.key(source_id, name), self.artifacts.key(target_id, name)) for name in artifacts]
            standing = []
            for source_key, target in keys:
                if not self.store.copy(source_key, target):
                    standing.append(target)
                copied()
            self.store.settle(standing)  # it may be of a copy that died before it was durable
            for key in (*fence_keys, *edits, *writes, *checkpoints):
                data = self.store.read(key)
                if data is not None:
                    self.store.create(layout.thread_folder(target_id) + key[len(source) :], data)
                copied()


def _is_copy_beside(latest: CheckpointDocument, document: CheckpointDocument) -> bool:
    """Tell whether a checkpoint is LangGraph's copy of the latest one (`as_node="__copy__"`), which has the parent of that."""
    is_copy = document.metadata.get("source") == "fork"
    is_beside = document.parent_checkpoint_id == latest.parent_checkpoint_id
    return is_copy and is_beside and document.checkpoint_id > latest.checkpoint_id
