"""The process that runs the agent. Its parent starts it, listens to it, and kills it.

    python -m langgraph_filesaver.demo.worker start WORKSPACE THREAD --folder FOLDER [--hold DOCUMENT]
    python -m langgraph_filesaver.demo.worker resume WORKSPACE THREAD
    python -m langgraph_filesaver.demo.worker approve WORKSPACE THREAD

It tells what happens in lines of JSON on its standard output (`{"event": …}`). The task of the document named by
`--hold` tells that it runs and then waits for its end: the parent's signal, or the end of standard input if the parent
is gone. Every execution of a node is one line in a file outside the state, so that executions can be counted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from collections.abc import Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from langgraph_filesaver.demo.agent import build
from langgraph_filesaver.saver import FileSaver

__all__ = ["checkpoints_path", "executions_path", "main", "report_path"]

_TELLING = threading.Lock()


def checkpoints_path(workspace: str) -> str:
    """Return the folder of the saver in a workspace."""
    return os.path.join(workspace, "checkpoints")


def executions_path(workspace: str, thread_id: str) -> str:
    """Return the file that counts the executions of nodes for a thread."""
    return os.path.join(workspace, f"{thread_id}.executions.jsonl")


def report_path(workspace: str, thread_id: str) -> str:
    """Return the file of the agent's report for a thread."""
    return os.path.join(workspace, f"{thread_id}.report.md")


class TellingSaver(FileSaver):
    """A FileSaver that tells whose result has just been acknowledged; what it tells is safe on disk."""

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store the writes, then tell of the documents in them."""
        super().put_writes(config, writes, task_id, task_path)
        for channel, value in writes:
            if channel == "facts":
                _tell("saved", document=value[0]["name"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one part of the agent's work and tell how it ended."""
    given = _parser().parse_args(arguments)

    def observe(node: str, document: str) -> None:
        line = json.dumps({"node": node, "document": document, "pid": os.getpid()}) + "\n"
        with open(executions_path(given.workspace, given.thread), "ab", buffering=0) as executions:
            executions.write(line.encode())  # one write of a short line at the end: whole, whoever else writes
        if node == "read_document" and document == given.hold:
            _tell("running", document=document)
            sys.stdin.read()
            raise RuntimeError("the parent went away without killing this process")

    agent = build(
        TellingSaver(checkpoints_path(given.workspace)),
        observe=observe,
        report_path=report_path(given.workspace, given.thread),
    )
    inputs: dict[str, Any] = {
        "start": {"folder": given.folder},
        "resume": None,
        "approve": Command(resume={"approved": True}),
    }
    config: RunnableConfig = {"configurable": {"thread_id": given.thread}}
    # "sync": a step is on disk before the next one begins, so what runs when the signal comes is all that is not saved.
    state = agent.invoke(inputs[given.part], config, durability="sync")
    if "__interrupt__" in state:
        _tell("asked", question=state["__interrupt__"][0].value["question"])
    else:
        _tell("finished", report=state["report"])
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="langgraph_filesaver.demo.worker", description="Run the demo's agent.")
    parser.add_argument("part", choices=["start", "resume", "approve"])
    parser.add_argument("workspace")
    parser.add_argument("thread")
    parser.add_argument("--folder")
    parser.add_argument("--hold", metavar="DOCUMENT")
    return parser


def _tell(event: str, **facts: str) -> None:
    with _TELLING:
        sys.stdout.write(json.dumps({"event": event, **facts}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
