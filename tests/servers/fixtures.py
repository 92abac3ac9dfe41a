"""Fixtures of the real servers, for every test: one of a kind for the whole session, or one of a test's own.

`radosgw`, `moto`, `liar`, `azurite`, `sshd` are shared by all workers of pytest-xdist and started by the first test that
asks; `own_server(kind)` starts one that a test may turn off. A server that cannot run here is a skip that says why, and a
failure where `FILESAVER_REQUIRE_SYSTEM_PACKAGES` is set.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers.server import Server, end_all, shared, start, why_missing

_FOLDER = "FILESAVER_SERVERS"  # the variables by which workers learn of the session's servers
_OWNER = "FILESAVER_SERVERS_OWNER"


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder of the session's servers, in the process that outlives all workers."""
    if not hasattr(config, "workerinput"):
        os.environ[_FOLDER] = tempfile.mkdtemp(prefix="filesaver-")
        os.environ[_OWNER] = str(os.getpid())


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the session's servers, also after Ctrl-C."""
    if not hasattr(config, "workerinput") and _FOLDER in os.environ:
        end_all(Path(os.environ.pop(_FOLDER)))


def require_server(kind: str) -> None:
    """Skip the test if a kind of server is missing here, or fail it where none may be."""
    missing = why_missing(kind)
    if missing and os.environ.get("FILESAVER_REQUIRE_SYSTEM_PACKAGES"):
        pytest.fail(f"the tests with {kind} must run here, but {missing}")
    if missing:
        pytest.skip(missing)


def shared_server(kind: str) -> Server:
    """Return the session's server of a kind, or skip the test."""
    require_server(kind)
    return shared(kind, Path(os.environ[_FOLDER]), int(os.environ[_OWNER]))


@pytest.fixture(scope="session")
def radosgw() -> Server:
    """Ceph's radosgw, a real S3."""
    return shared_server("radosgw")


@pytest.fixture(scope="session")
def moto() -> Server:
    """moto, which checks all of S3's conditions."""
    return shared_server("moto")


@pytest.fixture(scope="session")
def liar() -> Server:
    """An S3 that ignores conditions without a word."""
    return shared_server("liar")


@pytest.fixture(scope="session")
def azurite() -> Server:
    """Azure's blob storage, emulated."""
    return shared_server("azurite")


@pytest.fixture(scope="session")
def sshd() -> Server:
    """OpenSSH's SFTP server."""
    return shared_server("sshd")


@pytest.fixture
def own_server() -> Iterator[Callable[[str], Server]]:
    """Start servers of the test's own, which it may turn off; they end with the test."""
    started: list[Server] = []

    def start_one(kind: str) -> Server:
        require_server(kind)
        started.append(start(kind))
        return started[-1]

    yield start_one
    for server in started:
        server.end()
