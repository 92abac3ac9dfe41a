"""Objects of classes: dataclasses, named tuples, enums, slotted objects of LangGraph.

They are written flat, `{"$type": "module.Class", field: value, …}` in the order of declaration; a class whose objects
are one value keeps it under `$value`. What an object keeps beside its fields is under `$attributes`, as far as it can be
stored: a cache or a handle is made anew by the class. They are read without running code of their class where that is possible: fields
are set as they were stored. Only a dataclass that prepares itself (`__post_init__`, an own `__init__`) is constructed,
so that what it keeps beside its fields is there; then the stored fields are put over it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import functools
import logging
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from langgraph.store.base import Item
from langgraph.types import Send

from langgraph_filesaver._serde.decode import Decoder, InvalidTagError, Reader
from langgraph_filesaver._serde.encode import Encoder, RefusedError, Writer
from langgraph_filesaver._serde.naming import class_name, is_dataclass, is_named_tuple, static_attribute
from langgraph_filesaver._serde.paths import Attribute
from langgraph_filesaver._serde.subclasses import has_value_base, set_attribute, slots_of, value_reader, value_writer
from langgraph_filesaver._serde.unrevived import UnrevivedDict, UnrevivedList, UnrevivedStr

__all__ = ["LIBRARY_MODULES", "noting_unknown", "object_reader", "object_writer", "warn_of_unknown", "warn_once"]

logger = logging.getLogger("langgraph_filesaver")

LIBRARY_MODULES = ("langchain_core.", "langgraph.")
"""Packages whose defaults do not change their meaning: a field at its default is left out."""

_SCALARS = (str, int, float, bool, type(None))
_MISSING: Any = object()
_warned: set[tuple[str, str, str]] = set()
_MAX_WARNED = 1000
_NOTED: ContextVar[set[tuple[str, str]] | None] = ContextVar("langgraph_filesaver_unknown_fields", default=None)


def object_writer(kind: type) -> Writer | None:
    """Return the writer for a class of this module, or None."""
    if issubclass(kind, (UnrevivedDict, UnrevivedList, UnrevivedStr)):
        return _write_unrevived
    if issubclass(kind, enum.Enum):
        return _enum_writer(kind)
    if is_named_tuple(kind):
        return _named_tuple_writer(kind)
    if is_dataclass(kind) and not has_value_base(kind):
        fields = dataclasses.fields(kind)  # type: ignore[arg-type] # it is one
        return _fields_writer(kind, [field.name for field in fields], {f.name: f.default for f in fields})
    if issubclass(kind, (Send, Item)) and class_name(kind).startswith(LIBRARY_MODULES):
        return _fields_writer(kind, _slots(kind), {"timeout": None} if issubclass(kind, Send) else {})
    return value_writer(kind)


def object_reader(kind: type) -> Reader | None:
    """Return the reader for a class of this module, or None."""
    if issubclass(kind, enum.Enum):
        return _enum_reader(kind)
    if is_named_tuple(kind):
        return _named_tuple_reader(kind)
    if is_dataclass(kind) and not has_value_base(kind):
        return _dataclass_reader(kind)
    if issubclass(kind, (Send, Item)):
        return _slots_reader(kind)
    return value_reader(kind)


def warn_of_unknown(tag: str, name: str) -> None:
    """Log, once per class and field, that a stored field is no longer known to its class; or note it, see `noting_unknown`."""
    noted = _NOTED.get()
    if noted is not None:
        noted.add((tag, name))
        return
    warn_once("A stored %s has a field %r, which the class has no more: it is ignored.", tag, name)


@contextlib.contextmanager
def noting_unknown() -> Iterator[set[tuple[str, str]]]:
    """Have stored fields that their class does not know noted, as (`$type`, field), and not logged; yields what is noted."""
    noted: set[tuple[str, str]] = set()
    token = _NOTED.set(noted)
    try:
        yield noted
    finally:
        _NOTED.reset(token)


def warn_once(message: str, tag: str, name: str, *details: object) -> None:
    """Log a message about a class and one of its fields, once for the two of them."""
    if (message, tag, name) in _warned or len(_warned) >= _MAX_WARNED:
        return
    _warned.add((message, tag, name))
    logger.warning(message, tag, name, *details)


def _fields_writer(kind: type, names: list[str], defaults: dict[str, Any]) -> Writer:
    tag = class_name(kind)
    library = tag.startswith(LIBRARY_MODULES)
    rules = [(name, Attribute(name), defaults.get(name, _MISSING) if library else _MISSING) for name in names]
    made_anew = frozenset(names) | _cached_names(kind)
    slots = sorted(slots_of(kind) - made_anew)
    if any(name[:1] == "$" for name in names):
        raise RefusedError("has a field that begins with a dollar sign, which marks our own keys")

    def write(value: Any, encoder: Encoder) -> dict[str, Any]:
        content = encoder.tag(tag)
        for name, step, default in rules:
            item = getattr(value, name, _MISSING)
            if item is _MISSING:
                content["$unchecked"] = True
            elif item is not default and not (default == () and item == () and type(item) is tuple):
                content[name] = encoder.held(item, step)
        _write_attributes(content, value, encoder, made_anew, slots)
        if "$unchecked" in content:  # at the end, where every other mark stands
            content["$unchecked"] = content.pop("$unchecked")
        return content

    return write


def _cached_names(kind: type) -> frozenset[str]:
    return frozenset(
        name
        for base in kind.__mro__
        for name, held in vars(base).items()
        if isinstance(held, functools.cached_property)
    )


def _write_attributes(
    content: dict[str, Any], value: Any, encoder: Encoder, made_anew: frozenset[str], slots: list[str]
) -> None:
    """Store what an object keeps beside its fields, as far as it can be stored."""
    held = getattr(value, "__dict__", {})
    if slots:
        held = {**held, **{name: getattr(value, name) for name in slots if hasattr(value, name)}}
    elif len(held) <= len(made_anew) and made_anew.issuperset(held):
        return
    stored = {}
    for name, item in held.items():
        encoded = None if name in made_anew else encoder.beside(item, Attribute(name))
        if encoded is not None or (item is None and name not in made_anew):
            stored[name] = encoded
    if stored:
        content["$attributes"] = stored


def _read_attributes(raw: dict[str, Any], decoder: Decoder, value: Any) -> None:
    if "$attributes" in raw:
        for name, item in decoder.value(raw["$attributes"], "$attributes").items():
            set_attribute(value, name, item)


def _named_tuple_writer(kind: type) -> Writer:
    tag = class_name(kind)
    names: tuple[str, ...] = kind._fields  # type: ignore[attr-defined]
    steps = [Attribute(name) for name in names]
    library = tag.startswith(LIBRARY_MODULES)
    defaults: dict[str, Any] = kind._field_defaults if library else {}  # type: ignore[attr-defined]

    def write(value: Any, encoder: Encoder) -> dict[str, Any]:
        items = list(tuple.__iter__(value))
        if len(items) != len(names):
            raise RefusedError(f"has {len(items)} items, but {len(names)} fields")
        content = encoder.tag(tag)
        for name, step, item in zip(names, steps, items, strict=True):
            if item is not defaults.get(name, _MISSING):
                content[name] = encoder.held(item, step)
        _write_attributes(content, value, encoder, frozenset(), [])
        return content

    return write


def _named_tuple_reader(kind: type) -> Reader:
    names: tuple[str, ...] = kind._fields  # type: ignore[attr-defined]
    defaults: dict[str, Any] = kind._field_defaults  # type: ignore[attr-defined]

    def read(raw: dict[str, Any], decoder: Decoder) -> Any:
        given = _given(raw, decoder, names)
        items = [given[name] if name in given else defaults.get(name, _MISSING) for name in names]
        if _MISSING in items:
            raise InvalidTagError("is missing", Attribute(names[items.index(_MISSING)]))
        value: Any = tuple.__new__(kind, items)
        _read_attributes(raw, decoder, value)
        return value

    return read


def _dataclass_reader(kind: Any) -> Reader:
    fields = {field.name: field for field in dataclasses.fields(kind)}
    library = class_name(kind).startswith(LIBRARY_MODULES)
    prepares = not library and (static_attribute(kind, "__post_init__") is not None or not _has_generated_init(kind))

    def read(raw: dict[str, Any], decoder: Decoder) -> Any:
        given = _given(raw, decoder, fields)
        unchecked = "$unchecked" in raw
        value: Any = _prepared(kind, fields, given) if prepares and not unchecked else object.__new__(kind)
        for name, field in fields.items():
            if name in given:
                item = given[name]
            else:  # of a user's class each field was stored that was there
                item = _MISSING if unchecked and not library else _default(field, value, unchecked=unchecked)
            if item is not _MISSING:
                object.__setattr__(value, name, item)
        _read_attributes(raw, decoder, value)
        return value

    return read


def _has_generated_init(kind: Any) -> bool:
    return all(
        base.__dict__["__dataclass_params__"].init
        for base in kind.__mro__
        if "__init__" in base.__dict__ and "__dataclass_params__" in base.__dict__
    ) and not any(
        "__init__" in base.__dict__ and "__dataclass_params__" not in base.__dict__ for base in kind.__mro__[:-1]
    )


def _prepared(kind: Any, fields: dict[str, Any], given: dict[str, Any]) -> Any:
    try:
        return kind(**{name: item for name, item in given.items() if fields[name].init})
    except Exception:  # noqa: BLE001 - the stored fields are whole without it
        return object.__new__(kind)


def _default(field: Any, value: Any, *, unchecked: bool) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    if unchecked or _has(value, field.name):
        return _MISSING
    raise InvalidTagError("is missing", Attribute(field.name))


def _has(value: Any, name: str) -> bool:
    """Whether an object has an attribute, without asking its `__getattr__`."""
    try:
        object.__getattribute__(value, name)
    except AttributeError:
        return False
    return True


def _slots(kind: type) -> list[str]:
    return [name for base in reversed(kind.__mro__) for name in base.__dict__.get("__slots__", ())]


def _slots_reader(kind: type) -> Reader:
    names = _slots(kind)

    def read(raw: dict[str, Any], decoder: Decoder) -> Any:
        given = _given(raw, decoder, names)
        value: Any = object.__new__(kind)
        for name in names:
            if name not in given and name != "timeout":
                raise InvalidTagError("is missing", Attribute(name))
            object.__setattr__(value, name, given.get(name))
        return value

    return read


def _given(raw: dict[str, Any], decoder: Decoder, names: Any) -> dict[str, Any]:
    given = {}
    for key, item in raw.items():
        if key in names:
            given[key] = decoder.value(item, Attribute(key))
        elif key[:1] != "$":
            warn_of_unknown(raw["$type"], key)
    return given


def _enum_writer(kind: type[enum.Enum]) -> Writer:
    tag = class_name(kind)

    def write(value: enum.Enum, encoder: Encoder) -> dict[str, Any]:
        inner: Any = value._value_
        if value._name_ not in kind._member_map_ and _member(kind, inner) is not value:
            raise RefusedError(
                "is a member that its class made in a way of its own, which a file cannot name. Store its value"
            )
        if type(inner) in _SCALARS and inner == inner:
            return encoder.tag(tag, **{"$value": encoder.value(inner, Attribute("value"))})
        return encoder.tag(tag, **{"$name": value._name_})

    return write


def _enum_reader(kind: type[enum.Enum]) -> Reader:
    def read(raw: dict[str, Any], decoder: Decoder) -> Any:
        if "$name" in raw:
            member = kind._member_map_.get(raw["$name"])
        else:
            member = _member(kind, decoder.value(raw["$value"], "$value"))
        if member is None:
            raise InvalidTagError(
                f"{raw.get('$value', raw.get('$name'))!r} is no {kind.__name__}, which has {list(kind._member_map_)}"
            )
        return member

    return read


def _member(kind: type[enum.Enum], value: Any) -> enum.Enum | None:
    if type(value) not in _SCALARS:
        return None
    for member in kind._member_map_.values():
        if type(member._value_) is type(value) and (member._value_ == value or value is member._value_):
            return member
    if isinstance(value, float) and value != value:
        return next((member for member in kind._member_map_.values() if member._value_ != member._value_), None)
    return _combination(kind, value) if type(value) is int and issubclass(kind, enum.Flag) else None


def _combination(kind: type[enum.Flag], value: int) -> enum.Enum | None:
    """Return the combination of flags of that value. It is no member; the standard library makes it."""
    made = [static_attribute(kind, name) for name in _MAKERS_OF_FLAGS]
    standard = all(each is None or each.__func__.__module__ == "enum" for each in made)
    if not standard or kind._member_type_ not in (object, int):  # type: ignore[attr-defined] # the stubs have it not
        return None  # the class has a way of its own, which would be its code
    member = kind._value2member_map_.get(value)
    if member is None:
        try:
            member = static_attribute(kind, "_missing_").__func__(kind, value)
        except ValueError:
            return None
    return member if type(member) is kind and member._value_ == value else None


_MAKERS_OF_FLAGS = ("_missing_", "_create_pseudo_member_", "_iter_member_", "_iter_member_by_value_")


def _write_unrevived(value: Any, encoder: Encoder) -> dict[str, Any]:
    content = encoder.tag(value.tag)
    if isinstance(value, UnrevivedDict) and not value.boxed:
        for key, item in value.items():
            if type(key) is not str or key[:1] == "$":
                raise RefusedError(f"has the key {key!r}, which {value.tag} cannot have")
            content[key] = encoder.value(item, key)
    else:
        content["$value"] = encoder.value(_inner(value))
    for key, item in value.rest.items():
        content[key] = encoder.value(item, key)
    return content


def _inner(value: Any) -> Any:
    if isinstance(value, UnrevivedDict):
        return dict(value) if value.boxed == "dict" else value["value"]
    return list(value) if isinstance(value, UnrevivedList) else str.__str__(value)
