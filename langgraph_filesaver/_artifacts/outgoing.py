"""One document's values on their way out: which leave it, as which artifact, and what stands in their place.

Serves the encoder (`_serde`: Outside). Nothing gets a name before the whole document is encoded: small artifacts wait in
memory, large ones in the staging folder, and `ArtifactFiles.published` names those that the document refers to.
A value that this thread is known to have is only referred to.

The forms of a reference are in docs/format.md, "Artifacts".
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, BinaryIO

import orjson

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._artifacts.files import ArtifactFiles
from langgraph_filesaver._artifacts.formats import Formats, extension_of, file_extension, split_base64
from langgraph_filesaver._artifacts.hashing import Hashing
from langgraph_filesaver._artifacts.lists import ListWriter
from langgraph_filesaver._artifacts.memory import Memory
from langgraph_filesaver._artifacts.npy import npy_parts
from langgraph_filesaver._artifacts.shrinking import names_in, shrunk
from langgraph_filesaver._artifacts.stored import StoredSource
from langgraph_filesaver._codec import Values
from langgraph_filesaver._counting import note_bytes
from langgraph_filesaver._cutting import INLINE
from langgraph_filesaver._serde.encode import Encoder, RefusedError, Writer
from langgraph_filesaver._serde.text import escape_text, is_unicode
from langgraph_filesaver._store import Staged
from langgraph_filesaver.artifact import Artifact
from langgraph_filesaver.config import COPY_BLOCK_BYTES
from langgraph_filesaver.errors import StorageError

__all__ = ["Outgoing"]

_HELD_BYTES = 1024 * 1024  # what is larger waits in the staging folder
_HASHED_BESIDE_BYTES = 8 * 1024 * 1024  # what is larger is hashed by a second thread while it is written

_CHEAP = frozenset({int, bool, float, type(None)})  # sooner written again than looked up
Bytes = bytes | bytearray | memoryview


class Outgoing(Values):
    """The artifacts of one document that is being written.

    Args:
        files: The artifacts that are there.
        thread_id: The document's thread.
        formats: How artifacts are written.
        memory: What was stored before, or None to believe nothing.

    Attributes:
        reused: The names of artifacts that the document may refer to and that were not made for it.
        passed_bytes: How many bytes of values went out, for an idea of what they keep in memory.
    """

    def __init__(self, files: ArtifactFiles, thread_id: str, formats: Formats, memory: Memory | None) -> None:
        self.limit = formats.limit
        self.inline = 0 if formats.limit is None else min(formats.limit, INLINE)
        self.memory = memory
        self.reused: set[str] = set()
        self.passed_bytes = 0
        self._files = files
        self._thread_id = thread_id
        self._formats = formats
        self._known = files.known(thread_id) if memory is not None else frozenset()
        self._pending: dict[str, Bytes | Staged] = {}
        self._inner: dict[str, set[str]] = {}
        self._touched: set[str] = set()
        self._handles: dict[int, tuple[Artifact, str, dict[str, Any]]] = {}

    # --- what the codec asks

    def channel_text(
        self, place: tuple[str, str], version: Any, value: Any, write: Callable[[bool], bytes], *, is_new: bool
    ) -> bytes:
        """Return the text of a channel's value: as it was, where the channel has the same version and object."""
        memory, where = self.memory, (self._thread_id, *place)
        if memory is None or version is None or type(value) in _CHEAP:
            return write(True)  # noqa: FBT003 - probably small
        known = None if is_new else memory.channel(where, version, value)
        if known is not None and self.has(known[1]):
            self.reused |= known[1]
            return known[0]
        passed, touched = self.passed_bytes, self._touched
        self._touched = set()
        text = write(not memory.is_large(where))
        size = self.passed_bytes - passed + len(text)
        memory.remember_channel(where, version, value, text, frozenset(self._touched), size)
        self._touched |= touched
        return text

    # --- what the encoder asks

    def text(self, text: str) -> Any:
        """Return the reference to a string, or the string where it is not large."""
        if self.limit is None or len(text) * 4 <= self.limit:
            return text
        data = text.encode()
        if len(data) <= self.limit:
            return text
        image = split_base64(text)
        if image is not None:
            prefix, content = image
            return {**self.reference(content, extension_of(content)), "base64": prefix}
        return self.reference(data, ".txt")

    def data(self, data: bytes | bytearray) -> dict[str, Any] | None:
        """Return the reference to bytes, or None where they are not large."""
        if self.limit is None or _in_base64(len(data)) <= self.limit:
            return None
        return self.reference(data, extension_of(data))

    def array(self, array: Any) -> dict[str, Any] | None:
        """Return the reference to an array, as `.npy`, or None where it is not large or `.npy` would not keep it."""
        if self.limit is None or _in_base64(array.nbytes) <= self.limit:
            return None
        parts = npy_parts(array)
        return None if parts is None else self._reference_to(self._kept(parts, ".npy"), sum(map(len, parts)))

    def sequence(self, items: Sequence[Any], encoder: Encoder) -> Any:
        """Return the JSON of a list: its items, or references to its chunks and the last items."""
        return ListWriter(self, encoder).write(items)

    def shrunk(self, tree: Any, *, keep_root: bool) -> Any:
        """Return a tree whose large parts have become artifacts."""
        if self.limit is None:
            return tree
        return shrunk(tree, self.limit, self.json, keep_root=keep_root)

    def writer(self, kind: type) -> Writer | None:
        """Return the writer for artifacts by hand, and for types with a format of the user's own."""
        if issubclass(kind, Artifact):
            return self._write_handle
        codec = self._formats.codec_of(kind)
        if codec is None:
            return None

        def write(value: Any, _encoder: Encoder) -> dict[str, Any]:
            data = codec.encode(value)
            return {**self._reference_to(self._kept([data], codec.extension), len(data)), "codec": codec.name}

        return write

    def has(self, names: Iterable[str]) -> bool:
        """Tell whether the thread is known to have all these artifacts."""
        return self._known.issuperset(names)

    # --- making artifacts

    def json(self, tree: Any) -> dict[str, Any]:
        """Return the reference to a part of a document as a JSON file."""
        return self.reference(
            orjson.dumps(tree, option=orjson.OPT_INDENT_2 | orjson.OPT_STRICT_INTEGER) + b"\n", ".json"
        )

    def reference(self, data: Bytes, extension: str) -> dict[str, Any]:
        """Return the reference to `data`, which becomes an artifact."""
        return self._reference_to(self.keep(data, extension), len(data))

    def keep(self, data: Bytes, extension: str) -> str:
        """Return the name of the artifact that `data` becomes."""
        inner = names_in(data) if extension == ".json" else None
        content, extension = self._formats.packed(data, extension) if self._formats.compression else (data, extension)
        name = self._kept([content], extension)
        if inner:
            self._inner[name] = inner
        return name

    @staticmethod
    def _reference_to(name: str, size: int) -> dict[str, Any]:
        return {"$artifact": layout.artifact_reference(name), "bytes": size}

    def _kept(self, parts: Sequence[Bytes], extension: str) -> str:
        size = sum(map(len, parts))
        self.passed_bytes += size
        if size > _HASHED_BESIDE_BYTES and not self._files.has_of_size(self._thread_id, size):
            return self._staged(lambda hashing: hashing.write_whole(parts), extension)[0]
        digest = hashlib.sha256()
        for part in parts:
            digest.update(part)
        name = self._files.store.artifact_digest(self._thread_id, digest.hexdigest()) + extension
        self._touched.add(name)
        if name in self._known:
            self.reused.add(name)
        elif name not in self._pending:
            if size > _HELD_BYTES:
                staged = self._files.store.stage(self._thread_id)
                self._pending[name] = staged
                for part in parts:
                    staged.write(memoryview(part))
            else:
                self._pending[name] = b"".join(parts) if len(parts) > 1 else parts[0]
        return name

    def _staged(self, fill: Callable[[Hashing], object], extension: str) -> tuple[str, int, str]:
        """Write a file into the staging folder, hashing it meanwhile; return its name, its size and its SHA-256."""
        staged = self._files.store.stage(self._thread_id)
        place = f"staged {id(staged)}"
        self._pending[place] = staged  # so that it is closed, whatever happens
        hashing = Hashing(staged)
        fill(hashing)
        sha256 = hashing.hexdigest()
        note_bytes(hashing.size)
        name = self._files.store.artifact_digest(self._thread_id, sha256) + extension
        self._touched.add(name)
        del self._pending[place]
        if name in self._known or name in self._pending:
            staged.close()
            if name not in self._pending:
                self.reused.add(name)
        else:
            self._pending[name] = staged
        return name, hashing.size, sha256

    # --- artifacts by hand

    def _write_handle(self, artifact: Artifact, encoder: Encoder) -> dict[str, Any]:
        known = self._handles.get(id(artifact))
        if known is None:
            name, size, sha256 = self._handle_name(artifact)
            known = self._handles[id(artifact)] = (
                artifact,
                name,
                encoder.tag(
                    "artifact",
                    path=layout.artifact_reference(name),
                    name=artifact.name
                    if is_unicode(artifact.name)
                    else encoder.tag("str", escaped=escape_text(artifact.name)),
                    media_type=artifact.media_type,
                    bytes=size,
                    sha256=sha256,
                ),
            )
        self._touched.add(known[1])
        return dict(known[2])

    def _handle_name(self, artifact: Artifact) -> tuple[str, int, str]:
        extension = file_extension(artifact.name)
        stored = artifact.stored
        if stored is not None:
            name = self._files.store.artifact_digest(self._thread_id, stored) + extension
            if name in self._known:
                self.reused.add(name)
                return name, artifact.bytes, stored
        failed: StorageError | None = None
        for source in artifact.sources:
            try:
                opened = source.open()
            except StorageError as error:
                failed = failed or error
                continue
            with opened:
                name, size, sha256 = self._staged(partial(_copy, opened, source.path), extension)
            if artifact.stored is not None and sha256 != artifact.stored:
                continue  # the file it was made from has changed since: it is another content now
            return name, size, sha256
        raise RefusedError(f"has lost its content ({failed}): make it anew, or take it out of the state") from failed

    # --- what the document refers to

    def needed_by(self, document: bytes) -> set[str]:
        """Return the names of the artifacts made here that `document` refers to, also by way of other artifacts.

        An encoding that failed half way may have made more.
        """
        found: set[str] = set()
        names = names_in(document) if self._pending else set()
        while names:
            name = names.pop()
            if name in self._pending and name not in found:
                found.add(name)
                names |= self._inner.get(name, set())
        return found

    def in_order(self, names: Iterable[str]) -> list[str]:
        """Return `names` in the order in which they were made: what is referred to first."""
        wanted = set(names)
        return [name for name in self._pending if name in wanted]

    def use(self, names: Iterable[str], size: int) -> None:
        """Refer to artifacts that the thread is known to have, for a part whose JSON has `size` bytes."""
        self.reused.update(names)
        self._touched.update(names)
        self.passed_bytes += size

    def size_of(self, name: str) -> int | None:
        """Return the size of an artifact that waits, or None where only its file tells."""
        data = self._pending[name]
        return None if isinstance(data, Staged) else len(data)

    def data_of(self, name: str) -> bytes | None:
        """Return the bytes of an artifact that waits in memory, or None where it waits in a file."""
        data = self._pending[name]
        return None if isinstance(data, Staged) else bytes(data)

    def write(self, name: str, key: str) -> bool:
        """Store an artifact that waits; False where there is one already."""
        data = self._pending[name]
        note_bytes(0 if isinstance(data, Staged) else len(data))
        return data.name(key) if isinstance(data, Staged) else self._files.store.create(key, bytes(data))

    def bind(self) -> None:
        """Tell the handles where their content was stored."""
        for artifact, name, tagged in self._handles.values():
            source = StoredSource(self._files.store, self._files.key(self._thread_id, name))
            artifact.stored_as(source, tagged["sha256"], tagged["bytes"])

    def close(self) -> None:
        """Let go of what was staged; only what has been named stays."""
        for data in self._pending.values():
            if isinstance(data, Staged):
                data.close()
        self._pending.clear()


def _in_base64(size: int) -> int:
    return (size + 2) // 3 * 4


def _copy(opened: BinaryIO, path: str | None, hashing: Hashing) -> None:
    if path is None or not hashing.clone(path):
        while block := opened.read(COPY_BLOCK_BYTES):
            hashing.write(block)
