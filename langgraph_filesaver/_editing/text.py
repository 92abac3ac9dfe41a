"""A state as one editable JSON text, and where in the text something stands. Pure: what lies elsewhere is fetched by the caller.

Nothing is revived: tags stay, so that what has no code here is edited as it stands in the file. Lists that were cut into chunks,
texts and JSON that were moved out stand in the text; anything else in a file of its own stays a reference, for it is no text.

What would break it: a reference that is expanded into something that a reader would take for another value.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._codec import dump_plain, parse_json
from langgraph_filesaver._documents import state_from_json, state_to_json
from langgraph_filesaver.errors import CorruptDataError, InvalidEditError

__all__ = ["Path", "child_of", "expanded", "first_tagged", "line_of", "state_of", "tags_in", "text_of"]

Path = tuple[str | int, ...]
"""The way through parsed JSON: keys and indices."""

Fetch = Callable[[str], bytes]
"""Returns the content of the artifact with a name, uncompressed; raises CorruptDataError."""


def expanded(tree: Any, fetch: Fetch) -> Any:
    """Return parsed JSON with chunks of lists, texts and JSON in place of the references to them.

    A reference that cannot be followed stays as it is.
    """
    if type(tree) is list:
        return [expanded(each, fetch) for each in tree]
    if type(tree) is not dict:
        return tree
    try:
        if "$list" in tree:
            return _whole_list(tree, fetch)
        if "$artifact" in tree:
            return _content(tree, fetch)
    except CorruptDataError:
        return tree
    return {key: expanded(each, fetch) for key, each in tree.items()}


def _whole_list(tree: dict[str, Any], fetch: Fetch) -> Any:
    tail = tree.get("tail", [])
    if not tree.keys() <= {"$list", "tail"} or type(tree["$list"]) is not list or type(tail) is not list:
        return tree
    items: list[Any] = []
    for reference in tree["$list"]:
        chunk = parse_json(fetch(_name(reference)))
        whole = _whole_list(chunk, fetch) if type(chunk) is dict and chunk.keys() == {"$list"} else chunk
        if type(whole) is not list:
            raise CorruptDataError("expected a list of items")
        items += whole if whole is not chunk else (expanded(each, fetch) for each in chunk)
    return items + [expanded(each, fetch) for each in tail]


def _content(tree: dict[str, Any], fetch: Fetch) -> Any:
    if not tree.keys() <= {"$artifact", "bytes"}:
        return tree  # base64 of an image, or a format of the user's own
    name = _name(tree["$artifact"])
    kind = name.split(".")[1]  # `.json.zst` is JSON, too
    if kind == "json":
        return expanded(parse_json(fetch(name)), fetch)
    if kind != "txt":
        return tree
    try:
        return fetch(name).decode()
    except UnicodeDecodeError as error:
        raise CorruptDataError(f"no UTF-8: {error}") from error


def _name(reference: Any) -> str:
    name = layout.artifact_name(reference)
    if name is None:
        raise CorruptDataError(f"{reference!r} is no reference to an artifact")
    return name


def text_of(state: Mapping[str, Any]) -> str:
    """Return channels and their values, as parsed JSON, as the text that a person edits."""
    return dump_plain(state_to_json(state)).decode() + "\n"


def state_of(text: str) -> dict[str, Any]:
    """Return the channels of an edited text and their values, as parsed JSON.

    Raises:
        InvalidEditError: It is no strict JSON, told with line and column, or no state.
    """
    try:
        tree = parse_json(text.encode("utf-8", "surrogatepass"))
        return state_from_json({"state": tree})
    except CorruptDataError as error:
        raise InvalidEditError(error.reason, line=error.line, column=error.column, where=error.where) from error


def tags_in(tree: Any) -> set[str]:
    """Return every `$type` in parsed JSON."""
    found, parts = set[str](), [tree]
    while parts:
        part = parts.pop()
        if type(part) is dict:
            if type(part.get("$type")) is str:
                found.add(part["$type"])
            parts.extend(part.values())
        elif type(part) is list:
            parts.extend(part)
    return found


def first_tagged(tree: Any, tag: str, field: str | None = None) -> Path | None:
    """Return the way to the first object with a `$type`, and with a field where one is asked for; None where there is none."""
    parts: list[tuple[Path, Any]] = [((), tree)]
    while parts:
        path, part = parts.pop()
        if type(part) is dict and part.get("$type") == tag and (field is None or field in part):
            return path
        parts.extend(reversed([((*path, step), each) for step, each in children(part)]))
    return None


def child_of(tree: Any, fails: Callable[[Any], bool]) -> Path:
    """Return the way to the innermost part of a tree that fails by itself, given that the whole does."""
    path: Path = ()
    while True:
        for step, each in children(tree):
            if type(each) in (dict, list) and fails(each):
                path, tree = (*path, step), each
                break
        else:
            return path


def children(tree: Any) -> list[tuple[str | int, Any]]:
    """Return the parts of an object or a list with their keys or indices."""
    if type(tree) is dict:
        return list(tree.items())
    return list(enumerate(tree)) if type(tree) is list else []


def line_of(text: str, path: Path) -> tuple[int, int] | None:
    """Return line and column, from 1, of what stands at the end of `path` in a valid JSON text; None where nothing does."""
    try:
        at = _Scanner(text).place_of(path)
    except (ValueError, RecursionError, IndexError):
        return None
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


class _Scanner:
    """Finds places in a valid JSON text. A part that is passed over is parsed and thrown away."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._skip = json.JSONDecoder().raw_decode

    def place_of(self, path: Path) -> int:
        at = self._blank(0)
        for step in path:
            at = self._member(at, step) if isinstance(step, str) else self._item(at, step)
        return at

    def _member(self, at: int, key: str) -> int:
        found = -1  # of equal keys the last one counts
        at = self._blank(at + 1)
        while self._text[at] != "}":
            name, at = self._skip(self._text, at)
            at = self._blank(self._blank(at) + 1)
            if name == key:
                found = at
            at = self._next(at)
        if found < 0:
            raise ValueError(key)
        return found

    def _item(self, at: int, index: int) -> int:
        at = self._blank(at + 1)
        for _ in range(index):
            at = self._next(at)
        return at

    def _next(self, at: int) -> int:
        """Return where the part after the one at `at` begins, or the bracket that closes the whole."""
        at = self._blank(self._skip(self._text, at)[1])
        return self._blank(at + 1) if self._text[at] == "," else at

    def _blank(self, at: int) -> int:
        while self._text[at] in " \t\r\n\ufeff":
            at += 1
        return at
