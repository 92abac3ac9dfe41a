"""How a far store is opened: URLs, options, ready filesystems, and what is told where one of them is wrong."""

from __future__ import annotations

import asyncio
import os
import pickle
import threading
import uuid
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem

from langgraph_filesaver import FileSaver, StorageError
from langgraph_filesaver._store import LocalStore
from langgraph_filesaver._store.remote import RemoteStore, opening
from tests.checkpoints import config_of, ids_of, put
from tests.remote.homes import RemoteHome
from tests.servers.server import Server


def store_of(saver: FileSaver) -> Any:
    return saver._repository.store


@pytest.mark.parametrize(
    ("url", "extra"),
    [("s3://bucket/a", "s3"), ("gs://bucket/a", "gcs"), ("az://box/a", "azure"), ("abfs://box/a", "azure"), ("sftp://host/a", "sftp")],
)  # fmt: skip
def test_a_missing_driver_names_its_extra(url: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the driver, an ImportError tells what to install."""

    def missing(protocol: str) -> Any:
        raise ImportError(f"Install {protocol}")

    monkeypatch.setattr(opening, "get_filesystem_class", missing)
    with pytest.raises(ImportError, match=rf'pip install "langgraph-filesaver\[{extra}\]"'):
        FileSaver(url)


def test_a_ready_filesystem_is_used_as_it_is() -> None:
    """`filesystem=` takes a path in it, with or without its protocol; both are one place."""
    filesystem, root = fsspec.filesystem("memory", skip_instance_cache=True), f"/{uuid.uuid4().hex}/agents"
    put(FileSaver(root, filesystem=filesystem), "1")
    again = FileSaver(f"memory://{root}", filesystem=filesystem)
    assert ids_of(again, config_of()) == ["1"]
    assert store_of(again)._driver.fs is filesystem
    assert filesystem.cat_file(f"{root}/filesaver.json").startswith(b"{")


def test_a_local_filesystem_is_a_local_folder(tmp_path: Path) -> None:
    """Fsspec's local filesystem is not used, for it tears files: the folder is."""
    saver = FileSaver(tmp_path / "here", filesystem=LocalFileSystem())
    put(saver, "1")
    assert isinstance(store_of(saver), LocalStore)
    assert (tmp_path / "here/t/checkpoints/_root/1.json").is_file()


def test_options_for_a_local_folder_are_refused(tmp_path: Path) -> None:
    """`storage_options` for a path would do nothing, so they are a slip, and told."""
    with pytest.raises(ValueError, match="takes no storage_options"):
        FileSaver(tmp_path, storage_options={"key": "k"})


def test_no_secret_is_shown(radosgw: Server) -> None:
    """Neither the text of a saver nor an error, nor a URL with a password in it, shows what the options hold."""
    home = RemoteHome(radosgw)  # moto lets anybody in
    secret = home.storage_options["secret"]
    assert secret not in repr(home.saver())
    with pytest.raises(StorageError) as told:
        FileSaver(home.url, storage_options={**home.storage_options, "key": "wrong"}).get_tuple(config_of())
    assert secret not in str(told.value)
    assert "storage_options" in str(told.value)
    assert opening._without_secrets("sftp://me:hidden@host/a") == "sftp://me@host/a"


def test_a_bucket_that_is_missing_is_told(s3: Server) -> None:
    """A bucket that is not there is a StorageError that says so, at once."""
    with pytest.raises(StorageError, match=r"no such bucket.*Make it, or correct the URL"):
        FileSaver(f"s3://{uuid.uuid4().hex}/agents", storage_options=s3.storage_options)


def test_a_saver_goes_through_a_pickle(s3: Server) -> None:
    """What is pickled opens the same place with connections of its own."""
    saver = RemoteHome(s3).saver()
    put(saver, "1")
    again = pickle.loads(pickle.dumps(saver))
    assert ids_of(again, config_of()) == ["1"]
    put(again, "2", parent="1")
    assert ids_of(saver, config_of()) == ["2", "1"]


def test_a_forked_child_uses_connections_of_its_own(s3: Server) -> None:
    """A saver that was used before `os.fork()` works in the child and goes on in the parent."""
    saver = RemoteHome(s3).saver()
    put(saver, "1")
    child = os.fork()
    if child == 0:
        code = 1
        try:
            put(saver, "2", parent="1")
            code = 0 if ids_of(saver, config_of()) == ["2", "1"] else 2
        finally:
            os._exit(code)
    put(saver, "1", thread_id="u")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert ids_of(saver, config_of()) == ["2", "1"]
    assert ids_of(saver, config_of("u")) == ["1"]


def test_one_saver_serves_several_event_loops(s3: Server) -> None:
    """Four loops in four threads and the sync methods share one saver: each thread has all that was put to it."""
    saver, errors = RemoteHome(s3).saver(), []

    async def work(number: int) -> None:
        for step in range(5):
            await asyncio.to_thread(put, saver, str(step), thread_id=f"t{number}")
            found = await saver.aget_tuple(config_of(f"t{number}"))
            assert found is not None
            assert found.checkpoint["id"] == str(step)

    def run(number: int) -> None:
        try:
            asyncio.run(work(number))
        except BaseException as error:
            errors.append(error)
            raise

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert errors == []
    assert [len(ids_of(saver, config_of(f"t{number}"))) for number in range(4)] == [5] * 4
    assert isinstance(store_of(saver), RemoteStore)


@pytest.mark.parametrize("is_given", [False, True])
def test_a_filesystem_with_retries_of_its_own(s3: Server, *, is_given: bool) -> None:
    """A filesystem that is ours tries once, for the store tries again; one that was given keeps its ways."""
    home = RemoteHome(s3)
    if is_given:
        filesystem = fsspec.filesystem("s3", skip_instance_cache=True, **home.storage_options)
        saver = FileSaver(home.url, filesystem=filesystem)
    else:
        saver = home.saver()
    put(saver, "1")
    driver = store_of(saver)._driver
    assert (driver.fs.retries == 1) is not is_given
    assert ids_of(home.saver(), config_of()) == ["1"]
