"""Real files, mutated in every way a disk, a sync tool or an attacker can: get, list and verify answer or raise an error of ours.

The suite tries some hundreds; `make soak` tries 10,000.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from langgraph_filesaver import FileSaver, FileSaverError

DATA = Path(__file__).parents[1] / "data" / "format-1" / "plain"
THREADS = ("artifacts", "kinds", "deltas", "forks")
SLOWEST_SECONDS = 20.0
Mutation = Callable[[Path, random.Random, list[Path]], object]


def _bits(path: Path, chance: random.Random, all_of_them: list[Path]) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(chance.choice([1, 1, 3, 50])):
        if data:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(bytes(data))


def _cut(path: Path, chance: random.Random, _: list[Path]) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: chance.randrange(len(data) + 1)])


def _insert(path: Path, chance: random.Random, _: list[Path]) -> None:
    data = path.read_bytes()
    at = chance.randrange(len(data) + 1)
    what = chance.choice(
        [b"\0" * 5, b'{"$type":', b"[" * 3000, b"9" * 5000, b"1e999999", b"\xff\xfe", b'"$artifact":', b"\\ud800"]
    )
    path.write_bytes(data[:at] + what + data[at:])


def _swap(path: Path, chance: random.Random, all_of_them: list[Path]) -> None:
    other = chance.choice(all_of_them)
    data = path.read_bytes()
    path.write_bytes(other.read_bytes())
    other.write_bytes(data)


def _link(path: Path, chance: random.Random, all_of_them: list[Path]) -> None:
    target = chance.choice(["/etc/passwd", "/dev/zero", ".", str(chance.choice(all_of_them)), "nowhere"])
    path.unlink()
    path.symlink_to(target)


def _hard_link(path: Path, chance: random.Random, all_of_them: list[Path]) -> None:
    other = chance.choice(all_of_them)
    if other != path:
        path.unlink()
        os.link(other, path)


def _pipe(path: Path, chance: random.Random, _: list[Path]) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path, chance: random.Random, _: list[Path]) -> None:
    path.unlink()
    path.mkdir()


def _rename(path: Path, chance: random.Random, _: list[Path]) -> None:
    name = chance.choice(
        ["a\nb.json", "..json", "x" * 200 + ".json", ".json", "a.json.json", "CON.json", "ü.json", "9.json"]
    )
    path.rename(path.with_name(name))


def _remove(path: Path, chance: random.Random, _: list[Path]) -> None:
    path.unlink()


_VALUES: list[Any] = [
    None, [], {}, "", -1, 10**30, 1e308, True, "../../etc/passwd", {"$type": "os.system", "value": "touch CANARY"},
    {"$type": "builtins.eval", "value": "1"}, {"$artifact": "/etc/passwd", "bytes": 1}, {"$list": ["artifacts/../x"]},
    {"$type": "datetime", "value": "9" * 400}, {"lc": 1, "type": "constructor", "id": ["os", "system"], "kwargs": {"command": "touch CANARY"}},
    {"$serde": "pickle", "base64": "Y29zCnN5c3RlbQoodG91Y2ggQ0FOQVJZCnRSLg=="},
]  # fmt: skip


def _field(path: Path, chance: random.Random, _: list[Path]) -> None:
    """Another value anywhere in the document."""
    try:
        tree = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return
    part = tree
    while isinstance(part, (dict, list)) and part:
        key = chance.choice(list(part) if isinstance(part, dict) else range(len(part)))
        if chance.random() < 0.4 or not isinstance(part[key], (dict, list)) or not part[key]:
            part[key] = chance.choice(_VALUES)
            break
        part = part[key]
    path.write_text(json.dumps(tree))


def _deep(path: Path, chance: random.Random, _: list[Path]) -> None:
    depth = chance.choice([100, 900, 5_000, 200_000])
    opening, closing = chance.choice([("[", "]"), ('{"a":', "}")])
    text = opening * depth + "1" + closing * depth
    path.write_text('{"format": 1, "state": {"a": ' + text + "}}")


MUTATIONS: tuple[Mutation, ...] = (
    _bits, _cut, _insert, _swap, _link, _hard_link, _pipe, _folder, _rename, _remove, _field, _field, _field, _deep
)  # fmt: skip


def _look(root: Path) -> None:
    """Do what readers do; whatever is wrong is one of our errors."""
    saver = FileSaver(root, read_only=True)
    for thread_id in THREADS:
        with suppress(FileSaverError):
            saver.get_tuple({"configurable": {"thread_id": thread_id}})
        with suppress(FileSaverError):
            for _ in saver.list({"configurable": {"thread_id": thread_id}}):
                pass
    with suppress(FileSaverError):
        saver.threads()
    saver.verify()


def _mutate_and_look(tmp_path: Path, rounds: int, seed: int) -> None:
    chance = random.Random(seed)
    root, home = tmp_path / "store", tmp_path / "home"
    home.mkdir()
    (home / "private").write_text("outside")
    before_memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    slowest = 0.0
    for number in range(rounds):
        if number % 5 == 0:  # a few mutations pile up
            shutil.rmtree(root, ignore_errors=True)
            root.mkdir()
            shutil.copy(DATA / "filesaver.json", root)
            for thread_id in THREADS:
                shutil.copytree(DATA / thread_id, root / thread_id)
        files = sorted(path for path in root.glob("*/**/*") if path.is_file() and not path.is_symlink())
        path = chance.choice(files)
        mutation = chance.choice(MUTATIONS)
        mutation(path, chance, files)
        begun = time.monotonic()
        try:
            _look(root)
        except Exception as error:
            raise AssertionError(f"seed {seed}, round {number}: {mutation.__name__} of {path}") from error
        slowest = max(slowest, time.monotonic() - begun)
    assert slowest < SLOWEST_SECONDS
    assert (home / "private").read_text() == "outside"
    assert not list(tmp_path.rglob("CANARY"))
    assert not Path("CANARY").exists()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_memory < 500_000, "kilobytes"


@pytest.mark.parametrize("seed", range(3))
def test_mutated_files_are_answered_or_refused(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """[S2] [S4] Nothing outside the root is touched, nothing is run, time and memory stay bounded, and no other error gets out."""
    monkeypatch.chdir(tmp_path)
    _mutate_and_look(tmp_path, 120, seed)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_ten_thousand_mutated_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """[S2] [S4] As above, ten thousand times."""
    monkeypatch.chdir(tmp_path)
    _mutate_and_look(tmp_path, 10_000, 1000)
