"""The thread that a person lays hands on, as its readers see it."""

from __future__ import annotations

from langgraph.checkpoint.base import CheckpointTuple

from langgraph_filesaver import FileSaver
from tests.checkpoints import config_of

__all__ = [
    "CHECKPOINTS",
    "latest",
]

CHECKPOINTS = "t/checkpoints/_root"


def latest(saver: FileSaver) -> CheckpointTuple:
    found = saver.get_tuple(config_of())
    assert found is not None
    return found
