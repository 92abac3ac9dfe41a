"""A running server, as a test sees it: where it is, a new root on it, and the switch to turn it off and on.

`start` starts a server of one's own; `shared` gives the one that all workers of a test session have in common, started by
the first that asks. Whatever happens to the process that owns a server, the server ends with it (`keeper.py`).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
from filelock import FileLock

from tests.servers.keeper import KINDS
from tests.servers.kind import until

__all__ = ["Server", "end_all", "shared", "start", "why_missing"]

_PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        kind: Its name in `KINDS`.
        url: The root it came with; tests make roots of their own below it.
        storage_options: What fsspec needs besides the URL.
        endpoint: The address for HTTP, to put a proxy before; None for SFTP.
        port: Where it listens on 127.0.0.1; the same after a restart.
        keeps_data: Whether a restart leaves the data as they were; moto's are in memory.
        folder: Its settings, data and logs.
        keeper: The process that keeps it.
        mine: Whether it may be stopped: the shared one may not, for other tests use it.
    """

    kind: str
    url: str
    storage_options: dict[str, Any]
    endpoint: str | None
    port: int
    keeps_data: bool
    folder: str
    keeper: int
    mine: bool = False

    def filesystem(self, **options: Any) -> Any:
        """Return a new fsspec filesystem over it, which shares nothing with others."""
        filesystem, _ = fsspec.url_to_fs(self.url, skip_instance_cache=True, **self.storage_options, **options)
        return filesystem

    def new_root(self) -> str:
        """Return the URL of a new place in the server's bucket; nothing is asked of the server."""
        return f"{self.url}/{uuid.uuid4().hex}"

    def new_bucket(self) -> str:
        """Make a bucket (container, folder) and return its URL."""
        scheme, _, path = self.url.partition("://")
        bucket = f"{os.path.dirname(path)}/{uuid.uuid4().hex}".lstrip("/" if scheme != "sftp" else "")
        self.filesystem().mkdir(bucket)
        return f"{scheme}://{bucket}"

    def stop(self) -> None:
        """Turn it off at once; its port then refuses connections."""
        self._tell("down")

    def resume(self) -> None:
        """Turn it on again, on the same port; returns once it answers."""
        self._tell("up")
        if not self.keeps_data:
            self._make_root()

    def restart(self) -> None:
        """Turn it off and on; see `keeps_data`."""
        self.stop()
        self.resume()

    def end(self) -> None:
        """End it for good and remove its folder."""
        self._tell("end")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make_root(self) -> None:
        self.filesystem().mkdir(self.url.partition("://")[2])

    def _tell(self, command: str) -> None:
        if not self.mine:
            raise RuntimeError("other tests use this server too: start one of your own to turn it off")
        _tell(self.folder, command)


def why_missing(kind: str) -> str | None:
    """Say what is missing to run a server of a kind here, and None if nothing is."""
    return KINDS[kind].why_missing()


def start(kind: str) -> Server:
    """Start a server of one's own; it ends with this process at the latest.

    Raises:
        RuntimeError: It does not start; with the end of its log.
    """
    # Short, for the name of a Unix socket has at most 107 bytes; the folder of a test is often longer.
    folder = Path(tempfile.mkdtemp(prefix=f"filesaver-{kind}-"))
    _start(kind, folder, os.getpid())
    _wait(folder)
    return _read(folder, mine=True)


def shared(kind: str, servers: Path, owner: int) -> Server:
    """Return the session's server of a kind, started if this is the first process that asks.

    Args:
        kind: Its name in `KINDS`.
        servers: The folder of the session's servers.
        owner: The process with which the server ends.

    Raises:
        RuntimeError: It does not start; with the end of its log.
    """
    folder = servers / kind
    ready = folder / "ready"
    with FileLock(servers / f"{kind}.lock"):
        if not folder.exists():
            folder.mkdir()
            _start(kind, folder, owner)
        if not ready.exists():  # also where the process that started it was killed in between
            _wait(folder)
            ready.touch()
    return _read(folder, mine=False)


def end_all(servers: Path) -> None:
    """End the session's servers and remove their folder."""
    for description in servers.glob("*/server.json"):
        try:
            _tell(str(description.parent), "end")
        except OSError:  # already gone, with its owner
            continue
    shutil.rmtree(servers, ignore_errors=True)


def _start(kind: str, folder: Path, owner: int) -> None:
    with (folder / "keeper.log").open("wb") as output:
        # It is no child of ours to wait for: the shared ones outlive the worker that started them.
        subprocess.run(
            [sys.executable, "-c", _DETACH, sys.executable, "-m", "tests.servers.keeper", kind, str(folder), str(owner)],
            cwd=_PROJECT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=True, timeout=60,
        )  # fmt: skip


def _wait(folder: Path) -> None:
    """Wait for the server, and make the root it is described with."""
    log = folder / "keeper.log"
    until(lambda: (folder / "server.json").exists() or (folder / "failed").exists(), log, timeout_seconds=90)
    with contextlib.suppress(FileExistsError):
        _read(folder, mine=True)._make_root()


# Starts its arguments as an orphan in a session of its own.
_DETACH = "import subprocess, sys; subprocess.Popen(sys.argv[1:], start_new_session=True)"


def _read(folder: Path, *, mine: bool) -> Server:
    failed = folder / "failed"
    if failed.exists():
        raise RuntimeError(f"the server did not start: {failed.read_text()}")
    return Server(**json.loads((folder / "server.json").read_text()), mine=mine)


def _tell(folder: str, command: str) -> None:
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(90)
        control.connect(f"{folder}/control")
        control.sendall(command.encode())
        answer = b"".join(iter(lambda: control.recv(10_000), b"")).decode()
    if answer != "done":
        raise RuntimeError(f"the server did not obey {command!r}: {answer}")
