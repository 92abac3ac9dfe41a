"""A process that dies beside any operation in the folder or in the mirror: nothing acknowledged is missing in either."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from langgraph_filesaver import FileSaver
from langgraph_filesaver._mirror import MirroredStore
from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store import LocalStore, Store
from tests.checkpoints import config_of, ids_of, put
from tests.crash.faulty_store import FaultyStore, KilledError
from tests.mirror.places import Mirrored

_NEVER = 1_000_000


class Story:
    """What one process does, and what it has been told is done.

    Attributes:
        stored: (thread, id) of the checkpoints that were acknowledged and not deleted since.
        written: Whether the writes were acknowledged.
        deleting: Whether the process was about to delete.
    """

    def __init__(self) -> None:
        self.stored: set[tuple[str, str]] = set()
        self.written = False
        self.deleting = False

    def tell(self, saver: FileSaver) -> None:
        for thread_id in ("t", "u"):
            put(saver, "1", {"value": f"{thread_id}1" * 40_000}, thread_id=thread_id)
            self.stored.add((thread_id, "1"))
        saver.put_writes(config_of("t", "", "1"), [("value", ["w" * 70_000])], "task")
        self.written = True
        put(saver, "2", {"value": "t2" * 40_000}, parent="1")
        self.stored.add(("t", "2"))
        self.deleting = True
        self.stored.discard(("u", "1"))
        saver.delete_thread("u")
        self.stored.discard(("t", "1"))
        saver.prune(["t"])


@pytest.mark.parametrize("landed", [False, True])
@pytest.mark.parametrize("which", ["folder", "mirror"])
def test_a_process_killed_beside_any_operation(tmp_path: Path, which: str, *, landed: bool) -> None:
    """After each crash the mirror alone is readable and whole, and the next process has both places alike, with all that was told."""
    for at in itertools.count(1):
        place = Mirrored(tmp_path / str(at))
        mortal, story = _mortal(place, which, at, landed=landed)
        try:
            story.tell(FileSaver(mortal()))
        except KilledError:
            survived = False
        else:
            survived = True
        _look(place.alone(), story)
        again = place.saver()
        list(again.list(None))
        for thread_id in ("t", "u"):
            again.get_tuple(config_of(thread_id))
        _look(again, story)
        store = again._repository.store
        assert isinstance(store, MirroredStore)
        assert place.files(store.local) == place.files(store.remote), at
        put(again, "9", {"value": 9}, parent="2")
        assert ids_of(place.alone(), config_of())[0] == "9"
        if survived:
            assert at > 15
            return


def _mortal(place: Mirrored, which: str, at: int, *, landed: bool) -> tuple[Callable[[], Store], Story]:
    def opened() -> Store:
        local: Store = LocalStore(str(place.root / "here"), marker=MARKER, fsync=False)
        remote: Store = place.remote()
        if which == "folder":
            local = FaultyStore(local, at, landed=landed)
        else:
            remote = FaultyStore(remote, at, landed=landed)
        return MirroredStore(local, remote)

    return opened, Story()


def _look(saver: FileSaver, story: Story) -> None:
    """See that everything is readable and nothing is missing that was told."""
    found = list(saver.list(None))
    there = {(each.config["configurable"]["thread_id"], each.checkpoint["id"]) for each in found}
    assert story.stored <= there
    for each in found:
        assert len(each.checkpoint["channel_values"]["value"]) == 80_000
    if story.written and not story.deleting:
        latest = saver.get_tuple(config_of("t", "", "1"))
        assert latest is not None
        assert latest.pending_writes == [("task", "value", ["w" * 70_000])]
