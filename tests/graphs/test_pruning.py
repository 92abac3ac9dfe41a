"""Pruning of threads that real graphs left: one checkpoint stays, with what waits, what remembers and what was asked."""

from __future__ import annotations

from typing import Any, cast

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, Durability, StateSnapshot

from tests.graphs.anonymous import Graph
from tests.graphs.delta_graphs import listed
from tests.graphs.threads import (
    CONFIG,
    Trail,
    asking,
    chain,
    checkpoint_files,
    config_in,
    each_durability,
    leaving,
    namespaces,
    nested,
)
from tests.stores import Home


def test_an_ordinary_thread_is_pruned_to_one_checkpoint(home: Home) -> None:
    """A thread without DeltaChannels keeps its newest checkpoint, without a parent, and no other file of its own."""
    graph = chain(home.saver(), one=leaving("one"), two=leaving("two"))
    for _ in range(3):
        told = graph.invoke({"trail": ["go"]}, CONFIG)
    graph.invoke({"trail": ["go"]}, config_in("other"))
    others = {key for key in home.files() if not key.startswith("t/")}
    assert checkpoint_files(home) == 16
    home.saver().prune(["t"])
    (left,) = listed(home.saver())
    assert left.parent_config is None
    assert left.checkpoint["channel_values"]["trail"] == told["trail"]
    assert {key for key in home.files() if not key.startswith("t/")} == others
    assert len([key for key in home.files() if key.startswith("t/")]) == 1
    again = chain(home.saver(), one=leaving("one"), two=leaving("two")).invoke({"trail": ["on"]}, CONFIG)
    assert again["trail"] == [*told["trail"], "on", "one 10", "two 11"]


@each_durability
def test_an_ordinary_thread_that_waits_is_pruned_to_one_checkpoint(home: Home, durability: Durability) -> None:
    """What a finished task wrote to LangGraph's own channels, while another one waits, holds no history."""

    def graph() -> Graph:
        builder: Any = StateGraph(Trail)
        nodes = {"begin": leaving("begin"), "left": leaving("left"), "right": asking("what?"), "join": leaving("join")}
        for name, node in nodes.items():
            builder.add_node(name, node)
        for edge in ((START, "begin"), ("begin", "left"), ("begin", "right"), ("left", "join"), ("right", "join")):
            builder.add_edge(*edge)
        return builder.compile(checkpointer=home.saver())  # type: ignore[no-any-return]

    for turn in range(3):
        graph().invoke({"trail": [f"turn {turn}"]}, CONFIG, durability=durability)
        home.saver().prune(["t"])
        (waiting,) = listed(home.saver())
        assert {write[1] for write in waiting.pending_writes or []} >= {"branch:to:join", "__interrupt__"}
        told = graph().invoke(Command(resume="yes"), CONFIG, durability=durability)
        assert told["trail"][-4:] == ["begin 1", "left 2", "what? yes", "join 4"] or turn
        if turn:
            home.saver().prune(["t"])
            assert len(listed(home.saver())) == 1


@each_durability
def test_an_interrupt_two_subgraphs_deep_survives_pruning(home: Home, durability: Durability) -> None:
    """Pruned while a subgraph of a subgraph waits, the thread resumes there in a new saver, and runs nothing again."""
    for _ in range(2):
        nested(home.saver(), "a", "b").invoke({"trail": ["go"]}, CONFIG, durability=durability)
        for answer in ("yes", "no"):
            home.saver().prune(["t"])
            assert len(listed(home.saver())) == len(namespaces(home.saver())) == 3
            snapshot = nested(home.saver(), "a", "b").get_state(CONFIG, subgraphs=True)
            assert snapshot.tasks[0].state.tasks[0].state.next == ("a" if answer == "yes" else "b",)  # type: ignore[union-attr]
            graph = nested(home.saver(), "a", "b")
            told = graph.invoke(Command(resume=answer), CONFIG, durability=durability)
        assert "__interrupt__" not in told
        home.saver().prune(["t"])
        assert len(listed(home.saver())) == 1
        assert checkpoint_files(home) == 1
    memory = InMemorySaver()
    for _ in range(2):
        expected = nested(memory, "a", "b")
        expected.invoke({"trail": ["go"]}, CONFIG)
        expected.invoke(Command(resume="yes"), CONFIG)
        wanted = expected.invoke(Command(resume="no"), CONFIG)
    assert told == wanted


def test_finished_calls_leave_no_folder(local_home: Home) -> None:
    """The namespaces of finished subgraph calls go with their files and folders."""
    graph = nested(local_home.saver())
    for _ in range(2):
        graph.invoke({"trail": ["go"]}, CONFIG)
    folders = local_home.root / "t" / "checkpoints"
    assert len(list(folders.iterdir())) == 5
    local_home.saver().prune(["t"])
    assert namespaces(local_home.saver()) == {""}
    assert len(list(folders.iterdir())) == 1
    assert not [path for path in (local_home.root / "t" / "writes").rglob("*") if path.is_file()]


def test_a_remembering_subgraph_keeps_its_memory(home: Home) -> None:
    """A subgraph compiled with `checkpointer=True` remembers after pruning, also when the kept head is replayed."""
    memory = InMemorySaver()

    def graph(saver: Any) -> Graph:
        remembering = chain(True, note=leaving("note"))
        return chain(saver, keeps=remembering, last=leaving("last"))

    for turn in range(3):
        expected = graph(memory).invoke({"trail": [f"go {turn}"]}, CONFIG)
        told = graph(home.saver()).invoke({"trail": [f"go {turn}"]}, CONFIG)
        assert told == expected
        home.saver().prune(["t"])
        assert namespaces(home.saver()) == {"", "keeps"}
        assert len(listed(home.saver())) <= 3


def test_a_kept_question_is_asked_again_with_the_memory_of_its_time(home: Home) -> None:
    """Replayed after a newer branch went on, a kept question's remembering subgraph begins with what it knew then."""

    def graph() -> Graph:
        builder: Any = StateGraph(Trail)
        builder.add_node("ask", asking("what?"))
        builder.add_node("keeps", chain(True, note=leaving("note")))
        builder.add_edge(START, "ask")
        builder.add_edge(START, "keeps")
        return builder.compile(checkpointer=home.saver())  # type: ignore[no-any-return]

    notes = []
    for pruned in (False, True):
        thread_id = f"pruned {pruned}"
        config = config_in(thread_id)
        start = graph().update_state(config, {"trail": ["start"]}, as_node="keeps")
        graph().invoke({"trail": ["first"]}, config)
        graph().invoke(Command(resume="this"), config)
        graph().invoke({"trail": ["second"]}, config)
        question = graph().get_state(config).config
        graph().update_state(start, {"trail": ["by hand"]}, as_node="keeps")
        graph().invoke({"trail": ["third"]}, config)
        graph().invoke(Command(resume="that"), config)
        if pruned:
            home.saver().prune([thread_id])
            assert len(listed(home.saver(), thread_id)) == 4
        graph().invoke(None, question)
        memory = home.saver().get_tuple({"configurable": {"thread_id": thread_id, "checkpoint_ns": "keeps"}})
        assert memory is not None
        notes.append(memory.checkpoint["channel_values"]["trail"])
    assert notes[0] == notes[1]
    assert "third" not in notes[0]
    assert "first" in notes[0]


@each_durability
def test_a_question_on_a_fork_survives_pruning(home: Home, durability: Durability) -> None:
    """An unanswered interrupt stays with its subgraphs' state where a newer branch is the latest, and can be answered."""
    graph = nested(home.saver(), "a")
    first = graph.update_state(CONFIG, {"trail": ["before"]}, as_node="end")
    graph.invoke({"trail": ["go"]}, CONFIG, durability=durability)
    question = graph.get_state(CONFIG).config
    graph.update_state(first, {"trail": ["by hand"]}, as_node="end")
    newest = graph.get_state(CONFIG)
    assert (newest.next, newest.values) == ((), {"trail": ["before", "by hand"]})
    home.saver().prune(["t"])
    graph = nested(home.saver(), "a")
    assert graph.get_state(CONFIG).values == newest.values
    assert [each.value for each in graph.get_state(question).interrupts] == ["a"]
    assert len(listed(home.saver())) == 4
    deep = graph.get_state(question, subgraphs=True).tasks[0].state.tasks[0].state  # type: ignore[union-attr]
    assert cast("StateSnapshot", deep).next == ("a",)
    assert graph.invoke(Command(resume="late"), question, durability=durability)["trail"].count("a late") == 1


@pytest.mark.parametrize("strategy", ["delete", "delete_all"])
def test_prune_deletes_whole_threads(home: Home, strategy: str) -> None:
    """`"delete"` and `"delete_all"` remove the threads that are named, and no other."""
    for thread_id in ("t", "u", "v"):
        chain(home.saver(), one=leaving("one")).invoke({"trail": []}, config_in(thread_id))
    home.saver().prune(["t", "u", "missing"], strategy=strategy)
    assert {key.split("/")[0] for key in home.files() if "/" in key} == {"v"}


@pytest.mark.parametrize("strategy", ["keep_latest", "delete", "delete_all"])
def test_prune_of_nothing_does_nothing(home: Home, strategy: str) -> None:
    """No thread, and missing threads, are no error; nothing is written and nothing goes."""
    chain(home.saver(), one=leaving("one")).invoke({"trail": []}, CONFIG)
    before = home.files()
    home.saver().prune([], strategy=strategy)
    home.saver().prune(["missing", "..", ""], strategy=strategy)
    home.saver().delete_for_runs([])
    assert home.files() == before


def test_prune_refuses_what_it_does_not_know(home: Home) -> None:
    """One string for a list, and a strategy that does not exist, are errors before anything goes."""
    chain(home.saver(), one=leaving("one")).invoke({"trail": []}, CONFIG)
    before = home.files()
    with pytest.raises(TypeError, match="thread_ids"):
        home.saver().prune("t", strategy="delete")
    with pytest.raises(TypeError, match="run_ids"):
        home.saver().delete_for_runs("t")
    for thread_ids in ([], ["t"]):
        with pytest.raises(ValueError, match="keep_all"):
            home.saver().prune(thread_ids, strategy="keep_all")
    assert home.files() == before


@pytest.mark.parametrize("number", [int, float])
def test_a_thread_with_number_versions_goes_on(home: Home, number: type[int | float]) -> None:
    """A thread that another saver began with numbers for versions goes on with numbers, and its nodes run once each."""

    class Counting(InMemorySaver):
        def get_next_version(self, current: Any, channel: None) -> Any:
            return number(1 if current is None else current + 1)

    memory, saver = Counting(), home.saver()
    chain(memory, one=leaving("one"), two=asking("two")).invoke({"trail": ["go"]}, CONFIG, durability="sync")
    for each in reversed(listed(memory)):
        config = each.parent_config or cast("RunnableConfig", {"configurable": {"thread_id": "t", "checkpoint_ns": ""}})
        saver.put(config, each.checkpoint, each.metadata, each.checkpoint["channel_versions"])
        for task_id, channel, value in each.pending_writes or []:
            saver.put_writes(each.config, [(channel, value)], f"{task_id}", "")
    graph = chain(home.saver(), one=leaving("one"), two=asking("two"))
    told = graph.invoke(Command(resume="yes"), CONFIG)
    assert told["trail"] == ["go", "one 1", "two yes"]
    versions = listed(home.saver())[0].checkpoint["channel_versions"].values()
    assert {type(version) for version in versions} <= {int, float}
    graph.invoke({"trail": ["again"]}, CONFIG)
    assert graph.invoke(Command(resume="no"), CONFIG)["trail"][-3:] == ["again", "one 4", "two no"]


def test_writes_whose_checkpoint_never_came_go(home: Home) -> None:
    """Pruning removes writes on a checkpoint that was never stored, but not where it may be still to come."""
    chain(home.saver(), one=leaving("one")).invoke({"trail": []}, CONFIG)
    home.saver().prune(["t"])
    files = home.files()
    for checkpoint_ns in ("", "node:call"):
        for checkpoint_id in ("00000000-0000-6000-8000-000000000000", "ffffffff-ffff-6fff-8fff-ffffffffffff"):
            config = {"thread_id": "t", "checkpoint_ns": checkpoint_ns, "checkpoint_id": checkpoint_id}
            home.saver().put_writes({"configurable": config}, [("trail", ["early"])], "task")
    early = home.files() - files
    assert len(early) == 4
    home.saver().prune(["t"])
    assert home.files() & files == files
    assert sorted("ffffffff" in key for key in home.files() - files) == [True, True]
