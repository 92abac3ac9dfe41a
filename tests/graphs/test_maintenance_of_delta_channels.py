"""Pruning, deletion of runs and copies of threads with DeltaChannels: what stays listed shows what it showed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END
from langgraph.types import Command, Durability, Overwrite

from langgraph_filesaver import FileSaver
from tests.graphs.anonymous import Graph, plain
from tests.graphs.delta_graphs import NEVER, Workshop, listed, place_of, states
from tests.graphs.threads import (
    CONFIG,
    DURABILITIES,
    config_in,
    each_durability,
    each_shop,
    of_run,
    values,
)
from tests.stores import LONG_KINDS, Home

EXAMPLES = 1000 if settings.get_current_profile_name() == "search" else 25


Move = tuple[str, int, list[str], Durability]


def play(graph: Graph, moves: list[Move], pause: Callable[[], None] = lambda: None) -> None:
    """Make the moves on a thread, each as a run of its own, `pause` after each."""
    for number, (kind, which, do, durability) in enumerate(moves):
        # Step -2 is the empty checkpoint that durability "exit" hangs writes on: nothing begins there.
        history = [state for state in graph.get_state_history(CONFIG) if state.metadata and state.metadata["step"] > -2]
        if kind == "run" or not history:
            graph.invoke({"log": [f"run {number}"], "do": do}, of_run(f"run {number}"), durability=durability)
        elif kind == "resume":
            graph.invoke(Command(resume=f"resume {number}"), of_run(f"run {number}"), durability=durability)
        else:
            past = history[which % len(history)].config["configurable"]["checkpoint_id"]
            config = of_run(f"run {number}", past)
            if kind == "replay":
                graph.invoke(None, config, durability=durability)
            elif kind == "branch":
                graph.invoke({"log": [f"branch {number}"], "do": do}, config, durability=durability)
            elif kind == "clear":
                graph.update_state(config, None, as_node=END)
            elif kind == "copy":
                graph.update_state(config, None, as_node="__copy__")
            else:
                log: Any = [f"update {number}"]
                update = (
                    {"log": Overwrite(log) if "reset" in do else log} if which % 2 else {"marks": {"update": number}}
                )
                graph.update_state(config, update, as_node="left" if which % 3 else "plan")
        pause()


words = some.lists(some.sampled_from(["reset", "ask", "inner", "ask inside", "skip"]), max_size=2, unique=True)
moves = some.lists(
    some.tuples(
        some.sampled_from(["run", "run", "resume", "replay", "branch", "update", "update", "clear", "copy"]),
        some.integers(0, 9),
        words,
        some.sampled_from(DURABILITIES),
    ),
    min_size=1,
    max_size=4,
)
shops = some.builds(Workshop, *[some.sampled_from([1, 2, 3, NEVER])] * 3)
serdes = some.sampled_from([None, JsonPlusSerializer()])


def saver_in(root: Path, serde: SerializerProtocol | None = None) -> FileSaver:
    return FileSaver(root, serde=serde, fsync=False)


@given(shop=shops, played=moves, serde=serdes, last=some.sampled_from(DURABILITIES))
@settings(max_examples=EXAMPLES)
def test_whatever_maintenance_leaves_shows_what_it_showed(
    shop: Workshop, played: list[Move], serde: SerializerProtocol | None, last: Durability, tmp_path_factory: Any
) -> None:
    """A random thread, copied, pruned, or rid of any of its runs: each checkpoint listed shows what it did before."""
    root: Path = tmp_path_factory.mktemp("threads")
    saver = saver_in(root / "checkpoints", serde)

    def look() -> None:
        before = states(saver, shop)
        pending = {place_of(each): plain(each.pending_writes) for each in listed(saver)}
        saver.delete_thread("copy")
        saver.copy_thread("t", "copy")
        assert states(saver, shop, "copy") == before

        saver.prune(["copy"])
        kept = states(saver, shop, "copy")
        assert max(before) in kept or "" not in max(before)
        assert kept == {place: before[place] for place in kept}
        for each in listed(saver, "copy"):
            assert plain(each.pending_writes) == pending[place_of(each)]
        saver.prune(["copy"])
        assert states(saver, shop, "copy") == kept

    play(shop.graph(saver), played, look)
    look()
    assert shop.graph(saver).get_state(config_in("copy")).next == shop.graph(saver).get_state(CONFIG).next
    ends = []
    for thread_id in ("t", "copy"):
        told = shop.graph(saver).invoke(Command(resume="yes"), config_in(thread_id), durability=last)
        told = shop.graph(saver).invoke({"log": ["last"], "do": ["inner"]}, config_in(thread_id), durability=last)
        ends.append((told, shop.graph(saver).get_state(config_in(thread_id)).values))
    assert ends[0] == ends[1]
    assert ends[0][0] == ends[0][1]


@given(shop=shops, played=moves, serde=serdes)
@settings(max_examples=EXAMPLES)
def test_whatever_a_removed_run_leaves_shows_what_it_showed(
    shop: Workshop, played: list[Move], serde: SerializerProtocol | None, tmp_path_factory: Any
) -> None:
    """A random thread rid of any of its runs keeps every other checkpoint, and each that is listed shows its values."""
    root: Path = tmp_path_factory.mktemp("threads")
    saver = saver_in(root / "checkpoints", serde)
    play(shop.graph(saver), played)
    before = values(saver, shop)
    run_of = {place_of(each): each.metadata.get("run_id") for each in listed(saver)}
    for run_id in {str(run_id) for run_id in run_of.values()}:
        rest = root / run_id
        shutil.copytree(root / "checkpoints", rest)
        saver_in(rest, serde).delete_for_runs([run_id])
        after = values(saver_in(rest, serde), shop)
        assert after == {place: before[place] for place in after}
        assert after.keys() >= {place for place, its_run in run_of.items() if its_run != run_id}
        if run_id == run_of[max(run_of)]:
            assert after.keys() < before.keys()


@each_shop
@each_durability
@pytest.mark.parametrize("kind", LONG_KINDS)
def test_pruned_delta_channels_show_their_state_and_go_on(
    shop: Workshop, durability: Durability, kind: str, tmp_path: Path
) -> None:
    """Pruned after each turn, a thread with DeltaChannels ends as it does without, and holds no more than its way back."""
    home = Home(kind, tmp_path / "checkpoints")
    for thread_id in ("whole", "pruned"):
        for turn, do in enumerate((["inner"], ["ask inside", "inner"], ["reset"], ["skip"], [])):
            graph, config = shop.graph(home.saver()), config_in(thread_id)
            told = graph.invoke({"log": [f"turn {turn}"], "do": do}, config, durability=durability)
            while True:
                before = states(home.saver(), shop, thread_id)
                if thread_id == "pruned":
                    home.saver().prune(["pruned"])
                    after = states(home.saver(), shop, "pruned")
                    assert after == {place: before[place] for place in after}
                if "__interrupt__" not in told:
                    break
                told = graph.invoke(Command(resume="yes"), config, durability=durability)
    ends = [shop.graph(home.saver()).get_state(config_in(thread_id)).values for thread_id in ("whole", "pruned")]
    assert ends[0] == ends[1] == {name: told[name] for name in ends[0]}
    left = {place_of(each): each for each in listed(home.saver(), "pruned")}
    assert len(left) <= len(listed(home.saver(), "whole"))
    for (checkpoint_ns, _), each in left.items():
        # A checkpoint that is listed because of the DeltaChannels shows the subgraph calls it showed.
        calling = each.metadata.get("parents", {})
        assert checkpoint_ns == "" or all(place in left for place in calling.items())
    if shop.log == shop.marks == 1:
        assert len(left) == (1 if durability == "exit" else 2)
