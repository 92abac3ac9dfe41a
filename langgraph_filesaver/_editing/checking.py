"""What a person made of the text of a state, checked: JSON, channels, tags, fields, references. An error tells its line.

Only channels that were changed are revived, each by itself. A type that is not known here may stay, but not come; so may a field
that its class does not know.

What would break it: a value that passes here and is damaged to a reader.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from langgraph_filesaver._codec import Codec, dump_plain
from langgraph_filesaver._editing.changes import Opened
from langgraph_filesaver._editing.text import Path, child_of, first_tagged, line_of, state_of, tags_in
from langgraph_filesaver._serde import noting_unknown
from langgraph_filesaver.errors import CorruptDataError, InvalidEditError

__all__ = ["checked_values"]


def checked_values(codec: Codec, opened: Opened, text_before: str, text: str) -> dict[str, Any]:
    """Return the channels that differ between two texts of a state, and their new values.

    Args:
        codec: Revives, and reads what is referred to.
        opened: The checkpoint whose state it is.
        text_before: What the person was given.
        text: What the person made of it.

    Raises:
        InvalidEditError: It is no state that could be stored; line and column are told where they are known.
    """
    before, after = state_of(text_before), state_of(text)
    missing = [name for name in before if name not in after]
    if missing:
        raise InvalidEditError(
            f"channel {missing[0]!r} is missing: bring it back, and give it an empty value if that is meant"
        )
    changed = {
        name: raw for name, raw in after.items() if name not in before or dump_plain(raw) != dump_plain(before[name])
    }
    known_tags = tags_in(before)
    is_object = text.lstrip("\ufeff \t\r\n").startswith("{")
    values = {}
    for name, raw in changed.items():
        # Of the list form for odd names, the place of the value.
        root: Path = (name,) if is_object else (list(after).index(name), "value")
        with _telling_line(text, root[:1], f'state["{name}"]'):
            opened.refuse_others([name])
        values[name] = _checked_value(codec, name, raw, known_tags, before.get(name), partial(_line, text, root))
    return values


def _line(text: str, root: Path, path: Path) -> dict[str, int]:
    found = line_of(text, (*root, *path))
    return {} if found is None else {"line": found[0], "column": found[1]}


@contextlib.contextmanager
def _telling_line(text: str, path: Path, where: str) -> Iterator[None]:
    try:
        yield
    except InvalidEditError as error:
        raise InvalidEditError(error.reason, where=where, **_line(text, path, ())) from error


def _checked_value(
    codec: Codec,
    channel: str,
    raw: Any,
    known_tags: set[str],
    before: Any,
    line: Callable[[Path], dict[str, int]],
) -> Any:
    """Return the value of an edited channel; raises InvalidEditError with the place of what is wrong in it."""
    where = f'state["{channel}"]'
    for tag in sorted(tags_in(raw) - known_tags):
        if not codec.knows(tag):
            raise InvalidEditError(
                f"no value here was of the type {tag!r} before, and it is not known here: is it misspelt?",
                where=where,
                **line(first_tagged(raw, tag) or ()),
            )
    with noting_unknown() as unknown:
        try:
            value = codec.part(raw, where)
        except CorruptDataError as error:
            place = line(child_of(raw, lambda part: _fails(codec, part)))
            told = f"{error.path}: {error.reason}" if error.path else error.reason
            raise InvalidEditError(told, where=error.where or where, **place) from error
    for tag, field in sorted(unknown):
        path = first_tagged(raw, tag, field)
        if path is not None and first_tagged(before, tag, field) is None:
            raise InvalidEditError(
                f"{tag} has no field {field!r}: is it misspelt?", where=where, **line((*path, field))
            )
    return value


def _fails(codec: Codec, part: Any) -> bool:
    try:
        codec.part(part, "")
    except CorruptDataError:
        return True
    return False
