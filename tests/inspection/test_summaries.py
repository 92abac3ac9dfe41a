"""Where each thread stands: order, filters, counts, who has it, and what is told of what is broken or gone."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from langgraph_filesaver import CorruptDataError, FileSaver, UnsupportedFormatError
from langgraph_filesaver.inspection import ThreadSummary
from tests.checkpoints import config_of, put
from tests.inspection.looking import chat, config_for
from tests.stores import Home, WatchedStore


def summary_of(saver: FileSaver, thread_id: str) -> ThreadSummary:
    return next(each for each in saver.threads() if each.thread_id == thread_id)


def test_the_thread_changed_last_comes_first(home: Home) -> None:
    """Threads come by when their latest checkpoint was made, whatever their names; `limit` takes the first ones."""
    saver = home.saver()
    for name in ("b", "c", "a"):
        chat(saver).invoke({"log": []}, config_for(name))
    chat(saver).invoke({"log": []}, config_for("b"))
    assert [each.thread_id for each in saver.threads()] == ["b", "a", "c"]
    assert [each.thread_id for each in saver.threads(limit=2)] == ["b", "a"]
    assert saver.threads(limit=0).to_dict() == []


def test_ids_that_tell_no_time_are_ordered_by_what_the_document_says(home: Home) -> None:
    """A checkpoint whose id is no UUID of version 6 is as old as its `ts`."""
    saver = home.saver()
    put(saver, "z", {"log": []}, thread_id="old")
    chat(saver).invoke({"log": []}, config_for("new"))
    assert [each.thread_id for each in saver.threads()] == ["new", "old"]
    assert summary_of(saver, "old").created_at == datetime(2026, 11, 23, 1, 16, 50, tzinfo=timezone.utc)


def test_a_summary_counts_what_is_there(local_home: Home) -> None:
    """Checkpoints, namespaces, artifacts and bytes are those of the folder; the instants those of the first and last one."""
    saver = local_home.saver(artifact_threshold_bytes=100)
    chat(saver).invoke({"log": ["x" * 200]}, config_for("t"))
    found = summary_of(saver, "t")
    files = [path for path in (local_home.root / "t").rglob("*") if path.is_file()]
    assert found.bytes == sum(path.stat().st_size for path in files)
    assert found.checkpoints == sum(path.parts[-3] == "checkpoints" for path in files) == 4
    assert found.artifacts == sum(path.parent.name == "artifacts" for path in files) > 0
    assert (found.namespaces, found.step) == (1, 2)
    state = saver.thread("t").history()
    assert found.created_at is not None
    assert found.updated_at == datetime.fromisoformat(state[0].ts)
    assert found.created_at <= found.updated_at
    assert set(found.nodes_completed) == {"draft", "review"}


def test_only_threads_older_than_are_given(home: Home) -> None:
    """`older_than` takes a span or an instant; a bare number, which tells no unit, and an instant without a zone are refused."""
    saver = home.saver()
    put(saver, "z", {"log": []}, thread_id="old")
    chat(saver).invoke({"log": []}, config_for("new"))
    assert [each.thread_id for each in saver.threads(older_than=timedelta(minutes=1))] == ["old"]
    assert [each.thread_id for each in saver.threads(older_than=datetime.now(timezone.utc))] == ["new", "old"]
    wrong: Any
    for wrong, kind in ((7, TypeError), (datetime(2026, 1, 1), ValueError)):
        with pytest.raises(kind, match="older_than"):
            saver.threads(older_than=wrong)


def test_wrong_arguments_are_refused(home: Home) -> None:
    """A misspelt status is an error that tells the right ones, not an empty answer; so is a negative limit."""
    with pytest.raises(ValueError, match="'interrupted'"):
        home.saver().threads(status="interupted")
    with pytest.raises(ValueError, match="limit"):
        home.saver().threads(limit=-1)


def test_who_has_a_thread_is_told_while_they_have_it(home: Home) -> None:
    """With a living lease a thread is running, and its holder is named; after it, not."""
    saver = home.saver()
    chat(saver).invoke({"log": []}, config_for("t"))
    with saver.thread_lock("t"):
        found = summary_of(saver, "t")
        assert found.status == "running"
        assert found.holder is not None
        assert saver.thread("t").latest.status == "running"
        assert [each.thread_id for each in saver.threads(status="running")] == ["t"]
    assert summary_of(saver, "t").holder is None
    assert summary_of(saver, "t").status != "running"


@pytest.mark.parametrize("content", ["{", '{"format": 99}', "[]", ""])
def test_a_damaged_thread_is_named_and_hides_no_other(local_home: Home, content: str) -> None:
    """A checkpoint that cannot be read is told with its file, the thread is neither missing nor said to be done; others are shown."""
    saver = local_home.saver()
    for thread_id in ("whole", "broken"):
        chat(saver).invoke({"log": []}, config_for(thread_id))
    newest = max((local_home.root / "broken/checkpoints/_root").iterdir())
    newest.write_text(content)
    broken, whole = saver.threads()
    assert (broken.thread_id, broken.status, broken.next, broken.checkpoints) == ("broken", "unknown", None, 4)
    assert broken.damage is not None
    assert newest.name in broken.damage
    assert newest.name in repr(broken)
    assert newest.name in repr(saver.threads())
    assert newest.name in saver.threads()._repr_html_()
    assert (whole.thread_id, whole.status, whole.damage) == ("whole", "done", None)
    with pytest.raises((CorruptDataError, UnsupportedFormatError), match=newest.name):
        saver.thread("broken").state()


def test_a_thread_that_goes_meanwhile_is_left_out(local_home: Home) -> None:
    """A thread that is deleted after it was listed is no error, and no thread."""
    for name in ("a", "b"):
        put(local_home.saver(), "1", {"log": []}, thread_id=name)
    store = WatchedStore(local_home.store())
    saver = FileSaver(store)

    def delete(folder: str) -> None:
        if folder == "b/checkpoints/_root" and "a/checkpoints/_root" in store.lists:
            local_home.saver().delete_thread("a")

    store.before_list = delete
    assert [each.thread_id for each in saver.threads()] == ["b"]


def test_nothing_is_written(local_home: Home) -> None:
    """Looking leaves every file, and its time, as it was; an empty folder stays empty."""
    assert local_home.saver().threads().to_dict() == []
    assert not local_home.root.exists()
    chat(local_home.saver()).invoke({"log": []}, config_for("t"))

    def told() -> dict[str, int]:
        return {str(path): path.stat().st_mtime_ns for path in local_home.root.rglob("*")}

    before = told()
    saver = local_home.saver()
    thread = saver.thread("t")
    shown = [saver.threads(), thread, thread.latest, thread.history(), thread.diff(), thread.tree(), thread.writes()]
    assert all(repr(each) and each._repr_html_() for each in [*shown, thread.artifacts()])  # type: ignore[attr-defined]
    assert told() == before


async def test_the_async_twin_gives_the_same(home: Home) -> None:
    """`athreads` gives what `threads` does."""
    saver = home.saver()
    put(saver, "1", {"log": []})
    assert (await saver.athreads(limit=1)).to_dict() == saver.threads().to_dict()


def test_everything_is_a_table_for_pandas(home: Home) -> None:
    """`to_pandas` gives a row per thread, step, channel, write or artifact, with the fields as columns."""
    saver = home.saver()
    put(saver, "1", {"log": [], "text": "x" * 100_000})
    saver.put_writes(config_of("t", "", "1"), [("log", 1), ("text", 2)], "task")
    thread = saver.thread("t")
    rows = {
        "thread_id": (saver.threads(), saver.threads()[0]),
        "step": (thread, thread.history(), thread.history()[0], thread.tree()),
        "channel": (thread.latest, thread.diff(), thread.writes()),
        "path": (thread.artifacts(),),
    }
    for column, shown in rows.items():
        for each in shown:
            frame = each.to_pandas()
            assert len(frame) == (2 if column == "channel" else 1)
            assert column in frame.columns


def test_without_pandas_the_error_names_the_extra(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pandas is missing, everything else works, and `to_pandas` says what to install."""
    put(home.saver(), "1", {"log": []})
    monkeypatch.setitem(sys.modules, "pandas", None)
    found = home.saver().threads()
    assert found._repr_html_()
    with pytest.raises(ImportError, match=r"langgraph-filesaver\[pandas\]"):
        found.to_pandas()
