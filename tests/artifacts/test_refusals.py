"""What a file may not make the library read: each is a typed error that names the file, and nothing else is opened."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from langgraph_filesaver import Artifact, CorruptDataError, FileSaver, FileSaverError, StorageError
from tests.artifacts.folder import artifacts_of
from tests.checkpoints import config_of, ids_of, put
from tests.stores import Home, WatchedStore

TEXT = "x" * 100_000
HASH = hashlib.sha256(TEXT.encode()).hexdigest()


def checkpoint_path(home: Home) -> Path:
    return home.root / "t" / "checkpoints" / "_root" / "c1.json"


def edit(home: Home, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the state in the checkpoint's file."""
    path = checkpoint_path(home)
    document = json.loads(path.read_text())
    change(document["state"])
    path.write_text(json.dumps(document))


def read_with(saver: FileSaver) -> list[Callable[[], object]]:
    """Return the ways to read the checkpoint."""
    return [
        lambda: saver.get_tuple(config_of()),
        lambda: saver.get_tuple(config_of("t", "", "c1")),
        lambda: list(saver.list(config_of())),
    ]


BAD_REFERENCES: list[Any] = [
    "/etc/passwd",
    f"/etc/{HASH}.txt",
    f"artifacts/../{HASH}.txt",
    f"../u/artifacts/{HASH}.txt",
    f"artifacts//{HASH}.txt",
    f"artifacts/./{HASH}.txt",
    f"./artifacts/{HASH}.txt",
    f"artifacts/x/{HASH}.txt",
    f"artifacts\\{HASH}.txt",
    f"file:///artifacts/{HASH}.txt",
    f"https://example.com/artifacts/{HASH}.txt",
    f"artifacts/{HASH}.txt/../../../secret",
    f"artifacts/{HASH}.txt\n",
    f"artifacts/{HASH}.txt\0",
    f"artifacts/{HASH}",
    f"artifacts/{HASH}.a.b.c",
    f"artifacts/{HASH}..txt",
    f"artifacts/{HASH.upper()}.txt",
    f"artifacts/{HASH[:-1]}.txt",
    f"artifacts/{HASH[:-1]}é.txt",
    "artifacts/",
    "",
    None,
    True,
    7,
    1.5,
    ["artifacts", f"{HASH}.txt"],
    {"$artifact": f"artifacts/{HASH}.txt"},
]
BAD_FORMS: list[Any] = [
    {"$artifact": f"artifacts/{HASH}.txt", "and": 1},
    {"$artifact": f"artifacts/{HASH}.txt", "$list": []},
    {"$list": [f"artifacts/{HASH}.txt"]},
    {"$list": f"artifacts/{HASH}.txt"},
    {"$list": {"0": f"artifacts/{HASH}.txt"}},
    {"$list": None},
    {"$list": [], "tail": {"a": 1}},
    {"$list": [], "tail": None},
    {"$list": [], "items": []},
    {"$artifact": f"artifacts/{HASH}.txt", "codec": 5},
    {"$artifact": f"artifacts/{HASH}.txt", "codec": "unknown"},
]
HANDLE = {
    "$type": "artifact", "path": f"artifacts/{HASH}.txt", "name": "a.txt", "media_type": "text/plain",
    "bytes": 100_000, "sha256": HASH,
}  # fmt: skip
BAD_HANDLES = [
    {**HANDLE, **change}
    for change in (
        {"path": "/etc/passwd"}, {"path": f"../u/artifacts/{HASH}.txt"}, {"path": f"file://artifacts/{HASH}.txt"},
        {"path": None}, {"name": 5}, {"name": None}, {"media_type": 5}, {"bytes": "100000"}, {"bytes": 1.0},
        {"bytes": True}, {"sha256": "0" * 64}, {"sha256": None}, {"more": 1},
    )
] + [{key: value for key, value in HANDLE.items() if key != missing} for missing in list(HANDLE)[1:]]  # fmt: skip


def prepared(home: Home, value: Any) -> WatchedStore:
    """Put a checkpoint, then write `value` into it by hand; lay out secrets that a bad reference might lead to."""
    put(home.saver(), "c1", {"value": TEXT})
    put(home.saver(), "c1", {"value": TEXT}, thread_id="u")
    (home.root / "secret").write_text("secret")
    edit(home, lambda state: state.update(value=value))
    return WatchedStore(home.store())


@pytest.mark.parametrize(
    "value",
    [
        *({"$artifact": reference} for reference in BAD_REFERENCES),
        *({"$list": [reference], "tail": []} for reference in BAD_REFERENCES),
        *BAD_FORMS,
        *BAD_HANDLES,
    ],
    ids=lambda value: json.dumps(value).replace(HASH, "HASH")[:90],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_reference_that_is_none(local_home: Home, value: Any, wrapped: bool) -> None:
    """[A2] A reference is `artifacts/<sha256>.<extension>` and nothing else; a bad one is told with its file and its place."""
    store = prepared(local_home, {"a": [1, {"b": value}]} if wrapped else value)
    saver = FileSaver(store)
    for way in read_with(saver):
        with pytest.raises(CorruptDataError) as raised:
            way()
        message = str(raised.value)
        assert str(checkpoint_path(local_home)) in message or f"{HASH}.txt" in raised.value.path
        assert 'state["value"]' in message or f"{HASH}.txt" in raised.value.path
    read = {key for key in store.reads if "checkpoints" not in key and key != "filesaver.json"}
    assert read <= {f"t/artifacts/{HASH}.txt"}


@pytest.mark.parametrize(
    "value", [{"$artifact": "../x"}, {"$list": ["artifacts/x"]}, {**HANDLE, "path": "/etc/passwd"}]
)
def test_a_bad_reference_stops_a_collection(local_home: Home, value: Any) -> None:
    """[O13] What a file refers to is not known where the reference is none: nothing is collected, and the file is named."""
    prepared(local_home, value)
    with pytest.raises(CorruptDataError, match=r"c1\.json"):
        local_home.saver().collect_garbage("t", dry_run=False, grace_seconds=0)
    assert len(artifacts_of(local_home)) == 1


def two_kinds(home: Home) -> dict[str, Path]:
    """Put a text and a list; return the artifact of each."""
    put(home.saver(), "c1", {"text": TEXT, "list": [f"item {n} " * 20 for n in range(200)]})
    folder = home.root / "t" / "artifacts"
    return {"text": folder / f"{HASH}.txt", "list": next(folder.glob("*.json"))}


@pytest.mark.parametrize("kind", ["text", "list"])
@pytest.mark.parametrize("damage", ["a byte", "cut short", "longer", "empty"])
def test_a_damaged_artifact(local_home: Home, kind: str, damage: str) -> None:
    """[A3] Bytes that are not those of the name are refused by whoever reads them, with the file, both hashes and what to do."""
    saver = local_home.saver()
    path = two_kinds(local_home)[kind]
    assert ids_of(saver, None) == ["c1"]
    data = path.read_bytes()
    changed = {"a byte": b"?" + data[1:], "cut short": data[:-1], "longer": data + b"\n", "empty": b""}[damage]
    path.write_bytes(changed)
    for way in [*read_with(saver), *read_with(local_home.saver())]:
        with pytest.raises(CorruptDataError, match="changed or damaged") as raised:
            way()
        assert raised.value.path == str(path)
        assert hashlib.sha256(changed).hexdigest() in str(raised.value)
    path.write_bytes(data)
    assert ids_of(saver, None) == ["c1"]


@pytest.mark.parametrize("kind", ["text", "list"])
def test_a_missing_artifact(local_home: Home, kind: str) -> None:
    """An artifact that somebody removed is an error that names it, never a shorter list or an empty text."""
    saver = local_home.saver()
    path = two_kinds(local_home)[kind]
    path.unlink()
    for way in [*read_with(saver), *read_with(local_home.saver())]:
        with pytest.raises(CorruptDataError, match="missing") as raised:
            way()
        assert raised.value.path == str(path)


@pytest.mark.parametrize("kind", ["text", "list"])
def test_an_artifact_that_is_a_link(local_home: Home, tmp_path: Path, kind: str) -> None:
    """A symbolic link in the place of an artifact is not followed, though the bytes behind it are right."""
    path = two_kinds(local_home)[kind]
    elsewhere = tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    for way in read_with(local_home.saver()):
        with pytest.raises(FileSaverError) as raised:
            way()
        assert str(path) in str(raised.value)


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_an_artifact_that_is_no_file(local_home: Home, kind: str) -> None:
    """A folder or a pipe in the place of an artifact is refused and does not hang the reader."""
    path = two_kinds(local_home)["text"]
    path.unlink()
    if kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    for way in read_with(local_home.saver()):
        with pytest.raises(FileSaverError) as raised:
            way()
        assert str(path) in str(raised.value)


def test_an_artifacts_folder_that_is_a_link_inside(local_home: Home) -> None:
    """A link in the place of the artifacts folder is followed where it leads to another folder of the thread."""
    two_kinds(local_home)
    folder = local_home.root / "t" / "artifacts"
    folder.rename(local_home.root / "t" / "elsewhere")
    folder.symlink_to("elsewhere")
    assert ids_of(local_home.saver(), None) == ["c1"]


def test_a_damaged_reference_inside_of_an_artifact(local_home: Home) -> None:
    """A bad reference in a chunk is told with the chunk's file, not with the checkpoint's alone."""
    put(local_home.saver(), "c1", {"list": ["x"] * 5})
    data = json.dumps([1, {"$artifact": "/etc/passwd"}]).encode()
    folder = local_home.root / "t" / "artifacts"
    folder.mkdir()
    chunk = folder / f"{hashlib.sha256(data).hexdigest()}.json"
    chunk.write_bytes(data)
    edit(local_home, lambda state: state.update(list={"$list": [f"artifacts/{chunk.name}"], "tail": []}))
    for way in read_with(local_home.saver()):
        with pytest.raises(CorruptDataError) as raised:
            way()
        assert raised.value.path == str(chunk)
        assert "/etc/passwd" in str(raised.value)


@pytest.mark.parametrize("data", [b"[1,", b"{}", b"5", b"null", b'"text"', b"\xff", b'{"$list": 5}', b'{"$list": [1]}'])
def test_a_chunk_that_is_no_list(local_home: Home, data: bytes) -> None:
    """A chunk is a list of items or a list of references; anything else is an error that names the chunk's file."""
    put(local_home.saver(), "c1", {"list": ["x"] * 5})
    folder = local_home.root / "t" / "artifacts"
    folder.mkdir()
    chunk = folder / f"{hashlib.sha256(data).hexdigest()}.json"
    chunk.write_bytes(data)
    edit(local_home, lambda state: state.update(list={"$list": [f"artifacts/{chunk.name}"], "tail": []}))
    for way in read_with(local_home.saver()):
        with pytest.raises(CorruptDataError) as raised:
            way()
        assert raised.value.path in (str(chunk), str(checkpoint_path(local_home)))


def test_a_handle_reads_nothing_until_asked(local_home: Home, tmp_path: Path) -> None:
    """A state with a handle is read without its file, which may be gone; asking for the content tells which file that is."""
    put(local_home.saver(), "c1", {"value": Artifact.from_bytes(b"content", name="a.bin")})
    (path,) = (local_home.root / "t" / "artifacts").iterdir()
    path.unlink()
    store = WatchedStore(local_home.store())
    found = FileSaver(store).get_tuple(config_of())
    assert found is not None
    handle = found.checkpoint["channel_values"]["value"]
    assert (handle.name, handle.bytes) == ("a.bin", 7)
    assert not any("artifacts" in key for key in store.reads)
    with pytest.raises(StorageError) as raised:
        handle.read_bytes()
    assert raised.value.path == str(path)
    path.symlink_to("/etc/passwd")
    with pytest.raises(StorageError, match=path.name):
        handle.open()
