"""What a store tells, as JSON that does not depend on the release that reads it."""

from __future__ import annotations

import json
from typing import Any

from langgraph_filesaver import FileSaver, JsonSerializer

__all__ = ["told"]


def _plain(value: Any) -> Any:
    tag, data = JsonSerializer().dumps_typed(value)
    return [tag, json.loads(data)] if data else [tag]


def _sized(value: Any) -> Any:
    """Tell large parts by their length: the golden files stay small, and a wrong byte is found by its SHA-256 anyway."""
    if isinstance(value, str) and len(value) > 200:
        return f"{value[:20]}… {len(value)} … {value[-20:]}"
    if isinstance(value, list):
        return [_sized(each) for each in value]
    return {key: _sized(each) for key, each in value.items()} if isinstance(value, dict) else value


def told(saver: FileSaver) -> list[Any]:
    """Return all checkpoints of all threads with their values, metadata, parents and pending writes."""
    found = []
    for each in saver.list(None):
        parent = each.parent_config["configurable"]["checkpoint_id"] if each.parent_config else None
        values = dict(each.checkpoint["channel_values"])
        if "file" in values:
            values["file"] = [values["file"].name, values["file"].sha256, values["file"].read_bytes()]
        parts = [
            each.config["configurable"],
            parent,
            {**each.checkpoint, "channel_values": values},
            each.metadata,
            each.pending_writes,
        ]
        found.append(_sized(_plain(parts)))
    return found
