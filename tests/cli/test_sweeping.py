"""sweep and restore, as cron and people call them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.running import answer, files_in, fill, run


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Threads that were last used 40 days ago."""
    root = tmp_path / "agents"
    fill(root)
    for each in (*root.rglob("*"), root):
        at = each.stat().st_mtime - 40 * 24 * 3600
        os.utime(each, (at, at))
    return root


def test_cron_sweeps_without_being_asked(root: Path) -> None:
    """With --yes it removes what is finished and old, tells what stays and why, and ends well; a second call has nothing to do."""
    told = answer("sweep", "--ttl", "30d", "--yes", root=root)
    assert {each["thread_id"] for each in told["swept"]} == {"research-42"}
    assert {each["thread_id"]: each["reason"] for each in told["skipped"]} == {
        "asks": "not finished: interrupted",
        "fails": "not finished: failed",
        "single": "not finished: unknown",
    }
    assert answer("sweep", "--ttl", "30d", "--yes", root=root)["swept"] == []


def test_without_a_terminal_and_without_yes_nothing_is_done(root: Path) -> None:
    """Nobody can be asked: it ends with 2, and every byte stays."""
    before = files_in(root)
    result = run("sweep", "--ttl", "30d", root=root)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "research-42" in result.stderr
    assert files_in(root) == before


def test_people_read_what_goes_and_what_stays(root: Path) -> None:
    """The plan in words, with reasons for each checkpoint that a policy leaves."""
    shown = run("sweep", "--keep-last", "1", "--dry-run", root=root).stdout
    assert "would prune 'research-42': not kept by the policy" in shown
    assert "kept: head of its namespace" in shown
    assert "would go:" in shown


def test_the_trash_gives_threads_back(root: Path) -> None:
    """Restore brings a thread back from where --trash put it, and ends with 1 where there is none."""
    assert run("sweep", "--ttl", "30d", "--trash", "--yes", root=root).exit_code == 0
    assert run("show", "research-42", root=root).exit_code == 1
    assert run("restore", "research-42", "--dry-run", root=root).exit_code == 0
    assert run("restore", "research-42", root=root).stdout == "restored 'research-42'\n"
    assert run("show", "research-42", root=root).exit_code == 0
    assert run("restore", "research-42", root=root).exit_code == 1
    assert answer("sweep", "--ttl", "30d", "--trash", "--yes", root=root)["emptied"] == 0
    assert answer("sweep", "--grace", "0s", "--yes", root=root)["emptied"] == 1


def test_a_thread_that_cannot_be_swept_ends_with_4(root: Path) -> None:
    """The others are swept, and the one is named."""
    (root / "single/retention.json").write_text("[")
    result = run("sweep", "--ttl", "30d", "--yes", root=root)
    assert result.exit_code == 4
    assert "failed 'single'" in result.stdout
    assert "deleted 'research-42'" in result.stdout


def test_spans_need_their_unit(root: Path) -> None:
    """A bare number is no time to live."""
    assert run("sweep", "--ttl", "30", root=root).exit_code == 2
