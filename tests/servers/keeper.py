"""The process that keeps one server: `python -m tests.servers.keeper KIND FOLDER OWNER_PID`.

It starts the server, describes it in `FOLDER/server.json` (or says in `FOLDER/failed` why it did not start), obeys
`down`, `up` and `end` on the socket `FOLDER/control`, and ends the server when it is told to or when its owner is gone,
be it by `kill -9`. It has one thread (`program.py` relies on that), and is in a session of its own: a Ctrl-C in the terminal does not reach it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import NoReturn

from tests.servers.azurite import Azurite
from tests.servers.kind import Kind
from tests.servers.radosgw import RadosGateway
from tests.servers.s3 import Liar, Moto
from tests.servers.sshd import Sshd

__all__ = ["KINDS"]

KINDS: dict[str, type[Kind]] = {kind.name: kind for kind in (RadosGateway, Moto, Liar, Azurite, Sshd)}
_POLL_SECONDS = 0.2


def main(name: str, folder: Path, owner: int) -> None:
    """Keep one server until its owner says so or is gone."""
    signal.signal(signal.SIGTERM, _end)
    server = KINDS[name](folder)
    try:
        _start(server)
        _obey(server, owner)
    except Exception:  # noqa: BLE001 - whatever it is, the one who asked for the server is told
        (folder / "failing").write_text(traceback.format_exc())
        (folder / "failing").replace(folder / "failed")
    finally:
        server.end()
    if not _alive(owner):
        # Nobody is left who would clear up; the last keeper of a session takes the session's folder with it.
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.with_suffix(".lock").unlink()  # only servers that are shared have one
            folder.parent.rmdir()


def _start(server: Kind) -> None:
    server.prepare()
    server.up()
    description = {
        "kind": server.name,
        "url": server.url,
        "storage_options": server.storage_options,
        "endpoint": server.endpoint,
        "port": server.port,
        "keeps_data": server.keeps_data,
        "folder": str(server.folder),
        "keeper": os.getpid(),
    }
    (server.folder / "describing").write_text(json.dumps(description))


def _obey(server: Kind, owner: int) -> None:
    with socket.socket(socket.AF_UNIX) as control:
        control.bind(str(server.folder / "control"))
        control.listen()
        control.settimeout(_POLL_SECONDS)
        (server.folder / "describing").replace(server.folder / "server.json")  # now that commands are heard
        while _alive(owner):
            try:
                asked, _ = control.accept()
            except TimeoutError:
                continue
            with asked:
                asked.settimeout(None)
                command = asked.recv(100).decode()
                if command == "end":
                    server.end()
                    asked.sendall(b"done")
                    return
                asked.sendall(_carry_out(server, command).encode())


def _carry_out(server: Kind, command: str) -> str:
    try:
        if command == "down":
            server.down()
        elif command == "up":
            server.up()
        else:
            return f"unknown command {command!r}"
    except Exception:  # noqa: BLE001 - whatever it is, the one who asked is told
        return traceback.format_exc()
    return "done"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _end(signum: int, frame: object) -> NoReturn:
    raise SystemExit(0)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
