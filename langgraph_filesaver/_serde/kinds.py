"""The register of kinds: which writer and which reader serves a type. Names: docs/format.md, "Values"."""

from __future__ import annotations

from typing import Any

from langgraph_filesaver._serde.arrays import ARRAY_READERS, array_writer
from langgraph_filesaver._serde.containers import CONTAINER_READERS, CONTAINER_WRITERS
from langgraph_filesaver._serde.decode import Known, Reader
from langgraph_filesaver._serde.encode import Encoder, Kind, Refused, Writer
from langgraph_filesaver._serde.frames import FRAME_READERS, frame_writer
from langgraph_filesaver._serde.models import model_kind, model_reader
from langgraph_filesaver._serde.objects import object_reader, object_writer
from langgraph_filesaver._serde.scalars import SCALAR_READERS, SCALAR_WRITERS
from langgraph_filesaver._serde.secret import secret_reader, secret_writer

__all__ = ["KNOWN", "kind_of", "reader_of"]

KNOWN: dict[str, Known] = {**SCALAR_READERS, **CONTAINER_READERS, **ARRAY_READERS, **FRAME_READERS}

_WRITERS: dict[type, Writer] = {**SCALAR_WRITERS, **CONTAINER_WRITERS}


def kind_of(kind: type, fallback: Writer | None = None) -> Kind:
    """Return how `kind` is written; a type that cannot be stored has `fallback`, or a writer that refuses it."""
    writer = _WRITERS.get(kind)
    if writer is not None:
        return Kind(writer)
    model = model_kind(kind)
    if model is not None:
        return model
    for find in (array_writer, frame_writer, secret_writer, object_writer):
        writer = find(kind)
        if writer is not None:
            return Kind(writer)
    return Kind(_write_exception if issubclass(kind, BaseException) else fallback or _refuse)


def reader_of(kind: type) -> Reader | None:
    """Return the reader for objects of a class, or None if none of its objects can have been written."""
    return model_reader(kind) or secret_reader(kind) or object_reader(kind)


def _write_exception(value: BaseException, encoder: Encoder) -> Any:
    return encoder.text(repr(value))  # as LangGraph does: an exception is told, not kept


def _refuse(_value: Any, _encoder: Encoder) -> Any:
    raise Refused(
        "cannot be stored. Keep it out of the state (make it where it is needed), or hold its data in a dataclass or "
        "a pydantic model; pickle_fallback=True stores it unreadably, and runs code on loading"
    )
