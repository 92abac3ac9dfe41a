"""What the files tell of random graphs, driven at random, is what LangGraph says of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import START, StateGraph
from langgraph.types import Command, Send

from langgraph_filesaver import FileSaver
from tests.graphs.anonymous import Graph
from tests.inspection.acts import GO, resume_all
from tests.inspection.graphs import LINE, Trail, asks, builder_of, fails, goes
from tests.inspection.stages import Stage, held_against_langgraph, is_before_anything_ran, is_told_by_an_update

NAMES = ("a", "b", "c", "d", "e")

names = st.sampled_from(NAMES)
targets = st.lists(st.one_of(names, names.map(lambda name: Send(name, {"trail": []}))), max_size=3)


class Budget:
    """Lets a graph send only so often: a node that sends to itself twice would be a thousand tasks soon."""

    def __init__(self) -> None:
        self._left = 8

    def of(self, goto: list[Any]) -> list[Any]:
        self._left -= sum(isinstance(each, Send) for each in goto)
        return goto if self._left >= 0 else [each for each in goto if not isinstance(each, Send)]


def commanding(goto: list[Any], graph: str | None = None) -> Callable[[Budget], Any]:
    """Return what makes a node that goes there, as far as the budget reaches."""
    return lambda budget: lambda state: Command(goto=budget.of(goto), update={"trail": ["x"]}, graph=graph)


def nodes(name: str) -> st.SearchStrategy[Any]:
    """Return every kind of node that a small graph may have: what makes it, given the budget."""
    inside = builder_of(LINE, a=None, b=asks("b", "inside?"), c=None).compile()
    return st.one_of(
        st.just(lambda budget: goes(name)),
        st.integers(1, 2).map(lambda count: lambda budget: asks(name, *(f"{number}?" for number in range(count)))),
        st.integers(1, 2).map(lambda times: lambda budget: fails(name, times)),
        targets.map(commanding),
        st.just(lambda budget: inside),
        targets.map(lambda goto: lambda budget: upwards(commanding(goto, Command.PARENT)(budget))),
    )


def upwards(node: Any) -> Graph:
    return builder_of([(START, "x")], x=node).compile()


Edges = list[tuple[Any, str]]
edges: st.SearchStrategy[Edges] = st.lists(
    st.one_of(st.tuples(names, names), st.tuples(st.lists(names, min_size=1, max_size=3, unique=True), names)),
    max_size=6,
)
branches = st.dictionaries(names, st.lists(targets, min_size=1, max_size=3), max_size=2)
acts = st.lists(
    st.one_of(
        st.sampled_from(["go", "on", "answer one", "answer all", "before", "after", "clear", "copy", "back"]),
        st.tuples(st.just("as"), names),
        st.tuples(st.just("goto"), names),
    ),
    max_size=5,
)


def chosen(budget: Budget, choices: list[list[Any]], state: Any) -> list[Any]:
    return budget.of(choices[len(state.get("trail", ())) % len(choices)])


def graph_of(
    kinds: dict[str, Any], deferred: set[str], starts: list[str], edges: Edges, branches: dict[str, list[list[Any]]]
) -> Any:
    def graph(saver: FileSaver) -> Graph:
        builder: StateGraph[Any, Any, Any, Any] = StateGraph(Trail)
        budget = Budget()
        for name, node in kinds.items():
            builder.add_node(name, node(budget), defer=name in deferred)
        for start in starts:
            builder.add_edge(START, start)
        for start, end in edges:
            builder.add_edge(start, end)
        for start, choices in branches.items():
            choose: Any = partial(chosen, budget, choices)
            builder.add_conditional_edges(start, choose, list(NAMES))
        return builder.compile(checkpointer=saver)

    return graph


def act(stage: Stage, what: Any) -> None:
    match what:
        case "go":
            stage.run(GO)
        case "on":
            stage.run(None)
        case "answer one":
            resume_all(stage, 1)
        case "answer all":
            resume_all(stage)
        case "before":
            stage.run(None, interrupt_before="*")
        case "after":
            stage.run(GO, interrupt_after="*")
        case "clear":
            stage.update(None, "__end__")
        case "copy":
            stage.update(None, "__copy__")
        case "back":
            history = stage.history()
            stage.run(None, history[len(history) // 2].config)
        case ("as", name):
            stage.update({"trail": ["updated"]}, name)
        case ("goto", name):
            stage.run(Command(goto=name))


@settings(max_examples=100)
@given(
    kinds=st.fixed_dictionaries({name: nodes(name) for name in NAMES}),
    deferred=st.sets(names, max_size=2),
    starts=st.lists(names, min_size=1, max_size=3, unique=True),
    edges=edges,
    branches=branches,
    then=acts,
    durability=st.sampled_from(["sync", "async", "exit"]),
    serde=st.sampled_from([None, None, JsonPlusSerializer()]),
)
def test_random_graphs_stand_where_langgraph_says(
    kinds: dict[str, Any],
    deferred: set[str],
    starts: list[str],
    edges: Edges,
    branches: dict[str, list[list[Any]]],
    then: list[Any],
    durability: Any,
    serde: JsonPlusSerializer | None,
) -> None:
    """Whatever the graph and whatever was done with it, `next` is LangGraph's at every moment, or unknown where allowed."""
    stage = Stage(graph_of(kinds, deferred, starts, edges, branches), durability, serde=serde, recursion_limit=6)
    stage.run(GO)
    for what in then:
        act(stage, what)
    assume(len(stage.store.moments) < 120)
    findings = held_against_langgraph(stage)
    unknown = [each for each in findings.unknown if not is_before_anything_ran(each) and not is_told_by_an_update(each)]
    assert serde or unknown == []
