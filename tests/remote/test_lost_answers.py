"""Requests and answers that get lost on the way to S3: what was done is told as done, once, and a conflict as a conflict."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Literal

import pytest

from langgraph_filesaver import ConflictError, FileSaver
from langgraph_filesaver._repository import MARKER
from tests.checkpoints import config_of, ids_of, put
from tests.remote.homes import RemoteHome
from tests.servers.proxy import Fault, Proxy, Request
from tests.servers.server import Server

Kind = Literal["cut_before", "cut_after", "slow_down", "conflict"]
_KINDS: tuple[Kind, ...] = ("cut_before", "cut_after", "slow_down", "conflict")


def putting(part: str, meanwhile: Callable[[], object] = lambda: None) -> Callable[[Request], bool]:
    """Return what tells a PUT of a key with `part` in it, and does `meanwhile` then, before the server hears of it."""

    def is_it(request: Request) -> bool:
        if request.method == "PUT" and part in request.path:
            meanwhile()
            return True
        return False

    return is_it


@pytest.mark.parametrize("kind", _KINDS)
def test_a_create_in_spite_of_a_fault_is_done_once_and_ours(kind: Kind, s3: Server, proxy: Proxy) -> None:
    """Whatever happens to the first try of a create, it is told as done, never as somebody else's; a second create fails."""
    home = RemoteHome(s3)
    store = home.by(proxy.endpoint).store()
    store.replace("a/before", b"")
    fault = proxy.add(Fault(kind, putting("a/k")))
    assert store.create("a/k", b"mine") is True
    assert len(fault.struck) == 1
    assert proxy.count("PUT", putting("a/k")) == 2
    assert home.store().read("a/k") == b"mine"
    assert store.create("a/k", b"other") is False


@pytest.mark.parametrize("kind", _KINDS)
def test_a_create_that_another_one_won_meanwhile_is_a_conflict(kind: Kind, s3: Server, proxy: Proxy) -> None:
    """A try fails, somebody else creates the key before the next one: that is a conflict, and the key keeps what it has."""
    home = RemoteHome(s3)
    store = home.by(proxy.endpoint).store()
    store.replace("a/before", b"")
    other = home.store()
    proxy.add(Fault(kind, putting("a/k", lambda: other.create("a/k", b"other"))))
    assert store.create("a/k", b"mine") is False
    assert other.read("a/k") == b"other"


@pytest.mark.parametrize("kind", _KINDS)
def test_a_swap_in_spite_of_a_fault_tells_the_version_that_is_there(kind: Kind, s3: Server, proxy: Proxy) -> None:
    """A swap whose first try failed or was answered into the void is told with its version, by which the next one succeeds."""
    home = RemoteHome(s3)
    store = home.by(proxy.endpoint).store()
    version: str | None = None
    for data in (b"1", b"2", b"3"):
        store.exists("a/k")
        proxy.add(Fault(kind, putting("a/k")))
        version = store.swap("a/k", data, version)
        assert version is not None
        assert home.store().read_versioned("a/k") == (data, version)


@pytest.mark.parametrize("kind", _KINDS)
def test_a_swap_that_another_one_won_meanwhile_is_a_conflict(kind: Kind, s3: Server, proxy: Proxy) -> None:
    """A try of a swap fails, somebody else swaps before the next one: the caller is told so, and nothing is overwritten."""
    home = RemoteHome(s3)
    store, other = home.by(proxy.endpoint).store(), home.store()
    first = store.swap("a/k", b"1", None)
    proxy.add(Fault(kind, putting("a/k", lambda: other.swap("a/k", b"other", first))))
    assert store.swap("a/k", b"mine", first) is None
    assert other.read("a/k") == b"other"


@pytest.mark.parametrize("kind", ["cut_before", "cut_after"])
def test_calls_get_through_whichever_request_is_cut(
    kind: Literal["cut_before", "cut_after"], s3: Server, proxy: Proxy
) -> None:
    """Checkpoints, writes and claims: cut each request in turn, and the thread is the same as without, file by file."""
    home = RemoteHome(s3)
    saver, plain = home.by(proxy.endpoint).saver(on_conflict="raise"), home.saver()
    put(saver, "1", thread_id="before")
    before = len(proxy.requests)
    undisturbed = _written(saver, plain, home, "undisturbed")
    count = len(proxy.requests) - before
    assert count > 10
    for number in range(count):
        fault = proxy.add(Fault(kind, _at(number)))
        assert _written(saver, plain, home, f"t{number}") == undisturbed, fault.struck
        assert fault.struck
        proxy.heal()


def test_the_first_use_gets_through_whichever_request_is_cut(s3: Server, proxy: Proxy) -> None:
    """Marker and probe: cut each request in turn after the server acted, and the store finds the same, and leaves no litter."""
    expected = RemoteHome(s3).by(proxy.endpoint).store().properties
    count = len(proxy.requests)
    for number in range(count):
        home = RemoteHome(s3)
        fault = proxy.add(Fault("cut_after", _at(number)))
        store = home.by(proxy.endpoint).store()
        assert store.properties == expected, fault.struck
        assert fault.struck
        proxy.heal()
        assert store.list("") == (MARKER.key,)


def _at(number: int) -> Callable[[Request], bool]:
    """Return what tells the request of a number, counted from 0 and from now on."""
    numbers = itertools.count()
    return lambda request: next(numbers) == number


def _written(saver: FileSaver, plain: FileSaver, home: RemoteHome, thread_id: str) -> set[str]:
    put(saver, "1", {"text": "x" * 100_000}, thread_id=thread_id)
    saver.put_writes(config_of(thread_id, "", "1"), [("a", 1)], "task")
    saver.put_writes(config_of(thread_id, "", "1"), [("__interrupt__", 2)], "task")
    put(saver, "2", {"text": "y"}, thread_id=thread_id, parent="1")
    assert ids_of(plain, config_of(thread_id)) == ["2", "1"]
    first = plain.get_tuple(config_of(thread_id, "", "1"))
    assert first is not None
    assert first.pending_writes is not None
    assert sorted(first.pending_writes) == [("task", "__interrupt__", 2), ("task", "a", 1)]
    assert first.checkpoint["channel_values"] == {"text": "x" * 100_000}
    return {key.partition("/")[2] for key in home.files() if key.startswith(f"{thread_id}/")}


def test_a_real_conflict_stays_one_when_answers_are_lost(s3: Server, proxy: Proxy) -> None:
    """Who comes second after one parent is told so, also where the answer that told it was lost and the request repeated."""
    home = RemoteHome(s3)
    put(home.saver(), "1")
    mine, other = home.by(proxy.endpoint).saver(on_conflict="raise"), home.saver(on_conflict="raise")
    proxy.add(Fault("cut_after", putting("claims", lambda: put(other, "2", {"a": "other"}, parent="1")), times=1))
    with pytest.raises(ConflictError):
        put(mine, "3", {"a": "mine"}, parent="1")
    assert ids_of(home.saver(), config_of()) == ["2", "1"]


def test_a_lease_whose_answer_was_lost_is_held_and_given_back(s3: Server, proxy: Proxy) -> None:
    """Answers to the taking and the giving back of a lease are lost: the thread is ours inside, and free afterwards."""
    home = RemoteHome(s3)
    saver = home.by(proxy.endpoint).saver()
    for _ in range(2):
        fault = proxy.add(Fault("cut_after", putting(".lease"), times=2))
        with saver.thread_lock("t", timeout_seconds=5):
            put(saver, "1")
        assert len(fault.struck) == 2
    with home.saver().thread_lock("t", timeout_seconds=1):
        pass
