"""A process that writes to S3 and is killed: what it was told is stored is there, and the others go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.checkpoints import config_of, ids_of, put
from tests.remote.homes import RemoteHome
from tests.servers.server import Server

_ROUNDS = 3
_ACKNOWLEDGED = 12  # calls in a round, before the next one is interrupted

# Puts checkpoints, artifacts and writes without an end, telling of each once it is stored.
_WRITER = """
import json, os, sys
from langgraph_filesaver import FileSaver
from tests.checkpoints import config_of, put
url, options, first = json.loads(sys.argv[1])
saver, number = FileSaver(url, storage_options=options), first
while True:
    put(saver, f"{number:05}", {"n": number, "big": f"{number} " * 40_000}, parent=f"{number - 1:05}" if number else None)
    os.write(1, b"put %d\\n" % number)
    saver.put_writes(config_of("t", "", f"{number:05}"), [("n", number)], "task")
    os.write(1, b"writes %d\\n" % number)
    number += 1
"""


def test_nothing_acknowledged_is_lost_with_a_killed_writer(s3: Server) -> None:
    """Killed in the middle of a call, time and again: all it acknowledged is there, whole; nothing is unreadable; repeating works."""
    home = RemoteHome(s3)
    saver = home.saver()
    next_number = 0
    for _ in range(_ROUNDS):
        told = _written_until_killed(home, next_number)
        puts = [int(number) for verb, number in told if verb == "put"]
        ids = ids_of(saver, config_of())
        assert {f"{number:05}" for number in puts} <= set(ids)
        for verb, text in told:
            _assert_whole(saver, int(text), has_writes=verb == "writes")
        next_number = puts[-1] + 1
        # The call that was interrupted, made again, whether it took effect or not.
        repeated = {"n": next_number, "big": f"{next_number} " * 40_000}
        put(saver, f"{next_number:05}", repeated, parent=f"{next_number - 1:05}")
        saver.put_writes(config_of("t", "", f"{next_number:05}"), [("n", next_number)], "task")
        _assert_whole(saver, next_number, has_writes=True)
        assert ids_of(home.saver(), config_of(), limit=1) == [f"{next_number:05}"]
        next_number += 1
    assert len(list(saver.list(None))) == next_number


def _assert_whole(saver: Any, number: int, *, has_writes: bool) -> None:
    found = saver.get_tuple(config_of("t", "", f"{number:05}"))
    assert found is not None
    assert found.checkpoint["channel_values"] == {"n": number, "big": f"{number} " * 40_000}
    if has_writes:
        assert found.pending_writes == [("task", "n", number)]


def _written_until_killed(home: RemoteHome, first: int) -> list[tuple[str, str]]:
    """Return the calls that a process acknowledged before it was killed in the midst of another one."""
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, json.dumps([home.url, home.storage_options, first])],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        text=True,
    ) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(_ACKNOWLEDGED)]
        os.kill(writer.pid, signal.SIGKILL)
        lines += writer.stdout.readlines()
    told = [line.split() for line in lines if line.endswith("\n")]
    assert len(told) >= _ACKNOWLEDGED, "the writer ended by itself"
    return [(verb, number) for verb, number in told]


def test_a_checkpoint_without_its_artifacts_never_appears(s3: Server) -> None:
    """Of a put, the checkpoint is the last to be stored: the artifacts that it refers to are older than it, each of them."""
    home = RemoteHome(s3)
    put(home.saver(), "1", {f"{n}": f"{n} " * 60_000 for n in range(5)})
    times = {each.key: each.modified_at for each in home.store().tree("t")}
    (checkpoint_at,) = (at for key, at in times.items() if "/checkpoints/" in key)
    artifacts = [at for key, at in times.items() if "/artifacts/" in key]
    assert len(artifacts) == 5
    assert all(at <= checkpoint_at for at in artifacts)
