"""One play on two stages: a scenario is run over InMemorySaver and over files, and both must have seen the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver

from langgraph_filesaver import FileSaver
from tests.graphs.anonymous import anonymous, checkpoints_of

__all__ = ["OpenSaver", "same_as_in_memory"]

OpenSaver = Callable[[], BaseCheckpointSaver[Any]]
"""Returns the saver of a stage; over files a new one each time, which knows nothing but the folder."""

T = TypeVar("T")


def same_as_in_memory(scenario: Callable[[OpenSaver], T], root: Path) -> T:
    """Play `scenario` on both stages, compare what it returns and all that is stored; return what it told over files."""
    memory = InMemorySaver()
    expected = scenario(lambda: memory)
    found = scenario(lambda: FileSaver(root, fsync=False))
    assert anonymous(found) == anonymous(expected)
    assert anonymous(checkpoints_of(FileSaver(root, fsync=False))) == anonymous(checkpoints_of(memory))
    return found
