"""A call that dies at any of its store operations leaves the old state or the new one, and can be repeated."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from langgraph.checkpoint.base import CheckpointTuple

from langgraph_filesaver import FileSaver
from tests.checkpoints import checkpoint_of, config_of, id_of, metadata_of, put
from tests.crash.faulty_store import FaultyStore, KilledError
from tests.stores import HOME_KINDS, Home

_MOST_OPERATIONS = 400
_HASHED = "Research/42?"  # a thread whose folder needs a file to tell its id

WRITE = config_of("t", "", "c2")
"""Where the writes under test go."""

Place = tuple[str, str, str]
"""(thread_id, checkpoint_ns, checkpoint_id)"""


@dataclass(frozen=True)
class Shown:
    """What a caller can learn of one checkpoint."""

    found: CheckpointTuple
    delta_history: Any

    @property
    def parent(self) -> str | None:
        return id_of(self.found.parent_config)

    @property
    def writes(self) -> list[tuple[str, str, Any]]:
        return self.found.pending_writes or []

    def is_alike_but_for_parent_and_writes(self, other: Shown) -> bool:
        mine, theirs = self.found, other.found
        return (mine.config, mine.checkpoint, mine.metadata) == (theirs.config, theirs.checkpoint, theirs.metadata)


class Call(NamedTuple):
    """A call under test: what is there before, and the call."""

    prepare: Callable[[FileSaver], Any]
    act: Callable[[FileSaver], Any]


def place_of(found: CheckpointTuple) -> Place:
    configurable = found.config["configurable"]
    return configurable["thread_id"], configurable["checkpoint_ns"], configurable["checkpoint_id"]


def delta_history(saver: FileSaver, found: CheckpointTuple) -> Any:
    """Return what `messages` is rebuilt from, where it is: a stored value needs nothing else."""
    if "messages" in found.checkpoint["channel_values"] or "messages" not in found.checkpoint["channel_versions"]:
        return None
    return saver.get_delta_channel_history(config=found.config, channels=["messages"])


def everything(home: Home) -> dict[Place, Shown]:
    """Return all that a saver just opened shows, and check that its ways of asking agree."""
    saver = home.saver()
    listed = list(saver.list(None))
    shown = {}
    for found in listed:
        place = place_of(found)
        assert saver.get_tuple(found.config) == found
        shown[place] = Shown(found, delta_history(saver, found))
    latest: dict[tuple[str, str], CheckpointTuple] = {}
    for found in listed:
        latest.setdefault(place_of(found)[:2], found)
    for (thread_id, checkpoint_ns), found in latest.items():
        assert saver.get_tuple(config_of(thread_id, checkpoint_ns)) == found
    # A thread that nobody lists must not show checkpoints to those who know its name.
    for thread_id in {_HASHED, "t", "u"} - {place[0] for place in shown}:
        assert list(saver.list(config_of(thread_id, None))) == []
    return shown


def crashes(
    kind: str, folder: Path, call: Call
) -> Iterator[tuple[dict[Place, Shown], dict[Place, Shown], dict[Place, Shown]]]:
    """Let the call die at each of its operations; yield (before, after the crash, undisturbed), then repeat the call."""
    numbers = itertools.count()

    def new_home() -> Home:
        home = Home(kind, folder / str(next(numbers)))
        call.prepare(home.saver())
        return home

    home = new_home()
    before = everything(home)
    call.act(home.saver())
    final = everything(home)
    for landed in (False, True):
        for at in range(1, _MOST_OPERATIONS):
            home = new_home()
            faulty = FaultyStore(home.store(), at, landed=landed)
            try:
                call.act(FileSaver(faulty))
            except KilledError:
                yield before, everything(home), final
                call.act(home.saver())
                assert everything(home) == final, f"repeated after a death at operation {at}, landed: {landed}"
            else:
                assert at > 2
                assert everything(home) == final
                break
        else:
            raise AssertionError("the call comes to no end")


def chain(saver: FileSaver, thread_id: str = "t", **options: Any) -> None:
    """Put three checkpoints, each the parent of the next, with two writes on each."""
    parent = None
    for step in range(3):
        put(saver, f"c{step}", {"n": step}, thread_id=thread_id, parent=parent, step=step, **options)
        parent = f"c{step}"
        for task in ("task-1", "task-2"):
            saver.put_writes(config_of(thread_id, "", parent), [("n", [step, task]), ("m", None)], task, "path")


def put_delta(
    saver: FileSaver,
    checkpoint_id: str,
    parent: str | None,
    *,
    messages: Any = None,
    run_id: str = "run-1",
    **others: Any,
) -> None:
    """Put a checkpoint of a graph with a DeltaChannel `messages`, which is in its state only where it is given."""
    values = {"n": checkpoint_id} if messages is None else {"n": checkpoint_id, "messages": messages}
    version = f"{int(checkpoint_id[1:]) + 1:032}.5"
    config = config_of("t", "", parent)
    saver.put(
        config,
        checkpoint_of(checkpoint_id, values, {"n": version, "messages": version}),
        metadata_of(
            int(checkpoint_id[1:]), counters_since_delta_snapshot={"messages": (1, 1)}, run_id=run_id, **others
        ),
        {"n": version, "messages": version},
    )


def two_chains(saver: FileSaver) -> None:
    """The same chain in a thread with a plain name and in one with a hashed name."""
    chain(saver)
    chain(saver, _HASHED)


def resumed_twice(saver: FileSaver) -> None:
    """A chain whose last checkpoint has got two answers, the second holding the first."""
    chain(saver)
    for answers in (["a"], ["a", "b"]):
        saver.put_writes(WRITE, [("__resume__", answers)], "null")


def delta_chain(saver: FileSaver) -> None:
    """Six checkpoints of three runs; `messages` is stored in the third, and otherwise written on every parent."""
    for step in range(6):
        parent = None if step == 0 else f"c{step - 1}"
        if parent is not None:
            saver.put_writes(
                config_of("t", "", parent, run_id=f"run-{step // 2}"),
                [("messages", [f"message {step}"])],
                f"task-{step}",
            )
        put_delta(saver, f"c{step}", parent, messages=["all so far"] if step == 2 else None, run_id=f"run-{step // 2}")
    # A fork that nothing keeps: it needs a checkpoint that stays and one that goes.
    saver.put_writes(config_of("t", "", "c1", run_id="run-9"), [("messages", ["a fork"])], "fork")
    put_delta(saver, "c6", "c1", run_id="run-9")
    saver.put_writes(config_of("t", "", "c5", run_id="run-9"), [("messages", ["left over"])], "left")
    put_delta(saver, "c7", "c5")
    saver.put_writes(config_of("t", "", "c7"), [("messages", ["pending"])], "pending")


def runs(saver: FileSaver) -> None:
    """Two threads; in each, the second run put the last checkpoint, and wrote on one of the first run's."""
    for thread_id in ("t", _HASHED):
        for step, run_id in enumerate(("run-1", "run-1", "run-2", "run-2")):
            parent = None if step == 0 else f"c{step - 1}"
            put(saver, f"c{step}", {"n": step}, thread_id=thread_id, parent=parent, metadata={"run_id": run_id})
            saver.put_writes(config_of(thread_id, "", f"c{step}", run_id=run_id), [("n", step)], "task-1")
        for task in ("task-2", "task-3"):
            saver.put_writes(config_of(thread_id, "", "c1", run_id="run-2"), [("n", task)], task)


def with_subgraph(saver: FileSaver) -> None:
    """A chain, and two subgraph calls: one from a checkpoint that is pruned, one from the head."""
    chain(saver)
    for step in range(3):
        metadata = {"parents": {"": f"c{step}"}}
        put(saver, f"d{step}", {"inner": step}, checkpoint_ns=f"node:{step}", metadata=metadata)
        saver.put_writes(config_of("t", f"node:{step}", f"d{step}"), [("inner", step)], "inner")


def nothing(saver: FileSaver) -> None:
    """Leave the place empty."""


ADDING = {
    "put, the first of all": Call(nothing, lambda saver: put(saver, "c0", {"n": 0})),
    "put, the first of a thread with a hashed name": Call(
        chain, lambda saver: put(saver, "c0", {"n": 0}, thread_id=_HASHED)
    ),
    "put, a new one": Call(chain, lambda saver: put(saver, "c3", {"n": 3}, parent="c2", step=3)),
    "put, the same id again": Call(chain, lambda saver: put(saver, "c1", {"n": "again"}, parent="c0", step=1)),
    "put_writes, the first of a task": Call(
        chain, lambda saver: saver.put_writes(WRITE, [("n", 1), ("__interrupt__", "?")], "new")
    ),
    "put_writes, the second of a task": Call(
        chain, lambda saver: saver.put_writes(WRITE, [("n", 1), ("m", 2), ("k", 3)], "task-1")
    ),
    "put_writes, repeated": Call(
        chain, lambda saver: saver.put_writes(WRITE, [("n", [2, "task-1"]), ("m", None)], "task-1", "path")
    ),
    "put_writes, a resume value for the third time": Call(
        resumed_twice,
        lambda saver: saver.put_writes(WRITE, [("__resume__", ["a", "b", "c"])], "null"),
    ),
    "copy_thread": Call(with_subgraph, lambda saver: saver.copy_thread("t", "u")),
    "copy_thread onto a hashed name": Call(chain, lambda saver: saver.copy_thread("t", _HASHED)),
    "copy_thread of DeltaChannels": Call(delta_chain, lambda saver: saver.copy_thread("t", "u")),
}

REMOVING = {
    "prune": Call(chain, lambda saver: saver.prune(["t"])),
    "prune with subgraphs": Call(with_subgraph, lambda saver: saver.prune(["t"])),
    "prune with DeltaChannels": Call(delta_chain, lambda saver: saver.prune(["t"])),
    "prune two threads": Call(two_chains, lambda saver: saver.prune(["t", _HASHED])),
    "delete_for_runs": Call(runs, lambda saver: saver.delete_for_runs(["run-2"])),
    "delete_for_runs of the first run": Call(runs, lambda saver: saver.delete_for_runs(["run-1"])),
    "delete_for_runs with DeltaChannels": Call(delta_chain, lambda saver: saver.delete_for_runs(["run-1", "run-9"])),
    "delete_thread": Call(with_subgraph, lambda saver: saver.delete_thread("t")),
    "delete_thread with a hashed name": Call(two_chains, lambda saver: saver.delete_thread(_HASHED)),
}


@pytest.mark.parametrize("kind", HOME_KINDS)
@pytest.mark.parametrize("name", ADDING)
def test_a_call_that_adds(kind: str, name: str, tmp_path: Path) -> None:
    """[O5] What was acknowledged before is there as it was, what the call brought is there whole or not at all."""
    deaths = 0
    for before, after, final in crashes(kind, tmp_path, ADDING[name]):
        deaths += 1
        assert before.keys() <= after.keys() <= final.keys()
        for place, shown in after.items():
            assert shown in (before.get(place), final[place])
    assert deaths > 3


@pytest.mark.parametrize("kind", HOME_KINDS)
def test_copying_into_a_thread_that_has_some(kind: str, tmp_path: Path) -> None:
    """What the target had, it keeps; the writes come to it one by one, and all else that comes is whole."""

    def prepare(saver: FileSaver) -> None:
        chain(saver)
        put(saver, "c1", {"n": "mine"}, thread_id="u")
        saver.put_writes(config_of("u", "", "c1"), [("n", "mine")], "task-1")

    for before, after, final in crashes(kind, tmp_path, Call(prepare, lambda saver: saver.copy_thread("t", "u"))):
        assert before.keys() <= after.keys() <= final.keys()
        for place, shown in after.items():
            if place == ("u", "", "c1"):
                assert shown.is_alike_but_for_parent_and_writes(before[place])
                assert shown.parent is None
                assert all(write in shown.writes for write in before[place].writes)
                assert all(write in final[place].writes for write in shown.writes)
            else:
                assert shown == final[place]


@pytest.mark.parametrize("kind", HOME_KINDS)
@pytest.mark.parametrize("name", REMOVING)
def test_a_call_that_removes(kind: str, name: str, tmp_path: Path) -> None:
    """What stays is there as it was; what goes is there whole, with its writes and its way to its values, or not at all."""
    deaths = 0
    for before, after, final in crashes(kind, tmp_path, REMOVING[name]):
        deaths += 1
        assert final.keys() <= after.keys() <= before.keys()
        for place, shown in after.items():
            assert_whole(place, shown, before, after, final)
    assert deaths > 3


def assert_whole(
    place: Place,
    shown: Shown,
    before: Mapping[Place, Shown],
    after: Mapping[Place, Shown],
    final: Mapping[Place, Shown],
) -> None:
    """Check one checkpoint that is still there after a deleting call has died."""
    old = before[place]
    assert shown.is_alike_but_for_parent_and_writes(old)
    if place in final:
        assert shown.parent in (old.parent, final[place].parent)
        assert shown.parent is None or (*place[:2], shown.parent) in after
        # The writes that a run has left go one by one; no other write does.
        assert all(write in old.writes for write in shown.writes)
        assert all(write in shown.writes for write in final[place].writes)
        assert shown.delta_history in (old.delta_history, final[place].delta_history) or shown.writes != old.writes
    else:
        assert shown.writes == old.writes
        assert shown.delta_history == old.delta_history
        assert shown.parent is None or (*place[:2], shown.parent) in after or (*place[:2], shown.parent) not in final
