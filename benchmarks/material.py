"""What the savers are given: messages, checkpoints as LangGraph makes them, and the graph of a chat."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, TypedDict
from uuid import uuid4

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base.id import uuid6
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages

from benchmarks.savers import Saver

__all__ = ["Chat", "chat_graph", "latest_of", "message", "messages", "put", "size_of", "thread"]

_CHARACTERS = 500
_TEXT = "What the agent said, in words of no special kind. " * 10


class Chat(TypedDict):
    """The state of a chat."""

    messages: Annotated[list[AnyMessage], add_messages]


def message(number: int) -> AnyMessage:
    """Return one message of 500 characters; an even number is the person's, an odd one the agent's."""
    kind = AIMessage if number % 2 else HumanMessage
    return kind(content=f"{number} {_TEXT}"[:_CHARACTERS], id=str(uuid4()))


def messages(count: int) -> list[AnyMessage]:
    """Return messages."""
    return [message(number) for number in range(count)]


def thread(name: str = "t") -> RunnableConfig:
    """Return the config of a thread."""
    return {"configurable": {"thread_id": name, "checkpoint_ns": ""}}


def latest_of(thread_id: str = "t") -> RunnableConfig:
    """Return the config that asks for the latest checkpoint of a thread."""
    return {"configurable": {"thread_id": thread_id}}


def put(
    saver: Saver, config: RunnableConfig, step: int, values: Mapping[str, Any], new: Collection[str] | None = None
) -> tuple[RunnableConfig, float]:
    """Put a checkpoint.

    Args:
        saver: The saver.
        config: The parent, or the thread.
        step: Its step.
        values: The state.
        new: The channels that have changed; None: all.

    Returns:
        Its config, and the seconds that the call took.
    """
    changed = set(values if new is None else new)
    versions: dict[str, Any] = {name: f"{step + 1 if name in changed else 1:032}.0.5" for name in values}
    checkpoint: Any = {
        "v": 4,
        "id": str(uuid6(clock_seq=step % 16_000)),
        "ts": "2026-11-23T01:16:50.000000+00:00",
        "channel_values": dict(values),
        "channel_versions": {**versions, "__start__": f"{1:032}.0.5"},
        "versions_seen": {"__input__": {}, "agent": dict(versions)},
        "updated_channels": sorted(changed),
    }
    begun = time.perf_counter()
    config = saver.put(
        config, checkpoint, {"source": "loop", "step": step, "parents": {}}, {name: versions[name] for name in changed}
    )
    return config, time.perf_counter() - begun


def chat_graph(saver: Saver | None, *, is_async: bool = False) -> Any:
    """Return the graph of a chat, whose agent answers at once."""

    def agent(state: Chat) -> dict[str, Any]:
        return {"messages": [message(2 * len(state["messages"]) + 1)]}

    async def agent_async(state: Chat) -> dict[str, Any]:
        return agent(state)

    builder = StateGraph(Chat)
    builder.add_node("agent", agent_async if is_async else agent)
    builder.add_edge(START, "agent")
    return builder.compile(checkpointer=saver)


def size_of(folder: Path) -> tuple[int, int]:
    """Return how many bytes lie in a folder, and in how many files."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return sum(sizes), len(sizes)
