"""A symbolic link leads nobody out of the root: not who reads, not who writes, and least of all who removes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from langgraph_filesaver import Artifact, FileSaver, StorageError
from tests.checkpoints import config_of, ids_of, put
from tests.stores import Home

TEXT = "x" * 100_000
NAME = f"{hashlib.sha256(TEXT.encode()).hexdigest()}.txt"


@pytest.fixture
def outside(local_home: Home, tmp_path: Path) -> Path:
    """A folder outside of the root, in which there is an artifact, and which the thread's artifacts folder leads to."""
    put(local_home.saver(), "c1", {"text": TEXT})
    folder = local_home.root / "t" / "artifacts"
    folder.rename(tmp_path / "outside")
    folder.symlink_to(tmp_path / "outside")
    return tmp_path / "outside"


def open_artifact(saver: FileSaver) -> None:
    with saver.open_artifact(config_of(), "a.bin") as file:
        file.write(b"content")


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda saver: saver.get_tuple(config_of()), id="get_tuple"),
        pytest.param(lambda saver: saver.get_tuple(config_of("t", "", "c1")), id="get_tuple by id"),
        pytest.param(lambda saver: list(saver.list(None)), id="list"),
        pytest.param(lambda saver: put(saver, "c2", {"text": TEXT}, step=1), id="put of what is there"),
        pytest.param(lambda saver: put(saver, "c2", {"text": TEXT[1:]}, step=1), id="put"),
        pytest.param(
            lambda saver: put(saver, "c2", {"file": Artifact.from_bytes(b"1", name="a")}, step=1), id="put of a file"
        ),
        pytest.param(lambda saver: saver.put_writes(config_of("t", "", "c1"), [("a", TEXT)], "task"), id="put_writes"),
        pytest.param(open_artifact, id="open_artifact"),
        pytest.param(lambda saver: saver.copy_thread("t", "u"), id="copy_thread"),
        pytest.param(lambda saver: saver.collect_garbage("t", dry_run=False, grace_seconds=0), id="collect_garbage"),
        pytest.param(lambda saver: saver.collect_garbage(dry_run=True, grace_seconds=0), id="dry run"),
    ],
)
def test_an_artifacts_folder_that_is_a_link_out(local_home: Home, outside: Path, act: object) -> None:
    """Each call refuses and names the link; nothing outside is read, written or removed."""
    assert callable(act)
    for saver in (local_home.saver(), local_home.saver()):
        with pytest.raises(StorageError, match="symbolic link") as raised:
            act(saver)
        assert raised.value.path == str(local_home.root / "t" / "artifacts")
    assert [(path.name, path.read_text()) for path in outside.iterdir()] == [(NAME, TEXT)]


def test_garbage_behind_a_link_out(local_home: Home, outside: Path) -> None:
    """What a checkpoint no longer refers to is not removed either, where it lies outside."""
    (local_home.root / "t" / "checkpoints" / "_root" / "c1.json").unlink()
    put(local_home.saver(), "c2", {"n": 1}, step=1)
    with pytest.raises(StorageError, match="symbolic link"):
        local_home.saver().collect_garbage("t", dry_run=False, grace_seconds=0)
    assert (outside / NAME).exists()
    assert ids_of(local_home.saver(), None) == ["c2"]


def test_deleting_a_thread_with_a_link_out(local_home: Home, outside: Path) -> None:
    """The link goes with the thread, and what it leads to stays."""
    local_home.saver().delete_thread("t")
    assert ids_of(local_home.saver(), None) == []
    assert (outside / NAME).exists()


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_what_cannot_be_read_is_no_damage(local_home: Home, tmp_path: Path, kind: str) -> None:
    """[A2] A link or a folder in an artifact's place is a StorageError of that path, not damage of the checkpoint's file."""
    put(local_home.saver(), "c1", {"text": TEXT})
    path = local_home.root / "t" / "artifacts" / NAME
    path.rename(tmp_path / "elsewhere")
    if kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    else:
        path.mkdir()
    for way in (lambda saver: saver.get_tuple(config_of()), lambda saver: list(saver.list(None))):
        with pytest.raises(StorageError) as raised:
            way(local_home.saver())
        assert raised.value.path == str(path)
        assert str(raised.value).count("cannot read") == 1
