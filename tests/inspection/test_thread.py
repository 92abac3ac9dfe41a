"""One thread looked at: states, history, changes, forks, writes, artifacts; each equal to what LangGraph itself sees."""

from __future__ import annotations

import hashlib
import json
import operator
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.serde.base import CipherProtocol
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.graph import START, StateGraph
from langgraph.types import Send

from langgraph_filesaver import CorruptDataError, FileSaver, JsonSerializer, NotFoundError
from langgraph_filesaver.inspection import LargeValue
from langgraph_filesaver.inspection.values import MASKED
from tests.checkpoints import config_of, put
from tests.graphs.delta_graphs import Workshop
from tests.inspection.looking import chat, config_for
from tests.stores import Home, WatchedStore


def ran(saver: FileSaver, thread_id: str = "t", **options: Any) -> Any:
    graph = chat(saver, **options)
    graph.invoke({"log": ["begun"]}, config_for(thread_id))
    return graph


def test_states_are_those_of_langgraph(home: Home) -> None:
    """At each checkpoint the plain state holds LangGraph's values, channel for channel; machinery is left out."""
    saver = home.saver()
    graph = ran(saver)
    thread = saver.thread("t")
    for snapshot in graph.get_state_history(config_for("t")):
        state = thread.state(snapshot.config["configurable"]["checkpoint_id"])
        assert dict(state) == snapshot.values
        assert state.summary.step == snapshot.metadata["step"]
        assert state.next == snapshot.next
    assert thread.latest["text"] == "one\n2\nthree"


def test_the_history_tells_nodes_changes_and_durations(home: Home) -> None:
    """Each step: the node that ran, the channels that changed, the time since its parent; newest first, and the latest marked."""
    saver = home.saver()
    ran(saver)
    steps = list(saver.thread("t").history())
    assert [each.step for each in steps] == [2, 1, 0, -1]
    assert [each.nodes for each in steps] == [("review",), ("draft",), ("__start__",), ()]
    assert [set(each.channels_changed) for each in steps] == [{"log", "text"}, {"log", "text"}, {"log"}, set()]
    assert [each.is_latest for each in steps] == [True, False, False, False]
    assert all(each.duration_seconds is not None and each.duration_seconds >= 0 for each in steps[:-1])
    assert steps[-1].duration_seconds is None
    assert all(each.bytes > 0 for each in steps)


def test_a_history_is_read_as_it_is_come_to(local_home: Home) -> None:
    """The first of many steps is read without the others: a damaged old one does not matter to it."""
    saver = local_home.saver()
    ran(saver)
    oldest = min((local_home.root / "t/checkpoints/_root").iterdir())
    oldest.write_text("{")
    history = saver.thread("t").history()
    assert len(history) == 4
    assert history[0].step == 2
    assert [each.step for each in history[:2]] == [2, 1]
    with pytest.raises(CorruptDataError, match=oldest.name):
        list(history)


def test_a_diff_tells_items_and_lines(home: Home) -> None:
    """Between two checkpoints: a list by item, a text by line; the default is what the last step changed."""
    saver = home.saver()
    ran(saver)
    thread = saver.thread("t")
    diff = thread.diff()
    assert diff.channels["log"]["items"] == [{"op": "=", "count": 2}, {"op": "+", "index": 2, "value": "reviewed: yes"}]
    assert [(each["op"], each["text"]) for each in diff.channels["text"]["lines"] if each["op"] != "@"] == [
        (" ", "one"),
        ("-", "two"),
        ("+", "2"),
        (" ", "three"),
    ]
    history = thread.history()
    assert thread.diff(history[0], history[0]).channels == {}
    assert thread.diff(None, history[3]).channels == {}
    assert thread.diff(history[3], history[1]).channels["text"] == {"change": "added", "value": "one\ntwo\nthree"}


def test_a_fork_is_seen_in_the_tree(home: Home) -> None:
    """Time travel makes a second child of its checkpoint; the replay goes along the branch of the latest only."""
    saver = home.saver()
    graph = ran(saver)
    thread = saver.thread("t")
    drafted = thread.history()[1]
    past = {"configurable": {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": drafted.checkpoint_id}}
    graph.update_state(past, {"text": "other"}, as_node="draft")
    tree = thread.tree()
    assert [each.source for each in tree.children(drafted.checkpoint_id)] == ["loop", "update"]
    assert [each.step for each in tree.roots()] == [-1]
    assert [each.summary.step for each in thread.replay()] == [-1, 0, 1, 2]
    assert list(thread.replay())[-1]["text"] == "other"
    assert "flowchart" in tree.to_mermaid() or "graph" in tree.to_mermaid()


def test_a_step_whose_parent_is_gone_is_compared_with_nothing(local_home: Home) -> None:
    """A checkpoint was removed by hand: history, timeline and diff show what came after it, all of it as added."""
    saver = local_home.saver()
    ran(saver)
    thread = saver.thread("t")
    gone = thread.history()[1].checkpoint_id
    (local_home.root / f"t/checkpoints/_root/{gone}.json").unlink()
    assert "reviewed: yes" in thread.history()._repr_html_()
    assert thread.diff().old_id == ""
    assert {each["change"] for each in thread.diff().channels.values()} == {"added"}
    with pytest.raises(NotFoundError, match=gone):
        thread.diff(gone)


def test_a_circle_of_parents_is_shown(local_home: Home) -> None:
    """A person's edit made a checkpoint its own ancestor: each stands in the tree once, as text and as a page."""
    saver = local_home.saver()
    put(saver, "1", {"log": ["a"]})
    put(saver, "2", {"log": ["a", "b"]}, parent="1")
    path = local_home.root / "t/checkpoints/_root/1.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "parent_checkpoint_id": "2"}))
    assert [each.summary.checkpoint_id for each in saver.thread("t").replay()] == ["1", "2"]
    tree = saver.thread("t").tree()
    assert repr(tree).count("●") == tree._repr_html_().count("●") == 2


@pytest.mark.parametrize("odd", [None, 5, [{}], "text"])
def test_what_a_person_mistyped_is_no_crash(local_home: Home, odd: Any) -> None:
    """Of another type where only LangGraph writes: what cannot be told is left out, all else is shown."""
    saver = local_home.saver()
    message = {"$type": "langchain_core.messages.ai.AIMessage", "content": "hello", "tool_calls": odd}
    for number, checkpoint_id in enumerate("12"):
        put(saver, checkpoint_id, {"log": []}, parent="1" if number else None)
        path = local_home.root / f"t/checkpoints/_root/{checkpoint_id}.json"
        document = json.loads(path.read_bytes())
        document["state"] = {"log": [message], **({} if number else {"__pregel_tasks": odd})}
        document["metadata"]["counters_since_delta_snapshot"] = odd
        path.write_text(json.dumps(document))
    thread = saver.thread("t")
    assert "ai: hello" in repr(thread.latest)
    assert "hello" in thread.report()


def test_a_damaged_lock_of_another_thread_does_not_matter(local_home: Home) -> None:
    """Who has a thread is asked of its own lock file alone."""
    saver = local_home.saver()
    ran(saver)
    (local_home.root / ".locks").mkdir(exist_ok=True)
    (local_home.root / ".locks/other.lease.json").write_text("{")
    assert saver.thread("t").latest.status == "done"


def test_writes_are_told_with_their_nodes(home: Home) -> None:
    """A question that waits is a write of the node that asks."""
    saver = home.saver()
    ran(saver, asks=True)
    writes = saver.thread("t").writes()
    assert [(each.node, each.channel) for each in writes] == [("review", "__interrupt__")]
    assert "publish?" in json.dumps(writes.to_dict())


def test_large_values_are_not_read(local_home: Home) -> None:
    """A large value is told by path and size, its file need not even be there; a part of a list is shown in place."""
    saver = local_home.saver()
    put(saver, "1", {"report": "x" * 100_000, "log": [f"{number:0200}" for number in range(200)]})
    thread = saver.thread("t")
    report = thread.latest["report"]
    assert isinstance(report, LargeValue)
    assert (report.kind, report.bytes) == ("text", 100_000)
    assert report.path == f"artifacts/{hashlib.sha256(b'x' * 100_000).hexdigest()}.txt"
    assert thread.latest["log"] == [f"{number:0200}" for number in range(200)]
    assert f"<text of 100,000 bytes: {report.path}>" in repr(thread.latest)
    largest = thread.artifacts()[0]
    assert (largest.path, largest.kind, largest.read_bytes()) == (report.path, "text", b"x" * 100_000)
    (local_home.root / "t" / report.path).write_bytes(b"y" * 100_000)
    assert isinstance(thread.latest["report"], LargeValue)
    with pytest.raises(CorruptDataError, match=report.path.partition("/")[2]):
        largest.read_bytes()


def test_a_missing_part_of_a_list_is_an_error(local_home: Home) -> None:
    """A chunk that is gone is damage that is named, never a shorter list."""
    saver = local_home.saver()
    put(saver, "1", {"log": [f"{number:0200}" for number in range(200)]})
    gone = next((local_home.root / "t/artifacts").iterdir())
    gone.unlink()
    with pytest.raises(CorruptDataError, match=gone.name):
        saver.thread("t").state()


def test_secrets_are_masked_wherever_they_stand(home: Home) -> None:
    """Under a key that names a credential no text or number is shown, in states, metadata, writes, diffs; others are."""
    saver = home.saver(metadata_include=["pin"])
    secret = "sk-" + "7" * 20
    state = {
        "api_key": secret,
        "config": {"password": secret, "nested": [{"client_secret": [secret, 5, None, True]}], "max_tokens": 100},
        "pin": "kept",
        "pairs": {1: "one", "api_key": secret},
    }
    put(saver, "1", state, metadata={"authorization": secret})
    saver.put_writes(config_of("t", "", "1"), [("token", secret)], "task")
    thread = saver.thread("t")
    shown = dict(thread.latest)
    assert shown == {
        "api_key": MASKED,
        "config": {"password": MASKED, "nested": [{"client_secret": [MASKED, MASKED, None, True]}], "max_tokens": 100},
        "pin": "kept",
        "pairs": {"$type": "dict", "items": [[1, "one"], ["api_key", MASKED]]},
    }
    everything: list[Any] = [
        thread,
        thread.latest,
        thread.history(),
        thread.diff(),
        thread.tree(),
        thread.writes(),
        saver.threads(),
    ]
    for each in everything:
        assert secret not in repr(each) + each._repr_html_() + json.dumps(each.to_dict())


def test_secrets_are_masked_in_artifacts(home: Home) -> None:
    """A credential that stands in a small artifact, or in parts of a list, is masked as it is in the checkpoint's file."""
    saver, secret = home.saver(artifact_threshold_bytes=0), "sk-" + "7" * 500
    put(saver, "1", {"api_key": secret, "deep": {"password": {"all": [secret] * 100}}})
    assert dict(saver.thread("t").latest) == {"api_key": MASKED, "deep": {"password": {"all": [MASKED] * 100}}}


@pytest.mark.parametrize("rest", [{"tail": 5}, {"tail": {"a": 1}}, {"tial": ["c"]}])
def test_a_list_that_is_not_as_it_should_be_is_an_error(local_home: Home, rest: dict[str, Any]) -> None:
    """A tail of another type, or under another name, is damage that is named: never a shorter list."""
    saver = local_home.saver()
    put(saver, "1", {"log": ["a"]})
    path = local_home.root / "t/checkpoints/_root/1.json"
    document = json.loads(path.read_bytes())
    document["state"]["log"] = {"$list": [], **rest}
    path.write_text(json.dumps(document))
    with pytest.raises(CorruptDataError, match=r"1\.json.*tail"):
        saver.thread("t").state()


def test_what_is_not_there_is_told_with_its_nearest_names(home: Home) -> None:
    """An unknown thread, checkpoint or namespace is a NotFoundError with names that look like it, and a LookupError."""
    saver = home.saver()
    with pytest.raises(NotFoundError, match="no thread 'research'"):
        saver.thread("research")
    put(saver, "1f0c", {"log": []}, thread_id="research-42")
    with pytest.raises(NotFoundError, match="did you mean 'research-42'") as caught:
        saver.thread("reserch-42")
    assert caught.value.nearest == ("research-42",)
    assert isinstance(caught.value, LookupError)
    for wrong in ({"checkpoint": "1f"}, {"checkpoint_ns": "nope"}):
        with pytest.raises(NotFoundError):
            saver.thread("research-42").state(**wrong)


def test_a_thread_of_called_graphs_only_can_be_looked_at(home: Home) -> None:
    """A thread whose root namespace has no checkpoint is a thread; its namespaces are told."""
    saver = home.saver()
    put(saver, "1", {"log": ["sub"]}, checkpoint_ns="node:1")
    assert saver.thread("t").namespaces == ("node:1",)
    assert saver.thread("t").state(checkpoint_ns="node:1")["log"] == ["sub"]
    assert saver.threads()[0].status == "unknown"
    with pytest.raises(NotFoundError, match=r"no checkpoint in the namespace ''.*'node:1'"):
        saver.thread("t").latest  # noqa: B018 it reads


def test_types_nobody_knows_are_shown_as_they_stand(local_home: Home) -> None:
    """A type of code that is not there is its fields and its tag, and nothing is imported for it."""
    saver = local_home.saver()
    put(saver, "1", {"plan": 1})
    path = local_home.root / "t/checkpoints/_root/1.json"
    document = json.loads(path.read_bytes())
    document["state"]["plan"] = {"$type": "no_such_module.Plan", "steps": ["a"]}
    path.write_text(json.dumps(document))
    assert saver.thread("t").latest["plan"] == {"$type": "no_such_module.Plan", "steps": ["a"]}


def test_a_channel_that_the_graph_builds_is_told_by_its_parts(home: Home) -> None:
    """A DeltaChannel's value needs the graph's code: what is shown is what it is built from, and that it is so."""
    saver = home.saver()
    graph = Workshop().graph(saver)
    graph.invoke({"log": ["begin"], "do": []}, config_for("t"))
    latest = saver.thread("t").latest
    assert set(latest.unknown_channels) == {"log", "marks"}
    built: list[str] = []
    for write in latest["log"]["$delta"]["writes"]:
        built += write
    assert built == graph.get_state(config_for("t")).values["log"]
    assert latest["count"] == 1


class Secretive(TypedDict, total=False):
    """A state whose channel is called after a credential, and built by the graph."""

    api_keys: Annotated[list[str], DeltaChannel(lambda found, writes: sum(writes, found))]


def test_a_secret_that_the_graph_builds_is_masked(home: Home) -> None:
    """A DeltaChannel called after a credential shows how many writes it is built from, and none of their text."""
    saver = home.saver()
    builder: Any = StateGraph(Secretive)
    builder.add_node("add", lambda state: {"api_keys": ["sk-2"]})
    builder.add_edge(START, "add")
    builder.compile(checkpointer=saver).invoke({"api_keys": ["sk-1"]}, config_for("t"))
    assert saver.thread("t").latest["api_keys"] == {"$delta": {"writes": [[MASKED], [MASKED]]}}


class Crowd(TypedDict, total=False):
    """What many tasks of one node bring."""

    found: Annotated[list[int], operator.add]


@pytest.mark.parametrize("is_sealed", [False, True])
def test_nodes_that_were_sent_to_are_told(home: Home, is_sealed: bool) -> None:
    """A step of Sends leaves no trace in the versions: its node is told all the same, also where its state is sealed."""
    saver = home.saver(**({"serde": EncryptedSerializer(Rot13(), JsonSerializer())} if is_sealed else {}))
    builder: Any = StateGraph(Crowd)
    builder.add_node("plan", lambda state: {})
    builder.add_node("work", lambda state: {"found": [1]})
    builder.add_edge(START, "plan")
    builder.add_conditional_edges("plan", lambda state: [Send("work", {}), Send("work", {})], ["work"])
    graph = builder.compile(checkpointer=saver)
    for _ in range(2):  # the first time the versions tell the node, as one that they had not had
        graph.invoke({"found": []}, config_for("t"))
    steps = [each.nodes for each in saver.thread("t").history() if each.source == "loop"]
    assert steps == [("work",), ("plan",), ("__start__",)] * 2


class Forgetful(WatchedStore):
    """Lets somebody remove what was made first, at the moment that an artifact is read."""

    def read(self, key: str) -> bytes | None:
        if "/artifacts/" in key:
            self.before_exists(key)
        return super().read(key)


def test_a_parent_that_goes_with_what_it_sent_is_no_damage(local_home: Home) -> None:
    """The list of Sends is read from the parent's artifacts: where both go meanwhile, the step is told as one without a parent."""
    saver = local_home.saver(artifact_threshold_bytes=100)
    put(saver, "1", {"__pregel_tasks": [f"{number:0200}" for number in range(200)]})
    put(saver, "2", {"log": []}, parent="1", metadata={"source": "loop"})
    store = Forgetful(local_home.store())
    thread = FileSaver(store).thread("t")

    def remove(key: str) -> None:
        for path in [*(local_home.root / "t/artifacts").iterdir(), local_home.root / "t/checkpoints/_root/1.json"]:
            path.unlink(missing_ok=True)

    store.before_exists = remove
    assert [(each.checkpoint_id, each.duration_seconds) for each in thread.history()[:1]] == [("2", None)]


class Rot13(CipherProtocol):
    """No cipher at all: turns the bytes around."""

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        return "reversed", plaintext[::-1]

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        return ciphertext[::-1]


def test_sealed_values_are_opened_by_the_serde_and_by_nobody_else(home: Home) -> None:
    """With the serde that sealed it a state is shown in plain; without, it is shown sealed, and where it stands is unknown."""
    sealing = home.saver(serde=EncryptedSerializer(Rot13(), JsonSerializer()))
    ran(sealing)
    assert sealing.thread("t").latest["text"] == "one\n2\nthree"
    plain = home.saver()
    assert set(plain.thread("t").latest["text"]) == {"$serde", "base64"}
    assert plain.threads()[0].thread_id == "t"
