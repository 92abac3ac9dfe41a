"""keygen, rekey and cat, and every other command on an encrypted store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from langgraph_filesaver import FileSaver
from tests.checkpoints import put
from tests.cli.running import answer, files_in, run


@pytest.fixture(autouse=True)
def no_key_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LANGGRAPH_FILESAVER_KEY", raising=False)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "agents.key"
    assert run("keygen", str(path)).exit_code == 0
    return path


@pytest.fixture
def root(tmp_path: Path, key_file: Path) -> Path:
    saver = FileSaver(tmp_path / "agents", fsync=False, encryption=key_file)
    put(saver, "1", {"text": "WORD", "long": "x" * 100_000}, thread_id="t")
    return tmp_path / "agents"


def test_a_key_is_made_once_and_for_its_owner(key_file: Path) -> None:
    """The file is private and random; one that is there is never replaced, for what it opens would be lost."""
    assert key_file.stat().st_mode & 0o777 == 0o600
    before = key_file.read_text()
    result = run("keygen", str(key_file))
    assert (result.exit_code, key_file.read_text()) == (2, before)
    assert before.strip() not in result.output


def test_cat_shows_what_is_inside(root: Path, key_file: Path) -> None:
    """By its path alone, or by its key in the root: the readable JSON, and large values byte for byte."""
    path = root / "t/checkpoints/_root/1.json"
    for arguments in ((str(path),), ("--root", str(root), "t/checkpoints/_root/1.json")):
        result = run("cat", "--key-file", str(key_file), *arguments)
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["state"]["text"] == "WORD"
    (artifact,) = (root / "t/artifacts").iterdir()
    assert run("cat", "--key-file", str(key_file), str(artifact)).stdout == "x" * 100_000
    assert run("cat", str(path), LANGGRAPH_FILESAVER_KEY=key_file.read_text()).exit_code == 0


def test_cat_works_in_a_plain_store(tmp_path: Path) -> None:
    """What is not encrypted is shown as it is."""
    put(FileSaver(tmp_path / "plain", fsync=False), "1", {"text": "WORD"}, thread_id="t")
    result = run("cat", str(tmp_path / "plain/t/checkpoints/_root/1.json"))
    assert json.loads(result.stdout)["state"] == {"text": "WORD"}


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["t/checkpoints/_root/2.json"], 1, "no such file"),
        (["../../etc/passwd"], 2, "no key inside the root"),
        (["/etc/passwd"], 2, "no key inside the root"),
    ],
)
def test_cat_shows_nothing_but_files_of_the_store(
    root: Path, key_file: Path, arguments: list[str], code: int, told: str
) -> None:
    """A missing file ends with 1, and a path out of the root with 2."""
    result = run("cat", "--key-file", str(key_file), "--root", str(root), *arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert told in result.stderr


def test_without_the_key_commands_end_with_3_and_say_what_to_give(root: Path) -> None:
    """No key, or another one: nothing is shown, and the file is named."""
    result = run("show", "t", root=root)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "LANGGRAPH_FILESAVER_KEY" in result.stderr


def test_other_commands_take_the_key(root: Path, key_file: Path) -> None:
    """A key file works with every command, for instance with `show`."""
    assert "WORD" in run("show", "t", "--key-file", str(key_file), root=root).stdout


def test_rekey_uses_the_first_key_for_all_files(root: Path, key_file: Path, tmp_path: Path) -> None:
    """With the new key before the old one, `rekey` leaves nothing to the old one; a dry run only tells."""
    old = key_file.read_text()
    run("keygen", str(tmp_path / "new.key"))
    key_file.write_text((tmp_path / "new.key").read_text() + old)
    before = files_in(root)
    dry = answer("rekey", "--dry-run", "--key-file", str(key_file), root=root)
    assert (dry["files"], files_in(root)) == (2, before)
    told = answer("rekey", "--key-file", str(key_file), root=root)
    assert {**dry, "dry_run": False} == told
    assert "WORD" in run("show", "t", "--key-file", str(tmp_path / "new.key"), root=root).stdout
    assert "current key" in run("rekey", "t", "--key-file", str(key_file), root=root).stdout


def test_rekey_of_a_plain_store_is_wrong_usage(tmp_path: Path) -> None:
    """There is no key to change."""
    put(FileSaver(tmp_path / "plain", fsync=False), "1", {"text": "WORD"}, thread_id="t")
    assert run("rekey", root=tmp_path / "plain").exit_code == 2
