"""Stored values as plain data, for looking at: no type is revived, no large artifact is read, no secret is shown.

- What stands in small artifacts stands in place again: chunks of a list, and values of up to `MOST_BYTES`. A larger one
  becomes a `LargeValue`, which tells its path and size.
- Tagged values (`{"$type": …}`) stay as they stand in the file, so that nothing needs the code of the graph.
- Under a key that names a credential (the rule of `_metadata`), text and numbers become `MASKED`.

What would break it: a reference followed because of the size that a document claims; the file itself is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._artifacts import ArtifactFiles, unpacked
from langgraph_filesaver._codec import parse_json
from langgraph_filesaver.errors import CorruptDataError

__all__ = ["MASKED", "MOST_BYTES", "LargeValue", "PlainValues", "is_large", "kind_of", "to_json"]

MOST_BYTES = 64 * 1024
"""Artifacts of up to this size are shown in place; that is also the default of `artifact_threshold_bytes`."""

MASKED = "•••"

_MOST_DEEP = 64
_KINDS = {".txt": "text", ".json": "value", ".npy": "array"}
_IMAGES = frozenset({".png", ".jpg", ".gif", ".webp"})


@dataclass(frozen=True, slots=True)
class LargeValue:
    """A value in an artifact that was not read.

    Attributes:
        path: The artifact, inside the thread's folder.
        bytes: The size of its file.
        kind: "text", "value" (a part of the state), "array", "image" or "bytes".
    """

    path: str
    bytes: int
    kind: str

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON, much as it stands in the checkpoint's file."""
        return {"$artifact": self.path, "bytes": self.bytes, "kind": self.kind}

    def __repr__(self) -> str:
        return f"<{self.kind} of {self.bytes:,} bytes: {self.path}>"


def kind_of(name: str) -> str:
    """Return what an artifact of this name holds: "text", "value", "array", "image" or "bytes"."""
    extension = "." + name.partition(".")[2].removesuffix(".zst").removesuffix(".gz")
    return "image" if extension in _IMAGES else _KINDS.get(extension, "bytes")


def is_large(value: Any) -> bool:
    """Tell whether a value as JSON (`to_json`) stands for one that was not read."""
    return type(value) is dict and value.keys() == {"$artifact", "bytes", "kind"}


def to_json(value: Any) -> Any:
    """Return a plain value with only JSON in it."""
    if isinstance(value, LargeValue):
        return value.to_dict()
    if type(value) is dict:
        return {key: to_json(item) for key, item in value.items()}
    return [to_json(item) for item in value] if type(value) is list else value


class PlainValues:
    """Makes plain values of one thread.

    Args:
        files: The artifacts.
        thread_id: The thread.
        is_secret: Tells whether a key names a credential.
        unsealed: Opens what the saver's serde has sealed, and gives the seal itself for what is no JSON of ours; None where
            the serde seals nothing, so that a seal stays as it stands.
    """

    def __init__(
        self,
        files: ArtifactFiles,
        thread_id: str,
        is_secret: Callable[[str], bool],
        unsealed: Callable[[dict[str, Any]], Any] | None,
    ) -> None:
        self._files = files
        self._thread_id = thread_id
        self._is_secret = is_secret
        self._unsealed = unsealed
        self._secret: dict[str, bool] = {}
        self._chunks: dict[str, Any] = {}

    def plain(self, raw: Any) -> Any:
        """Return a parsed value of a document as plain data.

        Raises:
            CorruptDataError: An artifact that it refers to is missing or damaged; it is named.
        """
        return self._plain(raw, 0, masked=False)

    def channels(self, raw: dict[str, Any]) -> dict[str, Any]:
        """Return a state's channels as plain data; a channel may itself be called after a credential."""
        return {name: self._plain(value, 0, masked=self._masks(name)) for name, value in raw.items()}

    def _masks(self, key: str) -> bool:
        found = self._secret.get(key)
        if found is None:
            found = self._secret[key] = not key.startswith("$") and self._is_secret(key)
        return found

    def _plain(self, raw: Any, depth: int, *, masked: bool) -> Any:
        kind = type(raw)
        if kind is dict:
            if "$artifact" in raw:
                return self._artifact(raw, depth, masked=masked)
            if "$list" in raw:
                tail = raw.get("tail", [])
                if type(tail) is not list or not raw.keys() <= {"$list", "tail"}:
                    raise CorruptDataError('expected {"$list": [references], "tail": [items]}', where="$list")
                return self._list(raw["$list"], depth, masked=masked) + self._plain(tail, depth, masked=masked)
            if "$serde" in raw:
                return self._opened(raw, depth, masked=masked)
            if raw.get("$type") == "dict" and type(raw.get("items")) is list:  # its keys are not all plain text
                return {**raw, "items": [self._pair(pair, depth, masked=masked) for pair in raw["items"]]}
            return {
                key: item
                if key == "$type" and type(item) is str
                else self._plain(item, depth, masked=masked or self._masks(key))
                for key, item in raw.items()
            }
        if kind is list:
            return [self._plain(item, depth, masked=masked) for item in raw]
        return MASKED if masked and raw is not None and kind is not bool and raw != "" else raw

    def _opened(self, raw: dict[str, Any], depth: int, *, masked: bool) -> Any:
        """Return what another serde has sealed, or the seal where it cannot be opened here or its value is no JSON of ours."""
        opened = raw if self._unsealed is None else self._unsealed(raw)
        return raw if opened is raw else self._plain(opened, depth, masked=masked)

    def _pair(self, raw: Any, depth: int, *, masked: bool) -> Any:
        is_named = type(raw) is list and len(raw) == 2 and type(raw[0]) is str
        if not is_named:
            return self._plain(raw, depth, masked=masked)
        return [raw[0], self._plain(raw[1], depth, masked=masked or self._masks(raw[0]))]

    def _list(self, references: Any, depth: int, *, masked: bool) -> list[Any]:
        items: list[Any] = []
        if type(references) is not list:
            raise CorruptDataError("expected a list of references", where="$list")
        for reference in references:
            tree = self._tree(self._name(reference), depth)
            if type(tree) is dict and tree.keys() == {"$list"}:
                items += self._list(tree["$list"], depth + 1, masked=masked)
            elif type(tree) is list:
                items += self._plain(tree, depth + 1, masked=masked)
            else:
                raise CorruptDataError("expected a list of items", path=self._path(self._name(reference)))
        return items

    def _tree(self, name: str, depth: int) -> Any:
        if depth > _MOST_DEEP:
            raise CorruptDataError(f"references are nested deeper than {_MOST_DEEP}", path=self._path(name))
        if name not in self._chunks:
            content, _ = self._content(name)
            try:
                self._chunks[name] = parse_json(content)
            except CorruptDataError as error:
                raise error.in_file(self._path(name)) from error
        return self._chunks[name]

    def _artifact(self, raw: dict[str, Any], depth: int, *, masked: bool) -> Any:
        name = self._name(raw["$artifact"])
        status = self._files.store.status(self._files.key(self._thread_id, name))
        if status is None:
            raise self._files.missing(self._thread_id, name)
        kind = kind_of(name)
        if "base64" in raw or "codec" in raw or kind not in ("text", "value") or status.bytes > MOST_BYTES:
            return MASKED if masked else LargeValue(layout.artifact_reference(name), status.bytes, kind)
        if kind == "value":
            return self._plain(self._tree(name, depth), depth + 1, masked=masked)
        return MASKED if masked else self._content(name)[0].decode("utf-8", "replace")

    def _content(self, name: str) -> tuple[bytes, str]:
        self._files.confine(self._thread_id)
        data = self._files.read(self._thread_id, name)
        try:
            return unpacked(data, name)
        except CorruptDataError as error:
            raise error.in_file(self._path(name)) from error

    def _name(self, reference: Any) -> str:
        name = layout.artifact_name(reference)
        if name is None:
            raise CorruptDataError(f"{reference!r} is no reference to an artifact of the thread")
        return name

    def _path(self, name: str) -> str:
        return self._files.store.describe(self._files.key(self._thread_id, name))
