"""How deep a value is, told without recursion.

Python's limit on recursion is a setting of the application: where it was raised, a deep value would end the process instead
of raising an error, and a file would be written that other processes cannot read. So the bounds here are our own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

__all__ = ["MAX_DEPTH", "check_arguments", "check_readable", "holds_itself"]

MAX_DEPTH = 1024
"""Levels of lists and objects that a document may have; deeper ones are refused on writing and on reading."""

_MOST_FRAMES = 960
"""Calls inside each other that reading may take: Python gives 1,000 by default, to a thread of its own."""
_FRAMES_OF_TAG = 6  # of a tagged object, at most, before the value of a part is read
_PLAIN = (str, int, float, bool, type(None), bytes, type)


def check_readable(tree: Any, around: int) -> None:
    """Check that any process can read a tree of JSON that stands `around` levels deep in a document.

    Raises:
        RecursionError: It is too deep, whatever this interpreter's own limit is.
    """
    parts = [(tree, around + 1, around + 1)]
    while parts:
        part, level, frames = parts.pop()
        if type(part) is dict:
            name = part.get("$type")
            cost = 1 if name is None or name == "tuple" else _FRAMES_OF_TAG
            inner: Iterable[Any] = part.values()
        elif type(part) is list:
            cost, inner = 1, part
        else:
            continue
        if level > MAX_DEPTH or frames + cost > _MOST_FRAMES:
            raise RecursionError("a reader's stack would not hold it")
        parts += [(each, level + 1, frames + cost) for each in inner if type(each) is dict or type(each) is list]


def check_arguments(error: BaseException) -> None:
    """Check that `repr` of an exception, whose arguments may hold exceptions, ends before the stack does.

    Raises:
        RecursionError: They are too deep, whatever this interpreter's own limit is.
    """
    level: dict[int, Any] = {id(error): error}
    met: set[int] = set()  # what holds itself has an end in a repr
    for _ in range(MAX_DEPTH):
        met |= level.keys()
        level = {id(part): part for each in level.values() for part in _arguments(each) if id(part) not in met}
        if not level:
            return
    raise RecursionError(f"more than {MAX_DEPTH} exceptions or collections inside each other")


def _arguments(value: Any) -> Iterable[Any]:
    if isinstance(value, BaseException):
        return value.args
    if isinstance(value, dict):
        return dict.values(value)
    return value if isinstance(value, (list, tuple, set, frozenset, deque)) else ()


def holds_itself(value: Any) -> bool:
    """Whether a value refers back to itself, over whatever holds it."""
    if isinstance(value, _PLAIN):
        return False
    way, around, done = [(value, _parts(value))], {id(value)}, set[int]()
    while way:
        holder, parts = way[-1]
        for part in parts:
            if id(part) in around:
                return True
            if id(part) not in done and not isinstance(part, _PLAIN):
                around.add(id(part))
                way.append((part, _parts(part)))
                break
        else:
            way.pop()
            around.discard(id(holder))
            done.add(id(holder))
    return False


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from dict.values(value)
    elif isinstance(value, (list, tuple, set, frozenset, deque)):
        yield from value
    for name in ("__dict__", "__pydantic_private__", "__pydantic_extra__"):
        yield from (getattr(value, name, None) or {}).values()
    for base in type(value).__mro__:
        slots = base.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if not name.startswith("__"):
                yield getattr(value, name, None)
