"""Pydantic models, LangChain's messages among them.

Written from `__dict__`, flat, in the order of declaration. A field at its default is left out: always for the classes of
LangChain and LangGraph, else only where the object itself never set it (pydantic's `model_fields_set`).

Read back exactly: the stored fields become the object's `__dict__`, no validator changes them. A file edited by hand is
found out by the types of the fields: where one does not fit, pydantic validates the object, which may convert the value
(code has moved on) or refuse it (the file is wrong). An object that was stored in such a state carries `$unchecked`.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, Union

from langgraph_filesaver._serde.decode import Decoder, Invalid, Reader
from langgraph_filesaver._serde.encode import Attribute, Encoder, Writer
from langgraph_filesaver._serde.naming import class_name, model_base
from langgraph_filesaver._serde.objects import LIBRARY_MODULES, warn_of_unknown

__all__ = ["model_reader", "model_writer"]

_MISSING: Any = object()
_SET: Any = object.__setattr__
_EMPTY = (list, dict, set, tuple)
_COMPARABLE = (str, int, bool, bytes)
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


class _Field(NamedTuple):
    name: str
    step: Attribute
    default: Any  # an immutable default, else _MISSING
    empty: type | None  # the built-in factory of an empty default
    kinds: frozenset[type] | None  # types that surely fit, None: any
    excluded: bool


def model_writer(kind: type) -> Writer | None:
    """Return the writer for a pydantic model, or None."""
    version = model_base(kind)
    return _writer_v2(kind) if version == "v2" else _writer_v1(kind) if version == "v1" else None


def model_reader(kind: type) -> Reader | None:
    """Return the reader for a pydantic model, or None."""
    version = model_base(kind)
    return _reader_v2(kind) if version == "v2" else _reader_v1(kind) if version == "v1" else None


def _writer_v2(kind: Any) -> Writer:
    tag = class_name(kind)
    fields = _fields(kind)
    library = tag.startswith(LIBRARY_MODULES)
    has_private = bool(kind.__private_attributes__)

    def write(value: Any, encoder: Encoder) -> dict[str, Any]:
        state = value.__dict__
        chosen = value.__pydantic_fields_set__
        content: dict[str, Any] = {"$type": tag}
        plain = encoder.plain
        unchecked = False
        for name, step, default, empty, kinds, excluded in fields:
            item = state.get(name, _MISSING)
            if (library or name not in chosen) and (item is default or _is_default(item, default, empty)):
                continue
            item_kind = type(item)
            if excluded or item is _MISSING:
                unchecked |= item is _MISSING
                continue
            if kinds is not None and item_kind not in kinds:
                unchecked = True
            content[name] = item if item_kind in plain else encoder.value(item, step)
        extra = value.__pydantic_extra__
        if extra:
            _write_extra(content, extra, encoder, kind)
        if not library:
            unset = [name for name in content if name in kind.model_fields and name not in chosen]
            if unset:
                content["$unset"] = unset
        if has_private:
            _write_private(content, value, encoder)
        if unchecked:
            content["$unchecked"] = True
        return content

    return write


def _is_default(item: Any, default: Any, empty: type | None) -> bool:
    if empty is not None:
        return type(item) is empty and not item
    return type(item) in _COMPARABLE and type(item) is type(default) and bool(item == default)


def _write_extra(content: dict[str, Any], extra: dict[str, Any], encoder: Encoder, kind: Any) -> None:
    fields = kind.model_fields
    allowed = kind.model_config.get("extra") == "allow"
    if allowed and all(type(key) is str and key[:1] != "$" and key not in fields and key.isascii() for key in extra):
        for key, item in extra.items():
            content[key] = encoder.value(item, Attribute(key))
    else:
        content["$extra"] = encoder.value(dict(extra), Attribute("__pydantic_extra__"))


def _write_private(content: dict[str, Any], value: Any, encoder: Encoder) -> None:
    """Store private attributes as far as they can be stored: the class makes the others anew."""
    stored = {}
    for name, item in (value.__pydantic_private__ or {}).items():
        declared = type(value).__private_attributes__.get(name)
        if declared is not None and item is declared.default:
            continue
        encoded = encoder.optional(item, Attribute(name))
        if encoded is not None or item is None:
            stored[name] = encoded
    if stored:
        content["$private"] = stored


def _reader_v2(kind: Any) -> Reader:
    fields = {field.name: field for field in _fields(kind)}
    tag = class_name(kind)
    declared = kind.model_fields
    required = [name for name, field in declared.items() if field.is_required() and not fields[name].excluded]
    makers = {name: _maker(field) for name, field in declared.items() if not field.is_required()}
    open_ended = kind.model_config.get("extra") == "allow"
    prepares = bool(kind.__private_attributes__) or _has_own_post_init(kind)

    def read(raw: dict[str, Any], decoder: Decoder) -> Any:
        given: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        checked = "$unchecked" not in raw
        fits = True
        for key, item in raw.items():
            value = item
            if type(item) is dict or type(item) is list:
                value = decoder.value(item, Attribute(key))
            field = fields.get(key)
            if field is not None:
                given[key] = value
                if field.kinds is not None and type(value) not in field.kinds:
                    fits = False
            elif key[:1] != "$":
                if open_ended:
                    extra[key] = value
                else:
                    warn_of_unknown(tag, key)
            elif key == "$extra":
                extra.update(value)
        if checked and not (fits and all(name in given for name in required)):
            return _validated(kind, given, extra)
        chosen = {*given, *extra} - set(raw.get("$unset", ()))
        state = {}
        for name in fields:
            if name in given:
                state[name] = given[name]
            elif name in makers:
                state[name] = makers[name]()
        made = _prepared(kind, given, extra) if prepares else kind.__new__(kind)
        _SET(made, "__dict__", state)
        _SET(made, "__pydantic_fields_set__", chosen)
        _SET(made, "__pydantic_extra__", extra if open_ended or extra else None)
        private = decoder.value(raw["$private"], "$private") if "$private" in raw else {}
        if not prepares:
            _SET(made, "__pydantic_private__", None)
        elif private:
            _SET(made, "__pydantic_private__", {**(made.__pydantic_private__ or {}), **private})
        return made

    return read


def _maker(field: Any) -> Callable[[], Any]:
    factory = field.default_factory
    if factory in _EMPTY:
        return factory  # type: ignore[no-any-return]
    default = field.default
    if factory is None and (default is None or type(default) in (*_COMPARABLE, float)):
        return lambda: default
    return lambda: field.get_default(call_default_factory=True, validated_data={})


def _has_own_post_init(kind: Any) -> bool:
    return any("model_post_init" in base.__dict__ for base in kind.__mro__[:-1] if base.__module__ != "pydantic.main")


def _prepared(kind: Any, given: dict[str, Any], extra: dict[str, Any]) -> Any:
    """Return an object whose class has prepared what it keeps beside its fields (private attributes)."""
    try:
        return kind(**_by_alias(kind, given), **extra)
    except Exception:  # noqa: BLE001 - the stored fields are whole without it
        made = kind.__new__(kind)
        _SET(made, "__dict__", dict(given))
        _SET(made, "__pydantic_fields_set__", set(given))
        _SET(made, "__pydantic_extra__", dict(extra))
        _SET(made, "__pydantic_private__", None)
        try:
            made.model_post_init(None)
        except Exception:  # noqa: BLE001 - as above
            return made
        return made


def _by_alias(kind: Any, given: dict[str, Any]) -> dict[str, Any]:
    if kind.model_config.get("populate_by_name") or kind.model_config.get("validate_by_name"):
        return given
    named = {}
    for name, item in given.items():
        alias = kind.model_fields[name].validation_alias
        named[alias if isinstance(alias, str) else name] = item
    return named


def _validated(kind: Any, given: dict[str, Any], extra: dict[str, Any]) -> Any:
    """Return the object that pydantic makes of fields that do not fit as they are.

    Raises:
        Invalid: It makes none.
    """
    try:
        return kind(**_by_alias(kind, given), **extra)
    except Exception as error:
        details = error.errors(include_url=False) if hasattr(error, "errors") else []
        if not details:
            raise Invalid(f"is no valid {class_name(kind)}: {error}") from error
        first = details[0]
        place = tuple(step for step in first["loc"] if step in given or step in kind.model_fields)[:1]
        reason = f"{first['msg']} (a field of {class_name(kind)})"
        raise Invalid(reason, *(Attribute(step) for step in place)) from error


def _fields(kind: Any) -> list[_Field]:
    found = []
    for name, field in kind.model_fields.items():
        factory = field.default_factory
        default = _MISSING if factory is not None or field.is_required() else field.default
        empty = factory if factory in _EMPTY else type(default) if type(default) in _EMPTY and not default else None
        immutable = default is None or type(default) in (*_COMPARABLE, float) or hasattr(default, "_member_map_")
        found.append(
            _Field(
                name,
                Attribute(name),
                default if immutable else _MISSING,
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


def _writer_v1(kind: Any) -> Writer:
    tag = class_name(kind)

    def write(value: Any, encoder: Encoder) -> dict[str, Any]:
        content = encoder.tag(tag)
        state = value.__dict__
        if all(type(key) is str and key[:1] != "$" for key in state):
            for key, item in state.items():
                content[key] = encoder.value(item, Attribute(key))
        else:
            content["$extra"] = encoder.value(dict(state), Attribute("__dict__"))
        unset = [key for key in state if key not in value.__fields_set__]
        if unset:
            content["$unset"] = unset
        return content

    return write


def _reader_v1(kind: Any) -> Reader:
    def read(raw: dict[str, Any], decoder: Decoder) -> Any:
        state = {key: decoder.value(item, Attribute(key)) for key, item in raw.items() if key[:1] != "$"}
        if "$extra" in raw:
            state.update(decoder.value(raw["$extra"], "$extra"))
        for name, field in kind.__fields__.items():
            if name not in state:
                if field.required:
                    raise Invalid("is missing", Attribute(name))
                state[name] = field.get_default()
        made = kind.__new__(kind)
        _SET(made, "__dict__", state)
        _SET(made, "__fields_set__", set(state) - set(raw.get("$unset", ())))
        made._init_private_attributes()  # noqa: SLF001 - as pydantic's own construct() does
        return made

    return read
