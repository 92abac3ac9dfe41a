"""A graph asks, its process ends, and another process brings the answer: run this twice.

`python examples/approve_later.py` asks, and ends; `python examples/approve_later.py yes` brings the answer, minutes or
weeks later.
"""

import sys
from typing import TypedDict

from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

from langgraph_filesaver import FileSaver


class Order(TypedDict, total=False):
    item: str
    answer: str


def look_up(state: Order) -> Order:
    print("looking up", state["item"])  # once, although two processes run this file
    return {}


def ask(state: Order) -> Order:
    return {"answer": interrupt(f"Order {state['item']}?")}


builder = StateGraph(Order).add_sequence([look_up, ask]).add_edge(START, "look_up")
graph = builder.compile(checkpointer=FileSaver("./checkpoints"))
config = {"configurable": {"thread_id": "order-7"}}

waiting = graph.get_state(config).next
inputs = Command(resume=sys.argv[1]) if waiting and sys.argv[1:] else {"item": "ten ladders"}
state = graph.invoke(inputs, config)
print(state["__interrupt__"][0].value if "__interrupt__" in state else f"The answer was {state['answer']}.")
