"""After a correction a graph goes on from the corrected state, with the nodes that would have run."""

from __future__ import annotations

import getpass
import json
from collections import Counter
from typing import Any

import pytest
from langgraph.channels import EphemeralValue, LastValue
from langgraph.func import entrypoint
from langgraph.pregel import NodeBuilder, Pregel
from langgraph.types import Command

from langgraph_filesaver import FileSaver, InvalidEditError
from langgraph_filesaver import _layout as layout
from langgraph_filesaver._store import Staged
from tests.checkpoints import checkpoint_of, config_of, id_of, ids_of, metadata_of, put
from tests.editing.graphs import T, asks_inside, fan_out, line
from tests.graphs.anonymous import Graph
from tests.graphs.stories import STORIES
from tests.stores import Home, WatchedStore

FIRST = "1f0c8a10-93d1-6f42-8000-6b1f4e0c9a27"

"""An id as LangGraph makes them, of the past."""

FOLLOWING = {("__start__",): "abced", ("a",): "abced", ("b", "c"): "bced", ("e",): "ed", ("d",): "d", (): ""}
"""What is still to run in a `line`, given what is next."""


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
    after = saver.get_tuple(T)
    assert after is not None
    assert graph._infer_as_node(after.checkpoint["versions_seen"]) == before


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


@pytest.mark.parametrize("name", [name for name in STORIES if "entrypoint" not in name])
def test_a_correction_at_every_stop(home: Home, name: str) -> None:
    """[E1] [E2] Corrected before each step and at each interrupt, a graph runs the same nodes, each once, and keeps every correction."""
    ran: Counter[str] = Counter()
    corrections = 0
    for given in STORIES[name].inputs:
        while True:
            saver = home.saver()
            graph = STORIES[name].graph(saver, ran)
            graph.invoke(given, T, interrupt_before="*")
            before = graph.get_state(T)
            corrections += 1
            found = saver.get_tuple(T)  # `values` has, of an interrupted step, what finished tasks have written
            assert found is not None
            stored = found.checkpoint["channel_values"].get("trail", [])
            saver.edit_state("t", {"trail": [*stored, f"<correction {corrections}>"]})
            after = graph.get_state(T)
            assert after.next == before.next
            expected = Counter([*before.values["trail"], f"<correction {corrections}>"])
            assert Counter(after.values["trail"]) == expected
            assert [each.id for each in after.interrupts] == [each.id for each in before.interrupts]
            if before.interrupts or not before.next:
                break
            given = None
    trail = " ".join(after.values["trail"])
    assert after.next == ()
    assert set(ran.values()) == {1}
    for each in ran:
        assert trail.count(f"<{each}>") == 1
    for number in range(corrections):  # the subgraph gives back what it was given, which is added to that
        assert trail.count(f"<correction {number + 1}>") in ({1, 2} if "subgraph" in name else {1})


def test_versions(home: Home) -> None:
    """[E2] The changed channels, and no others, get one version, greater than all; a thread that counts in integers goes on so."""
    for thread_id, versions in (("t", {"a": f"{7:032}.1", "b": f"{9:032}.1", "c": None}), ("u", {"a": 7, "b": 9})):
        saver = home.saver()
        old: dict[str, Any] = {name: version for name, version in versions.items() if version is not None}
        saver.put(config_of(thread_id), checkpoint_of(FIRST, dict.fromkeys(versions, 1), old), metadata_of(), old)
        saver.edit_state(thread_id, {"a": 2})
        found = saver.get_tuple(config_of(thread_id))
        assert found is not None
        new: dict[str, Any] = dict(found.checkpoint["channel_versions"])
        assert new["b"] == old["b"]
        assert new["a"] > old["b"]
        assert isinstance(new["a"], str) == isinstance(old["a"], str)
        assert found.checkpoint["updated_channels"] == sorted(old)


def test_metadata(home: Home) -> None:
    """[E2] What the config of a run brought stays, so that the thread is found by it; but the correction is not of that run."""
    saver = home.saver()
    put(saver, FIRST, {"a": 1}, metadata={"run_id": "run-1", "user": "u1"})
    config = saver.edit_state("t", {"a": 2})
    assert ids_of(saver, config_of(), filter={"user": "u1"}) == [id_of(config), FIRST]
    saver.delete_for_runs(["run-1"])
    assert ids_of(saver, config_of()) == [id_of(config)]
    found = saver.get_tuple(config_of())
    assert found is not None
    assert found.metadata["edited_by"] == getpass.getuser()  # type: ignore[typeddict-item]


def test_what_a_function_has_returned(home: Home) -> None:
    """A graph of the functional API goes on from what it has returned, corrected."""
    saver = home.saver()

    @entrypoint(checkpointer=saver)
    def count(number: int, *, previous: int | None = None) -> int:
        return number + (previous or 0)

    count.invoke(1, T)
    assert json.loads(saver.editing().open("t").text) == {"__previous__": 1}
    saver.edit_state("t", {"__previous__": 100})
    assert count.invoke(1, T) == 101


def test_a_large_file_is_not_copied(local_home: Home) -> None:
    """A channel with a handle on a file of the application's is corrected without a copy of the file."""
    saver = local_home.saver()
    with saver.open_artifact(T, "video.mp4") as file:
        file.write(b"x" * 2_000_000)
    put(saver, FIRST, {"media": {"video": file.artifact, "title": "old"}})
    staged: list[str] = []

    class Watched(WatchedStore):
        def stage(self, thread_id: str) -> Staged:
            staged.append("")
            return super().stage(thread_id)

    watching = FileSaver(Watched(local_home.store()))
    editing = watching.editing()
    state = editing.open("t")
    assert editing.store(editing.checked(state, state.text.replace('"old"', '"new"')), edited_by="ann") is not None
    assert staged == []
    found = local_home.saver().get_tuple(config_of())
    assert found is not None
    media = found.checkpoint["channel_values"]["media"]
    assert media["title"] == "new"
    assert media["video"].read_bytes() == b"x" * 2_000_000


def test_killed_after_each_checkpoint(home: Home) -> None:
    """[E2] Wherever a process was killed, also before an input was taken in, the next one goes on from the corrected state."""
    saver = home.saver()
    graph = line(saver, Counter())
    for given in ("first", "second"):
        graph.invoke({"plan": given}, T, durability="sync")
    ids = ids_of(saver, config_of())[::-1]
    corrected = 0
    for number, last in enumerate(ids):
        thread_id = f"t{number}"
        saver.copy_thread("t", thread_id)
        doomed = [(thread_id, "", str(each)) for each in ids[number:]]
        store = home.store()
        store.delete([layout.checkpoint_key(*place) for place in doomed[1:]])
        store.delete([key for place in doomed for key in saver._repository.writes_keys(*place)])
        config = config_of(thread_id)
        before = graph.get_state(config)
        if "plan" not in json.loads(saver.editing().open(thread_id).text):
            continue
        corrected += 1
        assert id_of(saver.edit_state(thread_id, {"plan": "corrected"})) != last
        assert graph.get_state(config).next == before.next
        ran: Counter[str] = Counter()
        result = line(home.saver(), ran).invoke(None, config)
        assert "".join(name for name in "abced" if ran[name]) == FOLLOWING[before.next]
        plan = "second" if before.next == ("__start__",) else "corrected"
        assert result["done"][len(before.values["done"]) :] == [f"{name}: {plan}" for name in "abced" if ran[name]]
    assert corrected == len(FOLLOWING) * 2 - 1, "all but the first input, before which there is no plan"
