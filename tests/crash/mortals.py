"""The process that forks those that die, as a test sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["REPOSITORY", "Mortals"]

REPOSITORY = Path(__file__).parents[2]


class Mortals:
    """The process that forks those that die; see `mortal_process`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.mortal_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=REPOSITORY,
        )

    def order(self, **command: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        self._process.stdin.flush()

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield what is told, up to and including how the process ended."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            yield told
            if "ended" in told:
                return
        raise AssertionError("the process that forks the others has ended")

    def put(self, root: Path, checkpoint_id: str, *, flush: str = "none", die_at: int = 0, text: str = "first") -> int:
        """Put a checkpoint in a process of its own and return how that ended."""
        self.order(do="put", root=str(root), checkpoint_id=checkpoint_id, flush=flush, die_at=die_at, text=text)
        (told,) = self.lines()
        return int(told["ended"])

    def call(self, root: Path, name: str, *, die_at: int) -> int:
        """Make one of the calls of `tests.crash.calls` in a process of its own and return how that ended."""
        self.order(do="call", root=str(root), name=name, die_at=die_at)
        (told,) = self.lines()
        return int(told["ended"])

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(60)
