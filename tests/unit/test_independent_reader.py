"""The format is what its document says: a reader written from the document alone sees what FileSaver sees."""

import ast
import base64
import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import Checkpoint, empty_checkpoint

from langgraph_filesaver import FileSaver
from langgraph_filesaver import _layout as layout
from tests.unit import independent_reader

ANY_ID = (
    st.sampled_from(
        [
            "",
            "research-42",
            "A",
            "a",
            "..",
            "a/b",
            "CON",
            "con",
            "com1\n",
            "*",
            "-x",
            "\u0130\u212a",
            "x" * 64,
            "x" * 65,
        ]
    )
    | st.sampled_from(["/" + "a" * 30, "\ud800", "\U0001f600", "a:1|b:2", "_root", "thread.json"])
    | st.text(st.characters(exclude_categories=()), max_size=40)
)
SOME_ID = st.sampled_from(["1f0c", "1f0d", "9", "10", "Z", "z", "\ue000", "\U00010000", "\udc00"])
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "ä", " "]), inner, max_size=2),
    max_leaves=6,
)
CHANNEL = st.sampled_from(["messages", "total", "Ä ö", "$type", "\ud800"])
SPECIAL = st.sampled_from(["__interrupt__", "__resume__", "__error__", "__scheduled__"])
PUT = st.tuples(
    st.just("put"), SOME_ID, st.none() | SOME_ID, st.dictionaries(CHANNEL, PLAIN, max_size=2),
    st.sampled_from([{}, {"source": "loop", "step": 1}, {"source": None, "step": "1"}, {"step": -1, "parents": {"": "x"}}]),
)  # fmt: skip
WRITES = st.tuples(
    st.just("writes"), SOME_ID, st.sampled_from(["task-1", "Task", "0"]), st.sampled_from(["", "~a, 10", "~a, 9"]),
    st.lists(st.tuples(CHANNEL | SPECIAL, PLAIN), min_size=1, max_size=3),
)  # fmt: skip
PLACE = st.tuples(st.sampled_from(["research-42", "A", "a"]) | ANY_ID, st.just("") | ANY_ID)


def _resumed(number: int) -> Any:
    return (("t", ""), ("writes", "1f0c", "0", "", [("__resume__", number)]))


def _written(task_path: str, value: int, task_id: str = "0") -> Any:
    return (("t", ""), ("writes", "1f0c", task_id, task_path, [("total", value)]))


@given(calls=st.lists(st.tuples(PLACE, PUT | WRITES), min_size=1, max_size=12))
@example([(("t", ""), ("put", each, None, {}, {})) for each in ("z", "Z", "9", "10", "\U00010000", "\ue000", "\udc00")])
@example([(("t", ""), ("put", "1f0c", None, {}, {})), *(_resumed(number) for number in range(12))])
@example([(("t", ""), ("put", "1f0c", None, {}, {})), _written("~b", 1), _written("~a", 2), _written("~a", 3, "1")])
def test_an_independent_reader_sees_what_the_saver_sees(calls: list[tuple[tuple[str, str], Any]]) -> None:
    """Whatever was put under whatever ids, the independent reader finds the same threads, latest, parents and writes."""
    with TemporaryDirectory() as folder:
        saver = FileSaver(Path(folder) / "root", fsync=False)
        for (thread_id, checkpoint_ns), (verb, checkpoint_id, *what) in calls:
            given_config = {"thread_id": thread_id, "checkpoint_ns": checkpoint_ns}
            if verb == "put":
                parent_id, state, metadata = what
                config: RunnableConfig = {"configurable": {**given_config, "checkpoint_id": parent_id}}
                saver.put(config, _checkpoint(checkpoint_id, state), metadata, {})
            else:
                task_id, task_path, writes = what
                config = {"configurable": {**given_config, "checkpoint_id": checkpoint_id}}
                saver.put_writes(config, writes, task_id, task_path)
        assert independent_reader.read(Path(folder) / "root") == _seen_by(saver)


@given(identifier=ANY_ID)
def test_names_are_computed_as_the_document_says(identifier: str) -> None:
    """The name of an id follows from the two rules of the document, for any string."""
    assert independent_reader.name_of(identifier) == layout.name_of(identifier)


def test_names_never_change() -> None:
    """[N1] [N2] The names of some ids, spelled out: a release that computes other names would lose what is stored."""
    assert {identifier: layout.name_of(identifier) for identifier in KNOWN_NAMES} == KNOWN_NAMES


def test_the_reader_is_small_and_independent() -> None:
    """The reader has at most 120 lines and imports nothing but a few modules of the standard library."""
    source = Path(independent_reader.__file__).read_text("utf-8")
    assert len(source.splitlines()) <= 120
    imported = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module or "")
    assert imported == {"base64", "gzip", "hashlib", "json", "pathlib", "typing"}


@pytest.mark.parametrize("options", [{}, {"artifact_threshold_bytes": 100}, {"compression": "gzip"}])
def test_large_values_are_read_from_their_artifacts(tmp_path: Path, options: dict[str, Any]) -> None:
    """[A1] [A4] [A5] [A7] Texts, images, parts of dicts and lists of lists that left the document are found by the rules."""
    image = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 300
    state = {
        "list": [{"id": number, "text": f"{number} " * 100} for number in range(3000)],
        "text": "ä" * 100_000,
        "image": "data:image/png;base64," + base64.b64encode(image).decode(),
        "parts": {str(number): "x" * 50 for number in range(3000)},
    }
    saver = FileSaver(tmp_path / "root", fsync=False, **options)
    place: RunnableConfig = {"configurable": {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": "1f0c"}}
    saver.put({"configurable": {"thread_id": "t", "checkpoint_ns": ""}}, _checkpoint("1f0c", state), {}, {})
    saver.put_writes(place, [("text", state["text"])], "task")
    assert independent_reader.read(tmp_path / "root") == _seen_by(saver)
    assert _seen_by(saver)["t"][""][0]["state"] == state


def test_a_copied_folder_is_a_thread_of_its_own(tmp_path: Path) -> None:
    """[N6] [C5] A folder copied under a plain name is the thread of that name; under a hashed one it is none."""
    saver = FileSaver(tmp_path / "root", fsync=False)
    saver.put({"configurable": {"thread_id": "A/b", "checkpoint_ns": ""}}, _checkpoint("1f0c", {"a": 1}), {}, {})
    folder = tmp_path / "root" / layout.name_of("A/b")
    shutil.copytree(folder, folder.with_name("copy-of-a-b"))
    shutil.copytree(folder, folder.with_name(layout.name_of("another id")))
    seen = independent_reader.read(tmp_path / "root")
    assert seen == _seen_by(saver)
    assert seen.keys() == {"A/b", "copy-of-a-b"}
    assert seen["A/b"] == seen["copy-of-a-b"]


def test_strays_are_no_threads_checkpoints_or_writes(tmp_path: Path) -> None:
    """[L6] [L7] What an editor, a file manager or another tool leaves anywhere in the folder changes nothing."""
    saver = FileSaver(tmp_path / "root", fsync=False)
    place: RunnableConfig = {"configurable": {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": "1f0c"}}
    saver.put({"configurable": {"thread_id": "t", "checkpoint_ns": ""}}, _checkpoint("1f0c", {"a": 1}), {}, {})
    saver.put_writes(place, [("a", 2)], "task")
    before = _seen_by(saver)
    for folder in [path for path in (tmp_path / "root").rglob("*") if path.is_dir()]:
        for name in (
            ".DS_Store",
            "Thumbs.db",
            "1f0d.json~",
            "1f0d.json.swp",
            "_root.1f0c.task.1.json.tmp",
            "Notes.txt",
        ):
            (folder / name).write_text("{", "utf-8")
        (folder / "Lost+Found").mkdir()
    (tmp_path / "root" / ".locks").mkdir(exist_ok=True)
    (tmp_path / "root" / ".tmp" / "t").mkdir()
    assert _seen_by(FileSaver(tmp_path / "root", fsync=False)) == before


def test_the_comparison_can_fail(tmp_path: Path) -> None:
    """A changed value is seen by both readers, and a file in another place than its content says by the independent one."""
    saver = FileSaver(tmp_path / "root", fsync=False)
    saver.put({"configurable": {"thread_id": "t", "checkpoint_ns": ""}}, _checkpoint("1f0c", {"a": 1}), {}, {})
    before = independent_reader.read(tmp_path / "root")
    (path,) = (tmp_path / "root" / "t" / "checkpoints" / "_root").iterdir()
    changed = json.loads(path.read_bytes())
    changed["state"]["a"] = 2
    path.write_text(json.dumps(changed), "utf-8")
    assert independent_reader.read(tmp_path / "root") == _seen_by(saver) != before
    path.rename(path.with_name("1f0d.json"))
    with pytest.raises(AssertionError):
        independent_reader.read(tmp_path / "root")


def _checkpoint(checkpoint_id: str, state: dict[str, Any]) -> Checkpoint:
    checkpoint = empty_checkpoint()
    checkpoint["id"] = checkpoint_id
    checkpoint["channel_values"] = state
    return checkpoint


def _seen_by(saver: FileSaver) -> dict[str, dict[str, list[dict[str, Any]]]]:
    seen: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for found in saver.list(None):
        place = found.config["configurable"]
        parent = found.parent_config["configurable"]["checkpoint_id"] if found.parent_config else None
        seen.setdefault(place["thread_id"], {}).setdefault(place["checkpoint_ns"], []).append(
            {
                "id": place["checkpoint_id"],
                "parent": parent,
                "state": found.checkpoint["channel_values"],
                "metadata": found.metadata,
                "writes": found.pending_writes,
            }
        )
    return seen


KNOWN_NAMES = {
    "research-42": "research-42",
    "A": "a~kwnovuecmtkxsxjzbfyyzxifvpkjk4xi",
    "a": "a",
    "": "id~4oymiquy7qobjgx36tejs35zeqt24qpe",
    "..": "id~l3a7pzya6n6d2czjqhieqvp4gs4uvkqv",
    "a/b": "a-b~yfgn3qbt6zfz32ua5jtvz4uauak6m4sr",
    "con": "con~cfb5uk6fjrevys7ddu4gq6c5hh757vln",
    "con-1": "con-1",
    "x" * 65: "xxxxxxxxxxxxxxxxxxxxxxxx~su34l7prebec67ky2jpj5vmd6uwafnhd",
    "/" + "a" * 30: "aaaaaaaaaaaaaaaaaaaaaaa~wbxau3wimmebmrbcsaklx7b5kf7huxta",
    "\u0130\u212a": "i-k~22swevbtrioeen3buudfxni7smqrvzuh",
    "😀": "id~6bcdunbml32upa5bcg2rxjlmsoheotbs",
    "Größe 10": "gr-e-10~sws6tpru2trlw36yhye7d6yqc34wtp33",
    "planner:6a1f0c8e|tools:77": "planner-6a1f0c8e-tools-7~3asbo3hdrsh62zcyixnhzsm2i3rm5uod",
}
