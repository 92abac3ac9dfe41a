"""Arrays and scalars of numpy."""

from __future__ import annotations

from langgraph_filesaver._serde.decode import Known
from langgraph_filesaver._serde.encode import Writer

ARRAY_READERS: dict[str, Known] = {}


def array_writer(kind: type) -> Writer | None:
    """Return the writer for a type of numpy, or None."""
    return None
