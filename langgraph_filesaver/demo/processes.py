"""A parent's hold on a worker process: start it, wait for what it tells, kill it. Every wait is bounded."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from typing_extensions import Self

__all__ = ["WORKER", "Worker", "WorkerError"]

WORKER = (sys.executable, "-X", "utf8", "-m", "langgraph_filesaver.demo.worker")


class WorkerError(Exception):
    """The worker did something else than it should have, or nothing in time."""


class Worker:
    """A running worker; leaving the context ends it.

    Args:
        command: How to start it, without arguments.
        arguments: Its arguments.
        timeout_seconds: How long its parent waits for all that it has to tell.
    """

    def __init__(self, command: Sequence[str], arguments: Sequence[str], timeout_seconds: float) -> None:
        self._deadline = time.monotonic() + timeout_seconds
        self._timeout_seconds = timeout_seconds
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._said: list[str] = []
        self._process = subprocess.Popen(  # noqa: S603 our own module, run by the interpreter that runs us
            [*command, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def next_event(self) -> dict[str, Any]:
        """Return the next thing that the worker tells.

        Raises:
            WorkerError: It ended, or told nothing in time.
        """
        while True:
            line = self._next_line()
            if line is None:
                raise WorkerError(f"process {self.pid} ended by itself{self._last_words()}")
            try:
                event = json.loads(line)
            except ValueError:
                event = None
            if isinstance(event, dict) and "event" in event:
                return event
            self._said.append(line)

    def kill(self) -> str:
        """End it at once (SIGKILL; on Windows TerminateProcess), and return how it ended.

        Raises:
            WorkerError: It had ended before, or ended in another way.
        """
        if self._process.poll() is not None:
            raise WorkerError(f"process {self.pid} ended before it was killed{self._last_words()}")
        self._process.kill()
        code = self._process.wait()
        if os.name == "nt":
            return "terminated"
        if code != -signal.SIGKILL:
            raise WorkerError(f"process {self.pid} ended with {code} instead of being killed")
        return "killed by SIGKILL"

    def end(self) -> None:
        """Wait for its regular end.

        Raises:
            WorkerError: It failed, told more, or did not end in time.
        """
        while (line := self._next_line()) is not None:
            self._said.append(line)
        code = self._process.wait()
        if code != 0:
            raise WorkerError(f"process {self.pid} failed with exit code {code}{self._last_words()}")

    def _next_line(self) -> str | None:
        try:
            return self._lines.get(timeout=max(0.0, self._deadline - time.monotonic()))
        except queue.Empty:
            raise WorkerError(
                f"process {self.pid} told nothing for {self._timeout_seconds:g} s{self._last_words()}"
            ) from None

    def _last_words(self) -> str:
        return "".join(["; it said:\n", *self._said[-15:]]) if self._said else ""

    def _read(self) -> None:
        if self._process.stdout is not None:
            for line in self._process.stdout:
                self._lines.put(line)
        self._lines.put(None)
