"""What LangGraph cannot do on Python 3.10, whichever saver is used: `interrupt` in an async node."""

from __future__ import annotations

import sys
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Skip what fails for that reason: before 3.11 tasks take no context, where LangGraph keeps what `interrupt` needs."""
    try:
        return (yield)
    except RuntimeError as error:
        if sys.version_info < (3, 11) and "Called get_config outside of a runnable context" in str(error):
            pytest.skip("LangGraph's interrupt needs Python 3.11 in async nodes")
        raise
