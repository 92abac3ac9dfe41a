"""No server is left behind, and none is missed in silence."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers.fixtures import require_server
from tests.servers.kind import HOST
from tests.servers.server import Server, end_all, shared, start

_PROJECT = Path(__file__).parents[2]
_STARTER = """
import json, sys
from tests.servers.server import start
server = start("moto")
print(json.dumps([server.keeper, server.port, server.folder]), flush=True)
sys.stdin.read()
"""


def test_a_server_ends_with_its_killed_owner() -> None:
    """A process that is killed with -9 leaves no server, no keeper and no folder."""
    command = [sys.executable, "-c", _STARTER]
    with subprocess.Popen(command, cwd=_PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        keeper, port, folder = json.loads(owner.stdout.readline())
        assert _listens(port)
        owner.kill()
    _until(lambda: not _listens(port) and not _alive(keeper) and not Path(folder).exists())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_a_server_ends_with_its_killed_keeper() -> None:
    """Not even the keeper's death by -9 leaves a server."""
    server = start("moto")
    os.kill(server.keeper, signal.SIGKILL)
    _until(lambda: not _listens(server.port))
    shutil.rmtree(server.folder)


def test_one_server_is_shared_by_all_who_ask(tmp_path: Path) -> None:
    """The first process that asks starts the server, the others get the same; ending all ends it."""
    first = shared("moto", tmp_path, os.getpid())
    assert shared("moto", tmp_path, os.getpid()) == first
    end_all(tmp_path)
    assert not _listens(first.port)
    assert not tmp_path.exists()


def test_a_stopped_server_refuses_and_comes_back(own_server: Callable[[str], Server]) -> None:
    """A server that is turned off refuses connections; turned on again it is at the same port."""
    server = own_server("moto")
    server.stop()
    assert not _listens(server.port)
    server.resume()
    assert _listens(server.port)


@pytest.mark.parametrize("kind", ["radosgw", "liar", "azurite"])
def test_a_missing_server_is_a_skip_that_says_why(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the programs are missing, the test is skipped, and the reason names what to do."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("FILESAVER_REQUIRE_SYSTEM_PACKAGES", raising=False)
    with pytest.raises(pytest.skip.Exception, match="make servers"):
        require_server(kind)


def test_a_missing_server_is_a_failure_where_none_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """With FILESAVER_REQUIRE_SYSTEM_PACKAGES a missing server fails the test instead."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("FILESAVER_REQUIRE_SYSTEM_PACKAGES", "1")
    with pytest.raises(pytest.fail.Exception, match=r"must run here, but .*make servers"):
        require_server("radosgw")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _until(happened: Callable[[], bool], timeout_seconds: float = 20) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)
