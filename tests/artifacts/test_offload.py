"""Large values leave the checkpoint's file, wherever they sit, in the format that is natural to them, and come back the same."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import random
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.serde.types import ERROR, INTERRUPT
from pydantic import BaseModel

from langgraph_filesaver import ArtifactCodec, CorruptDataError, FileSaver
from tests.artifacts.folder import artifacts_of, assert_nothing_missing, checkpoint_text, files_of
from tests.checkpoints import config_of, ids_of, put
from tests.contract.test_foreign_serde import SERDES
from tests.stores import Home

LARGE = 100_000
PNG = b"\x89PNG\r\n\x1a\n" + random.Random(1).randbytes(LARGE)
JPG = b"\xff\xd8\xff\xe0" + random.Random(2).randbytes(LARGE)
PDF = b"%PDF-1.7\n" + random.Random(3).randbytes(LARGE)


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


@dataclass
class Report:
    """A value of the user's, with a large text inside."""

    title: str
    text: str


class Shelf(BaseModel):
    """A pydantic model with large parts."""

    books: dict[str, str] = {}
    data: bytes = b""


# What the value is, and the extension of the artifact that it becomes, or the larger part of it.
LARGE_VALUES: dict[str, tuple[Any, str]] = {
    "text": ("Line.\n" * 20_000, ".txt"),
    "other letters": ("日本語 ключ 🙂" * 9_000, ".txt"),
    "a few wide letters": ("é" * 40_000, ".txt"),
    "zeros": ("\0" * LARGE, ".txt"),
    "line ends": ("a\r\nb\rc\u2028\ufeff" * 9_000, ".txt"),
    "bytes": (random.Random(4).randbytes(LARGE), ".bin"),
    "bytearray": (bytearray(random.Random(5).randbytes(LARGE)), ".bin"),
    "png": (PNG, ".png"),
    "jpg": (JPG, ".jpg"),
    "pdf": (PDF, ".pdf"),
    "png in base64": (encoded(PNG), ".png"),
    "jpg in base64": (encoded(JPG), ".jpg"),
    "pdf in base64": (encoded(PDF), ".pdf"),
    "png in base64 with an end": (encoded(PNG + b"1"), ".png"),
    "png in a data URL": (f"data:image/png;base64,{encoded(PNG)}", ".png"),
    "a data URL that says something else": (f"data:text/plain;charset=utf-8;base64,{encoded(JPG)}", ".jpg"),
    "a data URL of unknown bytes": (f"data:application/x-mine;base64,{encoded(b'mine' * LARGE)}", ".bin"),
    "base64 of unknown bytes": (encoded(b"mine" * LARGE), ".txt"),
    "base64 with line ends": (encoded(PNG)[:-4] + "\n" + encoded(PNG)[-4:], ".txt"),
    "base64 cut short": (encoded(PNG)[:-1], ".txt"),
    "base64 that no encoder makes": (encoded(PNG + b"1")[:-3] + "9==", ".txt"),
    "a data URL in capitals": (f"DATA:image/png;base64,{encoded(PNG)}", ".txt"),
    "a dict": ({str(number): [number] * 9 for number in range(4_000)}, ".json"),
    "a dict with other keys": ({number: str(number) * 9 for number in range(4_000)}, ".json"),
    "text in a dict": ({"a": {"b": {"c": "text " * 30_000}}, "d": 1}, ".txt"),
    "bytes in a tuple": (((1, bytes(LARGE)), {"x": bytearray(LARGE)}), ".bin"),
    "in a dataclass": (Report("t", "text " * 30_000), ".txt"),
    "in a model": (Shelf(books={"a": "text " * 30_000}, data=PNG), ".png"),
    "in a message": (
        AIMessage(
            [
                {"type": "text", "text": "look"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{encoded(PNG)}"}},
            ],
            additional_kwargs={"raw": JPG},
        ),
        ".png",
    ),
    "messages with images": (
        [
            HumanMessage([{"type": "image", "data": encoded(PNG), "mime_type": "image/png"}], id=str(n))
            for n in range(9)
        ],
        ".png",
    ),
    "no unicode": ("\ud800" * LARGE, ".json"),
    "a large number": (10**4_000, ""),
    "a set": ({f"{number}{'x' * 50}" for number in range(4_000)}, ".json"),
    "a key of a dict": ({"k" * LARGE: 1, (2, "k" * LARGE): 2}, ".txt"),
}


def same(value: Any, other: Any) -> bool:
    return type(value) is type(other) and bool(value == other)


def value_of(saver: FileSaver, checkpoint_id: str | None = None, **options: Any) -> Any:
    found = saver.get_tuple(config_of("t", "", checkpoint_id))
    assert found is not None
    return found.checkpoint["channel_values"]["value"]


@pytest.mark.parametrize("name", LARGE_VALUES)
def test_a_large_value(home: Home, name: str) -> None:
    """[A1] It is an artifact named by the SHA-256 of its bytes, with the extension that tells the truth; once per thread."""
    value, extension = LARGE_VALUES[name]
    saver = home.saver()
    put(saver, "c1", {"value": value})
    put(home.saver(), "c2", {"value": value, "again": [value]}, parent="c1", step=1)
    saver.put_writes(config_of("t", "", "c2"), [("value", value), (ERROR, value)], "task")
    for reader in (saver, home.saver()):
        assert same(value_of(reader), value)
        found = reader.get_tuple(config_of())
        assert found is not None
        assert same(found.checkpoint["channel_values"]["again"], [value])
        assert sorted(channel for _, channel, _ in found.pending_writes or ()) == sorted([ERROR, "value"])
        assert all(same(written, value) for _, _, written in found.pending_writes or ())
    assert_nothing_missing(home)
    artifacts = artifacts_of(home)
    assert len(checkpoint_text(home, "c1")) < 20_000 or not extension or name == "a key of a dict"
    assert extension in {artifact[64:] for artifact in artifacts} or not extension
    if extension not in ("", ".json") and "messages" not in name:
        assert sum(artifact.endswith(extension) for artifact in artifacts) == 1


@pytest.mark.parametrize("name", LARGE_VALUES)
@pytest.mark.parametrize("options", [{"artifact_threshold_bytes": None}, {"artifact_threshold_bytes": 0}], ids=str)
def test_a_large_value_at_another_threshold(home: Home, name: str, options: dict[str, Any]) -> None:
    """With None all of it stands in the checkpoint's file, with 0 next to nothing does; it is the same value, and either reads."""
    value, _ = LARGE_VALUES[name]
    saver = home.saver(**options)
    put(saver, "c1", {"value": value, "small": "text"})
    for reader in (saver, home.saver(), home.saver(artifact_threshold_bytes=None)):
        assert same(value_of(reader), value)
    assert bool(artifacts_of(home)) == (options["artifact_threshold_bytes"] == 0)
    put(home.saver(), "c2", {"value": value_of(home.saver())}, step=1)
    assert same(value_of(home.saver()), value)


@pytest.mark.parametrize("size", [65_535, 65_536, 65_537])
@pytest.mark.parametrize("letter", ["x", "é", "日"])
def test_the_default_threshold(home: Home, size: int, letter: str) -> None:
    """A text of 64 KiB in UTF-8 stays in the file, one byte more leaves it."""
    text = letter * (size // len(letter.encode())) + "." * (size % len(letter.encode()))
    put(home.saver(), "c1", {"value": text})
    assert len(artifacts_of(home)) == (size > 65_536)
    assert value_of(home.saver()) == text


@pytest.mark.parametrize("threshold", [0, 1, 10, 100, 1_000, 10_000_000])
def test_any_threshold(home: Home, threshold: int) -> None:
    """A state of many kinds of values comes back the same, whatever leaves the file; scalars never do."""
    state = {
        "n": 1, "f": 1.5, "none": None, "yes": True, "large": 2**70, "empty": ["", {}, [], (), b"", set()],
        "text": "hello", "more": ["a" * 50, {"b": "c" * 500}, ("d", b"e" * 50)], "m": [HumanMessage("hi", id="1")],
        "shelf": Shelf(books={"a": "b" * 40}, data=b"123"), "report": Report("t", "u" * 2_000), "nested": [[[["x"]]]],
    }  # fmt: skip
    put(home.saver(artifact_threshold_bytes=threshold), "c1", state)
    found = home.saver().get_tuple(config_of())
    assert found is not None
    assert repr(found.checkpoint["channel_values"]) == repr(state)
    written = json.loads(checkpoint_text(home, "c1"))["state"]
    assert (written["n"], written["f"], written["none"], written["yes"]) == (1, 1.5, None, True)
    assert all(len(json.dumps(written[key])) < 700 for key in state) or threshold > 700
    assert_nothing_missing(home)


def test_a_threshold_that_makes_no_sense(tmp_path: Path) -> None:
    """A negative threshold and an unknown compression are refused when the saver is made."""
    with pytest.raises(ValueError, match="negative"):
        FileSaver(tmp_path, artifact_threshold_bytes=-1)
    with pytest.raises(ValueError, match="compression"):
        FileSaver(tmp_path, compression="rar")  # type: ignore[arg-type]


def test_large_metadata(home: Home) -> None:
    """Large metadata leave the file entry by entry; the filter of `list` finds a checkpoint by them and by the others."""
    saver = home.saver()
    put(saver, "c1", {"n": 1}, metadata={"note": "long " * 30_000, "user": "u1", "rows": [{"n": "x" * 50}] * 3_000})
    put(saver, "c2", {"n": 1}, metadata={"note": "short", "user": "u2"}, step=1)
    assert len(checkpoint_text(home, "c1")) < 20_000
    for reader in (saver, home.saver()):
        assert ids_of(reader, None, filter={"user": "u1"}) == ["c1"]
        assert ids_of(reader, None, filter={"note": "long " * 30_000}) == ["c1"]
        assert ids_of(reader, None, filter={"note": "short", "step": 1}) == ["c2"]
        found = reader.get_tuple(config_of("t", "", "c1"))
        assert found is not None
        assert found.metadata["rows"] == [{"n": "x" * 50}] * 3_000  # type: ignore[typeddict-item]


def test_unchanged_values_are_not_written_again(home: Home) -> None:
    """A large value that stays in the state, and one that was written by a task before, cost nothing more."""
    saver = home.saver()
    saver.put_writes(config_of("t", "", "c0"), [("value", PNG), (INTERRUPT, "text " * 30_000)], "task")
    before = artifacts_of(home)
    for number in range(5):
        put(saver, f"c{number}", {"value": PNG, "text": ["text " * 30_000]}, step=number)
    assert artifacts_of(home) == before


def test_two_threads_have_artifacts_of_their_own(home: Home) -> None:
    """A thread's folder is complete: the same value in another thread is stored there, too."""
    saver = home.saver()
    for thread_id in ("t", "u"):
        put(saver, "c1", {"value": PNG}, thread_id=thread_id)
    assert artifacts_of(home, "t") == artifacts_of(home, "u") != {}
    saver.delete_thread("t")
    assert artifacts_of(home, "t") == {}
    found = home.saver().get_tuple(config_of("u"))
    assert found is not None
    assert found.checkpoint["channel_values"] == {"value": PNG}


@pytest.mark.parametrize("name", LARGE_VALUES)
@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_compression(home: Home, compression: Any, name: str) -> None:
    """[A5] A compressed artifact says so by its extension, is named by its own bytes, and is read by any saver."""
    if compression == "zstd":
        pytest.importorskip("zstandard", reason="zstd needs the package zstandard in Python before 3.14")
    value, _ = LARGE_VALUES[name]
    saver = home.saver(compression=compression)
    for number in range(3):
        put(saver if number else home.saver(), f"c{number}", {"value": value, "number": number}, step=number)
    for reader in (saver, home.saver(), home.saver(compression="gzip")):
        for number in range(3):
            assert same(value_of(reader, f"c{number}"), value)
    assert saver.collect_garbage("t", grace_seconds=0).files == 0
    artifacts = artifacts_of(home)
    for artifact, data in artifacts.items():
        assert hashlib.sha256(data).hexdigest() == artifact[:64]
        assert (data[:3] == b"\x1f\x8b\x08") == artifact.endswith(".gz")
        assert (data[:4] == b"\x28\xb5\x2f\xfd") == artifact.endswith(".zst")


@pytest.mark.parametrize(("compression", "tool"), [("gzip", "zcat"), ("zstd", "zstdcat")])
def test_compressed_files_are_read_by_common_tools(local_home: Home, compression: Any, tool: str) -> None:
    """`zcat` and `zstdcat` show the text; what is compressed by its own format, such as PNG, is left as it is."""
    if compression == "zstd":
        pytest.importorskip("zstandard", reason="zstd needs the package zstandard in Python before 3.14")
    text = "Line of a report.\n" * 20_000
    put(local_home.saver(compression=compression), "c1", {"value": text, "image": PNG})
    folder = local_home.root / "t" / "artifacts"
    (path,) = folder.glob("*.txt.*")
    assert path.stat().st_size < 10_000
    assert len(list(folder.glob("*.png"))) == 1
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    shown = subprocess.run([tool, str(path)], capture_output=True, check=True)
    assert shown.stdout.decode() == text


def test_bytes_that_are_a_compressed_file(home: Home) -> None:
    """A user's own gzip file is bytes: it comes back compressed as it was, also from a saver that compresses."""
    given = gzip.compress(random.Random(6).randbytes(LARGE))
    for number, saver in enumerate((home.saver(), home.saver(compression="gzip"))):
        put(saver, f"c{number}", {"value": given}, step=number)
        assert value_of(home.saver()) == given
    assert {name[64:] for name in artifacts_of(home)} == {".gz.bin"}


class Grid:
    """A type that nothing but a codec can store."""

    def __init__(self, rows: list[list[int]]) -> None:
        self.rows = rows

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Grid) and self.rows == other.rows

    __hash__ = None  # type: ignore[assignment]


class FineGrid(Grid):
    """A subclass, which its base's codec stores."""


CODEC = ArtifactCodec(
    Grid, ".csv", lambda grid: "\n".join(",".join(map(str, row)) for row in grid.rows).encode(),
    lambda data: Grid([[int(cell) for cell in row.split(",")] for row in data.decode().split("\n")]), name="grid",
)  # fmt: skip


@pytest.mark.parametrize("threshold", [0, 65536, None])
@pytest.mark.parametrize("compression", [None, "gzip"])
def test_a_format_of_the_users_own(home: Home, threshold: int | None, compression: Any) -> None:
    """A type with a codec is always an artifact in its format, however small, also deep inside and in writes."""
    grid = Grid([[1, 2], [3, 4]])
    options: dict[str, Any] = {"artifact_codecs": [CODEC], "artifact_threshold_bytes": threshold}
    saver = home.saver(**options, compression=compression)
    value = {"a": [grid, FineGrid([[5]])], "b": (grid, {"c": grid}), "d": [HumanMessage("x" * 900, id="1"), grid] * 30}
    put(saver, "c1", {"value": value})
    saver.put_writes(config_of("t", "", "c1"), [("value", grid)], "task")
    assert {name[64:]: data for name, data in artifacts_of(home).items()}[".csv"] in (b"1,2\n3,4", b"5")
    found = home.saver(**options).get_tuple(config_of())
    assert found is not None
    expected = {**value, "a": [grid, Grid([[5]])]}
    assert found.checkpoint["channel_values"]["value"] == expected
    assert found.pending_writes == [("task", "value", grid)]
    assert saver.collect_garbage("t", grace_seconds=0).files == 0
    with pytest.raises(CorruptDataError, match=r"(?s)\.csv.*'grid'.*artifact_codecs"):
        home.saver().get_tuple(config_of())


@pytest.mark.parametrize("name", ["text", "bytes", "png", "other letters", "a dict", "messages with images"])
@pytest.mark.parametrize("serde", SERDES)
def test_a_foreign_serde(home: Home, serde: str, name: str) -> None:
    """What another serde makes of a large value is an artifact of its bytes, and no text of it is to be found."""
    value, _ = LARGE_VALUES[name]
    saver = home.saver(serde=SERDES[serde])
    put(saver, "c1", {"value": value}, metadata={"note": "confidential " * 20_000})
    saver.put_writes(config_of("t", "", "c1"), [("value", value)], "task")
    found = home.saver(serde=SERDES[serde]).get_tuple(config_of())
    assert found is not None
    assert found.checkpoint["channel_values"]["value"] == value
    assert found.pending_writes == [("task", "value", value)]
    assert len(artifacts_of(home)) == 2
    assert_nothing_missing(home)
    assert ids_of(home.saver(serde=SERDES[serde]), None, filter={"note": "confidential " * 20_000}) == ["c1"]
    if "encrypted" in serde:
        assert not any(b"confidential" in data or b"Line." in data or PNG in data for data in files_of(home).values())
    assert saver.collect_garbage("t", grace_seconds=0).files == 0
