"""Models of pydantic's first generation (`pydantic.v1`): all that their `__dict__` holds, read back as it was."""

from __future__ import annotations

from typing import Any

from langgraph_filesaver._serde.decode import Decoder, InvalidTagError, Reader
from langgraph_filesaver._serde.encode import Encoder, Writer, is_plain_key
from langgraph_filesaver._serde.fields import write_private
from langgraph_filesaver._serde.naming import class_name
from langgraph_filesaver._serde.paths import Attribute

__all__ = ["v1_reader", "v1_writer"]

_SET: Any = object.__setattr__


def v1_writer(kind: Any) -> Writer:
    """Return the writer for a model."""
    tag = class_name(kind)
    declared = kind.__private_attributes__

    def write(value: Any, encoder: Encoder) -> dict[str, Any]:
        content = encoder.tag(tag)
        state = value.__dict__
        if all(map(is_plain_key, state)):
            for key, item in state.items():
                content[key] = encoder.held(item, Attribute(key))
        else:
            content["$extra"] = encoder.value(dict(state), Attribute("__dict__"))
        unset = [key for key in state if key not in value.__fields_set__]
        if unset:
            content["$unset"] = unset
        held = {name: getattr(value, name) for name in declared if hasattr(value, name)}
        write_private(content, held, declared, encoder)
        return content

    return write


def v1_reader(kind: Any) -> Reader:
    """Return the reader for a model."""

    def read(raw: dict[str, Any], decoder: Decoder) -> Any:
        state = {key: decoder.value(item, Attribute(key)) for key, item in raw.items() if key[:1] != "$"}
        if "$extra" in raw:
            state.update(decoder.value(raw["$extra"], "$extra"))
        for name, field in kind.__fields__.items():
            if name not in state:
                if field.required:
                    raise InvalidTagError("is missing", Attribute(name))
                state[name] = field.get_default()
        made = object.__new__(kind)
        _SET(made, "__dict__", state)
        _SET(made, "__fields_set__", set(state) - set(raw.get("$unset", ())))
        made._init_private_attributes()  # as pydantic's own construct() does
        for name, item in decoder.value(raw.get("$private", {}), "$private").items():
            if name in kind.__private_attributes__:
                _SET(made, name, item)
        return made

    return read
