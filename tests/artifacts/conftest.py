"""The places that artifacts are tried in. What differs in a far store has tests of its own (`tests/remote`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stores import HOME_KINDS, Home

_KINDS = [pytest.param(kind, marks=[pytest.mark.soak] if kind == "remote" else []) for kind in HOME_KINDS]


@pytest.fixture(params=_KINDS)
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    """A new, empty place for threads; in a far store only in `make soak`, for these tests are the longest ones."""
    return Home(request.param, tmp_path / "checkpoints")
