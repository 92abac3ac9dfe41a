"""`python -m benchmarks.postgres [arguments]`: the whole suite, with PostgresSaver on a PostgreSQL of its own.

Installs Debian's `postgresql` where it is missing (needs root), makes a cluster in a temporary folder beneath this one,
with the server's defaults (`fsync = on`), starts it on a free port of 127.0.0.1, and ends it by its own pid.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.__main__ import main as measure

__all__ = ["main", "server"]

_USER = "postgres"  # the server refuses to run as root
_BINARIES = Path("/usr/lib/postgresql")
_SECONDS = 60


def main(arguments: Sequence[str]) -> int:
    """Run the suite beside a server."""
    with server() as conninfo:
        os.environ["FILESAVER_BENCHMARK_POSTGRES"] = conninfo
        return measure(arguments)


@contextmanager
def server() -> Iterator[str]:
    """Start a server and yield how it is reached; it is gone afterwards, with its data.

    Raises:
        FileNotFoundError: There is no PostgreSQL, and none could be installed.
        CalledProcessError: It cannot be made or started; its own words stand above.
    """
    binaries = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="postgres-", dir=Path.cwd()))
    try:
        if os.getuid() == 0:
            shutil.chown(folder, _USER, _USER)
        os.chmod(folder, 0o700)
        data, port = folder / "data", _free_port()
        _run(binaries / "initdb", "--pgdata", data, "--auth", "trust", "--username", _USER, "--encoding", "UTF8")
        options = f"-c listen_addresses=127.0.0.1 -c unix_socket_directories='' -p {port}"
        control = binaries / "pg_ctl"
        _run(control, "start", "--wait", "--pgdata", data, "--log", folder / "log", "--options", options)
        try:
            yield f"host=127.0.0.1 port={port} user={_USER} dbname=postgres"
        finally:
            # pg_ctl ends the process whose pid the data folder names, and waits for it.
            _run(control, "stop", "--wait", "--mode", "fast", "--pgdata", data)
    finally:
        shutil.rmtree(folder)


def _binaries() -> Path:
    found = _newest()
    if found is None and os.getuid() == 0 and shutil.which("apt-get"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        command = ["apt-get", "install", "--yes", "--no-install-recommends", "postgresql"]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        found = _newest()
    if found is None:
        raise FileNotFoundError(f"there is no PostgreSQL in {_BINARIES}: install Debian's package postgresql")
    return found


def _newest() -> Path | None:
    versions = sorted(_BINARIES.glob("*/bin/pg_ctl"), key=lambda path: float(path.parts[-3]))
    return versions[-1].parent if versions else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _run(*command: str | Path) -> None:
    words = [str(word) for word in command]
    if os.getuid() == 0:
        words = ["runuser", "--user", _USER, "--", *words]
    subprocess.run(words, check=True, timeout=_SECONDS, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
