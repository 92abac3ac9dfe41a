"""`_store.staging`: what a killed process left is removed, and nothing that anybody still uses."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store import LocalStore
from langgraph_filesaver._store.staging import Staging


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(str(tmp_path))


def a_dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def named(staging: Staging, *, host: str | None = None, scope: str | None = None, pid: int | None = None) -> Path:
    """Make a staged file whose name differs from one of this process's in the parts given."""
    path = Path(staging.new_path())
    parts = path.name.split(".")
    parts[0], parts[1], parts[2] = host or parts[0], scope or parts[1], str(pid or parts[2])
    path = path.with_name(".".join(parts))
    path.write_bytes(b"half")
    return path


def age(path: Path, hours: float) -> None:
    os.utime(path, (time.time() - hours * 3600,) * 2)


def test_names_are_never_used_twice(staging: Staging) -> None:
    """Two stagings of one folder, in one process, never give the same name."""
    names = [each.new_path() for _ in range(100) for each in (staging, Staging(staging.folder))]
    assert len(set(names)) == len(names)


def test_files_of_a_dead_process_go(staging: Staging) -> None:
    """[O12] What a process of this host that is gone had staged is removed, files and folders."""
    file = named(staging, pid=a_dead_pid())
    folder = named(staging, pid=a_dead_pid())
    folder.unlink()
    (folder / "deep").mkdir(parents=True)
    (folder / "deep/file").write_bytes(b"")
    staging.sweep()
    assert not file.exists()
    assert not folder.exists()


def test_files_of_an_earlier_boot_go(staging: Staging) -> None:
    """[O12] What was staged before the host was started anew is removed, though its pid may be somebody else's now."""
    file = named(staging, scope="0" * 12)
    staging.sweep()
    assert not file.exists()


def test_files_of_living_processes_stay(staging: Staging) -> None:
    """What this process, or another living one (of any user), is writing stays."""
    mine, others = named(staging), named(staging, pid=1)
    staging.sweep()
    assert mine.exists()
    assert others.exists()


def test_files_of_another_host_go_after_a_day(staging: Staging) -> None:
    """[O12] Whether a process of another host lives cannot be known: its files stay for a day."""
    young, old = named(staging, host="f" * 12, pid=a_dead_pid()), named(staging, host="e" * 12)
    age(young, 23)
    age(old, 25)
    staging.sweep()
    assert young.exists()
    assert not old.exists()


def test_what_a_person_put_there_stays(staging: Staging) -> None:
    """Files with other names are not ours to remove, however old."""
    for name in ("notes.txt", "a.b.c.d", ".DS_Store", "x.y.1"):
        path = Path(staging.folder) / name
        path.write_bytes(b"mine")
        age(path, 1000)
    staging.sweep()
    assert sorted(os.listdir(staging.folder)) == [".DS_Store", "a.b.c.d", "notes.txt", "x.y.1"]


@pytest.mark.parametrize("other", [{"pid": None}, {"scope": "0" * 12}, {"host": "f" * 12}])
def test_what_is_kept_stays(staging: Staging, other: dict[str, str | None]) -> None:
    """[O9] What was given a name to keep stays, though its maker is dead, of an earlier boot or of another host, however old."""
    names = {"host": None, "scope": None, **other}
    path = named(staging, host=names["host"], scope=names["scope"], pid=a_dead_pid())
    kept = Path(staging.keep(str(path)))
    age(kept, 1000)
    staging.sweep()
    assert os.listdir(staging.folder) == [kept.name]
    assert kept.name == f"{path.name}.kept"
    assert kept.read_bytes() == b"half"


def test_a_link_is_removed_and_not_followed(staging: Staging, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A staged name that is a link to a folder goes as a link; what it points to stays."""
    target = tmp_path_factory.mktemp("target")
    (target / "file").write_bytes(b"mine")
    link = named(staging, pid=a_dead_pid())
    link.unlink()
    link.symlink_to(target)
    staging.sweep()
    assert not os.path.lexists(link)
    assert (target / "file").read_bytes() == b"mine"


def test_what_cannot_be_removed_is_reported_and_no_obstacle(
    staging: Staging, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Litter that resists is a warning that names it; the sweep and the write that caused it go on."""
    stuck, other = sorted((named(staging, pid=a_dead_pid()), named(staging, pid=a_dead_pid())))
    unlink = os.unlink

    def refuse_one(path: str) -> None:
        if path == str(stuck):
            raise PermissionError(13, "Permission denied", path)
        unlink(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refuse_one)
        staging.sweep()
    assert stuck.exists()
    assert not other.exists()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert str(stuck) in caplog.text


def test_the_first_write_of_a_store_sweeps(tmp_path: Path) -> None:
    """A store that writes removes the litter of the dead first; one that only reads touches nothing."""
    LocalStore(str(tmp_path), marker=MARKER, fsync=False).create("a/k", b"x")
    litter = named(Staging(str(tmp_path / ".tmp")), pid=a_dead_pid())
    store = LocalStore(str(tmp_path), marker=MARKER, fsync=False)
    store.read("a/k")
    store.list("a")
    assert litter.exists()
    store.create("a/k2", b"x")
    assert not litter.exists()
