"""The artifact files of the threads: when one has to be written, and what a read one is worth.

- Written once per thread and durable before what refers to them (P1): `published` brings a document's artifacts to the
  disk and holds the thread's gate (`_gate`) until the document itself has its name. What is known to be there, and
  durable, is not looked at again while the gate's stamp is the same.
- In a far store each look is a request, so there nothing is looked at: what a stored document was seen to refer to is
  believed to be there for a while (`TRUST_SECONDS`), and a collection there removes nothing that has not been garbage for
  longer than that (`_collection`).
- Verified on read: the name is the SHA-256 of the bytes. A large file that this process has verified is trusted while
  inode, size and times stand still.

What would break it: a memory of what is there that outlives a removal.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._artifacts.hashing import digest_of
from langgraph_filesaver._counting import note_bytes
from langgraph_filesaver._lock import ThreadLocks
from langgraph_filesaver._store import Staged, Store
from langgraph_filesaver.config import TRUST_SECONDS
from langgraph_filesaver.errors import CorruptDataError

if TYPE_CHECKING:
    from langgraph_filesaver._artifacts.outgoing import Outgoing
    from langgraph_filesaver._gate import Stamp

__all__ = ["ArtifactFiles", "MissingArtifactError", "RemovedError"]

_MOST_KNOWN = 500_000  # names, about 60 MB
_MOST_VERIFIED = 10_000


class RemovedError(Exception):
    """Artifacts that were believed to be there are gone: encode the document again, believing nothing."""


class MissingArtifactError(CorruptDataError):
    """A stored file refers to an artifact that is not there; it may have been removed together with that file."""


class _Known:
    """Names that are there while the gate has its stamp, and the folder of the artifacts looked like this."""

    __slots__ = ("folder", "names", "recent", "since", "stamp")

    def __init__(self, stamp: Stamp) -> None:
        self.stamp = stamp
        self.names: set[str] = set()
        self.folder: tuple[int, ...] | None = None
        self.recent: set[str] = set()
        self.since = time.monotonic()

    def grow_old(self) -> None:
        """Forget what has not been noted for a while: at least half of TRUST_SECONDS, at most all of it."""
        if time.monotonic() - self.since > TRUST_SECONDS / 2:
            self.names, self.recent, self.since = self.recent, set(), time.monotonic()

    def add(self, names: Iterable[str]) -> None:
        """Note names that are there."""
        self.names.update(names)
        self.recent.update(names)


class ArtifactFiles:
    """The artifacts in a store.

    Args:
        store: Where they are.
        locks: The gates of their threads.
    """

    def __init__(self, store: Store, locks: ThreadLocks) -> None:
        self.store = store
        self.locks = locks
        self._known: dict[str, _Known] = {}
        self._count = 0
        self._verified: set[tuple[int, ...]] = set()
        self._large: set[tuple[str, int]] = set()

    def known(self, thread_id: str) -> frozenset[str] | set[str]:
        """Return the names of artifacts that were there, durably, when last looked at; to be confirmed by `published`."""
        known = self._known.get(thread_id)
        if known is None:
            return frozenset()
        if self.store.is_far:
            known.grow_old()
        return known.names

    def note(self, thread_id: str, stamp: Stamp, names: set[str]) -> None:
        """Remember that a stored document refers to `names`, so that they are there, durably; `stamp` is of before."""
        if stamp and names:
            known = self._at(thread_id, stamp)
            before = len(known.names)
            known.add(names)
            self._bound(len(known.names) - before)

    def has_of_size(self, thread_id: str, size: int) -> bool:
        """Tell whether a large artifact of this size was asked for before: then it may be the same one."""
        if (thread_id, size) in self._large:
            return True
        if len(self._large) >= _MOST_VERIFIED:
            self._large.clear()
        self._large.add((thread_id, size))
        return False

    @contextlib.contextmanager
    def published(self, thread_id: str, outgoing: Outgoing, document: bytes) -> Iterator[None]:
        """Make durable what a document refers to, and keep it there until its own file has been named inside.

        Raises:
            RemovedError: Something that it reuses is gone; nothing was written for the document.
            StorageError: An artifact cannot be written.
        """
        names = outgoing.needed_by(document)
        if not names and not outgoing.reused:
            yield
            return
        with self.locks.referring(thread_id) as stamp:
            known = self._confirmed(thread_id, stamp, names | outgoing.reused)
            if not outgoing.reused <= known.names:
                raise RemovedError
            new = names - known.names
            if new:
                self._write(thread_id, outgoing, new)
                known.add(new)
                known.folder = self._folder(thread_id)
                self._bound(len(new))
            yield
            known.recent |= outgoing.reused  # a document that was just stored refers to them

    def _at(self, thread_id: str, stamp: Stamp) -> _Known:
        known = self._known.get(thread_id)
        if known is None or known.stamp != stamp:
            known = self._known[thread_id] = _Known(stamp)
        return known

    def _confirmed(self, thread_id: str, stamp: Stamp, names: set[str]) -> _Known:
        """Return what is known, after a look at each of `names` unless the folder is as it was at the last look.

        A person who removes files, or brings a folder back from a backup, changes no stamp.
        """
        known = self._at(thread_id, stamp)
        if self.store.is_far:
            return known
        folder = self._folder(thread_id)
        if folder is None or known.folder != folder:
            self.confine(thread_id)
            gone = [name for name in names & known.names if not self.store.exists(self.key(thread_id, name))]
            if gone:
                known = self._known[thread_id] = _Known(stamp)
            known.folder = folder
        return known

    def _folder(self, thread_id: str) -> tuple[int, ...] | None:
        if self.store.is_far:
            return None
        status = self.store.status(layout.artifacts_folder(layout.thread_folder(thread_id)))
        return None if status is None else status.stamp

    def confine(self, thread_id: str) -> None:
        """Refuse a folder of artifacts that is a link out of its thread; raises StorageError."""
        self.store.confine(layout.artifacts_folder(layout.thread_folder(thread_id)))

    def _write(self, thread_id: str, outgoing: Outgoing, names: set[str]) -> None:
        if self.store.is_far:
            self._write_all(thread_id, outgoing, names)
            return
        found = []
        for name in outgoing.in_order(names):
            key = self.key(thread_id, name)
            status = self.store.status(key)
            size = outgoing.size_of(name)
            if status is not None and size is not None and status.bytes != size:
                self.store.delete([key])  # damaged, and here is what it should be
                status = None
            if status is not None or not outgoing.write(name, key):
                found.append(key)
        self.store.settle(found)  # who wrote them may have died before they were durable

    def _write_all(self, thread_id: str, outgoing: Outgoing, names: set[str]) -> None:
        """Write all of them at once, without a look at what is there: in whatever order, for nothing refers to them yet."""
        small: dict[str, bytes] = {}
        for name in outgoing.in_order(names):
            data = outgoing.data_of(name)
            if data is None:
                outgoing.write(name, self.key(thread_id, name))
            else:
                small[self.key(thread_id, name)] = data
        self.store.create_all(small)

    def _bound(self, added: int) -> None:
        self._count += added
        if self._count > _MOST_KNOWN:
            self._known.clear()
            self._count = 0

    @staticmethod
    def key(thread_id: str, name: str) -> str:
        """Return the key of an artifact of a thread."""
        return layout.artifact_key(layout.thread_folder(thread_id), name)

    def keep_staged(self, thread_id: str, staged: Staged, name: str) -> None:
        """Make a staged file an artifact of the thread.

        Raises:
            StorageError: It cannot be written.
        """
        key = self.key(thread_id, name)
        self.confine(thread_id)
        with self.locks.referring(thread_id) as stamp:
            if not staged.name(key):
                self.store.touch(key)  # garbage that was about to go is young again
                self.store.settle([key])
            self._at(thread_id, stamp).add([name])

    def names(self, thread_id: str) -> list[str]:
        """Return the names of the artifacts of a thread; strays are left out. Raises as `confine` does."""
        self.confine(thread_id)
        folder = layout.artifacts_folder(layout.thread_folder(thread_id))
        return [name for name in self.store.list(folder) if layout.is_artifact_name(name)]

    def stamp(self, thread_id: str, name: str) -> tuple[int, ...] | None:
        """Return what is another one once the file of an artifact has been changed; None where that cannot be relied on."""
        return self.store.stamp(self.key(thread_id, name))

    def read(self, thread_id: str, name: str) -> bytes:
        """Return the bytes of an artifact.

        Raises:
            MissingArtifactError: It is not there.
            CorruptDataError: Its bytes are not those that its name says.
            StorageError: It cannot be read.
        """
        key = self.key(thread_id, name)
        data = self.store.read(key)
        if data is None:
            raise self.missing(thread_id, name)
        note_bytes(len(data))
        if not self.store.keyed_names:
            self.verify(key, name, hashlib.sha256(data).hexdigest())
        return data

    def mapped(self, thread_id: str, name: str) -> mmap.mmap | bytes:
        """Return the bytes of a large artifact, mapped copy-on-write where that is possible; raises as `read` does."""
        if self.store.is_far:
            return self.read(thread_id, name)
        key = self.key(thread_id, name)
        file = self.store.open(key)
        if file is None:
            raise self.missing(thread_id, name)
        with file:
            try:
                status = os.fstat(file.fileno())
            except (OSError, AttributeError):  # a file in memory, or one that is made of another while it is read
                return _read_into_memory(file) if self.store.keyed_names else self.read(thread_id, name)
            if not status.st_size:
                return self.read(thread_id, name)
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
            seen = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            if seen not in self._verified:
                self.verify(key, name, digest_of(mapped))
                if len(self._verified) >= _MOST_VERIFIED:
                    self._verified.clear()
                self._verified.add(seen)
            return mapped

    def missing(self, thread_id: str, name: str) -> MissingArtifactError:
        """Return the error that tells of a reference to an artifact that is not there."""
        path = self.store.describe(self.key(thread_id, name))
        return MissingArtifactError(
            "the file is missing, though a checkpoint or a write refers to it: bring it back (a copy of the thread may "
            "have it), or write the value itself in place of the reference",
            path=path,
        )

    def verify(self, key: str, name: str, digest: str) -> None:
        """Compare the SHA-256 of an artifact's bytes with its name, where that is what it is named by.

        Raises:
            CorruptDataError: It is another one.
        """
        if not self.store.keyed_names and not name.startswith(digest):
            raise CorruptDataError(
                f"the file has been changed or damaged: its SHA-256 is {digest}, not the one in its name. Bring it back; "
                "to correct a value, write it in place of the reference in the checkpoint's file instead",
                path=self.store.describe(key),
            )


def _read_into_memory(file: BinaryIO) -> mmap.mmap | bytes:
    """Return all of a file in memory of its own that can be written to; no second copy of it is made on the way."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if not size:
        return b""
    memory = mmap.mmap(-1, size)
    if hasattr(mmap, "MADV_HUGEPAGE"):  # a system call per page takes longer than decrypting it
        memory.madvise(mmap.MADV_HUGEPAGE)
    with memoryview(memory) as view:
        at = 0
        while count := file.readinto(view[at:]):  # type: ignore[attr-defined] # every BinaryIO that is read has it
            at += count
    return memory
