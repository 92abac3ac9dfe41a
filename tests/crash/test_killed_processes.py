"""Real processes, killed by SIGKILL: others see what was acknowledged, and what the dead have published."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from langgraph_filesaver import FileSaver
from langgraph_filesaver._layout import checkpoint_key, checkpoints_folder, namespace_name, thread_folder
from langgraph_filesaver._store import durability
from langgraph_filesaver._store.listings import Listings
from tests.checkpoints import config_of, id_of, ids_of
from tests.crash.mortals import REPOSITORY, Mortals

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes to be killed are forked")


def staged(root: Path) -> list[str]:
    return os.listdir(root / ".tmp")


def file_of(root: Path, checkpoint_id: str, thread_id: str = "t") -> Path:
    return root / checkpoint_key(thread_id, "", checkpoint_id)


def warm(saver: FileSaver, root: Path) -> None:
    """Read the latest until its folder's listing is kept, which begins some ticks after the last change."""
    folder = f"{root}/{checkpoints_folder(thread_folder('t'), namespace_name(''))}"
    listings: Listings = vars(saver._repository.store)["_listings"]
    if not listings._trusts(str(root), root.stat().st_dev):
        pytest.skip(f"no listing is ever kept on the file system of {root}")
    saver.get_tuple(config_of())
    while folder not in listings._kept or listings.names(folder) is not listings.names(folder):
        saver.get_tuple(config_of())


@pytest.fixture(params=["none", "one", "two"])
def flush(request: pytest.FixtureRequest) -> str:
    if request.param == "one" and durability._sync_file_range is None:
        pytest.skip("the one flush is for Linux")
    return str(request.param)


def test_a_warm_reader_sees_what_the_killed_one_published(tmp_path: Path, mortals: Mortals, flush: str) -> None:
    """At whatever call a put dies, `latest` is its checkpoint once that has its name, and the acknowledged one before."""
    root = tmp_path / "checkpoints"
    reader = FileSaver(root)
    seen, acknowledged = set(), []
    for die_at in range(1, 60):
        safe, doomed = f"{die_at:04}-a", f"{die_at:04}-b"
        assert mortals.put(root, safe, flush=flush) == 0
        acknowledged.append(safe)
        assert staged(root) == [], "the first write of a new process removes what the killed one left"
        warm(reader, root)
        ended = mortals.put(root, doomed, flush=flush, die_at=die_at)
        published = file_of(root, doomed).exists()
        latest = reader.get_tuple(config_of())
        assert id_of(latest and latest.config) == (doomed if published else safe)
        assert latest is not None
        assert latest.checkpoint["channel_values"] == {"text": "first"}
        if ended == 0:
            assert published
            break
        assert ended == -signal.SIGKILL
        seen.add(published)
    assert seen == {True, False}
    assert set(acknowledged) <= set(ids_of(FileSaver(root), None))


def test_death_in_a_new_folder(tmp_path: Path, mortals: Mortals, flush: str) -> None:
    """At whatever call the first put of all dies, the folder opens, shows its checkpoint or nothing, and takes the next."""
    for die_at in range(1, 90):
        root = tmp_path / str(die_at)
        reader = FileSaver(root)
        assert reader.get_tuple(config_of()) is None
        ended = mortals.put(root, "c1", flush=flush, die_at=die_at)
        published = file_of(root, "c1").exists()
        for saver in (reader, FileSaver(root)):
            latest = saver.get_tuple(config_of())
            assert id_of(latest and latest.config) == ("c1" if published else None)
        assert mortals.put(root, "c2", flush=flush) == 0
        assert staged(root) == []
        assert id_of((reader.get_tuple(config_of()) or pytest.fail("nothing")).config) == "c2"
        assert json.loads((root / "filesaver.json").read_bytes())["format"] == 1
        if ended == 0:
            assert published
            break
        assert ended == -signal.SIGKILL
    else:
        raise AssertionError("a put comes to no end")


def test_death_while_a_checkpoint_is_replaced(tmp_path: Path, mortals: Mortals, flush: str) -> None:
    """At whatever call the replacing of a checkpoint dies, a reader sees the old one or the new one, whole."""
    root = tmp_path / "checkpoints"
    assert mortals.put(root, "c1", text="0") == 0
    reader, seen = FileSaver(root), set()
    text = "0"
    for die_at in range(1, 90):
        ended = mortals.put(root, "c1", flush=flush, die_at=die_at, text=str(die_at))
        latest = reader.get_tuple(config_of())
        assert latest is not None
        shown = latest.checkpoint["channel_values"]["text"]
        assert shown in {text, str(die_at)}
        seen.add((ended, shown == str(die_at)))
        text = shown
        if ended == 0:
            assert staged(root) == []
            break
        assert ended == -signal.SIGKILL
    assert seen == {(-signal.SIGKILL, False), (-signal.SIGKILL, True), (0, True)}


@dataclass
class Expected:
    """What the acknowledgements of one thread say: which numbers may be seen under an id, and whether one must be."""

    numbers: dict[str, set[int]] = field(default_factory=dict)
    certain: set[str] = field(default_factory=set)
    writes: dict[str, dict[str, int]] = field(default_factory=dict)
    begun: set[tuple[str, str]] = field(default_factory=set)

    def hear(self, told: dict[str, Any]) -> None:
        did, checkpoint_id, number = told["did"], told.get("checkpoint", ""), told.get("number", 0)
        if did == "putting":
            self.numbers.setdefault(checkpoint_id, set()).add(number)
        elif did == "put":
            self.numbers[checkpoint_id] = {number}
            self.certain.add(checkpoint_id)
        elif did == "writing":
            self.begun.add((checkpoint_id, told["task"]))
        elif did == "wrote":
            self.writes.setdefault(checkpoint_id, {})[told["task"]] = number
        elif did == "pruning":
            self.certain = {max(self.certain)}
        elif did == "pruned":
            self.numbers = {max(self.numbers): self.numbers[max(self.numbers)]}
        elif did == "deleting":
            self.certain = set()
        else:
            assert did == "deleted"
            self.numbers = {}
            self.writes = {}

    def check(self, saver: FileSaver, thread_id: str) -> None:
        found = list(saver.list(config_of(thread_id, None)))
        ids = [id_of(each.config) for each in found]
        assert self.certain <= set(ids) <= set(self.numbers)
        for each, checkpoint_id in zip(found, ids, strict=True):
            assert checkpoint_id is not None
            assert each.checkpoint["channel_values"]["number"] in self.numbers[checkpoint_id]
            if checkpoint_id == max(self.numbers):
                parent = id_of(each.parent_config)
                assert parent is None or parent in ids or not self.certain
            shown = {task_id: value for task_id, _, value in each.pending_writes or []}
            acknowledged = self.writes.get(checkpoint_id, {})
            assert shown.items() >= acknowledged.items()
            assert all((checkpoint_id, task_id) in self.begun for task_id in shown)


def one_round(root: Path, mortals: list[Mortals], seed: int) -> int:
    """Let workers write, kill them, and check what is left; return how many acknowledgements there were."""
    chance = random.Random(seed)
    expected: dict[str, Expected] = {}
    for number, each in enumerate(mortals):
        each.order(do="work", root=str(root), fsync=seed % 2 == 0, seed=seed * 10 + number, name=f"worker-{number}")
    heard = 0
    for each in mortals:  # a pipe holds what the others tell meanwhile, and then they wait
        last = chance.randrange(1, 60)
        pid = 0
        for told in each.lines():
            if "pid" in told:
                pid = told["pid"]
            elif "ended" in told:
                assert told["ended"] == -signal.SIGKILL
            else:
                heard += 1
                expected.setdefault(told["thread"], Expected()).hear(told)
                last -= 1
                if last == 0:
                    for _ in range(chance.randrange(3000)):  # somewhere in the call that follows
                        pass
                    os.kill(pid, signal.SIGKILL)
    saver = FileSaver(root)
    for thread_id, each_expected in expected.items():
        each_expected.check(saver, thread_id)
    assert {found.config["configurable"]["thread_id"] for found in saver.list(None)} <= set(expected)
    for path in root.rglob("*.json"):
        if ".tmp" not in path.parts:
            json.loads(path.read_bytes())
    assert mortals[0].put(root, "next") == 0
    assert staged(root) == []
    for thread_id, each_expected in expected.items():  # sweeping has not removed what is not litter
        each_expected.check(FileSaver(root), thread_id)
    return heard


@pytest.fixture(scope="module")
def two_mortals(mortals: Mortals) -> Iterator[list[Mortals]]:
    other = Mortals()
    yield [mortals, other]
    other.close()


def test_killed_at_random(tmp_path: Path, two_mortals: list[Mortals]) -> None:
    """Two processes at work, killed at random: nothing acknowledged is missing, nothing is torn, no litter stays."""
    heard = sum(one_round(tmp_path / str(seed), two_mortals, seed) for seed in range(20))
    assert heard > 500


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_killed_at_random_at_length(tmp_path: Path, two_mortals: list[Mortals]) -> None:
    """As above, ten times as often."""
    heard = sum(one_round(tmp_path / str(seed), two_mortals, seed) for seed in range(1000, 1200))
    assert heard > 5000


class Graph:
    """The graph of five nodes, run in processes."""

    def __init__(self, folder: Path, durability: str) -> None:
        folder.mkdir()
        self.root, self.log, self.durability = folder / "checkpoints", folder / "log", durability

    def start(self, *options: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.crash.five_nodes", str(self.root), str(self.log), self.durability, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
        )

    def run(self) -> Any:
        """Begin or resume the thread in a process of its own, and return the result."""
        process = self.start()
        told, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        return json.loads(told)

    def nodes_run(self) -> list[str]:
        return self.log.read_text(encoding="utf-8").split()


@pytest.mark.parametrize("durability", ["sync", "async"])
def test_a_graph_killed_in_its_third_node(tmp_path: Path, durability: str) -> None:
    """Resumed in a new process, a killed graph runs no finished node again and ends as if nothing had happened.

    With durability "async" a checkpoint is written while the next node runs: there the graph is killed once the second
    node's is to be seen.
    """
    graph = Graph(tmp_path / "killed", durability)
    process = graph.start("wait")
    with contextlib.closing(process.stdout or pytest.fail("no pipe")) as told:
        assert told.readline() == "waiting\n"
        reader = FileSaver(graph.root)
        while durability == "async":
            latest = reader.get_tuple(config_of())
            if latest is not None and latest.metadata["step"] == 2:
                break
        process.kill()
    (process.stdin or pytest.fail("no pipe")).close()
    assert process.wait(60) == -signal.SIGKILL

    result = graph.run()
    undisturbed = Graph(tmp_path / "undisturbed", durability)
    assert result == undisturbed.run()
    assert undisturbed.nodes_run() == ["one", "two", "three", "four", "five"]
    assert graph.nodes_run() == ["one", "two", "three", "three", "four", "five"]
    assert staged(graph.root) == []
