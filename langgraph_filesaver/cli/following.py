"""The command `tail`: each new checkpoint as it appears. It looks again after each interval and takes no lock."""

from __future__ import annotations

import sys
import time
from typing import Any

import click

from langgraph_filesaver.cli import tables
from langgraph_filesaver.cli.call import Call, command, repository_of, write_json
from langgraph_filesaver.cli.names import looked_at, namespace_option, thread_argument
from langgraph_filesaver.cli.screen import is_narrow, write
from langgraph_filesaver.cli.text import instant, one_line, size
from langgraph_filesaver.errors import NotFoundError
from langgraph_filesaver.inspection import CheckpointSummary
from langgraph_filesaver.saver import FileSaver

__all__ = ["tail"]


@command("tail", "The last steps; -f follows a running agent.", "tail research-42 -f", "tail research-42 -n 3 --json")
@thread_argument()
@click.option(
    "-f", "--follow", is_flag=True, help="Go on with each new one, also before the thread is there; end by Ctrl-C."
)
@click.option("-n", "--lines", type=click.IntRange(min=0), default=10, show_default=True, help="Begin with the last N.")
@click.option(
    "--interval",
    "interval_seconds",
    type=click.FloatRange(min=0.01, max=3600),
    default=0.5,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait between two looks.",
)
@namespace_option
def tail(call: Call, *, thread_id: str, follow: bool, lines: int, interval_seconds: float, checkpoint_ns: str) -> None:
    """Show the last steps of a thread, a line each, the oldest first. With --json a JSON value is one line."""
    saver = call.saver()
    steps = _Steps(saver, thread_id, checkpoint_ns)
    if not follow:
        looked_at(saver, thread_id, checkpoint_ns)
    elif not repository_of(saver).namespaces(thread_id):
        write(f"waiting for thread {one_line(repr(thread_id))}", sys.stderr)
    most: int | None = lines
    while True:
        for step in steps.new(most):
            if call.is_json:
                write_json(step.to_dict(), indent=None)
            else:
                write(_line(step.to_dict()))
        if not follow:
            return
        most = None
        time.sleep(interval_seconds)


class _Steps:
    """The steps of a thread that were not told yet.

    Args:
        saver: Where the thread is, or will be.
        thread_id: The thread.
        checkpoint_ns: The namespace.
    """

    def __init__(self, saver: FileSaver, thread_id: str, checkpoint_ns: str) -> None:
        self._saver = saver
        self._place = (thread_id, checkpoint_ns)
        self._told: set[str] = set()

    def new(self, most: int | None) -> list[CheckpointSummary]:
        """Return those that have come since the last look, the oldest first; of more than `most` the newest."""
        thread_id, checkpoint_ns = self._place
        ids = repository_of(self._saver).checkpoint_ids(thread_id, checkpoint_ns)
        if self._told.issuperset(ids):  # none has come, or there is no such thread yet
            return []
        try:
            history = self._saver.thread(thread_id).history(checkpoint_ns=checkpoint_ns)
        except NotFoundError:  # removed meanwhile
            return []
        wanted = [index for index, each in enumerate(history.ids) if each not in self._told]
        self._told.update(history.ids)
        found = []
        for index in reversed(wanted[:most]):
            try:
                found.append(history[index])
            except NotFoundError:  # removed meanwhile
                continue
        return found


def _line(step: dict[str, Any]) -> str:
    at = tables.made_at(step["ts"])
    parts = [
        instant(at)[11:19] if at else step["ts"],
        f"step {step['step']}" if step["step"] is not None else "",
        ", ".join(step["nodes"]) or step["source"],
        f"changed {', '.join(step['channels_changed'])}" if step["channels_changed"] else "changed nothing",
        tables.duration(step["duration_seconds"]),
        size(step["bytes"]),
        step["checkpoint_id"][: tables.LEAST_ID if is_narrow() else None],
    ]
    return "  ".join(one_line(each) for each in parts if each)
