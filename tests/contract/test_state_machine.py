"""FileSaver and InMemorySaver driven side by side: whatever is done, in whatever order, both tell the same."""

from __future__ import annotations

import copy
import itertools
import tempfile
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, CheckpointTuple
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.types import ERROR, INTERRUPT, RESUME, SCHEDULED

from langgraph_filesaver import FileSaver
from tests.checkpoints import checkpoint_of, config_of, metadata_of
from tests.stores import Home

THREADS = ("t", "T", "..", "a/b", "", "*", "con", "é" * 300, "\ud800", "t\n", "filesaver.json")
NAMESPACES = ("", "inner:1", "inner:1|deep:2", "_root", "A", "a", "..")
# Order counts: the latest is the greatest id as a string, not the one put last, and names must not change that.
IDS = ("1f0b", "1f0c", "1f0C", "1f0b-2", "../x", "9", "10", "é", "z/z", "aux", "~", " ")
TASKS = ("task-1", "task-2", "TASK-1", "", "..", "\udfff", "x" * 100)
PATHS = ("", "~__pregel_pull, a", "~__pregel_push, 10", "~__pregel_push, 9", "\ud83d")
CHANNELS = ("messages", "count", "__start__", "branch:to:b", "$type", "Ä", "")

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"), max_size=6)
    | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "$type", "id", "value", "$list", "base64"]), inner, max_size=3)
    ),
    max_leaves=5,
)
write_channels = st.sampled_from((*CHANNELS, ERROR, SCHEDULED, INTERRUPT, RESUME))
some_writes = st.lists(st.tuples(write_channels, st.integers(0, 1) | values), max_size=5)
filters = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "step": st.integers(-1, 2),
        "source": st.sampled_from(["loop", "input"]),
        "user.id": st.sampled_from(["u1", None]),
        "missing": st.none(),
    },
)

Place = tuple[str, str, str]


def some(pool: Sequence[str], number: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(pool), min_size=number, max_size=number, unique=True)


class SideBySide(RuleBasedStateMachine):
    """Each rule does one thing to both savers and compares all that they answer."""

    kind: ClassVar[str]

    # Few of each in one run, or two calls would hardly ever concern the same checkpoint.
    threads: Bundle[str] = Bundle("threads")
    namespaces: Bundle[str] = Bundle("namespaces")
    ids: Bundle[str] = Bundle("ids")
    tasks: Bundle[str] = Bundle("tasks")
    paths: Bundle[str] = Bundle("paths")

    @initialize(target=threads, chosen=some(THREADS, 2))
    def choose_threads(self, chosen: list[str]) -> MultipleResults[str]:
        return multiple(*chosen)

    @initialize(target=namespaces, chosen=some(NAMESPACES, 2))
    def choose_namespaces(self, chosen: list[str]) -> MultipleResults[str]:
        return multiple(*chosen)

    @initialize(target=ids, chosen=some(IDS, 4))
    def choose_ids(self, chosen: list[str]) -> MultipleResults[str]:
        return multiple(*chosen)

    @initialize(target=tasks, chosen=some(TASKS, 2))
    def choose_tasks(self, chosen: list[str]) -> MultipleResults[str]:
        return multiple(*chosen)

    @initialize(target=paths, chosen=some(PATHS, 2))
    def choose_paths(self, chosen: list[str]) -> MultipleResults[str]:
        return multiple(*chosen)

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.home = self.new_home()
        self.savers: list[FileSaver] = [
            self.home.saver(),
            self.home.saver(),
        ]  # two, that must learn of each other's work
        self.model = InMemorySaver()
        self.channels: dict[Place, tuple[dict[str, Any], ChannelVersions]] = {}
        self.counter = itertools.count(1)

    def new_home(self) -> Any:
        """Return a new place for threads, a `Home` or what is like one."""
        return Home(self.kind, self.folder.name + "/root")

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()

    @property
    def saver(self) -> FileSaver:
        self.savers.reverse()
        return self.savers[0]

    @rule()
    def reopen(self) -> None:
        self.savers[0] = self.home.saver()

    @rule(
        thread=threads,
        ns=namespaces,
        checkpoint_id=ids,
        parent=st.none() | ids,
        changed=st.dictionaries(st.sampled_from(CHANNELS), st.just("empty") | values.map(lambda value: [value])),
        step=st.integers(-1, 2),
        configured=st.sampled_from(
            [{}, {"user.id": "u1", "run_id": "r1"}, {"depth": 1.5, "__private": "x", "odd": []}]
        ),
    )
    def put(
        self,
        thread: str,
        ns: str,
        checkpoint_id: str,
        parent: str | None,
        changed: dict[str, Any],
        step: int,
        configured: dict[str, Any],
    ) -> None:
        # As LangGraph does: a channel that changed has a new version, all others have their parent's value and version.
        inherited, versions = self.channels.get((thread, ns, parent or ""), ({}, {}))
        inherited, versions = dict(inherited), dict(versions)
        new_versions: ChannelVersions = {channel: f"{next(self.counter):032}.5" for channel in changed}
        versions.update(new_versions)
        for channel, value in changed.items():
            inherited.pop(channel, None)
            if value != "empty":
                inherited[channel] = value[0]
        self.channels[thread, ns, checkpoint_id] = (inherited, versions)

        config = config_of(thread, ns, parent, **configured)
        config["metadata"] = {"assistant": "a1", "user.id": "from metadata"}
        checkpoint = checkpoint_of(checkpoint_id, inherited, versions)
        metadata = metadata_of(step, source="input" if step < 0 else "loop", writes={"a": [1, None]})
        given = copy.deepcopy((config, checkpoint, metadata, new_versions))
        ours = self.saver.put(config, checkpoint, metadata, new_versions)
        assert (config, checkpoint, metadata, new_versions) == given, "an argument was changed"
        assert ours == self.model.put(*given)
        self.same_tuple(ours)

    @rule(
        thread=threads,
        ns=namespaces,
        checkpoint_id=ids,
        task=tasks,
        path=paths,
        writes=some_writes,
        times=st.integers(1, 2),
    )
    def put_writes(
        self,
        thread: str,
        ns: str,
        checkpoint_id: str,
        task: str,
        path: str,
        writes: Sequence[tuple[str, Any]],
        times: int,
    ) -> None:
        config = config_of(thread, ns, checkpoint_id)
        for _ in range(times):
            self.saver.put_writes(config, writes, task, path)
            self.model.put_writes(config, writes, task, path)
        self.same_tuple(config)

    @rule(
        thread=threads,
        ns=namespaces,
        task=tasks,
        calls=st.lists(
            st.lists(
                st.tuples(st.sampled_from(["count", "log", RESUME, INTERRUPT]), st.sampled_from([0, 1, True, 1.0])),
                max_size=3,
            ),
            min_size=2,
            max_size=5,
        ),
    )
    def call_again_and_again(self, thread: str, ns: str, task: str, calls: list[list[tuple[str, float]]]) -> None:
        # As a node with several interrupts does, and whoever repeats a call; values are few, so that they come back.
        latest = self.model.get_tuple(config_of(thread, ns))
        for writes in calls:
            self.put_writes(thread, ns, latest.checkpoint["id"] if latest else "early", task, "", writes, 1)

    @rule(
        thread=threads,
        ns=namespaces,
        steps=st.lists(
            st.lists(st.tuples(tasks, st.sampled_from(["log", "more"])), max_size=3), min_size=1, max_size=4
        ),
        snapshot=st.sampled_from([None, None, "log", "more"]),
    )
    def run_on(self, thread: str, ns: str, steps: list[list[tuple[str, str]]], snapshot: str | None) -> None:
        # As a graph with two DeltaChannels does: their writes hang on each checkpoint, their values are hardly ever stored.
        for number, writes in enumerate(steps):
            latest = self.model.get_tuple(config_of(thread, ns))
            parent = latest.checkpoint["id"] if latest else None
            for task, channel in writes:
                if parent is not None:
                    self.put_writes(thread, ns, parent, task, "", [(channel, [next(self.counter)])], 1)
            value = [[f"snapshot at {parent}"]] if snapshot and number == 0 else "empty"
            changed: dict[str, Any] = {snapshot or "log": value, "count": [number]}
            self.put(thread, ns, f"zz{next(self.counter):05}", parent, changed, number, {})
        self.get_delta_channel_history(thread, ns, None, ["log", "more", "count"])

    @rule(thread=threads, ns=st.none() | namespaces, checkpoint_id=st.none() | st.just("") | ids)
    def get_tuple(self, thread: str, ns: str | None, checkpoint_id: str | None) -> None:
        self.same_tuple(config_of(thread, ns, checkpoint_id))

    def same_tuple(self, config: RunnableConfig) -> None:
        ours, theirs = self.saver.get_tuple(config), self.model.get_tuple(config)
        assert ours == theirs
        assert typed(ours) == typed(theirs)

    @rule(
        thread=threads,
        ns=namespaces,
        checkpoint_id=st.none() | ids,
        before=st.none() | ids,
        limit=st.none() | st.integers(-1, 4),
        wanted=filters,
    )
    def list_a_namespace(
        self,
        thread: str,
        ns: str,
        checkpoint_id: str | None,
        before: str | None,
        limit: int | None,
        wanted: dict[str, Any] | None,
    ) -> None:
        # One namespace: InMemorySaver's order is ours, and its own limit counts.
        config = config_of(thread, ns, checkpoint_id)
        options: dict[str, Any] = {
            "before": before and config_of(thread, ns, before),
            "limit": limit,
            "filter": wanted,
        }
        assert list(self.saver.list(config, **options)) == list(self.model.list(config, **options))

    @rule(
        thread=st.none() | threads,
        checkpoint_id=st.none() | ids,
        before=st.none() | st.just("") | ids,
        limit=st.none() | st.integers(-1, 8),
        wanted=filters,
    )
    def list_across_namespaces(
        self,
        thread: str | None,
        checkpoint_id: str | None,
        before: str | None,
        limit: int | None,
        wanted: dict[str, Any] | None,
    ) -> None:
        config = None if thread is None else config_of(thread, None, checkpoint_id)
        before_config = None if before is None else config_of("any", "", before)
        theirs = by_place(self.model.list(config, before=before_config, filter=wanted))
        ours = list(self.saver.list(config, before=before_config, filter=wanted, limit=limit))
        assert ours == (theirs if limit is None else theirs[: max(limit, 0)])

    @rule(
        thread=threads,
        ns=namespaces,
        checkpoint_id=st.none() | ids,
        channels=st.lists(st.sampled_from((*CHANNELS, "log", "more", INTERRUPT)), max_size=4, unique=True),
    )
    def get_delta_channel_history(self, thread: str, ns: str, checkpoint_id: str | None, channels: list[str]) -> None:
        if self.goes_round(thread, ns, checkpoint_id):
            return  # InMemorySaver never returns from a checkpoint that is its own ancestor
        config = config_of(thread, ns, checkpoint_id)
        ours = self.saver.get_delta_channel_history(config=config, channels=channels)
        assert ours == self.model.get_delta_channel_history(config=config, channels=channels)

    def goes_round(self, thread: str, ns: str, checkpoint_id: str | None) -> bool:
        seen: set[str] = set()
        found = self.model.get_tuple(config_of(thread, ns, checkpoint_id))
        while found is not None and found.parent_config is not None:
            if found.checkpoint["id"] in seen:
                return True
            seen.add(found.checkpoint["id"])
            found = self.model.get_tuple(found.parent_config)
        return False

    @precondition(lambda self: len(self.channels) > 3)
    @rule(thread=threads)
    def delete_thread(self, thread: str) -> None:
        self.saver.delete_thread(thread)
        self.model.delete_thread(thread)
        for place in [place for place in self.channels if place[0] == thread]:
            del self.channels[place]
            self.put(*place, None, {"count": [0]}, 0, {})  # shows that nothing of it has come back
            self.saver.delete_thread(thread)
            self.model.delete_thread(thread)
            del self.channels[place]

    @invariant()
    def everything_is_the_same(self) -> None:
        if hasattr(self, "model"):
            assert list(self.saver.list(None)) == by_place(self.model.list(None))


class OverMemory(SideBySide):
    kind = "memory"


class OnLocalDisk(SideBySide):
    kind = "local"


class InAFarStore(SideBySide):
    kind = "remote"


class OnLocalDiskForLong(OnLocalDisk):
    pass


def by_place(found: Iterable[CheckpointTuple]) -> list[CheckpointTuple]:
    """Return InMemorySaver's answer in our order of threads and namespaces; within a namespace both have the same."""
    return sorted(
        found,
        key=lambda each: (each.config["configurable"]["thread_id"], each.config["configurable"]["checkpoint_ns"]),
    )


def typed(value: Any) -> Any:
    """Return `value` so that `==` tells 1 from True and 1.0, and -0.0 from 0.0."""
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, *map(typed, value)]
    return (type(value).__name__, repr(value))


_BOUNDED = settings(max_examples=100, stateful_step_count=40, report_multiple_bugs=False)
_FOR_LONG = settings(_BOUNDED, derandomize=False, max_examples=1000, stateful_step_count=80)
_while_shrinking = pytest.mark.timeout(900)  # a failure is told only when its shortest form has been found

TestOverMemory = _while_shrinking(OverMemory.TestCase)
TestOverMemory.settings = _BOUNDED
TestOnLocalDisk = _while_shrinking(OnLocalDisk.TestCase)
TestOnLocalDisk.settings = _BOUNDED
TestInAFarStore = _while_shrinking(InAFarStore.TestCase)
TestInAFarStore.settings = settings(_BOUNDED, max_examples=40)
TestOnLocalDiskForLong = pytest.mark.soak(OnLocalDiskForLong.TestCase)
TestOnLocalDiskForLong.settings = _FOR_LONG
