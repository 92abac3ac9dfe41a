"""What a checkpoint was before it was corrected under the same id: kept beside it, and no longer than the checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.serde.types import INTERRUPT

from langgraph_filesaver import FileSaver
from langgraph_filesaver import _layout as layout
from langgraph_filesaver._mirror import MirroredStore
from langgraph_filesaver._mirror.transfer import in_order
from tests.checkpoints import config_of, ids_of, put
from tests.crash.calls import HASHED
from tests.mirror.places import Mirrored
from tests.stores import Home

LARGE = "before " * 20_000


def edits(home: Home, thread_id: str = "t") -> dict[str, bytes]:
    folder = layout.edits_folder(layout.thread_folder(thread_id)) + "/"
    found = {key: home.store().read(key) for key in home.files() if key.startswith(folder)}
    return {key: data for key, data in found.items() if data is not None}


def waiting(saver: FileSaver, thread_id: str = "t") -> None:
    """Put two checkpoints, the second with an interrupt that waits."""
    put(saver, "c0", {"report": "first", "n": 0}, thread_id=thread_id)
    put(saver, "c1", {"report": LARGE, "n": 1}, thread_id=thread_id, parent="c0", step=1)
    saver.put_writes(config_of(thread_id, "", "c1"), [(INTERRUPT, "?")], "task")


def report(saver: FileSaver, thread_id: str = "t") -> Any:
    found = saver.get_tuple(config_of(thread_id))
    assert found is not None
    return found.checkpoint["channel_values"]["report"]


def put_back(home: Home, key: str, thread_id: str = "t") -> Any:
    """Put a kept document back by hand, and return what is read then."""
    store = home.store()
    store.replace(layout.checkpoint_key(thread_id, "", "c1"), store.read(key) or b"")
    return report(home.saver(), thread_id)


def test_each_is_kept_once_and_for_all(home: Home) -> None:
    """[E1] Each correction keeps the file of before, byte for byte, under the next number; no kept one is ever written again."""
    saver = home.saver()
    waiting(saver)
    key = layout.checkpoint_key("t", "", "c1")
    versions = []
    for number in range(11):
        versions.append(home.store().read(key))
        saver.edit_state("t", {"n": number + 10})
        assert edits(home) == {f"t/edits/_root.c1.{n}.json": data for n, data in enumerate(versions)}
    assert ids_of(saver, config_of()) == ["c1", "c0"], "none of them is a checkpoint"


@pytest.mark.parametrize("thread_id", ["t", HASHED])
def test_collection_keeps_what_they_refer_to(home: Home, thread_id: str) -> None:
    """[E3] The artifacts of a kept document stay, so that it can be put back; those of nobody go."""
    saver = home.saver()
    waiting(saver, thread_id)
    saver.edit_state(thread_id, {"report": "corrected"})
    (key,) = edits(home, thread_id)
    for _ in range(2):
        saver.collect_garbage(thread_id, dry_run=False, grace_seconds=0)
    assert put_back(home, key, thread_id) == LARGE
    saver.edit_state(thread_id, {"report": "corrected once more"})
    home.store().delete(edits(home, thread_id))
    for _ in range(2):
        found = saver.collect_garbage(thread_id, dry_run=False, grace_seconds=0)
    assert home.kind == "remote" or found.files == 0
    assert home.kind == "remote" or not [each for each in home.files() if "/artifacts/" in each]


def test_a_copy_has_them(home: Home) -> None:
    """[E3] A copy of the thread has them, with what they refer to."""
    saver = home.saver()
    waiting(saver)
    saver.edit_state("t", {"report": "corrected"})
    saver.copy_thread("t", HASHED)
    saver.delete_thread("t")
    assert edits(home) == {}
    (key,) = edits(home, HASHED)
    assert report(saver, HASHED) == "corrected"
    assert put_back(home, key, HASHED) == LARGE


@pytest.mark.parametrize("way", ["prune", "delete_for_runs", "delete_thread"])
def test_they_go_with_their_checkpoint(home: Home, way: str) -> None:
    """[E3] They stay as long as their checkpoint does, and go when it is removed."""
    saver = home.saver()
    waiting(saver)
    saver.edit_state("t", {"report": "corrected"})
    saver.prune(["t"])
    assert len(edits(home)) == 1
    put(saver, "c2", {"report": "last", "n": 2}, parent="c1", step=2, metadata={"run_id": "run-1"})
    saver.put_writes(config_of("t", "", "c2", run_id="run-1"), [("n", 3)], "task")
    saver.edit_state("t", {"n": 3})
    assert len(edits(home)) == 2
    if way == "delete_for_runs":
        saver.delete_for_runs(["run-1"])
        assert list(edits(home)) == ["t/edits/_root.c1.0.json"]
    elif way == "prune":
        home.store().delete([key for key, _ in saver._repository.writes_names("t")])
        saver.prune(["t"])
        assert list(edits(home)) == ["t/edits/_root.c2.0.json"]
    else:
        saver.delete_thread("t")
        assert edits(home) == {}


@pytest.mark.parametrize("way", ["prune", "delete_for_runs"])
def test_what_a_crash_has_left_goes_as_well(home: Home, way: str) -> None:
    """[E3] Where the checkpoint was removed by a process that died then, the next one removes what was kept of it."""
    saver = home.saver()
    waiting(saver)
    saver.edit_state("t", {"report": "corrected"})
    home.store().delete([layout.checkpoint_key("t", "", "c1")])
    saver.prune(["t"]) if way == "prune" else saver.delete_for_runs(["run-1"])
    assert edits(home) == {}


def test_strays_are_left_alone(local_home: Home) -> None:
    """[L6] [E3] What has no name of a kept document is no file of ours."""
    saver = local_home.saver()
    waiting(saver)
    saver.edit_state("t", {"report": "corrected"})
    folder = local_home.root / "t/edits"
    for name in ("notes.txt", "_root.c9.json", "_root.c9.x.json", "_ROOT.c9.0.json"):
        (folder / name).write_text("no JSON", "utf-8")
    saver.copy_thread("t", "u")
    saver.prune(["t"])
    saver.collect_garbage("t", dry_run=False, grace_seconds=0)
    assert len(list(folder.iterdir())) == 5
    assert len(edits(local_home, "u")) == 1


def test_a_mirror_has_them(tmp_path: Path) -> None:
    """[E3] A mirror gets what was kept, too, and another machine gets it from there."""
    place = Mirrored(tmp_path)
    saver = place.saver()
    waiting(saver)
    saver.edit_state("t", {"report": "corrected"})
    there = place.files(place.remote())
    assert "t/edits/_root.c1.0.json" in there
    fetched = place.saver("elsewhere")
    assert report(fetched) == "corrected"
    store = fetched._repository.store
    assert isinstance(store, MirroredStore)
    assert place.files(store.local) == there
    saver.delete_thread("t")
    assert place.files(place.remote()) == {}


def test_a_mirror_that_lags_gets_them_first() -> None:
    """[E3] Where several files have still to be copied, what a checkpoint was before comes before the checkpoint."""
    keys = ["t/checkpoints/_root/c1.json", "t/edits/_root.c1.0.json", "t/artifacts/x.json"]
    assert in_order(keys) == keys[::-1]
