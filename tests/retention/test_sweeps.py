"""Sweeps: what expires, what stays, what can be brought back, and what happens when somebody uses a thread meanwhile."""

from __future__ import annotations

import copy
import gc
import logging
import os
import pickle
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from langgraph_filesaver import ConflictError, FileSaver, NotFoundError
from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store import Entry, LocalStore
from langgraph_filesaver._sweeper import Sweeper
from tests.checkpoints import put
from tests.crash.faulty_store import FaultyStore, KilledError
from tests.inspection.looking import chat, config_for
from tests.stores import Home

DAY = timedelta(days=1)
NOW = datetime.now(timezone.utc)
LATER = NOW + 31 * DAY
TTL = {"default_ttl": 43_200}


def finish(saver: FileSaver, thread_id: str) -> None:
    chat(saver).invoke({"log": ["hello"], "text": "t" * 100_000}, config_for(thread_id))


def ids(saver: FileSaver) -> list[str]:
    return saver._repository.thread_ids()


def files_in(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def age(path: Path, by: timedelta) -> None:
    """Make all files and folders of a thread older."""
    for each in (*path.rglob("*"), path):
        at = each.stat().st_mtime - by.total_seconds()
        os.utime(each, (at, at))


# --- what expires


def test_a_finished_thread_expires_whole_and_only_when_it_is_due(home: Home) -> None:
    """[H2] In every store: not before its time, and then with all that belongs to it; the report tells files and bytes."""
    saver = home.saver(ttl=TTL)
    finish(saver, "done")
    files = {key for key in home.files() if key.startswith("done/")}
    size = sum(each.bytes for each in saver._repository.store.tree("done"))
    assert saver.sweep(now=NOW + 29 * DAY).swept == ()
    assert saver.get_tuple(config_for("done")) is not None
    report = saver.sweep(now=LATER)
    assert [(each.thread_id, each.action) for each in report.swept] == [("done", "deleted")]
    assert (report.files, report.bytes) == (len(files), size)
    assert home.files() == {"filesaver.json"}
    assert saver.sweep(now=LATER).threads == 0


def test_age_counts_from_the_last_activity_of_the_whole_thread(tmp_path: Path) -> None:
    """[H2] One young file, be it a write or a correction by hand, keeps all of a thread: nothing half-expires."""
    saver = FileSaver(tmp_path, fsync=False, ttl=TTL)
    finish(saver, "t")
    age(tmp_path / "t", 40 * DAY)
    assert saver.sweep(dry_run=True).files > 0
    for young in (next((tmp_path / "t/writes").rglob("*.json")), min((tmp_path / "t/checkpoints/_root").iterdir())):
        os.utime(young)
        assert saver.sweep().swept == ()
        age(young, 40 * DAY)
    assert len(saver.sweep().swept) == 1


def test_unfinished_threads_stay_unless_asked_for(tmp_path: Path) -> None:
    """[H2] What waits for a person, or has failed, is no finished work, however old; each is told with its status."""
    saver = FileSaver(tmp_path, fsync=False, ttl=TTL)
    chat(saver, asks=True).invoke({"log": []}, config_for("asks"))
    with suppress(ValueError):
        chat(saver, fails=True).invoke({"log": []}, config_for("fails"))
    finish(saver, "done")
    report = saver.sweep(now=LATER)
    assert [each.thread_id for each in report.swept] == ["done"]
    assert {each.thread_id: each.reason for each in report.skipped} == {
        "asks": "not finished: interrupted",
        "fails": "not finished: failed",
    }
    assert len(saver.sweep(now=LATER, include_unfinished=True).swept) == 2
    assert ids(saver) == []


def test_threads_have_wishes_of_their_own(tmp_path: Path) -> None:
    """[H1] A time of its own, longer, shorter, or taken back; a pinned thread stays for ever, also under a policy."""
    saver = FileSaver(tmp_path, fsync=False, ttl=TTL)
    for thread_id in ("long", "Short One", "pinned", "plain"):
        finish(saver, thread_id)
    saver.set_ttl("long", 90 * DAY)
    saver.set_ttl("Short One", DAY)
    saver.pin("pinned")
    assert [each.thread_id for each in saver.sweep(now=NOW + 2 * DAY).swept] == ["Short One"]
    assert [each.thread_id for each in saver.sweep(now=LATER, keep_last=1).swept if each.action == "deleted"] == [
        "plain"
    ]
    saver.set_ttl("long", None)
    saver.pin("pinned", pinned=False)
    assert {each.thread_id for each in saver.sweep(now=LATER).swept} == {"long", "pinned"}
    with pytest.raises(NotFoundError):
        saver.pin("nobody")
    with pytest.raises(TypeError):
        saver.set_ttl("long", 30)  # type: ignore[arg-type]


def test_wishes_go_along_with_a_folder(tmp_path: Path) -> None:
    """[H1] They lie in the thread's folder, so that a copy of the store has them; a copy of the thread begins anew."""
    saver = FileSaver(tmp_path, fsync=False)
    finish(saver, "t")
    saver.pin("t")
    assert (tmp_path / "t/retention.json").exists()
    saver.copy_thread("t", "u")
    assert not (tmp_path / "u/retention.json").exists()


def test_keep_latest_prunes_what_expired(tmp_path: Path) -> None:
    """With this strategy an old thread keeps its latest state, and goes on from it; a second sweep changes nothing."""
    saver = FileSaver(tmp_path, fsync=False, ttl={**TTL, "strategy": "keep_latest"})
    finish(saver, "t")
    before = chat(saver).get_state(config_for("t")).values
    (swept,) = saver.sweep(now=LATER).swept
    assert swept.action == "pruned"
    assert [each.reason for each in swept.kept] == ["kept: head of its namespace"]
    assert chat(saver).get_state(config_for("t")).values == before
    assert len(list(saver.list(config_for("t")))) == 1
    assert saver.sweep(now=LATER + 40 * DAY).swept == ()


def test_reading_counts_where_that_is_asked_for(tmp_path: Path) -> None:
    """With refresh_on_read a thread that is only read stays; a read never fails for it."""
    saver = FileSaver(tmp_path, fsync=False, ttl={**TTL, "refresh_on_read": True})
    finish(saver, "t")
    age(tmp_path / "t", 40 * DAY)
    before = files_in(tmp_path)
    again = FileSaver(tmp_path, fsync=False, ttl={**TTL, "refresh_on_read": True})
    assert again.get_tuple(config_for("t")) is not None
    assert files_in(tmp_path) == before
    assert again.sweep().swept == ()


def test_reading_makes_a_thread_young_in_every_store(home: Home) -> None:
    """[H1] What tells the age is changed by a read, once a minute at most, and what the thread wants for itself stays."""
    saver = home.saver(ttl={**TTL, "refresh_on_read": True})
    finish(saver, "t")
    saver.set_ttl("t", DAY)
    saver._read_at.clear()

    def youngest() -> float:
        return max(each.modified_at for each in saver._repository.store.tree("t"))

    if home.kind == "local":  # whose clock may stand still meanwhile
        age(home.root / "t", timedelta(hours=1))
    before = youngest()
    saver.get_tuple(config_for("t"))
    after = youngest()
    assert after > before
    saver.get_tuple(config_for("t"))
    assert youngest() == after
    assert [each.thread_id for each in home.saver().sweep(now=NOW + 2 * DAY).swept] == ["t"]


def test_a_policy_prunes_all_threads_and_tells_why(tmp_path: Path) -> None:
    """keep_last of threads that have not expired: files and bytes that went are those that the report tells."""
    saver = FileSaver(tmp_path, fsync=False)
    finish(saver, "t")
    before = files_in(tmp_path / "t")
    planned = saver.sweep(dry_run=True, keep_last=2)
    assert files_in(tmp_path / "t") == before
    (swept,) = saver.sweep(keep_last=2).swept
    after = files_in(tmp_path / "t")
    gone = before.keys() - after.keys()
    assert (swept.files, swept.bytes) == (len(gone), sum(len(before[key]) for key in gone))
    assert (planned.files, planned.bytes) == (swept.files, swept.bytes)
    assert [each.reason for each in swept.kept] == [
        "kept: one of the last 2 of its namespace",
        "kept: head of its namespace",
    ]
    for wrong in ({"keep_last": 0}, {"keep_per_run": -1}):
        with pytest.raises(ValueError, match="1 or more"):
            saver.sweep(**wrong)  # type: ignore[arg-type]


# --- what may come in between


class UsedMeanwhile(LocalStore):
    """Lets somebody write just before a folder is moved out of sight."""

    before: Any = staticmethod(lambda: None)
    after: Any = staticmethod(lambda: None)

    def move_folder(self, source: str, target: str) -> bool:
        is_out = target.startswith(".trash")
        if is_out:
            self.before()
        moved = super().move_folder(source, target)
        if is_out:
            self.after()
        return moved


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_thread_that_is_used_in_the_last_moment_lives_on_whole(tmp_path: Path, when: str) -> None:
    """[H3] A put between the last look and the removal, or right after the folder moved, finds all of the thread again."""
    store = UsedMeanwhile(str(tmp_path), marker=MARKER, fsync=False)
    saver, other = FileSaver(store, ttl=TTL), FileSaver(tmp_path, fsync=False)
    finish(saver, "t")
    before = files_in(tmp_path / "t")
    setattr(store, when, lambda: put(other, "2f000000-0000-6000-8000-000000000000", {"more": 1}, thread_id="t"))
    report = saver.sweep(now=LATER)
    assert (report.swept, [each.reason for each in report.skipped]) == ((), ["used again meanwhile"])
    after = files_in(tmp_path / "t")
    assert before.items() <= after.items()
    assert len(after) == len(before) + 1
    assert list((tmp_path / ".trash").iterdir()) == []


def test_a_thread_that_was_used_since_the_first_look_is_not_even_moved(tmp_path: Path) -> None:
    """[H3] Its age is found out again under its lock: what was put in between is seen there."""

    class LookedAt(LocalStore):
        looks = 0

        def tree(self, folder: str) -> Iterator[Entry]:
            yield from super().tree(folder)
            self.looks += folder == "t"
            if self.looks == 1 and folder == "t":
                put(FileSaver(tmp_path, fsync=False), "2f", {"more": 1}, thread_id="t")

    saver = FileSaver(LookedAt(str(tmp_path), marker=MARKER, fsync=False), ttl=TTL)
    finish(saver, "t")
    age(tmp_path / "t", 40 * DAY)
    report = saver.sweep()
    assert (report.swept, [each.reason for each in report.skipped]) == ((), ["used again meanwhile"])
    assert not (tmp_path / ".trash").exists()
    assert saver.get_tuple(config_for("t")).checkpoint["id"] == "2f"  # type: ignore[union-attr]


def test_a_thread_that_somebody_has_is_left_for_the_next_time(tmp_path: Path) -> None:
    """A lease holds a sweep off, and the report says so."""
    saver = FileSaver(tmp_path, fsync=False, ttl=TTL)
    finish(saver, "t")
    with FileSaver(tmp_path, fsync=False).thread_lock("t"):
        report = saver.sweep(now=LATER)
        assert [each.reason for each in report.skipped] == ["not finished: running"]
        with ThreadPoolExecutor(1) as others:
            report = others.submit(saver.sweep, now=LATER, include_unfinished=True).result()
        assert [each.reason[:15] for each in report.skipped] == ["somebody has it"]
    assert ids(saver) == ["t"]


def test_a_damaged_thread_stops_no_other(tmp_path: Path) -> None:
    """A thread whose files cannot be read is told and stays; the rest is swept."""
    saver = FileSaver(tmp_path, fsync=False, ttl=TTL)
    for thread_id in ("bad", "good"):
        finish(saver, thread_id)
    max((tmp_path / "bad/checkpoints/_root").iterdir()).write_text("{")
    report = saver.sweep(now=LATER)
    assert [each.thread_id for each in report.swept] == ["good"]
    assert [each.thread_id for each in (*report.skipped, *report.failed)] == ["bad"]
    (tmp_path / "bad/retention.json").write_text("[")
    assert [each.thread_id for each in saver.sweep(now=LATER).failed] == ["bad"]


def test_a_folder_that_tells_no_thread_is_reported(tmp_path: Path) -> None:
    """[T1] A hashed folder whose thread.json is damaged is among the failed, and the others are swept."""
    saver = FileSaver(tmp_path, fsync=False, ttl=TTL)
    for thread_id in ("Odd Id", "good"):
        finish(saver, thread_id)
    next(tmp_path.glob("*/thread.json")).write_text("{")
    report = saver.sweep(now=LATER)
    assert [each.thread_id for each in report.swept] == ["good"]
    assert [each.thread_id[:6] for each in report.failed] == ["odd-id"]


def test_a_sweep_fetches_nothing_from_a_mirror(tmp_path: Path) -> None:
    """Of a folder with a mirror, only what is here is swept: threads that are only there stay there, and there alone."""
    url = f"memory://{tmp_path.as_posix().strip('/')}/mirror"
    finish(FileSaver(tmp_path / "first", fsync=False, mirror=url), "there")
    saver = FileSaver(tmp_path / "second", fsync=False, mirror=url, ttl=TTL)
    finish(saver, "here")
    report = saver.sweep(now=LATER, trash=True)
    assert [each.thread_id for each in report.swept] == ["here"]
    assert not (tmp_path / "second/there").exists()
    assert FileSaver(url)._repository.thread_ids() == ["there"]
    saver.restore("here")
    assert FileSaver(url)._repository.thread_ids() == ["here", "there"]


def test_one_process_sweeps_at_a_time(tmp_path: Path) -> None:
    """[H4] Who comes second is told so at once, and changes nothing."""
    saver = FileSaver(tmp_path, fsync=False, ttl=TTL)
    finish(saver, "t")
    with saver._repository.locks.sweeping() as is_ours:
        assert is_ours
        report = FileSaver(tmp_path, fsync=False, ttl=TTL).sweep(now=LATER)
    assert report.is_busy
    assert ids(saver) == ["t"]
    assert not saver.sweep(now=LATER).is_busy


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    """It tells what a sweep would do, and leaves not even a lock behind."""
    saver = FileSaver(tmp_path, fsync=False, ttl=TTL)
    finish(saver, "t")
    before = files_in(tmp_path)
    planned = saver.sweep(dry_run=True, now=LATER)
    assert files_in(tmp_path) == before
    done = saver.sweep(now=LATER)
    assert (planned.dry_run, planned.swept) == (True, done.swept)


# --- the trash


def test_what_is_in_the_trash_can_be_brought_back_and_goes_on(home: Home) -> None:
    """[H3] Moved away, a thread is gone for everybody; restored, it is the same one. After its grace the trash forgets it."""
    saver = home.saver(ttl=TTL)
    chat(saver, asks=True).invoke({"log": ["x"]}, config_for("Odd Id"))
    before = chat(saver, asks=True).get_state(config_for("Odd Id"))
    report = saver.sweep(now=LATER, trash=True, include_unfinished=True)
    assert [each.action for each in report.swept] == ["trashed"]
    assert (ids(saver), saver.get_tuple(config_for("Odd Id"))) == ([], None)
    home.saver().restore("Odd Id")
    assert chat(home.saver(), asks=True).get_state(config_for("Odd Id")) == before
    with pytest.raises(NotFoundError):
        saver.restore("Odd Id")
    saver.sweep(now=LATER, trash=True, include_unfinished=True)
    assert saver.sweep(now=LATER + 6 * DAY, trash=True).emptied == 0
    assert saver.sweep(now=LATER + 8 * DAY, trash=True, dry_run=True).emptied == 1
    assert saver.sweep(now=LATER + 8 * DAY, trash=True).emptied == 1
    with pytest.raises(NotFoundError):
        saver.restore("Odd Id")


def test_a_thread_that_has_begun_anew_is_not_mixed_with_the_old_one(tmp_path: Path) -> None:
    """`restore` refuses where there is a thread of that id by now, and says what to do; nothing is lost."""
    saver = FileSaver(tmp_path, fsync=False, ttl=TTL)
    finish(saver, "t")
    saver.sweep(now=LATER, trash=True)
    put(saver, "1", {"value": 1}, thread_id="t")
    with pytest.raises(ConflictError, match="copy it"):
        saver.restore("t")
    saver.delete_thread("t")
    saver.restore("t")
    assert chat(saver).get_state(config_for("t")).values["text"]


def test_an_encrypted_thread_comes_back_from_the_trash(tmp_path: Path) -> None:
    """[X3] Out of sight the files stay sealed for their own place, and open there again."""
    saver = FileSaver(tmp_path, fsync=False, ttl=TTL, encryption=bytes(range(32)))
    finish(saver, "t")
    saver.sweep(now=LATER, trash=True)
    saver.restore("t")
    assert saver.get_tuple(config_for("t")) is not None


@pytest.mark.parametrize("landed", [False, True])
def test_a_sweep_that_died_at_any_step_has_lost_nothing_half(tmp_path: Path, landed: bool) -> None:
    """[H3] Killed at any operation, a thread is there whole, or gone whole and in the trash or not at all; the next sweep goes on."""
    at, is_over = 0, False
    while not is_over:
        at += 1
        assert at < 500
        root = tmp_path / str(at)
        finish(FileSaver(root, fsync=False), "t")
        before = files_in(root / "t")
        faulty = FaultyStore(LocalStore(str(root), marker=MARKER, fsync=False), at, landed=landed)
        try:
            FileSaver(faulty, ttl=TTL).sweep(now=LATER)
            is_over = True
        except KilledError:
            pass
        again = FileSaver(root, fsync=False, ttl=TTL)
        if ids(again):
            assert files_in(root / "t") == before
        elif (root / ".trash").exists() and list((root / ".trash").iterdir()):
            with suppress(NotFoundError):  # its removal had begun: it was never to come back
                again.restore("t")
        assert again.sweep(now=LATER).failed == ()
        assert ids(again) == []
    assert at > 10


# --- in the background


def test_a_process_that_writes_sweeps_in_the_background(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """At its interval, without a call; a sweep that fails is logged, and the next one is made; closing ends it."""
    swept, fails = threading.Semaphore(0), [True]

    class Watched(FileSaver):
        def _sweep_in_background(self) -> None:
            swept.release()
            if fails.pop() if fails else False:
                raise OSError("no luck")

    with caplog.at_level(logging.WARNING, "langgraph_filesaver"):
        with Watched(tmp_path, fsync=False, ttl={**TTL, "sweep_interval_minutes": 0.0001}) as saver:
            put(saver, "1", {"value": 1})
            assert swept.acquire(timeout=30)
            assert swept.acquire(timeout=30)
            put(saver, "2", {"value": 1})
        assert "no luck" in caplog.text
    assert saver._sweeper is not None
    assert saver._sweeper._ended.is_set()


def test_the_background_keeps_no_saver_alive() -> None:
    """A saver that nobody has any more is not swept for: the thread ends by itself."""
    done = threading.Event()

    class Work:
        def work(self) -> None:
            done.set()

    work = Work()
    sweeper = Sweeper(0.001)
    sweeper.start(work.work)
    assert done.wait(30)
    (thread,) = [each for each in threading.enumerate() if each.name == "langgraph-filesaver-sweeper"]
    del work
    thread.join(30)
    assert not thread.is_alive()


def test_a_clone_goes_on_sweeping_when_its_original_is_gone(tmp_path: Path) -> None:
    """As `with_allowlist` makes one, whose original nobody keeps: the next write of the clone begins anew, in one thread."""
    saver = FileSaver(tmp_path, fsync=False, ttl={**TTL, "sweep_interval_minutes": 60})
    put(saver, "1", {"value": 1})
    clone = copy.copy(saver)
    sweeper = saver._sweeper
    assert sweeper is not None
    assert clone._sweeper is sweeper
    first = sweeper._ended
    put(clone, "2", {"value": 1})
    assert sweeper._ended is first, "the original is at work"
    del saver
    gc.collect()
    put(clone, "3", {"value": 1})
    assert first.is_set()
    assert sweeper._work is not None
    assert sweeper._work() == clone._sweep_in_background
    clone.__exit__(None, None, None)
    assert pickle.loads(pickle.dumps(sweeper))._interval_seconds == 3600
