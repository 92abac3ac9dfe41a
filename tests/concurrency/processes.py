"""Worker processes of the tests of concurrency: started with this clone's library, told what to do, and heard, line by line.

A worker is a module that calls `tell_ready` and then answers each JSON line on its standard input with one on its standard
output, until the input is closed.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import langgraph_filesaver

__all__ = ["REPOSITORY", "Worker", "assert_every_file_parses", "orders", "tell", "tell_ready", "until"]

REPOSITORY = Path(__file__).parents[2]


def until(condition: Any, what: str, seconds: float = 60) -> Any:
    """Return what `condition()` returns once that is true; look again and again until the deadline."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.001)
    return found


# --- in the test


class Worker:
    """A process of `python -m tests.concurrency.MODULE ARGUMENT...`, ready to be told what to do."""

    def __init__(self, module: str, *arguments: object) -> None:
        self.name = " ".join(map(str, (module, *arguments)))
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 it is closed with the worker
        paths = [str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"tests.concurrency.{module}", *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )

    def wait_until_ready(self) -> Worker:
        """Wait until it has imported the library, the one that is tested here."""
        assert self.hear() == {"library": langgraph_filesaver.__file__}
        return self

    def tell(self, order: Any) -> None:
        """Give an order."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.stdin.flush()

    def hear(self, seconds: float = 240) -> Any:
        """Return the next thing it tells; fail with its traceback where it has ended, and where it is silent."""
        assert self.process.stdout is not None
        # Unbuffered as far as this goes: a worker tells one line for each that it is asked for.
        assert select.select([self.process.stdout], [], [], seconds)[0], f"{self.name} is silent for {seconds} s"
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"{self.name} has ended with {self.process.wait(30)}:\n{self._told_errors()}")
        return json.loads(line)

    def end(self) -> None:
        """Close its input, and wait for its end, which must be a good one."""
        try:
            assert self.process.stdin is not None
            self.process.stdin.close()
            code = self.process.wait(60)
            assert code == 0, f"{self.name} has ended with {code}:\n{self._told_errors()}"
        finally:
            self.kill()

    def kill(self) -> None:
        """End it, if it lives, and let go of its pipes."""
        self.process.kill()
        self.process.wait(30)
        for pipe in (self.process.stdin, self.process.stdout, self._errors):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue

    def _told_errors(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")


def assert_every_file_parses(root: Path) -> int:
    """Check that every JSON file below `root` is one, and return how many there are; nobody must be writing."""
    count = 0
    for path in root.rglob("*.json"):
        json.loads(path.read_bytes())
        count += 1
    return count


# --- in the worker


def tell(what: Any) -> None:
    """Tell the test something."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def tell_ready() -> None:
    """Tell the test that the library is imported, and which."""
    tell({"library": langgraph_filesaver.__file__})


def orders() -> Iterator[Any]:
    """Yield what the test tells, until it closes the pipe."""
    for line in sys.stdin:
        yield json.loads(line)
