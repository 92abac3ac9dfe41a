"""Data frames of pandas and polars."""

from __future__ import annotations

from langgraph_filesaver._serde.decode import Known
from langgraph_filesaver._serde.encode import Writer

FRAME_READERS: dict[str, Known] = {}


def frame_writer(kind: type) -> Writer | None:  # noqa: ARG001
    """Return the writer for a type of pandas or polars, or None."""
    return None
