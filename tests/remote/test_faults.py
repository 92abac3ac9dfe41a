"""Servers that are down, busy, slow, or restarted in the middle of a run: told in time, and nothing acknowledged is lost."""

from __future__ import annotations

import operator
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.graph import START, StateGraph

from langgraph_filesaver import FileSaver, StorageError
from tests.checkpoints import config_of, ids_of, put
from tests.concurrency.graphs import chain_of
from tests.remote.homes import RemoteHome
from tests.servers.proxy import Fault, Proxy
from tests.servers.server import Server
from tests.store_contract import wait_until

StartServer = Callable[[str], Server]
_REPORTED_SECONDS = 15  # what the store promises
T = config_of()


@contextmanager
def _refusing(proxy: Proxy) -> Iterator[None]:
    proxy.refuse()
    yield
    proxy.accept()


@contextmanager
def _never_answering(proxy: Proxy) -> Iterator[None]:
    port = int(proxy.endpoint.rpartition(":")[2])
    proxy.refuse()
    with socket.create_server(("127.0.0.1", port), backlog=100):
        yield
    proxy.accept()


def _outcomes(calls: dict[str, Callable[[], Any]]) -> dict[str, tuple[str, float]]:
    """Make the calls at once, each in a thread; return by which error each ended (or ""), and after how many seconds."""
    outcomes: dict[str, tuple[str, float]] = {}

    def make(name: str) -> None:
        begun = time.monotonic()
        try:
            calls[name]()
            outcomes[name] = ("", time.monotonic() - begun)
        except Exception as error:  # noqa: BLE001 - which one it is, the test looks at
            outcomes[name] = (type(error).__name__, time.monotonic() - begun)

    threads = [threading.Thread(target=make, args=(name,)) for name in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def _calls(saver: FileSaver) -> dict[str, Callable[[], Any]]:
    def lock() -> None:
        with saver.thread_lock("t", timeout_seconds=1):
            pass

    return {
        "put": lambda: put(saver, "2", {"a": 2}, parent="1"),
        "put with artifacts": lambda: put(saver, "2", {f"{n}": f"{n}" * 200_000 for n in range(4)}, thread_id="u"),
        "put_writes": lambda: saver.put_writes(config_of("t", "", "1"), [("a", 1)], "task"),
        "get": lambda: saver.get_tuple(T),
        "get by id": lambda: saver.get_tuple(config_of("t", "", "1")),
        "list": lambda: list(saver.list(None)),
        "delete": lambda: saver.delete_thread("v"),
        "lock": lock,
    }


def _assert_told_in_time(outcomes: dict[str, tuple[str, float]]) -> None:
    assert {name: error for name, (error, _) in outcomes.items() if error != "StorageError"} == {}
    assert {name: seconds for name, (_, seconds) in outcomes.items() if seconds > _REPORTED_SECONDS} == {}


@pytest.mark.parametrize("down", [_refusing, _never_answering])
def test_a_server_that_is_down_is_told_within_15_seconds(down: Callable[[Proxy], Any], moto: Server) -> None:
    """Each kind of call raises StorageError in time, whether connections are refused or never answered; then all goes on."""
    assert moto.endpoint is not None
    home = RemoteHome(moto)
    with Proxy(moto.endpoint) as proxy:
        saver, new = home.by(proxy.endpoint).saver(), home.by(proxy.endpoint).store()
        put(saver, "1", {"a": 1})
        with down(proxy):
            outcomes = _outcomes({**_calls(saver), "first use": lambda: new.properties})
        _assert_told_in_time(outcomes)
        put(saver, "2", {"a": 2}, parent="1")
        assert ids_of(saver, T) == ["2", "1"]
        assert new.properties.compare_and_swap
    assert ids_of(home.saver(), T) == ["2", "1"]


@pytest.mark.parametrize("kind", ["azurite", "sshd"])
def test_another_server_that_is_down_is_told_in_time_too(kind: str, own_server: StartServer) -> None:
    """The same of Azure and of SFTP, where the connection is made anew afterwards; opening a place there is told as well."""
    server = own_server(kind)
    home = RemoteHome(server)
    saver = home.saver()
    put(saver, "1", {"a": 1})
    server.stop()
    calls = {name: call for name, call in _calls(saver).items() if name != "lock"}
    _assert_told_in_time(_outcomes({**calls, "open": lambda: home.saver().get_tuple(T)}))
    server.resume()
    put(saver, "2", {"a": 2}, parent="1")
    assert ids_of(saver, T) == ["2", "1"]


def test_an_ssh_server_that_never_answers_again_is_left(own_server: StartServer) -> None:
    """Behind a connection that stays open nobody answers any more: that is told in time, and a new connection is made."""
    server = own_server("sshd")
    saver = RemoteHome(server).saver()
    put(saver, "1", {"a": 1})
    server.stop()
    with socket.create_server(("127.0.0.1", server.port), backlog=100):
        _assert_told_in_time(_outcomes({"get": lambda: saver.get_tuple(T)}))
    server.resume()
    assert ids_of(saver, T) == ["1"]


def test_a_storm_of_503_is_sat_out(s3: Server, proxy: Proxy) -> None:
    """A busy server is asked again until it does what it is asked: the caller notices nothing."""
    home = RemoteHome(s3)
    saver = home.by(proxy.endpoint).saver()
    put(saver, "1", {"a": 1})
    for checkpoint_id, parent in (("2", "1"), ("3", "2")):
        fault = proxy.add(Fault("slow_down", times=4))
        put(saver, checkpoint_id, {"a": 1}, parent=parent)
        assert ids_of(saver, T)[0] == checkpoint_id
        assert len(fault.struck) == 4
    assert ids_of(home.saver(), T) == ["3", "2", "1"]


def test_a_storm_without_an_end_is_told_and_not_made_worse(moto: Server) -> None:
    """A server that is always busy is told in time, after few requests, and nothing is stored or lost by that."""
    assert moto.endpoint is not None
    home = RemoteHome(moto)
    with Proxy(moto.endpoint) as proxy:
        saver = home.by(proxy.endpoint).saver()
        put(saver, "1", {"a": 1})
        proxy.add(Fault("slow_down", times=None))
        before = len(proxy.requests)
        calls = {name: call for name, call in _calls(saver).items() if name in ("put", "get by id")}
        _assert_told_in_time(_outcomes(calls))
        assert len(proxy.requests) - before < 2 * 40
        proxy.heal()
        assert ids_of(saver, T) == ["1"]


def test_slow_answers_are_waited_for_and_the_slowest_given_up(s3: Server, proxy: Proxy) -> None:
    """A request is not repeated because its answer takes a while; after seconds it is, and what it did is told as done."""
    store = RemoteHome(s3).by(proxy.endpoint).store()
    store.replace("a/before", b"")
    proxy.add(Fault("delay", seconds=1, times=1))
    before = len(proxy.requests)
    assert store.create("a/slow", b"1") is True
    assert len(proxy.requests) - before == 1
    proxy.add(Fault("delay", seconds=8, times=1))
    assert store.create("a/slower", b"1") is True
    assert store.create("a/slower", b"2") is False


class Steps(TypedDict):
    """The numbers of the nodes that have run."""

    done: Annotated[list[int], operator.add]


def _graph(saver: FileSaver, trouble: Callable[[int], None]) -> Any:
    builder = StateGraph(Steps)
    for number in range(6):

        def node(_: Steps, number: int = number) -> dict[str, list[int]]:
            trouble(number)
            return {"done": [number]}

        action: Any = node
        builder.add_node(f"n{number}", action)
        builder.add_edge(START if number == 0 else f"n{number - 1}", f"n{number}")
    return builder.compile(checkpointer=saver)


@pytest.mark.parametrize("durability", ["sync", "async"])
def test_a_graph_goes_on_when_the_server_is_back(durability: Any, moto: Server) -> None:
    """The server goes down in a run, which ends with StorageError; the same graph goes on when it is back, and loses nothing."""
    assert moto.endpoint is not None
    home = RemoteHome(moto)
    other = home.saver()
    begun: list[int] = []
    with Proxy(moto.endpoint) as proxy:

        def trouble(number: int) -> None:
            begun.append(number)
            if number == 2 and begun.count(2) == 1:
                wait_until(lambda: len(ids_of(other, T)) > 1, "the first node's checkpoint is never stored")
                proxy.refuse()

        saver = home.by(proxy.endpoint).saver()
        graph = _graph(saver, trouble)
        at = time.monotonic()
        with pytest.raises(StorageError):
            graph.invoke({"done": []}, T, durability=durability)
        assert time.monotonic() - at < _REPORTED_SECONDS
        proxy.accept()
        known = graph.get_state(T).values.get("done", [])
        assert known == [0, 1, 2][: len(known)]
        assert graph.invoke(None, T, durability=durability)["done"] == [0, 1, 2, 3, 4, 5]
        assert begun.count(0) == 1
    assert _graph(other, trouble).get_state(T).values["done"] == [0, 1, 2, 3, 4, 5]
    assert chain_of(other)


@pytest.mark.parametrize("durability", ["sync", "async"])
def test_a_restart_in_a_run_is_not_noticed(durability: Any, own_server: StartServer) -> None:
    """The server is restarted while a graph runs: the run goes on, all that it stored is there, and no node runs twice."""
    server = own_server("radosgw")
    home = RemoteHome(server)
    begun: list[int] = []

    def trouble(number: int) -> None:
        begun.append(number)
        if number in (1, 4):
            server.restart()

    graph = _graph(home.saver(), trouble)
    assert graph.invoke({"done": []}, T, durability=durability)["done"] == begun == [0, 1, 2, 3, 4, 5]
    again = home.saver()
    assert _graph(again, trouble).get_state(T).values["done"] == begun
    assert chain_of(again)
    assert len(ids_of(again, T)) == 8
