"""Values told apart at the speed of C, without encoding them: equal fingerprints stand for equal JSON.

Ormsgpack packs what the items hold; a message or another object of data goes in as its class and its `__dict__`. What
packs alike though it differs has no fingerprint and is encoded each time: an object of any other kind, and a subclass of
a built-in type. A value that holds bytes must not be remembered by its fingerprint: a bytearray packs like them.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Callable
from functools import partial
from typing import Any

import ormsgpack

from langgraph_filesaver._serde.fields import fields_of
from langgraph_filesaver._serde.naming import model_base
from langgraph_filesaver._serde.objects import LIBRARY_MODULES
from langgraph_filesaver._serde.subclasses import has_value_base
from langgraph_filesaver._serde.survey import PACKED_EXACTLY

__all__ = ["fingerprint"]

_MOST_KINDS = 1000  # a bound on memory: classes may be made at run time without end

_parts: dict[type, Callable[[Any], list[Any]]] = {}
_numbers = itertools.count()
_TOKEN = os.urandom(16)  # no list of a user begins with it, so that none is taken for an object
_messages: dict[type, int] = {}  # the most frequent kinds, of which no more need be known than a number


def fingerprint(items: list[Any]) -> bytes | None:
    """Return bytes that are equal only for items of the same JSON, or None where that cannot be told."""
    try:
        return ormsgpack.packb(items, _part, PACKED_EXACTLY)
    except (TypeError, ValueError, RecursionError):
        return None


def _part(value: Any) -> list[Any]:
    number = _messages.get(type(value))
    if number is not None:
        return [_TOKEN, number, value.__dict__, value.__pydantic_extra__]
    find = _parts.get(type(value))
    return find(value) if find is not None else _find(type(value))(value)


def _find(kind: type) -> Callable[[Any], list[Any]]:
    if len(_parts) >= _MOST_KINDS:
        raise TypeError
    number = next(_numbers)
    found: Callable[[Any], list[Any]]
    if kind is tuple:
        found = partial(_tuple_parts, number)
    elif has_value_base(kind):
        raise TypeError
    elif model_base(kind) == "v2":
        plain = kind.__module__.startswith(LIBRARY_MODULES) and not kind.__private_attributes__  # type: ignore[attr-defined]
        fields_of(kind)  # a class whose fields are not known yet raises here and is asked again
        if plain:
            _messages[kind] = number
            return _part
        found = partial(_model_parts, number)
    elif dataclasses.is_dataclass(kind) and not _has_slots(kind):
        found = partial(_dict_parts, number)
    else:
        raise TypeError
    return _parts.setdefault(kind, found)


def _has_slots(kind: type) -> bool:
    return any(base.__dict__.get("__slots__") for base in kind.__mro__)


def _tuple_parts(number: int, value: tuple[Any, ...]) -> list[Any]:
    return [_TOKEN, number, list(value)]


def _dict_parts(number: int, value: Any) -> list[Any]:
    return [_TOKEN, number, value.__dict__]


def _model_parts(number: int, value: Any) -> list[Any]:
    chosen = sorted(value.__pydantic_fields_set__)
    return [_TOKEN, number, value.__dict__, value.__pydantic_extra__, value.__pydantic_private__, chosen]
