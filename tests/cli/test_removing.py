"""The commands that copy and remove: what they tell before, whom they ask, what they do."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from langgraph_filesaver import FileSaver
from tests.cli.running import answer, files_in, run, terminal

DESTROYS = {
    "delete": ["research-42"],
    "prune": ["--all"],
    "gc": ["--grace", "0s"],
    "copy": ["research-42", "asks"],
    "unlock": ["research-42"],
}


def _with_garbage(root: Path) -> None:
    FileSaver(root).prune(["research-42"])


@pytest.mark.parametrize("name", DESTROYS)
def test_without_a_terminal_and_without_yes_nothing_is_done(root: Path, name: str) -> None:
    """What destroys tells what it would do, changes nothing, and ends with 2."""
    if name == "gc":
        _with_garbage(root)
    with FileSaver(root).thread_lock("research-42"):
        before = {key: data for key, data in files_in(root).items() if "lease" not in key}
        result = run(name, *DESTROYS[name], root=root)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "--yes" in result.stderr
        assert {key: data for key, data in files_in(root).items() if "lease" not in key} == before


@pytest.mark.parametrize("name", DESTROYS)
def test_asked_on_a_terminal(root: Path, name: str) -> None:
    """On a terminal it asks: no ends with 130 and changes nothing; yes does it."""
    if name == "gc":
        _with_garbage(root)
    with FileSaver(root).thread_lock("research-42") as lease:
        if name != "unlock":
            FileSaver(root).break_lock("research-42")
        before = {key: data for key, data in files_in(root).items() if "lease" not in key}
        with terminal(name, *DESTROYS[name], root=root) as screen:
            screen.wait_for("Go on? [y/N]")
            screen.type("n\n")
            assert screen.end() == 130
        assert {key: data for key, data in files_in(root).items() if "lease" not in key} == before
        with terminal(name, *DESTROYS[name], root=root) as screen:
            screen.wait_for("Go on? [y/N]")
            screen.type("y\n")
            assert screen.end() == 0
        after = {key: data for key, data in files_in(root).items() if "lease" not in key}
        assert (after != before) or (name == "unlock" and lease.owner in screen.shown)


def test_what_delete_tells_is_what_goes(root: Path) -> None:
    """Threads, checkpoints, files and bytes that a dry run counts are those that delete removes."""
    before = files_in(root)
    told = answer("delete", "research-42", "asks", "research-42", "--dry-run", root=root)
    done = answer("delete", "research-42", "asks", "research-42", "--yes", root=root)
    gone = {key: data for key, data in before.items() if key not in files_in(root)}
    assert {**told, "dry_run": False} == done
    assert (done["files"], done["bytes"]) == (len(gone), sum(map(len, gone.values())))
    assert done["checkpoints"] == sum("/checkpoints/" in key for key in gone)
    assert [each["thread_id"] for each in done["threads"]] == ["research-42", "asks"]


def test_one_unknown_thread_keeps_all(root: Path) -> None:
    """Where one of the names is none, nothing is removed."""
    assert run("delete", "asks", "nope", "--yes", root=root).exit_code == 1
    assert run("prune", "asks", "nope", "--yes", root=root).exit_code == 1
    assert len(FileSaver(root).thread("asks").history()) == 3


def test_a_damaged_thread_can_be_removed(root: Path) -> None:
    """No file of a thread is read to remove it."""
    for path in (root / "single/checkpoints/_root").iterdir():
        path.write_text("{")
    assert answer("delete", "single", "--yes", root=root)["checkpoints"] == 1
    assert not (root / "single").exists()


def test_what_prune_tells_is_what_goes(root: Path) -> None:
    """A dry run of prune counts just the files that prune removes; the latest state stays."""
    before, state = files_in(root), answer("show", "asks", root=root)["values"]
    told = answer("prune", "--all", "--dry-run", root=root)
    done = answer("prune", "--all", "--yes", root=root)
    gone = {key: data for key, data in before.items() if key not in files_in(root)}
    assert {**told, "dry_run": False} == done
    assert (done["files"], done["bytes"]) == (len(gone), sum(map(len, gone.values())))
    assert sorted(each["thread_id"] for each in done["threads"]) == ["asks", "fails", "research-42"]
    assert answer("show", "asks", root=root)["values"] == state
    assert run("prune", "--all", root=root).stdout == "nothing to prune\n"


@pytest.mark.parametrize("arguments", [[], ["--all", "asks"]])
def test_prune_takes_threads_or_all(root: Path, arguments: list[str]) -> None:
    """Neither and both are wrong usage."""
    assert run("prune", *arguments, root=root).exit_code == 2


def test_garbage(root: Path) -> None:
    """`gc` removes what nothing refers to and is older than the grace period; a dry run names the files."""
    _with_garbage(root)
    artifacts = root / "research-42" / "artifacts"
    for path in artifacts.iterdir():
        os.utime(path, (time.time() - 3000,) * 2)
    assert answer("gc", root=root)["files"] == 0, "an hour of grace"
    told = answer("gc", "research-42", "--grace", "30m", "--dry-run", root=root)
    assert told["files"] == len(told["paths"]) > 0
    assert all(Path(each).exists() for each in told["paths"])
    done = run("gc", "--grace", "30m", "--yes", root=root)
    assert done.stdout.startswith(f"removed {told['files']} file")
    assert not any(Path(each).exists() for each in told["paths"])
    assert run("gc", "--grace", "30m", root=root).stdout == "no garbage\n"
    assert run("show", "research-42", root=root).exit_code == 0


def test_copy(root: Path) -> None:
    """A copy has the same ids; onto an existing thread it adds, once that was agreed to."""
    assert answer("copy", "asks", "new", root=root)["target_existed"] is False
    ids = [each["checkpoint_id"] for each in answer("history", "asks", root=root)]
    assert [each["checkpoint_id"] for each in answer("history", "new", root=root)] == ids
    assert answer("copy", "single", "new", "--yes", root=root)["target_existed"] is True
    assert len(answer("history", "new", root=root)) == 4
    assert run("copy", "asks", "asks", root=root).exit_code == 2
