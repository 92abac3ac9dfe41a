"""LangGraph's features over files: what a graph returns, and all that it stores, is what it is over InMemorySaver.

Each scenario compiles its graph anew with a new saver for each call, so that nothing is known but the folder.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, Send, interrupt

from langgraph_filesaver import FileSaver
from tests.graphs.anonymous import Graph, history_of, snapshot_of
from tests.graphs.driving import Driver, T
from tests.graphs.places import OpenSaver, same_as_in_memory


class Trail(TypedDict):
    trail: Annotated[list[str], operator.add]


class Part(TypedDict):
    number: int


EVERY_WAY = [Driver(face, durability) for face in ("sync", "async") for durability in ("sync", "async", "exit")]
every_way = pytest.mark.parametrize("driver", EVERY_WAY, ids=repr)


def leaving(mark: str, ran: Counter[str] | None = None) -> Callable[[Trail], Trail]:
    """Return a node that adds `mark` and how much it saw to the trail, and counts its runs outside the state."""

    def node(state: Trail) -> Trail:
        if ran is not None:
            ran[mark] += 1
        return {"trail": [f"{mark} after {len(state['trail'])}"]}

    return node


def asking(question: str, ran: Counter[str] | None = None) -> Callable[[Trail], Trail]:
    """Return a node that asks and adds the answer to the trail."""

    def node(state: Trail) -> Trail:
        if ran is not None:
            ran[question] += 1
        return {"trail": [f"{question} {interrupt(question)}"]}

    return node


def chain(*nodes: tuple[str, Any]) -> StateGraph[Any, Any, Any, Any]:
    """Return a graph whose nodes run one after the other."""
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(Trail)
    builder.add_sequence(list(nodes))
    builder.add_edge(START, nodes[0][0])
    return builder


def two_deep(open_saver: OpenSaver, remembering: bool | None, ran: Counter[str] | None = None) -> Graph:
    """Return a graph in a graph in a graph, whose innermost asks."""
    inner = chain(("deep", leaving("deep", ran)), ("ask", asking("deep?", ran)), ("done", leaving("done", ran)))
    middle = chain(("in", leaving("in", ran)), ("inner", inner.compile(checkpointer=remembering)))
    outer = chain(
        ("first", leaving("first", ran)),
        ("middle", middle.compile(checkpointer=remembering)),
        ("last", leaving("last", ran)),
    )
    return outer.compile(checkpointer=open_saver())


@every_way
@pytest.mark.parametrize("remembering", [None, True], ids=["subgraphs of one call", "subgraphs that remember"])
def test_subgraphs_two_deep_stop_and_go_on_as_in_memory(
    tmp_path: Path, driver: Driver, remembering: bool | None
) -> None:
    """A question two graphs down is answered after a restart; no finished node of any level runs again."""

    def scenario(open_saver: OpenSaver) -> Any:
        ran: Counter[str] = Counter()
        told = []
        for turn in (1, 2):
            told.append(driver.run(two_deep(open_saver, remembering, ran), {"trail": [f"turn {turn}"]}))
            told.append(snapshot_of(two_deep(open_saver, remembering).get_state(T, subgraphs=True)))
            told.append(driver.run(two_deep(open_saver, remembering, ran), Command(resume=f"answer {turn}")))
        marks = {mark: runs for mark, runs in ran.items() if mark != "deep?"}
        assert marks == dict.fromkeys(["first", "in", "deep", "done", "last"], 2)
        return told, history_of(two_deep(open_saver, remembering), T)

    told, _ = same_as_in_memory(scenario, tmp_path)
    assert "deep? answer 2" in told[-1]["trail"]


@pytest.mark.parametrize("remembering", [None, True], ids=["subgraphs of one call", "subgraphs that remember"])
def test_a_subgraphs_own_state_is_read_changed_and_gone_on_from(tmp_path: Path, remembering: bool | None) -> None:
    """`update_state` with the config of a subgraph that waits changes that subgraph alone, and the run goes on from it."""

    def scenario(open_saver: OpenSaver) -> Any:
        two_deep(open_saver, remembering).invoke({"trail": ["go"]}, T)
        graph = two_deep(open_saver, remembering)
        middle = graph.get_state(T, subgraphs=True).tasks[0].state
        assert middle is not None
        inner = middle.tasks[0].state  # type: ignore[union-attr]
        graph.update_state(inner.config, {"trail": ["put in by hand"]})  # type: ignore[union-attr]
        told = two_deep(open_saver, remembering).invoke(Command(resume="yes"), T)
        return told, snapshot_of(graph.get_state(inner.config))  # type: ignore[union-attr]

    told, _ = same_as_in_memory(scenario, tmp_path)
    assert "put in by hand" in told["trail"]


@every_way
def test_a_fan_out_of_100_of_which_some_fail_runs_only_those_again(tmp_path: Path, driver: Driver) -> None:
    """What 90 of 100 parallel tasks wrote is kept while 10 fail; after a restart only the 10 run, and the join sees 100."""

    def scenario(open_saver: OpenSaver) -> Any:
        ran: Counter[int] = Counter()
        broken = True

        def scatter(state: Trail) -> list[Send]:
            return [Send("work", {"number": number}) for number in range(100)]

        def work(part: Part) -> Trail:
            number = part["number"]
            if broken and number % 10 == 7:
                raise ConnectionError("part is out of reach")
            ran[number] += 1
            return {"trail": [f"part {number}"]}

        def graph() -> Graph:
            builder: StateGraph[Any, Any, Any, Any] = StateGraph(Trail)
            builder.add_node("work", work)
            builder.add_node("join", leaving("join"))
            builder.add_conditional_edges(START, scatter, ["work"])
            builder.add_edge("work", "join")
            return builder.compile(checkpointer=open_saver())

        with pytest.raises(ConnectionError, match="out of reach"):
            driver.run(graph(), {"trail": ["go"]})
        before = len(ran)
        broken = False
        told = driver.run(graph(), None)
        assert ran.keys() == set(range(100))
        return (told, before if driver.face == "never" else None, history_of(graph(), T)[:1])

    told, _, _ = _over_files(scenario, tmp_path)
    assert told["trail"] == ["go", *(f"part {number}" for number in range(100)), "join after 101"]


def _over_files(scenario: Callable[[OpenSaver], Any], root: Path) -> Any:
    return scenario(lambda: FileSaver(root, fsync=False))


def test_x(tmp_path: Path) -> None:
    """Unused."""
    assert (END, AIMessage, HumanMessage, RemoveMessage, entrypoint, task, MessagesState)
