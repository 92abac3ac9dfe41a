"""Checkpoints, configs and metadata as LangGraph hands them to a checkpointer, in the few words a test needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata

from langgraph_filesaver import FileSaver

__all__ = ["checkpoint_of", "config_of", "id_of", "ids_of", "metadata_of", "put"]


def config_of(
    thread_id: str = "t", checkpoint_ns: str | None = "", checkpoint_id: str | None = None, **others: Any
) -> RunnableConfig:
    """Return the config that names a thread, a namespace unless it is None, and a checkpoint unless it is None."""
    configurable: dict[str, Any] = {"thread_id": thread_id, **others}
    if checkpoint_ns is not None:
        configurable["checkpoint_ns"] = checkpoint_ns
    if checkpoint_id is not None:
        configurable["checkpoint_id"] = checkpoint_id
    return {"configurable": configurable}


def checkpoint_of(
    checkpoint_id: str, values: Mapping[str, Any] | None = None, versions: Mapping[str, Any] | None = None
) -> Checkpoint:
    """Return a checkpoint with every key that LangGraph's own ones have."""
    return cast(
        "Checkpoint",
        {
            "v": 4,
            "id": checkpoint_id,
            "ts": "2026-11-23T01:16:50.000000+00:00",
            "channel_values": dict(values or {}),
            "channel_versions": dict(versions or {}),
            "versions_seen": {"__input__": {}},
            "updated_channels": sorted(versions or {}),
        },
    )


def metadata_of(step: int = 0, others: Mapping[str, Any] | None = None, **more: Any) -> CheckpointMetadata:
    """Return metadata as LangGraph's loop makes it."""
    return cast("CheckpointMetadata", {"source": "loop", "step": step, "parents": {}, **(others or {}), **more})


def put(
    saver: FileSaver,
    checkpoint_id: str,
    values: Mapping[str, Any] | None = None,
    *,
    thread_id: str = "t",
    checkpoint_ns: str = "",
    parent: str | None = None,
    step: int = 0,
    metadata: Mapping[str, Any] | None = None,
) -> RunnableConfig:
    """Put a checkpoint whose channels all have a new version, and return its config."""
    versions: ChannelVersions = dict.fromkeys(values or {}, f"{step + 1:032}.0")
    return saver.put(
        config_of(thread_id, checkpoint_ns, parent),
        checkpoint_of(checkpoint_id, values, versions),
        metadata_of(step, metadata),
        versions,
    )


def id_of(config: RunnableConfig | None) -> str | None:
    """Return the checkpoint id that a config names."""
    return None if config is None else config["configurable"]["checkpoint_id"]


def ids_of(saver: FileSaver, config: RunnableConfig | None, **options: Any) -> list[str | None]:
    """Return the ids of the checkpoints that `list` yields, in its order."""
    return [id_of(found.config) for found in saver.list(config, **options)]
