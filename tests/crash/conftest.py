"""The process that forks those that die: one for each module of tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.crash.mortals import Mortals


@pytest.fixture(scope="module")
def mortals() -> Iterator[Mortals]:
    if not hasattr(os, "fork"):
        pytest.skip("the processes to be killed are forked")
    started = Mortals()
    yield started
    started.close()
