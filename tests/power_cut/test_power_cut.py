"""P1 and P2 on real file systems: the power fails at a random moment, and the disk is read as it was then."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint

from langgraph_filesaver import CorruptDataError, FileSaver
from tests.power_cut.images import FILE_SYSTEMS, FileSystem, make_image, missing_prerequisites, mounted, run, snapshot

MISSING = missing_prerequisites()
REPOSITORY = Path(__file__).parents[2]
Line = dict[str, Any]


@pytest.fixture
def scratch(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A btrfs of our own for the images; one test at a time, for two would halve each other's disk."""
    if MISSING:
        if os.environ.get("FILESAVER_REQUIRE_SYSTEM_PACKAGES"):
            pytest.fail(f"the power-cut tests must run here, but {MISSING}")
        pytest.skip(MISSING)
    with FileLock(tmp_path_factory.getbasetemp().parent / "power-cut.lock"):
        outer = tmp_path / "outer.img"
        make_image(outer, ("mkfs.btrfs", "-q", "-f"), 8192)
        with mounted(outer, tmp_path / "outer") as folder:
            yield folder


@dataclass(frozen=True)
class Cut:
    """A snapshot: the image, the lines that had been read before it began, and those that came later."""

    image: Path
    before: list[Line]
    after: list[Line]


@dataclass
class Findings:
    """What was wrong after power cuts: acknowledged and gone, unreadable, deleted and back again."""

    checked: int = 0
    lost: int = 0
    torn: int = 0
    resurrected: int = 0


@contextmanager
def writing(root: Path, seed: int, options: Sequence[str]) -> Iterator[list[Line]]:
    """Run the writer; the list grows with its lines."""
    command = [sys.executable, "-m", "tests.power_cut.writer", str(root), str(seed), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
    lines: list[Line] = []

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if line.endswith("\n"):
                lines.append(json.loads(line))  # noqa: PERF401 the list is watched while it grows

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield lines
    finally:
        process.kill()
        process.wait()
        reader.join()
        assert process.stdout is not None
        process.stdout.close()


def cut_power(scratch: Path, kind: FileSystem, *, cuts: int, seed: int, fsync: bool) -> list[Cut]:
    """Let the writer run on a new file system and take snapshots of the image at random moments."""
    image, course = scratch / "disk.img", random.Random(seed)
    make_image(image, kind.make, 512)
    options = ["no-fsync"] * (not fsync) + ["grow-only"] * kind.grow_only
    taken: list[tuple[Path, int]] = []
    with (
        mounted(image, scratch / "disk", kind.options) as disk,
        writing(disk / "checkpoints", seed, options) as lines,
    ):
        deadline = time.monotonic() + 30
        while len(lines) < 20 and time.monotonic() < deadline:
            time.sleep(0.01)  # until the writer has imported its modules
        assert len(lines) >= 20, "the writer did not begin"
        for number in range(cuts):
            time.sleep(course.uniform(0.02, 0.8))  # the moment of the cut
            known, copy = len(lines), scratch / f"cut-{number}.img"
            snapshot(image, copy)
            taken.append((copy, known))
    image.unlink()
    return [Cut(copy, lines[:known], lines[known:]) for copy, known in taken]


def examine(cut: Cut, kind: FileSystem, scratch: Path, findings: Findings) -> None:
    """Mount a snapshot and look for everything that was acknowledged before it."""
    if kind.repair:
        run(*kind.repair, str(cut.image))
    with mounted(cut.image, scratch / "after", kind.options) as disk:
        saver = FileSaver(disk / "checkpoints")
        for address, number in expected(cut).items():
            findings.checked += 1
            try:
                there = newest_number(saver, *address)
            except CorruptDataError:
                findings.torn += 1
                continue
            findings.lost += there < number
        for thread_id in deleted(cut):
            findings.resurrected += saver.get_tuple({"configurable": {"thread_id": thread_id}}) is not None
        try:
            for found in saver.list(None):
                assert found.checkpoint["channel_values"]["text"].startswith(
                    f"{found.checkpoint['channel_values']['number']} "
                )
        except CorruptDataError:
            findings.torn += 1
        config: RunnableConfig = {"configurable": {"thread_id": "after", "checkpoint_ns": ""}}
        assert saver.get_tuple(saver.put(config, empty_checkpoint(), {}, {})) is not None
        assert not list((disk / "checkpoints" / ".tmp").iterdir()), "temporary files of the last boot are swept"
    cut.image.unlink()


def expected(cut: Cut) -> dict[tuple[str, str, str], int]:
    """Return what must be there: (thread, checkpoint, task or "") to the least number."""
    must: dict[tuple[str, str, str], int] = {}
    for line in cut.before:
        if line["kind"] in {"put", "writes"}:
            must[line["thread"], line["checkpoint"], line.get("task", "")] = line["number"]
        else:
            must = {address: number for address, number in must.items() if address[0] != line["thread"]}
    unsure = {line["thread"] for line in cut.after if line["kind"] == "deleting"}
    return {address: number for address, number in must.items() if address[0] not in unsure}


def deleted(cut: Cut) -> set[str]:
    """Return the threads that must not be there."""
    gone: set[str] = set()
    for line in cut.before:
        gone = gone | {line["thread"]} if line["kind"] == "deleted" else gone - {line["thread"]}
    return gone - {line["thread"] for line in cut.after}


def newest_number(saver: FileSaver, thread_id: str, checkpoint_id: str, task_id: str) -> int:
    """Return the number that a checkpoint or a task's write holds, or -1 where it is missing."""
    found = saver.get_tuple({"configurable": {"thread_id": thread_id, "checkpoint_id": checkpoint_id}})
    if found is None:
        return -1
    if not task_id:
        return int(found.checkpoint["channel_values"]["number"])
    values = [value for task, _, value in found.pending_writes or () if task == task_id]
    return int(values[0].split(" ", 1)[0]) if values else -1


def findings_of(scratch: Path, name: str, *, cuts: int, seed: int, fsync: bool) -> Findings:
    """Run one writer and examine all its power cuts."""
    kind, findings = FILE_SYSTEMS[name], Findings()
    for cut in cut_power(scratch, kind, cuts=cuts, seed=seed, fsync=fsync):
        examine(cut, kind, scratch, findings)
    return findings


@pytest.mark.parametrize("name", FILE_SYSTEMS)
def test_nothing_acknowledged_is_lost_by_a_power_cut(scratch: Path, name: str) -> None:
    """What was put or deleted before the power failed is so afterwards, and no file is torn ([F4])."""
    findings = findings_of(scratch, name, cuts=8, seed=len(name), fsync=True)
    assert findings.checked > 100
    assert (findings.lost, findings.torn, findings.resurrected) == (0, 0, 0)


def test_the_harness_finds_what_is_lost_without_fsync(scratch: Path) -> None:
    """The control: with fsync=False a power cut loses acknowledged checkpoints, and these tests would see it."""
    findings = findings_of(scratch, "ext4", cuts=4, seed=1, fsync=False)
    assert findings.lost + findings.torn > 0


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("name", FILE_SYSTEMS)
def test_nothing_is_lost_in_many_power_cuts(scratch: Path, name: str, seed: int) -> None:
    """The same over hundreds of cuts."""
    findings = findings_of(scratch, name, cuts=20, seed=100 + seed, fsync=True)
    assert (findings.lost, findings.torn, findings.resurrected) == (0, 0, 0)
