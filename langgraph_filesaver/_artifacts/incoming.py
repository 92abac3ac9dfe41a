"""References in a thread's documents on their way in: read, verified, and turned into the values that they stand for.

Serves one call. The bytes of an artifact are read, verified and parsed once for the call; further checkpoints get copies,
so that no two of them share an object that can be changed. Only a chunk with values that `copying` does not know is parsed
again. A handle reads nothing.

A reference is a path inside the thread's folder, as `_layout` spells it, and nothing else: what looks like another path,
or leads out by a symbolic link, is refused.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._artifacts.files import ArtifactFiles
from langgraph_filesaver._artifacts.formats import Formats, unpacked
from langgraph_filesaver._artifacts.memory import Memory
from langgraph_filesaver._artifacts.npy import from_npy
from langgraph_filesaver._artifacts.stored import StoredSource
from langgraph_filesaver._serde import text
from langgraph_filesaver._serde.copying import copier
from langgraph_filesaver._serde.decode import Decoder, InvalidTagError
from langgraph_filesaver._serde.text import parse
from langgraph_filesaver.artifact import Artifact
from langgraph_filesaver.errors import CorruptDataError

__all__ = ["Incoming"]

_KEPT_BYTES = 64 * 1024 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")
_KEYS = frozenset({"$artifact", "bytes", "base64", "codec"})


class Incoming:
    """The artifacts that one call reads of one thread.

    Args:
        files: The artifacts.
        thread_id: The thread.
        formats: The user's own formats are among them.
        memory: Told of the chunks of lists, where the lists are likely to be stored again.
    """

    def __init__(self, files: ArtifactFiles, thread_id: str, formats: Formats, memory: Memory | None = None) -> None:
        self._files = files
        self._memory = memory
        self._thread_id = thread_id
        self._formats = formats
        self._contents: dict[str, tuple[bytes, str]] = {}
        self._again: dict[str, Callable[[bytes], Any]] = {}
        self._copiers: dict[str, Callable[[], list[Any]] | None] = {}
        self._kept_bytes = 0
        self._stamp: tuple[int, ...] | None = None
        self._seen: set[str] = set()

    def __call__(self, raw: dict[str, Any], decoder: Decoder) -> Any:
        """Return the value of an object with `$list` or `$artifact`, or of an artifact by hand.

        Raises:
            CorruptDataError: The artifact is missing, damaged, or not what the reference needs; it is named.
            InvalidTagError: The reference itself is none.
        """
        if self._stamp is None:  # before the first look at an artifact
            self._files.confine(self._thread_id)
            self._stamp = self._files.locks.stamp(self._thread_id)
        if "$list" in raw:
            return self._list(raw, decoder)
        if "$artifact" in raw:
            return self._value(raw, decoder)
        return self._handle(raw, decoder)

    def note_seen(self) -> None:
        """Tell the files which artifacts were seen: a stored document refers to them, so they are there, durably."""
        if self._stamp:
            self._files.note(self._thread_id, self._stamp, self._seen)
            self._seen = set()

    def _list(self, raw: dict[str, Any], decoder: Decoder) -> list[Any]:
        _check_keys(raw, frozenset({"$list", "tail"}))
        items = self._chunks(raw["$list"], decoder)
        tail = raw.get("tail", [])
        if type(tail) is not list:
            raise InvalidTagError("must be a list", "tail")
        items.extend(decoder.items(tail))
        return items

    def _chunks(self, references: Any, decoder: Decoder) -> list[Any]:
        if type(references) is not list:
            raise InvalidTagError("must be a list of references", "$list")
        items: list[Any] = []
        for at, reference in enumerate(references):
            name = _name_of(reference, "$list", at)
            copy = self._copiers.get(name)
            if copy is not None:
                items.extend(copy())
                continue
            place, stamp = (self._thread_id, name), None
            if self._memory is not None:
                stamp = self._files.stamp(*place)
                known = None if stamp is None else self._memory.chunk(place, stamp)
                if known is not None:
                    self._seen.add(name)
                    items.extend(known)
                    continue
            tree = self._json(name)
            if type(tree) is dict and tree.keys() == {"$list"}:
                items.extend(self._chunks(tree["$list"], decoder))
            elif type(tree) is list:
                chunk = self._part(name, tree, decoder)
                items.extend(chunk)
                if self._memory is not None:
                    self._memory.remember_chunk(place, stamp, chunk, self._content(name)[0])
                elif name not in self._copiers:
                    self._copiers[name] = copier(chunk)
            else:
                raise CorruptDataError("expected a list of items", path=self._path(name))
        return items

    def _value(self, raw: dict[str, Any], decoder: Decoder) -> Any:
        _check_keys(raw, _KEYS)
        name = _name_of(raw["$artifact"], "$artifact")
        if "codec" in raw:
            return self._decoded(raw["codec"], name)
        if name.endswith(".npy"):
            return self._array(name)
        content, extension = self._content(name)
        if "base64" in raw:
            return f"{raw['base64']}{base64.b64encode(content).decode('ascii')}"
        if extension == ".json":
            return self._part(name, self._json(name), decoder)
        if extension == ".txt":
            return self._text(content, name)
        return self._array_of(content, name) if extension == ".npy" else content

    def _handle(self, raw: dict[str, Any], decoder: Decoder) -> Artifact:
        name = _name_of(raw.get("path"), "path")
        file_name = decoder.value(raw.get("name"), "name")
        fields = [(file_name, str), (raw.get("media_type"), str), (raw.get("bytes"), int)]
        if not all(type(value) is kind for value, kind in fields):
            raise InvalidTagError('must have a "name", a "media_type" and its size in "bytes"')
        sha256 = raw.get("sha256")
        is_keyed = self._files.store.keyed_names
        if type(sha256) is not str or (not _SHA256.fullmatch(sha256) if is_keyed else sha256 != name[:64]):
            raise InvalidTagError("must be the SHA-256 in the path", "sha256")
        self._seen.add(name)
        source = StoredSource(self._files.store, self._files.key(self._thread_id, name))
        artifact = Artifact(source, name=file_name, media_type=raw["media_type"], bytes=raw["bytes"])
        artifact.stored_as(source, sha256, raw["bytes"])
        return artifact

    def _part(self, name: str, tree: Any, decoder: Decoder) -> Any:
        try:
            return decoder.part(tree)
        except CorruptDataError as error:
            raise error.in_file(self._path(name)) from error

    def _json(self, name: str) -> Any:
        again = self._again.get(name)
        if again is not None and name in self._contents:
            return again(self._contents[name][0])
        content, _ = self._content(name)
        try:
            tree = parse(content)
        except CorruptDataError as error:
            raise error.in_file(self._path(name)) from error
        self._again[name] = text.again(content)
        return tree

    def _text(self, content: bytes, name: str) -> str:
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            raise CorruptDataError(f"no UTF-8: {error}", path=self._path(name)) from error

    def _array(self, name: str) -> Any:
        content = self._files.mapped(self._thread_id, name)
        self._seen.add(name)
        return self._array_of(content, name)

    def _array_of(self, content: Any, name: str) -> Any:
        try:
            return from_npy(content)
        except ValueError as error:
            raise CorruptDataError(f"no .npy file of plain numbers: {error}", path=self._path(name)) from error

    def _decoded(self, codec_name: Any, name: str) -> Any:
        codec = self._formats.codecs.get(codec_name) if isinstance(codec_name, str) else None
        if codec is None:
            raise CorruptDataError(
                f"is in the format {codec_name!r}, which this saver does not know: make it with artifact_codecs=[…]",
                path=self._path(name),
            )
        content, _ = self._content(name)
        try:
            return codec.decode(content)
        except Exception as error:
            raise CorruptDataError(
                f"the format {codec_name!r} cannot read it: {error}", path=self._path(name)
            ) from error

    def _content(self, name: str) -> tuple[bytes, str]:
        found = self._contents.get(name)
        if found is None:
            data = self._files.read(self._thread_id, name)
            try:
                found = unpacked(data, name)
            except CorruptDataError as error:
                raise error.in_file(self._path(name)) from error
            self._kept_bytes += len(found[0])
            if self._kept_bytes > _KEPT_BYTES:
                self._contents.clear()
                self._copiers.clear()
                self._kept_bytes = len(found[0])
            if len(found[0]) <= _KEPT_BYTES // 8:
                self._contents[name] = found
            self._seen.add(name)
        return found

    def _path(self, name: str) -> str:
        return self._files.store.describe(self._files.key(self._thread_id, name))


def _check_keys(raw: dict[str, Any], allowed: frozenset[str]) -> None:
    for key in raw:
        if key not in allowed:
            raise InvalidTagError("is no part of a reference to an artifact", key)


def _name_of(reference: Any, *steps: object) -> str:
    name = layout.artifact_name(reference)
    if name is None:
        raise InvalidTagError(
            f"{reference!r} is no reference: it must be artifacts/<sha256>.<extension>, inside the thread's folder",
            *steps,
        )
    return name
