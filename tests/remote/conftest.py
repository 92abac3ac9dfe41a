"""Fixtures of the tests over real servers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.fixtures import shared_server
from tests.servers.proxy import Proxy
from tests.servers.server import Server


@pytest.fixture(params=["radosgw", "moto"])
def s3(request: pytest.FixtureRequest) -> Server:
    """A server that speaks S3 and keeps to conditions: the real one, and the emulator."""
    return shared_server(request.param)


@pytest.fixture
def proxy(s3: Server) -> Iterator[Proxy]:
    """A way to that server on which things go wrong."""
    assert s3.endpoint is not None
    with Proxy(s3.endpoint) as proxy:
        yield proxy
