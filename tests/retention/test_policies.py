"""Which checkpoints policies keep: the pure plan, over threads of any shape."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from langgraph.checkpoint.serde.types import INTERRUPT

from langgraph_filesaver._retention import CheckpointFacts, Policy, ThreadFacts, WritesFacts, keep_latest, plan

_NOW = datetime(2026, 11, 24, tzinfo=timezone.utc)


def thread(count: int, *, delta_every: int = 0, runs: int = 1, interrupts: tuple[int, ...] = ()) -> ThreadFacts:
    """A line of checkpoints, one an hour, of which every so many stores a snapshot of the delta channel `log`."""
    facts = [
        CheckpointFacts(
            place=("", f"{number:03}"),
            parent_id=f"{number - 1:03}" if number else None,
            run_id=f"run-{number % runs}",
            calling=frozenset(),
            versioned=frozenset({"log"}) if delta_every else frozenset(),
            stored=frozenset({"log"}) if delta_every and number % delta_every == 0 else frozenset(),
            delta=frozenset({"log"}) if delta_every else frozenset(),
            made_at=_NOW - timedelta(hours=count - number),
        )
        for number in range(count)
    ]
    writes = [
        WritesFacts(f"w.{number}.0.json", ("", f"{number:03}"), None, frozenset({INTERRUPT})) for number in interrupts
    ]
    return ThreadFacts({each.place: each for each in facts}, writes)


def kept(facts: ThreadFacts, **policy: Any) -> list[int]:
    return sorted(int(place[1]) for place in plan(facts, Policy(**policy)).kept)


def test_each_policy_keeps_what_it_says() -> None:
    """The last ones, the young ones, the last of each run; what any of them keeps, stays."""
    assert kept(thread(10), keep_last=3) == [7, 8, 9]
    assert kept(thread(10), keep_last=99) == list(range(10))
    assert kept(thread(10), made_before=_NOW - timedelta(hours=4)) == [6, 7, 8, 9]
    assert kept(thread(10, runs=3), keep_per_run=1) == [7, 8, 9]
    assert kept(thread(10, runs=2), keep_last=1, keep_per_run=2) == [6, 7, 8, 9]
    assert kept(thread(10)) == [9] == sorted(int(place[1]) for place in keep_latest(thread(10)).kept)


def test_reasons_are_told_in_words() -> None:
    """Each checkpoint that stays has its reason, such as being the seed of a delta channel."""
    found = plan(thread(10, delta_every=4), Policy(keep_last=1)).kept
    assert found == {
        ("", "009"): "head of its namespace",
        ("", "008"): "seed of delta channel `log` of 009",
    }
    assert plan(thread(3), Policy(keep_last=2)).kept["", "001"] == "one of the last 2 of its namespace"
    assert plan(thread(3), Policy(made_before=_NOW - timedelta(days=1))).kept["", "000"] == "younger than asked for"


def test_a_checkpoint_that_does_not_tell_its_age_stays() -> None:
    """Without a time nobody knows that it is old."""
    facts = thread(3)
    odd = CheckpointFacts(("", "000"), None, None, frozenset(), frozenset(), frozenset(), frozenset())
    places = {**facts.checkpoints, odd.place: odd}
    assert 0 in kept(ThreadFacts(places, []), made_before=_NOW)


@given(
    count=st.integers(1, 25),
    delta_every=st.integers(0, 6),
    runs=st.integers(1, 4),
    keep_last=st.none() | st.integers(1, 8),
    keep_per_run=st.none() | st.integers(1, 3),
    hours=st.none() | st.integers(0, 30),
)
def test_what_stays_can_show_its_state_and_the_policy_is_kept(
    count: int, delta_every: int, runs: int, keep_last: int | None, keep_per_run: int | None, hours: int | None
) -> None:
    """[O11] Whatever the policy: the head stays, at least what was asked for stays, and every checkpoint finds its seeds."""
    facts = thread(count, delta_every=delta_every, runs=runs, interrupts=(0,) if count == 1 else ())
    policy = Policy(keep_last, None if hours is None else _NOW - timedelta(hours=hours), keep_per_run)
    found = plan(facts, policy)
    assert set(found.remove) | set(found.kept) == set(facts.checkpoints)
    assert not set(found.remove) & set(found.kept)
    assert ("", f"{count - 1:03}") in found.kept
    assert len(found.kept) >= min(count, keep_last or 1)
    assert found.remove == sorted(found.remove, reverse=True)
    for place in found.kept if delta_every else ():
        each = facts.checkpoints[place]
        while "log" not in each.stored:
            each = facts.checkpoints["", str(each.parent_id)]
            assert each.place in found.kept
