"""LangGraph's features over files: what a graph returns, and all that it stores, is what it is over InMemorySaver.

Each scenario compiles its graph anew with a new saver for each call, so that nothing is known but the folder.
"""

from __future__ import annotations

import operator
import threading
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langgraph.func import entrypoint, task
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, Send, interrupt

from tests.graphs.anonymous import Graph, history_of, snapshot_of
from tests.graphs.driving import Driver, T, told_as_in_memory
from tests.graphs.places import OpenSaver, same_as_in_memory


class Trail(TypedDict):
    trail: Annotated[list[str], operator.add]


EVERY_WAY = [Driver(face, durability) for face in ("sync", "async") for durability in ("sync", "async", "exit")]
every_way = pytest.mark.parametrize("driver", EVERY_WAY, ids=repr)


def leaving(mark: str, ran: Counter[str] | None = None) -> Any:
    """Return a node that adds `mark` and how much it saw to the trail, and counts its runs outside the state."""

    def node(state: Trail) -> Trail:
        if ran is not None:
            ran[mark] += 1
        return {"trail": [f"{mark} after {len(state['trail'])}"]}

    return node


def asking(question: str, ran: Counter[str] | None = None) -> Any:
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
        return told, graph.get_state(inner.config).values  # type: ignore[union-attr]

    told, _ = same_as_in_memory(scenario, tmp_path)
    assert "put in by hand" in told["trail"]


@every_way
def test_in_a_fan_out_of_100_a_failing_task_does_not_make_the_stored_ones_run_again(
    tmp_path: Path, driver: Driver
) -> None:
    """Tasks that are stored as finished when one of 100 fails never run again; the others do, and the join sees 100."""

    def scenario(open_saver: OpenSaver) -> Any:
        ran: Counter[int] = Counter()
        many_ran, repaired = threading.Event(), threading.Event()

        def scatter(state: Trail) -> list[Send]:
            return [Send("work", {"number": number}) for number in range(100)]

        def work(part: Any) -> Any:
            number = part["number"]
            if number == 7 and not repaired.is_set():
                assert many_ran.wait(60)
                raise ConnectionError("part 7 is out of reach")
            ran[number] += 1
            if len(ran) >= 90:
                many_ran.set()
            return {"trail": [f"part {number}"]}

        def graph() -> Graph:
            builder: StateGraph[Any, Any, Any, Any] = StateGraph(Trail)
            action: Any = work
            builder.add_node("work", action)
            builder.add_node("join", leaving("join"))
            builder.add_conditional_edges(START, scatter, ["work"])
            builder.add_edge("work", "join")
            return builder.compile(checkpointer=open_saver())

        with pytest.raises(ConnectionError, match="part 7"):
            driver.run(graph(), {"trail": ["go"]})
        stored = open_saver().get_tuple(T)
        assert stored is not None
        finished = {value[0] for _, channel, value in stored.pending_writes or () if channel == "trail"}
        assert len(finished) >= 80
        repaired.set()
        told = driver.run(graph(), None)
        again = {f"part {number}" for number, runs in ran.items() if runs > 1}
        assert not again & finished
        assert len(ran) == 100
        return told

    told = told_as_in_memory(scenario, tmp_path)
    assert told["trail"] == ["go", *(f"part {number}" for number in range(100)), "join after 101"]


@every_way
def test_branches_join_as_in_memory(tmp_path: Path, driver: Driver) -> None:
    """A conditional edge, three parallel branches of unequal length and a join that waits for all store the same history."""

    def scenario(open_saver: OpenSaver) -> Any:
        builder: StateGraph[Any, Any, Any, Any] = StateGraph(Trail)
        for mark in ("choose", "a", "b", "b2", "c", "join", "unused"):
            builder.add_node(mark, leaving(mark))
        builder.add_edge(START, "choose")
        builder.add_conditional_edges("choose", lambda state: ["a", "b", "c"], ["a", "b", "c", "unused"])
        builder.add_edge("b", "b2")
        builder.add_edge(["a", "b2", "c"], "join")
        for turn in (1, 2):
            told = driver.run(builder.compile(checkpointer=open_saver()), {"trail": [f"turn {turn}"]})
        history = [snapshot_of(each) for each in driver.history(builder.compile(checkpointer=open_saver()))]
        return told, len(history), history if driver.durability != "async" else None

    play = told_as_in_memory if driver.durability == "async" else same_as_in_memory
    told, length, _ = play(scenario, tmp_path)
    assert [mark.split()[0] for mark in told["trail"]] == 2 * ["turn", "choose", "a", "b", "c", "b2", "join"]
    assert length == 2 * (6 if driver.durability != "exit" else 1)


@every_way
def test_several_questions_of_one_node_are_answered_one_after_the_other(tmp_path: Path, driver: Driver) -> None:
    """A node that asks three times gets each answer after a restart, and earlier ones stay answered."""

    def scenario(open_saver: OpenSaver) -> Any:
        asked: list[list[str]] = []

        def three(state: Trail) -> Trail:
            answers: list[str] = []
            asked.append(answers)
            for question in ("who?", "when?", "why?"):
                answer = interrupt(question)
                answers.append(f"{question} {answer}")
            return {"trail": answers}

        def graph() -> Graph:
            return chain(("three", three), ("last", leaving("last"))).compile(checkpointer=open_saver())

        told = [driver.run(graph(), {"trail": []})]
        for answer in ("me", "now", "because"):
            state = snapshot_of(graph().get_state(T))
            told.append([state, driver.run(graph(), Command(resume=answer))])
        return told, asked

    told, asked = same_as_in_memory(scenario, tmp_path)
    assert told[-1][1] == {"trail": ["who? me", "when? now", "why? because", "last after 3"]}
    assert [len(each) for each in asked] == [0, 1, 2, 3]


@every_way
def test_parallel_questions_are_answered_by_a_map_of_their_ids(tmp_path: Path, driver: Driver) -> None:
    """Of three nodes that ask at once two are answered by id after a restart, then the third; none is asked again."""

    def scenario(open_saver: OpenSaver) -> Any:
        answered: Counter[str] = Counter()

        def asker(name: str) -> Any:
            def node(state: Trail) -> Trail:
                answer = interrupt(f"{name}?")
                answered[name] += 1
                return {"trail": [f"{name} {answer}"]}

            return node

        def graph() -> Graph:
            builder: StateGraph[Any, Any, Any, Any] = StateGraph(Trail)
            for name in ("a", "b", "c"):
                builder.add_node(name, asker(name))
                builder.add_edge(START, name)
            return builder.compile(checkpointer=open_saver())

        def asked(told: dict[str, Any]) -> Any:
            return sorted(each.value for each in told["__interrupt__"]), told["trail"]

        told: list[Any] = [asked(driver.run(graph(), {"trail": []}))]
        ids = {each.value: each.id for each in graph().get_state(T).interrupts}
        told.append(asked(driver.run(graph(), Command(resume={ids["c?"]: "third", ids["a?"]: "first"}))))
        left = graph().get_state(T).interrupts
        assert [(each.id, each.value) for each in left if each.value == "b?"] == [(ids["b?"], "b?")]
        told.append(driver.run(graph(), Command(resume={ids["b?"]: "second"})))
        assert answered == {"a": 1, "b": 1, "c": 1}
        return told

    told = told_as_in_memory(scenario, tmp_path)
    assert told[-1] == {"trail": ["a first", "b second", "c third"]}


@every_way
def test_a_node_that_failed_runs_again_and_its_finished_neighbours_do_not(tmp_path: Path, driver: Driver) -> None:
    """After an error the state tells it, and a restart runs the failed node and not what is stored of the same step."""

    def scenario(open_saver: OpenSaver) -> Any:
        ran: Counter[str] = Counter()
        good_ran, repaired = threading.Event(), threading.Event()

        def good(state: Trail) -> Trail:
            ran["good"] += 1
            good_ran.set()
            return {"trail": ["good"]}

        def bad(state: Trail) -> Trail:
            ran["bad"] += 1
            assert good_ran.wait(60)
            if not repaired.is_set():
                raise ValueError("bad", 7)
            return {"trail": ["bad"]}

        def graph() -> Graph:
            builder: StateGraph[Any, Any, Any, Any] = StateGraph(Trail)
            for name, node in (("good", good), ("bad", bad)):
                builder.add_node(name, node)
                builder.add_edge(START, name)
            builder.add_node("join", leaving("join"))
            builder.add_edge(["good", "bad"], "join")
            return builder.compile(checkpointer=open_saver())

        with pytest.raises(ValueError, match="bad"):
            driver.run(graph(), {"trail": []})
        stored = open_saver().get_tuple(T)
        assert stored is not None
        good_is_stored = any(value == ["good"] for _, _, value in stored.pending_writes or ())
        failed = graph().get_state(T)
        repaired.set()
        told = driver.run(graph(), None)
        assert ran == {"good": 1 if good_is_stored else 2, "bad": 2}
        return told, [each.error for each in failed.tasks if each.name == "bad"]

    told, errors = told_as_in_memory(scenario, tmp_path)
    assert told == {"trail": ["bad", "good", "join after 2"]}
    assert repr(errors) == """["ValueError('bad', 7)"]"""


@every_way
def test_the_functional_api_does_not_run_finished_tasks_again(tmp_path: Path, driver: Driver) -> None:
    """An entrypoint that asks between its tasks is resumed after a restart from their stored results."""

    def scenario(open_saver: OpenSaver) -> Any:
        ran: Counter[str] = Counter()

        @task
        def research(topic: str) -> dict[str, str]:
            ran[topic] += 1
            return {"topic": topic, "text": topic.upper()}

        def flow() -> Graph:
            @entrypoint(checkpointer=open_saver())
            def write(topics: list[str], *, previous: Any = None) -> Any:
                found = [each.result() for each in [research(topic) for topic in topics]]
                approved = interrupt({"approve": found})
                closing = research(f"closing {approved}").result()
                second = interrupt("publish?")
                return entrypoint.final(
                    value=[found, closing, second, previous],
                    save={"last": topics, "count": (previous or {"count": 0})["count"] + 1},
                )

            return write

        told = []
        for turn in (1, 2):
            told.append(driver.run(flow(), [f"x{turn}", f"y{turn}"]))
            told.append(driver.run(flow(), Command(resume=f"yes {turn}")))
            told.append(driver.run(flow(), Command(resume=f"publish {turn}")))
        assert set(ran.values()) == {1}
        assert len(ran) == 6
        return told, history_of(flow(), T)

    told, _ = same_as_in_memory(scenario, tmp_path)
    assert told[-1][3] == {"last": ["x1", "y1"], "count": 1}


@every_way
def test_messages_are_added_replaced_and_removed_as_in_memory(tmp_path: Path, driver: Driver) -> None:
    """`add_messages` finds the messages of earlier turns by id after a restart: one is replaced, one removed."""

    def answer(state: MessagesState) -> dict[str, Any]:
        last = state["messages"][-1]
        call = {"name": "look", "args": {"for": last.text}, "id": f"call-{last.id}"}
        return {"messages": [AIMessage(f"about {last.text}", id=f"re-{last.id}", tool_calls=[call])]}

    def scenario(open_saver: OpenSaver) -> Any:
        builder: StateGraph[Any, Any, Any, Any] = StateGraph(MessagesState)
        builder.add_sequence([answer])
        builder.add_edge(START, "answer")

        def graph() -> Graph:
            return builder.compile(checkpointer=open_saver())

        for number in range(4):
            driver.run(graph(), {"messages": [HumanMessage(f"question {number}", id=f"q{number}")]})
        removed = RemoveMessage(id="q1")
        driver.update(graph(), T, {"messages": [AIMessage("corrected", id="re-q0"), removed]}, "answer")
        told = driver.run(graph(), {"messages": [HumanMessage("last", id="q9")]})
        return told, [snapshot_of(each) for each in driver.history(graph())]

    told, _ = same_as_in_memory(scenario, tmp_path)
    assert [each.id for each in told["messages"]] == [
        "q0",
        "re-q0",
        "re-q1",
        "q2",
        "re-q2",
        "q3",
        "re-q3",
        "q9",
        "re-q9",
    ]
    assert told["messages"][1] == AIMessage("corrected", id="re-q0")
