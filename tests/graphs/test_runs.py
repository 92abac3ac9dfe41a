"""A run that is taken back, as LangGraph's server does it, leaves the thread as it was before that run."""

from __future__ import annotations

import operator
import shutil
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph
from langgraph.types import Durability

from langgraph_filesaver import FileSaver
from tests.graphs.anonymous import Graph, plain
from tests.graphs.delta_graphs import Workshop, listed
from tests.graphs.driving import T


class Total(TypedDict):
    total: Annotated[int, operator.add]


def of_run(run_id: Any) -> RunnableConfig:
    """Return the config of a run; the server passes its id in both places."""
    return {"configurable": {"thread_id": "t", "run_id": run_id}, "metadata": {"run_id": run_id}}


def opened(root: Path) -> FileSaver:
    return FileSaver(root, fsync=False)


def stored(root: Path) -> Any:
    return plain(sorted(listed(opened(root)), key=lambda found: str(found.config["configurable"])))


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
@pytest.mark.parametrize("shop", [Workshop(), Workshop(2, 1, 3)], ids=["never stored whole", "often stored whole"])
def test_an_interrupted_run_with_delta_channels_is_taken_back(
    durability: Durability, shop: Workshop, tmp_path: Path
) -> None:
    """Its checkpoints, its subgraph's and its writes on the older run's head go; the next run does what it would have."""
    root, untouched = tmp_path / "root", tmp_path / "untouched"
    config = of_run("one")
    shop.graph(opened(root)).invoke({"log": ["in"], "do": ["inner"]}, config, durability=durability)
    before = stored(root)
    shutil.copytree(root, untouched)

    told = shop.graph(opened(root)).invoke(
        {"log": ["wrong"], "do": ["ask", "ask inside", "inner"]}, of_run("two"), durability=durability
    )
    assert "__interrupt__" in told
    assert stored(root) != before
    opened(root).delete_for_runs(["two"])
    assert stored(root) == before

    ends = [
        shop.graph(opened(place)).invoke({"log": ["right"], "do": []}, of_run("three"), durability=durability)
        for place in (root, untouched)
    ]
    assert ends[0] == ends[1]
    assert "wrong" not in ends[0]["log"]
    shown = [shop.graph(opened(place)).get_state(T).values for place in (root, untouched)]
    assert shown[0] == shown[1] == ends[0]


@pytest.mark.parametrize("run_id", ["7", 7], ids=["text", "number"])
def test_the_id_of_a_run_is_told_as_text(run_id: Any, tmp_path: Path) -> None:
    """A run whose id is a number is removed by that number's text; other runs stay as they are."""

    def graph() -> Graph:
        builder: StateGraph[Any, Any, Any, Any] = StateGraph(Total)
        builder.add_node("add", lambda state: {"total": 1})
        builder.add_edge(START, "add")
        return builder.compile(checkpointer=opened(tmp_path))

    for each in ("one", run_id, "17"):
        graph().invoke({"total": 0}, of_run(each))
    opened(tmp_path).delete_for_runs(["7"])
    left = [dict(found.metadata)["run_id"] for found in listed(opened(tmp_path))]
    assert left == ["17"] * 3 + ["one"] * 3
    assert graph().get_state(T).values == {"total": 3}
