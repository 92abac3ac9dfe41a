"""The disk on which disk images lie."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from tests.power_cut.images import make_image, missing_prerequisites, mounted


@pytest.fixture
def scratch(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A btrfs of our own for the images; one test at a time, for two would halve each other's disk."""
    missing = missing_prerequisites()
    if missing:
        if os.environ.get("FILESAVER_REQUIRE_SYSTEM_PACKAGES"):
            pytest.fail(f"the power-cut tests must run here, but {missing}")
        pytest.skip(missing)
    with FileLock(tmp_path_factory.getbasetemp().parent / "power-cut.lock"):
        outer = tmp_path / "outer.img"
        make_image(outer, ("mkfs.btrfs", "-q", "-f"), 8192)
        with mounted(outer, tmp_path / "outer") as folder:
            yield folder
        outer.unlink()
