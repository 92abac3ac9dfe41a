"""The rules of the format that concern far stores (docs/format.md, "Far stores"), with a backend in memory that can fail."""

from __future__ import annotations

import json
import os
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from langgraph_filesaver import ConflictError, FileSaver, LockTimeoutError, StorageError
from langgraph_filesaver._artifacts import files
from langgraph_filesaver._leases import store_place
from tests.checkpoints import config_of, ids_of, put
from tests.concurrency.graphs import counting
from tests.concurrency.others import elsewhere
from tests.remote.faulty_driver import faulty_saver, faulty_store
from tests.stores import Home


@pytest.fixture
def url() -> str:
    return f"memory://{uuid.uuid4().hex}/agents"


def value_of(saver: FileSaver, thread_id: str = "t") -> Any:
    found = saver.get_tuple(config_of(thread_id))
    return None if found is None else found.checkpoint["channel_values"].get("value")


# --- [R1] the same files


@pytest.mark.parametrize("thread_id", ["research-42", "A/../b", ""])
def test_a_tree_is_the_same_store_in_either_place(tmp_path: Path, url: str, thread_id: str) -> None:
    """[R1] Files copied one by one from a folder to a far store, or back, open there and go on: ids, writes, artifacts and all."""
    local, (remote, _) = FileSaver(tmp_path / "here"), faulty_saver(url)
    there = remote._repository.store
    put(local, "1", {"value": "x" * 100_000}, thread_id=thread_id)
    local.put_writes(config_of(thread_id, "", "1"), [("value", ["y" * 100_000])], "task")
    for path in sorted((tmp_path / "here").rglob("*.*")):
        key = path.relative_to(tmp_path / "here").as_posix()
        if path.is_file() and not key.startswith("."):
            there.replace(key, path.read_bytes())
    assert repr(list(remote.list(None))) == repr(list(local.list(None)))
    put(remote, "2", {"value": "z" * 100_000}, parent="1", thread_id=thread_id)
    for each in there.tree(""):
        path = tmp_path / "back" / each.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(there.read(each.key) or b"")
    back = FileSaver(tmp_path / "back")
    assert repr(list(back.list(None))) == repr(list(remote.list(None)))
    put(back, "3", {"value": 3}, parent="2", thread_id=thread_id)
    assert ids_of(back, config_of(thread_id)) == ["3", "2", "1"]


# --- [R2] one request, and whose it was


@pytest.mark.parametrize("lost", [1, 2])
def test_an_answer_that_got_lost_is_no_conflict_with_oneself(url: str, lost: int) -> None:
    """[R2] A create that was done, and tried again as its answer got lost, is the caller's: read back, the bytes are its own."""
    store, driver = faulty_store(url)
    store.create("t/first", b"")
    driver.lost_answers = lost
    assert store.create("t/k", b"mine") is True
    assert store.create("t/k", b"another's") is False
    driver.lost_answers = lost
    assert store.create("t/k", b"another's") is False
    assert store.read("t/k") == b"mine"


def test_a_swap_whose_answer_got_lost_is_ones_own(url: str) -> None:
    """[R2] Likewise a swap: it is known for one's own, with its new version; a lost one to another's change stays lost."""
    store, driver = faulty_store(url)
    first = store.swap("t/k", b"1", None)
    driver.lost_answers = 1
    second = store.swap("t/k", b"2", first)
    assert store.read_versioned("t/k") == (b"2", second)
    assert faulty_store(url)[0].swap("t/k", b"theirs", second) is not None
    driver.lost_answers = 1
    assert store.swap("t/k", b"3", second) is None
    assert store.read("t/k") == b"theirs"


def test_puts_go_on_through_lost_answers_and_refusals(url: str) -> None:
    """A graph whose every other put is turned away, or done without an answer, stores what it would have stored otherwise."""
    saver, driver = faulty_saver(url)
    graph = counting(saver)
    for number in range(4):
        driver.lost_answers, driver.turned_away = number, 2 - number % 2
        graph.invoke({"count": 0}, config_of())
    assert graph.get_state(config_of()).values == {"count": 8}
    ids = ids_of(saver, config_of())
    parents = [each.parent_config for each in saver.list(config_of())]
    assert [each["configurable"]["checkpoint_id"] for each in parents if each] == ids[1:]


def test_a_backend_that_turns_all_away_is_told_in_time(url: str) -> None:
    """What is tried in vain for as long as it may be ends in a StorageError that names the place; afterwards all goes on."""
    saver, driver = faulty_saver(url, retry_seconds=0.3)
    put(saver, "1", {"value": 1})
    driver.turned_away = 10_000
    with pytest.raises(StorageError, match=r"agents/t/checkpoints/_root/2.json.*SlowDown.*try again later"):
        put(saver, "2", {"value": 2}, parent="1")
    driver.turned_away = 0
    put(saver, "2", {"value": 2}, parent="1")
    assert ids_of(saver, config_of()) == ["2", "1"]


# --- [R3] conditions that are ignored


def test_a_backend_that_ignores_conditions_is_for_one_writer(url: str) -> None:
    """[R3] It is found out; one writer goes on, and whatever would promise exclusion refuses and says why."""
    saver, driver = faulty_saver(url)
    driver.ignores_conditions = True
    graph = counting(saver)
    graph.invoke({"count": 0}, config_of())
    graph.invoke({"count": 0}, config_of())
    assert graph.get_state(config_of()).values == {"count": 4}
    properties = saver._repository.store.properties
    assert (properties.exclusive_create, properties.compare_and_swap) == (False, False)
    with pytest.raises(StorageError, match=r"conditional writes.*thread_lock"), saver.thread_lock("t"):
        pass
    with pytest.raises(StorageError, match="conditional writes"):
        saver.exclusive(graph).invoke({"count": 0}, config_of())
    strict, driver = faulty_saver(url, on_conflict="raise")
    driver.ignores_conditions = True
    with pytest.raises(StorageError, match=r"conditional writes.*on_conflict"):
        put(strict, "9", {"value": 1}, thread_id="u")
    assert strict.get_tuple(config_of("u")) is None


# --- [R4] removing a thread


def test_a_thread_goes_checkpoints_first(url: str) -> None:
    """[R4] The requests that remove a thread take the checkpoints, the newest first, before anything else of it."""
    saver, driver = faulty_saver(url)
    for number in range(3):
        put(saver, str(number), {"value": "x" * 100_000}, parent=str(number - 1) if number else None)
        saver.put_writes(config_of("t", "", str(number)), [("value", 1)], "task")
    driver.deleted.clear()
    saver.delete_thread("t")
    first, second = ([path.partition("/agents/t/")[2] for path in paths] for paths in driver.deleted)
    assert first == [f"checkpoints/_root/{number}.json" for number in (2, 1, 0)]
    assert len(second) == 4
    assert not any(path.startswith("checkpoints/") for path in second)
    assert list(saver._repository.store.tree("t")) == []


# --- [R5] leases


def test_the_lease_of_a_free_thread_stays_and_says_so(url: str) -> None:
    """[R5] Given back, a lease is an object that says since when the thread is free; nobody is listed as its holder."""
    saver, _ = faulty_saver(url)
    with saver.thread_lock("t") as lease:
        document = json.loads(saver._repository.store.read(".locks/t.lease.json") or b"")
        assert (document["owner"], document["pid"]) == (lease.owner, os.getpid())
    document = json.loads(saver._repository.store.read(".locks/t.lease.json") or b"")
    assert {"free_since", "first_leased_at", "change"} <= document.keys()
    assert saver.locks() == []


def test_an_outsider_of_a_thread_that_was_leased_waits(url: str) -> None:
    """[R5] Who knows that a thread may be leased looks before it puts, waits, and is told who has the thread."""
    saver, (outsider, _) = faulty_saver(url)[0], faulty_saver(url, lock_timeout_seconds=0.3)
    with saver.thread_lock("t"):
        put(saver, "1")
        error = elsewhere(lambda: put(outsider, "2", parent="1"))
    assert isinstance(error, LockTimeoutError)
    assert (error.holder or {})["pid"] == os.getpid()
    assert ids_of(saver, config_of()) == ["1"]


def test_an_intruder_that_knew_of_no_lease_is_seen_by_the_owner(url: str) -> None:
    """[R5] An outsider that looked just before the first lease of the thread may still put; its work is told, not buried."""
    saver, outsider = faulty_saver(url)[0], faulty_saver(url)[0]
    put(outsider, "1")
    with saver.thread_lock("t"):
        assert saver.get_tuple(config_of()) is not None
        assert elsewhere(lambda: put(outsider, "2", parent="1")) is not None
        with pytest.raises(ConflictError, match="the latest checkpoint is 2 by now"):
            put(saver, "3", parent="1")
        put(saver, "3", parent="2")
        put(saver, "4", parent="3")
    assert ids_of(saver, config_of()) == ["4", "3", "2", "1"]


def test_writes_of_an_owner_may_come_after_its_next_checkpoint(url: str) -> None:
    """[R5] LangGraph stores writes in the background: those of the owner's own run count, though its next checkpoint came first."""
    saver, _ = faulty_saver(url)
    with saver.thread_lock("t"):
        put(saver, "1")
        put(saver, "2", parent="1")
        saver.put_writes(config_of("t", "", "1"), [("value", 1)], "task")
    found = saver.get_tuple(config_of("t", "", "1"))
    assert found is not None
    assert found.pending_writes == [("task", "value", 1)]


def test_what_an_outsider_knows_grows_old(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """[R5] After a while an outsider looks again whether a thread that was never leased is so still."""
    saver, (outsider, _) = faulty_saver(url)[0], faulty_saver(url, lock_timeout_seconds=0.2)
    put(outsider, "1")
    with saver.thread_lock("t"):
        monkeypatch.setattr(store_place, "LEASE_LOOK_SECONDS", 0.0)
        assert isinstance(elsewhere(lambda: put(outsider, "2", parent="1")), LockTimeoutError)


def test_a_put_that_ends_after_a_lease_was_taken_is_told(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """[R5] Whatever an outsider has stored while somebody took the thread raises ConflictError: it is not acknowledged."""
    monkeypatch.setattr(store_place, "LEASE_LOOK_SECONDS", 0.0)
    saver, (outsider, driver) = faulty_saver(url)[0], faulty_saver(url)
    put(outsider, "1")
    taken: list[Any] = []

    def take(path: str) -> None:
        if path.endswith("2.json") and not taken:
            with saver.thread_lock("t") as lease:
                taken.append(lease)

    driver.before_put = take
    with pytest.raises(ConflictError, match="leased by somebody"):
        put(outsider, "2", parent="1")
    assert taken


def test_a_holder_that_lost_its_lease_is_refused(url: str) -> None:
    """[R5] [K7] A holder whose thread was taken away is told at its next put, which is a fork and never the latest."""
    saver, other = faulty_saver(url)[0], faulty_saver(url)[0]
    put(saver, "1")
    with saver.thread_lock("t"):
        put(saver, "2", parent="1")
        assert other.break_lock("t") is not None
        with pytest.raises(ConflictError, match="lost"):
            put(saver, "9", parent="2")
    latest = faulty_saver(url)[0].get_tuple(config_of())
    assert latest is not None
    assert latest.checkpoint["id"] == "2"


# --- [R6] claims


def test_of_two_who_follow_a_checkpoint_one_is_refused(url: str) -> None:
    """[R6] With on_conflict="raise", a put that comes between another one's look and its own is not buried, and is told."""
    saver, driver = faulty_saver(url, on_conflict="raise")
    other, _ = faulty_saver(url, on_conflict="raise")
    put(saver, "1")
    done: list[str] = []

    def overtake(path: str) -> None:
        if "/claims/" in path and not done:
            done.append(path)
            put(other, "2", parent="1")

    driver.before_put = overtake
    with pytest.raises(ConflictError, match="after its parent 1 comes checkpoint 2 by now"):
        put(saver, "3", parent="1")
    assert ids_of(saver, config_of()) == ["2", "1"]
    put(saver, "3", parent="2")
    put(saver, "3", {"value": "once more"}, parent="2")
    assert value_of(saver) == "once more"


def test_a_claim_whose_checkpoint_never_came_is_taken_over(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """[R6] A writer that died, or failed, between its claim and its checkpoint holds the others up for a while only."""
    saver, driver = faulty_saver(url, retry_seconds=0.0, on_conflict="raise")
    other, _ = faulty_saver(url, on_conflict="raise")
    put(saver, "1")
    driver.turned_away, driver.when = 10_000, lambda path: path.endswith("/2.json")
    with pytest.raises(StorageError):
        put(saver, "2", parent="1")
    with pytest.raises(ConflictError, match="somebody is just storing"):
        put(other, "3", parent="1")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 1000)
    put(other, "3", parent="1")
    driver.turned_away = 0
    with pytest.raises(ConflictError):
        put(saver, "2", parent="1")
    assert ids_of(saver, config_of()) == ["3", "1"]


def test_pruning_takes_the_claims_of_what_goes(url: str) -> None:
    """The claims after removed checkpoints go with them; that after the latest one stays possible."""
    saver, _ = faulty_saver(url, on_conflict="raise")
    for number in range(4):
        put(saver, str(number), parent=str(number - 1) if number else None)
    saver.prune(["t"])
    assert saver._repository.store.list("t/claims") == ("_root._none.json",)
    put(saver, "5", parent="3")
    assert ids_of(saver, config_of()) == ["5", "3"]


# --- [R7] garbage


def test_garbage_goes_only_when_it_has_been_garbage_for_long(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """[R7] A first collection writes down what is garbage, and a second one, a grace period later, removes it."""
    saver, _ = faulty_saver(url)
    put(saver, "1", {"value": "x" * 100_000})
    put(saver, "2", {"value": "y" * 100_000}, parent="1")
    saver.prune(["t"])
    now = time.time()
    clock = [now + 7200]
    monkeypatch.setattr(time, "time", lambda: clock[0])
    assert saver.collect_garbage(dry_run=True).files == 1
    assert saver.collect_garbage(dry_run=False).files == 0
    assert len(json.loads(saver._repository.store.read("t/garbage.json") or b"")["garbage_since"]) == 1
    clock[0] += 3000
    assert saver.collect_garbage(dry_run=False).files == 0
    clock[0] += 700
    assert saver.collect_garbage(dry_run=False).files == 1
    assert len(saver._repository.store.list("t/artifacts")) == 1
    assert value_of(faulty_saver(url)[0]) == "y" * 100_000


def test_garbage_that_is_referred_to_again_begins_anew(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """[R7] What a writer refers to again, as it may within the time for which it believes what it saw, is not removed."""
    saver, collector = faulty_saver(url)[0], faulty_saver(url)[0]
    now = time.time()
    clock = [now + 7200]
    put(saver, "1", {"value": "x" * 100_000})
    put(collector, "2", {"value": 2}, parent="1")
    collector.prune(["t"])
    monkeypatch.setattr(time, "time", lambda: clock[0])
    collector.collect_garbage(dry_run=False)
    put(saver, "3", {"value": "x" * 100_000}, parent="2")
    clock[0] += 3700
    assert collector.collect_garbage(dry_run=False).files == 0
    assert value_of(faulty_saver(url)[0]) == "x" * 100_000


def test_what_was_seen_long_ago_is_written_again(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """[R7] After half a grace period a writer believes no more that an artifact is there, and stores it again."""
    saver, collector = faulty_saver(url)[0], faulty_saver(url)[0]
    put(saver, "1", {"value": "x" * 100_000})
    put(collector, "2", {"value": 2}, parent="1")
    collector.prune(["t"])
    collector.collect_garbage(dry_run=False, grace_seconds=0)
    assert collector._repository.store.list("t/artifacts") == ()
    monkeypatch.setattr(files, "TRUST_SECONDS", 0.0)
    saver.put_writes(config_of("t", "", "2"), [("value", 1)], "task")
    put(saver, "3", {"value": "x" * 100_000, "more": [1]}, parent="2")
    assert value_of(Home("remote", "unused").saver()) is None
    assert value_of(faulty_saver(url)[0]) == "x" * 100_000
