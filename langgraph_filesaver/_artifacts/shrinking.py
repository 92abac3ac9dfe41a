"""Which parts of an encoded value leave a document because they are large: pure, from JSON to JSON.

A part leaves if it stands where a value stands (an entry of a dict, a field of an object, an item of a list) and its
JSON, less the parts of it that have left already, is longer than the limit. What a tagged object holds for its own use
stays with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson

__all__ = ["names_in", "names_to_read", "shrunk"]

_NAME = re.compile(rb"artifacts/([0-9a-f]{64}(?:\.[a-z0-9]{1,16}){1,2})")
_REFERENCE = re.compile(
    rb'(?:"(\$artifact|path)"\s*:\s*)?"artifacts/([0-9a-f]{64}(?:\.[a-z0-9]{1,16}){1,2})"(?:\s*,\s*"bytes"\s*:\s*(\d+))?'
)
_LISTS = frozenset({"tuple", "set", "frozenset", "deque"})
_MAPPINGS = frozenset({"dict", "ordereddict", "defaultdict", "counter"})
_DEEPEST = 50  # artifacts inside of artifacts take stack to read
_SNAPSHOT = "_DeltaSnapshot"  # pruning looks for it in the document
_SCALAR_BYTES = 256  # a tagged object without parts that is no longer counts as a scalar, whatever the limit

Leave = Callable[[Any], dict[str, Any]]


def names_in(text: bytes | bytearray | memoryview) -> set[str]:
    """Return the names of all artifacts that a JSON text refers to, and perhaps of some that it only seems to."""
    return {match[1].decode("ascii") for match in _NAME.finditer(text)}


def names_to_read(text: bytes, most_bytes: int) -> set[str]:
    """Return the names of the artifacts that whoever revives a JSON text will read: not those behind a handle.

    Args:
        text: The JSON.
        most_bytes: Leave out those that the text says are larger.
    """
    found = set()
    for match in _REFERENCE.finditer(text):
        place, name, size = match.groups()
        if place != b"path" and (size is None or int(size) <= most_bytes):
            found.add(name.decode("ascii"))
    return found


def shrunk(tree: Any, limit: int, leave: Leave, *, keep_root: bool, depth: int = 0) -> Any:
    """Return `tree` with each large part replaced by what `leave` returns for it.

    Args:
        tree: JSON.
        limit: From how many bytes on a part is large.
        leave: Takes a part, returns the reference to it.
        keep_root: The whole stays itself, and only parts of it leave.
        depth: How deep in the whole this tree is.
    """
    if depth > _DEEPEST:
        return tree
    if type(tree) is not dict and type(tree) is not list:
        return tree
    if type(tree) is dict and ("$artifact" in tree or "$list" in tree or tree.get("$type") == "artifact"):
        return tree
    size = len(orjson.dumps(tree))
    if size <= limit:
        return tree
    tree = _with_parts(tree, lambda part: shrunk(part, limit, leave, keep_root=False, depth=depth + 1))
    if keep_root or _is_scalar(tree, size) or (type(tree) is dict and str(tree.get("$type", "")).endswith(_SNAPSHOT)):
        return tree
    return leave(tree) if len(orjson.dumps(tree)) > limit else tree


def _with_parts(tree: Any, change: Callable[[Any], Any]) -> Any:
    if type(tree) is list:
        return [change(part) for part in tree]
    kind = tree.get("$type")
    if kind is None:
        return {key: change(part) for key, part in tree.items()}
    items = tree.get("items")
    if kind in _LISTS and type(items) is list:
        return {**tree, "items": [change(part) for part in items]}
    if kind in _MAPPINGS:
        if type(items) is dict:
            return {**tree, "items": {key: change(part) for key, part in items.items()}}
        return {**tree, "items": [[key, change(part)] for key, part in items]}
    if "." in kind and not kind.startswith(("pandas.", "polars.")):  # the fields of an object
        return {key: part if key[:1] == "$" else change(part) for key, part in tree.items()}
    return tree


def _is_scalar(tree: Any, size: int) -> bool:
    return (
        size <= _SCALAR_BYTES
        and type(tree) is dict
        and "." not in tree.get("$type", ".")
        and not any(type(part) in (dict, list) for part in tree.values())
    )
