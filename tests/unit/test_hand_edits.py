"""A person edits, breaks, moves and litters: edits count, damage is told, strays do no harm (P3)."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.serde.types import INTERRUPT

from langgraph_filesaver import CorruptDataError, FileSaver, FileSaverError, StorageError, UnsupportedFormatError
from tests.checkpoints import checkpoint_of, config_of, id_of, ids_of, metadata_of, put
from tests.stores import Home

CHECKPOINTS = "t/checkpoints/_root"


@pytest.fixture
def saver(local_home: Home) -> FileSaver:
    """A warm saver over a thread of three checkpoints, the last with writes."""
    saver = local_home.saver()
    for number in (1, 2, 3):
        put(saver, str(number), {"count": number, "log": ["a", "b"]}, parent=str(number - 1), step=number)
    saver.put_writes(config_of("t", "", "3"), [("count", 4), (INTERRUPT, "ask")], "task")
    latest(saver)
    return saver


@pytest.fixture
def file(local_home: Home, saver: FileSaver) -> Path:
    """The file of the latest checkpoint."""
    return local_home.root / CHECKPOINTS / "3.json"


@pytest.fixture
def writes_file(local_home: Home, saver: FileSaver) -> Path:
    """The file of its writes."""
    (found,) = (local_home.root / "t/writes").rglob("*.json")
    return found


def latest(saver: FileSaver) -> CheckpointTuple:
    found = saver.get_tuple(config_of())
    assert found is not None
    return found


def snapshot(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*.json") if path.is_file()}


Edit = Callable[[str], str]
HARMLESS: dict[str, Edit] = {
    "compact": lambda text: json.dumps(json.loads(text), separators=(",", ":")),
    "wide indentation": lambda text: json.dumps(json.loads(text), indent=8),
    "tabs and CRLF": lambda text: json.dumps(json.loads(text), indent="\t").replace("\n", "\r\n"),
    "sorted keys": lambda text: json.dumps(json.loads(text), sort_keys=True),
    "BOM": lambda text: "\ufeff" + text,
    "trailing newlines": lambda text: text + "\n\n",
    "leading blank lines": lambda text: "\n \n" + text,
    "unknown key added": lambda text: '{"note": {"$type": "nothing"}, ' + text[1:],
    "escaped letters": lambda text: text.replace('"loop"', '"\\u006coop"'),
}


@pytest.mark.parametrize("edit", HARMLESS.values(), ids=HARMLESS)
def test_the_form_of_a_file_does_not_matter(saver: FileSaver, file: Path, writes_file: Path, edit: Edit) -> None:
    """[D1] Reformatting a checkpoint and its writes, a BOM, newlines and unknown keys change nothing that is read."""
    before = latest(saver)
    for edited in (file, writes_file):
        edited.write_text(edit(edited.read_text("utf-8")), "utf-8", newline="")
    assert latest(saver) == before
    assert ids_of(saver, config_of()) == ["3", "2", "1"]


def test_a_changed_value_counts_at_the_next_read(saver: FileSaver, file: Path, local_home: Home) -> None:
    """[C7] What a person wrote into a checkpoint is what the very next read returns, in a warm saver and in a new one."""
    document = json.loads(file.read_text())
    document["state"].update(count=99, log=["a", "corrected"], added={"by": "hand"})
    document["metadata"]["reviewed"] = True
    document["step"] = 7
    file.write_text(json.dumps(document, indent=4))
    for reader in (saver, local_home.saver()):
        found = latest(reader)
        assert found.checkpoint["channel_values"] == {"count": 99, "log": ["a", "corrected"], "added": {"by": "hand"}}
        assert found.metadata == metadata_of(7, {"reviewed": True})
        assert ids_of(reader, None, filter={"reviewed": True, "step": 7}) == ["3"]


def test_an_edit_in_place_of_the_same_length_counts_too(saver: FileSaver, file: Path) -> None:
    """An edit that changes neither size nor, within a tick, the time of the file is seen all the same."""
    status = file.stat()
    for number in range(4, 10):
        text = file.read_text().replace(f'"count": {number - 1}', f'"count": {number}')
        with file.open("r+") as opened:
            opened.write(text)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert latest(saver).checkpoint["channel_values"]["count"] == number


def test_the_edited_state_is_what_a_later_step_builds_on(saver: FileSaver, file: Path) -> None:
    """Read back and put on as LangGraph does, with unchanged versions, the edited value is stored, not the one before."""
    file.write_text(file.read_text().replace('"count": 3', '"count": 99'))
    found = latest(saver)
    onward = checkpoint_of("4", found.checkpoint["channel_values"], found.checkpoint["channel_versions"])
    saver.put(found.config, onward, metadata_of(4), {})
    assert latest(saver).checkpoint["channel_values"]["count"] == 99


def test_a_removed_parent_and_a_removed_file_count(saver: FileSaver, file: Path) -> None:
    """A checkpoint that a person deletes is gone at the next look; the one before it is the latest then."""
    file.unlink()
    assert id_of(latest(saver).config) == "2"
    assert ids_of(saver, config_of()) == ["2", "1"]
    assert saver.get_tuple(config_of("t", "", "3")) is None


def test_edited_writes_count(saver: FileSaver, writes_file: Path) -> None:
    """A pending write that a person corrected is the one that the next read returns."""
    writes_file.write_text(writes_file.read_text().replace('"ask"', '"ask again"'))
    assert latest(saver).pending_writes == [("task", INTERRUPT, "ask again"), ("task", "count", 4)]


@pytest.mark.parametrize(
    ("broken", "line", "column"),
    [
        ('{\n  "format": 1,\n  "state": {,}\n}', 3, 13),
        ('{\n  "format": 1\n  "state": {}\n}', 3, 3),
        ('{"format": 1, "state": {"a": 1},}', 1, None),
        ("", 1, 1),
        ("{", 1, None),
        ('{"format": 1} trailing', 1, None),
        ('{"format": NaN}', 1, None),
        ("// a comment\n{}", 1, 1),
        ('{"format": 1, "state": "\x01"}', 1, None),
    ],
)
def test_a_broken_edit_is_told_by_file_line_and_column(
    saver: FileSaver, file: Path, broken: str, line: int, column: int | None
) -> None:
    """[D4] JSON that is broken is CorruptDataError with path, line and column; the thread is not taken for empty."""
    before = snapshot(file.parents[3])
    file.write_text(broken)
    for read in (
        lambda: saver.get_tuple(config_of()),
        lambda: saver.get_tuple(config_of("t", "", "3")),
        lambda: list(saver.list(config_of())),
        lambda: list(saver.list(None)),
        lambda: saver.prune(["t"]),
        lambda: saver.delete_for_runs(["r"]),
        lambda: saver.get_delta_channel_history(config=config_of(), channels=["count"]),
    ):
        with pytest.raises(CorruptDataError) as raised:
            read()
        assert raised.value.path == str(file)
        assert raised.value.line == line
        assert raised.value.column == column or column is None
        assert raised.value.column is not None
        assert str(raised.value).startswith(f"{file}, line {line}, column {raised.value.column}: ")
    assert file.read_text() == broken
    assert snapshot(file.parents[3]).keys() == before.keys()
    assert saver.get_tuple(config_of("t", "", "2")) is not None


def test_bytes_that_are_no_text_are_told(saver: FileSaver, file: Path) -> None:
    """A file in another encoding is CorruptDataError, not a UnicodeDecodeError."""
    file.write_bytes(file.read_text().replace('"loop"', '"lööp"').encode("latin-1"))
    with pytest.raises(CorruptDataError, match=r"3\.json"):
        latest(saver)
    file.write_bytes(file.read_bytes().decode("latin-1").encode("utf-16"))
    with pytest.raises(CorruptDataError, match=r"3\.json"):
        latest(saver)


@pytest.mark.parametrize(
    ("change", "where", "told"),
    [
        (lambda document: document.pop("state"), "state", "found nothing"),
        (lambda document: document.update(state="x"), "state", "expected an object, found a string"),
        (lambda document: document.update(checkpoint=[]), "checkpoint", "expected an object, found a list"),
        (lambda document: document.update(checkpoint_id=3), "checkpoint_id", "expected a string, found an integer"),
        (lambda document: document.pop("format"), "format", "is this file one of ours"),
    ],
)
def test_a_field_that_was_broken_is_named(
    saver: FileSaver, file: Path, change: Callable[[dict[str, Any]], object], where: str, told: str
) -> None:
    """[D4] Valid JSON in which a field is missing or wrong: the error names the file and the field."""
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))
    with pytest.raises(CorruptDataError, match=told) as raised:
        latest(saver)
    assert (raised.value.path, raised.value.where) == (str(file), where)


@pytest.mark.parametrize("keep", [0, 1, 2, 10, 50, 0.5, 0.99, -2], ids=str)
def test_a_truncated_file_is_an_error_and_never_empty(saver: FileSaver, file: Path, keep: float) -> None:
    """Cut off anywhere, the newest file is an error in every read of the latest: never None, never the one before."""
    data = file.read_bytes()
    file.write_bytes(data[: int(keep if not 0 < keep < 1 else len(data) * keep)])
    with pytest.raises(CorruptDataError, match=r"3\.json"):
        saver.get_tuple(config_of())
    with pytest.raises(CorruptDataError, match=r"3\.json"):
        next(saver.list(config_of()))


def test_truncated_writes_are_an_error_and_never_no_writes(saver: FileSaver, writes_file: Path) -> None:
    """Writes that cannot be read are not taken for none, or finished nodes would run again; nor are they overwritten."""
    half = writes_file.read_bytes()[:40]
    writes_file.write_bytes(half)
    for call in (
        lambda: saver.get_tuple(config_of()),
        lambda: list(saver.list(config_of())),
        lambda: saver.put_writes(config_of("t", "", "3"), [("count", 4)], "task"),
        lambda: saver.prune(["t"]),
    ):
        with pytest.raises(CorruptDataError) as raised:
            call()
        assert raised.value.path == str(writes_file)
    assert writes_file.read_bytes() == half
    assert saver.get_tuple(config_of("t", "", "2")) is not None


def test_a_tag_that_was_broken_names_file_and_place(local_home: Home) -> None:
    """A value that no longer is what its `$type` needs is told with the file and the path to the value."""
    saver = local_home.saver()
    put(saver, "1", {"when": {"deep": [(1, 2)]}})
    file = local_home.root / CHECKPOINTS / "1.json"
    file.write_text(file.read_text().replace('"items"', '"itemz"'))
    with pytest.raises(CorruptDataError, match=r"1\.json.*when.*deep") as raised:
        latest(saver)
    assert raised.value.path == str(file)


def test_a_newer_file_is_told_by_its_number(saver: FileSaver, file: Path) -> None:
    """[D2] A checkpoint that a newer release wrote is UnsupportedFormatError with path and number."""
    file.write_text(file.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(UnsupportedFormatError, match=r"3\.json.*format 2") as raised:
        latest(saver)
    assert (raised.value.path, raised.value.found) == (str(file), 2)


@pytest.mark.parametrize("name", ["9.json", "zz.json"])
def test_a_renamed_checkpoint_is_named_and_not_answered_with(saver: FileSaver, file: Path, name: str) -> None:
    """[C1] A file whose name says another id than its content is an error that names file and field."""
    file.rename(file.with_name(name))
    with pytest.raises(CorruptDataError, match=name) as raised:
        latest(saver)
    assert raised.value.where == "checkpoint_id"
    assert "'3'" in str(raised.value)


def test_a_checkpoint_in_another_namespace_is_named(saver: FileSaver, file: Path) -> None:
    """[C1] A file that was moved into another namespace's folder is an error, whether listed or asked for."""
    folder = file.parents[1] / "inner"
    folder.mkdir()
    shutil.copy(file, folder)
    for read in (lambda: saver.get_tuple(config_of("t", "inner")), lambda: list(saver.list(config_of("t", None)))):
        with pytest.raises(CorruptDataError, match="inner") as raised:
            read()
        assert raised.value.where == "checkpoint_ns"
    assert id_of(latest(saver).config) == "3"


def test_misplaced_files_with_hashed_names_are_named_too(local_home: Home) -> None:
    """[C1] Where only the content tells the id, a wrong name is found by comparing the two."""
    saver = local_home.saver()
    put(saver, "A", checkpoint_ns="Inner:1")
    (file,) = (local_home.root / "t/checkpoints").rglob("*.json")
    file.rename(file.with_name("b~" + "a" * 32 + ".json"))
    with pytest.raises(CorruptDataError, match="checkpoint_id"):
        saver.get_tuple(config_of("t", "Inner:1"))
    (local_home.root / "t/checkpoints" / ("x~" + "a" * 32)).mkdir()
    put(saver, "B", checkpoint_ns="Inner:1", thread_id="u")
    (other,) = (local_home.root / "u/checkpoints").rglob("*.json")
    other.parent.rename(other.parent.with_name("x~" + "a" * 32))
    with pytest.raises(CorruptDataError, match="checkpoint_ns"):
        list(saver.list(config_of("u", None)))


def test_writes_of_another_checkpoint_are_named(saver: FileSaver, writes_file: Path) -> None:
    """[C1] A writes file whose content belongs to another checkpoint than its name says is an error."""
    writes_file.write_text(writes_file.read_text().replace('"checkpoint_id": "3"', '"checkpoint_id": "2"'))
    with pytest.raises(CorruptDataError) as raised:
        latest(saver)
    assert (raised.value.path, raised.value.where) == (str(writes_file), "checkpoint_id")


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


def test_a_folder_in_the_place_of_a_checkpoint_is_an_error(saver: FileSaver, file: Path) -> None:
    """Something else than a file under a checkpoint's own name is told, not skipped and not waited for."""
    file.unlink()
    file.mkdir()
    with pytest.raises(StorageError, match=r"3\.json"):
        latest(saver)
    file.rmdir()
    os.mkfifo(file)
    with pytest.raises(StorageError, match="not a regular file"):
        latest(saver)


def test_damage_in_one_thread_leaves_the_others_alone(saver: FileSaver, file: Path) -> None:
    """A broken file concerns its own thread: others are read, written, pruned and deleted as ever."""
    put(saver, "1", thread_id="other")
    file.write_text("{")
    assert ids_of(saver, config_of("other")) == ["1"]
    put(saver, "2", thread_id="other", parent="1")
    saver.prune(["other"])
    assert ids_of(saver, config_of("other")) == ["2"]
    with pytest.raises(FileSaverError):
        list(saver.list(None))
    saver.delete_thread("t")
    assert ids_of(saver, None) == ["2"]


def test_putting_a_broken_checkpoint_again_mends_it(saver: FileSaver, file: Path) -> None:
    """Going on from the checkpoint before, the same id put again replaces the broken file, on purpose and whole."""
    file.write_text("{")
    put(saver, "3", {"count": 5}, parent="2")
    assert latest(saver).checkpoint["channel_values"] == {"count": 5}
    assert latest(saver).pending_writes == [("task", INTERRUPT, "ask"), ("task", "count", 4)]


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


def test_a_checkpoint_that_is_its_own_ancestor_is_told(saver: FileSaver, local_home: Home) -> None:
    """Parents that were edited into a circle are an error that names a file of it, where they are walked: never an endless walk."""
    file = local_home.root / CHECKPOINTS / "1.json"
    file.write_text(file.read_text().replace('"parent_checkpoint_id": "0"', '"parent_checkpoint_id": "3"'))
    with pytest.raises(CorruptDataError, match="its own ancestor") as raised:
        saver.get_delta_channel_history(config=config_of(), channels=["never stored"])
    assert (raised.value.where, Path(raised.value.path).parent) == ("parent_checkpoint_id", file.parent)
    assert ids_of(saver, config_of()) == ["3", "2", "1"]
    saver.prune(["t"])
    assert ids_of(saver, config_of()) == ["3"]
