"""A saver that dies beside one call of put_writes, and a process that does; the latter's arguments are those of `main`."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import StateSnapshot

from langgraph_filesaver import FileSaver
from tests.graphs.driving import T
from tests.graphs.stories import STORIES

__all__ = ["Died", "Mortal", "open_questions"]


class Died(BaseException):
    """Stands for the end of the process: no `except Exception` on the way catches it."""


class Mortal(FileSaver):
    """Dies beside its `at`-th call of put_writes, and stores nothing after that.

    Args:
        root: The folder.
        at: The number of the call, from 1; 0 never.
        landed: Whether that call still stores its writes.
        calls: Collects the task ids of the calls, over all savers of one story.
    """

    def __init__(self, root: Path, at: int, *, landed: bool, calls: list[str]) -> None:
        super().__init__(root, fsync=False)
        self.at, self.landed, self.calls = at, landed, calls
        self.dead = False
        self._turn = threading.Lock()

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        with self._turn:
            self._live()
            self.calls.append(task_id)
            dying = len(self.calls) == self.at
            if self.landed or not dying:
                super().put_writes(config, writes, task_id, task_path)
            if dying:
                self.die()

    def put(self, *args: Any) -> RunnableConfig:
        with self._turn:
            self._live()
            return super().put(*args)

    def die(self) -> None:
        self.dead = True
        raise Died

    def _live(self) -> None:
        if self.dead:
            raise Died


class Killed(Mortal):
    """Takes the whole process with it."""

    def die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def open_questions(snapshot: StateSnapshot) -> list[Any]:
    """Return what is asked in the innermost graphs that wait."""
    return [
        question
        for task in snapshot.tasks
        for question in (
            open_questions(task.state)
            if isinstance(task.state, StateSnapshot)
            else []
            if task.result is not None
            else [each.value for each in task.interrupts]
        )
    ]


def main(root: str, name: str, at: str, landed: str) -> None:
    """Tell the story until it is killed; before each input print its number and what is asked then."""
    calls: list[str] = []
    for turn, given in enumerate(STORIES[name].inputs):
        graph = STORIES[name].graph(Killed(Path(root), int(at), landed=landed == "True", calls=calls), Counter())
        print(json.dumps([turn, open_questions(graph.get_state(T, subgraphs=True))]), flush=True)
        graph.invoke(given, T, durability="sync")


if __name__ == "__main__":
    main(*sys.argv[1:])
