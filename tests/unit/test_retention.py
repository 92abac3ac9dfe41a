"""`_retention`: plans as tables, and as laws that hold for every thread."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.checkpoint.serde.types import INTERRUPT

from langgraph_filesaver._retention import (
    CheckpointFacts,
    Place,
    Plan,
    ThreadFacts,
    WritesFacts,
    for_runs,
    keep_latest,
)
from tests.checkpoints import config_of, ids_of, put
from tests.stores import Home


def made(
    checkpoint_id: str,
    parent_id: str | None = None,
    *,
    ns: str = "",
    run: str | None = None,
    calling: Collection[Place] = (),
    versioned: str = "",
    stored: str = "",
    delta: str = "",
) -> CheckpointFacts:
    """Return a checkpoint's facts; channels are single letters."""
    return CheckpointFacts(
        place=(ns, checkpoint_id),
        parent_id=parent_id,
        run_id=run,
        calling=frozenset(calling),
        versioned=frozenset(versioned),
        stored=frozenset(stored),
        delta=frozenset(delta),
    )


def wrote(
    key: str, checkpoint_id: str, channels: Iterable[str] = "a", *, ns: str = "", run: str | None = None
) -> WritesFacts:
    return WritesFacts(key, (ns, checkpoint_id), run, frozenset(channels))


def thread_of(checkpoints: Iterable[CheckpointFacts], writes: Collection[WritesFacts] = ()) -> ThreadFacts:
    return ThreadFacts({facts.place: facts for facts in checkpoints}, writes)


def kept_of(plan: Plan) -> set[str]:
    """Return the kept places as `ns/id`, the root's as `id`."""
    return {f"{ns}/{checkpoint_id}" if ns else checkpoint_id for ns, checkpoint_id in plan.kept}


LINE = [made("1"), made("2", "1"), made("3", "2")]
ROOT = [made("1"), made("2", "1"), made("3", "2")]

KEEP_LATEST: dict[str, tuple[Sequence[CheckpointFacts], Sequence[WritesFacts], set[str]]] = {
    "nothing": ([], [], set()),
    "one": ([made("1")], [], {"1"}),
    "the greatest id, not the last in the line": ([made("9"), made("10", "9"), made("2", "10")], [], {"9"}),
    "the head of each namespace": (
        [*LINE, made("1", ns="sub"), made("2", "1", ns="sub"), made("5", ns="other")], [], {"3", "sub/2", "other/5"}
    ),
    "writes alone keep nothing": (LINE, [wrote("w", "1", "ab")], {"3"}),
    "an interrupt that was answered goes": (LINE, [wrote("w", "2", [INTERRUPT])], {"3"}),
    "a fork that waits for an answer stays": (
        [*LINE, made("2b", "1")], [wrote("w", "2b", [INTERRUPT, "x"])], {"3", "2b"}
    ),
    "a fork that waits for nobody goes": ([*LINE, made("2b", "1")], [wrote("w", "2b", "x")], {"3"}),
    "a call of the head stays": (
        [*ROOT, made("2b", ns="node:t", calling=[("", "3")]), made("2c", "2b", ns="node:t", calling=[("", "3")])],
        [], {"3", "node:t/2c"},
    ),
    "a finished call goes whole": (
        [*ROOT, made("2b", ns="node:t", calling=[("", "2")]), made("2c", "2b", ns="node:t", calling=[("", "2")])],
        [], {"3"},
    ),
    "a call inside a call goes with it": (
        [*ROOT, made("2b", ns="a:t", calling=[("", "2")]),
         made("2c", ns="a:t|b:u", calling=[("", "2"), ("a:t", "2b")])], [], {"3"},
    ),
    "a call inside a call that lives stays": (
        [*ROOT, made("3b", ns="a:t", calling=[("", "3")]),
         made("3c", ns="a:t|b:u", calling=[("", "3"), ("a:t", "3b")])], [], {"3", "a:t/3b", "a:t|b:u/3c"},
    ),
    "a call whose caller is still to come stays": (
        [*ROOT, made("4b", ns="a:t", calling=[("", "4")])], [], {"3", "a:t/4b"},
    ),
    "a call whose caller was pruned before goes": (
        [made("3"), made("2b", ns="a:t", calling=[("", "2")])], [], {"3"},
    ),
    "a call of a fork that waits stays": (
        [*ROOT, made("2b", "1"), made("2c", ns="a:t", calling=[("", "2b")])],
        [wrote("w", "2b", [INTERRUPT])], {"3", "2b", "a:t/2c"},
    ),
    "a DeltaChannel needs its line back to the value": (
        [made("1", versioned="d", stored="d"), made("2", "1", versioned="d"), made("3", "2", versioned="d", delta="d")],
        [], {"1", "2", "3"},
    ),
    "back to the nearest value and no further": (
        [made("0", versioned="d", stored="d"), made("1", "0", versioned="d", stored="d"), made("2", "1", versioned="d", delta="d")],
        [], {"1", "2"},
    ),
    "a head that stores the value needs nobody": (
        [made("1", versioned="d", stored="d"), made("2", "1", versioned="d", stored="d", delta="d")], [], {"2"},
    ),
    "without any stored value back to the beginning": (
        [made(str(n), str(n - 1) if n else None, versioned="d", delta="d") for n in range(4)], [], {"0", "1", "2", "3"},
    ),
    "each of two channels back to its own value": (
        [made("0", versioned="de", stored="d"), made("1", "0", versioned="de", stored="e"), made("2", "1", versioned="de", delta="de")],
        [], {"0", "1", "2"},
    ),
    "an ancestor that is kept shows all of its own state": (
        # 2 is kept for d of 3, and then needs e back to 0, though 3 stores e itself.
        [made("0", versioned="de", stored="de"), made("1", "0", versioned="de", stored=""),
         made("2", "1", versioned="de", stored="d"), made("3", "2", versioned="de", stored="e", delta="de")],
        [], {"0", "1", "2", "3"},
    ),
    "a channel that was written and never stored counts as one": (
        [made("1", versioned="d"), made("2", "1", versioned="d")], [wrote("w", "1", "d")], {"1", "2"},
    ),
    "a channel that is stored now and then does not": (
        [made("1", versioned="x", stored="x"), made("2", "1", versioned="x")], [wrote("w", "1", "x")], {"2"},
    ),
    "a DeltaChannel of one namespace is none in another": (
        [made("1", versioned="d"), made("2", "1", versioned="d"), made("1", ns="s", versioned="d", delta="d"),
         made("2", "1", ns="s", versioned="d")], [], {"2", "s/1", "s/2"},
    ),
    "a parent that is not there ends the walk": (
        [made("2", "gone", versioned="d", delta="d"), made("3", "2", versioned="d")], [], {"2", "3"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("checkpoints", "writes", "expected"), KEEP_LATEST.values(), ids=KEEP_LATEST)
def test_keep_latest_keeps_exactly(
    checkpoints: Sequence[CheckpointFacts], writes: Sequence[WritesFacts], expected: set[str]
) -> None:
    """[O11] What `keep_latest` keeps of a thread, case by case; everything else is removed, newest first."""
    thread = thread_of(checkpoints, writes)
    plan = keep_latest(thread)
    assert kept_of(plan) == expected
    assert set(plan.remove) == thread.checkpoints.keys() - plan.kept.keys()
    assert [place[1] for place in plan.remove] == sorted((place[1] for place in plan.remove), reverse=True)
    assert plan.empty_writes == []


def test_a_subgraph_with_a_memory_keeps_what_kept_roots_begin_with() -> None:
    """A namespace without `:` keeps its head, and the newest checkpoint older than each kept one of the root."""
    memory = [made(str(number), ns="agent") for number in (10, 20, 30, 40)]
    root = [made("15"), made("25", "15"), made("35", "25"), made("26", "15")]
    plan = keep_latest(thread_of([*root, *memory], [wrote("w", "26", [INTERRUPT])]))
    assert kept_of(plan) == {"35", "26", "agent/40", "agent/30", "agent/20"}


def test_a_kept_checkpoint_without_its_parent_gets_none() -> None:
    """A checkpoint that stays and whose parent goes, or never was, loses its parent; one whose parent stays keeps it."""
    checkpoints = [
        made("1", versioned="d"), made("2", "1", versioned="d", stored="d"), made("3", "2", versioned="d", delta="d"),
        made("4", ns="s"), made("5", "4", ns="s"),
    ]  # fmt: skip
    plan = keep_latest(thread_of(checkpoints))
    assert kept_of(plan) == {"2", "3", "s/5"}
    assert sorted(plan.without_parent) == [("", "2"), ("s", "5")]


def test_writes_whose_checkpoint_never_came_go_once_it_can_come_no_more() -> None:
    """Writes ahead of the newest checkpoint wait for theirs; those of an older one that is not there are litter."""
    waiting = [wrote("ahead", "4"), wrote("new ns, ahead", "4", ns="n:1"), wrote("kept", "3")]
    litter = [wrote("behind", "2b"), wrote("new ns, behind", "2b", ns="n:1")]
    plan = keep_latest(thread_of(ROOT, [*waiting, *litter]))
    assert sorted(plan.remove_writes) == ["behind", "new ns, behind"]


def test_plans_tell_why_each_checkpoint_stays() -> None:
    """Every kept checkpoint has a reason that a person can read."""
    plan = keep_latest(
        thread_of(
            [made("1", versioned="d"), made("2", "1", versioned="d", delta="d"), made("1b")],
            [wrote("w", "1b", [INTERRUPT])],
        )
    )
    assert plan.kept == {
        ("", "2"): "head of its namespace",
        ("", "1b"): "holds an unanswered interrupt",
        ("", "1"): "needed to rebuild d of 2",
    }


FOR_RUNS: dict[str, tuple[Sequence[CheckpointFacts], Sequence[WritesFacts], set[str], list[str], list[str]]] = {
    "checkpoints of the run go, in all namespaces": (
        [made("1", run="a"), made("2", "1", run="b"), made("1", ns="s", run="b"), made("3", "2")], [], {"1", "3"}, [], [],
    ),
    "nothing of other runs, or of none, goes": (
        [made("1", run="a"), made("2", "1", run="c")], [wrote("w", "2", run="c"), wrote("v", "2")], {"1", "2"}, [], [],
    ),
    "writes that the run left on a survivor are emptied": (
        [made("1", run="a"), made("2", "1", run="b")], [wrote("w", "1", run="b"), wrote("v", "1", run="a")], {"1"}, ["w"], [],
    ),
    "writes of the run without a checkpoint go": (
        [made("1", run="a")], [wrote("w", "2", run="b"), wrote("v", "2", run="a")], {"1"}, [], ["w"],
    ),
    "a checkpoint that a survivor's DeltaChannel needs stays": (
        [made("1", run="b", versioned="d"), made("2", "1", run="a", versioned="d", delta="d")],
        [wrote("w", "1", "d", run="b")], {"1", "2"}, [], [],
    ),
    "writes of the run that a survivor's DeltaChannel replays stay": (
        [made("1", run="a", versioned="d"), made("2", "1", run="a", versioned="d", delta="d")],
        [wrote("w", "1", "d", run="b"), wrote("v", "1", "x", run="b")], {"1", "2"}, ["v"], [],
    ),
    "writes that nobody replays any more go": (
        [made("1", run="a", versioned="d", delta="d"), made("2", "1", run="b", versioned="d")],
        [wrote("w", "1", "d", run="b")], {"1"}, ["w"], [],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("checkpoints", "writes", "kept", "emptied", "removed"), FOR_RUNS.values(), ids=FOR_RUNS)
def test_for_runs_removes_exactly(
    checkpoints: Sequence[CheckpointFacts],
    writes: Sequence[WritesFacts],
    kept: set[str],
    emptied: list[str],
    removed: list[str],
) -> None:
    """[O11] What removing run `b` leaves of a thread, case by case: checkpoints, and writes on surviving ones."""
    plan = for_runs(thread_of(checkpoints, writes), {"b"})
    assert kept_of(plan) == kept
    assert (plan.empty_writes, plan.remove_writes) == (emptied, removed)


def carried_out(thread: ThreadFacts, plan: Plan) -> ThreadFacts:
    """Return the thread as it is when a plan has been carried out."""
    orphans = set(plan.without_parent)
    left = {
        place: replace(facts, parent_id=None) if place in orphans else facts
        for place, facts in thread.checkpoints.items()
        if place not in set(plan.remove)
    }
    writes = [
        replace(each, channels=frozenset()) if each.key in plan.empty_writes else each
        for each in thread.writes
        if each.key not in plan.remove_writes and each.place not in set(plan.remove)
    ]
    return ThreadFacts(left, writes)


def rebuilt(thread: ThreadFacts, facts: CheckpointFacts, channel: str) -> list[str]:
    """Return what a channel of a checkpoint is made of: the writes on the way up, and where a value was found."""
    parts: list[str] = []
    here: CheckpointFacts | None = facts
    while here is not None:
        if here is not facts:
            parts += sorted(each.key for each in thread.writes if each.place == here.place and channel in each.channels)
        if channel in here.stored:
            return [*parts, f"value at {here.place}"]
        here = None if here.parent_id is None else thread.checkpoints.get((here.place[0], here.parent_id))
    return parts


@st.composite
def threads(draw: st.DrawFn) -> ThreadFacts:
    """A thread of up to a dozen checkpoints in three namespaces; `d` and `e` are DeltaChannels, `x` is not."""
    checkpoints: list[CheckpointFacts] = []
    writes: list[WritesFacts] = []
    for number in range(draw(st.integers(0, 12))):
        ns = draw(st.sampled_from(["", "", "s", "n:1", "n:1|m:2"]))
        earlier = [facts.place for facts in checkpoints]
        same_ns = [checkpoint_id for place_ns, checkpoint_id in earlier if place_ns == ns]
        callers = [place for place in earlier if place[0] in {"n:1": [""], "n:1|m:2": ["", "n:1"]}.get(ns, [])]
        checkpoints.append(
            made(
                f"{number:02}",
                draw(st.sampled_from([None, "gone", *same_ns])),
                ns=ns,
                run=draw(st.sampled_from(["a", "b", None])),
                calling=draw(st.lists(st.sampled_from(callers), max_size=2)) if callers else [],
                versioned=draw(st.sampled_from(["dex", "de", "d", ""])),
                stored=draw(st.sampled_from(["", "", "x", "d", "e", "de"])),
                delta="de",
            )
        )
    for number in range(draw(st.integers(0, 8))):
        ns, checkpoint_id = draw(st.sampled_from([*(facts.place for facts in checkpoints), ("", "05b")]))
        channels = draw(st.sampled_from([["d"], ["e", "x"], ["d", "e"], [INTERRUPT], ["x"]]))
        writes.append(wrote(f"w{number}", checkpoint_id, channels, ns=ns, run=draw(st.sampled_from(["a", "b", None]))))
    return thread_of(checkpoints, writes)


@given(threads())
def test_no_checkpoint_that_stays_shows_less_than_before(thread: ThreadFacts) -> None:
    """[O11] Whatever the thread: after either plan each DeltaChannel of each listed checkpoint is made of the same parts."""
    for plan in (keep_latest(thread), for_runs(thread, {"b"})):
        after = carried_out(thread, plan)
        for place, facts in after.checkpoints.items():
            for channel in {"d", "e"} & facts.versioned:
                assert rebuilt(after, facts, channel) == rebuilt(thread, thread.checkpoints[place], channel)


@given(threads())
def test_a_plan_that_was_carried_out_has_nothing_left_to_do(thread: ThreadFacts) -> None:
    """Planning again after a plan was carried out removes nothing, so repeating a call is safe."""
    after = carried_out(thread, keep_latest(thread))
    again = keep_latest(after)
    assert (again.remove, again.without_parent, again.remove_writes) == ([], [], [])
    after = carried_out(thread, for_runs(thread, {"b"}))
    again = for_runs(after, {"b"})
    assert (again.remove, again.without_parent, again.remove_writes) == ([], [], [])
    assert [key for key in again.empty_writes if any(each.key == key and each.channels for each in after.writes)] == []


@given(threads())
def test_every_head_that_can_be_resumed_stays_and_other_runs_do_too(thread: ThreadFacts) -> None:
    """The head of the root and of each memory stays under `keep_latest`; no checkpoint of another run goes under `for_runs`."""
    latest = keep_latest(thread)
    for ns in {place[0] for place in thread.checkpoints if ":" not in place[0]}:
        assert (
            ns,
            max(checkpoint_id for place_ns, checkpoint_id in thread.checkpoints if place_ns == ns),
        ) in latest.kept
    plan = for_runs(thread, {"b"})
    assert [place for place in plan.remove if thread.checkpoints[place].run_id != "b"] == []
    assert {each.key for each in thread.writes if each.run_id != "b"}.isdisjoint(
        {*plan.empty_writes, *plan.remove_writes}
    )


def test_planning_changes_nothing_given() -> None:
    """A plan is a proposal: the facts are the same afterwards."""
    thread = thread_of(LINE, [wrote("w", "1", run="b")])
    before = (dict(thread.checkpoints), list(thread.writes))
    keep_latest(thread)
    for_runs(thread, {"b"})
    assert (dict(thread.checkpoints), list(thread.writes)) == before


@pytest.mark.parametrize("name", ["$log", "\ud800", "log"], ids=ascii)
def test_a_delta_channel_of_any_name_survives_pruning(home: Home, name: str) -> None:
    """A DeltaChannel whose name the files must spell in a special way is recognised like any other when pruning."""
    saver = home.saver()
    put(saver, "1", {name: ["seed"]}, step=0)
    for number in (2, 3, 4):
        saver.put_writes(config_of("t", "", str(number - 1)), [(name, [number])], "task")
        checkpoint = saver.get_tuple(config_of())
        assert checkpoint is not None
        onward = {**checkpoint.checkpoint, "id": str(number), "channel_values": {}, "channel_versions": {name: number}}
        counters = {"counters_since_delta_snapshot": {name: [number, number]}}
        saver.put(checkpoint.config, onward, {"step": number, **counters}, {name: number})  # type: ignore[arg-type,typeddict-item]
    before = saver.get_delta_channel_history(config=config_of(), channels=[name])
    assert len(before[name]["writes"]) == 3
    saver.prune(["t"])
    assert saver.get_delta_channel_history(config=config_of(), channels=[name]) == before
    assert ids_of(saver, config_of()) == ["4", "3", "2", "1"]
