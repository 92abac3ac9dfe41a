"""What a verification tells, and what it does not: every kind of damage is found, and no honest store is accused."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from xxhash import xxh3_64_hexdigest

from langgraph_filesaver import Artifact, FileSaver
from tests.checkpoints import config_of, put
from tests.graphs.delta_graphs import NEVER, Workshop
from tests.inspection.graphs import PLAYS, play
from tests.inspection.looking import chat, config_for
from tests.inspection.stages import Stage

Damaging = Callable[[Path], object]


def kinds(saver: FileSaver, thread_id: str | None = None) -> set[tuple[str, str]]:
    """The kinds of what was found, with the role of the file."""
    return {(each.kind, each.key.split("/", 1)[-1].split("/")[0]) for each in saver.verify(thread_id).findings}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "agents"


@pytest.fixture
def saver(root: Path) -> FileSaver:
    """A thread that waits, with messages, chunks, large values, a correction, and two calls of one task."""
    saver = FileSaver(root, fsync=False)
    chat(saver, asks=True).invoke({"log": ["x" * 5_000] * 30, "text": "t" * 100_000}, config_for("t"))
    saver.edit_state("t", {"text": "u" * 100_000})
    messages = [HumanMessage("m" * 1000, id=str(number)) for number in range(50)]
    put(
        saver,
        "2f",
        {"messages": [*messages, AIMessage("end")], "file": Artifact.from_bytes(b"b" * 9, name="b.bin")},
        thread_id="u",
    )
    config = config_of("u", checkpoint_id="2f")
    saver.put_writes(config, [("a", 1)], "task")
    saver.put_writes(config, [("__interrupt__", "q")], "task")
    return saver


# --- no false alarm


def test_an_untouched_store_is_sound(saver: FileSaver, root: Path) -> None:
    """Nothing is found, and every file but locks was read."""
    report = saver.verify()
    files = [path for path in root.rglob("*") if path.is_file() and not path.relative_to(root).parts[0].startswith(".")]
    assert report.findings == ()
    assert (report.threads, report.files) == (2, len(files) - 1)
    assert report.bytes == sum(path.stat().st_size for path in files) - (root / "filesaver.json").stat().st_size


@pytest.mark.parametrize("name", PLAYS)
def test_stores_of_real_graphs_are_sound(name: str) -> None:
    """Whatever LangGraph does (interrupts, subgraphs, forks, DeltaChannels, time travel), pruned and copied: no alarm."""
    told = play(name)
    stage = Stage(told.graph)
    told.acts(stage)
    saver = FileSaver(stage.store)
    assert saver.verify().findings == ()
    for thread_id in saver._repository.thread_ids():
        saver.copy_thread(thread_id, f"copy of {thread_id}")
    saver.prune(saver._repository.thread_ids())
    assert saver.verify().findings == ()


def test_encrypted_and_compressed_stores_are_sound(tmp_path: Path) -> None:
    """What is checked is the content, whatever form it has on the disk."""
    saver = FileSaver(tmp_path, fsync=False, encryption=bytes(range(32)), compression="gzip")
    chat(saver).invoke({"log": ["x" * 5_000] * 30, "text": "t" * 100_000}, config_for("Odd Id"))
    assert saver.verify().findings == ()
    path = max((tmp_path).glob("*/artifacts/*"), key=lambda each: each.stat().st_size)
    path.write_bytes(path.read_bytes()[:-1])
    assert kinds(saver) == {("corrupt", "artifacts")}


def test_who_writes_and_prunes_meanwhile_causes_no_alarm(root: Path, saver: FileSaver) -> None:
    """Verification takes no lock: threads that change all the time are found sound."""
    ended = threading.Event()

    def change() -> None:
        other = FileSaver(root, fsync=False)
        for number in range(150):
            chat(other).invoke(
                {"log": ["y" * 3000] * 5, "text": f"{number}" * 70_000}, config_for(f"busy {number % 3}")
            )
            other.prune([f"busy {number % 3}"])
            if number % 5 == 0:
                other.delete_thread(f"busy {number % 3}")
        ended.set()

    worker = threading.Thread(target=change)
    worker.start()
    looks = 0
    while not (ended.is_set() and looks > 5):
        looks += 1
        assert saver.verify().damage == ()
    worker.join()


# --- what a person may do


def test_an_edit_by_hand_is_told_and_is_no_damage(saver: FileSaver, root: Path) -> None:
    """[D6] A changed value is "edited"; white space at the end is nothing; a file that never told its digest is not accused."""
    path = root / "u/checkpoints/_root/2f.json"
    whole = path.read_text()
    path.write_text(whole + "\n")
    assert saver.verify().findings == ()
    path.write_text(whole.replace('"end"', '"END"'))
    report = saver.verify()
    assert [(each.kind, each.key, each.thread_id) for each in report.findings] == [
        ("edited", "u/checkpoints/_root/2f.json", "u")
    ]
    assert report.is_sound
    saver.prune(["u"])
    assert kinds(saver) == {("edited", "checkpoints")}, "a tool does not hide what a person did"
    document = json.loads(whole)
    del document["digest"]
    path.write_text(json.dumps(document))
    assert saver.verify().findings == ()


def test_the_digest_is_what_the_document_says(saver: FileSaver, root: Path) -> None:
    """[D6] The last key of each checkpoint and of each file of writes is the XXH3-64 of what stands before its comma."""
    paths = [*root.glob("*/checkpoints/*/*.json"), *root.glob("*/writes/*/*.json")]
    assert len(paths) > 5
    for path in paths:
        body, _, end = path.read_bytes().rpartition(b',\n  "digest": "')
        assert end == xxh3_64_hexdigest(body).encode() + b'"\n}'
        assert list(json.loads(path.read_bytes()))[-1] == "digest"


def test_strays_and_files_in_the_making_are_listed(saver: FileSaver, root: Path) -> None:
    """[L6] What is not ours is told by its place, in the root and in threads, and is no damage."""
    for place in ("note.txt", "t/note.txt", "t/checkpoints/_root/.x.swp", "t/artifacts/a.txt", "u/writes/0/a.json"):
        (root / place).parent.mkdir(exist_ok=True)
        (root / place).write_text("by hand")
    (root / ".tmp/unfinished").write_text("half")
    report = saver.verify()
    assert report.is_sound
    assert {each.key for each in report.findings if each.kind == "stray"} == {
        "note.txt",
        "t/note.txt",
        "t/checkpoints/_root/.x.swp",
        "t/artifacts/a.txt",
        "u/writes/0/a.json",
    }
    assert [each.key for each in report.findings if each.kind == "temporary"] == [".tmp/unfinished"]


# --- damage


def one(root: Path, pattern: str) -> Path:
    return max(root.glob(pattern), key=lambda path: path.stat().st_size)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x80
    path.write_bytes(bytes(data))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def swap(first: Path, second: Path) -> None:
    data = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(data)


def set_field(path: Path, **fields: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


CHECKPOINT, WRITES, ARTIFACT, CHUNK = "t/checkpoints/_root/*", "t/writes/*/*", "t/artifacts/*.txt", "t/artifacts/*.json"
DAMAGES: dict[str, tuple[Damaging, tuple[str, str]]] = {
    "a bit of a checkpoint": (lambda root: flip(one(root, CHECKPOINT)), ("corrupt", "checkpoints")),
    "a bit of a write": (lambda root: flip(one(root, WRITES)), ("corrupt", "writes")),
    "a bit of a large value": (lambda root: flip(one(root, ARTIFACT)), ("corrupt", "artifacts")),
    "a bit of a chunk": (lambda root: flip(one(root, CHUNK)), ("corrupt", "artifacts")),
    "a bit of an earlier state": (lambda root: flip(one(root, "t/edits/*")), ("corrupt", "edits")),
    "a checkpoint cut off": (lambda root: cut(one(root, CHECKPOINT)), ("corrupt", "checkpoints")),
    "a chunk cut off": (lambda root: cut(one(root, CHUNK)), ("corrupt", "artifacts")),
    "two checkpoints swapped": (
        lambda root: swap(*sorted((root / "t/checkpoints/_root").iterdir())[:2]),
        ("corrupt", "checkpoints"),
    ),
    "a checkpoint in another namespace": (
        lambda root: shutil.copytree(root / "u/checkpoints/_root", root / "u/checkpoints/sub"),
        ("corrupt", "checkpoints"),
    ),
    "a checkpoint under another name": (
        lambda root: shutil.copy(root / "u/checkpoints/_root/2f.json", root / "u/checkpoints/_root/3f.json"),
        ("corrupt", "checkpoints"),
    ),
    "a large value that is gone": (lambda root: one(root, ARTIFACT).unlink(), ("missing", "checkpoints")),
    "a chunk that is gone": (lambda root: one(root, "u/artifacts/*.json").unlink(), ("missing", "checkpoints")),
    "a call that is gone": (lambda root: min(root.glob("u/writes/*/*.0.json")).unlink(), ("unsound", "writes")),
    "a checkpoint that is its own ancestor": (
        lambda root: set_field(root / "u/checkpoints/_root/2f.json", parent_checkpoint_id="2f"),
        ("unsound", "checkpoints"),
    ),
    "versions of two types": (
        lambda root: set_field(
            root / "u/checkpoints/_root/2f.json", checkpoint={"v": 4, "channel_versions": {"a": "1.0", "b": 2}}
        ),
        ("corrupt", "checkpoints"),
    ),
    "a newer format": (
        lambda root: set_field(root / "u/checkpoints/_root/2f.json", format=2),
        ("newer", "checkpoints"),
    ),
    "an edit that makes no sense": (
        lambda root: set_field(
            root / "u/checkpoints/_root/2f.json", state={"at": {"$type": "datetime", "value": "soon"}}
        ),
        ("corrupt", "checkpoints"),
    ),
    "a reference out of the thread": (
        lambda root: set_field(root / "u/checkpoints/_root/2f.json", state={"x": {"$artifact": "../t/thread.json"}}),
        ("corrupt", "checkpoints"),
    ),
    "a pipe": (lambda root: os.mkfifo(root / "u/checkpoints/_root/3f.json"), ("corrupt", "checkpoints")),
    "a link": (
        lambda root: (root / "u/checkpoints/_root/3f.json").symlink_to(root / "u/checkpoints/_root/2f.json"),
        ("corrupt", "checkpoints"),
    ),
    "a dangling link": (
        lambda root: (root / "u/checkpoints/_root/3f.json").symlink_to("nowhere"),
        ("corrupt", "checkpoints"),
    ),
    "a link to itself": (
        lambda root: (root / "u/checkpoints/_root/3f.json").symlink_to(root / "u/checkpoints/_root/3f.json"),
        ("corrupt", "checkpoints"),
    ),
    "a folder": (lambda root: (root / "u/checkpoints/_root/3f.json").mkdir(), ("corrupt", "checkpoints")),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_each_kind_of_damage_is_found_and_named(saver: FileSaver, root: Path, name: str) -> None:
    """[D4] Each is told with its file, and nothing else is called damaged but what depends on it."""
    damage, expected = DAMAGES[name]
    damage(root)
    report = saver.verify()
    assert not report.is_sound
    found = {(each.kind, each.key.split("/")[1]) for each in report.damage}
    assert expected in found
    assert all(kind in {expected[0], "missing"} for kind, _ in found)


def test_a_folder_whose_thread_nobody_knows_is_told(root: Path) -> None:
    """[T1] A hashed folder without its thread.json, or with another thread's."""
    saver = FileSaver(root, fsync=False)
    put(saver, "1", {"a": 1}, thread_id="Odd Id")
    (path,) = root.glob("*/thread.json")
    path.write_text('{"format": 1, "thread_id": "Another"}')
    assert kinds(saver) == {("corrupt", "thread.json")}
    path.unlink()
    assert kinds(saver) == {("missing", "thread.json")}


# --- repair


@pytest.fixture
def steps(saver: FileSaver) -> list[str]:
    """A thread `line` of five checkpoints."""
    for number in range(1, 6):
        put(
            saver,
            str(number),
            {"n": number, "text": f"{number}" * 100_000},
            thread_id="line",
            parent=str(number - 1) if number > 1 else None,
        )
    return [str(number) for number in range(1, 6)]


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in DAMAGES
        if name not in ("a pipe", "a link", "a dangling link", "a link to itself", "a folder", "a newer format")
    ],
)
def test_after_a_repair_a_thread_is_sound_and_nothing_is_lost_for_good(saver: FileSaver, root: Path, name: str) -> None:
    """[Q1] What was damaged is in the quarantine, byte for byte; the rest verifies; a second repair finds nothing to do."""
    DAMAGES[name][0](root)
    before = {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.glob("[!.]*/**/*.*") if path.is_file()
    }
    planned = [saver.repair(thread_id) for thread_id in ("t", "u")]
    assert all(not each.left for each in planned)
    assert {path.relative_to(root).as_posix() for path in root.glob("[!.]*/**/*.*") if path.is_file()} == set(before), (
        "a dry run"
    )
    done = [saver.repair(thread_id, dry_run=False) for thread_id in ("t", "u")]
    for plan, report in zip(planned, done, strict=True):
        assert (plan.quarantined, plan.reparented, plan.lost) == (report.quarantined, report.reparented, report.lost)
    assert saver.verify().damage == ()
    for report in done:
        for key in report.quarantined:
            (kept,) = root.glob(f".quarantine/*/{key}")
            assert kept.read_bytes() == before[key]
    after = {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.glob("[!.]*/**/*.*") if path.is_file()
    }
    assert saver.repair("t", dry_run=False).quarantined == saver.repair("u", dry_run=False).quarantined == ()
    assert {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.glob("[!.]*/**/*.*") if path.is_file()
    } == after
    for key, data in before.items():  # whatever went, or was changed, is there as it was
        if after.get(key) != data:
            (kept,) = root.glob(f".quarantine/*/{key}")
            assert kept.read_bytes() == data
    assert any(report.lost or report.reparented for report in done)


@pytest.mark.parametrize(("reparent", "parent"), [("none", None), ("nearest", "2")])
def test_children_get_another_parent_as_told(
    saver: FileSaver, root: Path, steps: list[str], reparent: str, parent: str | None
) -> None:
    """[Q1] A checkpoint that lost its value goes; the one after it has no parent, or the nearest that is there."""
    path = root / "line/checkpoints/_root/3.json"
    name = json.loads(path.read_text())["state"]["text"]["$artifact"]
    (root / "line" / name).unlink()
    report = saver.repair("line", dry_run=False, reparent=reparent)  # type: ignore[arg-type]
    assert report.reparented == (("line/checkpoints/_root/4.json", parent),)
    assert "n, text" in report.lost[0]
    (kept,) = root.glob(".quarantine/*/line/checkpoints/_root/4.json")
    assert json.loads(kept.read_text())["parent_checkpoint_id"] == "3", "what was changed is kept as it was (P3)"
    found = {each.checkpoint["id"]: each.parent_config for each in saver.list(config_for("line"))}
    assert list(found) == ["5", "4", "2", "1"]
    assert (found["4"] or {}).get("configurable", {}).get("checkpoint_id") == parent
    assert saver.verify("line").damage == ()


def test_a_lost_call_keeps_its_number(saver: FileSaver, root: Path) -> None:
    """[Q1] [W6] An empty file stands for a damaged call, so that a call that comes later does not come before those that stay."""
    put(saver, "1", {"a": 1}, thread_id="calls")
    config = config_of("calls", checkpoint_id="1")
    saver.put_writes(config, [("a", "first")], "task")
    saver.put_writes(config, [("a", "first"), ("b", "second")], "task")
    for damage in (cut, Path.unlink):
        damage(next(root.glob("calls/writes/*/*.0.json")))
        report = saver.repair("calls", dry_run=False)
        assert "an empty file holds its place" in report.lost[0]
        assert saver.verify("calls").damage == ()
        before = saver.get_tuple(config)
        assert before is not None
        assert before.pending_writes == [("task", "a", "first"), ("task", "b", "second")]
        saver.put_writes(config, [("a", "LATER"), ("b", "LATER")], "task")
        assert saver.get_tuple(config) == before


@pytest.mark.parametrize("what", ["a checkpoint", "its writes"])
def test_no_checkpoint_shows_less_than_its_state(root: Path, what: str) -> None:
    """[Q1] [O11] What needs a lost ancestor, or its writes, for a DeltaChannel goes as well, and is told; older ones stay whole."""
    saver = FileSaver(root, fsync=False)
    graph = Workshop(NEVER, NEVER, NEVER).graph(saver)
    for number in range(3):
        graph.invoke({"log": [f"in {number}"], "do": []}, config_for("t"))
    states = {
        each.config["configurable"]["checkpoint_id"]: each.values for each in graph.get_state_history(config_for("t"))
    }
    writes = {path.name.split(".")[1]: path for path in root.glob("t/writes/*/*") if '"log"' in path.read_text()}
    broken = sorted(writes)[len(writes) // 2]
    cut(root / f"t/checkpoints/_root/{broken}.json" if what == "a checkpoint" else writes[broken])
    planned = saver.repair("t")
    report = saver.repair("t", dry_run=False)
    assert planned.lost == report.lost
    assert any("`log`" in each for each in report.lost)
    assert saver.verify("t").damage == ()
    after = {
        each.config["configurable"]["checkpoint_id"]: each.values for each in graph.get_state_history(config_for("t"))
    }
    assert after
    assert all(values == states[checkpoint_id] for checkpoint_id, values in after.items())
    assert broken not in after or what == "its writes"


def test_what_a_newer_release_wrote_is_left_to_it(saver: FileSaver, root: Path) -> None:
    """[D2] [Q1] A file of a newer format is told as that, and no repair takes it away."""
    DAMAGES["a newer format"][0](root)
    report = saver.repair("u", dry_run=False)
    assert [each.kind for each in report.left] == ["newer"]
    assert report.quarantined == ()


def test_what_a_prune_or_a_collection_that_died_leaves_is_no_damage(root: Path) -> None:
    """Half of a garbage list, and writes whose checkpoint is gone with a call missing, alarm nobody."""
    saver = FileSaver(root, fsync=False)
    put(saver, "1", {"v": [[str(number) * 50 for number in range(9000)]]})
    config = put(saver, "2", {"v": 1}, parent="1", step=1)
    for number in range(3):
        saver.put_writes(config, [("a", number), *[("b", number)] * number], "task")
    text = (root / "t/checkpoints/_root/1.json").read_text()
    saver.prune(["t"])
    next(path for path in (root / "t/artifacts").iterdir() if path.name not in text).unlink()
    put(saver, "3", {"v": 1}, parent="2", step=2)
    (root / "t/checkpoints/_root/2.json").unlink()
    next((root / "t/writes").rglob("*.0.json")).unlink()
    assert saver.verify().findings == ()


def test_what_cannot_be_mended_is_told(saver: FileSaver, root: Path) -> None:
    """[Q1] A folder or a pipe in place of a file is left where it is, and said so."""
    (root / "u/checkpoints/_root/3f.json").mkdir()
    report = saver.repair("u", dry_run=False)
    assert [each.key for each in report.left] == ["u/checkpoints/_root/3f.json"]
    assert (root / "u/checkpoints/_root/3f.json").is_dir()


def test_the_quarantine_is_no_thread(saver: FileSaver, root: Path, steps: list[str]) -> None:
    """[Q1] [L7] Nothing in it is listed, and it makes no folder a stranger's."""
    flip(root / "line/checkpoints/_root/5.json")
    saver.repair("line", dry_run=False)
    assert saver._repository.thread_ids() == ["line", "t", "u"]
    assert not any(".quarantine" in each.key for each in saver._repository.store.tree(""))
    assert saver.get_tuple(config_for("line")).checkpoint["id"] == "4"  # type: ignore[union-attr]


def test_a_file_of_the_users_is_not_looked_into(root: Path) -> None:
    """A handle's content is anything: JSON lines, or JSON that looks like a reference, is no damage, and a repair leaves it."""
    saver = FileSaver(root, fsync=False)
    for number, content in enumerate((b'{"a":1}\n{"a":2}\n', b'{"$artifact": "artifacts/x", "$list": [1]}')):
        put(saver, str(number), {"file": Artifact.from_bytes(content, name="x.json")}, thread_id="t")
    assert saver.verify().findings == ()
    assert saver.repair("t", dry_run=False).quarantined == ()
