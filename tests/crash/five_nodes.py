"""A graph of five nodes in a process: it counts each run of a node in a file, and can wait to be killed in the third.

`python -m tests.crash.five_nodes ROOT LOG DURABILITY [wait]` begins thread `t`, or resumes it where it has begun, and
prints its result; with `wait` the third node writes a line and waits for one that never comes. A JSON object among the options is
given to FileSaver.
"""

from __future__ import annotations

import json
import operator
import sys
from typing import Annotated, Any, Literal, TypedDict, cast

from langchain_core.runnables import RunnableLambda
from langgraph.graph import END, START, StateGraph

from langgraph_filesaver import FileSaver
from tests.checkpoints import config_of

NODES = ("one", "two", "three", "four", "five")


class State(TypedDict):
    """What the nodes add to."""

    done: Annotated[list[str], operator.add]
    total: int


def node(name: str, log: str, *, waits: bool) -> RunnableLambda[State, dict[str, Any]]:
    def run(state: State) -> dict[str, Any]:
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"{name}\n")
        if waits:
            print("waiting", flush=True)
            sys.stdin.readline()
        return {"done": [name], "total": state["total"] * 2 + len(name)}

    return RunnableLambda(run)


def main(root: str, log: str, durability: str, *options: str) -> None:
    builder = StateGraph(State)
    previous = START
    for name in NODES:
        builder.add_node(name, node(name, log, waits=name == "three" and "wait" in options))
        builder.add_edge(previous, name)
        previous = name
    builder.add_edge(previous, END)
    given_to_saver = [json.loads(option) for option in options if option.startswith("{")]
    graph = builder.compile(checkpointer=FileSaver(root, **(given_to_saver[0] if given_to_saver else {})))
    given: State | None = None if graph.get_state(config_of()).created_at else {"done": [], "total": 1}
    result = graph.invoke(given, config_of(), durability=cast("Literal['sync', 'async']", durability))
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
