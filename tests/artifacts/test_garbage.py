"""Collecting garbage removes the artifacts that nothing refers to, and never one that something does."""

from __future__ import annotations

import asyncio
import copy
import itertools
import random
import shutil
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage

from langgraph_filesaver import Artifact, CorruptDataError, FileSaver, FileSaverError, LockTimeoutError
from tests.artifacts.folder import artifacts_of, assert_nothing_missing, files_of, make_older, referred_names
from tests.checkpoints import checkpoint_of, config_of, ids_of, metadata_of, put
from tests.contract.test_foreign_serde import SERDES
from tests.stores import Home


def message(number: int, size: int = 200) -> HumanMessage:
    return HumanMessage(f"{number}: " + random.Random(number).randbytes(size // 2).hex(), id=f"m{number}")


def text(number: int) -> str:
    return f"text {number} " * 12_000


def value_of(saver: FileSaver, checkpoint_id: str | None = None, thread_id: str = "t") -> Any:
    found = saver.get_tuple(config_of(thread_id, "", checkpoint_id))
    assert found is not None
    return found.checkpoint["channel_values"]["value"]


def everything(home: Home) -> list[Any]:
    """Return all that can be read, also the content of handles."""
    found = list(home.saver().list(None))
    return [(each, repr(each)) for each in found]


NESTED: dict[str, Any] = {
    "a text": text(1),
    "bytes": b"bytes" * 20_000,
    "a long list": [message(number) for number in range(300)],
    "lists of lists of references": [message(number) for number in range(4_000)],
    "a list in a list": [[message(number) for number in range(200)] for _ in range(3)],
    "texts in a large dict": {"a": text(1), "b": {"c": text(2), **{str(n): "x" * 90 for n in range(900)}}},
    "dicts in large dicts": {
        f"{n}": {f"{m}": {"t": text(n + m), **{str(k): "y" * 90 for k in range(900)}} for m in range(2)} for n in range(2)
    },
    "texts in items of a list": [{"n": number, "text": text(number)} for number in range(60)],
    "handles": [Artifact.from_bytes(b"a" * number, name=f"{number}.json") for number in range(5)],
    "images": [HumanMessage([{"type": "image", "data": "iVBORw0KGgoA" + "AAAA" * 30_000}], id="1")],
}  # fmt: skip


@pytest.mark.parametrize("options", [{}, {"artifact_threshold_bytes": 0}, {"compression": "gzip"}], ids=str)
@pytest.mark.parametrize("name", NESTED)
def test_nothing_referred_to_goes(home: Home, name: str, options: dict[str, Any]) -> None:
    """[O13] Whatever a checkpoint, a write, a fork, a copy or metadata refer to, also by way of other artifacts, stays."""
    saver = home.saver(**options)
    value = NESTED[name]
    put(saver, "c1", {"value": value}, metadata={"more": [text(7)]})
    put(saver, "c2", {"value": 2}, parent="c1", step=1)
    put(saver, "c3", {"value": [value]}, parent="c1", step=1)
    put(saver, "c1", {"value": {"sub": value}}, checkpoint_ns="inner:1")
    saver.put_writes(config_of("t", "", "c3"), [("value", value)], "task")
    saver.put_writes(config_of("t", "", "c9"), [("value", (value,))], "early")
    saver.copy_thread("t", "u/Ä")
    before, files = everything(home), home.files()
    report = saver.collect_garbage(dry_run=False, grace_seconds=0)
    assert (report.files, report.bytes, report.paths, report.dry_run) == (0, 0, (), False)
    assert home.files() == files
    assert everything(home) == before
    assert_nothing_missing(home)


@pytest.mark.parametrize("name", NESTED)
def test_all_else_goes(home: Home, name: str) -> None:
    """After prune, only what the kept checkpoint refers to is left; a dry run told the same files and removed none."""
    saver = home.saver()
    put(saver, "c1", {"value": NESTED[name], "kept": text(99)})
    saver.put_writes(config_of("t", "", "c1"), [("value", [NESTED[name]])], "task")
    put(saver, "c2", {"value": 1, "kept": text(99)}, parent="c1", step=1)
    assert saver.collect_garbage(grace_seconds=0).files == 0
    saver.prune(["t"])
    before = artifacts_of(home)
    expected = {key: data for key, data in before.items() if key not in referred_names(files_of(home))}
    assert expected
    dry = saver.collect_garbage(grace_seconds=0)
    assert dry.dry_run
    assert (dry.files, dry.bytes) == (len(expected), sum(map(len, expected.values())))
    assert {path.rpartition("/")[2] for path in dry.paths} == expected.keys()
    assert artifacts_of(home) == before
    report = saver.collect_garbage("t", dry_run=False, grace_seconds=0)
    assert sorted(report.paths) == sorted(dry.paths)
    assert not report.dry_run
    assert artifacts_of(home) == {key: data for key, data in before.items() if key not in expected}
    assert value_of(home.saver()) == 1
    assert saver.collect_garbage(dry_run=False, grace_seconds=0).files == 0
    put(saver, "c3", {"value": NESTED[name]}, step=2)
    assert value_of(home.saver()) == NESTED[name]


def test_the_grace_period(local_home: Home) -> None:
    """What is younger than the grace period (an hour, if not told) is kept: its put may be still to come."""
    saver = local_home.saver()
    with saver.open_artifact(config_of(), "a.txt") as file:
        file.write(b"content")
    assert saver.collect_garbage(dry_run=False).files == 0
    make_older(local_home, 3_590)
    assert saver.collect_garbage(dry_run=False).files == 0
    assert saver.collect_garbage(dry_run=False, grace_seconds=4_000).files == 0
    put(saver, "c1", {"value": file.artifact})
    make_older(local_home, 20)
    assert saver.collect_garbage(dry_run=False).files == 0
    saver.prune(["t"], strategy="keep_latest")
    put(saver, "c2", {"value": 1}, parent="c1", step=1)
    saver.prune(["t"])
    assert saver.collect_garbage(dry_run=False).files == 1
    with pytest.raises(ValueError, match="negative"):
        saver.collect_garbage(grace_seconds=-1)


def test_other_ways_to_leave_garbage(local_home: Home) -> None:
    """`delete_for_runs` and a checkpoint that a person deleted leave garbage, which is found; files of others are left alone."""
    saver = local_home.saver()
    put(saver, "c1", {"value": text(1)})
    put(saver, "c2", {"value": text(2)}, parent="c1", step=1, metadata={"run_id": "r"})
    put(saver, "c3", {"value": text(3)}, parent="c1", step=1)
    saver.delete_for_runs(["r"])
    (local_home.root / "t" / "checkpoints" / "_root" / "c3.json").unlink()
    notes = local_home.root / "t" / "artifacts" / "notes of mine.txt"
    notes.write_text("mine")
    report = saver.collect_garbage("t", dry_run=False, grace_seconds=0)
    assert report.files == 2
    assert value_of(local_home.saver()) == text(1)
    assert notes.exists()


def test_all_threads_or_one(home: Home) -> None:
    """Without a thread all threads are looked through, those with hashed names, too; a thread that is not there is fine."""
    saver = home.saver()
    threads = ["t", "u", "A b", "é" * 300, "..", ""]
    for thread_id in threads:
        put(saver, "c1", {"value": text(1)}, thread_id=thread_id)
        put(saver, "c2", {"value": text(2)}, thread_id=thread_id, step=1)
    saver.prune(threads)
    assert saver.collect_garbage("nobody", dry_run=False, grace_seconds=0).files == 0
    assert saver.collect_garbage("A b", dry_run=False, grace_seconds=0).files == 1
    assert saver.collect_garbage(grace_seconds=0).files == 5
    assert saver.collect_garbage(dry_run=False, grace_seconds=0).files == 5
    for thread_id in threads:
        assert value_of(home.saver(), None, thread_id) == text(2)


@pytest.mark.parametrize(
    "broken", ["checkpoint", "write", "newer", "chunk missing", "chunk damaged", "json missing", "inner namespace"]
)
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_file_that_cannot_be_read(local_home: Home, broken: str, dry_run: bool) -> None:
    """Nobody knows what it refers to: the call refuses and names it, and nothing of that thread goes."""
    saver = local_home.saver()
    put(saver, "c1", {"value": [message(n) for n in range(200)]})
    put(saver, "c2", {"value": 1}, parent="c1", step=1)
    put(saver, "c3", {"value": [[message(n) for n in range(300, 500)]]}, parent="c2", step=2)
    put(saver, "c1", {"value": text(9)}, checkpoint_ns="inner:1")
    saver.put_writes(config_of("t", "", "c3"), [("value", text(1))], "task")
    (local_home.root / "t" / "checkpoints" / "_root" / "c1.json").unlink()
    folder = local_home.root / "t"
    c3 = folder / "checkpoints" / "_root" / "c3.json"
    path = {
        "checkpoint": c3,
        "newer": c3,
        "write": next((folder / "writes").rglob("*.json")),
        "inner namespace": next(path for path in (folder / "checkpoints").rglob("c1.json") if "_root" not in str(path)),
    }.get(broken)
    if path is None:
        name = sorted(referred_names({"c3": c3.read_bytes()}))[0]
        path = folder / "artifacts" / name
    if "missing" in broken:
        path.unlink()
    elif broken == "newer":
        path.write_text(path.read_text().replace('"format": 1', '"format": 99'))
    else:
        path.write_bytes(path.read_bytes()[:-20])
    before = artifacts_of(local_home)
    assert before
    told = "format 99" if broken == "newer" else path.name
    with pytest.raises(FileSaverError, match="(?s)" + told):
        saver.collect_garbage("t", dry_run=dry_run, grace_seconds=0)
    assert artifacts_of(local_home) == before


def test_content_that_comes_back(home: Home) -> None:
    """A saver that remembers what it stored puts the same objects again after a collection: all of it is there again."""
    saver, other = home.saver(), home.saver()
    messages = [message(number) for number in range(400)]
    state = {"value": messages, "text": text(1), "deep": NESTED["dicts in large dicts"]}
    versions = dict.fromkeys(state, 1)
    for round_ in range(4):
        given = checkpoint_of(f"c{round_}1", state, versions)
        saver.put(config_of(), given, metadata_of(), {} if round_ else versions)  # type: ignore[arg-type]
        assert value_of(home.saver()) == messages
        saver.put_writes(config_of("t", "", f"c{round_}1"), list(state.items()), "task")
        put(other if round_ % 2 else saver, f"c{round_}2", {"value": 1}, step=round_)
        saver.prune(["t"])
        assert (other if round_ < 2 else saver).collect_garbage(dry_run=False, grace_seconds=0).files > 20
        assert artifacts_of(home) == {}
        assert_nothing_missing(home)
    put(saver, "c9", state)
    assert_nothing_missing(home)
    found = home.saver().get_tuple(config_of())
    assert found is not None
    assert found.checkpoint["channel_values"] == state


@pytest.mark.parametrize("collector", ["the saver", "another saver"])
def test_one_of_many_comes_back(home: Home, collector: str) -> None:
    """Only one of the artifacts that a saver remembers was collected, whichever: the next put that needs it stores it again."""
    saver = home.saver()
    state: dict[str, Any] = {f"text {number}": text(number) for number in range(6)}
    state["messages"] = [message(number) for number in range(200)]
    for step, name in enumerate(state):
        put(saver, f"c{step}0", state, step=3 * step)
        put(saver, f"c{step}1", {key: value for key, value in state.items() if key != name}, step=3 * step + 1)
        saver.prune(["t"])
        report = (saver if collector == "the saver" else home.saver()).collect_garbage(dry_run=False, grace_seconds=0)
        assert report.files == 1 or name == "messages"
        put(saver, f"c{step}2", state, step=3 * step + 2)
        assert_nothing_missing(home)


@pytest.mark.parametrize("by", ["the saver", "another saver", "hand"])
def test_a_thread_removed_under_a_saver(local_home: Home, by: str) -> None:
    """After delete_thread or `rm -rf` the same saver puts the same objects, and everything that they refer to is there."""
    saver = local_home.saver()
    state = {"value": [message(number) for number in range(400)], "text": text(1), "n": 1}
    versions = dict.fromkeys(state, 1)
    for round_ in range(3):
        saver.put(config_of(), checkpoint_of("c1", state, versions), metadata_of(), {} if round_ else versions)  # type: ignore[arg-type]
        saver.put_writes(config_of("t", "", "c1"), list(state.items()), "task")
        assert_nothing_missing(local_home)
        found = (saver if round_ else local_home.saver()).get_tuple(config_of())
        assert found is not None
        assert found.checkpoint["channel_values"] == state
        if by == "hand":
            shutil.rmtree(local_home.root / "t")
        else:
            (saver if by == "the saver" else local_home.saver()).delete_thread("t")
    if by == "hand":
        shutil.rmtree(local_home.root)
        put(saver, "c1", state)
        assert_nothing_missing(local_home)


def test_a_deleted_artifacts_folder(local_home: Home) -> None:
    """A person removes the whole artifacts folder: what is put then is complete, though the old checkpoints are not."""
    saver = local_home.saver()
    messages = [message(number) for number in range(400)]
    put(saver, "c1", {"value": messages})
    shutil.rmtree(local_home.root / "t" / "artifacts")
    with pytest.raises(CorruptDataError, match="missing"):
        value_of(saver)
    put(saver, "c2", {"value": messages}, step=1)
    assert value_of(local_home.saver()) == messages
    assert value_of(local_home.saver(), "c1") == messages


def test_a_collection_waits_for_who_refers(home: Home) -> None:
    """[K4] While somebody is between its last look at the artifacts and its file, nothing is removed: the collector waits, or gives up."""
    saver = home.saver()
    put(saver, "c1", {"value": text(1)})
    put(saver, "c2", {"value": 1}, step=1)
    saver.prune(["t"])
    collector = home.saver(lock_timeout_seconds=0.1)
    with saver._repository.locks.referring("t"):
        begun = time.monotonic()
        assert collector.collect_garbage(grace_seconds=0).files == 1
        with pytest.raises(LockTimeoutError, match="about to refer"):
            collector.collect_garbage(dry_run=False, grace_seconds=0)
        with pytest.raises(LockTimeoutError):
            collector.delete_thread("t")
        assert time.monotonic() - begun < 5
        assert len(artifacts_of(home)) == 1
        put(home.saver(), "c3", {"value": text(1)}, step=2)  # others may refer meanwhile
    assert collector.collect_garbage(dry_run=False, grace_seconds=0).files == 0
    with saver._repository.locks.removing("t"), pytest.raises(LockTimeoutError, match="being removed"):
        put(home.saver(lock_timeout_seconds=0.1), "c4", {"value": text(2)}, step=3)
    assert value_of(home.saver()) == text(1)


async def test_the_async_twin(home: Home) -> None:
    """`acollect_garbage` collects while other calls of the same saver are under way, and tells the same."""
    saver = home.saver()
    for number in range(5):
        await saver.aput(config_of(), checkpoint_of(f"c{number}", {"value": text(number)}), metadata_of(), {})
    await saver.aprune(["t"])
    dry, report, *_ = await asyncio.gather(
        saver.acollect_garbage(grace_seconds=0),
        saver.acollect_garbage("t", dry_run=False, grace_seconds=0),
        *(
            saver.aput(config_of(), checkpoint_of(f"d{number}", {"value": text(number)}), metadata_of(), {})
            for number in range(5)
        ),
    )
    assert dry.dry_run
    assert report.files <= 4
    assert_nothing_missing(home)
    assert [value_of(home.saver(), f"d{number}") for number in range(5)] == [text(number) for number in range(5)]


@pytest.mark.parametrize("serde", SERDES)
def test_sealed_values(home: Home, serde: str) -> None:
    """What another serde sealed is garbage when its checkpoint is gone, and not before; the collector needs no key."""
    saver = home.saver(serde=SERDES[serde])
    put(saver, "c1", {"value": text(1)})
    put(saver, "c2", {"value": text(2)}, parent="c1", step=1)
    collector = home.saver()
    assert collector.collect_garbage(dry_run=False, grace_seconds=0).files == 0
    saver.prune(["t"])
    assert collector.collect_garbage(dry_run=False, grace_seconds=0).files == 1
    assert value_of(home.saver(serde=SERDES[serde])) == text(2)


OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["put", "writes", "copy", "prune", "delete", "collect", "resume"]), st.integers(0, 9)),
    min_size=3,
    max_size=12,
)


@pytest.mark.parametrize("kind", ["memory", "local"])
@given(OPERATIONS)
@settings(max_examples=30)
def test_any_order_of_calls(kind: str, tmp_path_factory: pytest.TempPathFactory, calls: list[tuple[str, int]]) -> None:
    """Two savers that remember what they stored put, prune, copy, delete and collect in any order: nothing is ever missing."""
    home = Home(kind, tmp_path_factory.mktemp("place") / "checkpoints")
    savers = [home.saver(), home.saver()]
    pool: list[Any] = [[message(n) for n in range(150)], [message(n) for n in range(30, 220)], text(1), {"t": text(1)}]
    pool += [
        {"deep": {"x": text(2), **{str(n): "x" * 90 for n in range(900)}}},
        Artifact.from_bytes(b"1", name="a.txt"),
    ]
    expected: dict[tuple[str, str], Any] = {}
    for step, (what, number) in zip(itertools.count(), calls, strict=False):
        saver, thread_id, checkpoint_id = savers[number % 2], "tu"[number // 5], f"{step:04}"
        if what == "put":
            value = pool[(number * 7 + step) % len(pool)]
            put(saver, checkpoint_id, {"value": value, "n": step}, thread_id=thread_id, step=step)
            expected[thread_id, checkpoint_id] = copy.deepcopy(value)
        elif what == "writes":
            saver.put_writes(config_of(thread_id, "", checkpoint_id), [("value", pool[number % len(pool)])], "task")
        elif what == "resume" and ids_of(saver, config_of(thread_id)):
            value = value_of(saver, None, thread_id)
            put(saver, checkpoint_id, {"value": value, "n": step}, thread_id=thread_id, step=step)
            expected[thread_id, checkpoint_id] = copy.deepcopy(value)
        elif what == "copy":
            saver.copy_thread("t", "u")
            expected |= {("u", place[1]): value for place, value in expected.items() if place[0] == "t"}
        elif what == "prune":
            saver.prune([thread_id])
        elif what == "delete":
            saver.delete_thread(thread_id)
        elif what == "collect":
            saver.collect_garbage(dry_run=False, grace_seconds=0)
        assert_nothing_missing(home, "t")
        assert_nothing_missing(home, "u")
    for found in home.saver().list(None):
        place = found.config["configurable"]
        value = expected[place["thread_id"], place["checkpoint_id"]]
        assert found.checkpoint["channel_values"]["value"] == value
