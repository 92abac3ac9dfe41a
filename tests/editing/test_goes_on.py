"""After a correction a graph goes on from the corrected state, with the nodes that would have run."""

from __future__ import annotations

from collections import Counter

import pytest
from langgraph.channels import EphemeralValue, LastValue
from langgraph.pregel import NodeBuilder, Pregel
from langgraph.types import Command

from langgraph_filesaver import InvalidEditError
from tests.checkpoints import id_of
from tests.editing.graphs import T, asks_inside, fan_out, line
from tests.graphs.anonymous import Graph
from tests.stores import Home


def kept(home: Home) -> list[str]:
    return sorted(key for key in home.files() if key.startswith("t/edits/"))


@pytest.mark.parametrize("stop", ["a", "b", "c", "e", "d", None])
def test_a_new_checkpoint_follows(home: Home, stop: str | None) -> None:
    """[E2] Where nothing hangs on the latest checkpoint, a new one follows it, and the same nodes run next, once.

    That includes a node that waits for two others, of which one is done.
    """
    ran: Counter[str] = Counter()
    saver = home.saver()
    graph = line(saver, ran, interrupt_before=[] if stop is None else [stop])
    graph.invoke({"plan": "old"}, T)
    before = graph.get_state(T)
    config = saver.edit_state("t", {"plan": "new"}, edited_by="ann")
    after = graph.get_state(T)
    assert after.next == before.next
    assert after.values == {**before.values, "plan": "new"}
    assert after.config["configurable"]["checkpoint_id"] == id_of(config)
    assert str(id_of(config)) > str(id_of(before.config))
    assert id_of(after.parent_config) == id_of(before.config)
    assert before.metadata is not None
    assert after.metadata is not None
    assert after.metadata["source"] == "update"
    assert after.metadata["step"] == before.metadata["step"] + 1
    assert after.metadata["edited_by"] == "ann"  # type: ignore[typeddict-item]
    assert kept(home) == []

    already = Counter(ran)
    again = line(home.saver(), ran)
    if stop is None:
        assert again.invoke({"plan": "newest"}, T)["done"][-5:] == [f"{name}: newest" for name in "abced"]
        return
    result = again.invoke(None, T)
    names = {"a": "abced", "b": "bced", "c": "bced", "e": "ed", "d": "d"}[stop]
    assert ran - already == Counter(names)
    assert result["done"][-len(names) :] == [f"{name}: new" for name in names]


def test_update_state_knows_who_ran_last(home: Home) -> None:
    """[E2] LangGraph's `update_state` takes the same node for the last one as before, also for nodes that see whole channels."""
    one = NodeBuilder().subscribe_only("x").do(lambda x: f"{x}1").write_to("y")
    two = NodeBuilder().subscribe_only("y").do(lambda y: f"{y}2").write_to("z")
    saver = home.saver()
    graph: Graph = Pregel(
        nodes={"one": one, "two": two},
        channels={"x": EphemeralValue(str), "y": LastValue(str), "z": LastValue(str)},
        input_channels=["x"],
        output_channels=["z"],
        checkpointer=saver,
    )
    graph.invoke({"x": "a"}, T)
    found = saver.get_tuple(T)
    assert found is not None
    before = graph._infer_as_node(found.checkpoint["versions_seen"])
    assert before == "two"
    saver.edit_state("t", {"y": "corrected"})
    after = saver.get_tuple(T)
    assert after is not None
    assert graph._infer_as_node(after.checkpoint["versions_seen"]) == before
    assert graph.get_state(T).next == ()
    saver.edit_state("t", {"x": "given"})
    assert graph.get_state(T).next == (), "a channel without a value triggers nobody when it gets one"


@pytest.mark.parametrize("stop", ["one", "two"])
def test_news_that_wait_still_wait(home: Home, stop: str) -> None:
    """[E2] A node that is triggered by the very channel that is corrected runs once, with the corrected value."""
    one = NodeBuilder().subscribe_only("x").do(lambda x: f"{x}1").write_to("y")
    two = NodeBuilder().subscribe_only("y").do(lambda y: f"{y}2").write_to("z")
    saver = home.saver()
    graph: Graph = Pregel(
        nodes={"one": one, "two": two},
        channels={"x": LastValue(str), "y": LastValue(str), "z": LastValue(str)},
        input_channels=["x"],
        output_channels=["z"],
        checkpointer=saver,
    )
    graph.invoke({"x": "a"}, T)
    graph.invoke({"x": "b"}, T, interrupt_before=[stop])
    assert graph.get_state(T).next == (stop,)
    saver.edit_state("t", {"x" if stop == "one" else "y": "c"})
    assert graph.get_state(T).next == (stop,)
    assert graph.invoke(None, T) == {"z": "c12" if stop == "one" else "c2"}


def test_a_fan_out_with_an_interrupt(home: Home) -> None:
    """[E1] After a correction beside finished tasks none of them runs again, the answer finds its interrupt, the last node sees it."""
    ran: Counter[str] = Counter()
    saver = home.saver()
    graph = fan_out(saver, ran)
    graph.invoke({"plan": "old"}, T)
    before = graph.get_state(T)
    (interrupt,) = before.interrupts
    assert {f"work {n}" for n in (0, 1, 3, 4)} == set(ran)
    old = home.store().read(f"t/checkpoints/_root/{id_of(before.config)}.json")

    config = saver.edit_state("t", {"plan": "new"}, edited_by="ann")

    assert id_of(config) == id_of(before.config)
    (key,) = kept(home)
    assert key == f"t/edits/_root.{id_of(config)}.0.json"
    assert home.store().read(key) == old
    after = graph.get_state(T)
    assert after.next == before.next
    assert [each.id for each in after.interrupts] == [interrupt.id]
    assert after.metadata == {**(before.metadata or {}), "edited_by": "ann"}
    again = fan_out(home.saver(), ran)
    result = again.invoke(Command(resume={interrupt.id: "yes"}), T)
    assert result["done"][-1] == "last: new"
    assert sorted(result["done"][:-1]) == [f"work {n} {'yes' if n == 2 else '-'}" for n in range(5)]
    assert set(ran.values()) == {1}, "nothing ran twice"


def test_an_interrupt_in_a_graph_in_a_graph(home: Home) -> None:
    """[E1] Where a called graph's state hangs on the checkpoint, that is found again, at each level."""
    ran: Counter[str] = Counter()
    saver = home.saver()
    graph = asks_inside(saver, ran)
    graph.invoke({"plan": "old"}, T)
    before = graph.get_state(T)
    (interrupt,) = before.interrupts
    innermost = max(saver._repository.namespaces("t"), key=len)
    assert innermost.count("|") == 1
    for ns in ("", innermost):
        saver.edit_state("t", {"plan": "new"}, checkpoint_ns=ns)
    assert len(kept(home)) == 2
    assert [each.id for each in graph.get_state(T).interrupts] == [interrupt.id]
    result = asks_inside(home.saver(), ran).invoke(Command(resume={interrupt.id: "yes"}), T)
    assert "asked: new yes" in result["done"]
    assert result["done"][-1] == "last: new"
    assert ran == {"prepare": 1, "ask": 1, "last": 1}


def test_state_of_a_called_graph_alone(home: Home) -> None:
    """[E1] A called graph that was killed half way, before anything was written to its caller, is bound to that checkpoint."""
    ran: Counter[str] = Counter()
    saver = home.saver()
    asks_inside(saver, ran).invoke({"plan": "old"}, T)
    store = saver._repository.store
    store.delete([key for key, _ in saver._repository.writes_names("t")])  # as if killed before
    before = asks_inside(saver, ran).get_state(T)
    assert id_of(saver.edit_state("t", {"plan": "new"})) == id_of(before.config)
    assert len(kept(home)) == 1


def test_langgraphs_own_channels_cannot_be_set(home: Home) -> None:
    """What LangGraph decides by is refused, from Python and in the text, and shown in neither."""
    saver = home.saver()
    line(saver, Counter(), interrupt_before=["b"]).invoke({"plan": "old"}, T)
    state = saver.editing().open("t")
    assert "branch:to:" not in state.text
    with pytest.raises(InvalidEditError, match=r"'branch:to:b' is LangGraph's own"):
        saver.edit_state("t", {"branch:to:b": None})
    with pytest.raises(InvalidEditError, match=r"line 2.*LangGraph's own"):
        saver.editing().checked(state, state.text.replace("{\n", '{\n  "branch:to:b": null,\n', 1))


async def test_the_async_face(home: Home) -> None:
    """`aedit_state` does what `edit_state` does."""
    saver = home.saver()
    graph = line(saver, Counter(), interrupt_before=["b"])
    await graph.ainvoke({"plan": "old"}, T)
    config = await saver.aedit_state("t", {"plan": "new"}, edited_by="ann")
    found = await saver.aget_tuple(T)
    assert found is not None
    assert found.checkpoint["channel_values"]["plan"] == "new"
    assert id_of(found.config) == id_of(config)
