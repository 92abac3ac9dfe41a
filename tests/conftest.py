"""Fixtures of all tests: places to keep threads in, and how many examples Hypothesis tries."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from langgraph_filesaver import FileSaver
from langgraph_filesaver._store import Store
from tests.stores import HOME_KINDS, Home

pytest_plugins = ["tests.servers.fixtures"]

# The suite tries the same examples each time; `--hypothesis-profile=search` looks for new ones.
_EVERYWHERE = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("suite", _EVERYWHERE, derandomize=True, max_examples=100)
settings.register_profile("search", _EVERYWHERE, max_examples=5000, print_blob=True)
settings.load_profile("suite")


@pytest.fixture(params=HOME_KINDS)
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    """A new, empty place for threads, over each kind of store in turn; `home.saver()` opens it once more."""
    return Home(request.param, tmp_path / "checkpoints")


@pytest.fixture
def local_home(tmp_path: Path) -> Home:
    """A new, empty place for threads on local disk; its folder is `local_home.root`."""
    return Home("local", tmp_path / "checkpoints")


@pytest.fixture
def store(home: Home) -> Store:
    """An empty store of each kind."""
    return home.store()


@pytest.fixture
def saver(home: Home) -> FileSaver:
    """A saver over an empty store of each kind."""
    return home.saver()
