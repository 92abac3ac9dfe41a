"""DeltaChannels, whose values are not in the state: a correction of others leaves them, and they can be set as a whole."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langgraph.types import Command

from langgraph_filesaver import FileSaver
from langgraph_filesaver import _layout as layout
from tests.editing.graphs import T
from tests.graphs.delta_graphs import NEVER, Workshop, states
from tests.stores import Home

SHOPS = [Workshop(), Workshop(log=2, marks=3)]


def shown(saver: FileSaver, shop: Workshop) -> Any:
    return shop.graph(saver).get_state(T)


@pytest.mark.parametrize("shop", SHOPS)
@pytest.mark.parametrize("stop", ["plan", "left", "join", None])
def test_others_are_corrected(home: Home, shop: Workshop, stop: str | None) -> None:
    """[E2] The new checkpoint rebuilds each DeltaChannel as the corrected one does, and so do all that follow."""
    saver = home.saver()
    graph = shop.graph(saver)
    graph.invoke({"log": ["begin"], "do": [], "count": 0}, T, interrupt_before=[] if stop is None else [stop])
    saver.copy_thread("t", "u")
    before = shown(saver, shop)
    saver.edit_state("t", {"count": 100})
    after = shown(saver, shop)
    assert after.next == before.next
    assert after.values == {**before.values, "count": 100}
    unedited: Any = {"configurable": {"thread_id": "u"}}
    given = None if stop else {"log": ["again"]}
    for config in (T, unedited):
        shop.graph(home.saver()).invoke(given, config)
    ended, expected = (shop.graph(home.saver()).get_state(config).values for config in (T, unedited))
    assert ended["log"] == expected["log"]
    assert ended["count"] >= 100
    before_pruning = states(home.saver(), shop)
    saver.prune(["t"])
    for place, kept in states(home.saver(), shop).items():
        assert kept == before_pruning[place]


def test_the_counters_go_on(home: Home) -> None:
    """[E2] What LangGraph counts since a snapshot goes on by one step, as with its own update of a state."""
    saver = home.saver()
    graph = Workshop().graph(saver)
    graph.invoke({"log": ["begin"], "do": [], "count": 0}, T, interrupt_before=["left", "right"])
    saver.copy_thread("t", "u")
    saver.edit_state("t", {"count": 100})
    other: Any = {"configurable": {"thread_id": "u"}}
    graph.update_state(other, {"count": 100}, as_node="plan")
    mine, theirs = (saver.get_tuple(config) for config in (T, other))
    assert mine is not None
    assert theirs is not None
    counted = [each.metadata["counters_since_delta_snapshot"] for each in (mine, theirs)]
    assert counted[0] == counted[1] != {}


@pytest.mark.parametrize("way", ["python", "text"])
@pytest.mark.parametrize("shop", SHOPS)
@pytest.mark.parametrize("do", [[], ["ask"]])
def test_one_is_set_as_a_whole(home: Home, shop: Workshop, do: list[str], way: str) -> None:
    """[E2] A DeltaChannel is not shown where only the graph can put it together; set, it has just that value, then and later."""
    saver = home.saver()
    graph = shop.graph(saver)
    interrupts = [] if do else ["join"]
    graph.invoke({"log": ["begin"], "do": do, "count": 0}, T, interrupt_before=interrupts)
    before = shown(saver, shop)
    if way == "python":
        saver.edit_state("t", {"log": ["corrected"]})
    else:
        editing = saver.editing()
        state = editing.open("t")
        told = json.loads(state.text)
        if shop.log == NEVER:
            assert "log" not in told
            assert [note for note in state.notes if "'log' is not shown" in note]
        text = json.dumps({**told, "log": ["corrected"]})
        assert editing.store(editing.checked(state, text), edited_by="ann") is not None
    after = shown(saver, shop)
    document = json.loads(
        home.store().read(layout.checkpoint_key("t", "", after.config["configurable"]["checkpoint_id"])) or b""
    )
    assert document["state"]["log"]["$type"].endswith("._DeltaSnapshot"), (
        "as LangGraph stores it, and prune looks for it"
    )
    assert after.next == before.next
    if not do:
        assert after.values["log"] == ["corrected"]
    (interrupt_id,) = [each.id for each in before.interrupts] or [None]
    resumed: Any = Command(resume={interrupt_id: "yes"}) if interrupt_id else None
    result = shop.graph(home.saver()).invoke(resumed, T)
    if do:
        assert result["log"][0] == "corrected"
        assert sorted(result["log"][1:4]) == ["left 2", "left again", "right 1 yes"]
    else:
        assert result["log"] == ["corrected", "join ['corrected']"]
    before_pruning = states(home.saver(), shop)
    saver.prune(["t"])
    for place, kept in states(home.saver(), shop).items():
        assert kept == before_pruning[place]
