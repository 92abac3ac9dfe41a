"""A worker of the demo with one thing wrong: `python saboteur.py KIND ARGUMENTS…`. The demo must notice each kind."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any
from unittest.mock import patch

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple

from langgraph_filesaver.demo import agent, worker
from langgraph_filesaver.demo.facts import Facts, facts_of
from langgraph_filesaver.saver import FileSaver


def does_nothing_wrong() -> None:
    """Be an ordinary worker."""


def loses_a_write() -> None:
    """Acknowledge the result of a document and store nothing."""
    put_writes = FileSaver.put_writes

    def lossy(
        self: FileSaver, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        if all(value[0]["name"] != "a.md" for channel, value in writes if channel == "facts"):
            put_writes(self, config, writes, task_id, task_path)

    _change(FileSaver, "put_writes", lossy)


def overlooks_writes() -> None:
    """Store everything, and resume as if nothing had been written."""
    get_tuple = FileSaver.get_tuple

    def forgetful(self: FileSaver, config: RunnableConfig) -> CheckpointTuple | None:
        found = get_tuple(self, config)
        return found and found._replace(pending_writes=[])

    _change(FileSaver, "get_tuple", forgetful)


def loses_checkpoints() -> None:
    """Acknowledge checkpoints and store none."""

    def lossy(self: FileSaver, config: RunnableConfig, checkpoint: Any, metadata: Any, versions: Any) -> RunnableConfig:
        thread_id = config["configurable"]["thread_id"]
        return {"configurable": {"thread_id": thread_id, "checkpoint_ns": "", "checkpoint_id": checkpoint["id"]}}

    _change(FileSaver, "put", lossy)


def does_not_wait() -> None:
    """Go on where the worker should be killed."""
    sys.argv = [each for each in sys.argv if each != "--hold"][: 1 + 3 + 2]


def tells_nothing() -> None:
    """Neither work nor end."""
    sys.stdin.read()


def fails() -> None:
    """End with a traceback before any work."""
    raise RuntimeError("a worker that fails")


def does_not_ask() -> None:
    """Take the approval for granted."""
    _change(agent, "interrupt", lambda question: {"approved": True})


def takes_no_for_an_answer() -> None:
    """Ask again although the answer is there."""
    if sys.argv[1] == "approve":
        sys.argv[1] = "resume"


def miscounts_words() -> None:
    """Report one word too many."""
    _change_facts(lambda facts: {**facts, "words": facts["words"] + 1})


def invents_a_quote() -> None:
    """Report a sentence that stands in no document."""
    _change_facts(lambda facts: {**facts, "quote": "Files are made of stone."})


def drops_a_document() -> None:
    """Report on one document fewer, after reading all."""
    report = agent._report
    _change(agent, "_report", lambda all_facts: report(all_facts[1:]))


def writes_another_report() -> None:
    """Change the file after the state was stored."""
    main = worker.main

    def changing() -> int:
        code = main()
        path = worker.report_path(sys.argv[2], sys.argv[3])
        if os.path.exists(path):
            with open(path, "a", encoding="utf-8") as file:
                file.write("\n")
        return code

    _change(worker, "main", changing)


def reads_again_after_approval() -> None:
    """Execute a finished node once more in the third process."""
    if sys.argv[1] == "approve":
        line = json.dumps({"node": "read_document", "document": "a.md", "pid": os.getpid()}) + "\n"
        with open(worker.executions_path(sys.argv[2], sys.argv[3]), "a", encoding="utf-8") as file:
            file.write(line)


def reports_without_approval() -> None:
    """Write the report before anybody was asked."""
    with open(worker.report_path(sys.argv[2], sys.argv[3]), "w", encoding="utf-8") as file:
        file.write("# Digest\n")


def _change(target: object, name: str, value: object) -> None:
    patch.object(target, name, value).start()


def _change_facts(change: Callable[[Facts], Any]) -> None:
    _change(agent, "facts_of", lambda name, data: change(facts_of(name, data)))


if __name__ == "__main__":
    kind = sys.argv.pop(1)
    globals()[kind]()
    sys.exit(worker.main())
