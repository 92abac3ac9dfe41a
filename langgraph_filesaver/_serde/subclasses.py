"""Subclasses of built-in types: the built-in's value under `$value`, their own attributes under `$attributes`.

A dataclass that is a dict or another built-in value as well is one of them: its fields are attributes.

They are taken apart and put together by the built-in's own methods, whatever the subclass overrides: reading runs no
code of the class.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from types import MemberDescriptorType
from typing import Any
from uuid import UUID

from langgraph_filesaver._serde.decode import Decoder, InvalidTagError, Reader
from langgraph_filesaver._serde.encode import Encoder, RefusedError, Writer
from langgraph_filesaver._serde.naming import VALUE_BASES, class_name
from langgraph_filesaver._serde.paths import Attribute

__all__ = ["has_value_base", "set_attribute", "slots_of", "value_reader", "value_writer"]

_MOMENT = ("hour", "minute", "second", "microsecond", "tzinfo")


def value_writer(kind: type) -> Writer | None:
    """Return the writer for a subclass of a built-in type, or None."""
    base = _base(kind)
    if base is None:
        return None
    tag = class_name(kind)

    def write(value: Any, encoder: Encoder) -> dict[str, Any]:
        if isinstance(value, defaultdict) and value.default_factory is not None:
            raise RefusedError(
                "is a subclass of defaultdict with a default_factory, which a file cannot hold. Use defaultdict"
            )
        content = encoder.tag(tag, **{"$value": encoder.value(_made(base, base, value))})
        attributes = _attributes(value)
        if attributes:
            content["$attributes"] = encoder.value(attributes, Attribute("__dict__"))
        return content

    return write


def value_reader(kind: type) -> Reader | None:
    """Return the reader for a subclass of a built-in type, or None."""
    base = _base(kind)
    if base is None:
        return None

    def read(raw: dict[str, Any], decoder: Decoder) -> Any:
        plain = decoder.value(raw["$value"], "$value")
        if type(plain) is not base:
            raise InvalidTagError(f"must be a {base.__name__}, not {type(plain).__name__}", "$value")
        value = _made(base, kind, plain)
        for name, item in decoder.value(raw.get("$attributes", {}), "$attributes").items():
            set_attribute(value, name, item)
        return value

    return read


def set_attribute(value: Any, name: str, item: Any) -> None:
    """Set an attribute where the object keeps it, without code of its class: no property, no other descriptor."""
    for base in type(value).__mro__:
        slot = base.__dict__.get(name)
        if type(slot) is MemberDescriptorType:
            slot.__set__(value, item)
            return
    object.__getattribute__(value, "__dict__")[name] = item


def has_value_base(kind: type) -> bool:
    """Whether objects of a class are a built-in value, whatever fields they have beside it."""
    return _base(kind) is not None


def _base(kind: type) -> Any:
    return next((base for base in VALUE_BASES if issubclass(kind, base)), None)


def _attributes(value: Any) -> dict[str, Any]:
    held = {name: getattr(value, name) for name in sorted(slots_of(type(value))) if hasattr(value, name)}
    return {**getattr(value, "__dict__", {}), **held}


def slots_of(kind: type) -> set[str]:
    """Return the names of the attributes that objects of a class have a slot for, as the class itself holds them."""
    return {name for base in kind.__mro__ for name in _slots(base)}


def _slots(base: type) -> Iterator[str]:
    slots = base.__dict__.get("__slots__", ()) if base.__module__ not in ("builtins", "uuid", "fractions") else ()
    for name in (slots,) if isinstance(slots, str) else slots:
        if not name.startswith("__"):
            yield name
        elif not name.endswith("__"):
            yield f"_{base.__name__.lstrip('_')}{name}"


def _made(base: Any, kind: Any, value: Any) -> Any:
    """Return `value`, of type `base` or a subclass, as an object of `kind`."""
    make = _MAKERS.get(base)
    return make(kind, value) if make else base.__new__(kind, value)


def _make_int(kind: Any, value: Any) -> Any:
    return int.__new__(kind, int.__int__(value))


def _make_float(kind: Any, value: Any) -> Any:
    return float.__new__(kind, float.__float__(value))


def _make_str(kind: Any, value: Any) -> Any:
    return str.__new__(kind, str.__str__(value))


def _make_bytes(kind: Any, value: Any) -> Any:
    return bytes.__new__(kind, memoryview(value))


def _make_sequence(base: Any) -> Callable[[Any, Any], Any]:
    def make(kind: Any, value: Any) -> Any:
        return base.__new__(kind, list(base.__iter__(value)))

    return make


def _make_filled(base: Any) -> Callable[[Any, Any], Any]:
    def make(kind: Any, value: Any) -> Any:
        made = base.__new__(kind)
        base.__init__(made, memoryview(value) if base is bytearray else list(base.__iter__(value)))
        return made

    return make


def _make_dict(kind: Any, value: Any) -> Any:
    # OrderedDict and its like insist on their own __new__ and __setitem__; below them nothing may run.
    solid: Any = next(base for base in (OrderedDict, defaultdict, Counter, dict) if issubclass(kind, base))
    made = solid.__new__(kind)
    for key in list(dict.__iter__(value)) if not isinstance(value, OrderedDict) else list(OrderedDict.__iter__(value)):
        solid.__setitem__(made, key, dict.__getitem__(value, key))
    return made


def _make_deque(kind: Any, value: Any) -> Any:
    made = deque.__new__(kind)
    deque.__init__(made, list(deque.__iter__(value)), deque.maxlen.__get__(value))
    return made


def _make_datetime(kind: Any, value: Any) -> Any:
    parts = (value.year, value.month, value.day, *(getattr(value, name) for name in _MOMENT))
    return datetime.__new__(kind, *parts, fold=value.fold)


def _make_time(kind: Any, value: Any) -> Any:
    return time.__new__(kind, *(getattr(value, name) for name in _MOMENT), fold=value.fold)


def _make_uuid(kind: Any, value: Any) -> Any:
    made = object.__new__(kind)
    object.__setattr__(made, "int", value.int)
    object.__setattr__(made, "is_safe", value.is_safe)
    return made


_MAKERS: dict[Any, Callable[[Any, Any], Any]] = {
    int: _make_int,
    float: _make_float,
    str: _make_str,
    bytes: _make_bytes,
    tuple: _make_sequence(tuple),
    frozenset: _make_sequence(frozenset),
    list: _make_filled(list),
    set: _make_filled(set),
    bytearray: _make_filled(bytearray),
    dict: _make_dict,
    deque: _make_deque,
    datetime: _make_datetime,
    date: lambda kind, value: date.__new__(kind, value.year, value.month, value.day),
    time: _make_time,
    timedelta: lambda kind, value: timedelta.__new__(kind, value.days, value.seconds, value.microseconds),
    UUID: _make_uuid,
}
