"""The places that artifacts are tried in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stores import LONG_KINDS, Home


@pytest.fixture(params=LONG_KINDS)
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    """A new, empty place for threads, over each kind of store in turn."""
    return Home(request.param, tmp_path / "checkpoints")
