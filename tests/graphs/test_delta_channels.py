"""DeltaChannels over files: the same histories as InMemorySaver's, at any snapshot frequency, also in forks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.types import Command, Durability, Overwrite

from langgraph_filesaver import FileSaver
from tests.graphs.anonymous import plain
from tests.graphs.delta_graphs import NEVER, TwoSavers, Workshop, states

CONFIG: RunnableConfig = {"configurable": {"thread_id": "t"}}
DURABILITIES: tuple[Durability, ...] = ("sync", "async", "exit")
SHOPS = (Workshop(), Workshop(1, 1, 1), Workshop(2, 3, 2), Workshop(3, NEVER, 1), Workshop(NEVER, 2, 3))

each_shop = pytest.mark.parametrize("shop", SHOPS, ids=lambda shop: "-".join(map(str, shop)))
each_durability = pytest.mark.parametrize("durability", DURABILITIES)


@pytest.fixture
def saver(tmp_path: Path) -> TwoSavers:
    return TwoSavers(FileSaver(tmp_path / "checkpoints", fsync=False))


@each_shop
@each_durability
def test_each_step_shows_what_memory_shows(shop: Workshop, durability: Durability, saver: TwoSavers) -> None:
    """Turns with parallel writers, an overwrite, a subgraph and questions leave the same histories as in memory."""
    graph = shop.graph(saver)
    wanted = (["inner"], ["ask", "reset"], ["ask inside", "inner", "skip"], ["skip"])
    for turn, do in enumerate(wanted):
        told = graph.invoke({"log": [f"turn {turn}"], "do": do}, CONFIG, durability=durability)
        while "__interrupt__" in told:
            saver.assert_same()
            told = graph.invoke(Command(resume=f"answer {turn}"), CONFIG, durability=durability)
        saver.assert_same()
        assert states(saver.files, shop) == states(saver.memory, shop)
        assert told["log"] == plain(graph.get_state(CONFIG).values)["log"]
    logs = [state.values.get("log", []) for state in graph.get_state_history(CONFIG)]
    assert logs == [state.values.get("log", []) for state in shop.graph(saver.memory).get_state_history(CONFIG)]
    assert logs[0][0] == "reset at 13" or len(logs[0]) > 3


@each_shop
@each_durability
def test_forks_share_ancestors_but_no_writes(shop: Workshop, durability: Durability, saver: TwoSavers) -> None:
    """Branches from every checkpoint, by replay, by input and by update_state, show the same as in memory."""
    graph = shop.graph(saver)
    for turn in range(2):
        graph.invoke({"log": [f"turn {turn}"], "do": []}, CONFIG, durability=durability)
    before = states(saver.files, shop)
    updates: tuple[Any, ...] = ({"log": ["hand"]}, {"log": Overwrite(["anew"])}, {"marks": {"hand": 7}})
    for index, state in enumerate(list(graph.get_state_history(CONFIG))):
        if not state.values:
            continue
        fork = graph.update_state(state.config, updates[index % 3], as_node="plan")
        graph.invoke(None, fork, durability=durability)
        if state.next:
            graph.invoke(None, state.config, durability=durability)
        graph.invoke({"log": [f"fork {index}"], "do": ["skip"]}, state.config, durability=durability)
        graph.update_state(fork, {"log": ["a second hand"], "count": 1}, as_node="left")
    saver.assert_same()
    after = states(saver.files, shop)
    assert after == states(saver.memory, shop)
    assert {place: after[place] for place in before} == before
