"""verify and repair, as people and scripts call them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import answer, files_in, fill, run


@pytest.fixture
def root(tmp_path: Path) -> Path:
    fill(tmp_path / "agents")
    return tmp_path / "agents"


def test_a_sound_store_ends_with_0_and_a_damaged_one_with_3(root: Path) -> None:
    """The file and what was found are told, for machines as well; an edit by hand is told and is no damage."""
    assert run("verify", root=root).stdout.startswith("sound: 4 threads, ")
    path = root / "single/checkpoints/_root/1.json"
    path.write_text(path.read_text().replace('"value": 1', '"value": 2'))
    told = answer("verify", "single", root=root)
    assert (told["is_sound"], [each["kind"] for each in told["findings"]]) == (True, ["edited"])
    path.write_text("{")
    result = run("verify", root=root)
    assert result.exit_code == 3
    assert "corrupt   single/checkpoints/_root/1.json" in result.stdout
    assert "DAMAGED: 4 threads" in result.stdout


def test_an_unknown_thread_is_told_and_one_that_has_only_damage_is_not_unknown(root: Path) -> None:
    """A thread whose every file is broken can be verified and repaired by its id."""
    assert run("verify", "research-4", root=root).exit_code == 1
    (root / "single/checkpoints/_root/1.json").write_text("{")
    assert run("verify", "single", root=root).exit_code == 3


def test_repair_asks_and_tells_what_is_lost(root: Path) -> None:
    """A dry run and a refusal change nothing; with --yes the file is in the quarantine, and the store is sound."""
    (root / "single/checkpoints/_root/1.json").write_text("{")
    before = files_in(root)
    assert "would lose single/checkpoints/_root/1.json" in run("repair", "single", "--dry-run", root=root).stdout
    assert run("repair", "single", root=root).exit_code == 2
    assert files_in(root) == before
    result = run("repair", "single", "--yes", root=root)
    assert result.exit_code == 0
    assert "lost single/checkpoints/_root/1.json" in result.stdout
    assert str(root / ".quarantine") in result.stdout
    assert run("verify", root=root).exit_code == 0
    assert run("repair", "research-42", "--yes", root=root).stdout == "sound: nothing to repair\n"


def test_what_cannot_be_mended_ends_with_3(root: Path) -> None:
    """A folder in place of a file stays, and the command says so."""
    (root / "single/checkpoints/_root/2.json").mkdir()
    result = run("repair", "single", "--yes", root=root)
    assert result.exit_code == 3
    assert "left single/checkpoints/_root/2.json" in result.stdout
