"""Making a saver: what a root may be, what is refused, and that nothing is written before the first put."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import fsspec
import pytest

from langgraph_filesaver import CorruptDataError, FileSaver, StorageError, UnsupportedFormatError
from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store import MemoryStore
from tests.checkpoints import checkpoint_of, config_of, ids_of, metadata_of, put


def everything_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_making_and_reading_writes_nothing(tmp_path: Path) -> None:
    """Constructing, reading, setup and the context manager leave the disk as it was, with or without the folder."""
    for root in (tmp_path / "missing/deep", tmp_path):
        with FileSaver(root) as saver:
            saver.setup()
            assert saver.get_tuple(config_of()) is None
            assert list(saver.list(None)) == []
            assert saver.get_delta_channel_history(config=config_of(), channels=["a"]) == {"a": {"writes": []}}
    assert everything_in(tmp_path) == []


def test_maintenance_of_what_is_not_there_makes_no_thread(tmp_path: Path) -> None:
    """Deleting, pruning and copying threads that do not exist are fine and leave no thread behind."""
    saver = FileSaver(tmp_path / "root")
    saver.delete_thread("missing")
    saver.delete_for_runs(["missing"])
    saver.copy_thread("missing", "target")
    for strategy in ("keep_latest", "delete", "delete_all"):
        saver.prune(["missing"], strategy=strategy)
    assert [name for name in everything_in(tmp_path / "root") if not name.startswith((".locks", ".tmp"))] == []
    assert list(saver.list(None)) == []


def test_the_first_put_makes_the_folder_and_its_marker(tmp_path: Path) -> None:
    """The first put makes the folder, the marker with the format number, and the thread."""
    put(FileSaver(tmp_path / "a/b"), "1")
    assert json.loads((tmp_path / "a/b/filesaver.json").read_bytes()) == {"format": 1}
    assert (tmp_path / "a/b/t/checkpoints/_root/1.json").is_file()


@pytest.mark.parametrize("give", [str, Path, lambda path: f"file://{path}", lambda path: f"{path}/"])
def test_a_root_is_a_path_or_a_file_url(tmp_path: Path, give: Any) -> None:
    """A str, a path object, a `file://` URL and a trailing slash all name the same folder."""
    put(FileSaver(tmp_path), "1")
    assert ids_of(FileSaver(give(tmp_path)), None) == ["1"]
    assert ids_of(FileSaver.from_conn_string(give(tmp_path), fsync=False), None) == ["1"]


@pytest.mark.parametrize("scheme", ["file://", "file:"])
@pytest.mark.parametrize("name", ["a b", "a%20b", "a%2Fb", "a?b#c", "ä", "a+b", "deep/a%"])
def test_a_file_url_names_the_folder_that_fsspec_opens(tmp_path: Path, scheme: str, name: str) -> None:
    """What follows `file://` is the path as it stands: nothing is decoded, and fsspec reads what was put there."""
    url = f"{scheme}{tmp_path}/{name}"
    put(FileSaver(url), "1")
    assert (tmp_path / name / MARKER.key).is_file()
    files, folder = fsspec.core.url_to_fs(url)
    assert files.cat_file(f"{folder}/{MARKER.key}") == MARKER.data
    assert os.listdir(tmp_path) == [name.split("/", maxsplit=1)[0]]


@pytest.mark.parametrize("url", ["file://threads", "file://./threads", "file://~/threads"])
def test_a_relative_file_url_is_relative_as_for_fsspec(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """There is no host in a `file://` URL: what is not absolute lies in the working directory, or in the home with `~`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    put(FileSaver(url), "1")
    assert (tmp_path / "threads" / MARKER.key).is_file()
    assert Path(fsspec.core.url_to_fs(url)[1]) == tmp_path / "threads"


def test_a_relative_root_stays_where_it_was_when_the_process_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path means the working directory of the moment in which the saver was made; `~` means the home."""
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    saver = FileSaver("threads")
    monkeypatch.chdir(tmp_path / "there")
    put(saver, "1")
    assert (tmp_path / "here/threads/t").is_dir()
    monkeypatch.setenv("HOME", str(tmp_path / "here"))
    assert ids_of(FileSaver("~/threads"), None) == ["1"]


@pytest.mark.parametrize("url", ["nowhere://bucket/prefix", "s3://", "memory:///"])
def test_a_url_of_another_kind_is_refused_by_name(url: str) -> None:
    """A URL of a kind that fsspec does not know, or of no place, is a ValueError that repeats it, not a local folder of that name."""
    with pytest.raises(ValueError, match=url):
        FileSaver(url)
    assert not os.path.exists(url.partition(":")[0] + ":")


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    """A folder that is not empty and not ours is refused, naming what is in it, and nothing is written into it."""
    (tmp_path / "thesis.docx").write_bytes(b"mine")
    with pytest.raises(StorageError, match=r"not empty.*thesis\.docx.*empty or new folder") as refused:
        FileSaver(tmp_path)
    assert str(tmp_path) in str(refused.value)
    assert everything_in(tmp_path) == ["thesis.docx"]


def test_what_systems_leave_in_folders_does_not_make_them_somebody_elses(tmp_path: Path) -> None:
    """A folder that holds only `.DS_Store`, `lost+found`, `.gitkeep` and the like counts as empty."""
    for name in (".DS_Store", ".gitkeep", ".gitignore"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "lost+found").mkdir()
    put(FileSaver(tmp_path), "1")
    assert ids_of(FileSaver(tmp_path), None) == ["1"]


def test_strangers_in_a_folder_of_ours_are_left_alone(tmp_path: Path) -> None:
    """Once a folder is ours, files and folders that a person adds neither disturb nor appear."""
    put(FileSaver(tmp_path), "1")
    (tmp_path / "README.md").write_bytes(b"mine")
    (tmp_path / "Notes on it").mkdir()
    (tmp_path / "notes").write_bytes(b"a plain name, but a file")
    assert ids_of(FileSaver(tmp_path), None) == ["1"]
    assert (tmp_path / "README.md").read_bytes() == b"mine"


def test_a_file_as_root_is_refused(tmp_path: Path) -> None:
    """A file where the folder should be, or above it, is a StorageError that says so; the file stays."""
    file = tmp_path / "file"
    file.write_bytes(b"mine")
    with pytest.raises(StorageError, match="file stands where a folder is needed"):
        FileSaver(file)
    below = FileSaver(file / "deep/er") if os.name == "nt" else None
    if below is None:
        with pytest.raises(StorageError, match="file stands where a folder is needed"):
            put(FileSaver(file / "deep/er"), "1")
    assert file.read_bytes() == b"mine"


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    """A folder that a newer release wrote is refused with both numbers and the way out, and is not touched."""
    (tmp_path / "filesaver.json").write_text('{"format": 2, "compression": "zstd"}')
    with pytest.raises(UnsupportedFormatError, match=r"filesaver\.json.*format 2.*install a newer") as refused:
        FileSaver(tmp_path)
    assert (refused.value.found, refused.value.supported) == (2, 1)
    assert everything_in(tmp_path) == ["filesaver.json"]


@pytest.mark.parametrize("marker", [b"", b"{", b"[]", b"{}", b'{"format": "1"}', b'{"format": 0}', b'{"format": true}'])
def test_a_marker_that_says_nothing_is_refused(tmp_path: Path, marker: bytes) -> None:
    """A broken marker is an error that names the file: the folder is neither taken for new nor for ours."""
    (tmp_path / "filesaver.json").write_bytes(marker)
    with pytest.raises(CorruptDataError, match=r"filesaver\.json"):
        FileSaver(tmp_path)
    assert (tmp_path / "filesaver.json").read_bytes() == marker


def test_a_marker_with_more_in_it_is_fine(tmp_path: Path) -> None:
    """A marker that was edited, with a note, a BOM and blank lines, is read, and the note is kept."""
    text = b'\xef\xbb\xbf{\n\n  "format": 1,\n  "note": "mine"\n}\n\n'
    (tmp_path / "filesaver.json").write_bytes(text)
    put(FileSaver(tmp_path), "1")
    assert (tmp_path / "filesaver.json").read_bytes() == text


async def test_on_an_event_loop_a_wrong_root_is_told_by_the_first_call(tmp_path: Path) -> None:
    """Made on a loop, a saver looks at its root with the first call, on a thread; the same error comes from there."""
    (tmp_path / "thesis.docx").write_bytes(b"mine")
    saver = FileSaver(tmp_path)
    for _ in range(2):
        with pytest.raises(StorageError, match="not empty"):
            await saver.aput(config_of(), checkpoint_of("1"), metadata_of(), {})
    assert everything_in(tmp_path) == ["thesis.docx"]


async def test_the_saver_is_its_own_context_manager_sync_and_async(tmp_path: Path) -> None:
    """`with`, `async with` and plain construction give the same saver, which works inside, after, and again."""
    saver = FileSaver(tmp_path)
    with saver as entered:
        assert entered is saver
        put(saver, "1")
    async with saver as entered:
        assert entered is saver
        await saver.aput(config_of(), checkpoint_of("2"), metadata_of(), {})
    await saver.aput(config_of(), checkpoint_of("3"), metadata_of(), {})
    put(saver, "4")
    async with saver:
        assert [each.checkpoint["id"] async for each in saver.alist(None)] == ["4", "3", "2", "1"]


def test_setup_may_be_called_any_number_of_times(tmp_path: Path) -> None:
    """`setup` exists, needs no call, and changes nothing before or after the first put."""
    saver = FileSaver(tmp_path)
    saver.setup()
    put(saver, "1")
    before = everything_in(tmp_path)
    saver.setup()
    saver.setup()
    assert everything_in(tmp_path) == before


def test_a_store_may_be_given_as_root() -> None:
    """Any store serves as root; two savers over it see the same threads, and `repr` tells where they are."""
    store = MemoryStore(MARKER)
    put(FileSaver(store), "1")
    assert ids_of(FileSaver(store), None) == ["1"]
    assert "MemoryStore" in repr(FileSaver(store))


def test_a_saver_tells_its_root(tmp_path: Path) -> None:
    """`repr` holds the path, for logs."""
    assert str(tmp_path) in repr(FileSaver(tmp_path))


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (lambda saver: saver.prune("t"), TypeError, r"thread_ids=\['t'\]"),
        (lambda saver: saver.prune(b"t"), TypeError, "thread_ids"),
        (lambda saver: saver.prune(["t"], strategy="keep_some"), ValueError, "'keep_some'.*'keep_latest'"),
        (lambda saver: saver.prune([], strategy="keep_some"), ValueError, "keep_some"),
        (lambda saver: saver.delete_for_runs("r"), TypeError, r"run_ids=\['r'\]"),
    ],
)
def test_wrong_arguments_of_maintenance_are_refused(call: Any, error: type[Exception], told: str) -> None:
    """One string in place of a list, and an unknown strategy, are errors that show the right call; nothing is removed."""
    saver = FileSaver(MemoryStore(MARKER))
    put(saver, "1")
    put(saver, "2", parent="1")
    with pytest.raises(error, match=told):
        call(saver)
    assert ids_of(saver, None) == ["2", "1"]


def test_pruning_and_deleting_nothing_changes_nothing() -> None:
    """An empty list is no wildcard: `prune([])` with any strategy and `delete_for_runs([])` leave everything."""
    saver = FileSaver(MemoryStore(MARKER))
    put(saver, "1")
    put(saver, "2", parent="1")
    for strategy in ("keep_latest", "delete", "delete_all"):
        saver.prune([], strategy=strategy)
    saver.delete_for_runs([])
    assert ids_of(saver, None) == ["2", "1"]


@pytest.mark.parametrize("strategy", ["delete", "delete_all"])
def test_both_names_of_deleting_delete(strategy: str) -> None:
    """`"delete"` and `"delete_all"` remove the named threads whole and leave the others."""
    saver = FileSaver(MemoryStore(MARKER))
    for thread_id in ("a", "b", "c"):
        put(saver, "1", thread_id=thread_id)
        saver.put_writes(config_of(thread_id, "", "1"), [("a", 1)], "task")
    saver.prune(["a", "missing", "c"], strategy=strategy)
    assert [each.config["configurable"]["thread_id"] for each in saver.list(None)] == ["b"]
    put(saver, "1", thread_id="a")
    found = saver.get_tuple(config_of("a"))
    assert found is not None
    assert found.pending_writes == []


def test_a_group_may_be_let_read(tmp_path: Path) -> None:
    """[S3] With mode=0o640 files are 0640 and folders 0750, whatever the umask; locks stay their owner's, and nobody else may write."""
    before = os.umask(0o077)
    try:
        saver = FileSaver(tmp_path / "a", fsync=False, mode=0o640)
        put(saver, "1", {"text": "x" * 2_000_000, "b": "y" * 100_000})
        saver.delete_thread("u")
    finally:
        os.umask(before)
    paths = [path for path in (tmp_path / "a").rglob("*") if ".locks" not in path.parts]
    assert {path.stat().st_mode & 0o777 for path in paths if path.is_file()} == {0o640}
    assert {path.stat().st_mode & 0o777 for path in (*paths, tmp_path / "a") if path.is_dir()} == {0o750}
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "a/.locks").iterdir()} <= {0}
    for wrong in (0o660, 0o400, 0o755, 0o777):
        with pytest.raises(ValueError, match="0o640"):
            FileSaver(tmp_path / "b", mode=wrong)
