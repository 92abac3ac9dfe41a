"""Where a thread stands, told by its files alone, is where LangGraph says that it stands: at every moment of every play."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.channels import EphemeralValue, LastValue
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import START, StateGraph
from langgraph.pregel import NodeBuilder, Pregel
from langgraph.types import Command, Send

from langgraph_filesaver import FileSaver
from langgraph_filesaver._calls import PendingWrite
from langgraph_filesaver._documents import CheckpointDocument
from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store import MemoryStore
from langgraph_filesaver._thread_files import StoredCheckpoint, ThreadFiles
from langgraph_filesaver.inspection.progress import Failure, Interruption, Progress, progress_of, status_of
from tests.graphs.anonymous import Graph
from tests.graphs.driving import Durability
from tests.inspection.acts import GO
from tests.inspection.graphs import LINE, PLAYS, asks, builder_of, play
from tests.inspection.stages import (
    NULL_TASK,
    BrokenNodeError,
    Stage,
    held_against_langgraph,
    identity,
    is_before_anything_ran,
    is_told_by_an_update,
    progress_at,
)

FACES = ["a join", "map, and some ask", "subgraphs in subgraphs", "one of parallel nodes fails", "tasks of a node"]


def latest(stage: Stage, moment: int | None = None) -> tuple[StoredCheckpoint, Progress]:
    """Return the latest checkpoint of the root graph after so many moments, and where the thread stands there."""
    store = MemoryStore(MARKER)
    store._files = dict(stage.store.files if moment is None else stage.store.moments[moment - 1][1])
    files = ThreadFiles(store)
    found = progress_at(files, ("", files.checkpoint_ids("t", "")[-1]))
    assert found is not None
    return found


# --- as LangGraph says


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
@pytest.mark.parametrize("name", PLAYS)
def test_what_is_next_equals_get_state_at_every_moment(name: str, durability: Durability) -> None:
    """At each checkpoint and prefix of its writes, `next` is LangGraph's; unknown only before anything ran in a thread."""
    told = play(name)
    stage = Stage(told.graph, durability)
    told.acts(stage)
    findings = held_against_langgraph(stage)
    assert findings.moments > 1
    assert [each for each in findings.unknown if not is_before_anything_ran(each)] == []


@pytest.mark.parametrize("name", FACES)
def test_asynchronous_runs_are_told_the_same(name: str) -> None:
    """Also where tasks are cancelled and writes come in another order, `next` is LangGraph's at every moment."""
    told = play(name)
    stage = Stage(told.graph, "async", "async")
    told.acts(stage)
    findings = held_against_langgraph(stage)
    assert [each for each in findings.unknown if not is_before_anything_ran(each)] == []


@pytest.mark.parametrize("name", PLAYS)
def test_with_another_serde_nothing_false_is_told(name: str) -> None:
    """Where values are sealed, `next` is LangGraph's or unknown: unknown around an update, and where there are Sends."""
    told = play(name)
    stage = Stage(told.graph, serde=JsonPlusSerializer())
    told.acts(stage)
    findings = held_against_langgraph(stage)
    for each in findings.unknown:
        updated = each.document.checkpoint["updated_channels"]
        is_around_update = updated is None or is_told_by_an_update(each)
        assert is_around_update or "__pregel_tasks" in updated or is_before_anything_ran(each)
    assert findings.moments > len(findings.unknown)


def test_a_sealed_question_is_told_without_its_text() -> None:
    """That a task asks is told by the channel; what it asks, and by which id it is answered, only the serde knows."""
    stage = Stage(play("story: one node asks twice").graph, serde=JsonPlusSerializer())
    stage.run(GO)
    progress = latest(stage)[1]
    assert [(each.id, each.node) for each in progress.interruptions] == [(None, "asks")]
    assert set(progress.interruptions[0].value) == {"$serde", "base64"}
    assert status_of(progress, is_running=False) == "interrupted"


# --- unknown


def test_a_graph_of_pregels_own_nodes_is_unknown() -> None:
    """Which channels such a node listens to stands in no file: `next` is None, and never false."""

    def graph(saver: FileSaver) -> Graph:
        return Pregel(
            nodes={
                "one": NodeBuilder().subscribe_only("given").do(str.upper).write_to("middle"),
                "two": NodeBuilder().subscribe_only("middle").do(str.lower).write_to("result"),
            },
            channels={"given": EphemeralValue(str), "middle": LastValue(str), "result": LastValue(str)},
            input_channels="given",
            output_channels="result",
            checkpointer=saver,
        )

    stage = Stage(graph)
    stage.run("Go")
    findings = held_against_langgraph(stage)
    assert len(findings.unknown) == findings.moments
    assert status_of(latest(stage)[1], is_running=False) == "unknown"


def test_a_node_that_is_awaited_twice_is_no_riddle_that_is_guessed() -> None:
    """A join whose text may be cut in two ways is unknown while that decides, and LangGraph's answer elsewhere."""
    edges: list[tuple[Any, str]] = [(START, "a"), (["a", "a"], "b")]
    stage = Stage(lambda saver: builder_of(edges, a=None, b=None).compile(checkpointer=saver))
    stage.run(GO)
    findings = held_against_langgraph(stage)
    assert [each for each in findings.unknown if "join:a+a:b" not in each.document.state] == [
        each for each in findings.unknown if is_before_anything_ran(each)
    ]
    assert latest(stage)[1].next == ()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("v", 3),
        ("v", 5),
        ("v", None),
        ("channel_versions", None),
        ("versions_seen", {"b": {"branch:to:b": 3}}),
        ("versions_seen", {"b": {"branch:to:b": {"$type": "int", "value": "1"}}}),
        ("channel_versions", {"branch:to:b:c": "9", "branch:to:b": "1"}),
        ("versions_seen", {"b": []}),
        ("versions_seen", {"b": {"other": "1"}}),
    ],
)
def test_a_checkpoint_that_is_not_understood_is_unknown(field: str, value: Any) -> None:
    """Another version of the checkpoint, versions of mixed types, names that LangGraph does not form: None."""
    stage = Stage(play("a line").graph)
    stage.run(GO, interrupt_before=["b"])
    stored, progress = latest(stage)
    assert progress.next == ("b",)
    odd = replace(stored.document, checkpoint={**stored.document.checkpoint, field: value})
    assert progress_of(odd, stored.writes, identity).next is None


def test_an_update_that_may_be_a_tasks_leaves_open_who_has_finished() -> None:
    """`update_state` writes under a task's id and without its path: where the id cannot be computed, `next` is None."""
    stage = Stage(play("updates of a join").graph)
    stage.run(GO, interrupt_before=["b2"])
    stored, progress = latest(stage)
    assert progress.next == ("b2", "d")
    update = PendingWrite("~__interrupt__, 0000000000", "6a1f0c8e-77d2-0b3c-9e41-5c2d8f10b7aa", 0, "trail", [], "key")
    told = progress_of(stored.document, [*stored.writes, update], identity)
    assert (told.next, told.tasks) == (None, ("b2", "d"))


def test_a_state_of_one_value_that_is_not_there_starts_nothing() -> None:
    """A node that reads one value is not started without it; while nothing tells that from other graphs, `next` is None."""

    def graph(saver: FileSaver) -> Graph:
        builder: StateGraph[Any, Any, Any, Any] = StateGraph(str)
        node: Any = str.upper
        builder.add_sequence([("a", node), ("b", node)])
        builder.add_edge(START, "a")
        return builder.compile(checkpointer=saver)

    stage = Stage(graph)
    stage.update(Command(goto="b"), "a")
    assert stage.state().next == ()
    assert latest(stage)[1].next is None
    held_against_langgraph(stage)


def test_a_channel_that_was_stored_anew_is_no_trigger() -> None:
    """LangGraph marks a snapshot of a DeltaChannel as seen by nodes that never listened to it; any other such mark is odd."""
    stage = Stage(play("a line").graph)
    stage.run(GO)
    stored, _ = latest(stage)
    seen = stored.document.checkpoint["versions_seen"]
    marked = {**seen, "b": {**seen["b"], "trail": "1"}}
    for bumps, expected in (({"b|trail": "1"}, ()), ({}, None)):
        checkpoint = {**stored.document.checkpoint, "versions_seen": {**marked, "__snapshot_bumps__": bumps}}
        assert progress_of(replace(stored.document, checkpoint=checkpoint), stored.writes, identity).next == expected


def test_sends_without_ids_leave_open_which_have_finished() -> None:
    """Where the number of the step cannot be read, no id can be computed: a result may be that of any of the Sends."""
    stage = Stage(play("map, and some ask").graph)
    stage.run(GO)
    stored, progress = latest(stage)
    assert (progress.next, progress.finished) == (("work",) * 2, ("work",) * 2)
    odd = progress_of(replace(stored.document, metadata={"step": "one"}), stored.writes, identity)
    assert (odd.next, odd.tasks) == (None, ("work",) * 4)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.text("ab:+$\ud800", max_size=3) | st.just({"$serde": "x"}),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["$type", "items", "a", "branch:to:a", "join:a+b:a", "__start__"]), inner)
        | inner.map(lambda items: {"$type": "tuple", "items": items})
        | inner.map(lambda items: {"$type": "dict", "items": items})
    ),
    max_leaves=12,
)
CHANNELS = st.sampled_from(["trail", "__interrupt__", "__resume__", "__error__", "__no_writes__"])
IDS = st.sampled_from([NULL_TASK, "6a1f0c8e-77d2-0b3c-9e41-5c2d8f10b7aa", "", "00000001-x"])
PATHS = st.sampled_from(
    ["", "~__pregel_pull, a", "~__pregel_push, 0000000000, 0000000000", "~__interrupt__, 0000000000"]
)


@given(
    state=st.dictionaries(st.sampled_from(["__pregel_tasks", "branch:to:a", "join:a+b:a", "__start__"]), JSON),
    versions=JSON,
    seen=JSON,
    metadata=st.dictionaries(st.sampled_from(["step", "$type"]), JSON),
    checkpoint_id=st.sampled_from(["1f0c8a11-5b2e-6d04-8001-3f9c27a1d55e", "", "x", "\ud800"]),
    writes=st.lists(
        st.builds(PendingWrite, PATHS, IDS, st.integers(-4, 2), CHANNELS, JSON, st.sampled_from(["", "a/b"])),
        max_size=4,
    ),
)
def test_whatever_stands_in_the_files_there_is_an_answer(
    state: Any, versions: Any, seen: Any, metadata: Any, checkpoint_id: str, writes: list[PendingWrite]
) -> None:
    """A person may have written anything: what is not understood is unknown, and no error."""
    checkpoint = {"v": 4, "channel_versions": versions, "versions_seen": seen}
    document = CheckpointDocument("", checkpoint_id, None, state, metadata, checkpoint)
    progress = progress_of(document, writes, identity)
    assert progress.next is None or set(progress.next) <= set(progress.tasks or ())


# --- many Sends


def test_sends_too_many_for_the_file_are_counted() -> None:
    """The list of Sends may stand in chunks: `plain` puts it together, and without that, what is next is unknown."""
    count = 300
    builder = builder_of([(START, "plan")], plan=None, work=None)
    builder.add_conditional_edges(
        "plan", lambda state: [Send("work", {"n": f"{n:0100}"}) for n in range(count)], ["work"]
    )
    stage = Stage(lambda saver: builder.compile(checkpointer=saver))
    stage.run(GO, interrupt_before=["work"])
    stored, _ = latest(stage)

    def plain(value: Any) -> Any:
        if isinstance(value, dict) and "$list" in value:
            chunks = [plain(json.loads(stage.store.read(f"t/{name}") or b"")) for name in value["$list"]]
            return [item for chunk in chunks for item in chunk] + value.get("tail", [])
        return value

    assert "$list" in stored.document.state["__pregel_tasks"]
    assert progress_of(stored.document, stored.writes, plain).next == ("work",) * count
    assert progress_of(stored.document, stored.writes, identity).next is None


# --- questions and their answers


def moments_after_answers(stage: Stage, begin: int) -> list[Progress]:
    """Return where the thread stood when an answer had been stored and its task had not run yet."""
    moments = range(begin + 1, len(stage.store.moments) + 1)
    return [latest(stage, moment)[1] for moment in moments if NULL_TASK in stage.store.moments[moment - 1][0]]


def test_a_question_counts_as_answered_when_the_answer_is_stored() -> None:
    """Killed after the answer was stored and before the node ran, the thread waits for nobody."""
    stage = Stage(lambda saver: builder_of(LINE, a=None, b=asks("b", "who?"), c=None).compile(checkpointer=saver))
    stage.run(GO)
    assert [(each.node, each.value) for each in latest(stage)[1].interruptions] == [("b", "who?")]
    begin = len(stage.store.moments)
    stage.run(Command(resume="me"))
    found = moments_after_answers(stage, begin)
    assert [(each.next, each.interruptions, status_of(each, is_running=False)) for each in found] == [
        (("b",), (), "pending")
    ]


def test_what_a_subgraph_asks_is_told_as_long_as_nothing_proves_the_answer() -> None:
    """A subgraph takes the answer in its own namespace: the calling graph's files do not show whose it is."""
    stage = Stage(play("a subgraph").graph)
    stage.run(GO)
    begin = len(stage.store.moments)
    stage.run(Command(resume="me"))
    assert [len(each.interruptions) for each in moments_after_answers(stage, begin)] == [1]


def test_a_node_that_fails_after_the_answer_asks_no_more() -> None:
    """The answer is kept with the failure: the thread has failed, and does not wait, which LangGraph still says."""

    def node(state: Any) -> Any:
        raise BrokenNodeError(asks("b", "who?")(state)["trail"][0])

    stage = Stage(lambda saver: builder_of(LINE, a=None, b=node, c=None).compile(checkpointer=saver))
    stage.run(GO)
    stage.run(Command(resume={stage.state().interrupts[0].id: "me"}))
    progress = latest(stage)[1]
    assert len(stage.state().interrupts) == 1
    assert progress.interruptions == ()
    assert progress.failures == (Failure("b", "BrokenNodeError('b: me')"),)
    assert status_of(progress, is_running=False) == "failed"


def test_the_next_question_of_a_node_is_open_though_the_answer_to_the_last_is_stored() -> None:
    """The answer to the first question stays in the files: it answers no other, also if it was the same word."""
    stage = Stage(play("story: a node asks thrice beside others that work").graph)
    stage.run(GO)
    for question in ("when?", "why?"):
        stage.run(Command(resume="yes"))
        assert [each.value for each in latest(stage)[1].interruptions] == [question]


def test_before_langgraph_1_2_16_a_later_question_had_the_id_of_the_first() -> None:
    """The second question is open, though by its id it is the first one, and an answer to that is stored."""
    stage = Stage(play("story: one node asks twice").graph)
    stage.run(GO)
    first = latest(stage)[1].interruptions[0].id
    stage.run(Command(resume="me"))
    stored, _ = latest(stage)
    question = {"$type": "langgraph.types.Interrupt", "value": "when?", "id": first}
    writes = [each._replace(value=[question]) if each.channel == "__interrupt__" else each for each in stored.writes]
    assert progress_of(stored.document, writes, identity).interruptions == (Interruption(first, "asks", "when?"),)


def test_an_answer_by_the_id_of_a_question_is_its_answer() -> None:
    """A stored map from ids to answers answers those questions and no others."""
    stage = Stage(play("questions of parallel nodes").graph)
    stage.run(GO)
    stored, progress = latest(stage)
    answered, waiting = progress.interruptions
    answer = PendingWrite("", NULL_TASK, -4, "__resume__", {answered.id: "yes"}, "key")
    assert progress_of(stored.document, [*stored.writes, answer], identity).interruptions == (waiting,)


def test_a_task_that_failed_and_then_finished_has_not_failed() -> None:
    """The error of the first try stays in the files beside the result of the second, while another node still fails."""
    left = {"a": 1, "b": 2}

    def trying(name: str) -> Any:
        def node(state: Any) -> Any:
            left[name] -= 1
            if left[name] >= 0:
                raise BrokenNodeError(name)
            return {"trail": [name]}

        return node

    edges: list[tuple[Any, str]] = [(START, "a"), ("a", "b"), (START, "b")]
    stage = Stage(lambda saver: builder_of(edges, a=trying("a"), b=trying("b")).compile(checkpointer=saver))
    for _ in range(3):
        stage.run(GO if not stage.rests else None)
    for moment in range(1, len(stage.store.moments) + 1):
        progress = latest(stage, moment)[1]
        assert {each.node for each in progress.failures}.isdisjoint(progress.finished)


# --- the word for it


@pytest.mark.parametrize(
    ("progress", "status"),
    [
        (Progress((), ("a",), (), (), ("a",)), "done"),
        (Progress(("a",), (), (), (), ("a",)), "pending"),
        (Progress(None, (), (), (), None), "unknown"),
        (Progress(None, (), (), (Failure(None, "error"),), None), "failed"),
        (Progress(("a",), (), (), (Failure("a", "error"),), ("a",)), "failed"),
        (Progress(("a", "b"), (), (Interruption("1", "b", "?"),), (Failure("a", "error"),), ("a", "b")), "interrupted"),
    ],
)
def test_one_word_tells_where_a_thread_stands(progress: Progress, status: str) -> None:
    """Running is who holds a live lease, whatever the files say; else what a person has to see to comes first."""
    assert status_of(progress, is_running=False) == status
    assert status_of(progress, is_running=True) == "running"
