"""`lock="soft"`: everything works without the kernel's locks, as on NFS, and a killed holder is not waited for."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from langgraph_filesaver import FileSaver, LockTimeoutError, _lock_files
from langgraph_filesaver._lock_files import kind_for
from tests.checkpoints import config_of, ids_of, put
from tests.concurrency.graphs import CONFIG, chain_of, counting
from tests.concurrency.others import elsewhere


def soft(root: Path, **options: Any) -> FileSaver:
    """Return a saver with soft locks."""
    return FileSaver(root, lock="soft", fsync=False, **options)


def test_all_that_locks(tmp_path: Path) -> None:
    """Puts, replacing, artifacts, maintenance, garbage collection and leases work with soft locks alone."""
    saver = soft(tmp_path)
    put(saver, "1", {"text": "x" * 100_000})
    put(saver, "1", {"text": "y" * 100_000})
    saver.put_writes(config_of("t", "", "1"), [("a", 1)], "task")
    with saver.thread_lock("t"):
        put(saver, "2", parent="1")
        assert isinstance(elsewhere(lambda: put(soft(tmp_path, lock_timeout_seconds=0.1), "3")), LockTimeoutError)
    saver.copy_thread("t", "u")
    saver.prune(["t"])
    assert saver.collect_garbage(dry_run=False, grace_seconds=0).files > 0
    saver.delete_thread("u")
    assert ids_of(saver, None) == ["2"]
    assert saver.exclusive(counting(saver)).invoke({"count": 0}, {"configurable": {"thread_id": "v"}}) == {"count": 2}


def test_one_of_many_at_a_time(tmp_path: Path) -> None:
    """Runs of one thread by four savers at once, each exclusive, make one chain and lose nothing."""
    savers = [soft(tmp_path, lock_timeout_seconds=60) for _ in range(4)]

    def runs(saver: FileSaver) -> None:
        graph = saver.exclusive(counting(saver))
        for _ in range(3):
            graph.invoke({"count": 0}, CONFIG)

    results: list[Any] = []
    threads = [
        threading.Thread(target=lambda saver=saver: results.append(elsewhere(lambda: runs(saver)))) for saver in savers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert results == [None] * 4
    assert counting(savers[0]).get_state(CONFIG).values == {"count": 24}
    assert chain_of(savers[0])


KILLED = """
import os, signal, sys
from langgraph_filesaver._lock_files import acquired
lock = acquired(sys.argv[1], "soft", 10)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("name", ["t.lock", "t.lease.lock", "t.artifacts.lock.outer"])
def test_a_killed_holder_is_not_waited_for(tmp_path: Path, name: str) -> None:
    """A process that was killed with a soft lock left it behind; the next one sees that it is gone, and goes on."""
    saver = soft(tmp_path, lock_timeout_seconds=20)
    put(saver, "1", {"text": "x" * 100_000})
    path = tmp_path / ".locks" / name
    subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert list(path.with_name(f"{name}.filelock").rglob("held-*")), "the killed process has left nothing behind"
    put(saver, "2", {"text": "y" * 100_000}, parent="1")
    saver.delete_thread("t")
    assert ids_of(saver, None) == []


@pytest.mark.parametrize(
    ("file_system", "kind"),
    [
        ("nfs", "soft"),
        ("nfs4", "soft"),
        ("fuse.sshfs", "native"),
        ("9p", "soft"),
        ("cifs", "native"),
        ("ext4", "native"),
    ],
)
def test_what_a_file_system_gets(monkeypatch: pytest.MonkeyPatch, file_system: str, kind: str) -> None:
    """`lock="auto"` takes soft locks where the kernel's do not reach other machines; a wish goes before that."""
    monkeypatch.setattr(_lock_files, "file_system_of", lambda _: file_system)
    assert kind_for("/anywhere", "auto") == kind
    assert kind_for("/anywhere", "native") == "native"
    assert kind_for("/anywhere", "soft") == "soft"
