"""A warm saver, and the files of its thread that a person edits."""

from __future__ import annotations

from pathlib import Path

import pytest
from langgraph.checkpoint.serde.types import INTERRUPT

from langgraph_filesaver import FileSaver
from tests.by_hand.edited import CHECKPOINTS, latest
from tests.checkpoints import config_of, put
from tests.stores import Home


@pytest.fixture
def saver(local_home: Home) -> FileSaver:
    """A warm saver over a thread of three checkpoints, the last with writes."""
    saver = local_home.saver()
    for number in (1, 2, 3):
        put(saver, str(number), {"count": number, "log": ["a", "b"]}, parent=str(number - 1), step=number)
    saver.put_writes(config_of("t", "", "3"), [("count", 4), (INTERRUPT, "ask")], "task")
    latest(saver)
    return saver


@pytest.fixture
def file(local_home: Home, saver: FileSaver) -> Path:
    """The file of the latest checkpoint."""
    return local_home.root / CHECKPOINTS / "3.json"


@pytest.fixture
def writes_file(local_home: Home, saver: FileSaver) -> Path:
    """The file of its writes."""
    (found,) = (local_home.root / "t/writes").rglob("*.json")
    return found
