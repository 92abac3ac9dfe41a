"""Artifacts by hand where something is amiss: names that are no text, damaged files, old garbage, other serdes, a full disk."""

from __future__ import annotations

import errno
import io
import sys
from pathlib import Path
from typing import Any

import pytest

from langgraph_filesaver import Artifact, CorruptDataError, FileSaver, SerializationError, StorageError
from tests.artifacts.folder import artifacts_of, make_older, staged
from tests.checkpoints import config_of, put
from tests.contract.test_foreign_serde import SERDES
from tests.stores import Home


def value_of(saver: FileSaver) -> Any:
    found = saver.get_tuple(config_of())
    assert found is not None
    return found.checkpoint["channel_values"]["value"]


@pytest.mark.parametrize("name", ["\udcff.pdf", "a\ud800", "\\u0041.pdf"])
def test_a_name_that_is_no_text(home: Home, name: str) -> None:
    """The name of a file that is no UTF-8, as Python tells it, is kept."""
    put(home.saver(), "c1", {"value": [Artifact.from_bytes(b"x", name=name)]})
    assert value_of(home.saver())[0].name == name
    assert value_of(home.saver())[0].read_bytes() == b"x"


def test_an_artifact_written_through_a_wrapper_that_closes_it(home: Home) -> None:
    """Text and CSV are written through a wrapper, which closes the file at its end: the artifact is whole nevertheless."""
    saver = home.saver()
    with saver.open_artifact(config_of(), "a.csv") as file, io.TextIOWrapper(io.BufferedWriter(file), "utf-8") as text:
        text.write("ä;b\n" * 10_000)
    put(saver, "c1", {"value": file.artifact})
    assert value_of(home.saver()).read_bytes() == "ä;b\n".encode() * 10_000


def test_a_damaged_file(local_home: Home) -> None:
    """The content of a handle is verified when it is read as a whole: other bytes are an error that names the file."""
    put(local_home.saver(), "c1", {"value": Artifact.from_bytes(b"good", name="a.txt")})
    (path,) = (local_home.root / "t" / "artifacts").iterdir()
    path.write_bytes(b"evil")
    with pytest.raises(CorruptDataError, match=path.name):
        value_of(local_home.saver()).read_bytes()


def test_old_garbage_is_young_again(local_home: Home) -> None:
    """What is streamed once more is in its grace period, though a file with this content lies there since long."""
    saver = local_home.saver()
    for _ in range(2):
        if artifacts_of(local_home):
            make_older(local_home, 7_200)
        with saver.open_artifact(config_of(), "a.bin") as file:
            file.write(b"content")
    assert saver.collect_garbage("t", dry_run=False).files == 0
    put(saver, "c1", {"value": file.artifact})
    assert value_of(local_home.saver()).read_bytes() == b"content"


@pytest.mark.parametrize("serde", SERDES)
def test_a_serde_that_would_lose_it(home: Home, serde: str) -> None:
    """A serde that makes bytes of a state cannot take a file along: it is refused, not stored as a path."""
    with pytest.raises(SerializationError, match="Artifact"):
        put(home.saver(serde=SERDES[serde]), "c1", {"value": Artifact.from_bytes(b"x", name="a")})


def test_a_full_disk(local_home: Home, tmp_path: Path) -> None:
    """A disk that refuses in the middle of a file is a StorageError, nothing of the file is left, and the old state stays."""
    if sys.platform == "win32":
        pytest.skip("the limit is one of POSIX")
    import resource

    saver = local_home.saver()
    put(saver, "c1", {"value": 1})
    (tmp_path / "video.mp4").write_bytes(bytes(50 * 1024 * 1024))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20 * 1024 * 1024, limits[1]))
    try:
        with pytest.raises(StorageError) as raised:
            put(saver, "c2", {"value": [Artifact.from_path(tmp_path / "video.mp4")]}, step=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert raised.value.errno == errno.EFBIG
    assert staged(local_home) == []
    assert artifacts_of(local_home) == {}
    assert value_of(local_home.saver()) == 1
