"""A tree is the same store wherever it lies: copied file by file from disk to S3, or back, it opens there and goes on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from langgraph.types import Command

from langgraph_filesaver import FileSaver
from tests.checkpoints import config_of, put
from tests.concurrency.graphs import asking, chain_of
from tests.remote.homes import RemoteHome
from tests.servers.server import Server

# As P4 has them; what S3 takes for a part of a path, and what it does not take as it is.
_THREADS = (
    "research-42",
    "",
    "..",
    "a/b",
    "*",
    "con",
    "é" * 100,
    "A",
    "a",
    "a%2Fb",
    "x y+z?#&",
    "😀",
    "s3://b/k",
    "t\n",
)


def _filled(saver: FileSaver) -> None:
    """Leave a run that waits for an answer, artifacts, and writes without a checkpoint, in each thread."""
    for thread_id in _THREADS:
        asking(saver).invoke({"count": 1}, config_of(thread_id))
        put(saver, "1", {"text": "x" * 100_000, "data": bytes(70_000)}, thread_id=thread_id, checkpoint_ns="inner:1")
        saver.put_writes(config_of(thread_id, "early", "2"), [("a", thread_id)], "task")


def _told(saver: FileSaver) -> list[Any]:
    return list(saver.list(None))


def _assert_goes_on(saver: FileSaver) -> None:
    for thread_id in _THREADS:
        found = saver.get_tuple(config_of(thread_id, "inner:1"))
        assert found is not None
        assert found.checkpoint["channel_values"] == {"text": "x" * 100_000, "data": bytes(70_000)}
        put(saver, "2", thread_id=thread_id, checkpoint_ns="early")
        early = saver.get_tuple(config_of(thread_id, "early"))
        assert early is not None
        assert early.pending_writes == [("task", "a", thread_id)]
        assert asking(saver).invoke(Command(resume=41), config_of(thread_id))["count"] == 42
        assert chain_of(saver, thread_id)


def _upload(folder: Path, fs: Any, place: str) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            fs.put_file(str(path), f"{place}/{path.relative_to(folder).as_posix()}")


def _download(fs: Any, place: str, folder: Path) -> None:
    for path in fs.find(place):
        target = folder / path.removeprefix(f"{place}/")
        target.parent.mkdir(parents=True, exist_ok=True)
        fs.get_file(path, str(target))


@pytest.fixture
def home(radosgw: Server) -> RemoteHome:
    return RemoteHome(radosgw)


def test_a_folder_uploaded_to_s3_goes_on_there(home: RemoteHome, tmp_path: Path) -> None:
    """Uploaded file by file, a local tree tells the same from S3, and each waiting run goes on; a lock file does no harm."""
    local = FileSaver(tmp_path / "root", fsync=False)
    _filled(local)
    expected = _told(local)
    _upload(tmp_path / "root", home.server.filesystem(), home.url.partition("://")[2])
    assert _told(home.saver()) == expected
    _assert_goes_on(home.saver())


def test_a_tree_downloaded_from_s3_goes_on_on_disk(home: RemoteHome, tmp_path: Path) -> None:
    """Downloaded file by file, a tree on S3 tells the same from a folder, and each waiting run goes on there."""
    saver = home.saver()
    _filled(saver)
    with saver.thread_lock("research-42"):  # leaves an object for the lease
        pass
    _download(home.server.filesystem(), home.url.partition("://")[2], tmp_path / "root")
    local = FileSaver(tmp_path / "root", fsync=False)
    assert _told(local) == _told(saver)
    _assert_goes_on(local)
    with local.thread_lock("research-42", timeout_seconds=1):
        pass


def test_there_and_back_is_the_same_tree(home: RemoteHome, tmp_path: Path) -> None:
    """What was put on S3 and what was put on disk have the same names and, uploaded and downloaded, the same bytes."""
    for saver in (home.saver(), FileSaver(tmp_path / "root", fsync=False)):
        put(saver, "1", {"text": "x" * 100_000}, thread_id="a/b")
        saver.put_writes(config_of("a/b", "", "1"), [("a", 1)], "task")
    files = {path for path in home.files() if not path.startswith(".")}
    there = tmp_path / "root"
    assert {
        os.path.relpath(path, there) for path in there.rglob("*") if path.is_file() and "/." not in str(path)
    } == files
    _download(home.server.filesystem(), home.url.partition("://")[2], tmp_path / "back")
    assert [key for key in files if (there / key).read_bytes() != (tmp_path / "back" / key).read_bytes()] == []
