"""Filesystems of the user's own, places that are not there, and keys that open nothing; no error tells a secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.dirfs import DirFileSystem

from langgraph_filesaver import FileSaver, StorageError
from tests.checkpoints import config_of, ids_of, put
from tests.remote.homes import RemoteHome
from tests.servers.fixtures import shared_server
from tests.servers.server import Server

_SECRET = "hunter2-and-more"


def test_a_ready_filesystem_is_used_as_it_is(s3: Server) -> None:
    """`filesystem=` takes an S3FileSystem with its own retries and listings cache; another process's files are seen all the same."""
    home = RemoteHome(s3)
    fs = fsspec.filesystem("s3", skip_instance_cache=True, use_listings_cache=True, **s3.storage_options)
    fs.retries = 5
    saver, other = FileSaver(home.url, filesystem=fs), home.saver()
    put(saver, "1")
    assert ids_of(saver, config_of()) == ["1"]
    put(other, "2", parent="1")
    assert ids_of(saver, config_of()) == ["2", "1"]
    with saver.thread_lock("t"):
        put(saver, "3", parent="2")
    assert ids_of(other, config_of()) == ["3", "2", "1"]
    assert fs.retries == 5


def test_a_folder_of_a_filesystem_is_the_place_in_it(radosgw: Server) -> None:
    """A folder by DirFileSystem of fsspec over S3 is that S3: same place, and it keeps conditions."""
    home = RemoteHome(radosgw)
    bucket, _, folder = home.url.partition("://")[2].partition("/")
    saver = FileSaver(folder, filesystem=DirFileSystem(bucket, radosgw.filesystem()))
    put(saver, "1")
    with saver.thread_lock("t"):
        pass
    assert ids_of(home.saver(), config_of()) == ["1"]


@pytest.mark.parametrize("is_in_folder", [False, True])
def test_a_local_filesystem_is_a_local_folder(is_in_folder: bool, tmp_path: Path) -> None:
    """`filesystem=` with fsspec's local files is the folder itself, which creates exclusively; fsspec's own way would not."""
    fs: Any = fsspec.filesystem("file")
    root = str(tmp_path / "root")
    saver = (
        FileSaver("root", filesystem=DirFileSystem(str(tmp_path), fs))
        if is_in_folder
        else FileSaver(root, filesystem=fs)
    )
    put(saver, "1")
    assert ids_of(FileSaver(root), config_of()) == ["1"]
    with saver.thread_lock("t"):
        pass


def test_an_unknown_protocol_is_told() -> None:
    """A URL of a kind that fsspec does not know is a ValueError that shows it, and so is one that names no place."""
    with pytest.raises(ValueError, match="fsspec knows no nonsense://"):
        FileSaver("nonsense://bucket/agents")
    with pytest.raises(ValueError, match="names no place"):
        FileSaver("memory://")
    with pytest.raises(ValueError, match="takes no storage_options"):
        FileSaver("somewhere", storage_options={"key": "k"})


@pytest.mark.parametrize("kind", ["radosgw", "moto", "azurite"])
def test_a_missing_bucket_is_told_and_no_empty_store(kind: str) -> None:
    """A bucket or container that does not exist is a StorageError that says what to do, for reading and for writing."""
    server = shared_server(kind)
    home = RemoteHome(server, url=f"{server.url}-that-is-missing/agents")
    for call in (lambda: home.saver().get_tuple(config_of()), lambda: put(home.saver(), "1")):
        with pytest.raises(StorageError, match="no such bucket or container") as missing:
            call()
        assert "Make it, or correct the URL" in str(missing.value)
        assert home.url in str(missing.value)


@pytest.mark.parametrize("kind", ["radosgw", "azurite", "sshd"])
def test_a_wrong_key_is_told_without_it(kind: str) -> None:
    """A server that lets nobody in with the key given is a StorageError that says so; no secret is in it or in its causes."""
    server = shared_server(kind)
    home = RemoteHome(server)
    if kind == "radosgw":
        home.storage_options |= {"key": "testkey", "secret": _SECRET}
    elif kind == "azurite":
        parts = dict(part.split("=", 1) for part in home.storage_options["connection_string"].split(";"))
        secret = _SECRET.encode().hex().ljust(88, "0")[:86] + "=="
        home.storage_options = {
            "connection_string": ";".join(f"{k}={v}" for k, v in {**parts, "AccountKey": secret}.items())
        }
    else:
        home.storage_options = {**home.storage_options, "key_filename": None, "password": _SECRET}
    for call in (lambda: home.saver().get_tuple(config_of()), lambda: put(home.saver(), "1")):
        with pytest.raises(StorageError, match=r"lets nobody in|your key right") as refused:
            call()
        _assert_tells_no_secret(refused.value)


def _assert_tells_no_secret(error: BaseException | None) -> None:
    while error is not None:
        for secret in (_SECRET, _SECRET.encode().hex()):
            assert secret not in str(error)
            assert secret not in repr(error)
        error = error.__cause__ or error.__context__
