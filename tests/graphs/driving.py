"""One step of a graph, driven synchronously or on an event loop, with any durability."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver

from langgraph_filesaver import FileSaver
from tests.graphs.anonymous import Graph, anonymous
from tests.graphs.places import OpenSaver

__all__ = ["Driver", "Durability", "T", "told_as_in_memory"]

R = TypeVar("R")

Durability = Literal["sync", "async", "exit"]

T: RunnableConfig = {"configurable": {"thread_id": "t"}}
"""The config of the thread that the tests of this folder use."""


class Driver:
    """Runs graphs one way.

    Args:
        face: `"sync"` for `invoke`, `"async"` for `ainvoke`, each call on an event loop of its own.
        durability: LangGraph's: when checkpoints are written.
    """

    def __init__(self, face: Literal["sync", "async"] = "sync", durability: Durability = "async") -> None:
        self.face = face
        self.durability: Durability = durability

    def __repr__(self) -> str:
        return f"{self.face}-{self.durability}"

    def run(self, graph: Graph, given: Any, config: RunnableConfig = T) -> Any:
        """Return what the graph returns for `given`."""
        if self.face == "async":
            return asyncio.run(graph.ainvoke(given, config, durability=self.durability))
        return graph.invoke(given, config, durability=self.durability)

    def update(self, graph: Graph, config: RunnableConfig, values: Any, as_node: str | None = None) -> RunnableConfig:
        """Return the config of the checkpoint that `update_state` makes."""
        if self.face == "async":
            return asyncio.run(graph.aupdate_state(config, values, as_node))
        return graph.update_state(config, values, as_node)

    def history(self, graph: Graph, config: RunnableConfig = T) -> list[Any]:
        """Return the snapshots of `get_state_history`, newest first."""
        if self.face == "async":

            async def collected() -> list[Any]:
                return [each async for each in graph.aget_state_history(config)]

            return asyncio.run(collected())
        return list(graph.get_state_history(config))


def told_as_in_memory(scenario: Callable[[OpenSaver], R], root: Path) -> R:
    """Play `scenario` over InMemorySaver and over files, compare what it returns alone; return that of the files.

    For scenarios whose stored history is not the same twice, over whichever saver: of parallel tasks LangGraph stores what
    was finished when one failed, and with durability "async" it hands the saver a barrier that it goes on changing.
    """
    memory = InMemorySaver()
    expected = scenario(lambda: memory)
    found = scenario(lambda: FileSaver(root, fsync=False))
    told, expected_told = anonymous(found), anonymous(expected)
    assert told == expected_told, f"over files {told}, in memory {expected_told}"
    return found
