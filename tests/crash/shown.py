"""What a place shows to those who open it, and what may be left of it after a call has died."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langgraph.checkpoint.base import CheckpointTuple

from langgraph_filesaver import FileSaver
from tests.checkpoints import config_of, id_of
from tests.crash.calls import HASHED
from tests.stores import Home

__all__ = ["Shown", "State", "assert_added", "assert_removed", "everything"]

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


State = Mapping[Place, Shown]


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
    for thread_id in {HASHED, "t", "u"} - {place[0] for place in shown}:
        assert list(saver.list(config_of(thread_id, None))) == []
    return shown


def assert_added(before: State, after: State, final: State) -> None:
    """Check what is there after a call that adds has died: all that was, and whole or not at all what the call brought."""
    assert before.keys() <= after.keys() <= final.keys()
    for place, shown in after.items():
        assert shown in (before.get(place), final[place])


def assert_removed(before: State, after: State, final: State) -> None:
    """Check what is there after a call that removes has died.

    What stays is there as it was; what goes is there whole, with its writes and its way to its values, or not at all.
    """
    assert final.keys() <= after.keys() <= before.keys()
    for place, shown in after.items():
        _assert_whole(place, shown, before, after, final)


def _assert_whole(
    place: Place,
    shown: Shown,
    before: State,
    after: State,
    final: State,
) -> None:
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
