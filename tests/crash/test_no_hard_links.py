"""A file system without hard links: all calls work there, and a key still has one winner."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from langgraph_filesaver import FileSaver
from langgraph_filesaver._layout import LOCKS_FOLDER
from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store import LocalStore
from tests.checkpoints import config_of, ids_of
from tests.crash.filled import LARGE, WRITING, failing, filled, staged


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Where the file system has no hard links, all calls work, beginning with the first in a new folder."""
    monkeypatch.setattr(os, "link", failing(number))
    root = tmp_path / "checkpoints"
    saver = filled(root)
    for act in WRITING:
        act(saver)
    saver.copy_thread("t", "u")
    found = FileSaver(root).get_tuple(config_of("u"))
    assert found is not None
    assert found.checkpoint["channel_values"] == LARGE
    saver.prune(["t"])
    assert ids_of(FileSaver(root), config_of("t")) == ["c2"]
    saver.delete_thread("t")
    assert {each.config["configurable"]["thread_id"] for each in FileSaver(root).list(None)} == {"u"}
    assert staged(root) == []
    assert LOCKS_FOLDER in os.listdir(root)


def test_one_winner_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without hard links, too, one of many that create the same key wins, and its bytes are what is there."""
    monkeypatch.setattr(os, "link", failing(errno.EPERM))
    rounds, runners = 30, 4
    barrier = threading.Barrier(runners)
    won: list[tuple[int, int]] = []

    def run(runner: int) -> None:
        store = LocalStore(str(tmp_path / "store"), marker=MARKER, fsync=False)
        for key in range(rounds):
            barrier.wait(60)
            if store.create(f"a/{key}", f"runner {runner}".encode()):
                won.append((key, runner))

    threads = [threading.Thread(target=run, args=(runner,)) for runner in range(runners)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = LocalStore(str(tmp_path / "store"), marker=MARKER, fsync=False)
    assert sorted(key for key, _ in won) == list(range(rounds))
    for key, runner in won:
        assert store.read(f"a/{key}") == f"runner {runner}".encode()


def test_one_winner_without_hard_links_at_the_worst_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes between another's look whether the name is free and its taking has to wait, and loses."""
    monkeypatch.setattr(os, "link", failing(errno.EPERM))
    first, second = (LocalStore(str(tmp_path / "store"), marker=MARKER, fsync=False) for _ in range(2))
    first.create("a/other", b"so that the folders are there")
    look, answers = os.path.lexists, []
    rival = threading.Thread(target=lambda: answers.append(second.create("a/k", b"second")))

    def slow_look(path: str) -> bool:
        found = look(path)
        if path.endswith("a/k") and rival.ident is None:
            rival.start()
            rival.join(0.3)  # time enough to win, were there no lock
        return found

    monkeypatch.setattr(os.path, "lexists", slow_look)
    assert first.create("a/k", b"first")
    rival.join(60)
    assert answers == [False]
    assert first.read("a/k") == b"first"


def test_one_winner_among_processes_without_hard_links(tmp_path: Path) -> None:
    """The same among processes, which share no lock but the kernel's."""
    root = tmp_path / "store"
    program = """
import errno, os, sys
def fail(*_, **__):
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))
os.link = fail
from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store import LocalStore
store = LocalStore(sys.argv[1], marker=MARKER, fsync=False)
print("ready", flush=True)
for line in sys.stdin:
    print(int(store.create("a/" + line.strip(), sys.argv[2].encode())), flush=True)
"""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(root), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    try:
        answers = [process.stdout or pytest.fail("no pipe") for process in processes]
        assert [answer.readline() for answer in answers] == ["ready\n"] * 3
        winners = []
        for key in range(100):
            for process in processes:
                stdin = process.stdin or pytest.fail("no pipe")
                stdin.write(f"{key}\n")
                stdin.flush()
            told = [answer.readline() for answer in answers]
            assert sorted(told) == ["0\n", "0\n", "1\n"]
            winners.append(told.index("1\n"))
    finally:
        for process in processes:
            process.communicate(timeout=60)
    store = LocalStore(str(root), marker=MARKER, fsync=False)
    assert [store.read(f"a/{key}") for key in range(100)] == [str(winner).encode() for winner in winners]
