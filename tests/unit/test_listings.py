"""`_store.listings`: a kept listing is used only while it is certain to be true, whatever clock the folder's times have (P5)."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from langgraph_filesaver._store import listings
from langgraph_filesaver._store.listings import Listings
from tests.store_contract import wait_until


def with_ticks_of(milliseconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make folders' times move in ticks, as they do on kernels before 6.13: two changes within one look like one."""
    tick = milliseconds * 1_000_000

    def coarse(path: str) -> SimpleNamespace:
        status = os.stat(path)
        return SimpleNamespace(
            st_dev=status.st_dev,
            st_ino=status.st_ino,
            st_mode=status.st_mode,
            st_mtime_ns=status.st_mtime_ns // tick * tick,
            st_ctime_ns=status.st_ctime_ns // tick * tick,
        )

    monkeypatch.setattr(listings, "os", SimpleNamespace(stat=coarse, listdir=os.listdir))


@pytest.mark.parametrize("milliseconds", [1, 4, 10])
def test_changes_within_one_tick_of_the_clock_are_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, milliseconds: int
) -> None:
    """[O6] Where several changes share one mtime, each look still shows all of them."""
    with_ticks_of(milliseconds, monkeypatch)
    kept = Listings()
    for number in range(200):
        (tmp_path / f"{number:03}").touch()
        assert kept.names(str(tmp_path)) == tuple(f"{each:03}" for each in range(number + 1))


def test_a_listing_made_long_after_the_last_change_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that was left alone is listed once, and again after the next change."""
    lists: list[str] = []

    def listed(path: str) -> list[str]:
        lists.append(path)
        return os.listdir(path)

    monkeypatch.setattr(listings, "os", SimpleNamespace(stat=os.stat, listdir=listed))
    kept = Listings()
    (tmp_path / "a").touch()
    path = str(tmp_path)
    wait_until(lambda: kept.names(path) is kept.names(path), "the listing is never kept")
    lists.clear()
    for _ in range(10):
        assert kept.names(path) == ("a",)
    assert lists == []
    (tmp_path / "b").touch()
    assert kept.names(path) == ("a", "b")
    assert len(lists) == 1


def test_a_folder_that_was_made_anew_is_listed_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder replaced by another one of the same times is told by its inode, or by the time of its change."""
    kept = Listings()
    path = tmp_path / "folder"
    path.mkdir()
    (path / "a").touch()
    wait_until(lambda: kept.names(str(path)) is kept.names(str(path)), "the listing is never kept")
    times = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    path.rename(tmp_path / "moved")
    path.mkdir()
    (path / "b").touch()
    os.utime(path, ns=times)
    assert kept.names(str(path)) == ("b",)


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "9p", ""])
def test_where_times_come_from_a_cache_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """On a mount whose times may be another machine's, of long ago, each look lists the folder."""
    monkeypatch.setattr(listings, "file_system_of", lambda path: kind)
    # The mount's cache shows the times of long ago for ever.
    shown = SimpleNamespace(st_dev=1, st_ino=2, st_mode=0o40700, st_mtime_ns=10**18, st_ctime_ns=10**18)
    monkeypatch.setattr(listings, "os", SimpleNamespace(stat=lambda path: shown, listdir=os.listdir))
    kept = Listings()
    for number in range(5):
        assert len(kept.names(str(tmp_path))) == number
        (tmp_path / str(number)).touch()


def test_what_is_kept_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Listings are dropped when they hold too many names altogether; looks stay right."""
    monkeypatch.setattr(listings, "_MOST_NAMES", 50)
    monkeypatch.setattr(listings, "_SETTLED_NANOSECONDS", 0)
    kept = Listings()
    for folder in range(20):
        (tmp_path / str(folder)).mkdir()
        for name in range(10):
            (tmp_path / str(folder) / str(name)).touch()
    for _ in range(3):
        for folder in range(20):
            assert len(kept.names(str(tmp_path / str(folder)))) == 10
            assert sum(len(each.names) + 1 for each in kept._kept.values()) <= 50
