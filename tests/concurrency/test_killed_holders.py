"""Holders of leases that are killed, and others that are stopped and go on: who comes next, what is left, what counts."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from langgraph_filesaver import FileSaver
from langgraph_filesaver._layout import lease_lock_name, lock_name
from tests.checkpoints import config_of, id_of, ids_of, put
from tests.concurrency.holding import text_of
from tests.concurrency.processes import Worker, assert_every_file_parses, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc, and forks, kills and stops processes")

SHEEP = 3


class Told(NamedTuple):
    """A line of what was acknowledged."""

    instant: int
    pid: int
    what: str
    which: str


class Herd:
    """Processes that put to thread `t` under leases, and what they have told."""

    def __init__(self, root: Path, ttl_seconds: float = 30) -> None:
        self.root = root
        self.ttl_seconds = ttl_seconds
        self.saver = FileSaver(root, fsync=False, lock_timeout_seconds=120)
        self.alive: set[int] = set()
        self._starts = 0
        self._worker = Worker("holding", "herd", root).wait_until_ready()

    def start(self) -> int:
        self._worker.tell({"seed": self._starts, "ttl_seconds": self.ttl_seconds})
        self._starts += 1
        pid = int(self._worker.hear()["pid"])
        self.alive.add(pid)
        return pid

    def told(self) -> list[Told]:
        """Return all that was told, and fail where it was an error."""
        file = self.root.parent / "acknowledged"
        lines = [line.split(" ", 3) for line in file.read_text().splitlines()] if file.exists() else []
        found = [Told(int(instant), int(pid), what, which) for instant, pid, what, which in lines]
        assert not [each for each in found if each.what == "error"], found[-1].which
        return found

    def told_after(self, instant: int, pids: set[int]) -> list[Told]:
        """Return what any of these processes told after that."""
        return [each for each in self.told() if each.instant > instant and each.pid in pids]

    def stopped_holder(self, seconds: float) -> int:
        """Wait for a random moment, stop whoever has the lease then, and return who that is."""
        while True:
            time.sleep(seconds)  # it decides only which moment it is
            pid = self._holder()
            if pid is not None:
                os.kill(pid, signal.SIGSTOP)
                until(lambda: state_of(pid) in "TZX", "a process is stopped")  # noqa: B023 called at once
                if self._holder() == pid:
                    return pid
                os.kill(pid, signal.SIGCONT)

    def _holder(self) -> int | None:
        return next((info.pid for info in self.saver.locks() if info.pid in self.alive), None)

    def kill(self, pid: int) -> int:
        """Kill a process, wait until it is gone, and return when it was killed."""
        os.kill(pid, signal.SIGKILL)
        killed_at = time.monotonic_ns()
        self.alive.discard(pid)
        until(lambda: not Path(f"/proc/{pid}").exists(), "a killed process is gone")
        return killed_at

    def end(self) -> None:
        for pid in tuple(self.alive):
            self.kill(pid)
        self._worker.end()


@contextlib.contextmanager
def herd_in(root: Path, ttl_seconds: float = 30) -> Iterator[Herd]:
    herd = Herd(root, ttl_seconds)
    try:
        for _ in range(SHEEP):
            herd.start()
        until(herd.told, "the first acknowledgement")
        yield herd
    finally:
        for pid in herd.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        herd._worker.kill()


def state_of(pid: int) -> str:
    """Return how a process is: `T` is stopped, `X` gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def litter(root: Path, alive: set[int]) -> list[str]:
    """Return the temporary files that belong to no process that is alive."""
    staged = [name for name in os.listdir(root / ".tmp") if int(name.split(".")[2]) not in alive]
    beside = [path.name for path in (root / ".locks").glob("*.tmp") if int(path.name.split(".")[-3]) not in alive]
    return staged + beside


def assert_acknowledged(root: Path, told: list[Told], *, forks: bool) -> int:
    """Check that all that was acknowledged is on the way from the latest to the first, and nothing else but late forks."""
    saver = FileSaver(root, fsync=False)
    found = {id_of(each.config): each for each in saver.list(config_of())}
    chain = []
    latest = saver.get_tuple(config_of())
    while latest is not None:
        chain.append(latest.checkpoint["id"])
        assert latest.checkpoint["channel_values"]["text"] == text_of(chain[-1])
        latest = None if latest.parent_config is None else found[id_of(latest.parent_config)]
    assert {each.which for each in told if each.what == "put"} <= set(chain)
    for each in told:
        if each.what == "writes":
            assert found[each.which].pending_writes == [("task", "a", text_of(each.which))]
        elif each.what == "refused-put":
            assert each.which not in found
        elif each.what == "refused-writes":
            assert found[each.which].pending_writes == []
    assert forks or set(chain) == set(found)
    return len(chain)


def kill_holders(tmp_path: Path, rounds: int, seed: int) -> None:
    root, chance = tmp_path / "checkpoints", random.Random(seed)
    with herd_in(root) as herd:
        for number in range(rounds):
            pid = herd.stopped_holder(chance.random() * 0.03)
            killed_at = herd.kill(pid)
            others = set(herd.alive)
            until(lambda: herd.told_after(killed_at, others), f"seed {seed}, round {number}: the next one gets in")  # noqa: B023
            waited = min(each.instant for each in herd.told_after(killed_at, others)) - killed_at
            assert waited < 1_000_000_000, f"seed {seed}, round {number}: the next one came after {waited} ns"
            new = herd.start()
            until(lambda: herd.told_after(0, {new}), f"seed {seed}, round {number}: the new one gets in")  # noqa: B023
            assert litter(root, herd.alive) == [], f"seed {seed}, round {number}"
        herd.end()
        told = herd.told()
    assert assert_acknowledged(root, told, forks=False) > rounds
    saver = FileSaver(root, fsync=False, lock_timeout_seconds=1)
    with saver.thread_lock("t"):
        put(saver, "999999", {"text": text_of("999999")}, parent=told[-1].which)
    assert litter(root, set()) == []
    assert saver.locks() == []
    assert_every_file_parses(root)


def test_killed_holders(tmp_path: Path) -> None:
    """Holders are killed at random moments: the next one comes in a second, all that was acknowledged is there, no litter."""
    kill_holders(tmp_path, 20, seed=1)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_many_killed_holders(tmp_path: Path) -> None:
    """As above, 200 times."""
    kill_holders(tmp_path, 200, seed=2)


# --- stopped


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Worker]:
    """A process that has the lease of thread `t`, for 0.4 s at a time."""
    worker = Worker("holding", "one", tmp_path / "checkpoints").wait_until_ready()
    try:
        worker.tell({"ttl_seconds": 0.4})
        worker.hear()
        yield worker
    finally:
        worker.kill()


def is_free(path: Path) -> bool:
    """Tell whether nobody has a lock on a file."""
    try:
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except FileNotFoundError:
        return True
    return True


def stop_outside_locks(root: Path, pid: int) -> None:
    """Stop a process where it has no kernel's lock, which nobody could take from it (see the limits in ADR 0004)."""
    while True:
        os.kill(pid, signal.SIGSTOP)
        until(lambda: state_of(pid) == "T", "a process is stopped")
        if all(is_free(root / ".locks" / name) for name in (lease_lock_name("t"), lock_name("t"))):
            return
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.001)


def late_put(checkpoint_id: str, parent: str, **more: Any) -> dict[str, Any]:
    return {"do": "put", "id": checkpoint_id, "parent": parent, **more}


@pytest.mark.parametrize("meanwhile", ["leased", "given back", "outsider"])
def test_a_stopped_holder_is_refused(tmp_path: Path, one: Worker, meanwhile: str) -> None:
    """Stopped beyond its time to live, then continued: its late put and writes raise ConflictError and are not stored."""
    root = tmp_path / "checkpoints"
    saver = FileSaver(root, fsync=False, lock_timeout_seconds=60)
    one.tell({**late_put("1", ""), "parent": None})
    assert one.hear() == {"done": "1"}
    stop_outside_locks(root, one.process.pid)
    stopped_at = time.monotonic()
    with contextlib.ExitStack() as lease:
        if meanwhile != "outsider":
            lease.enter_context(saver.thread_lock("t"))
        put(saver, "2", {"count": 2}, parent="1")
        assert time.monotonic() - stopped_at < 1.4, "ttl_seconds and a second"
        if meanwhile == "given back":
            lease.close()
        os.kill(one.process.pid, signal.SIGCONT)
        for call in (late_put("9", "1"), {"do": "put_writes", "id": "1"}, {"do": "put_writes", "id": "2"}):
            one.tell(call)
            assert "was lost" in one.hear()["conflict"]
        assert ids_of(saver, config_of()) == ["2", "1"]
        one.tell({"do": "leave"})
        assert one.hear()["lost"]
    assert [each.pending_writes for each in saver.list(config_of())] == [[], []]
    assert saver.locks() == []
    one.tell({"ttl_seconds": 30})
    one.hear()
    one.tell(late_put("3", "2"))
    assert one.hear() == {"done": "3"}
    one.tell({"do": "leave"})
    one.hear()
    one.end()
    assert id_of(FileSaver(root).get_tuple(config_of()).config) == "3"  # type: ignore[union-attr]


def test_a_holder_stopped_in_its_put_makes_a_fork(tmp_path: Path, one: Worker) -> None:
    """Stopped between its last look and the name, then continued: ConflictError, and what landed is a fork, never the latest."""
    root = tmp_path / "checkpoints"
    saver = FileSaver(root, fsync=False, lock_timeout_seconds=60)
    one.tell({**late_put("1", ""), "parent": None})
    assert one.hear() == {"done": "1"}
    one.tell(late_put("9", "1", stops=True))
    until(lambda: state_of(one.process.pid) == "T", "it stops itself")
    with saver.thread_lock("t"):
        put(saver, "2", {"count": 2}, parent="1")
        os.kill(one.process.pid, signal.SIGCONT)
        assert "fork" in one.hear()["conflict"]
    for reader in (saver, FileSaver(root)):
        assert ids_of(reader, config_of()) == ["9", "2", "1"]
        assert id_of(reader.get_tuple(config_of()).config) == "2"  # type: ignore[union-attr]
    one.tell({"do": "leave"})
    assert one.hear()["lost"]
    one.end()
    assert_every_file_parses(root)


def stop_holders(tmp_path: Path, rounds: int, seed: int) -> None:
    root, chance = tmp_path / "checkpoints", random.Random(seed)
    with herd_in(root, ttl_seconds=0.3) as herd:
        for number in range(rounds):
            where = f"seed {seed}, round {number}"
            pid = herd.stopped_holder(chance.random() * 0.03)
            while not all(is_free(root / ".locks" / name) for name in (lease_lock_name("t"), lock_name("t"))):
                os.kill(pid, signal.SIGCONT)
                pid = herd.stopped_holder(chance.random() * 0.03)
            stopped_at = time.monotonic_ns()
            others = herd.alive - {pid}
            until(lambda: len(herd.told_after(stopped_at, others)) > 10, f"{where}: the others go on")  # noqa: B023
            continued_at = time.monotonic_ns()
            os.kill(pid, signal.SIGCONT)
            until(lambda: herd.told_after(continued_at, {pid}), f"{where}: the one that was stopped goes on")  # noqa: B023
        herd.end()
        told = herd.told()
    assert_acknowledged(root, told, forks=True)
    assert any(each.what.startswith("refused") for each in told), f"seed {seed}: nobody was ever refused"
    assert_every_file_parses(root)


def test_stopped_holders_under_load(tmp_path: Path) -> None:
    """Stopped at random moments and continued later: nothing that anybody was promised is lost, buried or a fork."""
    stop_holders(tmp_path, 8, seed=1)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_many_stopped_holders_under_load(tmp_path: Path) -> None:
    """As above, 80 times."""
    stop_holders(tmp_path, 80, seed=2)
