"""The agent of the demo: an ordinary LangGraph graph that digests documents and asks before it writes its report.

    find_documents ─► read_document (one task per document) ─► review (interrupt) ─► write_report

Knows nothing of processes, checkpoints or being killed: `observe` is called at the start of every execution of a node,
and that is all that the demo needs from it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Annotated, Any, TypedDict

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Send, interrupt

from langgraph_filesaver.demo import documents
from langgraph_filesaver.demo.facts import Facts, facts_of

__all__ = ["build"]


class Digest(TypedDict, total=False):
    """The agent's state."""

    folder: str
    documents: list[str]
    facts: Annotated[list[Facts], operator.add]
    approved: bool
    report: str


class OneDocument(TypedDict):
    """What a task of `read_document` is given."""

    folder: str
    name: str


def build(
    checkpointer: BaseCheckpointSaver[Any], *, observe: Callable[[str, str], None], report_path: str
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Return the graph.

    Args:
        checkpointer: Where it keeps its state.
        observe: Called with (node, document or "") whenever a node begins.
        report_path: The file that the last node writes.
    """

    def find_documents(state: Digest) -> Digest:
        observe("find_documents", "")
        return {"documents": list(documents.find(state["folder"]).names)}

    def each_document(state: Digest) -> list[Send]:
        return [Send("read_document", {"folder": state["folder"], "name": name}) for name in state["documents"]]

    def read_document(state: OneDocument) -> Digest:
        observe("read_document", state["name"])
        return {"facts": [facts_of(state["name"], documents.read(state["folder"], state["name"]))]}

    def review(state: Digest) -> Digest:
        observe("review", "")
        words = sum(each["words"] for each in state["facts"])
        answer = interrupt({"question": f"Write the report? (documents: {len(state['facts'])}, words: {words:,})"})
        return {"approved": bool(answer["approved"])}

    def after_review(state: Digest) -> str:
        return "write_report" if state["approved"] else END

    def write_report(state: Digest) -> Digest:
        observe("write_report", "")
        report = _report(state["facts"])
        with open(report_path, "w", encoding="utf-8", newline="\n") as file:
            file.write(report)
        return {"report": report}

    graph = StateGraph(Digest)
    graph.add_node("find_documents", find_documents)
    graph.add_node("read_document", read_document, input_schema=OneDocument)
    graph.add_node("review", review)
    graph.add_node("write_report", write_report)
    graph.add_edge(START, "find_documents")
    graph.add_conditional_edges("find_documents", each_document, ["read_document"])
    graph.add_edge("read_document", "review")
    graph.add_conditional_edges("review", after_review, ["write_report", END])
    graph.add_edge("write_report", END)
    return graph.compile(checkpointer=checkpointer)


def _report(all_facts: list[Facts]) -> str:
    lines = [f"# Digest of the documents ({len(all_facts)})"]
    for facts in all_facts:
        lines += [
            "",
            f"## {facts['name']}",
            facts["title"],
            f"words {facts['words']:,}, headings {facts['headings']:,}, bytes {facts['bytes']:,}",
            f"sha256 {facts['sha256']}",
            f"> {facts['quote']}",
        ]
    return "\n".join(lines) + "\n"
