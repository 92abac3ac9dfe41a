"""A store whose files are sealed: wraps another one, which sees no content (docs/format.md, "Sealed files").

Sealed are checkpoints, writes, corrections, fences and artifacts; what only says which thread or store it is, and locks, stay
plain. A plain file in place of a sealed one is refused. Everything else is the wrapped store's, verb for verb.

What would break it: a file of a sealed kind that goes past it, a key that is kept after its provider has taken it back.
"""

from __future__ import annotations

import contextlib
import hmac
import io
import threading
import time
from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from typing import BinaryIO, cast

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._codec import parse_json
from langgraph_filesaver._crypt.keys import EncryptionKey, KeyProvider
from langgraph_filesaver._crypt.sealing import (
    HEADER_BYTES,
    Binding,
    Header,
    Sealing,
    UnsealedError,
    opened,
    sealed,
    sizes,
)
from langgraph_filesaver._documents import ThreadDocument
from langgraph_filesaver._store.base import Entry, Marker, Properties, Staged, Status, Store, Turn, Versioned, no_turn
from langgraph_filesaver._store.identity import sealed_store_id
from langgraph_filesaver._store.sealed_files import SealedReader, SealedStaged
from langgraph_filesaver.config import COPY_BLOCK_BYTES, KEY_SECONDS
from langgraph_filesaver.errors import CorruptDataError, DecryptionError, StorageError

__all__ = ["SealedStore"]

_MOST_KEYS = 10_000
_NAMES = b"langgraph-filesaver 1 artifact names"


class SealedStore(Store):
    """Another store's files, sealed.

    Args:
        inner: The store.
        provider: Who knows the keys.
        marker: What the root gets where it has no marker yet.
    """

    keyed_names = True

    def __init__(self, inner: Store, provider: KeyProvider, marker: Marker) -> None:
        self.inner = inner
        self._provider = provider
        self._marker = marker
        self._mutex = threading.Lock()
        self._keys: dict[tuple[str, str | None], tuple[EncryptionKey, float]] = {}
        self._name_keys: dict[tuple[str, str], bytes] = {}
        self._thread_ids: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"{self.inner!r}, sealed"

    @property
    def properties(self) -> Properties:  # type: ignore[override] # found out by the wrapped store, perhaps at its first use
        """Those of the wrapped store."""
        return self.inner.properties

    @property
    def is_read_only(self) -> bool:  # type: ignore[override] # that of the wrapped store
        """That of the wrapped store."""
        return self.inner.is_read_only

    @property
    def is_far(self) -> bool:
        """That of the wrapped store."""
        return self.inner.is_far

    @property
    def realm(self) -> Hashable:
        """That of the wrapped store."""
        return self.inner.realm

    # --- what a file is bound to, and its key

    @staticmethod
    def scope(key: str) -> str | None:
        """Return what a file is bound to beside its name, or None where it stays plain."""
        return layout.sealed_scope(key)

    @cached_property
    def _store_id(self) -> str:
        """The store's id, once it has one: a marker is written once and for all."""
        path = self.inner.describe(self._marker.key)
        marker = self.inner.read(self._marker.key)
        if marker is None:
            self.inner.create(self._marker.key, self._marker.data)
            marker = self.inner.read(self._marker.key) or b""
        store_id = sealed_store_id(marker, path)
        if store_id is None:
            raise StorageError(
                f"{path} says that the files are not encrypted, and a key was given: open them without one, or give a new folder",
                path=path,
            )
        return store_id

    def _binding(self, key: str) -> Binding | None:
        scope = self.scope(key)
        return None if scope is None else Binding(self._place(scope), self._place(key))

    def _place(self, key: str) -> bytes:
        return f"{self._store_id}/{key}".encode()

    def _thread_id(self, folder: str) -> str:
        thread_id = layout.id_of_name(folder) or self._thread_ids.get(folder)
        if thread_id is None:
            document_key = layout.thread_document_key(folder)
            data = self.inner.read(document_key)
            if data is None:
                return folder  # half removed, or half copied: its provider may know it by that
            try:
                thread_id = ThreadDocument.from_json(parse_json(data)).thread_id
            except CorruptDataError as error:
                raise error.in_file(self.inner.describe(document_key)) from error
            self._note(folder, thread_id)
        return thread_id

    def _note(self, folder: str, thread_id: str) -> None:
        if len(self._thread_ids) >= _MOST_KEYS:
            self._thread_ids.clear()
        self._thread_ids[folder] = thread_id

    def _key(self, folder: str, key_id: str | None, path: str) -> EncryptionKey:
        """Return a key of a thread; one is asked for again after a while, for its provider may have another by then."""
        known = self._keys.get((folder, key_id))
        if known is not None and time.monotonic() - known[1] < KEY_SECONDS:
            return known[0]
        thread_id = self._thread_id(folder)
        try:
            found = self._provider.get_key(thread_id, key_id)
        except LookupError as error:
            which = "the key for new files" if key_id is None else f"the key {key_id!r} that it was sealed with"
            raise DecryptionError(
                f"{which} is not there for thread {thread_id!r} ({error.args[0] if error.args else error}): give it with the others",
                path=path,
            ) from None
        if key_id not in (None, found.id):
            raise DecryptionError(
                f"{type(self._provider).__name__}.get_key({thread_id!r}, {key_id!r}) gave {found!r}: that is another one",
                path=path,
            )
        with self._mutex:
            if len(self._keys) >= _MOST_KEYS:
                self._keys.clear()
            self._keys[folder, key_id] = (found, time.monotonic())
        return found

    def _current_key(self, key: str) -> EncryptionKey:
        return self._key(key.partition("/")[0], None, self.inner.describe(key))

    def artifact_digest(self, thread_id: str, sha256: str) -> str:
        """Return what an artifact is named by: its digest, keyed, so that equal content does not show."""
        folder = layout.thread_folder(thread_id)
        self._note(folder, thread_id)
        key = self._current_key(folder)
        secret = self._name_keys.get((folder, key.id))
        if secret is None:
            secret = key.derived(b"", _NAMES + b" " + self._place(folder))
            if len(self._name_keys) >= _MOST_KEYS:
                self._name_keys.clear()
            self._name_keys[folder, key.id] = secret
        return hmac.digest(secret, bytes.fromhex(sha256), "sha256").hex()

    # --- sealing and opening

    def _sealed(self, key: str, data: bytes) -> bytes:
        binding = self._binding(key)
        return data if binding is None else sealed(self._current_key(key), binding, data)

    def _opened(self, key: str, data: bytes | None) -> bytes | None:
        if data is None or self.scope(key) is None:
            return data
        header = self._header(key, data)
        secret = self._key(key.partition("/")[0], header.key_id, self.inner.describe(key))
        try:
            return opened(secret, header, cast("Binding", self._binding(key)), data)
        except UnsealedError as error:
            raise self._failed(key, error) from error

    def _header(self, key: str, data: bytes) -> Header:
        try:
            return Header.parse(data)
        except UnsealedError as error:
            raise self._failed(key, error) from error

    def _failed(self, key: str, error: UnsealedError) -> DecryptionError:
        return DecryptionError(
            f"the file cannot be decrypted: {error}. Give the key that it was written with, or bring back a copy of the file",
            path=self.inner.describe(key),
        )

    # --- reading

    def describe(self, key: str) -> str:
        """Return where the file is."""
        return self.inner.describe(key)

    def read(self, key: str) -> bytes | None:
        """Return the content under `key`."""
        return self._opened(key, self.inner.read(key))

    def read_all(self, keys: Iterable[str]) -> dict[str, bytes | None]:
        """Return the content under each of the keys."""
        return {key: self._opened(key, data) for key, data in self.inner.read_all(keys).items()}

    def open(self, key: str) -> BinaryIO | None:
        """Open the content for reading."""
        file = self.inner.open(key)
        binding = self._binding(key)
        if file is None or binding is None:
            return file
        with contextlib.ExitStack() as closing:
            closing.enter_context(file)
            header = self._header(key, file.read(HEADER_BYTES))
            sealing = Sealing(
                self._key(key.partition("/")[0], header.key_id, self.inner.describe(key)), header, binding.scope
            )
            reader = SealedReader(file, sealing, binding, lambda error: self._failed(key, error))
            closing.pop_all()
        return io.BufferedReader(reader, COPY_BLOCK_BYTES)

    def exists(self, key: str) -> bool:
        """Look for the file."""
        return self.inner.exists(key)

    def list(self, folder: str) -> tuple[str, ...]:
        """List the folder."""
        return self.inner.list(folder)

    def names_at_hand(self) -> tuple[str, ...]:
        """List what is here."""
        return self.inner.names_at_hand()

    def tree(self, folder: str) -> Iterator[Entry]:
        """Walk the folder; sizes are those of the sealed files."""
        return self.inner.tree(folder)

    def status(self, key: str) -> Status | None:
        """Tell the size of the content, and age."""
        found = self.inner.status(key)
        if found is not None and self.scope(key) is not None and found.bytes > HEADER_BYTES:
            with contextlib.suppress(UnsealedError):  # it is damaged, and whoever reads it is told
                return found._replace(bytes=sizes(found.bytes)[0])
        return found

    def stamp(self, key: str) -> tuple[int, ...] | None:
        """Tell files apart."""
        return self.inner.stamp(key)

    def path(self, key: str) -> str | None:
        """Return None for what is sealed: other programs cannot read it."""
        return self.inner.path(key) if self.scope(key) is None else None

    def confine(self, folder: str) -> None:
        """Refuse a link out of the folder."""
        self.inner.confine(folder)

    def ahead(self) -> AbstractContextManager[None]:
        """As the wrapped store does."""
        return self.inner.ahead()

    def expect(self, keys: Iterable[str] = (), folders: Iterable[str] = (), looks: Iterable[str] = ()) -> None:
        """As the wrapped store does."""
        self.inner.expect(keys, folders, looks)

    # --- writing

    def create(self, key: str, data: bytes, turn: Turn = no_turn) -> bool:
        """Seal and store it."""
        return self.inner.create(key, self._sealed(key, data), turn)

    def create_all(self, files: Mapping[str, bytes]) -> None:
        """Seal and store them."""
        self.inner.create_all({key: self._sealed(key, data) for key, data in files.items()})

    def replace(self, key: str, data: bytes) -> None:
        """Seal it and store it in place of what is there."""
        self.inner.replace(key, self._sealed(key, data))

    def read_versioned(self, key: str) -> Versioned | None:
        """Return the content and the sealed file's version."""
        found = self.inner.read_versioned(key)
        return None if found is None else Versioned(self._opened(key, found.data) or b"", found.version)

    def swap(self, key: str, data: bytes, version: str | None) -> str | None:
        """Seal it and store it in place of a version."""
        return self.inner.swap(key, self._sealed(key, data), version)

    def settle(self, keys: Iterable[str]) -> None:
        """Make them durable."""
        self.inner.settle(keys)

    def delete(self, keys: Iterable[str]) -> None:
        """Remove them."""
        self.inner.delete(keys)

    def delete_folder(self, folder: str) -> None:
        """Remove it."""
        self._thread_ids.pop(folder, None)
        self.inner.delete_folder(folder)

    def move_folder(self, source: str, target: str) -> bool:
        """Move the sealed files as they are: they open at their own place alone."""
        return self.inner.move_folder(source, target)

    def touch(self, key: str) -> None:
        """Make it young."""
        self.inner.touch(key)

    def stage(self, thread_id: str) -> Staged:
        """Begin an artifact of a thread, sealed as it is written."""
        folder = layout.thread_folder(thread_id)
        self._note(folder, thread_id)
        return self._staged(thread_id, layout.artifacts_folder(folder))

    def _staged(self, thread_id: str, scope_key: str) -> Staged:
        key = self._current_key(scope_key)
        header = Header.new(key.id)
        scope = self._place(scope_key)
        staged = self.inner.stage(thread_id)
        try:
            return SealedStaged(staged, header, Sealing(key, header, scope), self._place)
        except BaseException:
            staged.close()
            raise

    def reseal(self, key: str, *, dry_run: bool) -> bool:
        """Seal the file with the current key of its thread, if it has another one."""
        scope = self.scope(key)
        file = None if scope is None else self.inner.open(key)
        if file is None or scope is None:
            return False
        with file:
            header = self._header(key, file.read(HEADER_BYTES))
        folder = key.partition("/")[0]
        if header.key_id == self._current_key(folder).id:
            return False
        if dry_run:
            return True
        content = self.open(key)
        if content is None:
            return False
        with content, contextlib.closing(self._staged(self._thread_id(folder), scope)) as staged:
            _copy(content, staged)
            staged.replace(key)
        return True

    def copy(self, source_key: str, target_key: str) -> bool:
        """Open the one and seal it for the place of the other."""
        if self.scope(source_key) is None or self.scope(target_key) is None:  # out of sight or back: as it is
            return self.inner.copy(source_key, target_key)
        if self.inner.exists(target_key):
            return False
        source = self.open(source_key)
        if source is None:
            return False
        with source, contextlib.closing(self.stage(self._thread_id(target_key.partition("/")[0]))) as staged:
            _copy(source, staged)
            return staged.name(target_key)


def _copy(content: BinaryIO, staged: Staged) -> None:
    while block := content.read(COPY_BLOCK_BYTES):
        staged.write(block)
