"""Data frames."""

from __future__ import annotations

from langgraph_filesaver._serde.decode import Known
from langgraph_filesaver._serde.encode import Writer

FRAME_READERS: dict[str, Known] = {}


def frame_writer(kind: type) -> Writer | None:
    """Return the writer for a type of numpy, or None."""
    return None
