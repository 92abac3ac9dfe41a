"""LangGraph's own conformance package over FileSaver."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.conformance import validate
from langgraph.checkpoint.conformance.capabilities import ALL_CAPABILITIES
from langgraph.checkpoint.conformance.initializer import RegisteredCheckpointer

from langgraph_filesaver import FileSaver
from tests.stores import Home


@pytest.mark.parametrize(("kind", "fsync"), [("memory", False), ("local", False), ("local", True), ("remote", False)])
async def test_all_eight_capabilities_are_detected_and_passed(kind: str, fsync: bool, tmp_path: Path) -> None:
    """FileSaver has all 8 capabilities of the conformance package, and passes every one of its tests for each."""
    homes = (Home(kind, tmp_path / str(number), fsync=fsync) for number in range(100))
    await assert_all_eight(lambda: next(homes).saver(), f"FileSaver over {kind}")


async def assert_all_eight(new: Callable[[], FileSaver], name: str) -> None:
    """Hold savers of empty places against the conformance package."""

    async def new_saver() -> AsyncGenerator[BaseCheckpointSaver[str], None]:
        async with new() as saver:
            yield saver

    report = await validate(RegisteredCheckpointer(name, new_saver))

    assert {each: result.failures for each, result in report.results.items() if result.failures} == {}
    passed = {each for each, result in report.results.items() if result.detected and result.passed}
    assert passed == {capability.value for capability in ALL_CAPABILITIES}
    assert len(passed) == 8
    assert all(result.tests_passed > 0 and result.tests_skipped == 0 for result in report.results.values())
