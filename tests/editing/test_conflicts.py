"""A correction of a thread that moved on, or that somebody has: told, and nothing was written."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from langgraph_filesaver import ConflictError, FileSaver, LockTimeoutError
from langgraph_filesaver._editing import Edit, Editing
from tests.checkpoints import config_of, id_of, ids_of, put
from tests.concurrency.others import elsewhere, impatient
from tests.stores import Home, WatchedStore

FIRST = "1f0c8a10-93d1-6f42-8000-6b1f4e0c9a27"
SECOND = "1f0c8a11-5b2e-6d04-8001-3f9c27a1d55e"


def by_hand(saver: FileSaver) -> None:
    store = saver._repository.store
    key = f"t/checkpoints/_root/{FIRST}.json"
    store.replace(key, (store.read(key) or b"").replace(b'"n": 1', b'"n": 7'))


def called(saver: FileSaver) -> None:
    put(saver, SECOND, {"x": 1}, checkpoint_ns="node:1", metadata={"parents": {"": FIRST}})


MOVES: dict[str, Callable[[FileSaver], Any]] = {
    "a new checkpoint": lambda saver: put(saver, SECOND, {"n": 2}, parent=FIRST, step=1),
    "writes": lambda saver: saver.put_writes(config_of("t", "", FIRST), [("n", 2)], "task-2"),
    "an edit by hand": by_hand,
    "another correction": lambda saver: saver.edit_state("t", {"n": 7}),
    "a called graph's state": called,
    "deleted": lambda saver: saver.delete_thread("t"),
}


@pytest.mark.parametrize("is_bound", [False, True])
@pytest.mark.parametrize("move", MOVES)
def test_a_thread_that_moved_on(home: Home, move: str, is_bound: bool) -> None:
    """[E4] Whatever has changed since the text was read, the correction is refused, and nothing is written."""
    saver = home.saver()
    put(saver, FIRST, {"n": 1, "m": 1})
    if is_bound:
        saver.put_writes(config_of("t", "", FIRST), [("n", 2)], "task-1")
    editing = saver.editing()
    state = editing.open("t")
    edit = editing.checked(state, state.text.replace('"m": 1', '"m": 2'))
    if move == "a called graph's state" and is_bound:
        return  # it hung on writes before, and is corrected under its id either way
    MOVES[move](home.saver())
    before = home.files()
    with pytest.raises(ConflictError, match="has moved on since"):
        editing.store(edit, edited_by="ann")
    assert home.files() == before


@pytest.mark.parametrize("is_bound", [False, True])
@pytest.mark.parametrize("move", ["a new checkpoint", "writes", "an edit by hand"])
def test_it_moves_on_at_the_last_moment(local_home: Home, move: str, is_bound: bool) -> None:
    """[E4] What comes between the first look and the naming is seen, too, and then nothing was written either."""
    put(local_home.saver(), FIRST, {"n": 1, "m": 1})
    if is_bound:
        local_home.saver().put_writes(config_of("t", "", FIRST), [("n", 2)], "task-1")
    watched = WatchedStore(local_home.store())
    editing = FileSaver(watched).editing()
    edit = editing.setting("t", {"m": 2})
    moved: list[str] = []
    store_held = Editing._store_held

    def moving(self: Editing, given: Edit, edited_by: str) -> Any:
        differs = self._differs

        def slow(*arguments: Any) -> bool:
            MOVES[move](local_home.saver())  # after the first look, before the name is given
            moved.append(move)
            return differs(*arguments)

        self._differs = slow  # type: ignore[method-assign,assignment]
        return store_held(self, given, edited_by)

    with pytest.raises(ConflictError, match="has moved on since"):
        moving(editing, edit, "ann")
    assert moved == [move]
    assert watched.changes == []
    assert not [key for key in local_home.files() if "/edits/" in key]


def test_somebody_has_the_thread(home: Home) -> None:
    """Who has a lease of the thread is waited for; the holder itself may correct, with its token in the new file."""
    saver, other = home.saver(), impatient(home)
    put(saver, FIRST, {"n": 1})
    with saver.thread_lock("t") as lease:
        assert isinstance(elsewhere(lambda: other.edit_state("t", {"n": 2})), LockTimeoutError)
        config = saver.edit_state("t", {"n": 3})
        assert f'"fencing_token": "{lease.owner}"'.encode() in (
            home.store().read(f"t/checkpoints/_root/{id_of(config)}.json") or b""
        )
        saver.put_writes(config, [("n", 4)], "task")
        saver.edit_state("t", {"n": 5})
    assert elsewhere(lambda: other.edit_state("t", {"n": 6})) == config
    found = home.saver().get_tuple(config_of())
    assert found is not None
    assert found.checkpoint["channel_values"] == {"n": 6}


def test_somebody_maintains_the_thread(home: Home) -> None:
    """While the lock of the thread is held, a correction waits, and gives up in time."""
    saver, other = home.saver(), impatient(home)
    put(saver, FIRST, {"n": 1})
    with saver._repository.locks.hold("t"):
        assert isinstance(elsewhere(lambda: other.edit_state("t", {"n": 2})), LockTimeoutError)
    assert ids_of(saver, config_of()) == [FIRST]


async def test_the_async_face_reads_before_it_waits(home: Home) -> None:
    """[E4] What `aedit_state` has read before it waits for somebody must be the same when it stores."""
    async with home.saver(lock_timeout_seconds=20) as saver:
        await asyncio.to_thread(put, saver, FIRST, {"n": 1})
        setting, has_read = saver._setting, asyncio.Event()
        loop = asyncio.get_running_loop()

        def read(*given: Any) -> Edit:
            edit = setting(*given)
            loop.call_soon_threadsafe(has_read.set)
            return edit

        saver._setting = read  # type: ignore[method-assign,assignment]
        async with saver.athread_lock("t"):
            correction = contextvars.Context().run(loop.create_task, saver.aedit_state("t", {"n": 3}))
            await has_read.wait()
            await asyncio.to_thread(put, saver, SECOND, {"n": 2}, parent=FIRST, step=1)
            assert not correction.done()
        with pytest.raises(ConflictError, match="has moved on since"):
            await correction


def test_an_id_of_the_far_future(home: Home) -> None:
    """[E1] Where no new id can be greater than the latest, the checkpoint is corrected under its own."""
    saver = home.saver()
    put(saver, "zzz", {"n": 1})
    assert id_of(saver.edit_state("t", {"n": 2})) == "zzz"
    assert ids_of(saver, config_of()) == ["zzz"]
    assert [key for key in home.files() if "/edits/" in key] == ["t/edits/_root.zzz.0.json"]


@pytest.mark.parametrize("is_bound", [False, True])
def test_one_of_many_wins(home: Home, is_bound: bool) -> None:
    """[E4] Of many corrections of one state that are stored at once, one is stored, and all others are told."""
    put(home.saver(), FIRST, {"n": 1})
    if is_bound:
        home.saver().put_writes(config_of("t", "", FIRST), [("m", 2)], "task-1")
    told: list[Any] = []
    barrier = threading.Barrier(6)

    def correct(number: int) -> None:
        saver = home.saver()
        edit = saver.editing().setting("t", {"n": number})
        barrier.wait(30)
        try:
            saver.editing().store(edit, edited_by="ann")
            told.append(number)
        except ConflictError as error:
            told.append(error)

    threads = [threading.Thread(target=correct, args=(number + 10,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(told) == 6
    (number,) = [each for each in told if isinstance(each, int)]
    found = home.saver().get_tuple(config_of())
    assert found is not None
    assert found.checkpoint["channel_values"] == {"n": number}
    assert len(ids_of(home.saver(), config_of())) == (1 if is_bound else 2)


@pytest.mark.parametrize("is_bound", [False, True])
def test_another_machine_at_the_same_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_bound: bool) -> None:
    """[E4] In a far store, a correction in between, from a machine that no lock holds off, is refused; one of the dead is taken over."""
    home = Home("remote", tmp_path / "checkpoints")
    put(home.saver(), FIRST, {"n": 1})
    if is_bound:
        home.saver().put_writes(config_of("t", "", FIRST), [("m", 2)], "task-1")
    saver, other = home.saver(), home.saver()
    edits = [each.editing().setting("t", {"n": number}) for each, number in ((saver, 2), (other, 3))]
    monkeypatch.setattr(other._repository.locks, "hold", lambda *_, **__: contextlib.nullcontext())
    store = saver._repository.store
    verb = "replace" if is_bound else "create"
    give_name, refused = getattr(store, verb), []

    def late(key: str, *given: Any) -> Any:
        if key.startswith("t/checkpoints/"):
            if not is_bound:
                with given[1]():  # the turn, in which it claims its place
                    pass
            with pytest.raises(ConflictError) as caught:  # for its claim stands, or its file is kept
                other.editing().store(edits[1], edited_by="bob")
            refused.append(caught.value)
            return give_name(key, *given[:1])
        return give_name(key, *given)

    monkeypatch.setattr(store, verb, late)
    saver.editing().store(edits[0], edited_by="ann")
    assert len(refused) == 1
    found = home.saver().get_tuple(config_of())
    assert found is not None
    assert found.checkpoint["channel_values"] == {"n": 2}


@pytest.mark.parametrize("is_replaced_meanwhile", [False, True])
def test_a_dead_one_is_taken_over_in_a_far_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_replaced_meanwhile: bool
) -> None:
    """[E4] What a correction had kept that never came keeps others off for two minutes, and no longer; one that comes is seen."""
    home = Home("remote", tmp_path / "checkpoints")
    put(home.saver(), "zzz", {"n": 1})
    store = home.store()
    key = "t/checkpoints/_root/zzz.json"
    ours = store.read(key) or b""
    theirs = ours.replace(b'"n": 1', b'"n": 3')
    assert store.create("t/edits/_root.zzz.0.json", ours)
    with pytest.raises(ConflictError, match="or has died"):
        home.saver().edit_state("t", {"n": 2})
    if is_replaced_meanwhile:
        saver = home.saver()
        edit = saver.editing().setting("t", {"n": 2})
        look, looks = saver.editing()._look_again, []

        def looking(self: Editing, given: Edit) -> None:
            looks.append("")
            look(given)
            if len(looks) == 2:  # the last look before the file is kept: the other one is done at that moment
                store.replace(key, theirs)

        monkeypatch.setattr(Editing, "_look_again", looking)
        with pytest.raises(ConflictError, match="has moved on since"):
            saver.editing().store(edit, edited_by="ann")
        assert store.read(key) == theirs
        return
    monkeypatch.setattr("langgraph_filesaver._editing.editor.CLAIM_SECONDS", 0)
    home.saver().edit_state("t", {"n": 2})
    assert [key for key in home.files() if "/edits/" in key] == ["t/edits/_root.zzz.0.json"]
