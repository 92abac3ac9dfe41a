"""A call with artifacts that dies at any moment, or meets a full disk, leaves the old state or the new one, and no litter."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
from langchain_core.messages import HumanMessage

from langgraph_filesaver import Artifact, FileSaver, StorageError
from tests.artifacts.folder import artifacts_of, assert_nothing_missing, staged
from tests.checkpoints import config_of, put
from tests.crash.faulty_store import FaultyStore, KilledError
from tests.crash.shown import State, assert_added, everything
from tests.crash.test_disk_errors import SmallDisk
from tests.stores import LONG_KINDS, Home

OPTIONS: dict[str, Any] = {"artifact_threshold_bytes": 900}
MESSAGES = [HumanMessage(random.Random(number).randbytes(50).hex(), id=f"m{number}") for number in range(120)]
TEXT = "what was known " * 100


def values() -> dict[str, Any]:
    """Return a state made anew: an artifact that was stored once remembers where."""
    deep = {"text": TEXT[1:], **{str(number): "x" * 40 for number in range(40)}}
    return {
        "messages": MESSAGES[:100],
        "text": TEXT,
        "deep": {"a": deep, "image": b"\x89PNG" * 400},
        "file": Artifact.from_bytes(b"content of a file", name="a.pdf"),
    }


def later() -> dict[str, Any]:
    """Return the state of the next step: some of it as before."""
    return {**values(), "messages": MESSAGES, "text": TEXT[2:], "old": [{"t": TEXT[3:]}, TEXT]}


def prepare(saver: FileSaver) -> None:
    """Leave a thread with something that is referred to and something that is not."""
    put(saver, "c0", {"text": TEXT[4:], "messages": MESSAGES[50:]})
    put(saver, "c1", {"text": TEXT, "messages": MESSAGES[:60]}, step=1)
    saver.put_writes(config_of("t", "", "c1"), [("text", TEXT[5:])], "task-0")
    saver.prune(["t"])


def open_and_put(saver: FileSaver) -> None:
    with saver.open_artifact(config_of(), "b.bin") as file:
        file.write(b"streamed " * 100)
        file.write(b"more")
    put(saver, "c2", {"file": file.artifact, "text": TEXT}, parent="c1", step=2)


ADDING: dict[str, Callable[[FileSaver], object]] = {
    "put": lambda saver: put(saver, "c2", later(), parent="c1", step=2),
    "put of an id again": lambda saver: put(saver, "c1", later(), step=1),
    "put_writes": lambda saver: saver.put_writes(config_of("t", "", "c1"), list(later().items()), "task"),
    "put into a new thread": lambda saver: put(saver, "c1", later(), thread_id="u"),
    "copy_thread": lambda saver: saver.copy_thread("t", "u"),
    "open_artifact and put": open_and_put,
}
QUIET: dict[str, Callable[[FileSaver], object]] = {
    "collect_garbage": lambda saver: saver.collect_garbage(dry_run=False, grace_seconds=0),
    "collect_garbage of a thread": lambda saver: saver.collect_garbage("t", dry_run=False, grace_seconds=0),
}


class MortalStore(FaultyStore):
    """A faulty store that leaves no file open when it dies, for which Python would warn."""

    def open(self, key: str) -> BinaryIO | None:
        self._operate(lambda: None)
        return self._store.open(key)


def crashes(
    kind: str, folder: Path, act: Callable[[FileSaver], object], *, warm: bool
) -> Iterator[tuple[Home, State, State]]:
    """Let the call die at each of its operations; yield (place, state before, state undisturbed), then repeat the call.

    Args:
        kind: Of the place.
        folder: For the places.
        act: The call.
        warm: The saver that dies has put and read before, and remembers it.
    """

    def new_home(name: str) -> Home:
        home = Home(kind, folder / name)
        prepare(home.saver(**OPTIONS))
        return home

    home = new_home("undisturbed")
    before = everything(home)
    act(home.saver(**OPTIONS))
    final = everything(home)
    for landed in (False, True):
        for at in range(1, 300):
            home = new_home(f"{at}-{landed}")
            faulty = MortalStore(home.store(), 10**9, landed=landed)
            saver = FileSaver(faulty, **OPTIONS)
            if warm:
                found = saver.get_tuple(config_of())
                assert found is not None
                put(saver, "c1", found.checkpoint["channel_values"], step=1)
            faulty._at = faulty.operations + at
            try:
                act(saver)
            except KilledError:
                yield home, before, final
                act(home.saver(**OPTIONS))
                assert everything(home) == final, f"repeated after a death at operation {at}, landed: {landed}"
                assert_whole(home)
            else:
                assert at > 2
                assert everything(home) == final
                break
        else:
            raise AssertionError("the call comes to no end")


def assert_whole(home: Home) -> None:
    for thread in ("t", "u"):
        assert_nothing_missing(home, thread)


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("kind", LONG_KINDS)
@pytest.mark.parametrize("name", ADDING)
def test_a_call_that_adds(kind: str, name: str, warm: bool, tmp_path: Path) -> None:
    """[O5] What a reader finds is whole: each checkpoint as it was or as it was to be, and every artifact that it needs."""
    deaths = 0
    for home, before, final in crashes(kind, tmp_path, ADDING[name], warm=warm):
        deaths += 1
        assert_whole(home)
        assert_added(before, everything(home), final)
    assert deaths > 10


@pytest.mark.parametrize("kind", LONG_KINDS)
@pytest.mark.parametrize("name", QUIET)
def test_a_collection(kind: str, name: str, tmp_path: Path) -> None:
    """However far a collection came, nothing that can be read has changed, and the next one removes the rest."""
    deaths = 0
    for home, before, final in crashes(kind, tmp_path, QUIET[name], warm=False):
        deaths += 1
        assert everything(home) == before == final
        assert_whole(home)
    assert deaths > 10


def test_a_saver_goes_on_after_a_death_of_another(tmp_path: Path) -> None:
    """A collector dies at each of its operations; a saver that remembers what it stored puts that again, and nothing is missing."""
    for landed in (False, True):
        for at in range(1, 300):
            home = Home("local", tmp_path / f"{at}-{landed}")
            saver = home.saver(**OPTIONS)
            put(saver, "c0", values())
            put(saver, "c1", {"text": TEXT}, parent="c0", step=1)
            saver.prune(["t"])
            faulty = MortalStore(home.store(), at, landed=landed)
            with contextlib.suppress(KilledError):
                FileSaver(faulty).collect_garbage("t", dry_run=False, grace_seconds=0)
            put(saver, "c2", values(), parent="c1", step=2)
            saver.put_writes(config_of("t", "", "c2"), list(values().items()), "task")
            assert_whole(home)
            if faulty.operations < at:
                break
        else:
            raise AssertionError("the call comes to no end")


MEGABYTE = 1024 * 1024


class LargerDisk(SmallDisk):
    """A file system of 32 megabytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self._mount("-t", "tmpfs", "-o", "size=32m", "tmpfs")


@pytest.fixture
def larger_disk(tmp_path: Path) -> Iterator[LargerDisk]:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux can mount a small disk")
    disk = LargerDisk(tmp_path / "disk")
    yield disk
    disk.unmount()


def streamed(saver: FileSaver) -> None:
    with saver.open_artifact(config_of(), "video.mp4") as file:
        for _ in range(50):
            file.write(os.urandom(MEGABYTE))


LARGE: dict[str, Callable[[FileSaver], object]] = {
    "a streamed artifact": streamed,
    "bytes": lambda saver: put(saver, "c9", {"data": os.urandom(50 * MEGABYTE)}, step=9),
    "a text": lambda saver: put(saver, "c9", {"text": "what was known " * 3_500_000}, step=9),
    "an array": lambda saver: put(saver, "c9", {"array": np.zeros(50 * MEGABYTE // 8)}, step=9),
    "a write": lambda saver: saver.put_writes(config_of("t", "", "c1"), [("data", os.urandom(50 * MEGABYTE))], "task"),
}


@pytest.mark.parametrize("name", LARGE)
def test_a_disk_that_fills_up(larger_disk: LargerDisk, name: str) -> None:
    """ENOSPC in the middle of a 50 MB artifact: a StorageError, nothing of it is left, and the previous state is intact."""
    home = Home("local", larger_disk.folder / "checkpoints", fsync=True)
    saver = FileSaver(home.root, **OPTIONS)
    prepare(saver)
    before, artifacts = everything(home), artifacts_of(home)
    for writer in (saver, FileSaver(home.root)):
        with pytest.raises(StorageError, match="free some space") as raised:
            LARGE[name](writer)
        assert raised.value.errno == errno.ENOSPC
        assert staged(home) == []
        assert artifacts_of(home) == artifacts
        assert everything(home) == before
    put(saver, "c2", values(), parent="c1", step=2)
    assert_whole(home)
    assert len(everything(home)) == len(before) + 1


@pytest.mark.parametrize("name", LARGE)
def test_a_limit_of_file_size(tmp_path: Path, name: str) -> None:
    """Where no disk can be mounted, too: a real limit, met in the middle of an artifact, leaves the old state and no litter."""
    if sys.platform == "win32":
        pytest.skip("the limit is one of POSIX")
    import resource

    home = Home("local", tmp_path / "checkpoints")
    saver = home.saver(**OPTIONS)
    prepare(saver)
    before, artifacts = everything(home), artifacts_of(home)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20 * MEGABYTE, limits[1]))
    try:
        with pytest.raises(StorageError) as raised:
            LARGE[name](saver)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert raised.value.errno == errno.EFBIG
    assert staged(home) == []
    assert artifacts_of(home) == artifacts
    assert everything(home) == before


def test_what_a_refused_put_wrote_is_garbage(tmp_path: Path) -> None:
    """A put whose last file cannot be written may leave artifacts of its own: nothing refers to them, and they are collected."""
    home = Home("local", tmp_path / "checkpoints")
    prepare(home.saver(**OPTIONS))
    home.saver().collect_garbage(dry_run=False, grace_seconds=0)
    before, artifacts = everything(home), artifacts_of(home)
    folder = home.root / "t" / "checkpoints" / "_root"
    (folder / "c2.json").mkdir()
    with pytest.raises(StorageError):
        put(home.saver(**OPTIONS), "c2", later(), parent="c1", step=2)
    (folder / "c2.json").rmdir()
    assert staged(home) == []
    assert everything(home) == before
    home.saver().collect_garbage(dry_run=False, grace_seconds=0)
    assert artifacts_of(home) == artifacts
