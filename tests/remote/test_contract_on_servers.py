"""LangGraph's contract over real S3 servers: the conformance package, and the state machine beside InMemorySaver."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.contract.test_conformance import assert_all_eight
from tests.contract.test_state_machine import SideBySide
from tests.remote.homes import RemoteHome
from tests.servers.server import Server


async def test_all_eight_capabilities(s3: Server) -> None:
    """FileSaver on a server has all 8 capabilities of the conformance package, and passes every one of its tests."""
    homes: Iterator[RemoteHome] = (RemoteHome(s3) for _ in range(100))
    await assert_all_eight(lambda: next(homes).saver(), f"FileSaver on {s3.kind}")


@pytest.mark.timeout(600)
def test_the_state_machine(s3: Server) -> None:
    """Whatever is done on a server, in whatever order, two savers and InMemorySaver tell the same."""

    class OnServer(SideBySide):
        kind = s3.kind

        def new_home(self) -> RemoteHome:
            return RemoteHome(s3)

    bounded = settings(max_examples=4, stateful_step_count=15, deadline=None, derandomize=True, database=None)
    run_state_machine_as_test(OnServer, settings=bounded)
