"""Going back to an older checkpoint, changing it and going on from there, as over InMemorySaver."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from langgraph.types import Command

from tests.graphs.anonymous import Graph, history_of, snapshot_of
from tests.graphs.driving import Driver, T
from tests.graphs.places import OpenSaver, same_as_in_memory
from tests.graphs.test_graphs import asking, chain, leaving

both_faces = pytest.mark.parametrize("driver", [Driver("sync"), Driver("async")], ids=repr)


def walk(open_saver: OpenSaver, ran: Counter[str] | None = None) -> Graph:
    nodes = [(mark, leaving(mark, ran)) for mark in ("one", "two", "three")]
    return chain(*nodes).compile(checkpointer=open_saver())


def before(graph: Graph, node: str) -> Any:
    """Return the config of the newest checkpoint at which `node` is next."""
    return next(each.config for each in graph.get_state_history(T) if each.next == (node,))


@both_faces
def test_a_run_from_an_older_checkpoint_forks_the_history(tmp_path: Path, driver: Driver) -> None:
    """Going on from an older checkpoint runs only what came after it, keeps the old branch, and becomes the latest."""

    def scenario(open_saver: OpenSaver) -> Any:
        ran: Counter[str] = Counter()
        driver.run(walk(open_saver), {"trail": ["go"]})
        old_end = walk(open_saver).get_state(T)
        back = before(walk(open_saver), "two")
        told = driver.run(walk(open_saver, ran), None, back)
        assert ran == {"two": 1, "three": 1}
        assert snapshot_of(walk(open_saver).get_state(old_end.config)) == snapshot_of(old_end)
        assert walk(open_saver).get_state(T).config != old_end.config
        return told, history_of(walk(open_saver), T), history_of(walk(open_saver), back)

    told, history, _ = same_as_in_memory(scenario, tmp_path)
    assert len(history) > 5
    assert told["trail"] == ["go", "one after 1", "two after 2", "three after 3"]


@both_faces
@pytest.mark.parametrize("as_node", [None, "one", "two", "three"])
def test_update_state_of_an_older_checkpoint_forks_it(tmp_path: Path, driver: Driver, as_node: str | None) -> None:
    """A change of an older checkpoint, as whichever node, is a new checkpoint under it, from which the graph goes on."""

    def scenario(open_saver: OpenSaver) -> Any:
        driver.run(walk(open_saver), {"trail": ["go"]})
        back = before(walk(open_saver), "two")
        fork = driver.update(walk(open_saver), back, {"trail": ["by hand"]}, as_node)
        state = walk(open_saver).get_state(fork)
        assert state.parent_config is not None
        assert state.parent_config["configurable"]["checkpoint_id"] == back["configurable"]["checkpoint_id"]
        told = driver.run(walk(open_saver), None, fork)
        return told, snapshot_of(state), history_of(walk(open_saver), T)

    told, state, _ = same_as_in_memory(scenario, tmp_path)
    assert told["trail"][:3] == ["go", "one after 1", "by hand"]
    assert state["values"] == {"trail": ["go", "one after 1", "by hand"]}


@both_faces
def test_a_copy_of_an_older_checkpoint_runs_its_tasks_again(tmp_path: Path, driver: Driver) -> None:
    """`__copy__` makes a sibling of the checkpoint with the same state, from which the next node runs anew."""

    def scenario(open_saver: OpenSaver) -> Any:
        ran: Counter[str] = Counter()
        driver.run(walk(open_saver), {"trail": ["go"]})
        back = before(walk(open_saver), "three")
        copy = driver.update(walk(open_saver), back, None, "__copy__")
        state = walk(open_saver).get_state(copy)
        assert state.values == walk(open_saver).get_state(back).values
        told = driver.run(walk(open_saver, ran), None, copy)
        return told, dict(ran), snapshot_of(state), history_of(walk(open_saver), T)

    told, ran, _, _ = same_as_in_memory(scenario, tmp_path)
    assert ran == {"three": 1}
    assert told["trail"][-1] == "three after 3"


@both_faces
def test_a_question_is_answered_twice_in_two_branches(tmp_path: Path, driver: Driver) -> None:
    """Going back to before a question asks it again; each branch keeps its own answer."""

    def scenario(open_saver: OpenSaver) -> Any:
        def graph() -> Graph:
            nodes = (("one", leaving("one")), ("ask", asking("what?")), ("three", leaving("three")))
            return chain(*nodes).compile(checkpointer=open_saver())

        driver.run(graph(), {"trail": []})
        first = driver.run(graph(), Command(resume="this"))
        first_end = graph().get_state(T).config
        back = before(graph(), "ask")
        again = driver.run(graph(), None, back)
        second = driver.run(graph(), Command(resume="that"))
        told_first = graph().get_state(first_end).values
        assert told_first == first
        return first, again, second, history_of(graph(), T)

    first, again, second, _ = same_as_in_memory(scenario, tmp_path)
    assert [each.value for each in again["__interrupt__"]] == ["what?"]
    assert ("what? this" in first["trail"], "what? that" in second["trail"]) == (True, True)


@both_faces
def test_update_state_while_a_question_waits(tmp_path: Path, driver: Driver) -> None:
    """A change as the node that asks replaces its answer: the graph goes on behind it and does not ask again."""

    def scenario(open_saver: OpenSaver) -> Any:
        asked: Counter[str] = Counter()

        def graph() -> Graph:
            nodes = (("ask", asking("what?", asked)), ("last", leaving("last")))
            return chain(*nodes).compile(checkpointer=open_saver())

        driver.run(graph(), {"trail": []})
        driver.update(graph(), T, {"trail": ["answered by hand"]}, "ask")
        told = driver.run(graph(), None)
        assert asked == {"what?": 1}
        return told, history_of(graph(), T)

    told, _ = same_as_in_memory(scenario, tmp_path)
    assert told == {"trail": ["answered by hand", "last after 1"]}


@both_faces
def test_a_thread_of_an_empty_folder_has_no_history(tmp_path: Path, driver: Driver) -> None:
    """Reading state and history of a thread that was never run answers as InMemorySaver does, and makes no thread."""

    def scenario(open_saver: OpenSaver) -> Any:
        graph = walk(open_saver)
        return snapshot_of(graph.get_state(T)), [snapshot_of(each) for each in driver.history(graph)]

    state, history = same_as_in_memory(scenario, tmp_path / "checkpoints")
    assert (state["values"], history) == ({}, [])
    assert not (tmp_path / "checkpoints").exists()
