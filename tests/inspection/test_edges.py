"""Looking at what is damaged, odd, held, or going away at that very moment: told where it is, and never said to be what it is not."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph

from langgraph_filesaver import CorruptDataError, FileSaver, NotFoundError
from langgraph_filesaver._store.base import Status
from langgraph_filesaver.inspection import LargeValue
from langgraph_filesaver.inspection.values import MASKED
from tests.checkpoints import checkpoint_of, config_of, put
from tests.inspection.looking import Chat, chat, config_for
from tests.inspection.test_report import Outline
from tests.stores import Home, WatchedStore

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 200


def changed(path: Path, change: Any) -> None:
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document))


def test_a_damaged_parent_leaves_its_child_readable(local_home: Home) -> None:
    """The latest state is shown though the file before it is broken; nothing is said of what changed since that."""
    saver = local_home.saver()
    put(saver, "1", {"n": 1})
    put(saver, "2", {"n": 2}, parent="1", step=1)
    (local_home.root / "t/checkpoints/_root/1.json").write_text("{")
    latest = saver.thread("t").latest
    assert dict(latest) == {"n": 2}
    step = latest.summary
    assert (step.nodes, step.channels_changed, step.duration_seconds) == ((), (), None)
    with pytest.raises(CorruptDataError, match=r"1\.json"):
        list(saver.thread("t").history())


def test_nothing_is_said_of_a_step_whose_parent_is_gone(home: Home) -> None:
    """Where the parent was removed, the nodes that ran since nobody knows when are not said to have run in this step."""
    saver = home.saver()
    chat(saver).invoke({"log": []}, config_for("t"))
    newest, before = list(saver.thread("t").history())[:2]
    home.store().delete([f"t/checkpoints/_root/{before.checkpoint_id}.json"])
    assert newest.nodes == ("review",)
    assert saver.thread("t").latest.summary.nodes == ()


@pytest.mark.parametrize("look", ["state", "writes"])
def test_a_checkpoint_that_goes_with_its_artifacts_is_looked_for_again(home: Home, look: str) -> None:
    """A thread that is replaced while it is read is no damage: what is there then is shown."""
    text = "x" * 60_000
    config = put(home.saver(artifact_threshold_bytes=100), "1", {"text": text})
    home.saver(artifact_threshold_bytes=100).put_writes(config, [("text", text)], "task")
    done: list[None] = []

    class Replaced(WatchedStore):
        """Replaces the thread just before its first artifact is looked at."""

        def status(self, key: str) -> Status | None:
            if "/artifacts/" in key and not done:
                done.append(None)
                home.saver().delete_thread("t")
                put(home.saver(), "2", {"text": "short"})
            return super().status(key)

    found = getattr(FileSaver(Replaced(home.store())).thread("t"), look)()
    assert done
    assert dict(found) == {"text": "short"} if look == "state" else len(found) == 0


def test_states_of_a_thread_that_goes_are_those_that_were_left(home: Home) -> None:
    """An iteration over all states leaves out what is removed meanwhile."""
    saver = home.saver()
    for number in range(3):
        put(saver, str(number), {"n": number}, parent=str(number - 1) if number else None)
    states = saver.thread("t").states()
    assert next(states)["n"] == 0
    home.store().delete(["t/checkpoints/_root/1.json"])
    assert [each["n"] for each in states] == [2]


def test_a_lease_that_cannot_be_read_concerns_its_thread_only(local_home: Home) -> None:
    """The thread of a damaged lease is told as damaged, with the file; every other one stands where it stands."""
    saver = local_home.saver()
    for thread_id in ("one", "two"):
        chat(saver).invoke({"log": []}, config_for(thread_id))
    lease = local_home.root / ".locks/one.lease.json"
    lease.write_text("{")
    two, one = saver.threads()
    assert (two.status, two.damage) == ("done", None)
    assert (one.status, one.thread_id) == ("unknown", "one")
    assert lease.name in str(one.damage)


def test_a_lease_that_is_over_runs_nothing(local_home: Home) -> None:
    """What a dead process left of its lease does not make a thread running."""
    saver = local_home.saver()
    chat(saver).invoke({"log": []}, config_for("t"))
    with saver.thread_lock("t"):
        lease = local_home.root / ".locks/t.lease.json"
        left = lease.read_text()
    lease.write_text(left)
    changed(lease, lambda document: document.update(pid_started=1))  # a process of that number, but another one
    assert saver.locks()[0].is_over
    assert saver.threads()[0].status == "done"
    assert saver.thread("t").latest.status == "done"


def test_only_the_latest_checkpoint_is_running(home: Home) -> None:
    """While a thread is held, its older checkpoints stand where they stood."""
    saver = home.saver()
    chat(saver).invoke({"log": []}, config_for("t"))
    with saver.thread_lock("t"):
        thread = saver.thread("t")
        assert [thread.state(each).status for each in thread.history()] == ["running", "pending", "pending", "pending"]


def test_the_size_of_a_file_counts_and_not_what_a_document_says(local_home: Home) -> None:
    """A reference that claims a few bytes does not make a large file be read."""
    saver = local_home.saver()
    put(saver, "1", {"report": "x" * 200_000})
    changed(
        local_home.root / "t/checkpoints/_root/1.json", lambda document: document["state"]["report"].update(bytes=5)
    )
    report = saver.thread("t").latest["report"]
    assert isinstance(report, LargeValue)
    assert report.bytes == 200_000


def test_a_large_secret_is_masked_whole(home: Home) -> None:
    """Of a large value under the name of a credential not even the path is shown: its name is a digest of it."""
    saver = home.saver()
    put(saver, "1", {"password": "x" * 200_000, "keys": {"private_key": b"y" * 200_000}})
    assert dict(saver.thread("t").latest)["password"] == MASKED
    assert "artifacts/" not in json.dumps(saver.thread("t").latest.to_dict())


def test_machinery_is_no_channel(home: Home) -> None:
    """Neither a branch nor a join nor a list of Sends is shown as a channel, or as changed."""

    def node(state: Chat) -> Chat:
        return {}

    builder = StateGraph(Chat)
    for name in ("a", "b", "c"):
        builder.add_node(name, node)
    builder.add_edge(START, "a")
    builder.add_edge(START, "b")
    builder.add_edge(["a", "b"], "c")
    saver = home.saver()
    builder.compile(checkpointer=saver).invoke({"text": "x"}, config_for("t"), durability="sync")
    for state in saver.thread("t").states():
        assert set(state) <= {"text", "log"}
        assert set(state.summary.channels_changed) <= {"text", "log"}


def test_what_a_function_returns_is_a_channel(home: Home) -> None:
    """In a functional graph what it returned is shown, and told as changed."""

    @task
    def double(number: int) -> int:
        return number * 2

    saver = home.saver()

    @entrypoint(checkpointer=saver)
    def run(number: int) -> int:
        return double(number).result()

    config: RunnableConfig = config_for("t")
    run.invoke(21, config)
    latest = saver.thread("t").latest
    assert latest["__end__"] == 42
    assert "__end__" in latest.summary.channels_changed


def test_a_record_knows_its_own_namespace(home: Home) -> None:
    """A step of a called graph, given back, is found without saying its namespace again."""
    saver = home.saver()
    put(saver, "0", {"n": 0})
    put(saver, "1", {"n": 1}, checkpoint_ns="sub:1")
    put(saver, "2", {"n": 2}, checkpoint_ns="sub:1", parent="1")
    thread = saver.thread("t")
    newest, oldest = thread.history(checkpoint_ns="sub:1")
    assert thread.state(newest)["n"] == 2
    assert thread.diff(oldest, newest).channels["n"]["new"] == 2
    assert thread.diff(None, newest).old_id == "1"
    assert len(thread.writes(thread.state(oldest))) == 0


def test_every_thread_is_younger_than_all_time(home: Home) -> None:
    """A span that is longer than there are dates finds nothing, and is no error."""
    put(home.saver(), "1", {"n": 1})
    assert len(home.saver().threads(older_than=dt.timedelta(days=10**6))) == 0


def test_a_damaged_image_is_told_in_its_place(local_home: Home) -> None:
    """A picture whose bytes are not those of its name is no picture on the page, which is shown all the same."""
    saver = local_home.saver(artifact_threshold_bytes=100)
    put(saver, "1", {"picture": PNG, "note": "still here"})
    next((local_home.root / "t/artifacts").glob("*.png")).write_bytes(b"zzz")
    for page in (saver.thread("t").latest._repr_html_(), saver.thread("t").report()):
        outline = Outline(page)
        assert outline.addresses == []
        assert "damaged" in outline.text
        assert "still here" in outline.text


class Opaque:
    """A value that only pickle can store."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Opaque)

    def __hash__(self) -> int:
        return 1


def test_a_sealed_value_that_is_no_json_stays_sealed(home: Home) -> None:
    """What another serde stores and ours could not is shown by its seal; the channels beside it are shown."""
    saver = home.saver(serde=JsonPlusSerializer(pickle_fallback=True))
    put(saver, "1", {"odd": Opaque(), "text": "plain", "none": None})
    latest = saver.thread("t").latest
    assert latest["text"] == "plain"
    assert latest["none"] is None
    assert "$serde" in latest["odd"]
    assert saver.thread("t").report()


def test_damage_in_writes_names_their_file(local_home: Home) -> None:
    """A value of a write that cannot be read is told with the file of the write, not with that of the checkpoint."""
    saver = local_home.saver()
    config = put(saver, "1", {"n": 1})
    saver.put_writes(config, [("n", 2)], "task")
    file = next((local_home.root / "t/writes").rglob("*.json"))
    changed(file, lambda document: document["writes"][0].update(value={"$list": 5}))
    with pytest.raises(CorruptDataError, match=file.name):
        saver.thread("t").writes()


def test_each_write_and_artifact_shows_itself(home: Home) -> None:
    """One of several is shown as all of them are."""
    saver = home.saver(artifact_threshold_bytes=100)
    config = put(saver, "1", {"text": "x" * 1_000})
    saver.put_writes(config, [("text", "mine")], "task")
    thread = saver.thread("t")
    assert "mine" in repr(thread.writes()[0])
    assert "mine" in Outline(thread.writes()[0]._repr_html_()).text
    assert thread.artifacts()[0].path in repr(thread.artifacts()[0])
    assert thread.artifacts()[0].path in Outline(thread.artifacts()[0]._repr_html_()).text


def test_a_page_tells_what_every_graph_and_every_step_waits_for(home: Home) -> None:
    """A question of a called graph, and one that was answered since, are in the page, each at its place."""
    saver = home.saver()
    put(saver, "1", {"n": 1})
    inner = put(saver, "1", {"n": 1}, checkpoint_ns="called:1")
    question = [{"value": "inner question", "id": "a" * 32}]
    saver.put_writes(inner, [("__interrupt__", question)], "task", "~__pregel_pull, asks")
    graph = chat(saver, asks=True)
    graph.invoke({"log": []}, config_for("asked"))
    asked = saver.thread("asked").latest.summary.checkpoint_id
    put(saver, "9", {"n": 2}, thread_id="asked", parent=asked)
    assert "inner question" in Outline(saver.thread("t").report()).text
    assert "called:1" in Outline(saver.thread("t").report()).text
    assert "publish?" in Outline(saver.thread("asked").report()).text


def test_a_page_of_a_thread_that_goes_is_what_was_left(home: Home) -> None:
    """Where the thread is removed while its page is made, it is an error that says so, and no other."""
    saver = home.saver()
    put(saver, "1", {"n": 1})
    thread = saver.thread("t")
    saver.delete_thread("t")
    with pytest.raises(NotFoundError, match="removed meanwhile"):
        thread.report()


def test_config_names_a_thread_by_its_text(home: Home) -> None:
    """A thread put under a number is found by the number and by its text."""
    saver = home.saver()
    config = config_of()
    config["configurable"]["thread_id"] = 7
    saver.put(config, checkpoint_of("1", {"n": 1}), {"source": "loop"}, {})
    assert saver.thread("7").thread_id == "7"
    assert saver.thread(7).thread_id == "7"  # type: ignore[arg-type]
