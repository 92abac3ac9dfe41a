"""State is corrected in its file, as a person would with an editor, and the graph goes on with what stands there."""

import json
from pathlib import Path
from typing import TypedDict

from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

from langgraph_filesaver import FileSaver


class Invoice(TypedDict, total=False):
    amount: int
    paid: str


def read(_: Invoice) -> Invoice:
    return {"amount": 1000}  # it should have been 100


def approve(state: Invoice) -> Invoice:
    interrupt(f"Pay {state['amount']}?")
    return {}


def pay(state: Invoice) -> Invoice:
    return {"paid": f"paid {state['amount']}"}


builder = StateGraph(Invoice).add_sequence([read, approve, pay]).add_edge(START, "read")
graph = builder.compile(checkpointer=FileSaver("./checkpoints"))
config = {"configurable": {"thread_id": "invoice-1"}}
print(graph.invoke({}, config)["__interrupt__"][0].value)

newest = max(Path("checkpoints/invoice-1/checkpoints/_root").glob("*.json"))  # these ids sort by time
document = json.loads(newest.read_text("utf-8"))
document["state"]["amount"] = 100
newest.write_text(json.dumps(document, indent=2), "utf-8")

print(graph.invoke(Command(resume="yes"), config)["paid"])
