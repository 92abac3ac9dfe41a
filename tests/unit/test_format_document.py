"""docs/format.md is kept true: each rule in it is named by a test, and each sample in it is what the library writes."""

import errno
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint

from langgraph_filesaver import CorruptDataError, FileSaver, StorageError, UnsupportedFormatError
from langgraph_filesaver import _layout as layout
from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store import MemoryStore

PROJECT = Path(__file__).parents[2]
DOCUMENT = PROJECT / "docs" / "format.md"
RULE = re.compile(r"\[[A-Z][1-9][0-9]?\]")
DEFINED = re.compile(r"^(?:- )?\*\*(\[[A-Z][1-9][0-9]?\])\*\*", re.MULTILINE)

CHILD = "1f0c8a11-5b2e-6d04-8001-3f9c27a1d55e"
PARENT = "1f0c8a10-93d1-6f42-8000-6b1f4e0c9a27"
TASK = "6a1f0c8e-77d2-0b3c-9e41-5c2d8f10b7aa"
VERSION = "00000000000000000000000000000003.0.5193477210563901"


def test_each_rule_is_named_by_a_test() -> None:
    """Every rule of the document is named by at least one test file, and tests name no rule that is not there."""
    defined = DEFINED.findall(_document())
    named = {rule for path in (PROJECT / "tests").rglob("*.py") for rule in RULE.findall(path.read_text("utf-8"))}
    assert sorted(set(defined)) == sorted(defined), "a rule is defined twice"
    assert sorted(set(defined) - named) == [], "rules without a test"
    assert sorted(named - set(defined)) == [], "rules that tests name and the document does not define"


def test_each_must_has_an_id() -> None:
    """Whatever the document demands with MUST stands in a paragraph that begins with the id of its rule."""
    paragraphs = re.split(r"\n\n|\n(?=- )", _document())
    assert [each for each in paragraphs if "MUST" in each and not DEFINED.match(each) and "`MUST`" not in each] == []


def test_rules_refer_to_rules_that_exist() -> None:
    """A rule that the document refers to is one that it defines."""
    document = _document()
    assert set(RULE.findall(document)) == set(DEFINED.findall(document))


def test_the_samples_are_what_the_library_writes() -> None:
    """Each sample of a file is, byte for byte, what this release writes."""
    written = {key: data for key, data in _sample_store()._files.items() if key != layout.STORE_DOCUMENT}
    samples = re.findall(r"```json\n(.*?)\n```", _document(), re.DOTALL)
    for key, data in {**written, layout.STORE_DOCUMENT: MARKER.data}.items():
        assert data.decode().rstrip("\n") in samples, f"{key} should be:\n{data.decode()}"
        assert key.rpartition("/")[2] in _document()


def test_unknown_fields_and_other_spellings_are_read(tmp_path: Path) -> None:
    """[D1] [D3] A byte order mark, other whitespace, another order of keys and unknown keys change nothing."""
    saver, path = _saved(tmp_path)
    before = saver.get_tuple(CONFIG)
    text = path.read_text("utf-8")
    body = text.strip().removeprefix("{").removesuffix("}").strip()
    reordered = "\ufeff\r\n{\t" + '"a key of the future": {"x": [1]},\n' + body.replace("\n", "\r\n") + "\n}\n\n"
    path.write_text(reordered, "utf-8", newline="")
    assert saver.get_tuple(CONFIG) == before


@pytest.mark.parametrize("spelled", ["0", "-1", '"1"', "1.0", "true", "null", None])
def test_a_file_without_a_format_is_an_error(tmp_path: Path, spelled: str | None) -> None:
    """[D2] [D4] A format that is none is an error that names the file; the file is not taken for missing."""
    saver, path = _saved(tmp_path)
    field = "" if spelled is None else f'"format": {spelled},'
    path.write_text(path.read_text("utf-8").replace('"format": 1,', field), "utf-8")
    with pytest.raises(CorruptDataError, match=path.name):
        saver.get_tuple(CONFIG)


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    """[D2] A file and a folder of a newer format are refused by number, and nothing is guessed."""
    saver, path = _saved(tmp_path)
    path.write_text(path.read_text("utf-8").replace('"format": 1,', '"format": 2,'), "utf-8")
    with pytest.raises(UnsupportedFormatError, match="format 2"):
        saver.get_tuple(CONFIG)
    (tmp_path / "root" / "filesaver.json").write_text('{"format": 2}', "utf-8")
    with pytest.raises(UnsupportedFormatError, match="format 2"):
        FileSaver(tmp_path / "root").get_tuple(CONFIG)


@pytest.mark.parametrize("thread_id", ["\ud800", "a\udfff", "\ud83d\ude00 as two halves"])
def test_ids_that_are_no_text(tmp_path: Path, thread_id: str) -> None:
    """[D5] Ids with half a surrogate pair are kept exactly, as the hexadecimal digits of their bytes."""
    saver = FileSaver(tmp_path / "root", fsync=False)
    checkpoint = empty_checkpoint()
    saver.put({"configurable": {"thread_id": thread_id, "checkpoint_ns": thread_id}}, checkpoint, {}, {})
    (found,) = FileSaver(tmp_path / "root").list(None)
    assert found.config["configurable"]["thread_id"] == thread_id
    assert found.config["configurable"]["checkpoint_ns"] == thread_id
    assert '"utf8_hex"' in (tmp_path / "root" / layout.name_of(thread_id) / "thread.json").read_text("utf-8")


@pytest.mark.parametrize("pattern", [f"{CHILD}.json", f"*.{TASK}.0.json"])
@pytest.mark.parametrize("change", [(f'"checkpoint_id": "{CHILD}"', '"checkpoint_id": "x"'), ('_ns": ""', '_ns": "x"')])
def test_a_file_in_a_wrong_place_is_an_error(tmp_path: Path, pattern: str, change: tuple[str, str]) -> None:
    """[C1] A checkpoint or a writes file that says it belongs elsewhere is an error, not an answer."""
    saver, _ = _saved(tmp_path)
    saver.put_writes(CONFIG, [("a", 1)], TASK)
    (path,) = (tmp_path / "root").rglob(pattern)
    text = path.read_text("utf-8")
    path.write_text(text.replace(*change), "utf-8")
    assert path.read_text("utf-8") != text
    with pytest.raises(CorruptDataError, match=path.name):
        saver.get_tuple(CONFIG)


def test_what_stands_at_the_top_stands_nowhere_else(tmp_path: Path) -> None:
    """[C3] [C4] `ts`, `source` and `step` stand once, above the state, and come back where LangGraph has them."""
    saver, path = _saved(tmp_path)
    text = path.read_text("utf-8")
    assert [text.count(f'"{key}":') for key in ("ts", "source", "step")] == [1, 1, 1]
    found = saver.get_tuple(CONFIG)
    assert found is not None
    assert found.checkpoint == {**_checkpoint(), "a key of LangGraph's future": [1]}
    assert {key: found.metadata[key] for key in ("source", "step")} == {"source": "loop", "step": 1}


def test_the_first_file_is_the_marker_and_the_second_the_threads_id() -> None:
    """[O3] [O4] Before anything else a new store gets its marker, and a thread with a hashed name its thread.json."""
    keys = list(_sample_store()._files)
    assert keys[0] == "filesaver.json"
    assert keys[1].endswith("/thread.json")


def test_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """[F1] Without hard links everything works as well, first wins holds, and no thread's lock is in its way."""

    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", no_links)
    saver, _ = _saved(tmp_path)
    saver.put_writes(CONFIG, [("a", 1)], TASK)
    saver.put_writes(CONFIG, [("a", 2), ("b", 2)], TASK)
    saver.copy_thread("Research 42", "names")
    copied = saver.get_tuple({"configurable": {"thread_id": "names"}})
    assert copied is not None
    assert copied.pending_writes == [(TASK, "a", 1), (TASK, "b", 2)]
    assert list((tmp_path / "root" / ".tmp").iterdir()) == []


def test_a_parent_that_is_gone_is_no_damage(tmp_path: Path) -> None:
    """[C2] A checkpoint whose parent was never here, or is gone, is read as ever, and names that parent."""
    saver, _ = _saved(tmp_path)
    found = saver.get_tuple(CONFIG)
    assert found is not None
    assert found.parent_config is not None
    assert found.parent_config["configurable"]["checkpoint_id"] == PARENT
    assert saver.get_tuple(found.parent_config) is None


def test_the_same_id_put_again_replaces_the_file_and_keeps_the_writes(tmp_path: Path) -> None:
    """[C7] Putting a checkpoint again replaces its file, and its writes stay."""
    saver, path = _saved(tmp_path)
    saver.put_writes(CONFIG, [("sources", "kept")], TASK)
    another: Any = {**_checkpoint(), "channel_values": {"question": "Another?"}}
    saver.put(_place(PARENT), another, {}, {})
    assert '"question": "Another?"' in path.read_text("utf-8")
    found = saver.get_tuple(CONFIG)
    assert found is not None
    assert found.pending_writes == [(TASK, "sources", "kept")]


def test_writes_alone_make_no_checkpoint(tmp_path: Path) -> None:
    """[L5] [W5] Writes that come first make no thread, namespace or checkpoint appear, and wait for their checkpoint."""
    saver = FileSaver(tmp_path / "root", fsync=False)
    saver.put_writes(CONFIG, [("sources", 1)], TASK)
    assert list(saver.list(None)) == []
    assert saver.get_tuple(CONFIG) is None
    assert saver.get_tuple({"configurable": {"thread_id": "Research 42"}}) is None
    saver.put(_place(PARENT), _checkpoint(), {}, {})
    found = saver.get_tuple({"configurable": {"thread_id": "Research 42"}})
    assert found is not None
    assert found.pending_writes == [(TASK, "sources", 1)]


def test_each_call_is_a_file_and_a_repeated_one_is_none(tmp_path: Path) -> None:
    """[W1] [W4] Calls are numbered from 0 without a gap, and a call that would change nothing leaves no file."""
    saver = FileSaver(tmp_path / "root", fsync=False)
    for value in range(11):
        saver.put_writes(CONFIG, [("__resume__", value)], TASK)
        saver.put_writes(CONFIG, [("__resume__", value)], TASK)
    saver.put_writes(CONFIG, [("sources", "first")], TASK)
    saver.put_writes(CONFIG, [("sources", "second")], TASK)
    names = [path.name for path in (tmp_path / "root").rglob(f"*.{TASK}.*.json")]
    assert set(names) == {f"_root.{CHILD}.{TASK}.{number}.json" for number in range(12)}


def test_removed_writes_keep_their_number(tmp_path: Path) -> None:
    """[W6] The writes of a removed run leave an empty file behind, so that later calls still come later."""
    saver = FileSaver(tmp_path / "root", fsync=False)
    saver.put(_place(PARENT, run_id="run-6"), _checkpoint(), {}, {})
    saver.put_writes(_place(CHILD, run_id="run-7"), [("__resume__", 1)], TASK)
    saver.put_writes(_place(CHILD, run_id="run-6"), [("__resume__", 2)], TASK)
    saver.delete_for_runs(["run-7"])
    (emptied,) = (tmp_path / "root").rglob(f"*.{TASK}.0.json")
    assert json.loads(emptied.read_bytes())["writes"] == []
    saver.put_writes(_place(CHILD, run_id="run-6"), [("__resume__", 3)], TASK)
    found = saver.get_tuple(_place(CHILD))
    assert found is not None
    assert found.pending_writes == [(TASK, "__resume__", 3)]


def test_a_hashed_thread_tells_its_id(tmp_path: Path) -> None:
    """[T1] [N4] Ids with hashed names come back from the files; without thread.json the folder is no thread."""
    saver, path = _saved(tmp_path)
    assert [found.config["configurable"]["thread_id"] for found in saver.list(None)] == ["Research 42"]
    (tmp_path / "root" / layout.name_of("Research 42") / "thread.json").unlink()
    assert list(FileSaver(tmp_path / "root").list(None)) == []
    assert path.is_file()


def test_a_folder_that_is_not_ours_is_not_touched(tmp_path: Path) -> None:
    """[L1] A folder with other things in it is refused; one that only a file manager or git has been in is taken."""
    for name in (".DS_Store", ".gitignore", ".gitkeep"):
        (tmp_path / name).touch()
    FileSaver(tmp_path, fsync=False)
    (tmp_path / "letter.doc").touch()
    with pytest.raises(StorageError, match=r"letter\.doc"):
        FileSaver(tmp_path, fsync=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".DS_Store", ".gitignore", ".gitkeep", "letter.doc"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has other links, no pipes in folders and no modes")
def test_links_and_pipes_are_not_followed(tmp_path: Path) -> None:
    """[S2] A checkpoint file that is a symbolic link or a pipe is an error that names it; nothing hangs."""
    saver, path = _saved(tmp_path)
    elsewhere = path.rename(tmp_path / "elsewhere.json")
    path.symlink_to(elsewhere)
    with pytest.raises(StorageError, match=path.name):
        saver.get_tuple(CONFIG)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(StorageError, match=path.name):
        saver.get_tuple(CONFIG)


@pytest.mark.skipif(os.name == "nt", reason="Windows has other links, no pipes in folders and no modes")
def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    """[S3] Files are readable for their owner only, and so are folders, whatever the umask."""
    before = os.umask(0)
    try:
        _saved(tmp_path)
    finally:
        os.umask(before)
    made = [tmp_path / "root", *(tmp_path / "root").rglob("*")]
    assert {path.stat().st_mode & 0o777 for path in made if path.is_dir()} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in made if path.is_file()} == {0o600}


CONFIG: RunnableConfig = {
    "configurable": {"thread_id": "Research 42", "checkpoint_ns": "", "checkpoint_id": CHILD, "run_id": "run-7"}
}


def _document() -> str:
    return DOCUMENT.read_text("utf-8")


def _checkpoint() -> Any:
    return {
        "v": 4,
        "id": CHILD,
        "ts": "2026-11-23T01:16:50.253618+00:00",
        "channel_values": {"question": "What do storks eat?", "sources": ["a.md", "b.txt"], "retries": 2},
        "channel_versions": {"question": VERSION, "sources": VERSION},
        "versions_seen": {"search": {"branch:to:search": VERSION}},
        "updated_channels": ["sources"],
    }


def _place(checkpoint_id: str, run_id: str = "run-7") -> RunnableConfig:
    return {"configurable": {**CONFIG["configurable"], "checkpoint_id": checkpoint_id, "run_id": run_id}}


def _saved(tmp_path: Path) -> tuple[FileSaver, Path]:
    saver = FileSaver(tmp_path / "root", fsync=False)
    checkpoint: Any = {**_checkpoint(), "a key of LangGraph's future": [1]}
    saver.put(_place(PARENT), checkpoint, {"source": "loop", "step": 1, "parents": {}}, {})
    (path,) = (tmp_path / "root").rglob(f"{CHILD}.json")
    return saver, path


def _sample_store() -> MemoryStore:
    store = MemoryStore(MARKER)
    saver = FileSaver(store)
    saver.put(_place(PARENT), _checkpoint(), {"source": "loop", "step": 1, "parents": {}}, {})
    saver.put_writes(CONFIG, [("sources", ["c.md"]), ("__interrupt__", "Go on?")], TASK, "~__pregel_pull, search")
    return store
