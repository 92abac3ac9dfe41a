"""How many requests a far store is asked: they are its cost (docs/performance.md, "Requests")."""

from __future__ import annotations

import operator
import uuid
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import HumanMessage
from langgraph.graph import START, StateGraph

from langgraph_filesaver import FileSaver
from tests.checkpoints import config_of, put
from tests.remote.counted import CountedDriver, counted_saver


class State(TypedDict):
    count: Annotated[int, operator.add]


def one_node(saver: FileSaver) -> Any:
    def node(_: State) -> State:
        return {"count": 1}

    graph: Any = StateGraph(State)
    return graph.add_node("node", node).add_edge(START, "node").compile(checkpointer=saver)


@pytest.fixture
def url() -> str:
    return f"memory://{uuid.uuid4().hex}/agents"


@pytest.fixture
def opened(url: str) -> tuple[FileSaver, CountedDriver]:
    return counted_saver(url)


def requests_of(driver: CountedDriver) -> dict[str, int]:
    verbs = [verb for verb, _ in driver.requests]
    return {verb: verbs.count(verb) for verb in sorted(set(verbs))}


@pytest.mark.parametrize("thread_id", ["t", "A/thread with an odd name"])
def test_a_step_is_one_put_for_each_call(opened: tuple[FileSaver, CountedDriver], thread_id: str) -> None:
    """After the first run, a run of one node asks for 1 PUT for each of its three checkpoints and two calls of put_writes, and 2 LISTs to read."""
    saver, driver = opened
    graph, config = one_node(saver), config_of(thread_id)
    graph.invoke({"count": 1}, config)
    for _ in range(3):
        driver.requests.clear()
        graph.invoke({"count": 1}, config)
        assert requests_of(driver) == {"LIST": 2, "PUT": 5}


def test_each_new_artifact_is_one_put_more(opened: tuple[FileSaver, CountedDriver]) -> None:
    """A put asks for a PUT for each chunk that is new, and for itself: none for those that are there, no LIST and no HEAD."""
    saver, driver = opened
    messages = [HumanMessage(f"{number} " + "x" * 600, id=str(number)) for number in range(200)]
    put(saver, "c1", {"messages": messages})
    stored = len([path for _, path in driver.requests if "/artifacts/" in path])
    assert stored > 5
    for step in range(2, 5):
        messages = [
            *messages,
            *(HumanMessage(f"{step}.{number} " + "y" * 600, id=f"{step}.{number}") for number in range(40)),
        ]
        driver.requests.clear()
        put(saver, f"c{step}", {"messages": messages}, parent=f"c{step - 1}")
        new = [path for _, path in driver.requests if "/artifacts/" in path]
        assert len(new) == len(set(new))
        assert 1 <= len(new) < stored
        assert requests_of(driver) == {"PUT": len(new) + 1}


def test_the_latest_of_a_long_thread_in_a_new_process(url: str) -> None:
    """Among 500 checkpoints the latest with its writes and chunks takes one LIST, then one GET and one LIST, then all the rest at once."""
    writer, _ = counted_saver(url)
    messages = [HumanMessage(f"{number} " + "x" * 600, id=str(number)) for number in range(100)]
    for number in range(500):
        put(writer, f"c{number:03}", {"value": number}, parent=f"c{number - 1:03}" if number else None)
    put(writer, "c500", {"messages": messages}, parent="c499")
    for task in range(3):
        writer.put_writes(config_of("t", "", "c500"), [("value", task)], f"task{task}")
    saver, driver = counted_saver(url)
    driver.requests.clear()
    found = saver.get_tuple(config_of())
    assert found is not None
    assert len(found.pending_writes or ()) == 3
    assert found.checkpoint["channel_values"]["messages"] == messages
    rounds = [path.rpartition("/agents/t/")[2].split("/")[0] for _, path in driver.requests]
    assert [verb for verb, _ in driver.requests][:1] == ["LIST"]
    assert sorted(driver.requests[1:3])[0][0] == "GET"
    assert sorted(driver.requests[1:3])[1][0] == "LIST"
    rest = driver.requests[3:]
    assert {verb for verb, _ in rest} == {"GET", "HEAD"}
    assert len([path for verb, path in rest if verb == "HEAD"]) == 1
    assert len(rest) == len(set(rest))
    assert rounds.count("writes") == 4


def test_the_latest_in_a_process_that_knows_it(opened: tuple[FileSaver, CountedDriver], url: str) -> None:
    """Who read or put the latest before asks for two LISTs; after another one has put, for what is new besides."""
    saver, driver = opened
    messages = [HumanMessage(f"{number} " + "x" * 600, id=str(number)) for number in range(100)]
    put(saver, "c1", {"messages": messages})
    for _ in range(2):
        driver.requests.clear()
        assert saver.get_tuple(config_of()) is not None
        assert requests_of(driver) == {"LIST": 2}
    other, _ = counted_saver(url)
    put(other, "c2", {"messages": messages}, parent="c1")
    driver.requests.clear()
    found = saver.get_tuple(config_of())
    assert found is not None
    assert found.checkpoint["id"] == "c2"
    assert requests_of(driver) == {"GET": 1, "HEAD": 1, "LIST": 3}


def test_a_hand_edit_of_a_known_checkpoint_is_read(opened: tuple[FileSaver, CountedDriver], url: str) -> None:
    """[O6] What is kept in memory is not believed where the listing shows another version."""
    saver, _ = opened
    put(saver, "c1", {"value": "old"})
    assert saver.get_tuple(config_of()) is not None
    other, _ = counted_saver(url)
    store = other._repository.store
    key = "t/checkpoints/_root/c1.json"
    store.replace(key, (store.read(key) or b"").replace(b'"old"', b'"new"'))
    found = saver.get_tuple(config_of())
    assert found is not None
    assert found.checkpoint["channel_values"]["value"] == "new"


def test_deleting_a_thread_takes_two_listings_and_two_deletions(opened: tuple[FileSaver, CountedDriver]) -> None:
    """However many files a thread has, they go in bulk: first the checkpoints, then the rest."""
    saver, driver = opened
    for number in range(50):
        put(saver, f"c{number:02}", {"value": "x" * 100_000 + str(number)})
        saver.put_writes(config_of("t", "", f"c{number:02}"), [("value", number)], "task")
    driver.requests.clear()
    saver.delete_thread("t")
    assert requests_of(driver) == {"DELETE": 2, "LIST": 2}
    first = next(path for verb, path in driver.requests if verb == "DELETE")
    assert first.rpartition("/agents/")[2].startswith("t/checkpoints/")


def test_a_lease_costs_one_more_and_a_claim_two(url: str) -> None:
    """Once a thread has long been leased, its owner asks once more for each call; with on_conflict="raise" a put asks for a LIST and a claim."""
    saver, driver = counted_saver(url)
    put(saver, "c1", {"value": 1})
    with saver.thread_lock("t"):
        place = saver._repository.locks.lease_place
        place.is_new = lambda name: False  # type: ignore[method-assign] # as it is a while after the first lease
        driver.requests.clear()
        put(saver, "c2", {"value": 2}, parent="c1")
        assert requests_of(driver) == {"GET": 1, "PUT": 1}
        driver.requests.clear()
        saver.put_writes(config_of("t", "", "c2"), [("value", 1)], "task")
        assert requests_of(driver) == {"GET": 1, "PUT": 1}
    driver.requests.clear()
    put(saver, "3", {"value": 3}, parent="2")  # as an outsider of a thread that was leased
    assert requests_of(driver) == {"GET": 2, "PUT": 1}
    driver.requests.clear()
    with saver.thread_lock("t"):
        assert requests_of(driver) == {"GET": 3, "PUT": 1}
        driver.requests.clear()
    assert requests_of(driver) == {"GET": 1, "PUT": 1}
    strict, driver = counted_saver(f"{url}/strict", on_conflict="raise")
    put(strict, "c1", {"value": 1})
    driver.requests.clear()
    put(strict, "c2", {"value": 2}, parent="c1")
    assert requests_of(driver) == {"LIST": 1, "PUT": 2}
