"""A folder and its mirror: what is acknowledged is in both, and each heals the other (docs/decisions/0006-mirror.md)."""

from __future__ import annotations

import json
import shutil
import warnings
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from langgraph_filesaver import ConflictError, CorruptDataError, FileSaver, LockTimeoutError, StorageError
from langgraph_filesaver._mirror import MirroredStore, link
from langgraph_filesaver._process import Process
from tests.checkpoints import config_of, ids_of, put
from tests.concurrency.graphs import counting
from tests.mirror.places import Mirrored


@pytest.fixture
def place(tmp_path: Path) -> Mirrored:
    return Mirrored(tmp_path)


def value_of(saver: FileSaver, thread_id: str = "t") -> Any:
    found = saver.get_tuple(config_of(thread_id))
    return None if found is None else found.checkpoint["channel_values"].get("value")


def store_of(saver: FileSaver) -> MirroredStore:
    store = saver._repository.store
    assert isinstance(store, MirroredStore)
    return store


def both(place: Mirrored, saver: FileSaver) -> None:
    """Hold the two places against each other."""
    store = store_of(saver)
    assert place.files(store.local) == place.files(store.remote)


# --- writing


def test_what_is_acknowledged_is_in_both_places(place: Mirrored) -> None:
    """Checkpoints, writes, artifacts, names and what open_artifact wrote are in the mirror, byte by byte, when a call returns."""
    saver = place.saver()
    put(saver, "1", {"value": "x" * 100_000}, thread_id="A/b")
    both(place, saver)
    saver.put_writes(config_of("A/b", "", "1"), [("value", ["y" * 100_000])], "task")
    both(place, saver)
    with saver.open_artifact(config_of("A/b"), "video.mp4") as file:
        file.write(b"z" * 10_000_000)
    both(place, saver)
    put(saver, "1", {"value": "once more"}, thread_id="A/b")
    both(place, saver)
    saver.copy_thread("A/b", "copy")
    both(place, saver)
    assert ids_of(place.alone(), config_of("A/b")) == ["1"]
    assert saver.mirror_status().pending_files == 0


def test_prunes_and_deletions_are_mirrored(place: Mirrored) -> None:
    """What prune, collect_garbage, delete_for_runs and delete_thread remove or rewrite is so in the mirror, too."""
    saver = place.saver()
    for number in range(4):
        put(saver, str(number), {"value": str(number) * 100_000}, parent=str(number - 1) if number else None)
    saver.prune(["t"])
    both(place, saver)
    saver.collect_garbage(dry_run=False, grace_seconds=0)
    both(place, saver)
    assert ids_of(place.alone(), config_of()) == ["3"]
    saver.delete_thread("t")
    both(place, saver)
    assert list(place.alone().list(None)) == []
    assert list(place.saver().list(None)) == []


def test_a_put_is_one_request_to_the_mirror(place: Mirrored) -> None:
    """In the steady state a put asks the mirror for one PUT, and for none but that of each artifact."""
    saver = place.saver()
    put(saver, "1")
    put(saver, "2", parent="1")
    asked: list[str] = []
    driver = place.drivers[-1]
    call = driver._call

    def noted(verb: str, *args: Any, **options: Any) -> Any:
        asked.append(verb)
        return call(verb, *args, **options)

    driver._call = noted  # type: ignore[method-assign]
    put(saver, "3", parent="2")
    saver.put_writes(config_of("t", "", "3"), [("value", 1)], "task")
    puts = [verb for verb in asked if verb == "pipe_file"]
    assert len(puts) == 2
    assert set(asked) <= {"pipe_file", "cat_file"}  # the driver of the memory looks before it writes


# --- the mirror is down


def test_a_mirror_that_is_down_fails_the_call_and_nothing_is_lost(place: Mirrored) -> None:
    """With mirror_required, a put raises StorageError that says what to do; the folder is intact, and the same call succeeds later."""
    saver = place.saver()
    put(saver, "1", {"value": 1})
    place.turn(down=True)
    for _ in range(2):
        with pytest.raises(StorageError, match=r"the mirror failed.*intact"):
            put(saver, "2", {"value": 2}, parent="1")
    assert value_of(saver) in (1, 2)
    with pytest.raises(StorageError):
        saver.delete_thread("t")
    assert value_of(saver) in (1, 2)
    status = saver.mirror_status()
    assert "connection refused" in (status.last_error or "")
    place.turn(down=False)
    put(saver, "2", {"value": 2}, parent="1")
    both(place, saver)
    assert saver.mirror_status().last_error is None


def test_a_mirror_that_need_not_be_up_is_made_up_for(place: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    """With mirror_required=False an outage is warned of once, runs go on, and all comes there when it is back: deletions, too."""
    monkeypatch.setattr(link, "MIRROR_PAUSE_SECONDS", 0.0)
    saver = place.saver(mirror_required=False)
    put(saver, "1", {"value": 1}, thread_id="goes")
    put(saver, "1", {"value": 1})
    put(saver, "2", {"value": 2}, parent="1")
    place.turn(down=True)
    with pytest.warns(RuntimeWarning, match="mirror is down"):
        put(saver, "3", {"value": "x" * 100_000}, parent="2")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        saver.put_writes(config_of("t", "", "3"), [("value", 1)], "task")
        saver.delete_thread("goes")
        saver.prune(["t"])
        status = saver.mirror_status()
        assert (status.pending_files, status.pending_deletions) == (3, 2)
        assert status.pending_bytes > 0
        assert status.oldest_pending_at is not None
        assert datetime.now(timezone.utc) - status.oldest_pending_at < timedelta(hours=1)
        assert [each.config["configurable"]["thread_id"] for each in saver.list(None)] == ["t"]
        place.turn(down=False)
        put(saver, "4", {"value": 4}, parent="3")
    assert saver.mirror_status().last_error is None
    again = place.saver()
    assert [each.config["configurable"]["thread_id"] for each in again.list(None)] == ["t", "t"]
    both(place, again)
    assert again.mirror_status().pending_deletions == 0


def test_reading_does_not_wait_for_a_mirror_that_is_down(place: Mirrored) -> None:
    """What is here can be read while the mirror is down, and the mirror is not asked again at each read."""
    put(place.saver(), "1", {"value": 1})
    place.turn(down=True)
    saver, asked = FileSaver(place.root / "here", mirror=place.remote()), 0
    driver = place.drivers[-1]
    call = driver._call

    def counted(verb: str, *args: Any, **options: Any) -> Any:
        nonlocal asked
        asked += 1
        return call(verb, *args, **options)

    driver._call = counted  # type: ignore[method-assign]
    for _ in range(5):
        assert value_of(saver) == 1
        assert ids_of(saver, None) == ["1"]
    assert asked == 1


def test_a_thread_that_may_be_in_a_mirror_that_is_down_is_not_called_missing(place: Mirrored) -> None:
    """Whether a thread that is not here exists cannot be known then: an error with mirror_required, and none at all without."""
    put(place.saver(), "1", {"value": 1})
    place.turn(down=True)
    with pytest.raises(StorageError, match="mirror failed"):
        value_of(place.saver("there"))
    with pytest.warns(RuntimeWarning, match="mirror is down"):
        assert value_of(place.saver("there", mirror_required=False)) is None


# --- healing


def test_what_a_crash_left_unsent_is_sent_at_the_next_use(place: Mirrored) -> None:
    """Files that are here and not in the mirror, as after a crash between the two, come there when the thread is next used."""
    FileSaver(place.root / "here")
    unmirrored = FileSaver(place.root / "here")
    put(unmirrored, "1", {"value": "x" * 100_000})
    put(unmirrored, "2", {"value": 2}, parent="1")
    assert list(place.alone().list(None)) == []
    saver = place.saver()
    assert value_of(saver) == 2
    both(place, saver)


def test_another_machine_goes_on(place: Mirrored) -> None:
    """In an empty folder a thread is fetched when it is first read, listed or written to, and goes on from there."""
    saver = place.saver("here")
    put(saver, "1", {"value": "x" * 100_000})
    saver.put_writes(config_of("t", "", "1"), [("value", 1)], "task")
    shutil.rmtree(place.root / "here")
    other = place.saver("there")
    assert [each.config["configurable"]["thread_id"] for each in other.list(None)] == ["t"]
    found = other.get_tuple(config_of())
    assert found is not None
    assert found.pending_writes == [("task", "value", 1)]
    assert (place.root / "there/t/checkpoints/_root/1.json").is_file()


@pytest.mark.parametrize("failing_at", range(8))
def test_a_fetch_that_ended_half_way_goes_on(place: Mirrored, failing_at: int) -> None:
    """Wherever fetching a thread stops, what is here is a readable thread, and the next use fetches the rest."""
    saver = place.saver("here")
    for number in range(3):
        put(saver, str(number), {"value": f"{number}" * 100_000}, parent=str(number - 1) if number else None)
    other = place.saver("there")
    local = store_of(other).local
    replace, done = local.replace, []

    def stop(key: str, data: bytes) -> None:
        done.append(key)
        if len(done) > failing_at:
            raise StorageError("no space left on device")
        replace(key, data)

    local.replace = stop  # type: ignore[method-assign]
    if failing_at < 6:
        with pytest.raises(StorageError):
            other.get_tuple(config_of())
        half = FileSaver(place.root / "there")
        for each in half.list(None):
            assert len(each.checkpoint["channel_values"]["value"]) == 100_000
    local.replace = replace  # type: ignore[method-assign]
    assert value_of(other) == "2" * 100_000
    assert ids_of(other, config_of()) == ["2", "1", "0"]


def test_an_interrupted_deletion_has_not_happened(place: Mirrored) -> None:
    """A deletion that stopped after the mirror had lost the thread is undone at its next use: it was never acknowledged."""
    saver = place.saver()
    put(saver, "1", {"value": 1})
    store_of(saver).remote.delete_folder("t")
    again = place.saver()
    assert value_of(again) == 1
    both(place, again)


def test_a_hand_edit_is_sent_with_the_next_put(place: Mirrored) -> None:
    """A file that was edited here and read comes into the mirror with the next put; one that nobody read by `push`."""
    saver = place.saver()
    put(saver, "1", {"value": "wrong"})
    put(saver, "1", {"value": "wrong"}, thread_id="u")
    for name in ("t", "u"):
        path = place.root / "here" / name / "checkpoints/_root/1.json"
        path.write_bytes(path.read_bytes().replace(b"wrong", b"right"))
    assert value_of(saver) == "right"
    put(saver, "2", {"value": 2}, parent="1")
    assert place.alone().get_tuple(config_of("t", "", "1")).checkpoint["channel_values"] == {"value": "right"}  # type: ignore[union-attr]
    assert value_of(place.alone(), "u") == "wrong"
    report = saver.push()
    assert (report.threads, report.files) == (2, 1)
    assert value_of(place.alone(), "u") == "right"
    both(place, saver)


@pytest.mark.parametrize("text", ["{bad", "[]", '{"format": 1}'])
def test_a_damaged_note_of_a_deletion_is_named(place: Mirrored, text: str) -> None:
    """A note in `.mirror/deletions` that cannot be read is told with its path, and nothing is deleted or fetched on a guess."""
    put(place.saver(), "1", {"value": 1})
    note = place.root / "here/.mirror/deletions/x.json"
    note.parent.mkdir(parents=True)
    note.write_text(text)
    with pytest.raises(CorruptDataError, match=r"\.mirror/deletions/x\.json"):
        value_of(place.saver())
    note.unlink()
    assert value_of(place.saver()) == 1


# --- push and pull


def test_push_and_pull_copy_what_is_missing(place: Mirrored) -> None:
    """Each tells what it copied, copies nothing twice, and takes some threads only where they are named."""
    plain = FileSaver(place.root / "here")
    for name in ("t", "A/b", "u"):
        put(plain, "1", {"value": "x" * 100_000}, thread_id=name)
    saver, told = place.saver(), []
    report = saver.push(["A/b"], progress=lambda key, size: told.append((key, size)))
    assert (report.threads, report.files) == (1, 3)
    assert report.bytes == sum(size for _, size in told) > 100_000
    assert saver.push().files == 4
    assert saver.push().files == 0
    other = place.saver("there")
    assert other.pull(["t"]).files == 2
    assert other.pull().files == 5
    assert other.pull().files == 0
    both(place, other)


def test_pull_replaces_nothing_unasked(place: Mirrored) -> None:
    """A file that differs is named and kept; with overwrite it is the mirror's."""
    saver = place.saver()
    put(saver, "1", {"value": "mirror"})
    path = place.root / "here/t/checkpoints/_root/1.json"
    path.write_bytes(path.read_bytes().replace(b"mirror", b"edited"))
    with pytest.raises(ConflictError, match=r"_root/1\.json.*overwrite=True"):
        saver.pull()
    assert b"edited" in path.read_bytes()
    assert saver.pull(overwrite=True).files == 1
    assert b"mirror" in path.read_bytes()


async def test_async_twins(place: Mirrored) -> None:
    """The async forms do the same."""
    saver = place.saver()
    await saver.aput(config_of(), {**_checkpoint("1")}, {}, {})  # type: ignore[typeddict-item]
    assert (await saver.amirror_status()).pending_files == 0
    assert (await saver.apush()).files == 0
    assert (await saver.apull()).files == 0


def _checkpoint(checkpoint_id: str) -> dict[str, Any]:
    return {
        "v": 4, "id": checkpoint_id, "ts": "2026-11-23T00:00:00+00:00", "channel_values": {}, "channel_versions": {},
        "versions_seen": {}, "updated_channels": None,
    }  # fmt: skip


def test_no_mirror_is_told(tmp_path: Path) -> None:
    """Asking a saver without a mirror for it says how to make one, and a mirror of a mirror is refused."""
    saver = FileSaver(tmp_path / "here")
    for call in (saver.mirror_status, saver.push, saver.pull):
        with pytest.raises(ValueError, match="has no mirror"):
            call()
    with pytest.raises(TypeError, match="one string"):
        saver.push("t")
    with pytest.raises(ValueError, match="no local folder"):
        FileSaver("memory://a", mirror="memory://b")


# --- two folders


def _owner(place: Mirrored, saver: FileSaver, **fields: Any) -> None:
    """Change what the mirror says of the thread's owner."""
    key = ".mirror/owners/t.json"
    document = json.loads(store_of(saver).remote.read(key) or b"")
    store_of(saver).remote.replace(key, json.dumps({**document, **fields}).encode())


def test_two_folders_do_not_mirror_one_thread(place: Mirrored) -> None:
    """A second folder is refused, and told whose the thread is, as long as the first may be alive; other threads are its own."""
    first, second = place.saver("first"), place.saver("second")
    put(first, "1")
    assert value_of(second) is None
    with pytest.raises(LockTimeoutError, match=r"mirrored by .*first"):
        put(second, "2", parent="1")
    put(second, "1", thread_id="u")
    put(first, "2", parent="1")
    assert ids_of(place.alone(), config_of()) == ["2", "1"]


@pytest.mark.parametrize(
    "fields", [{"renewed_at": "2020-01-01T00:00:00+00:00"}, {"pid": 4_000_000}], ids=["over", "dead"]
)
def test_a_folder_that_is_gone_is_replaced_and_refused_when_it_comes_back(
    place: Mirrored, fields: dict[str, Any]
) -> None:
    """Who is known to be dead, or has renewed nothing for long, is replaced; back again, its put is refused and overwrites nothing."""
    first, second = place.saver("first"), place.saver("second")
    put(first, "1", {"value": 1})
    _owner(place, first, **fields)
    assert value_of(second) == 1
    put(second, "2", {"value": 2}, parent="1")
    held = store_of(first).link.process.owners._held
    held["t"] = (held["t"][0], held["t"][1] - 1000)
    with pytest.raises(ConflictError, match=r"taken over by .*second"):
        put(first, "3", {"value": 3}, parent="1")
    assert ids_of(place.alone(), config_of()) == ["2", "1"]
    first.pull()
    assert value_of(first) == 2


def test_who_takes_over_what_went_on_meanwhile_reads_again(place: Mirrored) -> None:
    """A put on what was read before another folder went on is refused once the rest was fetched, and passes after a new read."""
    first, second = place.saver("first"), place.saver("second")
    put(first, "1", {"value": 1})
    assert value_of(second) == 1
    put(first, "2", {"value": 2}, parent="1")
    _owner(place, first, pid=4_000_000)
    with pytest.raises(ConflictError, match="read it again"):
        put(second, "3", {"value": 3}, parent="1")
    assert value_of(second) == 2
    put(second, "3", {"value": 3}, parent="2")
    assert ids_of(place.alone(), config_of()) == ["3", "2", "1"]


def test_a_dead_process_of_this_machine_is_known(place: Mirrored) -> None:
    """The owner is told by its process, so a folder of the same machine need not wait for one that was killed."""
    saver = place.saver()
    put(saver, "1")
    document = json.loads(store_of(saver).remote.read(".mirror/owners/t.json") or b"")
    process = Process(*(document[key] for key in ("host", "boot_id", "pid_namespace", "pid", "pid_started")))
    assert not process.is_known_dead()


def test_a_store_that_cannot_swap_reports_another_folder(place: Mirrored) -> None:
    """Where the mirror has no compare-and-swap, the other folder is named in a warning, and the put is done."""
    first, second = place.saver("first"), place.saver("second")
    for driver in place.drivers:
        driver.can_swap = False
    put(first, "1")
    assert value_of(second) is None
    with pytest.warns(RuntimeWarning, match=r"mirrored by .*first"):
        put(second, "2", parent="1")


def test_a_graph_runs_with_a_mirror(place: Mirrored) -> None:
    """A graph with a mirror goes on in another folder when its first one is gone."""
    saver = place.saver("first")
    graph = counting(saver)
    graph.invoke({"count": 0}, config_of())
    count = graph.get_state(config_of()).values["count"]
    _owner(place, saver, pid=4_000_000)
    shutil.rmtree(place.root / "first")
    again = counting(place.saver("second"))
    assert again.invoke({"count": 0}, config_of())["count"] == 2 * count
