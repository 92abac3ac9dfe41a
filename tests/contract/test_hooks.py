"""The hooks of a saver: `on_load`, which changes what is read, and `on_event`, which is told what was done."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

from langgraph_filesaver import CorruptDataError, Event, FileSaver
from tests.checkpoints import config_of, put
from tests.inspection.looking import config_for


class Old(TypedDict, total=False):
    question: str
    count: int


class New(TypedDict, total=False):
    topic: str
    count: list[int]


def files_in(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in (root / "t").rglob("*.json")}


def migrated(state: dict[str, Any]) -> dict[str, Any]:
    """`question` is called `topic` by now, and `count` is a list."""
    found = {name: value for name, value in state.items() if name not in ("question", "count")}
    if "question" in state:
        found["topic"] = state["question"]
    if "count" in state:
        found["count"] = state["count"] if isinstance(state["count"], list) else [state["count"]]
    return found


def test_a_thread_of_an_older_schema_goes_on_and_its_history_stays_as_written(tmp_path: Path) -> None:
    """A renamed channel and a changed type reach the new graph, also after further steps; no old file is touched."""

    def ask(state: Any) -> Any:
        return {"count": len(interrupt("how many?"))}

    old = (
        StateGraph(Old)
        .add_node("ask", ask)
        .add_edge(START, "ask")
        .compile(checkpointer=FileSaver(tmp_path, fsync=False))
    )
    old.invoke({"question": "storks", "count": 1}, config_for("t"))
    before = files_in(tmp_path)

    def ask_anew(state: Any) -> Any:
        return {"count": [*state["count"], len(interrupt("how many?"))]}

    builder = StateGraph(New).add_node("ask", ask_anew).add_edge(START, "ask").add_node("end", lambda state: {})
    new = builder.add_edge("ask", "end").compile(checkpointer=FileSaver(tmp_path, fsync=False, on_load=migrated))
    assert new.get_state(config_for("t")).values == {"topic": "storks", "count": [1]}
    assert new.invoke(Command(resume="abc"), config_for("t")) == {"topic": "storks", "count": [1, 3]}
    assert new.get_state(config_for("t")).values == {"topic": "storks", "count": [1, 3]}
    after = files_in(tmp_path)
    assert before.items() <= after.items()
    assert old.get_state([*old.get_state_history(config_for("t"))][-2].config).values["question"] == "storks"


def test_what_on_load_raises_reaches_the_caller(tmp_path: Path) -> None:
    """A migration that fails is an error, not an old state passed off as a new one."""

    def fail(state: dict[str, Any]) -> dict[str, Any]:
        raise KeyError("no such channel")

    put(FileSaver(tmp_path, fsync=False), "1", {"a": 1})
    with pytest.raises(KeyError, match="no such channel"):
        FileSaver(tmp_path, on_load=fail).get_tuple(config_for("t"))


def test_each_call_is_told_with_what_it_cost(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Operation, thread, bytes, time and outcome, to the callback and to the log; and no word of a state."""
    events: list[Event] = []
    saver = FileSaver(tmp_path, fsync=False, on_event=events.append)
    with caplog.at_level(logging.DEBUG, "langgraph_filesaver"):
        put(saver, "1", {"text": "SECRET" * 30_000}, thread_id="t")
        saver.put_writes(config_of("t", checkpoint_id="1"), [("text", "SECRET")], "task")
        saver.get_tuple(config_for("t"))
        saver.copy_thread("t", "u")
        saver.prune(["t"])
        saver.delete_thread("u")
        (tmp_path / "t/checkpoints/_root/1.json").write_text("{")
        with pytest.raises(CorruptDataError):
            saver.get_tuple(config_for("t"))
    assert [(each.operation, each.thread_id, each.outcome) for each in events] == [
        ("put", "t", "ok"),
        ("put_writes", "t", "ok"),
        ("get_tuple", "t", "ok"),
        ("copy_thread", "t", "ok"),
        ("prune", None, "ok"),
        ("delete_thread", "u", "ok"),
        ("get_tuple", "t", "CorruptDataError"),
    ]
    assert events[0].bytes > 180_000
    assert events[2].bytes > 180_000
    assert 0 < events[1].bytes < 2_000
    assert all(each.milliseconds > 0 for each in events)
    assert "put of thread 't': ok" in caplog.text
    assert "SECRET" not in caplog.text


async def test_async_calls_are_told_once(tmp_path: Path) -> None:
    """An async method is its sync twin on the pool, and tells what that tells."""
    events: list[Event] = []
    async with FileSaver(tmp_path, fsync=False, on_event=events.append) as saver:
        put(saver, "1", {"a": 1})
        await saver.aget_tuple(config_for("t"))
        await saver.adelete_thread("t")
    assert [each.operation for each in events] == ["put", "get_tuple", "delete_thread"]


def test_a_callback_that_fails_fails_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and the call has done its work."""

    def fail(event: Event) -> None:
        raise RuntimeError("no luck")

    saver = FileSaver(tmp_path, fsync=False, on_event=fail)
    with caplog.at_level(logging.WARNING, "langgraph_filesaver"):
        put(saver, "1", {"a": 1})
    assert saver.get_tuple(config_for("t")) is not None
    assert "no luck" in caplog.text
