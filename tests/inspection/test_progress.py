"""Where a thread stands, told by its files alone, is where LangGraph says that it stands: at every moment of every play."""

from __future__ import annotations

import pytest

from tests.graphs.driving import Durability
from tests.inspection.graphs import PLAYS
from tests.inspection.stages import Stage, held_against_langgraph, is_before_anything_ran


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
@pytest.mark.parametrize("name", PLAYS)
def test_what_is_next_equals_get_state_at_every_moment(name: str, durability: Durability) -> None:
    """At each checkpoint and prefix of its writes, `next` is LangGraph's; unknown only before anything ran in a thread."""
    stage = Stage(PLAYS[name].graph, durability)
    PLAYS[name].acts(stage)
    findings = held_against_langgraph(stage)
    assert findings.moments > 1
    assert [each for each in findings.unknown if not is_before_anything_ran(each)] == []
