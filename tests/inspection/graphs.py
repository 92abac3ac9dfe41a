"""Plays: small graphs of every kind, and what is done with them. What they end with is no matter, only where they stand."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt

from tests.graphs.anonymous import Graph
from tests.graphs.stories import STORIES
from tests.inspection.acts import (
    ANSWERS,
    GO,
    answers,
    answers_unasked,
    commands_from_outside,
    copies,
    every_breakpoint,
    input_in_place_of_an_answer,
    one_value_stops,
    runs,
    time_travel,
    update_before_all,
    updates,
    updates_inside,
    updates_of_a_join,
)
from tests.inspection.stages import BrokenNodeError, Stage

__all__ = ["PLAYS", "Play", "Trail", "asks", "builder_of", "commands", "fails", "goes", "play"]

Saver = BaseCheckpointSaver[Any]
Builder = StateGraph[Any, Any, Any, Any]
Node = Callable[..., Any]


class Trail(TypedDict, total=False):
    trail: Annotated[list[str], operator.add]
    note: str


@dataclass(frozen=True)
class Play:
    """A graph over a saver, and what is done on the stage."""

    graph: Callable[[Saver], Graph]
    acts: Callable[[Stage], None]


def goes(name: str) -> Node:
    return lambda state: {"trail": [name]}


def asks(name: str, *questions: str) -> Node:
    def node(state: Any) -> Any:
        return {"trail": [f"{name}: {interrupt(question)}" for question in questions]}

    return node


def fails(name: str, times: int = 100) -> Node:
    """Return a node that fails so often; what it has come to lies outside the state."""
    left = [times]

    def node(state: Any) -> Any:
        left[0] -= 1
        if left[0] >= 0:
            raise BrokenNodeError(name)
        return {"trail": [name]}

    return node


def commands(*goto: Any, graph: str | None = None) -> Node:
    return lambda state: Command(goto=goto, update={"trail": ["command"]}, graph=graph)


def builder_of(edges: list[tuple[Any, str]], **nodes: Any) -> Builder:
    """Return a builder with these nodes, `goes` for None, a deferred one for a list of it, and the edges."""
    builder: Builder = StateGraph(Trail)
    for name, node in nodes.items():
        action: Any = node[0] if isinstance(node, list) else node
        builder.add_node(name, action or goes(name), defer=isinstance(node, list))
    for start, end in edges:
        builder.add_edge(start, end)
    return builder


def _graph(edges: list[tuple[Any, str]], **nodes: Any) -> Callable[[Saver], Graph]:
    return lambda saver: builder_of(edges, **nodes).compile(checkpointer=saver)


LINE = [(START, "a"), ("a", "b"), ("b", "c")]
FAN = [(START, "a"), (START, "b"), (START, "c"), (["a", "b", "c"], "last")]


# --- branches, loops, joins


def _branching(saver: Saver) -> Graph:
    builder = builder_of([(START, "a"), ("b", "d"), ("c", "d")], a=None, b=None, c=None, d=None)
    builder.add_conditional_edges("a", lambda state: ["b", "c"] if state.get("note") else "c", ["b", "c"])
    builder.add_conditional_edges("d", lambda state: END, ["a", END])
    return builder.compile(checkpointer=saver)


def _loop(saver: Saver) -> Graph:
    builder = builder_of([(START, "a"), ("a", "b")], a=None, b=None)
    builder.add_conditional_edges("b", lambda state: "a" if len(state["trail"]) < 7 else END, ["a", END])
    return builder.compile(checkpointer=saver)


def _endless(saver: Saver) -> Graph:
    return builder_of([(START, "a"), ("a", "b"), ("b", "a")], a=None, b=None).compile(checkpointer=saver)


JOIN_OF_UNEQUAL = [(START, "a"), (START, "b"), ("b", "b2"), (["a", "b2"], "c"), (["a", "b"], "d"), ("c", "d")]
DEFERRED_JOIN = [(START, "a"), (START, "b"), ("b", "b2"), ("b2", "b3"), (["a", "b"], "c")]
DEFERRED = [(START, "a"), (START, "b"), ("b", "b2"), ("a", "c"), ("b2", "c"), (["a", "b2"], "d")]


# --- Send


def _map_reduce(worker: Node, *, count: int = 4) -> Callable[[Saver], Graph]:
    def graph(saver: Saver) -> Graph:
        builder = builder_of([("work", "last")], plan=None, work=worker, last=None)
        builder.add_edge(START, "plan")
        builder.add_conditional_edges("plan", lambda state: [Send("work", {"n": n}) for n in range(count)], ["work"])
        return builder.compile(checkpointer=saver)

    return graph


def _some_ask(state: Any) -> Any:
    return {"trail": [str(interrupt("why?")) if state["n"] % 2 else "done"]}


def _mixed(saver: Saver) -> Graph:
    """Sends to several nodes, beside an edge to one of them."""
    builder = builder_of([(START, "plan"), ("a", "last"), ("b", "last")], plan=None, a=None, b=None, last=None)
    builder.add_conditional_edges("plan", lambda state: [Send("b", {}), Send("a", {}), "a", Send("b", {})], ["a", "b"])
    return builder.compile(checkpointer=saver)


# --- Command


def _goto(saver: Saver) -> Graph:
    builder = builder_of([(START, "a")], a=commands("b", Send("c", {})), b=commands("c"), c=None)
    return builder.compile(checkpointer=saver)


def _to_parent(saver: Saver) -> Graph:
    inner = builder_of([(START, "x")], x=commands("b", Send("c", {}), graph=Command.PARENT))
    return builder_of([(START, "sub")], sub=inner.compile(), b=None, c=None).compile(checkpointer=saver)


# --- subgraphs


def _subgraph(own: bool | None, *questions: str, edges: list[tuple[Any, str]] = LINE) -> Callable[[Saver], Graph]:
    def graph(saver: Saver) -> Graph:
        inner = builder_of(edges, a=None, b=asks("b", *questions), c=None).compile(checkpointer=own)
        edges_outside: list[tuple[Any, str]] = [(START, "sub"), ("sub", "last")]
        return builder_of(edges_outside, sub=inner, last=None).compile(checkpointer=saver)

    return graph


def _asks_nothing_inside(saver: Saver) -> Graph:
    inner = builder_of(LINE, a=None, b=None, c=None).compile(checkpointer=False)
    return builder_of([(START, "sub"), ("sub", "last")], sub=inner, last=None).compile(checkpointer=saver)


def _nested(saver: Saver) -> Graph:
    innermost = builder_of(LINE, a=None, b=asks("b", "who?", "when?"), c=None).compile()
    middle = builder_of([(START, "before"), ("before", "in")], before=None, **{"in": innermost}).compile()
    return builder_of([(START, "sub"), (START, "beside")], sub=middle, beside=asks("beside", "what?")).compile(
        checkpointer=saver
    )


def _sent_subgraphs(saver: Saver) -> Graph:
    inner = builder_of(LINE, a=None, b=asks("b", "who?"), c=None).compile()
    builder = builder_of([("sub", "last")], sub=inner, last=None)
    builder.add_conditional_edges(START, lambda state: [Send("sub", {"trail": []}) for _ in range(2)], ["sub"])
    return builder.compile(checkpointer=saver)


# --- functional graphs


def _functional(*, failing: bool = False, asking: bool = True) -> Callable[[Saver], Graph]:
    fail = fails("work", 1)

    def graph(saver: Saver) -> Graph:
        @task
        def work(number: int) -> int:
            if failing and number == 2:
                fail(None)
            return number * 2

        @task
        def ask(question: str) -> Any:
            return interrupt(question)

        @entrypoint(checkpointer=saver)
        def flow(numbers: list[int], *, previous: Any = None) -> Any:
            found = [each.result() for each in [work(number) for number in numbers]]
            return [*found, previous, *([ask("sure?").result(), interrupt("really?")] if asking else [])]

        return flow

    return graph


def _ask_and_fail(saver: Saver) -> Graph:
    return builder_of(FAN, a=asks("a", "who?", "when?"), b=None, c=fails("c"), last=None).compile(checkpointer=saver)


def _one_fails(times: int) -> Callable[[Saver], Graph]:
    fail = fails("b", times)
    return lambda saver: builder_of(FAN, a=None, b=fail, c=None, last=None).compile(checkpointer=saver)


# --- rarer kinds


class DeltaTrail(TypedDict, total=False):
    trail: Annotated[list[str], DeltaChannel(lambda old, new: [*(old or []), *(x for each in new for x in each)])]
    note: str


def _delta(saver: Saver) -> Graph:
    builder: Builder = StateGraph(DeltaTrail)
    nodes: dict[str, Any] = {"a": goes("a"), "b": asks("b", "who?"), "c": goes("c")}
    for name, node in nodes.items():
        builder.add_node(name, node)
        builder.add_edge(START, name)
    last: Any = goes("last")
    builder.add_node("last", last)
    builder.add_edge(["a", "b", "c"], "last")
    return builder.compile(checkpointer=saver)


def _one_value(saver: Saver) -> Graph:
    state: Any = Annotated[list[str], operator.add]
    builder: Builder = StateGraph(state)
    for name in "abc":
        action: Any = lambda state: ["x"]  # noqa: E731 as short as it can be
        builder.add_node(name, action)
    for start, end in LINE:
        builder.add_edge(start, end)
    return builder.compile(checkpointer=saver)


def _handled(*, handler: Node) -> Callable[[Saver], Graph]:
    def graph(saver: Saver) -> Graph:
        builder = builder_of([(START, "a"), (START, "b"), ("b", "c"), ("a", "c")], a=None, c=None)
        failing: Any = fails("b")
        handling: Any = handler
        builder.add_node("b", failing, error_handler=handling)
        return builder.compile(checkpointer=saver)

    return graph


def _tasks_in_a_node(saver: Saver) -> Graph:
    @task
    def work(number: int) -> Any:
        return interrupt("number?") if number == 1 else number

    def node(state: Any) -> Any:
        return {"trail": [str(work(number).result()) for number in range(3)]}

    return builder_of(LINE, a=None, b=node, c=None).compile(checkpointer=saver)


def _names_with_plus(saver: Saver) -> Graph:
    edges: list[tuple[Any, str]] = [
        (START, "a"),
        (START, "a+b"),
        ("a", "b"),
        (["a+b", "b"], "c"),
        (["a", "a+b"], "d, e"),
    ]
    return builder_of(edges, **dict.fromkeys(["a", "b", "a+b", "c", "d, e"])).compile(checkpointer=saver)


def _story(name: str) -> Play:
    return Play(lambda saver: STORIES[name].graph(saver, Counter()), runs(*STORIES[name].inputs))


def _plays() -> dict[str, Play]:
    return {
        "a line": Play(_graph(LINE, a=None, b=None, c=None), runs(GO, {"note": "again"})),
        "a line without input": Play(_graph(LINE, a=None, b=None, c=None), runs({}, None)),
        "branches": Play(_branching, runs(GO, {"note": "both"})),
        "a loop": Play(_loop, runs(GO, GO)),
        "an endless loop": Play(_endless, runs(GO, None, GO)),
        "a join": Play(_graph(FAN, a=None, b=None, c=None, last=None), runs(GO, GO)),
        "joins of unequal ways": Play(
            _graph(JOIN_OF_UNEQUAL, a=None, b=None, b2=None, c=None, d=None), every_breakpoint
        ),
        "deferred nodes": Play(_graph(DEFERRED, a=None, b=None, b2=None, c=[None], d=[None]), every_breakpoint),
        "a deferred join": Play(_graph(DEFERRED_JOIN, a=None, b=None, b2=None, b3=None, c=[None]), every_breakpoint),
        "map and reduce": Play(_map_reduce(goes("work")), every_breakpoint),
        "map, and some ask": Play(_map_reduce(_some_ask), answers),
        "map, and one fails": Play(_map_reduce(fails("work", 1)), runs(GO, None, None)),
        "sends beside an edge": Play(_mixed, every_breakpoint),
        "goto": Play(_goto, every_breakpoint),
        "goto in the calling graph": Play(_to_parent, runs(GO, GO)),
        "a subgraph": Play(_subgraph(None, "who?", "when?"), runs(*ANSWERS)),
        "a subgraph with a memory": Play(_subgraph(True, "who?", "when?"), runs(*ANSWERS, *ANSWERS)),
        # LangGraph 1.2 fails with such a subgraph at durability "sync".
        "a subgraph without a checkpointer": Play(_asks_nothing_inside, runs(GO, GO, durability="async")),
        "subgraphs in subgraphs": Play(_nested, answers),
        "subgraphs that were sent to": Play(_sent_subgraphs, answers),
        "a subgraph stops at breakpoints": Play(_subgraph(None, "who?"), every_breakpoint),
        "questions of parallel nodes": Play(
            _graph(FAN, a=asks("a", "who?", "when?"), b=asks("b", "what?"), c=None, last=None), answers
        ),
        "a question and input": Play(
            _graph(LINE, a=None, b=asks("b", "who?", "when?"), c=None), input_in_place_of_an_answer
        ),
        "a question beside a failure": Play(_ask_and_fail, runs(*ANSWERS)),
        "breakpoints": Play(_graph(LINE, a=None, b=None, c=None), every_breakpoint),
        "a node fails": Play(_graph(LINE, a=None, b=fails("b"), c=None), runs(GO, None, GO)),
        "one of parallel nodes fails": Play(_one_fails(2), runs(GO, None, None, GO)),
        "a functional graph": Play(_functional(asking=False), runs([1, 2, 3], [4])),
        "a functional graph asks": Play(_functional(), runs([1, 2], *ANSWERS[1:3], [3], *ANSWERS[1:3])),
        "a functional graph fails": Play(_functional(failing=True), runs([1, 2, 3], None, Command(resume="a"))),
        "updates": Play(_graph(LINE, a=None, b=None, c=None), updates),
        "an update before all": Play(_graph(LINE, a=None, b=None, c=None), update_before_all),
        "updates of a join": Play(_graph(JOIN_OF_UNEQUAL, a=None, b=None, b2=None, c=None, d=None), updates_of_a_join),
        "time travel": Play(_graph(LINE, a=None, b=None, c=None), time_travel),
        "time travel of a fan-out": Play(_map_reduce(goes("work"), count=2), time_travel),
        "time travel of questions": Play(_subgraph(None, "who?"), time_travel),
        "updates inside a subgraph": Play(_subgraph(None, "who?"), updates_inside),
        "copies with updates": Play(_map_reduce(goes("work")), copies),
        "answers that nobody asked for": Play(
            _graph(FAN, a=asks("a", "who?", "when?"), b=None, c=asks("c", "what?"), last=None), answers_unasked
        ),
        "delta channels": Play(_delta, runs(*ANSWERS, *ANSWERS)),
        "delta channels stop at breakpoints": Play(_delta, every_breakpoint),
        "a state of one value": Play(_one_value, one_value_stops),
        "an error that is handled": Play(_handled(handler=goes("handler")), runs(GO, None)),
        "an error whose handler fails": Play(_handled(handler=fails("handler")), runs(GO, None)),
        "an error whose handler asks": Play(_handled(handler=asks("handler", "what now?")), runs(*ANSWERS)),
        "tasks of a node": Play(_tasks_in_a_node, runs(*ANSWERS)),
        "names with a plus": Play(_names_with_plus, every_breakpoint),
        "commands from outside": Play(_graph(LINE, a=None, b=None, c=None), commands_from_outside),
        **{f"story: {name}": _story(name) for name in STORIES},
    }


PLAYS = tuple(_plays())
"""The names of the plays; the stories of `tests/graphs` are among them."""


def play(name: str) -> Play:
    """Return a play, with nodes that have not failed yet."""
    return _plays()[name]
