"""What four processes do on one thread at once is what somebody alone could have done, one call after the other."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytest

from langgraph_filesaver import FileSaver
from tests.checkpoints import config_of
from tests.concurrency.historian import shown
from tests.concurrency.linearizability import Operation, final_states
from tests.concurrency.processes import Worker, assert_every_file_parses
from tests.concurrency.saver_model import AS_READ, EMPTY, STRICT, State, apply, operations_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the processes are told and heard by pipes and select")

PROCESSES = 4
CALLS = 8


def is_linearizable(*calls: tuple[int, int, int, dict[str, Any]], begin: State = EMPTY, reading: bool = STRICT) -> bool:
    """Tell whether a history of (process, invoked, returned, call) is linearizable."""
    by_process: dict[int, list[dict[str, Any]]] = {}
    for process, invoked, returned, call in calls:
        by_process.setdefault(process, []).append({**call, "invoked": invoked, "returned": returned})
    history = [each for process, line in by_process.items() for each in operations_of(process, line, reading)]
    return bool(final_states(history, [begin], apply))


def put(checkpoint_id: str, value: int = 0) -> dict[str, Any]:
    return {"do": "put", "id": checkpoint_id, "value": value}


def got(found_id: str | None, *writes: list[Any], asked: str | None = None, value: int = 0) -> dict[str, Any]:
    return {"do": "get", "id": asked, "found": None if found_id is None else [found_id, value, list(writes)]}


def wrote(checkpoint_id: str, *writes: tuple[int, int], task: str = "a") -> dict[str, Any]:
    return {"do": "put_writes", "id": checkpoint_id, "task": task, "writes": [list(each) for each in writes]}


DELETE: dict[str, Any] = {"do": "delete"}

LINEARIZABLE: dict[str, list[tuple[int, int, int, dict[str, Any]]]] = {
    "nothing": [],
    "a read that overlaps a put may miss it": [(0, 0, 9, put("1")), (1, 1, 8, got(None))],
    "or have it": [(0, 0, 9, put("1")), (1, 1, 8, got("1"))],
    "the greater id is the latest, though put first": [(0, 0, 1, put("2")), (1, 2, 3, put("1")), (1, 4, 5, got("2"))],
    "two readers may differ while a put goes on": [(0, 0, 9, put("1")), (1, 1, 2, got(None)), (2, 3, 4, got("1"))],
    "deleted": [(0, 0, 1, put("1")), (1, 2, 3, DELETE), (0, 4, 5, got(None, asked="1"))],
    "put while it was deleted: either way": [
        (0, 0, 9, put("1")), (1, 0, 9, DELETE), (2, 10, 11, got("1")), (2, 12, 13, got("1")),
    ],
    "the first value stays": [
        (0, 0, 1, put("1")), (0, 2, 3, wrote("1", (0, 7))), (1, 4, 5, wrote("1", (0, 8), (1, 9))),
        (2, 6, 7, got("1", ["a", 0, 7], ["a", 1, 9])),
    ],
    "the last special one counts": [
        (0, 0, 1, put("1")), (0, 2, 3, wrote("1", (-4, 7))), (1, 4, 5, wrote("1", (-4, 8))), (2, 6, 7, got("1", ["a", -4, 8])),
    ],
    "writes wait for their checkpoint": [
        (0, 0, 1, wrote("1", (0, 7))), (0, 2, 3, got(None)), (1, 4, 5, put("1")), (2, 6, 7, got("1", ["a", 0, 7])),
    ],
    "an order that only backtracking finds": [
        (0, 0, 20, put("1", 1)), (1, 0, 20, put("1", 2)), (2, 0, 20, put("1", 3)),
        (3, 21, 22, got("1", value=2)), (3, 23, 24, got("1", value=2)),
    ],
}  # fmt: skip

NOT_LINEARIZABLE: dict[str, list[tuple[int, int, int, dict[str, Any]]]] = {
    "a stale read after an acknowledged put": [(0, 0, 1, put("1")), (0, 2, 3, put("2")), (1, 4, 5, got("1"))],
    "a lost put": [(0, 0, 1, put("1")), (1, 2, 3, got(None, asked="1"))],
    "read before it was put": [(1, 0, 1, got("1")), (0, 2, 3, put("1"))],
    "there, and then not": [(0, 0, 9, put("1")), (1, 1, 2, got("1")), (2, 3, 4, got(None))],
    "a resurrected thread": [(0, 0, 1, put("1")), (1, 2, 3, DELETE), (2, 4, 5, got("1"))],
    "half a deletion": [
        (0, 0, 1, put("1")), (0, 2, 3, put("2")), (1, 4, 9, DELETE), (2, 5, 6, got("1")), (2, 7, 8, got("2")),
    ],
    "a lost write": [(0, 0, 1, put("1")), (0, 2, 3, wrote("1", (0, 7))), (1, 4, 5, got("1"))],
    "the second value": [
        (0, 0, 1, put("1")), (0, 2, 3, wrote("1", (0, 7))), (1, 4, 5, wrote("1", (0, 8))), (2, 6, 7, got("1", ["a", 0, 8])),
    ],
    "an older special write": [
        (0, 0, 1, put("1")), (0, 2, 3, wrote("1", (-4, 7))), (1, 4, 5, wrote("1", (-4, 8))), (2, 6, 7, got("1", ["a", -4, 7])),
    ],
    "half a call's writes": [
        (0, 0, 1, put("1")), (0, 2, 9, wrote("1", (0, 7), (1, 8))), (1, 4, 5, got("1", ["a", 0, 7])),
    ],
    "two readers that saw two orders": [
        (0, 0, 20, put("1", 1)), (1, 0, 20, put("1", 2)),
        (2, 21, 22, got("1", value=1)), (3, 23, 24, got("1", value=2)),
    ],
}  # fmt: skip

OLD_AND_NEW = [
    (0, 0, 1, put("1")), (0, 3, 4, put("2")), (0, 5, 6, wrote("1", (0, 7))), (1, 2, 9, got("1", ["a", 0, 7])),
]  # fmt: skip


@pytest.mark.parametrize("name", LINEARIZABLE)
@pytest.mark.parametrize("reading", [STRICT, AS_READ])
def test_the_checker_accepts(name: str, reading: bool) -> None:
    """A history that has a sequential order is accepted, whatever is taken back on the way to it."""
    assert is_linearizable(*LINEARIZABLE[name], reading=reading)


@pytest.mark.parametrize("name", NOT_LINEARIZABLE)
@pytest.mark.parametrize("reading", [STRICT, AS_READ])
def test_the_checker_refuses(name: str, reading: bool) -> None:
    """Stale reads, lost puts, lost writes, half deletions and resurrected threads are refused."""
    assert not is_linearizable(*NOT_LINEARIZABLE[name], reading=reading)


def test_the_two_readings_of_the_latest() -> None:
    """An older checkpoint with writes that came after a newer one: refused as one step, accepted as two; never the other way."""
    assert not is_linearizable(*OLD_AND_NEW, reading=STRICT)
    assert is_linearizable(*OLD_AND_NEW, reading=AS_READ)
    new_then_old = [*OLD_AND_NEW[:3], (1, 5, 9, got("1", ["a", 0, 7]))]  # called when "2" was there
    assert not is_linearizable(*new_then_old, reading=AS_READ)


def test_pieces_are_judged_one_after_the_other() -> None:
    """Both states that a piece may end in are tried for the next one, and only those."""
    either = final_states([Operation(0, 0, 9, put("1", 1)), Operation(1, 0, 9, put("1", 2))], [EMPTY], apply)
    assert len(either) == 2
    for value, is_possible in ((1, True), (2, True), (3, False)):
        assert bool(final_states([Operation(2, 10, 11, got("1", value=value))], either, apply)) is is_possible


def work(root: Path, kind: str, rounds: int, reading: bool, seed: int = 1) -> None:
    """Record some rounds and judge them; the calls must have met each other."""
    overlapping = record(root, seed, kind, rounds, reading)
    assert overlapping > rounds, f"only {overlapping} calls in {rounds} rounds overlapped another one"


def test_reads_writes_and_deletions(tmp_path: Path) -> None:
    """Get, put, put_writes and delete_thread by four processes are linearizable, the latest being read in two steps."""
    work(tmp_path / "checkpoints", "once", 150, AS_READ)


def test_ids_put_again_and_writes_that_come_first(tmp_path: Path) -> None:
    """So are puts that replace a checkpoint, and writes to a checkpoint that is still to come; nobody deletes here.

    With deletions they would not be: writes to a checkpoint that a deletion has just removed get the next number of their
    task, as if the earlier ones were there, and if that checkpoint came afterwards, later writes would stand before them.
    """
    work(tmp_path / "checkpoints", "again", 100, AS_READ)


def test_under_leases_the_latest_is_read_in_one_step(tmp_path: Path) -> None:
    """While all who write have the thread's lease and write before they go on, any reader's view is that of one instant."""
    work(tmp_path / "checkpoints", "leased", 100, STRICT)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("kind", "reading"), [("once", AS_READ), ("again", AS_READ), ("leased", STRICT)])
@pytest.mark.parametrize("seed", range(2, 7))
def test_long_histories(tmp_path: Path, kind: str, reading: bool, seed: int) -> None:
    """As above, for minutes, with other seeds."""
    work(tmp_path / "checkpoints", kind, 2000, reading, seed)


def record(root: Path, seed: int, kind: str, rounds: int, reading: bool) -> int:
    """Let four processes work in rounds, judge each, and return how many calls overlapped another one."""
    workers = [Worker("historian", root, number) for number in range(PROCESSES)]
    reader = FileSaver(root)
    states, overlapping = {EMPTY}, 0
    try:
        for worker in workers:
            worker.wait_until_ready()
        for number in range(rounds):
            if kind == "again" and number % 5 == 0:
                reader.delete_thread("t")
                states = {EMPTY}
            for worker in workers:
                worker.tell({"seed": f"{seed} {number}", "calls": CALLS, "kind": kind})
            lines = [worker.hear() for worker in workers]
            now = time.monotonic_ns()
            lines.append(
                [
                    {
                        "do": "list",
                        "found": [shown(each) for each in reader.list(config_of())],
                        "invoked": now,
                        "returned": now,
                    }
                ]
            )
            history = [each for process, line in enumerate(lines) for each in operations_of(process, line, reading)]
            ended = final_states(history, states, apply)
            assert ended, told(history, states, seed, number)
            states = ended
            overlapping += count_overlapping(history)
        for worker in workers:
            worker.end()
    finally:
        for worker in workers:
            worker.kill()
    assert_every_file_parses(root)
    return overlapping


def count_overlapping(history: list[Operation[dict[str, Any]]]) -> int:
    """Count the operations during which one of another process was under way."""
    return sum(
        any(b.process != a.process and b.invoked <= a.returned and a.invoked <= b.returned for b in history)
        for a in history
    )


def told(history: list[Operation[dict[str, Any]]], states: set[State], seed: int, number: int) -> str:
    """Tell a history that is not linearizable, in the order of the calls."""
    begin = min(each.invoked for each in history)
    lines = [f"seed {seed}, round {number}: no sequential order of these calls gives these results (times in µs)"]
    lines += [f"began as {state}" for state in states]
    for each in sorted(history, key=lambda each: each.invoked):
        times = f"{(each.invoked - begin) // 1000:7}-{(each.returned - begin) // 1000:<7}"
        call = {key: value for key, value in each.action.items() if key not in ("invoked", "returned")}
        lines.append(f"{times} process {each.process}: {call}")
    return "\n".join(lines)
