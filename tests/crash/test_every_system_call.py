"""A process killed by SIGKILL at any call of the operating system leaves the old state or the new one on local disk."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.calls import ADDING, REMOVING
from tests.crash.mortals import Mortals
from tests.crash.shown import State, assert_added, assert_removed, everything
from tests.stores import Home

_CALLS = {**ADDING, **REMOVING}
_MOST = 1000


def deaths(folder: Path, mortals: Mortals, name: str) -> Iterator[tuple[State, State, State]]:
    """Let the call die at each of its system calls; yield (before, after the death, undisturbed), then repeat the call."""
    call, prepared = _CALLS[name], Home("local", folder / "prepared")
    call.prepare(prepared.saver())
    before = everything(prepared)
    undisturbed = copied(prepared, folder / "undisturbed")
    call.act(undisturbed.saver())
    final = everything(undisturbed)
    for die_at in range(1, _MOST):
        home = copied(prepared, folder / str(die_at))
        ended = mortals.call(home.root, name, die_at=die_at)
        if ended == 0:
            assert everything(home) == final
            return
        assert ended == -signal.SIGKILL
        yield before, everything(home), final
        call.act(home.saver())
        assert everything(home) == final, f"repeated after a death at system call {die_at}"
        assert os.listdir(home.root / ".tmp") == [], "what the dead process was writing is swept"
        shutil.rmtree(home.root)
    raise AssertionError("the call comes to no end")


def copied(home: Home, folder: Path) -> Home:
    if home.root.exists():
        shutil.copytree(home.root, folder)
    return Home("local", folder)


@pytest.mark.parametrize(
    "name",
    [
        "put, the first of a thread with a hashed name",
        "put, the same id again",
        "put_writes, the second of a task",
        "copy_thread onto a hashed name",
    ],
)
def test_a_call_that_adds(tmp_path: Path, mortals: Mortals, name: str) -> None:
    """What was acknowledged before is there as it was, what the call brought is there whole or not at all."""
    states = set()
    for before, after, final in deaths(tmp_path, mortals, name):
        assert_added(before, after, final)
        states.add((after == before, after == final))
    assert (True, False) in states


@pytest.mark.parametrize(
    "name",
    [
        "prune with subgraphs",
        "prune with DeltaChannels",
        "delete_for_runs with DeltaChannels",
        "delete_thread with a hashed name",
    ],
)
def test_a_call_that_removes(tmp_path: Path, mortals: Mortals, name: str) -> None:
    """What stays is there as it was; what goes is there whole, with its writes and its way to its values, or not at all."""
    states = set()
    for before, after, final in deaths(tmp_path, mortals, name):
        assert_removed(before, after, final)
        states.add((after == before, after == final))
    assert {(True, False), (False, True)} <= states
