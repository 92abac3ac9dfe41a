"""A person litters, copies and moves: strays do no harm, and a folder that was copied or moved is what its name says."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from langgraph_filesaver import FileSaver
from tests.by_hand.edited import CHECKPOINTS, latest
from tests.checkpoints import config_of, id_of, ids_of, put
from tests.stores import Home

STRAYS = [
    ".DS_Store", "Thumbs.db", "desktop.ini", "3.json~", ".3.json.swp", "3.json.bak", "#3.json#", "notes.txt", "README",
    "3 (copy).json", "Copy of 3.json", "3.JSON", "con.json", "line\nbreak.json", "3.json.tmp", ".json", "..json", "ümlaut.json",
    os.fsdecode(b"\xff\xfe.json"), "zz~short.json",
]  # fmt: skip


def test_stray_files_are_ignored_everywhere(saver: FileSaver, local_home: Home) -> None:
    """[L6] What editors, systems and people leave, in every folder of a thread, hides nothing and is not taken for ours."""
    before = [*saver.list(None)]
    folders = [local_home.root / "t", *(path for path in (local_home.root / "t").rglob("*") if path.is_dir())]
    assert len(folders) >= 5
    for folder in folders:
        for name in STRAYS:
            (folder / name).write_text("not ours")
        (folder / "a folder").mkdir()
        (folder / "a folder/3.json").write_text("not ours")
        os.mkfifo(folder / "a pipe")
        (folder / "a link").symlink_to("/etc/hostname")
        (folder / "a broken link.json").symlink_to(folder / "nowhere")
    for reader in (saver, local_home.saver()):
        assert [*reader.list(None)] == before
        assert id_of(latest(reader).config) == "3"
        put(reader, "4", parent="3")
        reader.put_writes(config_of("t", "", "4"), [("a", 1)], "task")
        reader.copy_thread("t", "u")
        assert ids_of(reader, config_of("u")) == ["4", "3", "2", "1"]
        reader.prune(["u"])
        assert ids_of(reader, config_of("u")) == ["4"]
        reader.delete_thread("u")
        (local_home.root / CHECKPOINTS / "4.json").unlink()
    for folder in folders:
        assert {path.name for path in folder.iterdir()} >= {*STRAYS, "a folder", "a pipe", "a link"}
    saver.delete_thread("t")
    assert not (local_home.root / "t").exists()


def test_strays_in_the_root_are_no_threads(saver: FileSaver, local_home: Home) -> None:
    """[L6] [N6] Files and folders in the root whose names no thread can have, or that hold no checkpoints, are no threads."""
    for name in STRAYS:
        (local_home.root / name).write_text("not ours")
    for name in ("A folder", "empty", "u", "x~" + "a" * 32):
        (local_home.root / name).mkdir()
    (local_home.root / "u/notes.txt").write_text("not ours")
    os.mkfifo(local_home.root / "pipe")
    assert {each.config["configurable"]["thread_id"] for each in local_home.saver().list(None)} == {"t"}
    saver.delete_for_runs(["r"])
    assert ids_of(saver, None) == ["3", "2", "1"]


def test_a_copied_folder_is_a_fork(saver: FileSaver, local_home: Home) -> None:
    """[C5] `cp -r t t2` makes a thread t2 with the same checkpoints and writes, and neither notices the other later (P4)."""
    shutil.copytree(local_home.root / "t", local_home.root / "t2")
    fork = saver.get_tuple(config_of("t2"))
    assert fork is not None
    assert fork.config == config_of("t2", "", "3")
    assert fork.parent_config == config_of("t2", "", "2")
    assert (fork.checkpoint, fork.metadata, fork.pending_writes) == (*latest(saver)[1:3], latest(saver).pending_writes)
    put(saver, "4", thread_id="t2", parent="3")
    saver.delete_thread("t")
    assert ids_of(saver, None) == ["4", "3", "2", "1"]


def test_a_root_moved_elsewhere_is_the_same_store(saver: FileSaver, local_home: Home, tmp_path: Path) -> None:
    """Copied without `.locks` and `.tmp`, as a synchronising tool would, the folder is the same store in a new place [L7]."""
    before = [*saver.list(None)]
    moved = tmp_path / "elsewhere"
    shutil.copytree(local_home.root, moved, ignore=shutil.ignore_patterns(".locks", ".tmp"))
    assert [*FileSaver(moved).list(None)] == before
    put(FileSaver(moved), "4", parent="3")
    assert ids_of(FileSaver(moved), config_of()) == ["4", "3", "2", "1"]


def test_a_copy_of_a_hashed_folder_is_no_thread_under_a_wrong_name(local_home: Home) -> None:
    """[N6] A thread with a hashed name is copied: under a plain name it is the thread of that name, under another hash none."""
    saver = local_home.saver()
    put(saver, "1", {"a": 1}, thread_id="Research 42")
    (folder,) = (path for path in local_home.root.iterdir() if "~" in path.name)
    shutil.copytree(folder, local_home.root / "plain")
    shutil.copytree(folder, local_home.root / ("research-43~" + "a" * 32))
    for reader in (saver, local_home.saver()):
        assert [each.config["configurable"]["thread_id"] for each in reader.list(None)] == ["Research 42", "plain"]
        assert ids_of(reader, config_of("plain")) == ["1"]
    saver.delete_thread("Research 42")
    assert ids_of(saver, None) == ["1"]
