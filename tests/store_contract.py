"""What every store must keep (`langgraph_filesaver/_store/base.py`), as tests for any store.

A store's own test module subclasses `StoreTests`, or `SharedStoreTests`, and says how to open the store; a store that leaves a rule out fails the
test that states it.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest

from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store import Store

__all__ = ["Opener", "SharedStoreTests", "StoreTests", "settled_listing", "wait_until"]

Opener = Callable[[], Store]
"""Opens one and the same place anew; can be pickled where other processes can open the place, too."""

_SHORT, _LONG = b"short" * 10, b"long" * 40_000


class StoreTests:
    """The rules of a store.

    Subclasses override `opener`, and the attributes where their store differs.
    """

    races: ClassVar[int] = 300
    """How many keys several writers race for."""
    changes: ClassVar[int] = 300
    """How many changes the listings are looked at between."""

    def opener(self, root: Path) -> Opener:
        """Return what opens an empty store; `root` is a folder for its use alone."""
        raise NotImplementedError

    @pytest.fixture
    def opened(self, tmp_path: Path) -> Opener:
        return self.opener(tmp_path / "root")

    @pytest.fixture
    def store(self, opened: Opener) -> Store:
        return opened()

    # --- keys and values

    def test_a_missing_key_is_none_and_a_missing_folder_is_empty(self, store: Store) -> None:
        """What is not there is no error: not for read, exists, list, delete and delete_folder."""
        assert store.read("a/b/c.json") is None
        assert store.exists("a/b/c.json") is False
        assert store.list("") == ()
        assert store.list("a/b") == ()
        store.delete(["a/b/c.json"])
        store.delete_folder("a/b")
        assert store.list("") == ()

    @pytest.mark.parametrize("data", [b"", b"x", b"\x00\xff\r\n\x1a" * 3, bytes(3_000_000)], ids=len)
    def test_what_was_stored_is_read_back_byte_by_byte(self, opened: Opener, data: bytes) -> None:
        """Any bytes, none and three million included, come back unchanged, also after the place was opened anew."""
        assert opened().create("a/created", data) is True
        opened().replace("a/replaced", data)
        assert opened().read("a/created") == data
        assert opened().read("a/replaced") == data

    def test_create_keeps_what_is_there(self, opened: Opener) -> None:
        """A second create of a key says so and changes nothing, whichever store object is asked."""
        assert opened().create("a/k", b"first") is True
        for store in (opened(), opened()):
            assert store.create("a/k", b"second") is False
            assert store.read("a/k") == b"first"

    def test_replace_puts_the_new_value_in_place_of_the_old(self, opened: Opener) -> None:
        """Replace makes a missing key and overwrites one that is there."""
        opened().replace("a/k", _LONG)
        opened().replace("a/k", _SHORT)
        assert opened().read("a/k") == _SHORT

    def test_a_key_that_was_deleted_is_free_again(self, opened: Opener) -> None:
        """After delete the key reads as missing, and create makes it anew."""
        store = opened()
        store.create("a/k", b"first")
        store.delete(["a/k", "a/never-there"])
        assert store.read("a/k") is None
        assert not opened().exists("a/k")
        assert store.create("a/k", b"second") is True

    def test_delete_removes_the_named_keys_only(self, store: Store) -> None:
        """Keys beside a deleted one stay, also one whose name begins with it; keys from a generator are all deleted."""
        for key in ("a/k", "a/k2", "a/k.json", "ab/k", "a/other/k"):
            store.create(key, b"x")
        store.delete(key for key in ("a/k", "a/other/k"))
        assert store.list("a") == ("k.json", "k2")
        assert store.read("ab/k") == b"x"

    def test_settling_changes_nothing_that_is_read(self, opened: Opener) -> None:
        """Keys that were found can be settled any number of times, missing ones too: values and listings stay as they are."""
        store = opened()
        store.settle(["a/k", "b/never-there"])
        store.create("a/k", b"x")
        for each in (store, opened()):
            each.settle(["a/k", "a/never-there", "b/never-there"])
            each.settle(key for key in ("a/k",))
        assert store.read("a/k") == b"x"
        assert store.list("a") == ("k",)
        assert store.list("b") == ()

    def test_a_folder_goes_with_the_last_thing_in_it(self, store: Store) -> None:
        """A folder is there as long as something is in it: deleting its only key removes the empty folders above, too."""
        store.create("a/b/c/k", b"x")
        store.create("a/k", b"x")
        store.delete(["a/b/c/k"])
        assert store.list("a") == ("k",)
        store.delete(["a/k"])
        assert "a" not in store.list("")

    # --- listings

    def test_a_listing_is_sorted_and_names_files_and_folders_directly_inside(self, store: Store) -> None:
        """Names come sorted by code point, each once, without what lies deeper."""
        for key in ("t/b.json", "t/a.json", "t/B.json", "t/10.json", "t/9.json", "t/sub/x/1", "t/sub/y/2", "tt/z"):
            store.create(key, b"x")
        assert store.list("t") == ("10.json", "9.json", "B.json", "a.json", "b.json", "sub")
        assert store.list("t/sub") == ("x", "y")
        assert set(store.list("")) >= {"t", "tt"}

    def test_a_listing_shows_each_change_at_once(self, opened: Opener) -> None:
        """[O6] No cache hides a change: hundreds of changes, many within one tick of the clock, by this store and another."""
        ours, another = opened(), opened()
        expected: set[str] = set()
        for number in range(self.changes):
            writer = (ours, another)[number % 2]
            if number % 5 == 4:
                expected.remove(gone := min(expected))
                writer.delete([f"t/{gone}"])
            else:
                expected.add(made := f"{number:03}")
                writer.create(f"t/{made}", b"x")
            assert ours.list("t") == tuple(sorted(expected))
            assert another.list("t") == tuple(sorted(expected))

    def test_a_kept_listing_is_given_up_when_another_one_changes_the_folder(self, opened: Opener) -> None:
        """A listing that is returned as the same object holds until the next change, which is seen, and the one after."""
        ours, another = opened(), opened()
        if ours.is_far:
            pytest.skip("a store far away keeps no listing")
        ours.create("t/a", b"x")
        kept = settled_listing(ours, "t")
        assert kept == ("a",)
        another.create("t/b", b"x")
        assert ours.list("t") == ("a", "b")
        another.create("t/c", b"x")
        assert ours.list("t") == ("a", "b", "c")
        settled_listing(ours, "t")
        another.delete(["t/a"])
        assert ours.list("t") == ("b", "c")
        settled_listing(ours, "t")
        another.delete_folder("t")
        assert ours.list("t") == ()
        another.create("t/a", b"x")
        assert ours.list("t") == ("a",)

    def test_the_same_listing_object_means_that_nothing_changed(self, opened: Opener) -> None:
        """Two listings with a change between them are never the same object, even where the names are equal again."""
        ours, another = opened(), opened()
        if ours.is_far:
            pytest.skip("a store far away keeps no listing")
        ours.create("t/a", b"x")
        for _ in range(3):
            before = settled_listing(ours, "t")
            another.create("t/b", b"x")
            another.delete(["t/b"])
            after = ours.list("t")
            assert after == before
            assert after is not before

    # --- whole trees

    def test_a_tree_is_all_files_below_a_folder(self, opened: Opener) -> None:
        """Every file below is told once, sorted, with its size; nothing beside is, and a missing folder has none."""
        files = {"t/b": b"12", "t/a/x": b"123", "t/a/y/z": b"", "tt/k": b"1", "u": b"1"}
        for key, data in files.items():
            opened().create(key, data)
        assert [(each.key, each.bytes) for each in opened().tree("t")] == [("t/a/x", 3), ("t/a/y/z", 0), ("t/b", 2)]
        assert {each.key for each in opened().tree("")} == {*files, MARKER.key}
        assert list(opened().tree("nowhere")) == []

    def test_a_file_written_again_has_another_version(self, opened: Opener) -> None:
        """The version that a tree tells changes with the bytes, and stays where nothing was written."""
        store = opened()
        if not store.properties.exact_versions:
            pytest.skip("this store's versions are sizes and whole seconds, and it says so")
        store.create("t/a", b"one")
        before = [each.version for each in store.tree("t")]
        assert [each.version for each in opened().tree("t")] == before
        store.replace("t/a", b"two")
        assert [each.version for each in opened().tree("t")] != before

    def test_a_change_of_equal_size_within_a_second_is_read(self, opened: Opener) -> None:
        """What was read once is read anew after another one has changed it, however alike the two are from outside."""
        store = opened()
        for number in range(5):
            opened().replace("t/a", b"%d" % number)
            with store.ahead():
                assert store.list("t") == ("a",)
                store.expect(["t/a"])
                assert store.read("t/a") == b"%d" % number

    def test_many_keys_are_read_and_created_at_once(self, opened: Opener) -> None:
        """`create_all` leaves all files, also where some are there; `read_all` returns the bytes of each key, None for a missing one."""
        files = {f"t/{number}": b"%d" % number for number in range(30)}
        opened().create("t/3", b"3")
        opened().create_all(files)
        assert opened().read_all([*files, "t/none"]) == {**files, "t/none": None}

    def test_what_is_expected_is_read_as_it_is(self, opened: Opener) -> None:
        """Inside `ahead`, what was expected is read and listed as it was then or as it is now; afterwards nothing is remembered."""
        store = opened()
        store.create("t/a", b"1")
        with store.ahead():
            store.expect(["t/a", "t/none"], ["t", "nowhere"])
            assert store.read("t/a") == b"1"
            assert store.read("t/none") is None
            assert store.list("t") == ("a",)
            assert store.list("nowhere") == ()
            opened().replace("t/a", b"2")
            opened().create("t/b", b"3")
            assert store.read("t/a") in {b"1", b"2"}
            assert store.list("t") in {("a",), ("a", "b")}
            store.expect(["t/b"], ["t"], ["t/b", "t/none"])
            assert store.read("t/b") == b"3"
            assert store.list("t") == ("a", "b")
            assert store.exists("t/b") is True
            assert store.exists("t/none") is False
        opened().delete(["t/b"])
        assert store.read("t/a") == b"2"
        assert store.read("t/b") is None
        assert store.exists("t/b") is False
        assert store.list("t") == ("a",)

    # --- compare and swap

    def test_swap_takes_the_version_that_was_read(self, opened: Opener) -> None:
        """Where the store can: a swap succeeds with the version that is there, and with none where nothing is; else nothing changes."""
        store = opened()
        if not store.properties.compare_and_swap:
            pytest.skip("this store has no compare-and-swap, and says so")
        assert store.read_versioned("c/k") is None
        first = store.swap("c/k", b"1", None)
        assert first is not None
        assert opened().swap("c/k", b"no", None) is None
        found = opened().read_versioned("c/k")
        assert found == (b"1", first)
        second = opened().swap("c/k", b"2", first)
        assert second is not None
        assert store.swap("c/k", b"no", first) is None
        assert store.read("c/k") == b"2"
        assert store.read_versioned("c/k") == (b"2", second)

    # --- whole folders

    def test_delete_folder_removes_all_below_and_nothing_beside(self, opened: Opener) -> None:
        """A folder goes with everything in it; folders and files whose names begin alike stay."""
        store = opened()
        for key in ("t/a", "t/sub/b", "t/sub/deep/c", "t2/a", "t-x", "u/t/a"):
            store.create(key, b"x")
        store.delete_folder("t")
        assert store.list("t") == ()
        assert store.read("t/sub/deep/c") is None
        assert [key for key in ("t2/a", "t-x", "u/t/a") if opened().read(key) != b"x"] == []
        assert store.create("t/a", b"anew") is True
        assert store.list("t") == ("a",)

    def test_a_folder_moves_with_all_that_is_in_it(self, opened: Opener) -> None:
        """A folder is at its new place whole, at the old one no more, and what is beside it stays."""
        store = opened()
        files = {"a": b"1", "sub/b": b"2", "sub/deep/c": b"3"}
        for key, data in files.items():
            store.create(f"t/{key}", data)
        store.create("t2/a", b"beside")
        assert store.move_folder("t", ".trash/1.t") is True
        assert opened().list("t") == ()
        assert {each.key for each in opened().tree("")} - {MARKER.key} == {"t2/a"}, (
            "a folder with a dot is no part of the tree"
        )
        assert [each.key for each in opened().tree(".trash/1.t")] == [f".trash/1.t/{key}" for key in sorted(files)]
        assert store.move_folder(".trash/1.t", "t") is True
        assert {key: opened().read(f"t/{key}") for key in files} == files

    def test_a_folder_is_moved_onto_nothing(self, opened: Opener) -> None:
        """Where something is, nothing is moved, and a folder that is not there moves nothing: both say so, and all stays."""
        store = opened()
        store.create("t/a", b"1")
        store.create("u/b", b"2")
        assert store.move_folder("t", "u") is False
        assert store.move_folder("nothing", "v") is False
        assert (store.read("t/a"), store.read("u/b"), store.list("u"), store.list("v")) == (b"1", b"2", ("b",), ())

    def test_readers_see_all_of_a_folder_or_nothing(self, opened: Opener) -> None:
        """[O9] While a folder is deleted, a reader that misses one key of it finds none of the others later."""
        writer, reader = opened(), opened()
        if not writer.properties.deletes_folders_at_once:
            pytest.skip("this store removes folders file by file, and says so")
        keys = [f"t/{number % 4}/{number}" for number in range(60)]
        for _ in range(10):
            for key in keys:
                writer.create(key, b"x")
            looks: list[bool] = []

            def look(looks: list[bool] = looks) -> None:
                while reader.exists(keys[0]) or not looks:
                    looks.extend(reader.read(key) is not None for key in (*keys, *reversed(keys)))

            looking = threading.Thread(target=look)
            looking.start()
            writer.delete_folder("t")
            looking.join()
            first_miss = looks.index(False) if False in looks else len(looks)
            assert not any(looks[first_miss:])

    # --- the marker and what lies beside the keys

    def test_the_first_write_leaves_the_marker(self, opened: Opener) -> None:
        """Opening and reading write nothing; the first create or replace leaves the marker in the root."""
        store = opened()
        store.read("a/k")
        store.exists("a/k")
        store.list("a")
        assert opened().list("") == ()
        store.create("a/k", b"x")
        assert opened().read(MARKER.key) == MARKER.data

    def test_a_marker_that_is_there_is_kept(self, opened: Opener) -> None:
        """A later write does not touch the marker, whatever it says by then."""
        opened().replace(MARKER.key, b'{"format": 1, "note": "by hand"}')
        opened().create("a/k", b"x")
        opened().replace("b/k", b"x")
        assert opened().read(MARKER.key) == b'{"format": 1, "note": "by hand"}'

    def test_keys_name_their_place_for_a_person(self, store: Store) -> None:
        """`describe` tells where a key lies: different for different keys, ending in the key."""
        assert store.describe("a/k").endswith("a/k")
        assert store.describe("a/k") != store.describe("a/k2")

    # --- several at once

    def test_create_has_one_winner_among_threads(self, opened: Opener) -> None:
        """Of eight threads that create one key at the same moment exactly one wins, and its bytes are there, each time."""
        stores = [opened() for _ in range(8)]
        barrier = threading.Barrier(len(stores))
        won: list[list[bool]] = [[] for _ in stores]

        def race(number: int) -> None:
            for key in _race_keys(self.races):
                barrier.wait(60)
                won[number].append(stores[number].create(key, b"%d" % number))

        threads = [threading.Thread(target=race, args=(number,)) for number in range(len(stores))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        _assert_one_winner_each(stores[0], _race_keys(self.races), won)

    def test_a_value_being_replaced_is_never_torn(self, opened: Opener) -> None:
        """[F2] While threads replace a key with values of different lengths, a reader finds one of them whole, each time."""
        store = opened()
        store.replace("a/k", _SHORT)
        stop = threading.Event()

        def write(data: bytes) -> None:
            mine = opened()
            while not stop.is_set():
                mine.replace("a/k", data)

        writers = [threading.Thread(target=write, args=(data,)) for data in (_SHORT, _LONG)]
        for writer in writers:
            writer.start()
        try:
            seen = [store.read("a/k") for _ in range(self.races)]
        finally:
            stop.set()
            for writer in writers:
                writer.join()
        assert set(seen) <= {_SHORT, _LONG}


class SharedStoreTests(StoreTests):
    """The rules of a store whose place other processes can open, too; what `opener` returns can be pickled."""

    @staticmethod
    def prepare_process() -> None:
        """Bring about, in another process, what the subclass brought about in this one."""

    def test_create_has_one_winner_among_processes(self, opened: Opener) -> None:
        """[F1] Of three processes that create one key at the same moment exactly one wins, and its bytes are there, each time."""
        keys = _race_keys(self.races)
        won = _in_processes(3, partial(_race_in_process, self.prepare_process, opened, keys))
        _assert_one_winner_each(opened(), keys, won)

    def test_a_value_that_another_process_replaces_is_never_torn(self, opened: Opener) -> None:
        """The same between processes: each finds one of the values whole, while all of them replace it."""
        opened().replace("a/k", _SHORT)
        torn = _in_processes(2, partial(_replace_and_read, self.prepare_process, opened, self.races))
        assert torn == [[], []]


def settled_listing(store: Store, folder: str) -> tuple[str, ...]:
    """List until the store returns the same object twice (a local one waits until the folder's mtime is old enough)."""
    wait_until(lambda: store.list(folder) is store.list(folder), "the store never keeps a listing")
    return store.list(folder)


def wait_until(condition: Callable[[], bool], otherwise: str) -> None:
    """Wait for a condition that time alone brings about; fail with `otherwise` after 20 seconds."""
    give_up_at = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up_at, otherwise
        time.sleep(0.005)


def _race_keys(races: int) -> list[str]:
    return [f"race/{number % 7}/{number}" for number in range(races)]


def _assert_one_winner_each(store: Store, keys: list[str], won: list[list[bool]]) -> None:
    for key, outcomes in zip(keys, zip(*won, strict=True), strict=True):
        assert sum(outcomes) == 1, f"{sum(outcomes)} winners of {key}"
        assert store.read(key) == b"%d" % outcomes.index(True)


def _in_processes(count: int, work: Callable[[int, Callable[[], Any]], Any]) -> list[Any]:
    """Run `work(number, wait)` in `count` processes, where `wait` waits for all others; return what they returned."""
    context = multiprocessing.get_context("spawn")  # a fork would share locks and listings that no other process shares
    barrier, results = context.Barrier(count), context.Queue()
    processes = [
        context.Process(target=_report, args=(work, number, barrier, results), daemon=True) for number in range(count)
    ]
    for process in processes:
        process.start()
    try:
        returned = dict(results.get(timeout=200) for _ in processes)
    finally:
        for process in processes:
            process.join(20)
            process.kill()
            process.join()
            process.close()
        results.close()
        results.join_thread()
    failures = [value for value in returned.values() if isinstance(value, str)]
    assert not failures, failures[0]
    return [returned[number] for number in range(count)]


def _report(work: Callable[[int, Callable[[], Any]], Any], number: int, barrier: Any, results: Any) -> None:
    try:
        results.put((number, work(number, partial(barrier.wait, 100))))
    except BaseException as error:
        barrier.abort()
        results.put((number, f"process {number}: {error!r}"))
        raise


def _race_in_process(
    prepare: Callable[[], None], opened: Opener, keys: list[str], number: int, wait: Callable[[], Any]
) -> list[bool]:
    prepare()
    store, won = opened(), []
    for key in keys:
        wait()
        won.append(store.create(key, b"%d" % number))
    return won


def _replace_and_read(
    prepare: Callable[[], None], opened: Opener, times: int, number: int, wait: Callable[[], Any]
) -> list[str]:
    prepare()
    store, torn = opened(), []
    wait()
    for _ in range(times):
        store.replace("a/k", (_SHORT, _LONG)[number])
        found = store.read("a/k")
        if found not in {_SHORT, _LONG}:
            torn.append(repr(found)[:100])
    return torn
