"""Threads to look at: a small chat, and what several tests ask of them."""

from __future__ import annotations

from typing import Any, TypedDict

from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

from langgraph_filesaver import FileSaver
from tests.graphs.anonymous import Graph

__all__ = ["Chat", "chat", "config_for"]


class Chat(TypedDict, total=False):
    """A conversation, and the text that is worked on."""

    log: list[str]
    text: str
    api_key: str


def config_for(thread_id: str) -> Any:
    return {"configurable": {"thread_id": thread_id}}


def chat(saver: FileSaver, *, asks: bool = False, fails: bool = False) -> Graph:
    """Return a graph of two nodes, the second of which may ask or fail."""

    def draft(state: Chat) -> Chat:
        return {"log": [*state.get("log", []), "drafted"], "text": "one\ntwo\nthree"}

    def review(state: Chat) -> Chat:
        if fails:
            raise ValueError("no <b>luck</b>")
        answer = interrupt({"question": "publish?"}) if asks else "yes"
        return {"log": [*state["log"], f"reviewed: {answer}"], "text": "one\n2\nthree"}

    builder = StateGraph(Chat)
    builder.add_node(draft)
    builder.add_node(review)
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "review")
    return builder.compile(checkpointer=saver)
