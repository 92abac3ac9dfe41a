"""What may be given as a time to live, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from langgraph_filesaver import CorruptDataError
from langgraph_filesaver._ttl import RetentionDocument, TimeToLive


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (None, TimeToLive()),
        (timedelta(days=30), TimeToLive(timedelta(days=30))),
        ({"default_ttl": 43_200}, TimeToLive(timedelta(days=30))),
        ({"default_ttl": 0.5}, TimeToLive(timedelta(seconds=30))),
        ({"default_ttl": timedelta(hours=1)}, TimeToLive(timedelta(hours=1))),
        ({"strategy": "keep_latest"}, TimeToLive(strategy="keep_latest")),
        (
            {"default_ttl": 60, "refresh_on_read": True, "sweep_interval_minutes": 5, "strategy": "delete"},
            TimeToLive(timedelta(hours=1), refresh_on_read=True, sweep_interval=timedelta(minutes=5)),
        ),
    ],
)
def test_a_span_or_the_words_of_langgraph_json_are_taken(given: Any, found: TimeToLive) -> None:
    """A timedelta, and each key of LangGraph's configuration, in minutes."""
    assert TimeToLive.of(given) == found


@pytest.mark.parametrize("given", [30, 30.0, "30", True, [30]])
def test_a_bare_number_is_refused(given: Any) -> None:
    """Among savers it means seconds, minutes, hours or days: the message shows two forms that say which."""
    with pytest.raises(TypeError, match=r"timedelta\(days=30\)"):
        TimeToLive.of(given)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"default": 3}, "'default_ttl'"),
        ({"default_ttl": "3"}, "minutes"),
        ({"default_ttl": True}, "minutes"),
        ({"default_ttl": 0}, "positive"),
        ({"default_ttl": -1}, "positive"),
        ({"default_ttl": float("nan")}, "positive"),
        ({"default_ttl": 1e300}, "positive"),
        ({"refresh_on_read": 1}, "True or False"),
        ({"strategy": "keep"}, "keep_latest"),
        (timedelta(0), "not positive"),
    ],
)
def test_what_makes_no_sense_is_refused(given: Any, told: str) -> None:
    """Unknown keys, other types, spans that are none: nothing is guessed."""
    with pytest.raises((TypeError, ValueError), match=told):
        TimeToLive.of(given)


def test_a_threads_own_document_keeps_what_it_does_not_know() -> None:
    """[D3] [H1] Fields of a newer release survive a change, and wrong types are told."""
    raw = {"format": 1, "ttl_seconds": 60, "pinned": True, "newer": {"a": 1}}
    assert RetentionDocument.from_json(raw).to_json() == {**raw, "ttl_seconds": 60.0}
    for wrong in ({"ttl_seconds": "60"}, {"ttl_seconds": -1}, {"pinned": "yes"}, {"ttl_seconds": 1e300}, {"format": 0}):
        with pytest.raises(CorruptDataError):
            RetentionDocument.from_json({"format": 1, **wrong})
    with pytest.raises(CorruptDataError):
        RetentionDocument.from_json([])
