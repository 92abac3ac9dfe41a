"""Runs that are deleted: their checkpoints and writes go, and what others need of them stays."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.types import Command, Durability, interrupt

from tests.graphs.anonymous import Graph, plain
from tests.graphs.delta_graphs import Workshop, listed, place_of
from tests.graphs.threads import (
    CONFIG,
    Trail,
    asking,
    chain,
    each_durability,
    each_shop,
    leaving,
    nested,
    of_run,
    values,
)
from tests.stores import Home

# --- runs


@pytest.mark.parametrize("given", ["metadata", "configurable", "both"])
@each_durability
def test_an_interrupted_run_is_rolled_back(home: Home, given: str, durability: Durability) -> None:
    """Rid of a run that answered a question and met the next one, the thread is as before it, and goes on."""

    def config(run_id: str) -> RunnableConfig:
        config: RunnableConfig = {"configurable": {"thread_id": "t"}}
        if given != "configurable":
            config["metadata"] = {"run_id": run_id}
        if given != "metadata":
            config["configurable"]["run_id"] = run_id
        return config

    def twice(state: Trail) -> dict[str, list[str]]:
        return {"trail": [interrupt("first?"), interrupt("second?")]}

    def graph() -> Graph:
        return chain(home.saver(), begin=leaving("begin"), twice=twice)

    def whole() -> list[Any]:
        return [plain(each) for each in listed(home.saver())]

    graph().invoke({"trail": ["go"]}, config("one"), durability=durability)
    before = whole()
    for answer in ("wrong", "wrong again"):
        asked = graph().invoke(Command(resume=answer), config("two"), durability=durability)
        assert asked["__interrupt__"][0].value == "second?"
        assert whole() != before
        home.saver().delete_for_runs(["two"])
        assert whole() == before
    asked = graph().invoke(Command(resume="right"), config("three"), durability=durability)
    assert asked["__interrupt__"][0].value == "second?"
    told = graph().invoke(Command(resume="too"), config("four"), durability=durability)
    assert told["trail"] == ["go", "begin 1", "right", "too"]


@each_durability
def test_a_run_between_two_others_leaves_no_gap_for_later_answers(home: Home, durability: Durability) -> None:
    """Rid of a run between two that answered questions of one node, the next answer counts, and not an older one."""

    def thrice(state: Trail) -> dict[str, list[str]]:
        return {"trail": [interrupt("first?"), interrupt("second?"), interrupt("third?")]}

    def answer(run_id: str, given: Any) -> Any:
        return chain(home.saver(), thrice=thrice).invoke(given, of_run(run_id), durability=durability)

    answer("one", {"trail": []})
    answer("two", Command(resume="a"))
    asked = answer("three", Command(resume="b"))
    assert asked["__interrupt__"][0].value == "third?"
    home.saver().delete_for_runs(["two"])
    assert answer("four", Command(resume="c"))["trail"] == ["a", "b", "c"]


@each_durability
def test_a_finished_run_is_rolled_back(home: Home, durability: Durability) -> None:
    """Rid of its last run, with its subgraphs, the thread is as before it; other runs and threads stay."""
    graph = nested(home.saver(), "a")
    for run_id in ("one", "one more"):
        graph.invoke({"trail": [run_id]}, of_run(run_id), durability=durability)
        graph.invoke(Command(resume="yes"), of_run(run_id), durability=durability)
    other: RunnableConfig = {"configurable": {"thread_id": "other", "run_id": "another"}}
    graph.invoke({"trail": []}, other, durability=durability)
    before = {thread_id: [plain(each) for each in listed(home.saver(), thread_id)] for thread_id in ("t", "other")}
    graph.invoke({"trail": ["two"]}, of_run("two"), durability=durability)
    graph.invoke(Command(resume="yes"), of_run("two"), durability=durability)
    home.saver().delete_for_runs(["two", "unknown"])
    after = {thread_id: [plain(each) for each in listed(home.saver(), thread_id)] for thread_id in ("t", "other")}
    assert after == before


def test_a_threads_only_run_leaves_nothing(home: Home) -> None:
    """Rid of all its runs, a thread has no checkpoints and no writes."""
    nested(home.saver(), "a").invoke({"trail": []}, of_run("one"))
    assert listed(home.saver())
    home.saver().delete_for_runs(["one"])
    assert listed(home.saver()) == []
    assert not any(key.startswith("t/") for key in home.files())


@each_shop
@each_durability
def test_a_run_that_others_build_on_keeps_what_they_need(shop: Workshop, durability: Durability, home: Home) -> None:
    """Rid of a run in the middle, DeltaChannels of the runs after it show the same, and what nobody needs is gone."""
    graph = shop.graph(home.saver())
    for run_id in ("one", "two", "three"):
        graph.invoke({"log": [run_id], "do": []}, of_run(run_id), durability=durability)
    before = values(home.saver(), shop)
    others = {place_of(each) for each in listed(home.saver()) if each.metadata.get("run_id") != "two"}
    home.saver().delete_for_runs(["two"])
    after = values(home.saver(), shop)
    assert after == {place: before[place] for place in after}
    assert others <= after.keys()
    if shop.log == shop.marks == 1:
        assert len(after) < len(before)


# --- arguments and versions


@pytest.mark.parametrize("given", ["metadata", "configurable"])
def test_writes_belong_to_the_run_that_made_them(home: Home, given: Literal["metadata", "configurable"]) -> None:
    """Writes say which run made them, wherever the config says so; writes of a removed run that have no checkpoint go."""
    chain(home.saver(), ask=asking("what?")).invoke({"trail": []}, CONFIG)
    before = [plain(each) for each in listed(home.saver())]
    for checkpoint_id in (place_of(listed(home.saver())[0])[1], "ffffffff-ffff-6fff-8fff-ffffffffffff"):
        config: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": checkpoint_id}}
        config.setdefault(given, {})["run_id"] = "late"
        home.saver().put_writes(config, [("trail", ["late"])], "task of the late run")
    files = home.files()
    home.saver().delete_for_runs(["another"])
    assert home.files() == files
    assert [plain(each) for each in listed(home.saver())] != before
    home.saver().delete_for_runs(["late"])
    assert len(home.files()) == len(files) - 1
    assert [plain(each) for each in listed(home.saver())] == before


def test_the_last_special_write_counts_after_a_run_in_between_went(home: Home) -> None:
    """Of special writes by three runs the middle one's go, and one put afterwards still counts as the last."""
    chain(home.saver(), ask=asking("what?")).invoke({"trail": []}, of_run("zero"))
    (head, *_) = listed(home.saver())

    def answer(run_id: str) -> None:
        config = of_run(run_id, place_of(head)[1])
        config["configurable"]["checkpoint_ns"] = ""
        home.saver().put_writes(config, [("__resume__", [run_id])], "task")

    def answers() -> list[Any]:
        return [write[2] for write in listed(home.saver())[0].pending_writes or [] if write[0] == "task"]

    for run_id in ("one", "two", "three"):
        answer(run_id)
    home.saver().delete_for_runs(["two"])
    assert answers() == [["three"]]
    answer("four")
    assert answers() == [["four"]]
    home.saver().delete_for_runs(["four"])
    assert answers() == [["three"]]
