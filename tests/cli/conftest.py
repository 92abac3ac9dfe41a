"""A store with threads, for commands to work on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.running import fill


@pytest.fixture(scope="session")
def filled_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filled store that nobody changes."""
    root = tmp_path_factory.mktemp("filled") / "checkpoints"
    fill(root)
    return root


@pytest.fixture
def root(filled_once: Path, tmp_path: Path) -> Path:
    """A filled store of the test's own."""
    return Path(shutil.copytree(filled_once, tmp_path / "checkpoints"))
