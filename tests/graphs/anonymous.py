"""What a graph did, as plain data without the ids, instants and random parts that differ from run to run."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel import Pregel
from langgraph.types import StateSnapshot
from pydantic import BaseModel

__all__ = ["Graph", "anonymous", "checkpoints_of", "history_of", "plain", "snapshot_of"]

Graph = CompiledStateGraph[Any, Any, Any, Any] | Pregel[Any, Any, Any, Any]

_VERSION = re.compile(r"\b0{20,}(\d+)\.\d+(?:\.\d+)?(?:e-\d+)?")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:\+00:00|Z)")
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9a-f]{32}\b")


def plain(value: Any) -> Any:
    """Return `value` as dicts, lists and scalars; what tells types apart stays visible."""
    if isinstance(value, BaseModel):
        return {"type": type(value).__name__, **plain(value.model_dump())}
    if isinstance(value, BaseException):
        return repr(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            "type": type(value).__name__,
            **{field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)},
        }
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {"type": type(value).__name__, **plain(value._asdict())}
    if isinstance(value, (set, frozenset)):
        return {"type": type(value).__name__, "items": sorted(map(repr, value))}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if hasattr(value, "__slots__") and not isinstance(value, (str, bytes, int, float)):
        return {"type": type(value).__name__, **{name: plain(getattr(value, name, None)) for name in value.__slots__}}
    return value


def anonymous(value: Any) -> Any:
    """Return `plain(value)` with each id replaced by the number of its first appearance."""
    aliases: dict[str, str] = {}

    def text(given: str) -> str:
        given = _VERSION.sub(lambda found: f"version {int(found[1])}", given)
        given = _INSTANT.sub("an instant", given)
        return _ID.sub(lambda found: aliases.setdefault(found[0], f"id {len(aliases)}"), given)

    def walk(each: Any) -> Any:
        if isinstance(each, str):
            return text(each)
        if isinstance(each, list):
            return [walk(one) for one in each]
        if isinstance(each, dict):
            return {text(key): walk(each[key]) for key in sorted(each, key=lambda key: _ID.sub("*", key))}
        return each

    return walk(plain(value))


def snapshot_of(snapshot: StateSnapshot) -> dict[str, Any]:
    """Return what a state snapshot tells, without the instant it was made at."""
    told = cast("dict[str, Any]", plain(snapshot))
    del told["created_at"]
    return told


def history_of(graph: Graph, config: RunnableConfig) -> list[dict[str, Any]]:
    """Return `get_state_history`, newest first."""
    return [snapshot_of(each) for each in graph.get_state_history(config)]


def checkpoints_of(saver: BaseCheckpointSaver[Any], thread_id: str = "t") -> list[Any]:
    """Return every checkpoint of a thread with its pending writes, in all namespaces, oldest first."""

    def age(found: CheckpointTuple) -> str:
        return cast("str", found.config["configurable"]["checkpoint_id"])

    return [plain(found) for found in sorted(saver.list({"configurable": {"thread_id": thread_id}}), key=age)]
