"""Processes that store, remove and collect artifacts of one thread at once: nothing that is referred to is ever missing."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from langgraph_filesaver import FileSaver
from tests.artifacts.folder import artifacts_of, assert_nothing_missing, staged
from tests.artifacts.racer import OPTIONS, Writer
from tests.checkpoints import config_of, ids_of, put
from tests.stores import Home

REPOSITORY = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the processes are told to end by select on a pipe")


class Racer:
    """A process of `tests.artifacts.racer`, ready to begin."""

    def __init__(self, role: str, root: Path, number: int = 0, count: int = 0) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.artifacts.racer", role, str(root), str(number), str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def begin(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def result(self) -> Any:
        """Wait for its end and return what it tells; one that runs until told ends now."""
        told, failed = self._process.communicate(timeout=1_500)
        assert self._process.returncode == 0, failed
        return json.loads(told)

    def wait(self) -> Any:
        """Wait for one that ends by itself."""
        self._process.wait(timeout=1_500)
        return self.result()


def race(lasting: list[Racer], ending: list[Racer]) -> tuple[list[Any], list[Any]]:
    """Let all begin at once; when those have ended that end by themselves, end the others."""
    for racer in (*lasting, *ending):
        racer.begin()
    done = [racer.wait() for racer in ending]
    return [racer.result() for racer in lasting], done


def writers_against_a_collector(root: Path, writers: int, puts: int) -> None:
    home = Home("local", root)
    put(home.saver(), "c1", {"text": "kept " * 20_000})
    ((collected,), done) = race(
        [Racer("collect", root)], [Racer("write", root, number, puts // writers) for number in range(writers)]
    )
    assert sum(each["put"] for each in done) == puts
    assert collected["told"] > puts // 5
    assert collected["calls"] > 5
    assert_nothing_missing(home)
    assert len(list(home.saver().list(config_of("t", None)))) >= writers + 1
    assert staged(home) == []
    home.saver().prune(["t"])
    home.saver().collect_garbage("t", dry_run=False, grace_seconds=0)
    assert_nothing_missing(home)
    assert len(list(home.saver().list(config_of("t", None)))) == writers + 1


def test_writers_against_a_collector(tmp_path: Path) -> None:
    """Three processes put shared and new content, prune, and read it back, while a fourth collects without grace."""
    writers_against_a_collector(tmp_path / "checkpoints", 3, 450)


def test_threads_of_one_process(home: Home) -> None:
    """Three threads with one saver and its memory, one with another, put, prune and read back while a fifth one collects."""
    shared, failures, over = home.saver(**OPTIONS), [], threading.Event()
    writers = [Writer(shared if number else home.saver(**OPTIONS), number) for number in range(4)]

    def write(writer: Writer) -> None:
        try:
            for step in range(40):
                writer.step(step)
        except BaseException as error:
            failures.append(error)
            raise

    def collect() -> None:
        while not over.is_set():
            shared.collect_garbage("t", dry_run=False, grace_seconds=0)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in writers]
    collector = threading.Thread(target=collect)
    for thread in (*threads, collector):
        thread.start()
    for thread in threads:
        thread.join()
    over.set()
    collector.join()
    assert failures == []
    assert_nothing_missing(home)
    assert {found.config["configurable"]["checkpoint_ns"] for found in home.saver().list(config_of("t", None))} == {
        f"w{number}" for number in range(4)
    }


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_writers_against_a_collector_at_length(tmp_path: Path) -> None:
    """As above, with ten thousand puts."""
    writers_against_a_collector(tmp_path / "checkpoints", 4, 10_000)


def test_the_same_artifact_at_once(tmp_path: Path) -> None:
    """Two processes store the same artifacts at the same time: no error, one file of each, and no litter."""
    root = tmp_path / "checkpoints"
    home = Home("local", root)
    race([], [Racer("same", root, number, 6) for number in range(2)])
    assert_nothing_missing(home)
    assert staged(home) == []
    names = artifacts_of(home)
    assert sum(name.endswith(".npy") for name in names) == 6
    assert sum(name.endswith(".bin") for name in names) == 12
    assert sum(name.endswith(".txt") for name in names) == 6
    assert len(ids_of(home.saver(), config_of())) == 12
    assert home.saver().collect_garbage("t", grace_seconds=0).files == 0


def test_a_thread_deleted_while_it_is_written(tmp_path: Path) -> None:
    """One process deletes the thread again and again: what two others put meanwhile is there as a whole or not at all."""
    root = tmp_path / "checkpoints"
    home = Home("local", root)
    ((deleted,), done) = race([Racer("delete", root)], [Racer("put", root, number, 150) for number in range(2)])
    assert deleted["calls"] > 10
    assert sum(each["put"] for each in done) == 300
    assert_nothing_missing(home)
    saver = FileSaver(root)
    assert len(list(saver.list(config_of()))) == len(ids_of(home.saver(), config_of()))
    assert staged(home) == []
