"""Pydantic models, LangChain's messages among them.

Written from `__dict__`, flat, in the order of declaration. A field at its default is left out: always for the classes of
LangChain and LangGraph, else only where the object itself never set it (pydantic's `model_fields_set`).

Read back exactly: the stored fields become the object's `__dict__`, no validator changes them. A file edited by hand is
found out by the types of the fields: where one does not fit, pydantic validates the object, which may convert the value
(code has moved on) or refuse it (the file is wrong). An object that was stored in such a state carries `$unchecked`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from langgraph_filesaver._serde.decode import Decoder, InvalidTagError, Reader
from langgraph_filesaver._serde.encode import Encoder, RefusedError, Writer, is_plain_key
from langgraph_filesaver._serde.fields import COMPARABLE, EMPTY, MISSING, Field, fields_of, is_default, write_private
from langgraph_filesaver._serde.messages import message_reader, message_writer
from langgraph_filesaver._serde.models_v1 import v1_reader, v1_writer
from langgraph_filesaver._serde.naming import class_name, model_base
from langgraph_filesaver._serde.objects import LIBRARY_MODULES, warn_of_unknown, warn_once
from langgraph_filesaver._serde.paths import Attribute

__all__ = ["model_reader", "model_writer"]

_SET: Any = object.__setattr__


def model_writer(kind: type) -> Writer | None:
    """Return the writer for a pydantic model, or None."""
    version = model_base(kind)
    if version == "v1":
        return v1_writer(kind)
    if version == "v2":
        writer = _writer(kind)
        return message_writer(kind, writer) or writer
    return None


def model_reader(kind: type) -> Reader | None:
    """Return the reader for a pydantic model, or None."""
    version = model_base(kind)
    if version == "v2":
        reader = _reader(kind)
        return message_reader(kind, reader) or reader
    return v1_reader(kind) if version == "v1" else None


def _writer(kind: Any) -> Writer:
    tag = class_name(kind)
    fields = fields_of(kind)
    names = frozenset(field.name for field in fields)
    required = frozenset(name for name, field in kind.model_fields.items() if field.is_required())
    library = tag.startswith(LIBRARY_MODULES)
    private = bool(kind.__private_attributes__)
    left_out = {} if _has_own_post_init(kind) else kind.__private_attributes__

    def write(value: Any, encoder: Encoder) -> dict[str, Any]:
        state = value.__dict__
        chosen = value.__pydantic_fields_set__
        content: dict[str, Any] = {"$type": tag}
        unchecked = False
        for field in fields:
            name = field.name
            item = state.get(name, MISSING)
            if item is MISSING:
                unchecked = unchecked or not field.excluded
                if not (library or field.excluded or name in required):
                    raise RefusedError(
                        f"has lost its field {name}, which has a default. Set it, or make the object anew"
                    )
            elif field.excluded:
                _leave_out(tag, field, item, required)
            elif not ((library or name not in chosen) and is_default(item, field)):
                if field.kinds is not None and type(item) not in field.kinds:
                    unchecked = True
                content[name] = item if type(item) in encoder.plain else encoder.held(item, field.step)
        unset = [] if library else [name for name in content if name in names and name not in chosen]
        if value.__pydantic_extra__:
            _write_extra(content, value.__pydantic_extra__, encoder, kind)
        if unset:
            content["$unset"] = unset
        if private:
            write_private(content, value.__pydantic_private__ or {}, left_out, encoder)
        if unchecked:
            content["$unchecked"] = True
        return content

    return _dumping_writer(tag, write) if _has_serializers(kind) else write


def _dumping_writer(tag: str, write: Writer) -> Writer:
    """Return a writer for a model with serializers of its own, which may make data of a field that is none."""

    def write_or_dump(value: Any, encoder: Encoder) -> dict[str, Any]:
        content = encoder.attempt(partial(write, value, encoder), value)
        if content is None:
            content = {"$type": tag, "$dump": encoder.value(value.model_dump(), Attribute("model_dump()"))}
        return content  # type: ignore[no-any-return]

    return write_or_dump


def _leave_out(tag: str, field: Field, item: Any, required: frozenset[str]) -> None:
    """Tell, once, of a field with `exclude=True` that will come back as the class makes it.

    Raises:
        RefusedError: The class cannot make it.
    """
    if field.name in required:
        raise RefusedError(
            f"has the required field {field.name} with exclude=True, without which it cannot come back. Give it a default"
        )
    if not is_default(item, field):
        warn_once(
            "A %s is stored without its field %r, which has exclude=True: it will come back as its default.",
            tag,
            field.name,
        )


def _has_serializers(kind: Any) -> bool:
    decorators = kind.__pydantic_decorators__
    annotated = (type(part).__name__ for field in kind.model_fields.values() for part in field.metadata)
    return bool(
        decorators.field_serializers
        or decorators.model_serializers
        or {"PlainSerializer", "WrapSerializer"} & {*annotated}
    )


def _write_extra(content: dict[str, Any], extra: dict[str, Any], encoder: Encoder, kind: Any) -> None:
    fields = kind.model_fields
    allowed = kind.model_config.get("extra") == "allow"
    if allowed and all(is_plain_key(key) and key not in fields for key in extra):
        for key, item in extra.items():
            content[key] = encoder.held(item, Attribute(key))
    else:
        content["$extra"] = encoder.value(dict(extra), Attribute("__pydantic_extra__"))


def _reader(kind: Any) -> Reader:
    fields = {field.name: field for field in fields_of(kind)}
    tag = class_name(kind)
    declared = kind.model_fields
    required = [name for name, field in declared.items() if field.is_required() and not fields[name].excluded]
    makers = {name: _maker(field) for name, field in declared.items() if not field.is_required()}
    open_ended = kind.model_config.get("extra") == "allow"
    has_root = bool(getattr(kind, "__pydantic_root_model__", False))
    prepares = bool(kind.__private_attributes__) or _has_own_post_init(kind)

    def read(raw: dict[str, Any], decoder: Decoder) -> Any:
        if "$dump" in raw:
            return _from_dump(kind, decoder.value(raw["$dump"], "$dump"))
        given: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        private: dict[str, Any] = {}
        checked = "$unchecked" not in raw
        misfit = ""
        for key, item in raw.items():
            value = item
            if type(item) is dict or type(item) is list:
                value = decoder.value(item, Attribute(key))
            field = fields.get(key)
            if field is not None:
                given[key] = value
                if field.kinds is not None and type(value) not in field.kinds:
                    misfit = key
            elif key[:1] != "$":
                if open_ended:
                    extra[key] = value
                else:
                    warn_of_unknown(tag, key)
            elif key == "$extra":
                extra.update(value)
            elif key == "$private":
                private = value
        if checked and (misfit or not all(name in given for name in required)):
            return _validated(kind, given, extra, misfit)
        chosen = {*given, *extra} - set(raw.get("$unset", ()))
        state = {}
        for name in fields:
            if name in given:
                state[name] = given[name]
            elif name in makers:
                _make(tag, name, makers[name], state)
        made = _prepared(kind, given, extra) if prepares else object.__new__(kind)
        _SET(made, "__dict__", state)
        _SET(made, "__pydantic_fields_set__", chosen)
        if has_root:
            return made  # its class, not the object, says that there is nothing else
        _SET(made, "__pydantic_extra__", extra if open_ended or extra else None)
        if not prepares:
            _SET(made, "__pydantic_private__", None)
        elif private:
            _SET(made, "__pydantic_private__", {**(made.__pydantic_private__ or {}), **private})
        return made

    return read


def _from_dump(kind: Any, dumped: Any) -> Any:
    """Return the object of what its own serializers made: validated, or else as LangGraph does without."""
    try:
        return kind(**dumped) if isinstance(dumped, dict) else kind.model_validate(dumped)
    except Exception:
        if not isinstance(dumped, dict):
            raise
        return kind.model_construct(**dumped)


def _maker(field: Any) -> Callable[[dict[str, Any]], Any]:
    """Return what makes the default of a field out of the fields before it."""
    factory = field.default_factory
    if factory in EMPTY:
        return lambda _: factory()
    default = field.default
    if factory is None and (default is None or type(default) in (*COMPARABLE, float)):
        return lambda _: default
    return lambda state: field.get_default(call_default_factory=True, validated_data=state)


def _make(tag: str, name: str, maker: Callable[[dict[str, Any]], Any], state: dict[str, Any]) -> None:
    try:
        state[name] = maker(state)
    except Exception as error:  # noqa: BLE001 - a thread must not become unreadable because a default cannot be made now
        warn_once("A stored %s comes back without its field %r: its default_factory raised %r.", tag, name, error)


def _has_own_post_init(kind: Any) -> bool:
    found = (base.__dict__.get("model_post_init") for base in kind.__mro__[:-1] if base.__module__ != "pydantic.main")
    # pydantic gives one to each class with private attributes, which does no more than to make these
    return any(each is not None and each.__name__ != "init_private_attributes" for each in found)


def _prepared(kind: Any, given: dict[str, Any], extra: dict[str, Any]) -> Any:
    """Return an object whose class has prepared what it keeps beside its fields (private attributes)."""
    try:
        return kind(**_by_alias(kind, given), **extra)
    except Exception:  # noqa: BLE001 - the stored fields are whole without it
        made = object.__new__(kind)
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


def _validated(kind: Any, given: dict[str, Any], extra: dict[str, Any], misfit: str) -> Any:
    """Return the object that pydantic makes of fields that do not fit as they are.

    Raises:
        InvalidTagError: It makes none.
    """
    try:
        return kind(**_by_alias(kind, given), **extra)
    except Exception as error:
        details = error.errors(include_url=False) if hasattr(error, "errors") else []
        if not details:
            steps = (Attribute(misfit),) if misfit else ()
            raise InvalidTagError(f"is no valid {class_name(kind)}: {error}", *steps) from error
        first = details[0]
        place = tuple(step for step in first["loc"] if step in given or step in kind.model_fields)[:1]
        reason = f"{first['msg']} (a field of {class_name(kind)})"
        raise InvalidTagError(reason, *(Attribute(step) for step in place)) from error
