"""Values and folders at the edges of the rules: links, thresholds, names, and files that are more than one thing."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.serde.types import _DeltaSnapshot

from langgraph_filesaver import Artifact, CorruptDataError, SerializationError, StorageError, UnsupportedFormatError
from langgraph_filesaver._serde import fingerprint
from tests.artifacts.folder import artifacts_of, assert_nothing_missing
from tests.artifacts.test_beliefs import items, value_of
from tests.checkpoints import checkpoint_of, config_of, ids_of, metadata_of, put
from tests.contract.test_foreign_serde import PickleSerde
from tests.stores import Home


def test_a_put_does_not_write_through_a_link(local_home: Home, tmp_path: Path) -> None:
    """[A2] An artifacts folder that is a link out of the thread is refused before anything is written through it."""
    saver = local_home.saver()
    put(saver, "c1", {"a": 1}, step=1)
    outside = tmp_path / "outside"
    outside.mkdir()
    (local_home.root / "t" / "artifacts").symlink_to(outside)
    with pytest.raises(StorageError, match="symbolic link"):
        put(saver, "c2", {"a": "x" * 100_000}, step=2)
    assert list(outside.iterdir()) == []


def test_a_collection_does_not_remove_through_a_link(local_home: Home, tmp_path: Path) -> None:
    """[A2] Files outside are not taken for garbage because a link leads to them."""
    saver = local_home.saver()
    put(saver, "c1", {"a": 1}, step=1)
    outside = tmp_path / "outside"
    outside.mkdir()
    theirs = outside / f"{hashlib.sha256(b'x').hexdigest()}.txt"
    theirs.write_bytes(b"x")
    (local_home.root / "t" / "artifacts").symlink_to(outside)
    with pytest.raises(StorageError, match="symbolic link"):
        saver.collect_garbage("t", dry_run=False, grace_seconds=0)
    assert theirs.exists()


def test_a_read_does_not_follow_a_link(local_home: Home, tmp_path: Path) -> None:
    """[A2] What a link leads to is not read, though the bytes are right; the folder is named."""
    put(local_home.saver(), "c1", {"a": "x" * 100_000, "list": items(0, 200)}, step=1)
    folder = local_home.root / "t" / "artifacts"
    folder.rename(tmp_path / "outside")
    folder.symlink_to(tmp_path / "outside")
    with pytest.raises(StorageError, match="symbolic link") as raised:
        local_home.saver().get_tuple(config_of())
    assert raised.value.path == str(folder)


def test_a_large_part_of_json_with_references(home: Home) -> None:
    """A dict of more than 1 MiB, after a text in it has left: what only its artifact refers to is written, too."""
    value = {"a": "x" * 100_000, **{str(number): "y" * 50 for number in range(20_000)}}
    put(home.saver(), "c1", {"v": value})
    assert_nothing_missing(home)
    assert value_of(home.saver(), "v") == value


def test_bytes_whose_base64_is_too_large(home: Home) -> None:
    """[A4] Bytes of 60 kB, which would be 80 kB of base64, are an artifact of bytes and not of JSON."""
    put(home.saver(), "c1", {"v": b"x" * 60_000})
    assert [name[64:] for name in artifacts_of(home)] == [".bin"]


def test_large_integers_are_tagged_in_chunks(home: Home) -> None:
    """[V3] An integer beyond 53 bits is tagged text also where it stands in a chunk."""
    put(home.saver(), "c1", {"list": [{"n": 2**60 + number} for number in range(1000)]})
    chunks = b"".join(artifacts_of(home).values())
    assert chunks.count(b'"$type":"int"') == chunks.count(b'"1152921504606') > 100


def test_a_handle_whose_name_is_no_unicode(home: Home) -> None:
    """The name of a file that is no UTF-8 comes back as it was."""
    put(home.saver(), "c1", {"a": Artifact.from_bytes(b"x", name="\udcff.pdf")})
    assert value_of(home.saver(), "a").name == "\udcff.pdf"


def test_an_artifact_written_through_a_wrapper_that_closes_it(home: Home) -> None:
    """Text and CSV are written through a wrapper, which closes the file at its end: the artifact is whole nevertheless."""
    saver = home.saver()
    with saver.open_artifact(config_of(), "a.csv") as file, io.TextIOWrapper(io.BufferedWriter(file), "utf-8") as text:
        text.write("ä;b\n" * 10_000)
    put(saver, "c1", {"a": file.artifact})
    assert value_of(home.saver(), "a").read_bytes() == "ä;b\n".encode() * 10_000


def test_a_damaged_file_of_a_handle(local_home: Home) -> None:
    """[A3] The content of a handle is compared with its SHA-256 when it is read as a whole."""
    put(local_home.saver(), "c1", {"a": Artifact.from_bytes(b"good", name="a.txt")})
    (artifact,) = (local_home.root / "t" / "artifacts").iterdir()
    artifact.write_bytes(b"evil")
    handle = value_of(local_home.saver(), "a")
    with pytest.raises(CorruptDataError, match=artifact.name):
        handle.read_bytes()


def test_another_serde_refuses_handles(local_home: Home) -> None:
    """A serde that makes bytes of a value would keep no more of a handle than a path: refused, with what to do instead."""
    saver = local_home.saver(serde=PickleSerde())
    with pytest.raises(SerializationError, match="needs a folder"):
        put(saver, "c1", {"a": Artifact.from_bytes(b"x", name="a.txt")})
    assert saver.get_tuple(config_of()) is None


@pytest.mark.parametrize("first", ["a", "z"])
def test_a_chunk_that_is_a_handle_as_well(home: Home, first: str) -> None:
    """A file that a handle and a list refer to is searched for references, whichever of the two is seen first."""
    saver = home.saver()
    listed: list[Any] = [{"v": f"{number}" + "t" * 100_000} for number in range(30)] + items(0, 200)
    put(saver, "c1", {"m": listed}, step=1)
    nested = [data for name, data in artifacts_of(home).items() if name.endswith(".json") and b'"artifacts/' in data]
    handles = [Artifact.from_bytes(data, name="copy.json") for data in nested]
    assert handles
    put(saver, "c2", {"m": listed, first: handles}, step=2)
    saver.prune(["t"])
    saver.collect_garbage("t", dry_run=False, grace_seconds=0)
    assert_nothing_missing(home)


def test_an_item_changed_to_what_would_pack_alike(home: Home) -> None:
    """A tuple in a remembered item is replaced by a list that looks like its fingerprint: the list is stored."""
    saver = home.saver()
    listed: list[Any] = [["first", number, ("a", number)] for number in range(2000)]
    put(saver, "c1", {"list": listed}, step=1)
    for number in range(len(fingerprint._parts) + 2):
        listed[0][2] = [number, ["a", 0]]
        put(saver, f"d{number}", {"list": listed}, step=2 + number)
        assert repr(value_of(home.saver(), "list")) == repr(listed)


def test_pruning_sees_a_snapshot_at_any_threshold(home: Home) -> None:
    """The snapshot of a DeltaChannel stays in its document, where pruning looks for it."""
    saver = home.saver(artifact_threshold_bytes=0)
    saver.put(config_of(), checkpoint_of("c1", {"v": _DeltaSnapshot([1, 2, 3])}, {"v": 1}), metadata_of(), {"v": 1})
    saver.put(config_of("t", "", "c1"), checkpoint_of("c2", {}, {"v": 1}), metadata_of(), {})
    saver.prune(["t"])
    assert ids_of(saver, config_of()) == ["c2", "c1"]


def test_a_collection_names_a_file_of_a_newer_format(local_home: Home) -> None:
    """[D2] A file of a newer format may refer to anything in ways not known here: the collection refuses, and names it."""
    saver = local_home.saver()
    put(saver, "c1", {"v": 1})
    path = local_home.root / "t" / "checkpoints" / "_root" / "c1.json"
    path.write_text(path.read_text("utf-8").replace('"format": 1', '"format": 99'), "utf-8")
    with pytest.raises(UnsupportedFormatError, match=r"c1\.json"):
        saver.collect_garbage("t")
