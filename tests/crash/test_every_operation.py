"""A call that dies at any of its store operations leaves the old state or the new one, and can be repeated."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from langgraph_filesaver import FileSaver
from tests.checkpoints import config_of, put
from tests.crash.calls import ADDING, REMOVING, Call, chain
from tests.crash.faulty_store import FaultyStore, KilledError
from tests.crash.shown import State, assert_added, assert_removed, everything
from tests.stores import LONG_KINDS, Home

_MOST_OPERATIONS = 400


def crashes(kind: str, folder: Path, call: Call) -> Iterator[tuple[State, State, State]]:
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


@pytest.mark.parametrize("kind", LONG_KINDS)
@pytest.mark.parametrize("name", ADDING)
def test_a_call_that_adds(kind: str, name: str, tmp_path: Path) -> None:
    """[O5] What was acknowledged before is there as it was, what the call brought is there whole or not at all."""
    deaths = 0
    for before, after, final in crashes(kind, tmp_path, ADDING[name]):
        deaths += 1
        assert_added(before, after, final)
    assert deaths > 3


@pytest.mark.parametrize("kind", LONG_KINDS)
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


@pytest.mark.parametrize("kind", LONG_KINDS)
@pytest.mark.parametrize("name", REMOVING)
def test_a_call_that_removes(kind: str, name: str, tmp_path: Path) -> None:
    """What stays is there as it was; what goes is there whole, with its writes and its way to its values, or not at all."""
    deaths = 0
    for before, after, final in crashes(kind, tmp_path, REMOVING[name]):
        deaths += 1
        assert_removed(before, after, final)
    assert deaths > 3
