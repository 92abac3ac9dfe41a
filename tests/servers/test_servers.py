"""The real servers do what the tests over them take for granted: conditions, restarts, and one that lies."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import ResourceModifiedError

from tests.servers.fixtures import shared_server
from tests.servers.server import Server

StartServer = Callable[[str], Server]
_RACERS = 4


@pytest.fixture(params=["radosgw", "moto", "liar", "azurite", "sshd"])
def server(request: pytest.FixtureRequest) -> Server:
    return shared_server(request.param)


@pytest.fixture(params=["radosgw", "moto", "azurite"])
def honest(request: pytest.FixtureRequest) -> Server:
    """A server that keeps to conditions."""
    return shared_server(request.param)


@pytest.fixture(params=["radosgw", "liar", "azurite", "sshd"])
def lasting(request: pytest.FixtureRequest, own_server: StartServer) -> Server:
    """A server of the test's own that keeps its data when restarted."""
    return own_server(request.param)


def test_a_file_comes_back(server: Server) -> None:
    """Every server returns what was written below a new root, and nothing before."""
    fs, root = server.filesystem(), _made(server)
    with pytest.raises(FileNotFoundError):
        fs.cat_file(f"{root}/a.json")
    fs.pipe_file(f"{root}/a.json", b"{}")
    assert fs.cat_file(f"{root}/a.json") == b"{}"


def test_exclusive_creation_has_one_winner(honest: Server) -> None:
    """Of several processes' worth of clients that create one name at once, exactly one is told that it did."""
    clients = [honest.filesystem() for _ in range(_RACERS)]
    for _ in range(10):
        key = f"{honest.new_root()}/claim"
        winners = [number for number, won in enumerate(_at_once(clients, lambda fs, n: _claim(fs, key, n))) if won]  # noqa: B023
        assert len(winners) == 1
        assert clients[0].cat_file(key) == b"%d" % winners[0]


def test_the_liar_lies(liar: Server) -> None:
    """A second exclusive creation succeeds on the liar and overwrites the first: what a probe must find out."""
    fs, key = liar.filesystem(), f"{liar.new_root()}/claim"
    assert _claim(fs, key, 1)
    assert _claim(fs, key, 2)
    assert fs.cat_file(key) == b"2"


def test_the_liar_ignores_if_match(liar: Server) -> None:
    """The liar replaces an object although its ETag is another."""
    fs, key = liar.filesystem(), f"{liar.new_root()}/counter"
    fs.pipe_file(key, b"1")
    fs.pipe_file(key, b"2", IfMatch="0" * 32)
    assert fs.cat_file(key) == b"2"


def test_compare_and_swap_loses_no_increment(honest: Server) -> None:
    """Four clients that each count to 25 by compare-and-swap on the ETag reach 100."""
    key = f"{honest.new_root()}/counter"
    clients = [honest.filesystem() for _ in range(_RACERS)]
    clients[0].pipe_file(key, b"0")
    swap = _swap_azure if honest.kind == "azurite" else _swap_s3

    def count_to_25(fs: Any, number: int) -> None:
        done = 0
        while done < 25:
            done += swap(fs, key)

    _at_once(clients, count_to_25)
    assert clients[0].cat_file(key) == b"100"


def test_a_restart_keeps_data(lasting: Server) -> None:
    """A server that says so has the same data on the same port after a restart."""
    root = _made(lasting)
    lasting.filesystem().pipe_file(f"{root}/a.json", b"{}")
    lasting.restart()
    assert lasting.filesystem().cat_file(f"{root}/a.json") == b"{}"


def test_a_restart_of_moto_loses_data(own_server: StartServer) -> None:
    """The emulator moto says that it keeps nothing, and comes back empty and usable."""
    server = own_server("moto")
    key = f"{server.new_root()}/a.json"
    server.filesystem().pipe_file(key, b"{}")
    server.restart()
    assert not server.keeps_data
    fs = server.filesystem()
    with pytest.raises(FileNotFoundError):
        fs.cat_file(key)
    fs.pipe_file(key, b"{}")


def test_a_shared_server_cannot_be_stopped(server: Server) -> None:
    """The server that other tests use too refuses to be turned off."""
    with pytest.raises(RuntimeError, match="other tests use this server"):
        server.stop()


def test_a_new_bucket_is_empty(server: Server) -> None:
    """Each bucket is a new one, and empty."""
    first, second = server.new_bucket(), server.new_bucket()
    assert first != second
    assert server.filesystem().ls(first.partition("://")[2]) == []


def _made(server: Server) -> str:
    """Return a new root, made where a root is a folder."""
    root = server.new_root()
    if server.kind == "sshd":
        server.filesystem().mkdir(root.partition("://")[2])  # fsspec took no URL here before 2025
    return root


def _claim(fs: Any, key: str, number: int) -> bool:
    """Create a name exclusively, and tell whether that is what happened."""
    try:
        fs.pipe_file(key, b"%d" % number, mode="create")
    except FileExistsError:
        return False
    except OSError as error:  # radosgw's answer has no message, and s3fs makes EINVAL of it
        if _code(error) not in ("PreconditionFailed", "ConditionalRequestConflict"):
            raise
        return False
    return True


def _swap_s3(fs: Any, key: str) -> bool:
    # The ETag is taken first: if the object changes before it is read, the ETag no longer matches.
    etag, number = fs.info(key)["ETag"].strip('"'), int(fs.cat_file(key))  # radosgw wants it without quotes
    try:
        fs.pipe_file(key, b"%d" % (number + 1), IfMatch=etag)
    except OSError as error:
        if _code(error) not in ("PreconditionFailed", "ConditionalRequestConflict"):
            raise
        return False
    return True


def _swap_azure(fs: Any, key: str) -> bool:
    etag, number = fs.info(key)["etag"], int(fs.cat_file(key))
    try:
        fs.pipe_file(key, b"%d" % (number + 1), etag=etag, match_condition=MatchConditions.IfNotModified)
    except ResourceModifiedError:
        return False
    return True


def _code(error: OSError) -> str:
    """The server's word for what is wrong, which s3fs keeps in the cause."""
    response = getattr(error.__cause__, "response", {})
    return str(response.get("Error", {}).get("Code"))


def _at_once(clients: list[Any], work: Callable[[Any, int], Any]) -> list[Any]:
    """Let each client work in a thread of its own, all beginning together; return what they return."""
    barrier = threading.Barrier(len(clients))
    results: list[Any] = [None] * len(clients)
    errors: list[BaseException] = []

    def one(number: int) -> None:
        barrier.wait()
        try:
            results[number] = work(clients[number], number)
        except BaseException as error:  # noqa: BLE001 - raised again by the one who waits
            errors.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(len(clients))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results
