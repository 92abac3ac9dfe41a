"""The fields of a pydantic model, as far as storing it needs to know them: defaults that can be left out, and types.

A default is left out only where equality proves it: it is immutable and of a built-in type, or an empty collection. The
types tell a value that surely fits its field without running a validator.
"""

from __future__ import annotations

import types
import typing
from typing import Any, Literal, NamedTuple, Union

from langgraph_filesaver._serde.encode import Encoder
from langgraph_filesaver._serde.paths import Attribute

__all__ = ["COMPARABLE", "EMPTY", "MISSING", "Field", "fields_of", "is_default", "write_private"]

MISSING: Any = object()
"""Stands for a value that is not there."""

EMPTY: tuple[type, ...] = (list, dict, set, tuple)
"""Collections that a default can be an empty one of."""

COMPARABLE: tuple[type, ...] = (str, int, bool, bytes)
"""Types whose equal values are the same value."""

_PLAIN: dict[Any, frozenset[type]] = {
    str: frozenset({str}),
    int: frozenset({int}),
    float: frozenset({float}),
    bool: frozenset({bool}),
    bytes: frozenset({bytes}),
    list: frozenset({list}),
    dict: frozenset({dict}),
    None: frozenset({type(None)}),
    type(None): frozenset({type(None)}),
}


class Field(NamedTuple):
    """One field.

    Attributes:
        name: Its name.
        step: The same, as a step of a path.
        default: Its default if that is immutable, else MISSING.
        empty: The type of its default if that is an empty collection.
        kinds: The exact types that surely fit; None where that cannot be told.
        excluded: Whether the model leaves it out of every dump (`Field(exclude=True)`).
    """

    name: str
    step: Attribute
    default: Any
    empty: type | None
    kinds: frozenset[type] | None
    excluded: bool


def fields_of(kind: Any) -> list[Field]:
    """Return the fields of a model, in the order of declaration."""
    found = []
    for name, field in kind.model_fields.items():
        factory = field.default_factory
        default = MISSING if factory is not None or field.is_required() else field.default
        empty = factory if factory in EMPTY else type(default) if type(default) in EMPTY and not default else None
        immutable = default is None or type(default) in (*COMPARABLE, float) or hasattr(default, "_member_map_")
        found.append(
            Field(
                name,
                Attribute(name),
                default if immutable else MISSING,
                empty,
                _kinds(field.annotation),
                bool(field.exclude),
            )
        )
    return found


def _kinds(annotation: Any) -> frozenset[type] | None:
    """Return the exact types that surely fit an annotation, or None where that cannot be told."""
    if isinstance(annotation, type) and typing.get_origin(annotation) is None:
        return _PLAIN.get(annotation, frozenset({dict}) if typing.is_typeddict(annotation) else None)
    if annotation is None:
        return _PLAIN[None]
    origin = typing.get_origin(annotation)
    if origin in (list, dict):
        return _PLAIN[origin]
    arguments = typing.get_args(annotation)
    if origin is Literal:
        return frozenset(map(type, arguments))
    if origin in (Union, types.UnionType):
        parts = [_kinds(argument) for argument in arguments]
        return None if None in parts else frozenset().union(*parts)  # type: ignore[arg-type] # None is excluded
    return None


def is_default(item: Any, field: Field) -> bool:
    """Whether `item` is provably the default of `field`, of the same type."""
    if item is field.default:
        return True
    if field.empty is not None:
        return type(item) is field.empty and not item
    return type(item) in COMPARABLE and type(item) is type(field.default) and bool(item == field.default)


def write_private(content: dict[str, Any], held: dict[str, Any], declared: dict[str, Any], encoder: Encoder) -> None:
    """Store private attributes as far as they can be stored: the class makes the others anew."""
    stored = {}
    for name, item in held.items():
        if name in declared and item is declared[name].default:
            continue
        encoded = encoder.beside(item, Attribute(name))
        if encoded is not None or item is None:
            stored[name] = encoded
    if stored:
        content["$private"] = stored
