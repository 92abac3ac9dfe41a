"""What a kind of server is to those who start one: whether it can run here, its programs, and how to reach it.

A kind knows its programs and their settings; when they run and for how long is the keeper's job (`keeper.py`), and which
test gets which server the fixtures' (`fixtures.py`). All servers listen on 127.0.0.1 only.
"""

from __future__ import annotations

import os
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from tests.servers.program import Program

__all__ = ["HOST", "NODE_MODULES", "Kind", "free_port", "until"]

HOST = "127.0.0.1"
NODE_MODULES = Path(__file__).parents[2] / ".servers" / "node_modules"


class Kind(ABC):
    """One server of this kind, in a folder and on a port of its own.

    Args:
        folder: An empty folder for settings, data and logs; short, for the names of Unix sockets in it are limited.

    Attributes:
        name: What the fixtures call it.
        bucket: The root of the URLs, made by `open`.
        keeps_data: Whether data outlive `down` and `up`.
    """

    name: ClassVar[str]
    keeps_data: ClassVar[bool] = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.programs: list[Program] = []

    @classmethod
    @abstractmethod
    def why_missing(cls) -> str | None:
        """Say what is missing to run one here, and None if nothing is."""

    @abstractmethod
    def up(self) -> None:
        """Start what serves, on the same port and data as before; return once it answers."""

    def down(self) -> None:
        """End what serves at once, without a farewell to clients."""
        for program in reversed(self.programs):
            program.kill()
        self.programs.clear()

    def prepare(self) -> None:  # noqa: B027 - most kinds have nothing to prepare
        """Make what is needed once, before the first `up`."""

    def end(self) -> None:
        """End every program, whatever its state."""
        self.down()

    @property
    def endpoint(self) -> str | None:
        """The address for HTTP, if the server speaks that."""
        return f"http://{HOST}:{self.port}"

    @property
    @abstractmethod
    def url(self) -> str:
        """The URL below which every test makes a root of its own."""

    @property
    @abstractmethod
    def storage_options(self) -> dict[str, Any]:
        """What fsspec needs besides the URL."""

    def run(self, *command: str, env: dict[str, str] | None = None) -> Program:
        """Start one of the server's programs; its log is in the folder, named after it and its number."""
        program = Program(command, self.folder / f"{Path(command[0]).name}-{len(self.programs)}.log", env)
        self.programs.append(program)
        return program

    def wait_for_port(self, program: Program) -> None:
        """Wait until something listens on the port."""
        until(lambda: _listens(self.port), program.log, program)


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


def until(ready: Callable[[], bool], log: Path, program: Program | None = None, timeout_seconds: float = 60) -> None:
    """Wait for something to become true, at most a minute.

    Raises:
        RuntimeError: It did not, or the program ended before; with the end of its log.
    """
    deadline = time.monotonic() + timeout_seconds
    while not ready():
        ended = program is not None and program.ended()
        if ended or time.monotonic() > deadline:
            finding = "ended before it was ready" if ended else f"was not ready within {timeout_seconds:g} s"
            tail = log.read_text(errors="replace")[-2000:] if log.exists() else "(no log)"
            raise RuntimeError(f"the server {finding}; the end of {log}:\n{tail}")
        time.sleep(0.02)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == os.EX_OK
