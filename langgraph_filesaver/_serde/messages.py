"""LangChain's messages in haste: most of what a thread holds, so their writer is written out field by field.

The bytes are those of the writer for all models, which takes over as soon as anything is unusual.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from langgraph_filesaver._serde.encode import Encoder, Writer
from langgraph_filesaver._serde.fields import fields_of
from langgraph_filesaver._serde.naming import class_name

__all__ = ["message_writer"]

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
