"""A person breaks, renames or misplaces a file: it is told by its path, and never taken for missing or empty (P3)."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.serde.types import INTERRUPT

from langgraph_filesaver import CorruptDataError, FileSaver, FileSaverError, StorageError, UnsupportedFormatError
from tests.by_hand.edited import CHECKPOINTS, latest
from tests.checkpoints import config_of, id_of, ids_of, put
from tests.stores import Home


def snapshot(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*.json") if path.is_file()}


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
