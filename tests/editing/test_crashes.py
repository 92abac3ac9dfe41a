"""A correction that dies at any of its store operations leaves the old state or the new one, and loses no old document."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.serde.types import INTERRUPT

from langgraph_filesaver import FileSaver
from tests.checkpoints import config_of, ids_of, put
from tests.crash.calls import HASHED, chain
from tests.crash.faulty_store import FaultyStore, KilledError
from tests.crash.shown import assert_removed, everything
from tests.editing.test_kept_documents import edits, waiting
from tests.stores import LONG_KINDS, Home

_MOST_OPERATIONS = 400
REPORT = ["corrected " * 1000, *(f"line {n} " * 20 for n in range(200))]
"""A value that becomes chunks and an artifact."""


def deaths(
    kind: str, folder: Path, prepare: Callable[[FileSaver], Any], act: Callable[[FileSaver], Any]
) -> Iterator[Home]:
    """Let a call die at each of its operations, with and without that having landed; yield each home afterwards."""
    numbers = itertools.count()
    for landed in (False, True):
        for at in range(1, _MOST_OPERATIONS):
            home = Home(kind, folder / str(next(numbers)))
            prepare(home.saver(artifact_threshold_bytes=2000))
            try:
                act(FileSaver(FaultyStore(home.store(), at, landed=landed), artifact_threshold_bytes=2000))
            except KilledError:
                yield home
            else:
                assert at > 10
                break
        else:
            raise AssertionError("the call comes to no end")


def state_of(saver: FileSaver, thread_id: str = "t") -> dict[str, Any]:
    found = saver.get_tuple(config_of(thread_id))
    assert found is not None
    return found.checkpoint["channel_values"]


@pytest.mark.parametrize("thread_id", ["t", HASHED])
@pytest.mark.parametrize("kind", LONG_KINDS)
def test_in_place(kind: str, thread_id: str, tmp_path: Path) -> None:
    """[E1] The file is the old one or the new one; where it is the new one, the old one is kept; repeating completes it."""
    old_bytes: bytes | None = None

    def act(saver: FileSaver) -> Any:
        return saver.edit_state(thread_id, {"report": REPORT}, edited_by="ann")

    before: Any = None
    count = 0
    for home in deaths(kind, tmp_path, lambda saver: waiting(saver, thread_id), act):
        count += 1
        if before is None:
            pristine = Home(kind, tmp_path / "pristine")
            waiting(pristine.saver(artifact_threshold_bytes=2000), thread_id)
            before = state_of(pristine.saver(), thread_id)
            key = next(key for key in pristine.files() if key.endswith("/c1.json"))
            old_bytes = pristine.store().read(key)
        after = state_of(home.saver(), thread_id)
        assert after in (before, {**before, "report": REPORT})
        assert ids_of(home.saver(), config_of(thread_id)) == ["c1", "c0"]
        assert list(edits(home, thread_id).values()) in ([], [old_bytes])
        if after != before:
            assert list(edits(home, thread_id).values()) == [old_bytes]
        found = home.saver().get_tuple(config_of(thread_id))
        assert found is not None
        assert found.pending_writes == [("task", INTERRUPT, "?")]
        if kind != "remote":  # there, what was kept by the dead is taken over after two minutes
            act(home.saver(artifact_threshold_bytes=2000))
            assert state_of(home.saver(), thread_id) == {**before, "report": REPORT}
            assert list(edits(home, thread_id).values()) == [old_bytes], "kept once"
    assert count > 20


@pytest.mark.parametrize("kind", LONG_KINDS)
def test_a_new_checkpoint(kind: str, tmp_path: Path) -> None:
    """[E2] The new checkpoint is there, whole, or not at all; what was there before is untouched."""
    first = "1f0c8a10-93d1-6f42-8000-6b1f4e0c9a27"

    def prepare(saver: FileSaver) -> None:
        put(saver, first, {"report": ["old"], "n": 1})

    def act(saver: FileSaver) -> Any:
        return saver.edit_state("t", {"report": REPORT}, edited_by="ann")

    count = 0
    for home in deaths(kind, tmp_path, prepare, act):
        count += 1
        ids = ids_of(home.saver(), config_of())
        assert ids[-1] == first
        assert state_of(home.saver()) == {"report": ["old"] if len(ids) == 1 else REPORT, "n": 1}
        old = home.saver().get_tuple(config_of("t", "", first))
        assert old is not None
        assert old.checkpoint["channel_values"] == {"report": ["old"], "n": 1}
        if kind != "remote":  # there, a claim of the dead is taken over after two minutes
            act(home.saver(artifact_threshold_bytes=2000))
            assert state_of(home.saver()) == {"report": REPORT, "n": 1}
            assert len(ids_of(home.saver(), config_of())) == 2
        assert edits(home) == {}
    assert count > 20


@pytest.mark.parametrize("kind", LONG_KINDS)
@pytest.mark.parametrize("way", ["prune", "delete_for_runs", "copy_thread"])
def test_maintenance_of_what_was_kept(kind: str, way: str, tmp_path: Path) -> None:
    """[E3] Pruning, removing runs and copying, dead at any operation and repeated, leave what they would have left."""

    def prepare(saver: FileSaver) -> None:
        chain(saver)
        saver.edit_state("t", {"n": "corrected"}, edited_by="ann")
        put(saver, "c3", {"n": 3}, parent="c2", step=3, metadata={"run_id": "run-2"})
        saver.put_writes(config_of("t", "", "c3", run_id="run-2"), [("n", 4)], "task-1")
        saver.edit_state("t", {"n": "corrected, too"}, edited_by="ann")

    def act(saver: FileSaver) -> Any:
        if way == "copy_thread":
            return saver.copy_thread("t", "u")
        return saver.prune(["t"]) if way == "prune" else saver.delete_for_runs(["run-2"])

    home = Home(kind, tmp_path / "undisturbed")
    prepare(home.saver())
    before = everything(home)
    act(home.saver())
    final, kept = everything(home), {name: list(edits(home, name)) for name in "tu"}
    assert [len(each) for each in kept.values()] == {"prune": [1, 0], "delete_for_runs": [1, 0], "copy_thread": [2, 2]}[
        way
    ]
    for each in deaths(kind, tmp_path, prepare, act):
        after = everything(each)
        if way != "copy_thread":
            assert_removed(before, after, final)
        for key in ("_root.c2.0.json", "_root.c3.0.json"):
            is_there = any(place == ("t", "", key.split(".")[1]) for place in after)
            assert not is_there or f"t/edits/{key}" in edits(each)
        act(each.saver())
        assert everything(each) == final
        assert {name: list(edits(each, name)) for name in "tu"} == kept
