"""One program of a server: started in a process group of its own, ended with all its descendants.

A program whose starter dies is ended by the kernel where that can be asked for (Linux), so that no kill of any process of
the suite leaves a server behind.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["Program"]

_PR_SET_PDEATHSIG = 1
_PRCTL = getattr(ctypes.CDLL(None), "prctl", None) if sys.platform == "linux" else None


class Program:
    """A running program.

    Args:
        command: The program and its arguments.
        log: The file that gets its output.
        env: Variables in addition to the environment's.
    """

    def __init__(self, command: Sequence[str], log: Path, env: dict[str, str] | None = None) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                start_new_session=True,
                preexec_fn=_die_with_parent,  # safe: a keeper has one thread
            )

    def ended(self) -> bool:
        """Whether the program has ended by itself."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """End it and every process it started, those included that left its group (as sshd's sessions do)."""
        below = _descendants(self._process.pid)
        if not self.ended():
            os.killpg(self._process.pid, signal.SIGKILL)
        for pid in below:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._process.wait()

    def finish(self, timeout_seconds: float = 10) -> None:
        """Ask it to save its data and end; then end what is left."""
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_seconds)
        self.kill()


def _die_with_parent() -> None:
    if _PRCTL is not None:
        _PRCTL(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _descendants(pid: int) -> list[int]:
    """The processes below one, as the kernel tells (Linux); elsewhere the process group has to do."""
    found: list[int] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            found += [child, *_descendants(child)]
    return found
