"""Commands, run in this process or as processes of their own, with or without a terminal; and threads for them to work on."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from fcntl import ioctl
from inspect import signature
from pathlib import Path
from termios import TIOCSWINSZ
from typing import Any

from click.testing import CliRunner, Result

from langgraph_filesaver import FileSaver
from langgraph_filesaver.cli import app
from tests.checkpoints import put
from tests.inspection.looking import chat, config_for

__all__ = ["PROJECT", "Terminal", "answer", "files_in", "fill", "piped", "run", "terminal"]

PROJECT = Path(__file__).parents[2]
_PATIENCE_SECONDS = 60.0
_SEPARATE: Any = {"mix_stderr": False} if "mix_stderr" in signature(CliRunner).parameters else {}
_RUNNER = CliRunner(**_SEPARATE)  # click 8.1 has to be told to keep the two streams apart


def run(*arguments: str, root: object = None, given: str | None = None, **environment: str | None) -> Result:
    """Run a command in this process, with nothing but what is given here from the environment of ours."""
    own = {"LANGGRAPH_FILESAVER_ROOT": None if root is None else str(root), "COLUMNS": None, **environment}
    return _RUNNER.invoke(app, list(arguments), input=given, env=own, prog_name="langgraph-filesaver")


def answer(*arguments: str, root: object = None) -> Any:
    """Run a command that has to end well, and return what it says to a machine."""
    name, *others = arguments
    result = run(name, "--json", *others, root=root)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def fill(root: Path) -> FileSaver:
    """Make a store with four threads: one is done and has artifacts, one asks, one has failed, one has nothing but a value."""
    saver = FileSaver(root, fsync=False)
    chat(saver).invoke({"log": ["x" * 5_000] * 30, "text": "t" * 100_000}, config_for("research-42"))
    chat(saver, asks=True).invoke({"log": ["hello"]}, config_for("asks"))
    with contextlib.suppress(ValueError):
        chat(saver, fails=True).invoke({"log": ["hello"]}, config_for("fails"))
    put(saver, "1", {"value": 1}, thread_id="single")
    return saver


def files_in(root: Path) -> dict[str, bytes]:
    """Return every file with its bytes, but for lock files, which are empty and come and go."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }


def _environment(root: object, others: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}
    paths = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
    own = {"LANGGRAPH_FILESAVER_ROOT": str(root), "PYTHONPATH": paths, "TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
    return {**kept, **own, **others}


def piped(
    *arguments: str, root: object, shell: str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command as a process without a terminal; `shell` stands behind it, such as `| head -1`."""
    words: Any = [sys.executable, "-m", "langgraph_filesaver", *arguments]
    if shell is not None:
        words = ["bash", "-c", f'set -o pipefail; "$@" {shell}', "bash", *words]
    return subprocess.run(
        words,
        env=_environment(root, environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=_PATIENCE_SECONDS,
        check=False,
    )


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # tests that run in the background of a shell inherit it ignored


class Terminal:
    """A command as a process on a terminal of its own, for input and standard error, and for standard output if asked.

    Args:
        arguments: The command.
        root: Where its threads are.
        columns: How wide the terminal is.
        output: Whether standard output is the terminal, too; else it is a pipe.
        errors: Whether standard error is the terminal; else it goes nowhere.
        environment: More of its environment.
    """

    def __init__(
        self,
        *arguments: str,
        root: object,
        columns: int = 100,
        output: bool = True,
        errors: bool = True,
        **environment: str,
    ) -> None:
        self._ours, theirs = pty.openpty()
        ioctl(theirs, TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "langgraph_filesaver", *arguments],
            stdin=theirs,
            stdout=theirs if output else subprocess.PIPE,
            stderr=theirs if errors else subprocess.DEVNULL,
            env=_environment(root, environment),
            start_new_session=True,
            preexec_fn=_heed_interrupts,
        )
        os.close(theirs)
        self.shown = ""

    def wait_for(self, text: str) -> None:
        """Wait until the terminal has shown something."""
        end = time.monotonic() + _PATIENCE_SECONDS
        while text not in self.shown:
            assert time.monotonic() < end, self.shown
            assert self._read(end - time.monotonic()), f"it ended without {text!r}: {self.shown}"

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._ours], [], [], seconds)
        try:
            data = os.read(self._ours, 65536) if ready else b""
        except OSError:  # the other end is closed
            return False
        self.shown += data.decode("utf-8", "replace")
        return bool(data)

    def type(self, text: str) -> None:
        """Type something."""
        os.write(self._ours, text.encode())

    def interrupt(self) -> None:
        """Press Ctrl-C until it is heeded: a signal that comes just before a read that blocks waits for the end of that."""
        for _ in range(5):
            self.process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
                return

    def end(self) -> int:
        """Wait for the end, and return the exit code."""
        end = time.monotonic() + _PATIENCE_SECONDS
        while self._read(max(end - time.monotonic(), 0)):
            pass
        return self.process.wait(max(end - time.monotonic(), 1))

    def close(self) -> None:
        """End it in any case."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        os.close(self._ours)


@contextlib.contextmanager
def terminal(*arguments: str, root: object, **options: Any) -> Iterator[Terminal]:
    """Run a command on a terminal inside the block."""
    opened = Terminal(*arguments, root=root, **options)
    try:
        yield opened
    finally:
        opened.close()
