"""Where a thread stands, told by its files alone, is where LangGraph says that it stands: at every moment of every play."""

from __future__ import annotations

import pytest

from langgraph_filesaver._thread_files import StoredCheckpoint
from tests.graphs.driving import Durability
from tests.inspection.graphs import PLAYS
from tests.inspection.stages import NULL_TASK, Stage, held_against_langgraph


def is_before_anything_ran(stored: StoredCheckpoint) -> bool:
    """Tell whether it is the first input of a thread: nothing tells a StateGraph from a functional graph there."""
    is_first = set(stored.document.checkpoint["channel_versions"]) == {"__start__"}
    return is_first and all(write.task_id == NULL_TASK for write in stored.writes)


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
@pytest.mark.parametrize("name", PLAYS)
def test_what_is_next_equals_get_state_at_every_moment(name: str, durability: Durability) -> None:
    """At each checkpoint and prefix of its writes, `next` is LangGraph's; unknown only before anything ran in a thread."""
    stage = Stage(PLAYS[name].graph, durability)
    PLAYS[name].acts(stage)
    findings = held_against_langgraph(stage)
    assert findings.moments > 1
    assert [each for each in findings.unknown if not is_before_anything_ran(each)] == []
