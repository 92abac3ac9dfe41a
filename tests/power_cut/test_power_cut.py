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
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from langgraph_filesaver import CorruptDataError, FileSaver
from tests.checkpoints import put
from tests.power_cut.images import FILE_SYSTEMS, FileSystem, after_power_cut, make_image, mounted, snapshot
from tests.power_cut.ledger import Findings, Ledger

_REPOSITORY = Path(__file__).parents[2]

Line = dict[str, Any]


class Cut(NamedTuple):
    """A snapshot, taken somewhere between two times."""

    image: Path
    begun: float
    ended: float


@contextmanager
def writing(lines: list[Line], root: Path, name: str, seed: int, options: Sequence[str]) -> Iterator[None]:
    """Run a writer; the list grows with its lines."""
    command = [sys.executable, "-m", "tests.power_cut.writer", str(root), name, str(seed), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_REPOSITORY)

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if line.endswith("\n"):
                lines.append(json.loads(line))  # noqa: PERF401 the list is watched while it grows

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield
    finally:
        process.kill()
        process.wait()
        reader.join()
        assert process.stdout is not None
        process.stdout.close()


def cut_power(
    scratch: Path, kind: FileSystem, *, cuts: int, seed: int, options: Sequence[str]
) -> tuple[list[Cut], list[Line]]:
    """Let two writers, one pausing, run on a new file system; take snapshots of the image at random moments."""
    image, course = scratch / "disk.img", random.Random(seed)
    make_image(image, kind.make, 512)
    options = [*options, *["grow-only"] * kind.grow_only]
    taken: list[Cut] = []
    lines: list[Line] = []
    with mounted(image, scratch / "disk", kind.options) as disk, ExitStack() as writers:
        writers.enter_context(writing(lines, disk / "checkpoints", "steady", 2 * seed, options))
        writers.enter_context(writing(lines, disk / "checkpoints", "pausing", 2 * seed + 1, [*options, "pausing"]))
        deadline = time.monotonic() + 60
        while len({line["thread"].split("-")[0] for line in lines}) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)  # until both have imported their modules
        for number in range(cuts):
            time.sleep(course.uniform(0.02, 0.8))  # the moment of the cut
            copy, begun = scratch / f"cut-{number}.img", time.monotonic()
            snapshot(image, copy)
            taken.append(Cut(copy, begun, time.monotonic()))
    image.unlink()
    return taken, lines


def examine(cut: Cut, ledger: Ledger, kind: FileSystem, scratch: Path) -> Findings:
    """Start the machine again, so to say, and look for everything that was acknowledged before its end."""
    with after_power_cut(cut.image, scratch / "after", kind) as disk:
        root = disk / "checkpoints"
        if not root.exists():
            return Findings(checked=len(ledger.must), lost=len(ledger.must))
        try:
            saver = FileSaver(root)
            findings = ledger.check(saver)
            findings.torn += sum(not is_whole(path) for path in root.rglob("*.json"))
        except CorruptDataError:  # the marker
            return Findings(torn=1)
        if not findings.torn:
            assert len(list(saver.list(None))) >= len({address[:2] for address in ledger.must}) - findings.lost
        put(saver, "c0", {"n": 0}, thread_id="after")
        assert len(list(saver.list({"configurable": {"thread_id": "after"}}))) == 1
        assert os.listdir(root / ".tmp") == [], "what the dead writers left there is swept"
    return findings


def is_whole(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True


def findings_of(scratch: Path, name: str, *, cuts: int, seed: int, options: Sequence[str] = ()) -> Findings:
    """Cut the power of one machine several times and add up what was found."""
    kind, findings = FILE_SYSTEMS[name], Findings()
    taken, lines = cut_power(scratch, kind, cuts=cuts, seed=seed, options=options)
    for cut in taken:
        findings.add(examine(cut, Ledger.at(lines, cut.begun, cut.ended), kind, scratch))
    return findings


@pytest.mark.parametrize("name", FILE_SYSTEMS)
def test_nothing_acknowledged_is_lost_by_a_power_cut(scratch: Path, name: str) -> None:
    """What was put or removed before the power failed is so afterwards, and no file is torn ([F4])."""
    findings = findings_of(scratch, name, cuts=8, seed=len(name))
    assert findings.checked > 200
    assert findings.wrong == (0, 0, 0)


def test_the_harness_finds_what_is_lost_without_fsync(scratch: Path) -> None:
    """The control: with fsync=False a power cut loses acknowledged checkpoints, and these tests would see it."""
    findings = findings_of(scratch, "ext4", cuts=4, seed=1, options=["flush=none"])
    assert findings.lost > 0


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("name", FILE_SYSTEMS)
def test_nothing_is_lost_in_many_power_cuts(scratch: Path, name: str, seed: int) -> None:
    """The same over hundreds of cuts."""
    assert findings_of(scratch, name, cuts=20, seed=100 + seed).wrong == (0, 0, 0)
