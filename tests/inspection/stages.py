"""Plays a graph over files, and at every moment of the play holds what the files tell against what LangGraph says.

A moment is the instant after a checkpoint or a call of writes got its name. The files of each moment are opened anew, and
the graph is compiled anew over them: so every checkpoint of every namespace is looked at with every prefix of its writes.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.errors import GraphRecursionError
from langgraph.types import StateSnapshot

from langgraph_filesaver import FileSaver
from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store import MemoryStore, Store, Turn, no_turn
from langgraph_filesaver._thread_files import StoredCheckpoint, ThreadFiles
from langgraph_filesaver.inspection._tasks import is_opaque
from langgraph_filesaver.inspection.progress import Progress, progress_of
from tests.graphs.anonymous import Graph
from tests.graphs.driving import Durability, T
from tests.stores import WatchedStore

__all__ = [
    "BrokenNodeError",
    "Findings",
    "Stage",
    "held_against_langgraph",
    "identity",
    "is_before_anything_ran",
    "is_told_by_an_update",
    "place_of",
    "progress_at",
]

GraphOf = Callable[[FileSaver], Graph]
Files = dict[str, bytes]
Place = tuple[str, str]
Value = TypeVar("Value")

NULL_TASK = "00000000-0000-0000-0000-000000000000"


class BrokenNodeError(Exception):
    """What nodes of the plays fail with."""


def identity(value: Value) -> Value:
    """Stand in for the reading of references, where nothing is large."""
    return value


class _Recorder(WatchedStore):
    def __init__(self, inner: MemoryStore) -> None:
        super().__init__(inner)
        self.files = inner._files
        self.moments: list[tuple[str, Files]] = []
        self._mutex = threading.Lock()

    def create(self, key: str, data: bytes, turn: Turn = no_turn) -> bool:
        with self._mutex:
            created = super().create(key, data, turn)
            if created and ("/checkpoints/" in key or "/writes/" in key):
                self.moments.append((key, dict(self.files)))
        return created


class Stage:
    """A graph over files in memory, driven one way.

    Args:
        graph_of: Compiles the graph over a saver.
        durability: LangGraph's.
        face: Whether runs are synchronous.
        serde: A serde of somebody else's, or None.
        recursion_limit: How many steps a run takes at most.

    Attributes:
        rests: How many moments there were when each run had come to its end.
    """

    def __init__(
        self,
        graph_of: GraphOf,
        durability: Durability = "sync",
        face: Literal["sync", "async"] = "sync",
        serde: SerializerProtocol | None = None,
        recursion_limit: int = 12,
    ) -> None:
        self._recursion_limit = recursion_limit
        self._graph_of = graph_of
        self._serde = serde
        self.store = _Recorder(MemoryStore(MARKER))
        self.graph = self.graph_over(self.store)
        self.durability: Durability = durability
        self.face = face
        self.rests: list[int] = []

    def graph_over(self, store: Store) -> Graph:
        """Compile the graph over a store."""
        return self._graph_of(FileSaver(store, serde=self._serde) if self._serde else FileSaver(store))

    def run(self, given: Any, config: RunnableConfig = T, **options: Any) -> None:
        """Let the graph run as far as it comes."""
        options = {"durability": self.durability, **options}
        limited: RunnableConfig = {"recursion_limit": self._recursion_limit, **config}
        try:
            if self.face == "async":
                asyncio.run(self.graph.ainvoke(given, limited, **options))
            else:
                self.graph.invoke(given, limited, **options)
        except (BrokenNodeError, GraphRecursionError):
            pass
        self.rests.append(len(self.store.moments))

    def update(self, values: Any, as_node: str | None = None, config: RunnableConfig = T) -> RunnableConfig:
        """Update the state, and return the config of the new checkpoint."""
        return self.graph.update_state(config, values, as_node)

    def state(self) -> StateSnapshot:
        """Return what LangGraph says now."""
        return self.graph.get_state(T)

    def history(self) -> list[StateSnapshot]:
        """Return the history, newest first."""
        return list(self.graph.get_state_history(T))


@dataclass
class Findings:
    """What was looked at: how many moments, and those of which the files did not tell what is next."""

    moments: int = 0
    unknown: list[StoredCheckpoint] = field(default_factory=list)
    next: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def __add__(self, other: Findings) -> Findings:
        return Findings(self.moments + other.moments, self.unknown + other.unknown, self.next + other.next)


def is_before_anything_ran(stored: StoredCheckpoint) -> bool:
    """Tell whether it is the first input of a thread: nothing tells a StateGraph from a functional graph there."""
    is_first = set(stored.document.checkpoint["channel_versions"]) == {"__start__"}
    return is_first and all(write.task_id == NULL_TASK for write in stored.writes)


def is_told_by_an_update(stored: StoredCheckpoint) -> bool:
    """Tell whether `update_state` wrote to this checkpoint, under an id that may be of a task with a join not reached yet."""
    return any(write.task_path.startswith("~__interrupt__") for write in stored.writes)


def place_of(store: Any, key: str) -> Place:
    """Return the namespace and the checkpoint that a file belongs to."""
    document = json.loads(store.read(key))
    return document["checkpoint_ns"], document["checkpoint_id"]


def progress_at(files: ThreadFiles, place: Place) -> tuple[StoredCheckpoint, Progress] | None:
    """Return a checkpoint of the thread and where the thread stands there, or None where it has not come yet."""
    stored = files.load("t", *place)
    return None if stored is None else (stored, progress_of(stored.document, stored.writes, identity))


def held_against_langgraph(stage: Stage) -> Findings:
    """Look at every moment of the play, and at the end once more at every checkpoint; return what was found."""
    findings = Findings()
    for number, (key, files) in enumerate(stage.store.moments):
        findings += _moment(stage, files, [key], is_rest=number + 1 in stage.rests)
    checkpoints = [key for key in stage.store.files if "/checkpoints/" in key]
    return findings + _moment(stage, dict(stage.store.files), checkpoints, is_rest=False)


def _moment(stage: Stage, files: Files, keys: Sequence[str], *, is_rest: bool) -> Findings:
    findings = Findings()
    store = MemoryStore(MARKER)
    store._files = files
    graph = stage.graph_over(store)
    reading = ThreadFiles(store)
    for key in keys:
        checkpoint_ns, checkpoint_id = place_of(store, key)
        found = progress_at(reading, (checkpoint_ns, checkpoint_id))
        if found is None:
            continue
        stored, progress = found
        config: RunnableConfig = {"configurable": {"thread_id": "t", "checkpoint_ns": checkpoint_ns}}
        addressed = graph.get_state({"configurable": {**config["configurable"], "checkpoint_id": checkpoint_id}})
        assert addressed.config["configurable"]["checkpoint_id"] == checkpoint_id
        is_latest = reading.checkpoint_ids("t", checkpoint_ns)[-1] == checkpoint_id
        latest = graph.get_state(config) if is_latest else None
        try:
            _compare(stored, progress, addressed, latest, is_rest=is_rest)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{progress}\nLangGraph: {addressed.next}, {latest}\n{stored}") from error
        findings.moments += 1
        if progress.next is None:
            findings.unknown.append(stored)
        else:
            findings.next[progress.next] += 1
    return findings


def _compare(
    stored: StoredCheckpoint,
    progress: Progress,
    addressed: StateSnapshot,
    latest: StateSnapshot | None,
    *,
    is_rest: bool,
) -> None:
    if progress.tasks is not None:
        assert progress.tasks == tuple(sorted(addressed.next)), "tasks"
    if progress.next is not None:
        assert progress.tasks is not None
        assert sorted(progress.next + progress.finished) == list(progress.tasks), "finished"
    if latest is None:
        return
    if progress.next is not None:
        assert progress.next == tuple(sorted(latest.next)), "next"
    channels = {write.channel for write in stored.writes}
    by_command = {write.channel for write in stored.writes if write.task_id == NULL_TASK}
    pending = Counter((each.id, repr(each.value)) for each in latest.interrupts)
    told = Counter((each.id, repr(each.value)) for each in progress.interruptions)
    is_sealed = any(is_opaque(write.value) for write in stored.writes)
    if not is_sealed and not by_command - {"__resume__"} and not any("_handler" in w.task_path for w in stored.writes):
        assert told <= pending, "more interrupts"
        if is_rest or "__resume__" not in channels:
            assert told == pending, "fewer interrupts"
        waiting = Counter((task.name, each.id) for task in latest.tasks for each in task.interrupts)
        assert {(each.node, each.id) for each in progress.interruptions} <= set(waiting), "who asks"
        errors = Counter((task.name, str(task.error)) for task in latest.tasks if task.error is not None)
        failures = Counter((each.node, each.error) for each in progress.failures)
        assert failures <= errors, "more failures"
        still = [task for task in latest.tasks if task.error is not None and task.result is None]
        unfinished = Counter((task.name, str(task.error)) for task in still if task.name in latest.next)
        assert unfinished <= failures, "fewer failures"
