"""Reading what is damaged, and where nothing may be written."""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from langgraph_filesaver import CorruptCheckpointWarning, CorruptDataError, FileSaver, ReadOnlyError
from tests.checkpoints import config_of, put
from tests.cli.running import run
from tests.inspection.looking import chat, config_for


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "agents"
    saver = FileSaver(root, fsync=False)
    for number in range(1, 4):
        put(
            saver,
            str(number),
            {"n": number, "text": f"{number}" * 100_000},
            parent=str(number - 1) if number > 1 else None,
        )
    saver.put_writes(config_of("t", checkpoint_id="3"), [("n", 4)], "task")
    return root


def damage_checkpoint(root: Path) -> None:
    (root / "t/checkpoints/_root/3.json").write_text("{")


def damage_writes(root: Path) -> None:
    next(root.glob("t/writes/*/*")).write_text("{")


def remove_artifact(root: Path) -> None:
    next(path for path in root.glob("t/artifacts/*") if path.read_bytes().startswith(b"3")).unlink()


@pytest.mark.parametrize("damage", [damage_checkpoint, damage_writes, remove_artifact])
def test_previous_goes_on_from_the_last_sound_checkpoint_and_says_so(
    root: Path, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    """A damaged latest checkpoint, one of its writes or its values: warned of and logged with the file, and the one before is given."""
    damage(root)
    with pytest.raises(CorruptDataError):
        FileSaver(root).get_tuple(config_for("t"))
    saver = FileSaver(root, on_corrupt="previous")
    with (
        caplog.at_level(logging.WARNING, "langgraph_filesaver"),
        pytest.warns(CorruptCheckpointWarning, match=str(root)),
    ):
        found = saver.get_tuple(config_for("t"))
    assert found is not None
    assert found.checkpoint["id"] == "2"
    assert str(root) in caplog.text
    with pytest.raises(CorruptDataError):
        saver.get_tuple(config_of("t", checkpoint_id="3"))


def test_previous_never_means_empty(root: Path) -> None:
    """Where no checkpoint is sound, the first finding is raised: a thread with files is never a new one."""
    for path in (root / "t/checkpoints/_root").iterdir():
        path.write_text("{")
    with pytest.raises(CorruptDataError, match=r"3\.json"):
        FileSaver(root, on_corrupt="previous").get_tuple(config_for("t"))
    with pytest.raises(ValueError, match="on_corrupt"):
        FileSaver(root, on_corrupt="empty")  # type: ignore[arg-type]


# --- read-only


def snapshot(root: Path) -> dict[str, tuple[int, int, int]]:
    """Every file and folder with its inode, times and size."""
    found = {}
    for path in (root, *root.rglob("*")):
        told = path.lstat()
        found[str(path)] = (told.st_ino, told.st_mtime_ns, told.st_size)
    return found


CALLS: dict[str, Callable[[FileSaver], Any]] = {
    "put": lambda saver: put(saver, "9", {"n": 1}),
    "put of a large value": lambda saver: put(saver, "9", {"n": "x" * 20_000_000}),
    "put_writes": lambda saver: saver.put_writes(config_of("t", checkpoint_id="3"), [("n", 1)], "other"),
    "delete_thread": lambda saver: saver.delete_thread("t"),
    "copy_thread": lambda saver: saver.copy_thread("t", "u"),
    "prune": lambda saver: saver.prune(["t"]),
    "edit_state": lambda saver: saver.edit_state("t", {"n": 5}),
    "collect_garbage": lambda saver: saver.collect_garbage(dry_run=False),
    "thread_lock": lambda saver: saver.thread_lock("t").__enter__(),
    "sweep": lambda saver: saver.sweep(keep_last=1),
    "pin": lambda saver: saver.pin("t"),
    "repair": lambda saver: saver.repair("t", dry_run=False),
    "restore": lambda saver: saver.restore("t"),
    "open_artifact": lambda saver: saver.open_artifact(config_for("t"), "a.bin").__enter__(),
}


@pytest.mark.parametrize("name", CALLS)
def test_what_would_write_is_refused_before_it_begins(root: Path, name: str) -> None:
    """A typed error that says what to do; no file, folder or lock appears or changes."""
    before = snapshot(root)
    with pytest.raises(ReadOnlyError, match="read_only=True"):
        CALLS[name](FileSaver(root, read_only=True))
    assert snapshot(root) == before


def looked_at(saver: FileSaver) -> list[Any]:
    found: list[Any] = [saver.get_tuple(config_for("t")), list(saver.list(None)), saver.verify().findings]
    found += [
        saver.threads().to_dict(),
        saver.thread("t").history().to_dict(),
        saver.sweep(dry_run=True, keep_last=1).swept,
    ]
    found += [saver.get_delta_channel_history(config=config_for("t"), channels=["n"]), saver.locks()]
    return found


def test_what_reads_works_and_leaves_no_trace(root: Path) -> None:
    """Also with reads that count as activity: nothing at all is written."""
    before = snapshot(root)
    ttl = {"default_ttl": 1, "refresh_on_read": True}
    assert looked_at(FileSaver(root, read_only=True, ttl=ttl))
    assert snapshot(root) == before


def test_a_lease_of_another_process_shows(root: Path) -> None:
    """Who has a thread is told to who only looks."""
    with FileSaver(root).thread_lock("t"):
        (summary,) = FileSaver(root, read_only=True).threads()
    assert summary.status == "running"


def test_nobodys_lease_is_taken_away(root: Path) -> None:
    """Breaking a lock writes, too: it is refused, and its owner has the thread on."""
    with FileSaver(root).thread_lock("t"):
        before = snapshot(root)
        with pytest.raises(ReadOnlyError):
            FileSaver(root, read_only=True).break_lock("t")
        assert snapshot(root) == before


@pytest.fixture
def mounted(root: Path, tmp_path: Path) -> Iterator[Path]:
    """The store by way of a mount that cannot be written to."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    place = tmp_path / "mounted"
    place.mkdir()
    commands = [["mount", "--bind", str(root), str(place)], ["mount", "-o", "remount,bind,ro", str(place)]]
    try:
        for command in commands:
            if subprocess.run(command, capture_output=True, check=False).returncode:
                pytest.skip("this machine does not let us mount")
        yield place
    finally:
        subprocess.run(["umount", str(place)], capture_output=True, check=False)


def test_a_read_only_mount_can_be_read(mounted: Path, root: Path) -> None:
    """By a saver that is told so, and by the commands that look."""
    with pytest.raises(OSError, match="Read-only"):
        (mounted / "probe").write_text("x")
    assert looked_at(FileSaver(mounted, read_only=True))
    for command in (
        ["threads"],
        ["show", "t"],
        ["history", "t"],
        ["verify"],
        ["artifacts", "t"],
        ["locks"],
        ["tree", "t"],
    ):
        result = run(*command, root=mounted)
        assert result.exit_code == 0, result.output


def test_a_graph_can_be_looked_at_and_not_run(tmp_path: Path) -> None:
    """get_state and its history work; invoke is refused with the error, and the thread stays as it was."""
    chat(FileSaver(tmp_path, fsync=False)).invoke({"log": ["a"]}, config_for("t"))
    graph = chat(FileSaver(tmp_path, read_only=True))
    before = graph.get_state(config_for("t"))
    assert before.values["log"]
    assert len(list(graph.get_state_history(config_for("t")))) > 1
    with suppress(ReadOnlyError):
        graph.invoke({"log": ["b"]}, config_for("t"))
        pytest.fail("it ran")
    assert graph.get_state(config_for("t")) == before


def test_a_mirror_is_no_place_to_look_only(tmp_path: Path) -> None:
    """A mirror is written to whenever its folder is read, so the two together are refused."""
    with pytest.raises(ValueError, match="read_only"):
        FileSaver(tmp_path, mirror="memory://somewhere", read_only=True)
