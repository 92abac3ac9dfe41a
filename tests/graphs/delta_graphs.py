"""Graphs with DeltaChannels, a saver that keeps everything twice, and what each checkpoint of a thread shows."""

from __future__ import annotations

import operator
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.pregel._checkpoint import channels_from_checkpoint
from langgraph.types import Overwrite, interrupt

from langgraph_filesaver import FileSaver
from tests.graphs.anonymous import Graph, plain

__all__ = ["DELTAS", "NEVER", "Place", "TwoSavers", "Workshop", "listed", "place_of", "shown", "states"]

NEVER = 10_000
"""A snapshot frequency that no test reaches."""

DELTAS = ("log", "marks", "notes")
"""All DeltaChannels of a `Workshop`; `notes` is its subgraph's."""

Place = tuple[str, str]
"""(checkpoint_ns, checkpoint_id)"""


class TwoSavers(BaseCheckpointSaver[Any]):
    """Stores each call in files and in memory under the same ids, and reads from the files.

    Args:
        files: The saver that the graph sees.
    """

    def __init__(self, files: FileSaver) -> None:
        super().__init__()
        self.files = files
        self.memory = InMemorySaver()
        self._given: dict[str, set[str]] = {}

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return self.files.get_tuple(config)

    def list(self, config: RunnableConfig | None, **options: Any) -> Iterator[CheckpointTuple]:
        return self.files.list(config, **options)

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        self._given[checkpoint["id"]] = set(checkpoint["channel_values"])
        self.memory.put(config, checkpoint, metadata, new_versions)
        return self.files.put(config, checkpoint, metadata, new_versions)

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        self.memory.put_writes(config, writes, task_id, task_path)
        self.files.put_writes(config, writes, task_id, task_path)

    def get_delta_channel_history(self, *, config: RunnableConfig, channels: Sequence[str]) -> Mapping[str, Any]:
        return self.files.get_delta_channel_history(config=config, channels=channels)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return await self.files.aget_tuple(config)

    async def alist(self, config: RunnableConfig | None, **options: Any) -> AsyncIterator[CheckpointTuple]:
        async for found in self.files.alist(config, **options):
            yield found

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        self._given[checkpoint["id"]] = set(checkpoint["channel_values"])
        self.memory.put(config, checkpoint, metadata, new_versions)
        return await self.files.aput(config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        self.memory.put_writes(config, writes, task_id, task_path)
        await self.files.aput_writes(config, writes, task_id, task_path)

    async def aget_delta_channel_history(self, *, config: RunnableConfig, channels: Sequence[str]) -> Mapping[str, Any]:
        return await self.files.aget_delta_channel_history(config=config, channels=channels)

    def get_next_version(self, current: Any | None, channel: None) -> Any:
        return self.files.get_next_version(current, channel)

    def assert_same(self, thread_id: str = "t") -> None:
        """Compare every checkpoint, its pending writes, and the history of every DeltaChannel of every checkpoint."""
        found, expected = (sorted(listed(saver, thread_id), key=place_of) for saver in (self.files, self.memory))
        for each in expected:
            # Memory finds a value by its version, also for later checkpoints of that version which were given none.
            values, given = each.checkpoint["channel_values"], self._given[each.checkpoint["id"]]
            each.checkpoint["channel_values"] = {name: value for name, value in values.items() if name in given}
        for one, other in zip(found, expected, strict=True):
            assert plain(one) == plain(other)
        for each in found:
            files, memory = (
                saver.get_delta_channel_history(config=each.config, channels=DELTAS)
                for saver in (self.files, self.memory)
            )
            assert plain(files) == plain(memory), each.config


class Workshop(NamedTuple):
    """How often the DeltaChannels of a graph are stored whole.

    The graph: `plan`; `left` and `right`, in parallel; `join`. The input `do` is a list of words that say what happens:
    "reset" overwrites the log, "ask" interrupts in `right` while `left` has finished, "inner" runs a subgraph with a
    DeltaChannel of its own, "ask inside" interrupts in that.
    """

    log: int = NEVER
    marks: int = NEVER
    notes: int = NEVER

    def graph(self, saver: BaseCheckpointSaver[Any] | None) -> Graph:
        """Compile the graph."""
        log_type = Annotated[list[str], DeltaChannel(_appended, snapshot_frequency=self.log)]
        marks_type = Annotated[dict[str, int], DeltaChannel(_merged, snapshot_frequency=self.marks)]
        State = TypedDict(  # noqa: UP013 its types are made here
            "State",
            {"log": log_type, "marks": marks_type, "do": list[str], "count": Annotated[int, operator.add]},
        )
        inner = self.inner()

        def plan(state: Any) -> dict[str, Any]:
            return {"log": [f"plan {len(state['log'])}"], "marks": {"plan": len(state["log"])}, "count": 1}

        def left(state: Any) -> dict[str, Any]:
            told: dict[str, Any] = {"log": [f"left {len(state['log'])}", "left again"]}
            if "inner" in state.get("do", ()):
                told["log"] += inner.invoke({"notes": ["begin"], "do": state.get("do", [])})["notes"]
            return told

        def right(state: Any) -> dict[str, Any]:
            answer = interrupt("which?") if "ask" in state.get("do", ()) else "none"
            return {"log": [f"right {len(state['log'])} {answer}"], "marks": {answer: state["count"]}}

        def join(state: Any) -> dict[str, Any]:
            if "reset" in state.get("do", ()):
                return {"log": Overwrite([f"reset at {len(state['log'])}"])}
            return {"log": [f"join {state['log'][-1:]}"]} if "skip" not in state.get("do", ()) else {"count": 1}

        builder: Any = StateGraph(State)
        for node in (plan, left, right, join):
            builder.add_node(node.__name__, node)
        builder.add_edge(START, "plan")
        builder.add_edge("plan", "right")
        builder.add_edge("plan", "left")
        builder.add_edge("left", "join")
        builder.add_edge("right", "join")
        return builder.compile(checkpointer=saver)  # type: ignore[no-any-return]

    def inner(self) -> Graph:
        """Compile the subgraph."""
        notes_type = Annotated[list[str], DeltaChannel(_appended, snapshot_frequency=self.notes)]
        State = TypedDict("State", {"notes": notes_type, "do": list[str]})  # noqa: UP013

        def first(state: Any) -> dict[str, Any]:
            return {"notes": [f"first {len(state['notes'])}"]}

        def second(state: Any) -> dict[str, Any]:
            answer = interrupt("inside?") if "ask inside" in state.get("do", ()) else "none"
            return {"notes": [f"second {len(state['notes'])} {answer}"]}

        builder: Any = StateGraph(State)
        builder.add_node("first", first)
        builder.add_node("second", second)
        builder.add_edge(START, "first")
        builder.add_edge("first", "second")
        return builder.compile()  # type: ignore[no-any-return]


def _appended(state: list[str], writes: Sequence[list[str]]) -> list[str]:
    return [*state, *(each for write in writes for each in write)]


def _merged(state: dict[str, int], writes: Sequence[dict[str, int]]) -> dict[str, int]:
    merged = dict(state)
    for write in writes:
        merged.update(write)
    return merged


def place_of(found: CheckpointTuple) -> Place:
    """Return the namespace and id of a checkpoint."""
    configurable = found.config["configurable"]
    return configurable["checkpoint_ns"], configurable["checkpoint_id"]


def listed(saver: BaseCheckpointSaver[Any], thread_id: str = "t") -> list[CheckpointTuple]:
    """Return all checkpoints of a thread."""
    return list(saver.list({"configurable": {"thread_id": thread_id}}))


def states(saver: BaseCheckpointSaver[Any], shop: Workshop, thread_id: str = "t") -> dict[Place, Any]:
    """Return the values that each listed checkpoint shows, in all namespaces; check that its parent is there, or none."""
    found = {place_of(each): each for each in listed(saver, thread_id)}
    for (checkpoint_ns, _), each in found.items():
        if each.parent_config is not None:
            assert (checkpoint_ns, each.parent_config["configurable"]["checkpoint_id"]) in found, each.config
    graph, inner = shop.graph(saver), shop.inner()
    return {place: shown(saver, inner if place[0] else graph, each) for place, each in found.items()}


def shown(saver: BaseCheckpointSaver[Any], graph: Graph, found: CheckpointTuple) -> Any:
    """Return the channels of a checkpoint as the graph restores them, and for the root graph what `get_state` says."""
    channels, _ = channels_from_checkpoint(graph.channels, found.checkpoint, saver=saver, config=found.config)
    values = {name: plain(channel.get()) for name, channel in channels.items() if channel.is_available()}
    if place_of(found)[0]:
        return values
    snapshot = graph.get_state(found.config)
    tasks = sorted((task.name, task.id, [each.id for each in task.interrupts]) for task in snapshot.tasks)
    return values, plain(snapshot.values), sorted(snapshot.next), tasks
