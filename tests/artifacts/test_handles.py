"""Artifacts by hand: a node puts a file into the state, and what comes back is a handle that reads it when asked."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import pickle
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from pydantic import BaseModel, ConfigDict

from langgraph_filesaver import Artifact, FileSaver, SerializationError, StorageError
from tests.artifacts.folder import artifacts_of, assert_nothing_missing, checkpoint_text, staged
from tests.checkpoints import config_of, put
from tests.stores import Home

CONTENT = b"%PDF-1.7 a report\n" * 1_000
HASH = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "report.pdf"
    path.write_bytes(CONTENT)
    return path


def value_of(saver: FileSaver, thread_id: str = "t", checkpoint_id: str | None = None) -> Any:
    found = saver.get_tuple(config_of(thread_id, "", checkpoint_id))
    assert found is not None
    return found.checkpoint["channel_values"]["value"]


def made(saver: FileSaver, how: str, source: Path) -> Artifact:
    """Make the artifact in one of the three ways."""
    if how == "path":
        return Artifact.from_path(source)
    if how == "bytes":
        return Artifact.from_bytes(source.read_bytes(), name="report.pdf")
    with saver.open_artifact(config_of(), "report.pdf") as file, source.open("rb") as read:
        while block := read.read(1_000):
            assert file.write(block) == len(block)
        assert file.tell() == len(CONTENT)
    return file.artifact


@pytest.mark.parametrize("how", ["path", "bytes", "opened"])
def test_an_artifact_in_a_state(home: Home, source: Path, how: str) -> None:
    """[A6] Its content is stored under its SHA-256 with the file's extension; the JSON tells all about it; the handle reads it."""
    saver = home.saver()
    artifact = made(saver, how, source)
    assert (artifact.name, artifact.media_type, artifact.bytes) == ("report.pdf", "application/pdf", len(CONTENT))
    put(saver, "c1", {"value": artifact})
    source.unlink()
    assert artifacts_of(home) == {f"{HASH}.pdf": CONTENT}
    assert json.loads(checkpoint_text(home, "c1"))["state"]["value"] == {
        "$type": "artifact", "path": f"artifacts/{HASH}.pdf", "name": "report.pdf", "media_type": "application/pdf",
        "bytes": len(CONTENT), "sha256": HASH,
    }  # fmt: skip
    for handle in (value_of(saver), value_of(home.saver()), artifact):
        assert handle == artifact
        assert (handle.name, handle.media_type, handle.bytes) == ("report.pdf", "application/pdf", len(CONTENT))
        assert handle.sha256 == HASH
        assert handle.read_bytes() == CONTENT
        with handle.open() as file:
            assert file.read(4) == b"%PDF"
        if home.kind == "local":
            assert handle.path == home.root / "t" / "artifacts" / f"{HASH}.pdf"


@pytest.mark.parametrize("how", ["path", "bytes", "opened"])
@pytest.mark.parametrize("threshold", [0, None])
def test_an_artifact_anywhere(home: Home, source: Path, how: str, threshold: int | None) -> None:
    """It may stand deep inside, in long lists and objects, in writes and metadata, at any threshold; its content is stored once."""
    saver = home.saver(artifact_threshold_bytes=threshold)
    artifact = made(saver, how, source)
    value = {"a": [artifact, (artifact, {"b": artifact})], "many": [{"n": n, "file": artifact} for n in range(200)]}
    put(saver, "c1", {"value": value, "plan": Plan(file=artifact, more=[artifact])}, metadata={"file": artifact})
    saver.put_writes(config_of("t", "", "c1"), [("value", [artifact])], "task")
    source.unlink()
    found = home.saver().get_tuple(config_of())
    assert found is not None
    assert found.checkpoint["channel_values"] == {"value": value, "plan": Plan(file=artifact, more=[artifact])}
    assert found.pending_writes == [("task", "value", [artifact])]
    assert found.metadata["file"].read_bytes() == CONTENT  # type: ignore[typeddict-item]
    assert sum(name.endswith(".pdf") for name in artifacts_of(home)) == 1
    assert saver.collect_garbage("t", grace_seconds=0).files == 0
    assert_nothing_missing(home)


class Plan(BaseModel):
    """A pydantic state with artifacts."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    file: Artifact
    more: list[Artifact] = []


@pytest.mark.parametrize("how", ["path", "bytes", "opened"])
def test_a_handle_goes_on(home: Home, source: Path, how: str, tmp_path: Path) -> None:
    """A handle that was read is put on: into the next checkpoint, after prune, another thread, and a saver on another root."""
    saver = home.saver()
    put(saver, "c1", {"value": made(saver, how, source)})
    source.unlink()
    put(home.saver(), "c2", {"value": value_of(home.saver())}, parent="c1", step=1)
    saver.prune(["t"])
    saver.copy_thread("t", "u")
    saver.collect_garbage(dry_run=False, grace_seconds=0)
    elsewhere = Home(home.kind, tmp_path / "elsewhere")
    put(elsewhere.saver(), "c1", {"value": value_of(home.saver(), "u")}, thread_id="v")
    put(home.saver(), "c1", {"value": value_of(home.saver())}, thread_id="w")
    saver.delete_thread("t")
    assert value_of(home.saver(), "u").read_bytes() == CONTENT
    assert value_of(home.saver(), "w").read_bytes() == CONTENT
    saver.delete_thread("u")
    assert value_of(elsewhere.saver(), "v").read_bytes() == CONTENT
    assert list(artifacts_of(elsewhere, "v")) == [f"{HASH}.pdf"]


@pytest.mark.parametrize("how", ["path", "bytes", "opened"])
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
@pytest.mark.parametrize("stored", [False, True])
def test_a_copy_is_as_good(home: Home, source: Path, how: str, copied: Any, stored: bool) -> None:
    """Copied, deeply copied or pickled, before it is stored or after, an artifact is equal and has the same content."""
    saver = home.saver()
    artifact = made(saver, how, source)
    if stored:
        put(saver, "c1", {"value": artifact})
        artifact = value_of(home.saver())
        source.unlink()
    other = copied([artifact, {"a": artifact}])[0]
    assert other is not artifact or copied is copy.copy
    assert other == artifact
    assert other.read_bytes() == CONTENT
    put(saver, "c2", {"value": other}, thread_id="u")
    assert value_of(home.saver(), "u").read_bytes() == CONTENT


@pytest.mark.parametrize("stored", [False, True])
def test_a_pickle_in_another_process(local_home: Home, source: Path, stored: bool) -> None:
    """A worker process gets the artifact pickled and reads its content."""
    artifact = Artifact.from_path(source)
    if stored:
        put(local_home.saver(), "c1", {"value": artifact})
        artifact = value_of(local_home.saver())
        source.unlink()
    program = "import pickle, sys; a = pickle.load(sys.stdin.buffer); sys.stdout.buffer.write(a.read_bytes())"
    done = subprocess.run(
        [sys.executable, "-c", program], input=pickle.dumps(artifact), capture_output=True, check=True
    )
    assert done.stdout == CONTENT


def test_what_makes_two_artifacts_equal(source: Path, tmp_path: Path) -> None:
    """Content, name and media type, and not where the content lies; equal ones have equal hashes."""
    one, other = Artifact.from_path(source), Artifact.from_bytes(CONTENT, name="report.pdf")
    assert one == other
    assert hash(one) == hash(other)
    assert one != Artifact.from_bytes(CONTENT, name="other.pdf")
    assert one != Artifact.from_bytes(CONTENT[:-1] + b"?", name="report.pdf")
    assert one != Artifact.from_bytes(CONTENT, name="report.pdf", media_type="text/plain")
    assert one != CONTENT
    assert "report.pdf" in repr(one)


@pytest.mark.parametrize(
    ("name", "extension"),
    [
        ("a.PDF", ".pdf"),
        ("archive.tar.gz", ".gz"),
        ("no extension", ".bin"),
        ("", ".bin"),
        (".hidden", ".hidden"),
        ("../../etc/passwd", ".bin"),
        ("a/b\\c.txt", ".txt"),
        ('quo"te\n\0.json', ".json"),
        ("ключ 🙂.txt", ".txt"),
        ("long." + "x" * 300, ".bin"),
        ("a.é", ".bin"),
        ("a. b", ".bin"),
        ("a.json.", ".bin"),
        ("x.zst", ".zst"),
        ("x.npy", ".npy"),
    ],
)
@pytest.mark.parametrize("compression", [None, "gzip"])
def test_any_name(home: Home, name: str, extension: str, compression: Any) -> None:
    """A name is kept as it is and leads nowhere; the extension is kept where it is one; the content is never compressed."""
    saver = home.saver(compression=compression)
    put(saver, "c1", {"value": Artifact.from_bytes(CONTENT, name=name, media_type="x/y")})
    with saver.open_artifact(config_of(), name, media_type="x/y") as file:
        file.write(CONTENT)
    assert artifacts_of(home) == {f"{HASH}{extension}": CONTENT}
    handle = value_of(home.saver())
    assert (handle.name, handle.media_type) == (name, "x/y")
    assert handle.read_bytes() == CONTENT
    assert handle == file.artifact
    assert saver.collect_garbage("t", grace_seconds=0).files == 0


def test_an_empty_artifact(home: Home) -> None:
    """No bytes are a content, too."""
    put(home.saver(), "c1", {"value": Artifact.from_bytes(b"", name="empty.txt")})
    assert value_of(home.saver()).read_bytes() == b""
    assert value_of(home.saver()).bytes == 0


def test_a_source_that_changed_before_the_put(home: Home, source: Path) -> None:
    """What is stored is the file as it is when the state is stored, with its size and hash; the artifact knows them."""
    artifact = Artifact.from_path(source)
    source.write_bytes(b"longer " * 9_000)
    put(home.saver(), "c1", {"value": artifact})
    assert artifact.bytes == 63_000
    assert value_of(home.saver()).read_bytes() == artifact.read_bytes() == b"longer " * 9_000
    assert_nothing_missing(home)


def test_a_source_that_changed_after_the_put(home: Home, source: Path) -> None:
    """What was stored stays, also in the artifact itself and in the next put of it; the new content has to be named anew."""
    saver, artifact = home.saver(), Artifact.from_path(source)
    put(saver, "c1", {"value": artifact})
    source.write_bytes(b"changed")
    assert artifact.read_bytes() == CONTENT
    for number, writer in enumerate((saver, home.saver())):
        put(writer, f"c{number + 2}", {"value": artifact}, step=number + 1)
        assert value_of(home.saver()).read_bytes() == CONTENT
    put(saver, "c9", {"value": Artifact.from_path(source)}, step=9)
    assert value_of(home.saver()).read_bytes() == b"changed"


def test_content_that_is_lost(home: Home, source: Path) -> None:
    """An artifact whose source is gone before it was stored is refused with its place in the state; nothing is written."""
    saver, artifact = home.saver(), Artifact.from_path(source)
    put(saver, "c1", {"value": 1})
    source.unlink()
    with pytest.raises(SerializationError, match=r'state\["value"\]\["a"\]\[0\].*report\.pdf'):
        put(saver, "c2", {"value": {"a": [artifact]}}, step=1)
    assert value_of(home.saver()) == 1
    assert artifacts_of(home) == {}


def test_a_thread_deleted_under_a_handle(home: Home, source: Path) -> None:
    """The content of a deleted thread is gone with it, told so; while the source is as it was, the artifact is stored from it."""
    saver, artifact = home.saver(), Artifact.from_path(source)
    put(saver, "c1", {"value": artifact})
    handle = value_of(saver)
    saver.delete_thread("t")
    with pytest.raises(StorageError, match="not there any more"):
        handle.read_bytes()
    put(saver, "c1", {"value": artifact})
    assert value_of(home.saver()).read_bytes() == CONTENT
    saver.delete_thread("t")
    source.write_bytes(b"changed")
    with pytest.raises(SerializationError, match="lost its content"):
        put(saver, "c1", {"value": artifact})


def test_no_such_file(tmp_path: Path) -> None:
    """A path that leads to nothing, or to a folder, is refused when the artifact is made."""
    with pytest.raises(StorageError, match="missing"):
        Artifact.from_path(tmp_path / "missing")
    with pytest.raises(StorageError, match="no regular file"):
        Artifact.from_path(tmp_path)


def test_a_relative_path_is_of_now(tmp_path: Path, source: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that changes its working directory between making and storing an artifact stores the same file."""
    monkeypatch.chdir(tmp_path)
    artifact = Artifact.from_path("report.pdf")
    monkeypatch.chdir("/")
    put(home.saver(), "c1", {"value": artifact})
    assert value_of(home.saver()).read_bytes() == CONTENT


def test_a_block_that_raises_leaves_nothing(local_home: Home) -> None:
    """An error inside of `open_artifact` leaves neither an artifact nor a temporary file, and comes out as it is."""
    saver = local_home.saver()
    opened: list[Any] = []

    def fail() -> None:
        with saver.open_artifact(config_of(), "video.mp4") as file:
            opened.append(file)
            file.write(b"x" * 100_000)
            assert len(staged(local_home)) == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    (file,) = opened
    assert staged(local_home) == []
    assert artifacts_of(local_home) == {}
    with pytest.raises(ValueError, match="with block"):
        _ = file.artifact
    with pytest.raises(ValueError, match="closed"):
        file.write(b"more")


def large_file(path: Path, megabytes: int) -> str:
    """Write a file that is no hole; return its SHA-256."""
    digest, block = hashlib.sha256(), os.urandom(1024 * 1024)
    with path.open("wb") as file:
        for number in range(megabytes):
            part = number.to_bytes(4, "big") + block[4:]
            digest.update(part)
            file.write(part)
    return digest.hexdigest()


def test_a_large_file_is_not_loaded(local_home: Home, tmp_path: Path) -> None:
    """A file of 64 MB goes into the thread, into another one and into another root with less than 8 MB of memory."""
    sha256 = large_file(tmp_path / "video.mp4", 64)
    saver = local_home.saver()
    put(saver, "c0", {"value": 1})
    elsewhere = Home("local", tmp_path / "elsewhere")
    put(elsewhere.saver(), "c0", {"value": 1})
    tracemalloc.start()
    try:
        put(saver, "c1", {"value": Artifact.from_path(tmp_path / "video.mp4")}, step=1)
        handle = value_of(local_home.saver())
        put(elsewhere.saver(), "c1", {"value": handle}, step=1)
        with saver.open_artifact(config_of(), "copy.mp4") as file, handle.open() as read:
            while block := read.read(1024 * 1024):
                file.write(block)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * 1024 * 1024
    assert file.artifact.sha256 == value_of(elsewhere.saver()).sha256 == sha256
    assert len(artifacts_of(local_home)) == 1
    assert_nothing_missing(elsewhere)


class State(TypedDict, total=False):
    """The state of the graph."""

    topic: str
    report: Artifact
    pages: list[Artifact]
    answer: str


def report_graph(folder: Path) -> Any:
    def write(state: State) -> State:
        path = folder / "draft.txt"
        path.write_text(f"All about {state['topic']}")
        return {"report": Artifact.from_path(path, name="report.txt"), "pages": []}

    def ask(state: State) -> State:
        pages = [Artifact.from_bytes(f"page {number}".encode(), name=f"{number}.txt") for number in range(3)]
        return {"answer": interrupt({"read this": state["report"]}), "pages": pages}

    def close(state: State) -> State:
        return {"answer": f"{state['answer']}: {state['report'].read_bytes().decode()}"}

    builder = StateGraph(State)
    builder.add_node("write", write)
    builder.add_node("ask", ask)
    builder.add_node("close", close)
    builder.add_edge(START, "write")
    builder.add_edge("write", "ask")
    builder.add_edge("ask", "close")
    builder.add_edge("close", END)
    return builder


def test_a_graph_that_writes_files(home: Home, tmp_path: Path) -> None:
    """A compiled graph with artifacts in its state and in an interrupt is resumed by another saver, when the drafts are gone."""
    builder, config = report_graph(tmp_path), config_of("t", None)
    result = builder.compile(checkpointer=home.saver()).invoke({"topic": "crabs"}, config)
    assert result["__interrupt__"][0].value["read this"].read_bytes() == b"All about crabs"
    (tmp_path / "draft.txt").unlink()
    saver = home.saver()
    saver.collect_garbage(dry_run=False, grace_seconds=0)
    graph = builder.compile(checkpointer=saver)
    snapshot = graph.get_state(config)
    assert snapshot.tasks[0].interrupts[0].value["read this"].read_bytes() == b"All about crabs"
    result = graph.invoke(Command(resume="fine"), config)
    assert result["answer"] == "fine: All about crabs"
    assert [page.read_bytes() for page in result["pages"]] == [b"page 0", b"page 1", b"page 2"]
    saver.prune(["t"])
    saver.collect_garbage(dry_run=False, grace_seconds=0)
    values = builder.compile(checkpointer=home.saver()).get_state(config).values
    assert values["report"].read_bytes() == b"All about crabs"
    assert_nothing_missing(home)
