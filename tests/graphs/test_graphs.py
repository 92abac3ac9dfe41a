"""Real graphs over files behave as over InMemorySaver, each step by a new saver that knows nothing but the folder."""

from __future__ import annotations

import operator
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import pytest
from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, RemoveMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool
from langgraph.channels import EphemeralValue, Topic, UntrackedValue
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Command, Durability, Interrupt, RetryPolicy, Send, StreamMode, interrupt
from typing_extensions import TypedDict

from langgraph_filesaver import FileSaver
from tests.graphs.anonymous import Graph, anonymous, history_of, snapshot_of
from tests.graphs.places import OpenSaver, same_as_in_memory

# One node at a time, where parallel ones would end, or cancel each other, in an order that differs from run to run.
CONFIG: RunnableConfig = {"configurable": {"thread_id": "t"}, "max_concurrency": 1}
PARALLEL: RunnableConfig = {"configurable": {"thread_id": "t"}}
DURABILITIES: tuple[Durability, ...] = ("sync", "async", "exit")

Saver = BaseCheckpointSaver[Any]
Node = Callable[[Any], Any]


class Trail(TypedDict):
    trail: Annotated[list[str], operator.add]


def step(name: str) -> Node:
    """Return a node that leaves its name, and how much of the trail it saw."""
    return lambda state: {"trail": [f"{name}{len(state['trail'])}"]}


def asks(question: str) -> Node:
    return lambda state: {"trail": [f"{question}={interrupt(question)}"]}


def chain(saver: Saver | Literal[True] | None, **nodes: Any) -> Graph:
    """Return a graph that runs the nodes one after the other."""
    builder = StateGraph(Trail)
    for name, node in nodes.items():
        builder.add_node(name, node)
    return linked(builder, list(nodes)).compile(checkpointer=saver)


def linked(builder: StateGraph[Any, Any, Any, Any], names: list[str]) -> StateGraph[Any, Any, Any, Any]:
    for before, after in zip([START, *names], names, strict=False):
        builder.add_edge(before, after)
    return builder


# --- subgraphs


@pytest.mark.parametrize("remembers", [False, True])
def test_nested_subgraphs_two_deep_resume(remembers: bool, tmp_path: Path) -> None:
    """A graph interrupted two subgraphs deep goes on from there, and again on the next turn, with or without memory."""
    own: Literal[True] | None = True if remembers else None

    def scenario(open_saver: OpenSaver) -> Any:
        def graph() -> Graph:
            deep = chain(own, first=step("deep"), ask=asks("q"), last=step("deep"))
            middle = chain(own, before=step("middle"), deep=deep, after=step("middle"))
            return chain(open_saver(), start=step("root"), middle=middle, end=step("root"))

        seen: list[Any] = []
        for answer in ("one", "two"):
            seen.append(graph().invoke({"trail": [f"input {answer}"]}, CONFIG))
            seen.append(snapshot_of(graph().get_state(CONFIG, subgraphs=True)))
            seen.append(graph().invoke(Command(resume=answer), CONFIG))
        return [*seen, history_of(graph(), CONFIG)]

    found = same_as_in_memory(scenario, tmp_path)
    assert found[0]["__interrupt__"][0].value == "q"
    middle_state = found[1]["tasks"][0]["state"]
    assert middle_state["next"] == ["deep"]
    assert middle_state["tasks"][0]["state"]["next"] == ["ask"]
    assert [each for each in found[5]["trail"] if "=" in each].count("q=two") >= 1
    assert "__interrupt__" not in found[5]


def test_a_remembering_subgraph_keeps_its_state_between_turns(tmp_path: Path) -> None:
    """A subgraph with `checkpointer=True` sees what it wrote in the turns before; one without begins anew."""

    def scenario(open_saver: OpenSaver) -> Any:
        def graph() -> Graph:
            class Counted(TypedDict):
                count: Annotated[int, operator.add]

            def counting(name: str, own: Literal[True] | None) -> Any:
                def report(state: Counted) -> dict[str, int]:
                    seen.append((name, state["count"]))
                    return {}

                inner = StateGraph(Counted)
                inner.add_node("report", report)
                inner.add_edge(START, "report")
                return inner.compile(checkpointer=own)

            outer = StateGraph(Counted)
            outer.add_node("keeps", counting("keeps", True))
            outer.add_node("forgets", counting("forgets", None))
            outer.add_edge(START, "keeps")
            outer.add_edge("keeps", "forgets")
            return outer.compile(checkpointer=open_saver())

        seen: list[tuple[str, int]] = []
        for _ in range(3):
            graph().invoke({"count": 1}, CONFIG)
        return seen

    found = same_as_in_memory(scenario, tmp_path)
    kept = [count for name, count in found if name == "keeps"]
    assert kept == sorted(kept)
    assert kept[2] > kept[1] > kept[0]


def test_several_subgraphs_called_from_one_node(tmp_path: Path) -> None:
    """One node that calls subgraphs several times, in a loop, resumes the call that was interrupted and only that."""

    def scenario(open_saver: OpenSaver) -> Any:
        def graph() -> Graph:
            inner = chain(None, work=step("inner"), ask=asks("q"))

            def calls(state: Trail, config: RunnableConfig) -> Any:
                return {"trail": inner.invoke({"trail": ["call"]}, config)["trail"]}

            def calls_twice(state: Trail) -> Any:
                return {"trail": calls_more.invoke({"trail": []})["trail"]}

            calls_more = chain(None, x=asks("x"), y=asks("y"))
            builder = StateGraph(Trail)
            builder.add_node("calls", cast("Any", calls))
            builder.add_node("calls_twice", calls_twice)
            return linked(builder, ["calls", "calls_twice"]).compile(checkpointer=open_saver())

        seen = [graph().invoke({"trail": []}, CONFIG)]
        seen += [graph().invoke(Command(resume=answer), CONFIG) for answer in ("1", "2", "3")]
        return [*seen, history_of(graph(), CONFIG)]

    found = same_as_in_memory(scenario, tmp_path)
    assert found[3]["trail"] == ["call", "inner1", "q=1", "x=2", "y=3"]


# --- branching


def test_a_fan_out_of_100_sends_is_joined(tmp_path: Path) -> None:
    """100 `Send`s run in parallel, their writes come back in the order of the sends, and the join sees them all."""

    class Sums(TypedDict):
        numbers: Annotated[list[int], operator.add]
        total: int

    def scenario(open_saver: OpenSaver) -> Any:
        def graph() -> Graph:
            builder = StateGraph(Sums)
            builder.add_node("work", lambda packet: {"numbers": [packet["number"] * 2]})
            builder.add_node("join", lambda state: {"total": sum(state["numbers"])})
            builder.add_conditional_edges(START, lambda _: [Send("work", {"number": each}) for each in range(100)])
            builder.add_edge("work", "join")
            return builder.compile(checkpointer=open_saver())

        return [graph().invoke({"numbers": []}, PARALLEL), history_of(graph(), CONFIG)]

    result, history = same_as_in_memory(scenario, tmp_path)
    assert result == {"numbers": [2 * each for each in range(100)], "total": 9900}
    fan_out = FileSaver(tmp_path).get_tuple(cast("RunnableConfig", history[-2]["config"]))
    assert fan_out is not None
    assert fan_out.pending_writes is not None
    assert [value for _, channel, value in fan_out.pending_writes if channel == "numbers"] == [
        [2 * each] for each in range(100)
    ]


def test_conditional_branches_and_joins(tmp_path: Path) -> None:
    """Conditional edges, a join of two branches, a deferred node, and `Command(goto=…)` take the same ways."""

    def scenario(open_saver: OpenSaver) -> Any:
        def graph() -> Graph:
            builder = StateGraph(Trail)
            for name in ("left", "right", "join", "again"):
                builder.add_node(name, step(name))
            builder.add_node("late", step("late"), defer=True)

            def hop(state: Trail) -> Command[str]:
                return Command(update={"trail": ["hop"]}, goto="again" if len(state["trail"]) < 8 else END)

            builder.add_node("hop", hop, destinations=("again", END))
            builder.add_conditional_edges(START, lambda state: ["left", "right"] if state["trail"] else "left")
            builder.add_edge(["left", "right"], "join")
            builder.add_edge("left", "late")
            builder.add_edge("join", "hop")
            builder.add_edge("again", "hop")
            return builder.compile(checkpointer=open_saver())

        return [graph().invoke({"trail": ["go"]}, CONFIG), history_of(graph(), CONFIG)]

    result, _ = same_as_in_memory(scenario, tmp_path)
    assert "again7" in result["trail"]
    assert any(each.startswith("late") for each in result["trail"])


# --- interrupts


def test_several_interrupts_in_one_node(tmp_path: Path) -> None:
    """A node that asks three times is resumed three times, and keeps the answers it has."""

    def scenario(open_saver: OpenSaver) -> Any:
        def three(state: Trail) -> Any:
            return {"trail": [interrupt("a"), interrupt("b"), interrupt("c")]}

        def graph() -> Graph:
            return chain(open_saver(), three=three)

        seen = [graph().invoke({"trail": []}, CONFIG)]
        for answer in ("1", "2", "3"):
            seen.append(snapshot_of(graph().get_state(CONFIG)))
            seen.append(graph().invoke(Command(resume=answer), CONFIG))
        return seen

    assert same_as_in_memory(scenario, tmp_path)[-1] == {"trail": ["1", "2", "3"]}


def parallel_questions(saver: Saver) -> Graph:
    builder = StateGraph(Trail)
    for name in ("a", "b", "c"):
        builder.add_node(name, asks(name))
        builder.add_edge(START, name)
    builder.add_node("busy", step("busy"))
    builder.add_edge(START, "busy")
    return builder.compile(checkpointer=saver)


def interrupts_of(graph: Graph) -> dict[str, Interrupt]:
    return {each.value: each for each in graph.get_state(CONFIG).interrupts}


@pytest.mark.parametrize("order", ["abc", "cab"])
def test_parallel_interrupts_are_answered_one_by_one(order: str, tmp_path: Path) -> None:
    """Questions of parallel nodes are answered by `{id: answer}`, one or several per call, in any order."""

    def scenario(open_saver: OpenSaver) -> Any:
        seen = [parallel_questions(open_saver()).invoke({"trail": []}, CONFIG)]
        for names in (order[:1], order[1:]):
            open_questions = interrupts_of(parallel_questions(open_saver()))
            seen.append(sorted(open_questions))
            answers = {open_questions[name].id: f"answer {name}" for name in names}
            seen.append(parallel_questions(open_saver()).invoke(Command(resume=answers), CONFIG))
        return [*seen, snapshot_of(parallel_questions(open_saver()).get_state(CONFIG))]

    found = same_as_in_memory(scenario, tmp_path)
    assert found[-2]["trail"] == ["a=answer a", "b=answer b", "busy0", "c=answer c"]
    assert found[3] == sorted(set("abc") - {order[0]})


def test_breakpoints_before_and_after_a_node(tmp_path: Path) -> None:
    """`interrupt_before` and `interrupt_after` stop a graph, and `invoke(None)` goes on."""

    def scenario(open_saver: OpenSaver) -> Any:
        def graph() -> Graph:
            return chain(open_saver(), one=step("one"), two=step("two"), three=step("three"))

        seen = [graph().invoke({"trail": []}, CONFIG, interrupt_before=["two"])]
        seen.append(graph().invoke(None, CONFIG, interrupt_after=["two"]))
        seen.append(graph().invoke(None, CONFIG))
        return [*seen, history_of(graph(), CONFIG)]

    found = same_as_in_memory(scenario, tmp_path)
    assert [each["trail"] for each in found[:3]] == [["one0"], ["one0", "two1"], ["one0", "two1", "three2"]]


# --- time travel


def test_time_travel_forks_and_updates(tmp_path: Path) -> None:
    """Replays from, updates of (also `as_node` and `__copy__`) and forks at older checkpoints make the same branches."""

    def scenario(open_saver: OpenSaver) -> Any:
        def graph() -> Graph:
            return chain(open_saver(), one=step("one"), two=step("two"), ask=asks("q"), three=step("three"))

        seen: list[Any] = [graph().invoke({"trail": ["in"]}, CONFIG)]
        history = list(graph().get_state_history(CONFIG))
        before_two = next(each.config for each in history if each.next == ("two",))
        seen.append(graph().invoke(None, before_two))
        seen.append(graph().invoke(Command(resume="forked"), CONFIG))
        older = graph().update_state(before_two, {"trail": ["edited"]}, as_node="one")
        seen.append(snapshot_of(graph().get_state(older)))
        seen.append(graph().invoke(None, older))
        copied = graph().update_state(before_two, None, as_node="__copy__")
        seen.append(graph().invoke(None, copied))
        graph().update_state(CONFIG, {"trail": ["said"]}, as_node="ask")
        seen.append(graph().invoke(None, CONFIG))
        graph().update_state(CONFIG, None, as_node=END)
        graph().update_state(CONFIG, {"trail": ["new input"]}, as_node="__input__")
        seen.append(snapshot_of(graph().get_state(CONFIG)))
        seen.append(graph().invoke(Command(resume="first"), history[0].config))
        return [*seen, history_of(graph(), CONFIG)]

    found = same_as_in_memory(scenario, tmp_path)
    assert found[2]["trail"] == ["in", "one1", "two2", "q=forked", "three4"]
    assert found[3]["values"]["trail"] == ["in", "one1", "edited"]
    assert found[-2]["trail"] == ["in", "one1", "two2", "q=first", "three4"]


def test_time_travel_into_a_subgraph(tmp_path: Path) -> None:
    """A checkpoint inside a subgraph is found by its state, updated, and replayed from."""

    def scenario(open_saver: OpenSaver) -> Any:
        def graph() -> Graph:
            inner = chain(None, first=step("inner"), ask=asks("q"), last=step("inner"))
            return chain(open_saver(), start=step("root"), inner=inner, end=step("root"))

        seen = [graph().invoke({"trail": []}, CONFIG)]
        inside = cast("Any", graph().get_state(CONFIG, subgraphs=True).tasks[0].state)
        history = list(graph().get_state_history(inside.config))
        seen.append([snapshot_of(each) for each in history])
        graph().update_state(inside.config, {"trail": ["edited inside"]})
        seen.append(snapshot_of(graph().get_state(CONFIG, subgraphs=True)))
        seen.append(graph().invoke(Command(resume="yes"), CONFIG))
        seen.append(graph().invoke(None, history[1].config))
        return [*seen, graph().invoke(Command(resume="replayed"), CONFIG)]

    found = same_as_in_memory(scenario, tmp_path)
    assert "edited inside" in found[3]["trail"]
    assert any("q=replayed" in each for each in found[-1]["trail"])


def test_replaying_a_remembering_subgraph_begins_with_its_memory_of_then(tmp_path: Path) -> None:
    """A replay from before a turn gives a `checkpointer=True` subgraph the state that it had before that turn."""

    def scenario(open_saver: OpenSaver) -> Any:
        def graph() -> Graph:
            return chain(open_saver(), memory=chain(True, note=step("memory")), end=step("root"))

        seen = [graph().invoke({"trail": [f"turn {each}"]}, CONFIG) for each in range(3)]
        second = [each for each in graph().get_state_history(CONFIG) if each.next == ("memory",)][1]
        return [*seen, graph().invoke(None, second.config), history_of(graph(), CONFIG)]

    same_as_in_memory(scenario, tmp_path)


# --- errors


@pytest.mark.parametrize("durability", DURABILITIES)
def test_after_an_error_only_the_failed_node_runs_again(durability: Durability, tmp_path: Path) -> None:
    """Where one of two parallel nodes raises, the other's result is kept and the failed one alone runs on resume."""

    def scenario(open_saver: OpenSaver) -> Any:
        ran: list[str] = []

        def good(state: Trail) -> Any:
            ran.append("good")
            return {"trail": ["good"]}

        def bad(state: Trail) -> Any:
            ran.append("bad")
            if ran.count("bad") == 1:
                raise RuntimeError("boom", {"code": 3})
            return {"trail": ["bad"]}

        def graph() -> Graph:
            builder = StateGraph(Trail)
            builder.add_node("good", good)
            builder.add_node("bad", bad)
            builder.add_edge(START, "good")
            builder.add_edge("good", "bad")
            builder.add_edge(START, "bad")
            return builder.compile(checkpointer=open_saver())

        with pytest.raises(RuntimeError):
            graph().invoke({"trail": ["in"]}, CONFIG, durability=durability)
        failed = snapshot_of(graph().get_state(CONFIG))
        result = graph().invoke(None, CONFIG, durability=durability)
        return [failed, result, ran, history_of(graph(), CONFIG)]

    failed, result, ran, _ = same_as_in_memory(scenario, tmp_path)
    assert "boom" in str([each["error"] for each in failed["tasks"]])
    assert ran.count("good") == 1
    assert result["trail"] == ["in", "bad", "good", "bad"]


def test_a_node_that_is_retried(tmp_path: Path) -> None:
    """A node with a retry policy that fails twice leaves one result and no error."""

    def scenario(open_saver: OpenSaver) -> Any:
        attempts: list[int] = []

        def flaky(state: Trail) -> Any:
            attempts.append(1)
            if len(attempts) < 3:
                raise ConnectionError("not yet")
            return {"trail": ["done"]}

        builder = StateGraph(Trail)
        builder.add_node("flaky", flaky, retry_policy=RetryPolicy(initial_interval=0, jitter=False, max_attempts=3))
        builder.add_edge(START, "flaky")
        graph = builder.compile(checkpointer=open_saver())
        return [graph.invoke({"trail": []}, CONFIG), len(attempts), history_of(graph, CONFIG)]

    assert same_as_in_memory(scenario, tmp_path)[:2] == [{"trail": ["done"]}, 3]


def test_a_failed_fan_out_resumes_the_failed_sends_alone(tmp_path: Path) -> None:
    """Of ten `Send`s of which two fail, a resume runs the two, and the results stand in the order of the sends."""

    def scenario(open_saver: OpenSaver) -> Any:
        ran: list[int] = []

        def work(packet: Any) -> Any:
            number = packet["number"]
            ran.append(number)
            if number in (3, 7) and ran.count(number) == 1:
                raise ValueError(number)
            return {"trail": [str(number)]}

        def graph() -> Graph:
            builder = StateGraph(Trail)
            builder.add_node("work", work)
            builder.add_conditional_edges(START, lambda _: [Send("work", {"number": each}) for each in range(10)])
            return builder.compile(checkpointer=open_saver())

        with pytest.raises(ValueError, match=r"3"):
            graph().invoke({"trail": []}, CONFIG)
        with pytest.raises(ValueError, match=r"7"):
            graph().invoke(None, CONFIG)
        return [graph().invoke(None, CONFIG), ran]

    result, ran = same_as_in_memory(scenario, tmp_path)
    assert result == {"trail": [str(each) for each in range(10)]}
    assert ran == [0, 1, 2, 3, 3, 4, 5, 6, 7, 7, 8, 9]


# --- the functional API


def functional(saver: Saver, ran: list[str]) -> Graph:
    @task
    def double(number: int) -> int:
        ran.append(f"double {number}")
        return 2 * number

    @task
    def ask(question: str) -> str:
        ran.append(f"ask {question}")
        return cast("str", interrupt(question))

    @entrypoint(checkpointer=saver)
    def work(numbers: list[int], *, previous: int | None = None) -> entrypoint.final[dict[str, Any], int]:
        doubled = [future.result() for future in [double(each) for each in numbers]]
        answers = [ask("first").result(), interrupt("second")]
        total = sum(doubled) + (previous or 0)
        return entrypoint.final(value={"answers": answers, "total": total}, save=total)

    return cast("Graph", work)


@pytest.mark.parametrize("durability", DURABILITIES)
def test_the_functional_api(durability: Durability, tmp_path: Path) -> None:
    """Tasks run once over interrupts in a task and in the entrypoint, and `previous` is what was saved."""

    def scenario(open_saver: OpenSaver) -> Any:
        ran: list[str] = []
        seen: list[Any] = []
        for numbers in ([1, 2, 3], [4]):
            seen.append(functional(open_saver(), ran).invoke(numbers, CONFIG, durability=durability))
            seen.append(functional(open_saver(), ran).invoke(Command(resume="A"), CONFIG, durability=durability))
            seen.append(functional(open_saver(), ran).invoke(Command(resume="B"), CONFIG, durability=durability))
        return [*seen, sorted(ran), history_of(functional(open_saver(), ran), CONFIG)]

    found = same_as_in_memory(scenario, tmp_path)
    assert found[2] == {"answers": ["A", "B"], "total": 12}
    assert found[5] == {"answers": ["A", "B"], "total": 20}
    assert [each for each in found[6] if each.startswith("double")] == [f"double {each}" for each in (1, 2, 3, 4)]


# --- messages and agents


def test_messages_are_added_replaced_and_removed(tmp_path: Path) -> None:
    """`add_messages` over several turns: appended, replaced by id, removed."""

    def scenario(open_saver: OpenSaver) -> Any:
        def reply(state: MessagesState) -> Any:
            last = state["messages"][-1]
            return {"messages": [AIMessage(f"re: {last.content}", id=f"re-{last.id}")]}

        def graph() -> Graph:
            builder = StateGraph(MessagesState)
            builder.add_node("reply", reply)
            builder.add_edge(START, "reply")
            return builder.compile(checkpointer=open_saver())

        graph().invoke({"messages": [HumanMessage("one", id="1")]}, CONFIG)
        graph().invoke({"messages": [HumanMessage("two", id="2"), HumanMessage("three", id="3")]}, CONFIG)
        graph().invoke({"messages": [HumanMessage("two, edited", id="2"), RemoveMessage(id="1")]}, CONFIG)
        seen = graph().invoke({"messages": [HumanMessage([{"type": "text", "text": "parts"}], id="4")]}, CONFIG)
        return [seen, history_of(graph(), CONFIG)]

    result, _ = same_as_in_memory(scenario, tmp_path)
    assert [each.id for each in result["messages"]] == ["re-1", "2", "3", "re-3", "4", "re-4"]
    assert all(isinstance(each, (HumanMessage, AIMessage)) for each in result["messages"])


def agent(saver: Saver, replies: list[AIMessage]) -> Graph:
    @tool
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    @tool
    def approve(what: str) -> str:
        """Ask a person."""
        return cast("str", interrupt({"approve": what}))

    model = FakeMessagesListChatModel(responses=[*replies])
    builder = StateGraph(MessagesState)
    builder.add_node("model", lambda state: {"messages": [model.invoke(state["messages"])]})
    builder.add_node("tools", ToolNode([add, approve]))
    builder.add_edge(START, "model")
    builder.add_conditional_edges("model", tools_condition)
    builder.add_edge("tools", "model")
    return builder.compile(checkpointer=saver)


def test_an_agent_loop_with_tools_and_an_approval(tmp_path: Path) -> None:
    """A model calls two tools in parallel, one of which asks a person; the other does not run twice."""
    calls = AIMessage(
        "",
        id="m1",
        tool_calls=[
            {"name": "add", "args": {"a": 2, "b": 3}, "id": "c1"},
            {"name": "approve", "args": {"what": "5?"}, "id": "c2"},
        ],
    )

    def scenario(open_saver: OpenSaver) -> Any:
        config: RunnableConfig = CONFIG
        seen = [agent(open_saver(), [calls]).invoke({"messages": [HumanMessage("2+3", id="h")]}, config)]
        done = AIMessage("It is 5.", id="m2")
        seen.append(agent(open_saver(), [done]).invoke(Command(resume="yes"), config))
        return [*seen, history_of(agent(open_saver(), [done]), config)]

    found = same_as_in_memory(scenario, tmp_path)
    assert [each.content for each in found[1]["messages"]] == ["2+3", "", "5", "yes", "It is 5."]


# --- channels of every kind


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
            builder = StateGraph(Mixed)
            builder.add_node("one", one)
            builder.add_node("two", two)
            builder.add_node("three", three)
            return linked(builder, ["one", "two", "three"]).compile(checkpointer=open_saver())

        graph().invoke({"total": 1}, CONFIG)
        return [graph().invoke(Command(resume=(1, 2)), CONFIG), history_of(graph(), CONFIG)]

    result, _ = same_as_in_memory(scenario, tmp_path)
    assert result["total"] == 6
    assert result["seen"] == ["one", "two"]
    assert result["anything"][0] == {"passing": ["p"], "now": "now"}


# --- durability, sync and async, streams


def approval(saver: Saver) -> Graph:
    inner = chain(None, draft=step("draft"), ask=asks("ok?"), revise=step("revise"))
    return chain(saver, plan=step("plan"), inner=inner, publish=step("publish"))


@pytest.mark.parametrize("durability", DURABILITIES)
def test_each_durability_ends_alike(durability: Durability, tmp_path: Path) -> None:
    """With durability sync, async and exit, an interrupted graph resumes and ends alike, over two turns."""

    def scenario(open_saver: OpenSaver) -> Any:
        seen: list[Any] = []
        for _ in range(2):
            seen.append(approval(open_saver()).invoke({"trail": ["in"]}, CONFIG, durability=durability))
            seen.append(snapshot_of(approval(open_saver()).get_state(CONFIG, subgraphs=True)))
            seen.append(approval(open_saver()).invoke(Command(resume="yes"), CONFIG, durability=durability))
        return [*seen, history_of(approval(open_saver()), CONFIG)]

    found = same_as_in_memory(scenario, tmp_path)
    assert "ok?=yes" in found[2]["trail"]
    assert found[1]["next"] == ["inner"]


@pytest.mark.parametrize("durability", DURABILITIES)
async def test_the_async_methods_do_what_the_sync_ones_do(durability: Durability, tmp_path: Path) -> None:
    """`ainvoke`, `astream`, `aget_state`, `aget_state_history` and `aupdate_state` tell what their sync twins tell."""
    sync_saver, async_saver = FileSaver(tmp_path / "sync", fsync=False), FileSaver(tmp_path / "async", fsync=False)
    sync_graph, async_graph = approval(sync_saver), approval(async_saver)
    modes: list[StreamMode] = ["values", "updates"]

    expected: list[Any] = [list(sync_graph.stream({"trail": []}, CONFIG, stream_mode=modes, durability=durability))]
    expected.append(snapshot_of(sync_graph.get_state(CONFIG, subgraphs=True)))
    expected.append(sync_graph.invoke(Command(resume="yes"), CONFIG, durability=durability))
    sync_graph.update_state(CONFIG, {"trail": ["edited"]}, as_node="inner")
    expected.append(sync_graph.invoke(None, CONFIG, durability=durability))
    expected.append(history_of(sync_graph, CONFIG))

    chunks = async_graph.astream({"trail": []}, CONFIG, stream_mode=modes, durability=durability)
    found: list[Any] = [await collected(chunks)]
    found.append(snapshot_of(await async_graph.aget_state(CONFIG, subgraphs=True)))
    found.append(await async_graph.ainvoke(Command(resume="yes"), CONFIG, durability=durability))
    await async_graph.aupdate_state(CONFIG, {"trail": ["edited"]}, as_node="inner")
    found.append(await async_graph.ainvoke(None, CONFIG, durability=durability))
    found.append([snapshot_of(each) for each in await collected(async_graph.aget_state_history(CONFIG))])

    assert anonymous(found) == anonymous(expected)
    stored = [anonymous([dict(each.checkpoint) for each in saver.list(CONFIG)]) for saver in (sync_saver, async_saver)]
    assert stored[0] == stored[1]


async def collected(stream: AsyncIterator[Any]) -> list[Any]:
    return [each async for each in stream]


@pytest.mark.parametrize("mode", ["values", "updates", "checkpoints", "tasks", "debug"])
def test_each_stream_mode_shows_the_same(mode: StreamMode, tmp_path: Path) -> None:
    """What streams out of a graph and its subgraphs in each mode is what streams over memory."""

    def scenario(open_saver: OpenSaver) -> Any:
        def stream(given: Any) -> list[Any]:
            graph = approval(open_saver())
            chunks: Iterator[Any] = graph.stream(given, CONFIG, stream_mode=mode, subgraphs=True)
            return list(chunks)

        return [stream({"trail": []}), stream(Command(resume="yes"))]

    found = same_as_in_memory(scenario, tmp_path)
    assert all(found)


def test_the_history_can_be_filtered_and_limited(tmp_path: Path) -> None:
    """`get_state_history` with filter, before and limit gives the same part of the history."""

    def scenario(open_saver: OpenSaver) -> Any:
        graph = approval(open_saver())
        for number in range(3):
            graph.invoke({"trail": []}, {**CONFIG, "metadata": {"turn": number}})
            graph.invoke(Command(resume="yes"), {**CONFIG, "metadata": {"turn": number}})
        history = list(graph.get_state_history(CONFIG))
        parts = [
            graph.get_state_history(CONFIG, filter={"turn": 1}),
            graph.get_state_history(CONFIG, filter={"source": "input"}, limit=2),
            graph.get_state_history(CONFIG, before=history[4].config, limit=3),
            graph.get_state_history(CONFIG, before=history[4].config, filter={"turn": 0}),
            graph.get_state_history(CONFIG, limit=0),
        ]
        return [[each["metadata"] for each in map(snapshot_of, part)] for part in parts]

    found = same_as_in_memory(scenario, tmp_path)
    assert [len(part) for part in found] == [5, 2, 3, 5, 0]
    assert all(each["turn"] == 1 for each in found[0])
