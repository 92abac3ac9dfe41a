"""`get_next_version`: greater than the one before, never shared by two forks, never of another type."""

from __future__ import annotations

import operator
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from langgraph_filesaver import FileSaver
from langgraph_filesaver._store import MemoryStore
from tests.stores import Home

SAVER = FileSaver(MemoryStore())


@pytest.mark.parametrize(
    ("current", "kind"),
    [(None, str), ("00000000000000000000000000000003.0.25", str), (0, float), (3, float), (3.75, float)],
)
def test_a_version_keeps_its_type(current: Any, kind: type) -> None:
    """From nothing or a str comes a str, from an int or float a float; each is greater than the one before."""
    following = SAVER.get_next_version(current, None)
    assert type(following) is kind
    assert current is None or following > current


@given(start=st.none() | st.integers(0, 2**40), steps=st.integers(1, 30))
def test_versions_always_grow(start: int | None, steps: int) -> None:
    """However often it is asked, each version is greater than the one before, as LangGraph compares them."""
    current: Any = start
    for _ in range(steps):
        following = SAVER.get_next_version(current, None)
        assert current is None or following > current
        current = following


@pytest.mark.parametrize("current", [None, "00000000000000000000000000000003.5", 3, 3.5])
def test_two_forks_of_a_version_differ(current: Any) -> None:
    """A hundred versions made from one are a hundred different ones."""
    assert len({SAVER.get_next_version(current, None) for _ in range(100)}) == 100


def test_it_counts_on_where_another_saver_stopped() -> None:
    """A version that InMemorySaver made is followed by a greater one here, and the other way round."""
    theirs = InMemorySaver()
    version: Any = None
    for saver in (theirs, SAVER, theirs, SAVER):
        following = saver.get_next_version(version, None)
        assert version is None or following > version
        version = following


class IntegerVersions(FileSaver):
    """Counts as LangGraph's base class does."""

    def get_next_version(self, current: Any | None, channel: None) -> Any:
        return BaseCheckpointSaver.get_next_version(self, current, channel)


class State(TypedDict):
    log: Annotated[list[str], operator.add]
    count: int


def test_a_thread_begun_with_integer_versions_goes_on(home: Home) -> None:
    """A thread whose versions are integers is continued, with new channels, and no checkpoint mixes types of versions."""
    builder = StateGraph(State)
    builder.add_node("a", lambda state: {"log": ["a"], "count": state.get("count", 0) + 1})
    builder.add_node("b", lambda state: {"log": ["b"]})
    builder.add_edge(START, "a")
    builder.add_edge("a", "b")
    builder.add_edge("b", END)
    config: Any = {"configurable": {"thread_id": "t"}}
    builder.compile(checkpointer=IntegerVersions(home.store())).invoke({"log": ["x"], "count": 0}, config)
    begun = next(home.saver().list(config))
    assert {type(version) for version in begun.checkpoint["channel_versions"].values()} == {int}

    graph = builder.compile(checkpointer=home.saver())
    graph.invoke({"log": ["y"], "count": 5}, config)
    graph.update_state(config, {"log": ["z"]})
    assert graph.get_state(config).values == {"log": ["x", "a", "b", "y", "a", "b", "z"], "count": 6}
    for found in home.saver().list(config):
        assert str not in {type(version) for version in found.checkpoint["channel_versions"].values()}
