"""Small graphs that make LangGraph call put_writes in every way it does, with the inputs that lead to their end."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.types import Command, Send, interrupt

from tests.graphs.anonymous import Graph

__all__ = ["STORIES", "Story"]

Saver = BaseCheckpointSaver[Any]
Runs = Counter[str]


class Trail(TypedDict, total=False):
    trail: Annotated[list[str], operator.add]
    note: str


@dataclass(frozen=True)
class Story:
    """A graph and its inputs.

    Attributes:
        graph: Makes the graph over a saver. A node counts its completed runs in the counter, outside the state, and what it
            writes holds its name as `<name>`.
        inputs: What a person gives in turn, each to a graph in a new process.
    """

    graph: Callable[[Saver, Runs], Graph]
    inputs: list[Any]


def _node(name: str, ran: Runs, *questions: str) -> Any:
    def node(state: Trail) -> Trail:
        answers = [f"{question} {interrupt(question)}" for question in questions]
        ran[name] += 1
        return {"trail": [f"<{name}> {answers} {state.get('note')}"]}

    return node


def _parallel_then_last(saver: Saver | bool | None, first: dict[str, Any], last: Any) -> Graph:
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(Trail)
    for name, node in first.items():
        builder.add_node(name, node)
        builder.add_edge(START, name)
    builder.add_node("last", last)
    builder.add_edge(list(first), "last")
    return builder.compile(checkpointer=saver)


def _two_questions(saver: Saver, ran: Runs) -> Graph:
    return _parallel_then_last(saver, {"asks": _node("asks", ran, "who?", "when?")}, _node("last", ran))


def _questions_beside_work(saver: Saver, ran: Runs) -> Graph:
    first = {"a": _node("a", ran), "asks": _node("asks", ran, "who?", "when?", "why?"), "z": _node("z", ran)}
    return _parallel_then_last(saver, first, _node("last", ran))


def _asks_in_subgraph(saver: Saver, ran: Runs) -> Graph:
    inner: StateGraph[Any, Any, Any, Any] = StateGraph(Trail)
    inner.add_sequence([("prepares", _node("prepares", ran)), ("asks", _node("asks", ran, "who?", "when?"))])
    inner.add_edge(START, "prepares")
    return _parallel_then_last(saver, {"inner": inner.compile()}, _node("last", ran))


def _fan_out(saver: Saver, ran: Runs) -> Graph:
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(Trail)

    def work(part: Any) -> Any:
        ran[f"work {part['number']}"] += 1
        return {"trail": [f"<work {part['number']}>"]}

    action: Any = work
    builder.add_node("work", action)
    builder.add_node("last", _node("last", ran))
    builder.add_conditional_edges(START, lambda state: [Send("work", {"number": n}) for n in range(5)], ["work"])
    builder.add_edge("work", "last")
    return builder.compile(checkpointer=saver)


def _tasks(saver: Saver, ran: Runs) -> Graph:
    @task
    def research(topic: str) -> str:
        ran[topic] += 1
        return f"<{topic}>"

    @entrypoint(checkpointer=saver)
    def flow(topics: list[str]) -> list[str]:
        found = [each.result() for each in [research(topic) for topic in topics]]
        return [*found, interrupt("publish?"), research("closing").result(), interrupt("sure?")]

    return flow


STORIES = {
    "one node asks twice": Story(_two_questions, [{"trail": ["go"]}, Command(resume="me"), Command(resume="now")]),
    "a node asks thrice beside others that work": Story(
        _questions_beside_work,
        [{"trail": ["go"]}, Command(resume="me"), Command(resume="now"), Command(resume="because")],
    ),
    "answers come with an update": Story(
        _questions_beside_work,
        [
            {"trail": ["go"]},
            Command(resume="me", update={"trail": ["updated"]}),
            Command(resume="now", update={"trail": ["once more"], "note": "noted"}),
            Command(resume="because"),
        ],
    ),
    "a subgraph asks twice": Story(_asks_in_subgraph, [{"trail": ["go"]}, Command(resume="me"), Command(resume="now")]),
    "a fan-out": Story(_fan_out, [{"trail": ["go"]}]),
    "tasks of an entrypoint": Story(_tasks, [["x", "y"], Command(resume="yes"), Command(resume="sure")]),
}
"""The stories by name."""
