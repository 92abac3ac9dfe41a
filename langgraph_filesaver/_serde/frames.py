"""Data frames of pandas and polars, where those libraries are loaded.

A column is its name, its dtype and its values. Every frame is rebuilt once before it is written, and compared: what does
not come back exactly (an index of intervals, a column of periods) is refused rather than stored nearly.
"""

from __future__ import annotations

import sys
from typing import Any

from langgraph_filesaver._serde.decode import Known
from langgraph_filesaver._serde.encode import Writer
from langgraph_filesaver._serde.pandas_frames import PANDAS_READERS, pandas_writer
from langgraph_filesaver._serde.polars_frames import POLARS_READERS, polars_writer

__all__ = ["FRAME_READERS", "frame_writer"]

FRAME_READERS: dict[str, Known] = {**PANDAS_READERS, **POLARS_READERS}


def frame_writer(kind: type) -> Writer | None:
    """Return the writer for a type of pandas or polars, or None."""
    for name, find in (("pandas", pandas_writer), ("polars", polars_writer)):
        loaded: Any = sys.modules.get(name)
        # a module has no DataFrame while it is being imported
        writer = find(kind, loaded) if loaded is not None and hasattr(loaded, "DataFrame") else None
        if writer is not None:
            return writer
    return None
