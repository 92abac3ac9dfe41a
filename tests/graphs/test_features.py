"""Less common features of LangGraph over files: each does and stores what it does and stores over InMemorySaver."""

from __future__ import annotations

import operator
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypedDict, cast

import pytest
from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool
from langgraph.channels import EphemeralValue, Topic, UntrackedValue
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Command, RetryPolicy, StreamMode, interrupt

from langgraph_filesaver import FileSaver
from tests.graphs.anonymous import Graph, anonymous, history_of, snapshot_of
from tests.graphs.driving import T, told_as_in_memory
from tests.graphs.places import OpenSaver, same_as_in_memory


class Trail(TypedDict):
    trail: Annotated[list[str], operator.add]


def step(name: str) -> Callable[[Any], Any]:
    """Return a node that leaves its name, and how much of the trail it saw."""
    return lambda state: {"trail": [f"{name}{len(state['trail'])}"]}


def asks(question: str) -> Callable[[Any], Any]:
    return lambda state: {"trail": [f"{question}={interrupt(question)}"]}


def chain(saver: BaseCheckpointSaver[Any] | None, **nodes: Any) -> Graph:
    """Return a graph that runs the nodes one after the other."""
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(Trail)
    builder.add_sequence(list(nodes.items()))
    builder.add_edge(START, next(iter(nodes)))
    return builder.compile(checkpointer=saver)


def approval(saver: BaseCheckpointSaver[Any]) -> Graph:
    inner = chain(None, draft=step("draft"), ask=asks("ok?"), revise=step("revise"))
    return chain(saver, plan=step("plan"), inner=inner, publish=step("publish"))


def test_one_node_calls_several_subgraphs_that_ask(tmp_path: Path) -> None:
    """A node that runs two subgraphs, each of which asks, resumes in the one that waits and keeps the other's answer."""

    def scenario(open_saver: OpenSaver) -> Any:
        def graph() -> Graph:
            one, two = chain(None, work=step("one"), ask=asks("q")), chain(None, x=asks("x"), y=asks("y"))

            def calls(state: Trail) -> Any:
                return {"trail": one.invoke({"trail": ["call"]})["trail"] + two.invoke({"trail": []})["trail"]}

            return chain(open_saver(), calls=calls)

        seen = [graph().invoke({"trail": []}, T)]
        seen += [graph().invoke(Command(resume=answer), T) for answer in ("1", "2", "3")]
        return [*seen, history_of(graph(), T)]

    assert same_as_in_memory(scenario, tmp_path)[3]["trail"] == ["call", "one1", "q=1", "x=2", "y=3"]


def test_loops_by_command_and_a_deferred_node(tmp_path: Path) -> None:
    """`Command(goto=…)` loops and a deferred node that waits for the loop's end take the same way."""

    def scenario(open_saver: OpenSaver) -> Any:
        def hop(state: Trail) -> Command[str]:
            return Command(update={"trail": ["hop"]}, goto="again" if len(state["trail"]) < 5 else END)

        builder: Any = StateGraph(Trail)
        builder.add_node("hop", hop, destinations=("again", END))
        builder.add_node("again", step("again"))
        builder.add_node("late", step("late"), defer=True)
        builder.add_edge(START, "hop")
        builder.add_edge(START, "late")
        builder.add_edge("again", "hop")
        graph = builder.compile(checkpointer=open_saver())
        return [graph.invoke({"trail": ["go"]}, T), history_of(graph, T)]

    result, _ = same_as_in_memory(scenario, tmp_path)
    assert result["trail"] == ["go", "hop", "again2", "hop", "again4", "hop", "late6"]


def test_breakpoints_before_and_after_a_node(tmp_path: Path) -> None:
    """`interrupt_before` and `interrupt_after` stop a graph, and `invoke(None)` goes on after a restart."""

    def scenario(open_saver: OpenSaver) -> Any:
        def graph() -> Graph:
            return chain(open_saver(), one=step("one"), two=step("two"), three=step("three"))

        seen = [graph().invoke({"trail": []}, T, interrupt_before=["two"])]
        seen.append(graph().invoke(None, T, interrupt_after=["two"]))
        seen.append(graph().invoke(None, T))
        return [*seen, history_of(graph(), T)]

    found = same_as_in_memory(scenario, tmp_path)
    assert [each["trail"] for each in found[:3]] == [["one0"], ["one0", "two1"], ["one0", "two1", "three2"]]


def test_a_retried_node_leaves_one_result(tmp_path: Path) -> None:
    """A node with a retry policy that fails twice leaves one result and no error."""

    def scenario(open_saver: OpenSaver) -> Any:
        attempts: list[int] = []

        def flaky(state: Trail) -> Trail:
            attempts.append(1)
            if len(attempts) < 3:
                raise ConnectionError("not yet")
            return {"trail": ["done"]}

        builder: StateGraph[Any, Any, Any, Any] = StateGraph(Trail)
        builder.add_node("flaky", flaky, retry_policy=RetryPolicy(initial_interval=0, jitter=False, max_attempts=3))
        builder.add_edge(START, "flaky")
        graph = builder.compile(checkpointer=open_saver())
        return [graph.invoke({"trail": []}, T), len(attempts), history_of(graph, T)]

    assert same_as_in_memory(scenario, tmp_path)[:2] == [{"trail": ["done"]}, 3]


def agent(saver: BaseCheckpointSaver[Any], reply: AIMessage, added: list[int]) -> Graph:
    @tool
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        added.append(a + b)
        return a + b

    @tool
    def approve(what: str) -> str:
        """Ask a person."""
        return cast("str", interrupt({"approve": what}))

    model = FakeMessagesListChatModel(responses=[reply])
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(MessagesState)
    builder.add_node("model", lambda state: {"messages": [model.invoke(state["messages"])]})
    builder.add_node("tools", ToolNode([add, approve]))
    builder.add_edge(START, "model")
    builder.add_conditional_edges("model", tools_condition)
    builder.add_edge("tools", "model")
    return builder.compile(checkpointer=saver)


def test_an_agent_calls_tools_and_waits_for_an_approval(tmp_path: Path) -> None:
    """A model calls a tool, then one that asks a person; after a restart the answer reaches the model, the tool ran once."""

    def call(name: str, arguments: dict[str, Any]) -> AIMessage:
        return AIMessage("", id=f"ai {name}", tool_calls=[{"name": name, "args": arguments, "id": f"call {name}"}])

    def scenario(open_saver: OpenSaver) -> Any:
        added: list[int] = []
        question: Any = {"messages": [HumanMessage("2+3", id="h")]}
        asking = agent(open_saver(), call("add", {"a": 2, "b": 3}), added)
        seen = [asking.invoke(question, T, interrupt_after=["tools"])]
        seen.append(agent(open_saver(), call("approve", {"what": "5?"}), added).invoke(None, T))
        last = AIMessage("It is 5.", id="last")
        seen.append(agent(open_saver(), last, added).invoke(Command(resume="yes"), T))
        return [*seen, added]

    # What is stored differs by the ids of the tools' messages: LangGraph gives them while the saver is writing.
    _, waiting, result, added = told_as_in_memory(scenario, tmp_path)
    assert waiting["__interrupt__"][0].value == {"approve": "5?"}
    assert [each.content for each in result["messages"]] == ["2+3", "", "5", "", "yes", "It is 5."]
    assert added == [5]


def test_channels_of_every_kind(tmp_path: Path) -> None:
    """Reducers, topics, ephemeral and untracked values show at each step what they show over memory."""

    class Mixed(TypedDict):
        total: Annotated[int, operator.add]
        seen: Annotated[list[str], Topic(str, accumulate=True)]
        passing: Annotated[list[str], Topic(str)]
        now: Annotated[str, EphemeralValue(str)]
        secret: Annotated[object, UntrackedValue(object)]
        messages: Annotated[list[AnyMessage], add_messages]
        anything: Any

    def scenario(open_saver: OpenSaver) -> Any:
        def one(state: Mixed) -> Any:
            return {"total": 2, "seen": ["one"], "passing": ["p"], "now": "now", "secret": object(), "anything": {1, 2}}

        def two(state: Mixed) -> Any:
            return {"total": 3, "seen": "two", "anything": {"passing": state["passing"], "now": state["now"]}}

        def three(state: Mixed) -> Any:
            return {"anything": [state["anything"], sorted(state), interrupt("q")]}

        def graph() -> Graph:
            builder: StateGraph[Any, Any, Any, Any] = StateGraph(Mixed)
            builder.add_sequence([one, two, three])
            builder.add_edge(START, "one")
            return builder.compile(checkpointer=open_saver())

        # Not "async": LangGraph goes on adding to a topic's list while the saver is writing it.
        graph().invoke({"total": 1}, T, durability="sync")
        return [graph().invoke(Command(resume=(1, 2)), T, durability="sync"), history_of(graph(), T)]

    result, _ = same_as_in_memory(scenario, tmp_path)
    assert result["total"] == 6
    assert result["seen"] == ["one", "two"]
    assert result["anything"][0] == {"passing": ["p"], "now": "now"}


@pytest.mark.parametrize("mode", ["values", "updates", "checkpoints", "tasks", "debug"])
def test_each_stream_mode_shows_the_same(mode: StreamMode, tmp_path: Path) -> None:
    """What streams out of a graph and its subgraph in each mode is what streams over memory."""

    def scenario(open_saver: OpenSaver) -> Any:
        def stream(given: Any) -> list[Any]:
            return list(approval(open_saver()).stream(given, T, stream_mode=mode, subgraphs=True))

        return [stream({"trail": []}), stream(Command(resume="yes"))]

    assert all(same_as_in_memory(scenario, tmp_path))


async def test_the_async_methods_tell_what_their_sync_twins_tell(tmp_path: Path) -> None:
    """`astream`, `aget_state`, `aupdate_state`, `ainvoke` and `aget_state_history` match the sync methods of a graph."""
    modes: list[StreamMode] = ["values", "updates"]

    plain_graph = approval(FileSaver(tmp_path / "sync", fsync=False))
    expected: list[Any] = [list(plain_graph.stream({"trail": []}, T, stream_mode=modes))]
    expected.append(snapshot_of(plain_graph.get_state(T, subgraphs=True)))
    expected.append(plain_graph.invoke(Command(resume="yes"), T))
    plain_graph.update_state(T, {"trail": ["edited"]}, as_node="inner")
    expected += [plain_graph.invoke(None, T), history_of(plain_graph, T)]

    async_graph = approval(FileSaver(tmp_path / "async", fsync=False))
    found: list[Any] = [[each async for each in async_graph.astream({"trail": []}, T, stream_mode=modes)]]
    found.append(snapshot_of(await async_graph.aget_state(T, subgraphs=True)))
    found.append(await async_graph.ainvoke(Command(resume="yes"), T))
    await async_graph.aupdate_state(T, {"trail": ["edited"]}, as_node="inner")
    found.append(await async_graph.ainvoke(None, T))
    found.append([snapshot_of(each) async for each in async_graph.aget_state_history(T)])

    assert anonymous(found) == anonymous(expected)


def test_the_history_is_filtered_and_limited(tmp_path: Path) -> None:
    """`get_state_history` with filter, before and limit gives the same part of the history."""

    def scenario(open_saver: OpenSaver) -> Any:
        graph = approval(open_saver())
        for turn in range(3):
            config: RunnableConfig = {**T, "metadata": {"turn": turn}}
            graph.invoke({"trail": []}, config)
            graph.invoke(Command(resume="yes"), config)
        history = list(graph.get_state_history(T))
        parts = [
            graph.get_state_history(T, filter={"turn": 1}),
            graph.get_state_history(T, filter={"source": "input"}, limit=2),
            graph.get_state_history(T, before=history[4].config, limit=3),
            graph.get_state_history(T, before=history[4].config, filter={"turn": 0}),
            graph.get_state_history(T, limit=0),
        ]
        return [[each["metadata"] for each in map(snapshot_of, part)] for part in parts]

    found = same_as_in_memory(scenario, tmp_path)
    assert [len(part) for part in found] == [5, 2, 3, 5, 0]
    assert all(each["turn"] == 1 for each in found[0])
