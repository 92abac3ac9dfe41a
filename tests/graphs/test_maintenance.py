"""Pruning, deletion of runs and copies of threads that real graphs left: what stays listed shows what it showed."""

from __future__ import annotations

import operator
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypedDict, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Durability, Overwrite, StateSnapshot, interrupt

from langgraph_filesaver import FileSaver
from tests.graphs.anonymous import Graph, plain
from tests.graphs.delta_graphs import NEVER, Place, Workshop, listed, place_of, states
from tests.stores import Home

CONFIG: RunnableConfig = {"configurable": {"thread_id": "t"}}
DURABILITIES: tuple[Durability, ...] = ("sync", "async", "exit")
SHOPS = (Workshop(), Workshop(1, 1, 1), Workshop(2, 3, 2), Workshop(3, NEVER, 1), Workshop(NEVER, 2, 3))

EXAMPLES = 1000 if settings.get_current_profile_name() == "search" else 25

each_shop = pytest.mark.parametrize("shop", SHOPS, ids=lambda shop: "-".join(map(str, shop)))
each_durability = pytest.mark.parametrize("durability", DURABILITIES)


def of_run(run_id: str, checkpoint_id: str | None = None) -> RunnableConfig:
    """Return the config of a run as LangGraph's server passes it."""
    configurable: dict[str, Any] = {"thread_id": "t", "run_id": run_id}
    if checkpoint_id is not None:
        configurable["checkpoint_id"] = checkpoint_id
    return {"configurable": configurable, "metadata": {"run_id": run_id}}


# --- threads with DeltaChannels

Move = tuple[str, int, list[str], Durability]


def play(graph: Graph, moves: list[Move], pause: Callable[[], None] = lambda: None) -> None:
    """Make the moves on a thread, each as a run of its own, `pause` after each."""
    for number, (kind, which, do, durability) in enumerate(moves):
        # Step -2 is the empty checkpoint that durability "exit" hangs writes on: nothing begins there.
        history = [state for state in graph.get_state_history(CONFIG) if state.metadata and state.metadata["step"] > -2]
        if kind == "run" or not history:
            graph.invoke({"log": [f"run {number}"], "do": do}, of_run(f"run {number}"), durability=durability)
        elif kind == "resume":
            graph.invoke(Command(resume=f"resume {number}"), of_run(f"run {number}"), durability=durability)
        else:
            past = history[which % len(history)].config["configurable"]["checkpoint_id"]
            config = of_run(f"run {number}", past)
            if kind == "replay":
                graph.invoke(None, config, durability=durability)
            elif kind == "branch":
                graph.invoke({"log": [f"branch {number}"], "do": do}, config, durability=durability)
            elif kind == "clear":
                graph.update_state(config, None, as_node=END)
            elif kind == "copy":
                graph.update_state(config, None, as_node="__copy__")
            else:
                log: Any = [f"update {number}"]
                update = (
                    {"log": Overwrite(log) if "reset" in do else log} if which % 2 else {"marks": {"update": number}}
                )
                graph.update_state(config, update, as_node="left" if which % 3 else "plan")
        pause()


words = some.lists(some.sampled_from(["reset", "ask", "inner", "ask inside", "skip"]), max_size=2, unique=True)
moves = some.lists(
    some.tuples(
        some.sampled_from(["run", "run", "resume", "replay", "branch", "update", "update", "clear", "copy"]),
        some.integers(0, 9),
        words,
        some.sampled_from(DURABILITIES),
    ),
    min_size=1,
    max_size=4,
)
shops = some.builds(Workshop, *[some.sampled_from([1, 2, 3, NEVER])] * 3)
serdes = some.sampled_from([None, JsonPlusSerializer()])


def saver_in(root: Path, serde: SerializerProtocol | None = None) -> FileSaver:
    return FileSaver(root, serde=serde, fsync=False)


def config_in(thread_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread_id}}


@given(shop=shops, played=moves, serde=serdes, last=some.sampled_from(DURABILITIES))
@settings(max_examples=EXAMPLES)
def test_whatever_maintenance_leaves_shows_what_it_showed(
    shop: Workshop, played: list[Move], serde: SerializerProtocol | None, last: Durability, tmp_path_factory: Any
) -> None:
    """A random thread, copied, pruned, or rid of any of its runs: each checkpoint listed shows what it did before."""
    root: Path = tmp_path_factory.mktemp("threads")
    saver = saver_in(root / "checkpoints", serde)

    def look() -> None:
        before = states(saver, shop)
        pending = {place_of(each): plain(each.pending_writes) for each in listed(saver)}
        saver.delete_thread("copy")
        saver.copy_thread("t", "copy")
        assert states(saver, shop, "copy") == before

        saver.prune(["copy"])
        kept = states(saver, shop, "copy")
        assert max(before) in kept or "" not in max(before)
        assert kept == {place: before[place] for place in kept}
        for each in listed(saver, "copy"):
            assert plain(each.pending_writes) == pending[place_of(each)]
        saver.prune(["copy"])
        assert states(saver, shop, "copy") == kept

    play(shop.graph(saver), played, look)
    look()
    assert shop.graph(saver).get_state(config_in("copy")).next == shop.graph(saver).get_state(CONFIG).next
    ends = []
    for thread_id in ("t", "copy"):
        told = shop.graph(saver).invoke(Command(resume="yes"), config_in(thread_id), durability=last)
        told = shop.graph(saver).invoke({"log": ["last"], "do": ["inner"]}, config_in(thread_id), durability=last)
        ends.append((told, shop.graph(saver).get_state(config_in(thread_id)).values))
    assert ends[0] == ends[1]
    assert ends[0][0] == ends[0][1]


@given(shop=shops, played=moves, serde=serdes)
@settings(max_examples=EXAMPLES)
def test_whatever_a_removed_run_leaves_shows_what_it_showed(
    shop: Workshop, played: list[Move], serde: SerializerProtocol | None, tmp_path_factory: Any
) -> None:
    """A random thread rid of any of its runs keeps every other checkpoint, and each that is listed shows its values."""
    root: Path = tmp_path_factory.mktemp("threads")
    saver = saver_in(root / "checkpoints", serde)
    play(shop.graph(saver), played)
    before = values(saver, shop)
    run_of = {place_of(each): each.metadata.get("run_id") for each in listed(saver)}
    for run_id in {str(run_id) for run_id in run_of.values()}:
        rest = root / run_id
        shutil.copytree(root / "checkpoints", rest)
        saver_in(rest, serde).delete_for_runs([run_id])
        after = values(saver_in(rest, serde), shop)
        assert after == {place: before[place] for place in after}
        assert after.keys() >= {place for place, its_run in run_of.items() if its_run != run_id}
        if run_id == run_of[max(run_of)]:
            assert after.keys() < before.keys()


def values(saver: FileSaver, shop: Workshop) -> dict[Place, Any]:
    """Return the channels that each listed checkpoint shows, without what is pending there."""
    return {place: shown if place[0] else shown[0] for place, shown in states(saver, shop).items()}


@each_shop
@each_durability
def test_pruned_delta_channels_show_their_state_and_go_on(shop: Workshop, durability: Durability, home: Home) -> None:
    """Pruned after each turn, a thread with DeltaChannels ends as it does without, and holds no more than its way back."""
    for thread_id in ("whole", "pruned"):
        for turn, do in enumerate((["inner"], ["ask inside", "inner"], ["reset"], ["skip"], [])):
            graph, config = shop.graph(home.saver()), config_in(thread_id)
            told = graph.invoke({"log": [f"turn {turn}"], "do": do}, config, durability=durability)
            while True:
                before = states(home.saver(), shop, thread_id)
                if thread_id == "pruned":
                    home.saver().prune(["pruned"])
                    after = states(home.saver(), shop, "pruned")
                    assert after == {place: before[place] for place in after}
                if "__interrupt__" not in told:
                    break
                told = graph.invoke(Command(resume="yes"), config, durability=durability)
    ends = [shop.graph(home.saver()).get_state(config_in(thread_id)).values for thread_id in ("whole", "pruned")]
    assert ends[0] == ends[1] == {name: told[name] for name in ends[0]}
    left = {place_of(each): each for each in listed(home.saver(), "pruned")}
    assert len(left) <= len(listed(home.saver(), "whole"))
    for (checkpoint_ns, _), each in left.items():
        # A checkpoint that is listed because of the DeltaChannels shows the subgraph calls it showed.
        calling = each.metadata.get("parents", {})
        assert checkpoint_ns == "" or all(place in left for place in calling.items())
    if shop.log == shop.marks == 1:
        assert len(left) == (1 if durability == "exit" else 2)


# --- threads without DeltaChannels


class Trail(TypedDict):
    trail: Annotated[list[str], operator.add]


def leaving(name: str) -> Callable[[Trail], dict[str, list[str]]]:
    return lambda state: {"trail": [f"{name} {len(state['trail'])}"]}


def asking(question: str) -> Callable[[Trail], dict[str, list[str]]]:
    return lambda state: {"trail": [f"{question} {interrupt(question)}"]}


def chain(saver: Any, **nodes: Any) -> Graph:
    """Return a graph that runs the nodes one after the other."""
    builder: Any = StateGraph(Trail)
    names = list(nodes)
    for before, name in zip([START, *names], names, strict=False):
        builder.add_node(name, nodes[name])
        builder.add_edge(before, name)
    return builder.compile(checkpointer=saver)  # type: ignore[no-any-return]


def nested(saver: Any, *questions: str) -> Graph:
    """Return a graph that asks two subgraphs deep."""
    deep = chain(None, first=leaving("deep"), **{question: asking(question) for question in questions})
    middle = chain(None, enter=leaving("middle"), deep=deep, leave=leaving("middle"))
    return chain(saver, begin=leaving("root"), middle=middle, end=leaving("root"))


def namespaces(saver: FileSaver, thread_id: str = "t") -> set[str]:
    return {place_of(each)[0] for each in listed(saver, thread_id)}


def checkpoint_files(home: Home) -> int:
    return sum("/checkpoints/" in key for key in home.files())


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
