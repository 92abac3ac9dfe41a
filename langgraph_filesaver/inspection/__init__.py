"""Looking at threads without the code of their graph: what an agent knew, why it stopped, what comes next. Read-only.

Reached from a saver: `saver.threads()` and `saver.thread("research-42")`. Everything shows itself: as a table or page in a
notebook, as plain text elsewhere, as JSON by `to_dict()`.
"""

from langgraph_filesaver.inspection.diff import Diff
from langgraph_filesaver.inspection.parts import ArtifactEntry, Artifacts, WriteEntry, Writes
from langgraph_filesaver.inspection.records import (
    CheckpointSummary,
    History,
    State,
    Threads,
    ThreadSummary,
    Tree,
)
from langgraph_filesaver.inspection.thread import Thread
from langgraph_filesaver.inspection.values import LargeValue

__all__ = [
    "ArtifactEntry",
    "Artifacts",
    "CheckpointSummary",
    "Diff",
    "History",
    "LargeValue",
    "State",
    "Thread",
    "ThreadSummary",
    "Threads",
    "Tree",
    "WriteEntry",
    "Writes",
]
