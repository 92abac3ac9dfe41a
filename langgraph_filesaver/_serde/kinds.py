"""The register of kinds: which writer and which reader serves a type. Names: docs/format.md, "Values"."""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import Any
from uuid import UUID

from langgraph_filesaver._serde.arrays import ARRAY_READERS, array_writer
from langgraph_filesaver._serde.containers import CONTAINER_READERS, CONTAINER_WRITERS
from langgraph_filesaver._serde.decode import Known, Reader, known
from langgraph_filesaver._serde.depth import check_arguments
from langgraph_filesaver._serde.encode import Encoder, Kind, RefusedError, Writer
from langgraph_filesaver._serde.frames import FRAME_READERS, frame_writer
from langgraph_filesaver._serde.models import model_reader, model_writer
from langgraph_filesaver._serde.naming import static_attribute
from langgraph_filesaver._serde.objects import object_reader, object_writer
from langgraph_filesaver._serde.scalars import SCALAR_READERS, SCALAR_WRITERS
from langgraph_filesaver._serde.secret import secret_reader, secret_writer
from langgraph_filesaver.artifact import Artifact

__all__ = ["KNOWN", "kind_of", "reader_of"]

_HANDLE = known(
    lambda raw, decoder: decoder.referred(raw), "path", "name", "media_type", "bytes", "sha256"
)  # an artifact by hand: only who has the file can tell what it is

KNOWN: dict[str, Known] = {
    **SCALAR_READERS,
    **CONTAINER_READERS,
    **ARRAY_READERS,
    **FRAME_READERS,
    "artifact": _HANDLE,
}

_WRITERS: dict[type, Writer] = {**SCALAR_WRITERS, **CONTAINER_WRITERS}


def kind_of(kind: type, fallback: Writer | None = None) -> Kind:
    """Return how `kind` is written; a type that cannot be stored has `fallback`, or a writer that refuses it."""
    return (_kind_of if _is_complete(kind) else _kind_of.__wrapped__)(kind) or Kind(fallback or _refuse)


def reader_of(kind: type) -> Reader | None:
    """Return the reader for objects of a class, or None if none of its objects can have been written."""
    return (_reader_of if _is_complete(kind) else _reader_of.__wrapped__)(kind)


def _is_complete(kind: type) -> bool:
    """Whether the fields of a class will not change: a model may still wait for names in its annotations."""
    return static_attribute(kind, "__pydantic_complete__") is not False


@lru_cache(maxsize=1024)  # bounded: classes may be made at run time without end
def _kind_of(kind: type) -> Kind | None:
    native = kind in (tuple, UUID) or issubclass(kind, Enum)
    writer = _refuse_artifact if issubclass(kind, Artifact) else _WRITERS.get(kind)
    if writer is not None:
        return Kind(writer, native)
    for find in (model_writer, array_writer, frame_writer, secret_writer, object_writer):
        writer = find(kind)
        if writer is not None:
            return Kind(writer, native)
    return Kind(_write_exception) if issubclass(kind, BaseException) else None


@lru_cache(maxsize=1024)
def _reader_of(kind: type) -> Reader | None:
    return model_reader(kind) or secret_reader(kind) or object_reader(kind)


def _write_exception(value: BaseException, encoder: Encoder) -> Any:
    check_arguments(value)
    return encoder.text(repr(value))  # as LangGraph does: an exception is told, not kept


def _refuse_artifact(_value: Any, _encoder: Encoder) -> Any:
    raise RefusedError(
        "needs a folder for its file: only FileSaver with readable JSON (the default serde) stores artifacts by hand"
    )


def _refuse(_value: Any, _encoder: Encoder) -> Any:
    raise RefusedError(
        "cannot be stored. Keep it out of the state (make it where it is needed), or hold its data in a dataclass or "
        "a pydantic model; pickle_fallback=True stores it unreadably, and runs code on loading"
    )
