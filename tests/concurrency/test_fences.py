"""What a holder that lost its lease still publishes: refused, or known for ever as a fork."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import pytest

from langgraph_filesaver import ConflictError, FileSaver, StorageError
from langgraph_filesaver._leases import heartbeat
from langgraph_filesaver._repository import Repository
from tests.checkpoints import config_of, id_of, ids_of, put
from tests.concurrency.others import elsewhere
from tests.concurrency.stopping import before_last_look, between_look_and_name
from tests.crash.faulty_store import FaultyStore, KilledError
from tests.stores import Home


def latest_id(saver: FileSaver, checkpoint_ns: str = "") -> str | None:
    """Return the id of the latest checkpoint."""
    found = saver.get_tuple(config_of("t", checkpoint_ns))
    return None if found is None else id_of(found.config)


@pytest.mark.parametrize("on_conflict", ["fork", "raise"])
def test_what_lands_too_late_is_a_fork(home: Home, on_conflict: Any) -> None:
    """[K7] [K9] A checkpoint published between the owner's last look and the loss of its lease is told, listed, never the latest.

    Also an owner that checks its parent holds nothing that keeps others from taking its lease away.
    """
    saver, other = home.saver(on_conflict=on_conflict), home.saver(lock_timeout_seconds=0.5)
    put(saver, "1")
    with (
        saver.thread_lock("t"),
        between_look_and_name(saver, lambda: other.break_lock("t")),
        pytest.raises(ConflictError, match="fork"),
    ):
        put(saver, "9", parent="1")
    for reader in (saver, other, home.saver()):
        assert ids_of(reader, config_of()) == ["9", "1"]
        assert latest_id(reader) == "1"
        assert id_of(reader.get_tuple(config_of("t", "", "9")).config) == "9"  # type: ignore[union-attr]
    put(other, "2", parent="1")
    assert latest_id(other) == "2"


@pytest.mark.parametrize("on_conflict", ["fork", "raise"])
def test_what_lost_its_lease_on_the_way_to_its_name_gets_none(home: Home, on_conflict: Any) -> None:
    """[K7] The owner looks when nothing is left to do but to give the name: a lease that was lost since stores nothing.

    In a far store it looks only afterwards: what it stored is a fork, and counts for nothing.
    """
    saver, other = home.saver(on_conflict=on_conflict), home.saver()
    put(saver, "1")
    before = home.files()
    for work in (
        lambda: put(saver, "2", parent="1"),
        lambda: saver.put_writes(config_of("t", "", "1"), [("a", 1)], "task"),
    ):
        with (
            saver.thread_lock("t"),
            before_last_look(saver, lambda: other.break_lock("t")),
            pytest.raises(ConflictError, match="was lost"),
        ):
            work()
    if home.kind != "remote":
        assert {name for name in home.files() - before if "/fences/" not in name} == set()
    found = home.saver().get_tuple(config_of())
    assert found is not None
    assert (found.checkpoint["id"], found.pending_writes) == ("1", [])


def test_what_landed_in_time_counts(home: Home) -> None:
    """[K9] What the owner had published before its lease was taken away stays what it was: the latest, with its writes."""
    saver, other = home.saver(), home.saver()
    with saver.thread_lock("t"):
        put(saver, "1")
        put(saver, "1", checkpoint_ns="child:1")
        put(saver, "2", parent="1")
        saver.put_writes(config_of("t", "", "2"), [("a", 1)], "task")
        other.break_lock("t")
    assert latest_id(other) == "2"
    assert latest_id(other, "child:1") == "1"
    assert other.get_tuple(config_of()).pending_writes == [("task", "a", 1)]  # type: ignore[union-attr]


def test_writes_that_land_too_late_do_not_count(home: Home) -> None:
    """[K9] Writes published after the fence, to a checkpoint before it, are no pending writes; the next owner's are."""
    saver, other = home.saver(), home.saver()
    put(saver, "1")
    with saver.thread_lock("t"):
        saver.put_writes(config_of("t", "", "1"), [("a", "in time")], "first")
        with between_look_and_name(saver, lambda: other.break_lock("t")), pytest.raises(ConflictError):
            saver.put_writes(config_of("t", "", "1"), [("a", "too late")], "second")
    elsewhere(lambda: other.put_writes(config_of("t", "", "1"), [("a", "next owner's")], "second"))
    found = home.saver().get_tuple(config_of())
    assert found is not None
    assert found.pending_writes == [("first", "a", "in time"), ("second", "a", "next owner's")]


def test_a_late_checkpoint_in_a_new_namespace(home: Home) -> None:
    """[K9] In a namespace that was empty when the thread was taken away, or a thread that was, nothing late counts."""
    saver, other = home.saver(), home.saver()
    with (
        saver.thread_lock("t"),
        between_look_and_name(saver, lambda: other.break_lock("t")),
        pytest.raises(ConflictError),
    ):
        put(saver, "1", checkpoint_ns="child:1")
    assert latest_id(other, "child:1") is None
    assert latest_id(other) is None
    put(other, "1")
    assert latest_id(other) == "1"


def test_a_fence_goes_with_the_thread_that_is_copied(home: Home) -> None:
    """[K9] [O10] In a copy the late checkpoint is a fork, too, though the copy has no locks."""
    saver, other = home.saver(), home.saver()
    put(saver, "1")
    with (
        saver.thread_lock("t"),
        between_look_and_name(saver, lambda: other.break_lock("t")),
        pytest.raises(ConflictError),
    ):
        put(saver, "9", parent="1")
    other.copy_thread("t", "u")
    found = other.get_tuple(config_of("u"))
    assert found is not None
    assert id_of(found.config) == "1"


def test_prune_keeps_the_latest_and_not_the_fork(home: Home) -> None:
    """`keep_latest` keeps what counts as the latest; the late fork goes, though its id is greater."""
    saver, other = home.saver(), home.saver()
    put(saver, "1")
    with (
        saver.thread_lock("t"),
        between_look_and_name(saver, lambda: other.break_lock("t")),
        pytest.raises(ConflictError),
    ):
        put(saver, "9", parent="1")
    other.prune(["t"])
    assert ids_of(other, None) == ["1"]
    assert latest_id(other) == "1"


def test_the_first_fence_stands(home: Home) -> None:
    """[K10] A fence put up once more, after something late came, is the one that stood."""
    saver, other = home.saver(), home.saver()
    put(saver, "1")
    with (
        saver.thread_lock("t") as lease,
        between_look_and_name(saver, lambda: other.break_lock("t")),
        pytest.raises(ConflictError),
    ):
        put(saver, "9", parent="1")
    other._repository.put_up_fence("t", lease.owner)
    assert latest_id(other) == "1"


def test_nothing_of_an_outsider_appears_in_a_leased_thread(home: Home) -> None:
    """[K6] A put without a lease that is about to give the name holds off who would take one, and is seen by them.

    In a far store nobody can be held off: there it is told that somebody took the thread, and nothing was acknowledged.
    """
    saver, other = home.saver(), home.saver(lock_timeout_seconds=20)
    put(saver, "1")
    seen: list[str | None] = []

    def take() -> None:
        with other.thread_lock("t"):
            seen.append(latest_id(other))

    taker = threading.Thread(target=take)

    def begin() -> None:
        taker.start()
        taker.join(0.1 if not is_far else 60)
        assert bool(seen) == is_far

    is_far = saver._repository.store.is_far
    if is_far:  # it has been leased before, so that outsiders look
        with other.thread_lock("t"):
            pass
        saver = home.saver()
    refused = pytest.raises(ConflictError, match="leased by somebody") if is_far else contextlib.nullcontext()
    with refused, between_look_and_name(saver, begin):
        put(saver, "2", parent="1")
    taker.join(60)
    assert seen == ["1" if is_far else "2"]


def test_files_carry_the_token(home: Home) -> None:
    """[W7] What is put under a lease holds its token, and what is put without one holds none."""
    saver = home.saver()
    with saver.thread_lock("t") as lease:
        put(saver, "1")
        saver.put_writes(config_of("t", "", "1"), [("a", 1)], "task")
    put(saver, "2", parent="1")
    files = saver._repository
    tokens = [files.read_checkpoint("t", "", name).fencing_token for name in ("1", "2")]  # type: ignore[union-attr]
    tokens += [document.fencing_token for _, document in files.all_writes("t")]
    assert tokens == [lease.owner, None, lease.owner]


class Rooted:
    """A saver's stand-in for a process that dies while it takes a thread away."""

    def __init__(self, repository: Repository, at: int, *, landed: bool) -> None:
        self.store = FaultyStore(repository.store, at, landed=landed)
        self.repository = Repository(self.store, repository.locks, repository.formats)


@pytest.mark.parametrize("landed", [True, False])
def test_who_dies_while_taking_a_thread_away_leaves_it_fenced(home: Home, landed: bool) -> None:
    """[K8] Killed at any operation of the taking, the next one goes on with it: the former owner's late work is a fork."""
    for at in range(1, 30):
        thread_id = f"t{at}"
        saver, other = home.saver(), home.saver()
        put(saver, "1", thread_id=thread_id)
        rooted = Rooted(other._repository, at, landed=landed)

        def take_away() -> None:
            with contextlib.suppress(KilledError):
                rooted.repository.leases.take_away(thread_id)  # noqa: B023 called in this turn of the loop
            other.break_lock(thread_id)  # noqa: B023 the same

        with saver.thread_lock(thread_id), between_look_and_name(saver, take_away), pytest.raises(ConflictError):
            put(saver, "9", thread_id=thread_id, parent="1")
        found = other.get_tuple(config_of(thread_id))
        assert found is not None
        assert id_of(found.config) == "1", at
        if rooted.store.operations < at:
            return
    raise AssertionError("the taking has more operations than this test looks at")


def test_a_stopped_process_that_goes_on_is_refused_though_its_heartbeat_does(home: Home) -> None:
    """A heartbeat that comes after the loss renews nothing and tells its owner."""
    saver, other = home.saver(), home.saver()
    with saver.thread_lock("t") as lease:
        other.break_lock("t")
        with other._repository.leases._turns.hold("t", shared=True):
            pass
        assert not saver._repository.leases._renew_or_lose(lease)
        assert lease.is_lost
        assert other.locks() == []
    assert lease.owner not in heartbeat.HEARTBEAT._beating


class Window:
    """The moment between what a taker wrote down for its fence and the name of that: a file of the former owner appears in it.

    Attributes:
        late: Called in the moment, when the file is there.
    """

    def __init__(self, home: Home, late: Callable[[], None]) -> None:
        self.owner, self.taker = home.saver(), home.saver()
        self._late = late
        self._is_about_to, self._go_on = threading.Event(), threading.Event()
        self._taking = threading.Thread(target=lambda: elsewhere(lambda: self.taker.break_lock("t")))

    def publish(self, work: Callable[[], Any]) -> None:
        """Do what the former owner is just doing when its lease is taken away; it is told."""

        def stop() -> None:
            self._is_about_to.set()
            assert self._go_on.wait(60)

        def begin() -> None:
            self._taking.start()
            assert self._is_about_to.wait(60)

        def end() -> None:
            try:
                self._late()
            finally:
                self._go_on.set()
                self._taking.join(60)

        with (
            between_look_and_name(self.taker, stop),
            between_look_and_name(self.owner, begin, end),
            pytest.raises(ConflictError, match="fork"),
        ):
            work()


@pytest.mark.parametrize("is_read", [True, False])
def test_while_a_fence_is_put_up_nobody_is_told_what_will_not_be_so(local_home: Home, is_read: bool) -> None:
    """[K11] What a reader is given as the latest stays that when the fence stands: a reader that comes before it puts it up."""
    reader, seen = local_home.saver(), list[str | None]()
    window = Window(local_home, lambda: seen.append(latest_id(reader)) if is_read else None)
    put(window.owner, "1")
    with window.owner.thread_lock("t"):
        window.publish(lambda: put(window.owner, "9", parent="1"))
    assert {latest_id(each) for each in (reader, window.taker, local_home.saver())} == {seen[0] if is_read else "1"}
    assert ids_of(reader, config_of()) == ["9", "1"]


def test_while_a_fence_is_put_up_no_writes_are_given_that_will_not_count(local_home: Home) -> None:
    """[K11] The same for pending writes."""
    reader, seen = local_home.saver(), list[Any]()
    window = Window(local_home, lambda: seen.append(reader.get_tuple(config_of()).pending_writes))  # type: ignore[union-attr]
    put(window.owner, "1")
    with window.owner.thread_lock("t"):
        window.owner.put_writes(config_of("t", "", "1"), [("a", 1)], "in time")
        window.publish(lambda: window.owner.put_writes(config_of("t", "", "1"), [("a", 2)], "too late"))
    for each in (reader, window.taker, local_home.saver()):
        assert each.get_tuple(config_of()).pending_writes == seen[0]  # type: ignore[union-attr]


def test_a_copy_made_while_a_fence_is_put_up_has_it(local_home: Home) -> None:
    """[K11] [O10] A copy that holds what came in that moment holds what tells of it: both threads have the same latest."""
    other = local_home.saver()
    window = Window(local_home, lambda: elsewhere(lambda: other.copy_thread("t", "u")))
    put(window.owner, "1")
    with window.owner.thread_lock("t"):
        window.publish(lambda: put(window.owner, "9", parent="1"))
    assert ids_of(other, config_of("u")) == ["9", "1"]
    assert id_of(other.get_tuple(config_of("u")).config) == latest_id(other)  # type: ignore[union-attr]


def test_who_may_not_write_reads_while_a_fence_is_put_up(local_home: Home) -> None:
    """[K11] A reader that cannot put the fence up is given what is there, and no error."""
    reader, seen = local_home.saver(), list[str | None]()
    store: Any = reader._repository.store

    def refuse(*_: Any) -> bool:
        raise StorageError("read-only")

    def read() -> None:
        store.create, create = refuse, store.create
        try:
            seen.append(latest_id(reader))
        finally:
            store.create = create

    window = Window(local_home, read)
    put(window.owner, "1")
    with window.owner.thread_lock("t"):
        window.publish(lambda: put(window.owner, "9", parent="1"))
    assert seen == ["9"]
    assert latest_id(reader) == "1"
