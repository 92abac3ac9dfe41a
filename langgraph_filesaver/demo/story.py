"""The demo itself: start, kill, look, resume, approve, read the report; every claim is checked before it is printed.

The checks stand on other feet than the work. What a process told is compared with what another process finds on disk,
checkpoint files are read as plain JSON, executions are counted in a file outside the state, and the facts of the report
are recomputed from the documents.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from langchain_core.runnables import RunnableConfig

from langgraph_filesaver.demo.documents import Found, read
from langgraph_filesaver.demo.page import WIDTH, Page
from langgraph_filesaver.demo.picture import excerpt, tree
from langgraph_filesaver.demo.processes import WORKER, Worker
from langgraph_filesaver.demo.recount import mistakes_in
from langgraph_filesaver.demo.worker import checkpoints_path, executions_path, report_path
from langgraph_filesaver.saver import FileSaver

__all__ = ["Story", "StoryError"]

Executions = Counter[tuple[str, str, int]]
"""How often a (node, document, process) began."""


class StoryError(Exception):
    """A claim of the demo does not hold."""


@dataclass
class Story:
    """One run of the demo.

    Args:
        found: The documents to read.
        workspace: The folder for the checkpoints, the count of executions and the report; it exists.
        page: Where the story is told.
        worker: The command that starts a worker process.
        timeout_seconds: How long each process is waited for.
    """

    found: Found
    workspace: str
    page: Page
    worker: Sequence[str] = WORKER
    timeout_seconds: float = 120.0

    def tell(self) -> None:
        """Run the demo.

        Raises:
            StoryError: A claim does not hold.
            WorkerError: A process did not do its part.
            FileSaverError: The workspace holds something else, or cannot be written.
        """
        contents = {name: read(self.found.folder, name) for name in self.found.names}
        saver = FileSaver(checkpoints_path(self.workspace))
        self.thread_id = self._new_thread()
        self.held = self.found.names[-1]
        self.others = [name for name in self.found.names if name != self.held]
        self._tell_of_documents()
        first = self._kill_in_the_middle()
        self._look_at_the_folder(saver)
        second = self._resume(first)
        third = self._approve(first, second)
        self._read_the_report(contents)
        self.page.line()
        self.page.verified(f"All of this was verified; processes {first}, {second} and {third} shared only the folder.")

    # --- the parts of the story

    def _tell_of_documents(self) -> None:
        page = self.page
        page.line("An agent that reads documents is killed; other processes finish its work.")
        page.line()
        page.paragraph(f"{_count(self.found.names, 'document')} in {self.found.folder}")
        for name, reason in self.found.left_out:
            page.paragraph(f"left out: {name} ({reason})")

    def _kill_in_the_middle(self) -> int:
        page = self.page
        page.heading("1. A process runs the agent, and is killed while a node runs")
        with self._worker("start", "--folder", self.found.folder, "--hold", self.held) as worker:
            page.line(f"  process {worker.pid}, thread {self.thread_id!r}")
            running, waiting_for = False, set(self.others)
            while waiting_for or not running:
                event = worker.next_event()
                if event["event"] == "saved":
                    waiting_for.discard(event["document"])
                    self._tell_saved(event["document"])
                elif event["event"] == "running":
                    running = True
                else:
                    raise StoryError(f"the agent did not wait where it was held: {event}")
            page.line(f"  read_document  {self.held}: running …")
            how = worker.kill()
            page.verified(f"process {worker.pid} was {how} while a node read {self.held}")
            return worker.pid

    def _tell_saved(self, document: str) -> None:
        self.page.line(f"  read_document  {document}: finished and saved")

    def _look_at_the_folder(self, saver: FileSaver) -> None:
        page = self.page
        page.heading("2. What is on disk now")
        for line in tree(checkpoints_path(self.workspace)):
            page.line(f"  {line}")
        config: RunnableConfig = {"configurable": {"thread_id": self.thread_id}}
        latest = saver.get_tuple(config)
        if latest is None:
            raise StoryError(f"there is no checkpoint of thread {self.thread_id!r}")
        path = self._checkpoint_file(latest.checkpoint["id"])
        page.line()
        page.line(f"  The newest checkpoint, {os.path.basename(path)}:")
        page.line()
        for line in excerpt(path, lines=24, width=WIDTH - 4):
            page.line(f"    {line}")
        page.line()
        with open(path, encoding="utf-8") as file:
            state = json.load(file)["state"]
        self._claim(state.get("documents"), list(self.found.names), "it is plain JSON that lists the documents to read")
        saved = sorted(
            value[0]["name"] for _, channel, value in latest.pending_writes or () if channel == "facts" and value
        )
        self._claim(
            saved,
            self.others,
            f"the results of {_count(self.others, 'finished document')} are there, {self.held} is not",
        )

    def _resume(self, first: int) -> int:
        page = self.page
        page.heading("3. Another process resumes the thread")
        with self._worker("resume") as worker:
            page.line(f"  process {worker.pid}: invoke(None, thread {self.thread_id!r})")
            while (event := worker.next_event())["event"] == "saved":
                self._tell_saved(event["document"])
            if event["event"] != "asked":
                raise StoryError(f"the agent did not ask for approval: {event}")
            worker.end()
            second = worker.pid
        page.line(f"  The agent asks: {event['question']}")
        expected = self._expected(first, second)
        self._claim(self._executions(), expected, _what_ran_again(self.others, self.held))
        self._claim(os.path.exists(report_path(self.workspace, self.thread_id)), False, "there is no report yet")  # noqa: FBT003 the expected value
        return second

    def _approve(self, first: int, second: int) -> int:
        page = self.page
        page.heading("4. A third process brings the approval")
        with self._worker("approve") as worker:
            page.line(
                f"  process {worker.pid}: invoke(Command(resume={{'approved': True}}), thread {self.thread_id!r})"
            )
            event = worker.next_event()
            if event["event"] != "finished":
                raise StoryError(f"the agent did not finish after the approval: {event}")
            worker.end()
            third = worker.pid
        expected = self._expected(first, second) + Counter({("review", "", third): 1, ("write_report", "", third): 1})
        self._claim(
            self._executions(),
            expected,
            "only review, which got its answer, and write_report ran; nothing was read again",
        )
        with open(report_path(self.workspace, self.thread_id), encoding="utf-8", newline="") as file:
            self._claim(file.read(), event["report"], "the report in the file is the report in the state")
        return third

    def _read_the_report(self, contents: Mapping[str, bytes]) -> None:
        page = self.page
        page.heading("5. The report")
        with open(report_path(self.workspace, self.thread_id), encoding="utf-8", newline="") as file:
            report = file.read()
        for line in report.split("\n"):
            page.paragraph(line)
        mistakes = mistakes_in(report, contents)
        if mistakes:
            raise StoryError("the report is wrong: " + "; ".join(mistakes))
        page.verified("words, headings, bytes and SHA-256 were recomputed from the documents; the quotes stand in them")

    # --- means

    def _new_thread(self) -> str:
        number = 1
        while True:
            thread_id = f"digest-{number}"
            try:
                # The workspace may hold earlier runs; whoever creates this file has the thread.
                with open(executions_path(self.workspace, thread_id), "xb"):
                    return thread_id
            except FileExistsError:
                number += 1

    def _worker(self, part: str, *options: str) -> Worker:
        return Worker(self.worker, [part, self.workspace, self.thread_id, *options], self.timeout_seconds)

    def _checkpoint_file(self, checkpoint_id: str) -> str:
        for folder, _, files in os.walk(os.path.join(checkpoints_path(self.workspace), self.thread_id)):
            if f"{checkpoint_id}.json" in files:
                return os.path.join(folder, f"{checkpoint_id}.json")
        raise StoryError(f"there is no file named after checkpoint {checkpoint_id}")

    def _executions(self) -> Executions:
        with open(executions_path(self.workspace, self.thread_id), encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        return Counter((line["node"], line["document"], line["pid"]) for line in lines)

    def _expected(self, first: int, second: int) -> Executions:
        return Counter(
            [("find_documents", "", first)]
            + [("read_document", name, first) for name in self.found.names]
            + [("read_document", self.held, second), ("review", "", second)]
        )

    def _claim(self, found: object, expected: object, claim: str) -> None:
        if found != expected:
            raise StoryError(f"not true: {claim} (expected {expected}, found {found})")
        self.page.verified(claim)


def _what_ran_again(others: Sequence[str], held: str) -> str:
    once = f"find_documents and {_count(others, 'finished document')} ran" if others else "find_documents ran"
    return f"{once} once; only {held}, which was cut off, ran again"


def _count(things: Sequence[str], noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"
