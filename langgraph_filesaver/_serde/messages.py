"""LangChain's messages in haste: most of what a thread holds, so their writer and reader are written out field by field.

The bytes are those of the writer for all models, and the objects those of the reader for all models, which take over as
soon as anything is unusual.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from langgraph_filesaver._serde.decode import Decoder, Reader
from langgraph_filesaver._serde.encode import Encoder, Writer
from langgraph_filesaver._serde.fields import MISSING, fields_of
from langgraph_filesaver._serde.naming import class_name
from langgraph_filesaver._serde.paths import Attribute

__all__ = ["message_reader", "message_writer"]

_SET: Any = object.__setattr__

_COMMON = ["content", "additional_kwargs", "response_metadata", "type", "name", "id"]


def message_writer(kind: Any, general: Writer) -> Writer | None:
    """Return the fast writer for a message class of langchain_core, or None; `general` writes unusual messages."""
    tag = class_name(kind)
    fields = fields_of(kind)
    if not tag.startswith("langchain_core.messages.") or kind.__private_attributes__:
        return None
    if [field.name for field in fields[:6]] != _COMMON or any(field.excluded for field in fields):
        return None
    common = itemgetter(*_COMMON)
    type_word = fields[3].default
    others = [(field.name, field.default, field.empty, field.kinds) for field in fields[6:]]
    count = len(fields)

    def write(value: Any, encoder: Encoder) -> Any:
        state = value.__dict__
        pending = encoder.pending
        if pending is None or len(state) != count or value.__pydantic_extra__:
            return general(value, encoder)
        text, additional, metadata, word, name, id_ = common(state)
        if word is not type_word or type(additional) is not dict or type(metadata) is not dict:
            return general(value, encoder)
        content: dict[str, Any] = {"$type": tag, "content": text}
        if type(text) is not str:
            if type(text) is not list:
                return general(value, encoder)
            pending.append(text)
        if additional:
            content["additional_kwargs"] = additional
            pending.append(additional)
        if metadata:
            content["response_metadata"] = metadata
            pending.append(metadata)
        if name is not None:
            if type(name) is not str:
                return general(value, encoder)
            content["name"] = name
        if id_ is not None:
            if type(id_) is not str:
                return general(value, encoder)
            content["id"] = id_
        for key, default, empty, kinds in others:
            item = state[key]
            if item is default:
                continue
            kind = type(item)
            if kind is empty and not item:
                continue
            if kind is dict or kind is list:
                pending.append(item)
            elif kind is not str or item == default:
                return general(value, encoder)
            if kinds is not None and kind not in kinds:
                return general(value, encoder)
            content[key] = item
        return content

    return write


def message_reader(kind: Any, general: Reader) -> Reader | None:
    """Return the fast reader for a message class of langchain_core, or None; `general` reads unusual messages."""
    fields = fields_of(kind)
    if not class_name(kind).startswith("langchain_core.messages.") or kind.__private_attributes__:
        return None
    required = {name for name, declared in kind.model_fields.items() if declared.is_required()}
    unknown = [field for field in fields if field.default is MISSING and field.empty is None]
    if any(field.excluded for field in fields) or any(field.name not in required for field in unknown):
        return None  # a default that is made in another way
    if kind.__pydantic_post_init__ is not None:
        return None
    kinds = {field.name: field.kinds for field in fields}
    steps = {field.name: Attribute(field.name) for field in fields}
    template = {field.name: None if field.default is MISSING else field.default for field in fields}
    made_anew = [(field.name, field.empty) for field in fields if field.empty is not None]
    new: Any = object.__new__

    def read(raw: dict[str, Any], decoder: Decoder) -> Any:
        if not required <= raw.keys():
            return general(raw, decoder)
        state = template.copy()  # in the order of declaration
        for name, empty in made_anew:
            state[name] = empty()
        chosen = set()
        for key, item in raw.items():
            if key == "$type":
                continue
            if key not in kinds:
                return general(raw, decoder)
            value = item
            if type(item) is dict or type(item) is list:
                value = decoder.value(item, steps[key])
            fitting = kinds[key]
            if fitting is not None and type(value) not in fitting:
                return general(raw, decoder)
            state[key] = value
            chosen.add(key)
        made = new(kind)
        _SET(made, "__dict__", state)
        _SET(made, "__pydantic_fields_set__", chosen)
        _SET(made, "__pydantic_extra__", {})
        _SET(made, "__pydantic_private__", None)
        return made

    return read
