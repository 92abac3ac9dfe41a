"""`python -m benchmarks` measures what it was asked for, and says what it leaves out. No claim here is about time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.measuring import Bench, Results
from benchmarks.savers import FILES, FLOOR, KINDS, MEMORY, SQLITE
from benchmarks.targets import outcomes
from benchmarks.workloads import LONG, WORKLOADS

OURS_AND_SQLITE = f"{SQLITE};{FILES};FileSaver, fsync=False;{MEMORY};AsyncSqliteSaver"


def quick(tmp_path: Path, only: str, savers: str = OURS_AND_SQLITE) -> Results:
    """Run workloads quickly, and return what they left in the file."""
    kept = tmp_path / "out.json"
    assert main(["--quick", "--only", only, "--savers", savers, "--folder", str(tmp_path), "--json", str(kept)]) == 0
    return Results.from_json(kept.read_text(encoding="utf-8"))


ROWS = {
    "writes": ["put", "put_writes"],
    "get": ["get latest, 10 messages", "get latest, 400 messages"],
    "chat": ["chat: a turn", "chat: a turn of the last 20", "chat: list of all its checkpoints"],
    "append": ["2,000 messages appended"],
    "history": ["latest of 5,000 checkpoints", "by id of 10 checkpoints", "list all of 5,000 checkpoints"],
    "threads": ["latest of one of 10,000 threads"],
    "image": ["1 MB image: a put after the first"],
    "array": ["100 MB array: put", "100 MB array: get"],
    "fan-out": ["fan-out of 100"],
    "append-20000": [],
}


@pytest.mark.parametrize("workload", ROWS)
def test_a_workload_measures_each_saver(tmp_path: Path, workload: str) -> None:
    """Every row of a workload has a figure of FileSaver, SqliteSaver and InMemorySaver."""
    results = quick(tmp_path, workload)
    assert list(results.seconds) == [workload]
    for row in ROWS[workload]:
        assert {FILES, "FileSaver, fsync=False", MEMORY, SQLITE} <= results.rows[row].keys()
        assert all(sample > 0 for figure in results.rows[row].values() for sample in figure.samples)


def test_async_savers_are_measured_beside_each_other(tmp_path: Path) -> None:
    """The async chat has FileSaver, AsyncSqliteSaver and InMemorySaver, and the worst stall of the loop with each."""
    results = quick(tmp_path, "chat-async")
    for row in ("async chat: a turn", "async chat: worst stall of the loop"):
        assert {FILES, "AsyncSqliteSaver", MEMORY} <= results.rows[row].keys()
        assert SQLITE not in results.rows[row]


def test_the_floor_is_measured_in_the_same_run(tmp_path: Path) -> None:
    """Beside the writes stands what the disk asks for a file of the same bytes."""
    results = quick(tmp_path, "writes")
    assert FLOOR in results.rows["put"]
    assert FLOOR in results.rows["put_writes"]
    told = [each.target.row for each in outcomes(results)]
    assert told == ["put", "put_writes", "put", "put_writes", "put"]


def test_the_disk_is_measured_alone(tmp_path: Path) -> None:
    """What no store can go below is measured in the same run, for one writer and for eight processes."""
    results = quick(tmp_path, "disk", FILES)
    assert [row for row in results.rows if "8 processes" not in row] == [
        "disk: write, rename",
        "disk: write, fsync, rename",
        "disk: write, fsync, rename, fsync of the folder",
        "disk: append to a log, fdatasync",
        "disk: overwrite a part of a log, fdatasync",
    ]
    assert sum("8 processes" in row for row in results.rows) == 2
    assert all(figures.keys() == {FLOOR} for figures in results.rows.values())


def test_requests_and_bytes_are_exact(tmp_path: Path) -> None:
    """What is counted is the same in every run."""
    runs = [quick(tmp_path, "requests,image", FILES) for _ in range(2)]
    exact = [
        {row: figure.samples for row, figures in run.rows.items() for figure in figures.values() if figure.is_exact}
        for run in runs
    ]
    assert exact[0]["requests of a far store: put"] == (2.0,)  # the checkpoint, and a look at the lease
    assert exact[0].keys() >= {"1 MB image, 40 checkpoints: files", "requests of a far store: list 10"}
    assert exact[0]["1 MB image, 40 checkpoints: files"] == exact[1]["1 MB image, 40 checkpoints: files"]
    assert {row: each for row, each in exact[0].items() if "requests" in row} == {
        row: each for row, each in exact[1].items() if "requests" in row
    }


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """All that a run writes is removed at its end."""
    quick(tmp_path, "writes")
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]


@pytest.mark.parametrize(
    ("option", "given", "near"),
    [("--only", "chats", "'chat'"), ("--savers", "SqlitSaver", "'SqliteSaver'"), ("--only", "writes,xyz", "'writes'")],
)
def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str], option: str, given: str, near: str) -> None:
    """A misspelt workload or saver ends the program, which tells what was meant."""
    with pytest.raises(SystemExit) as ended:
        main([option, given])
    assert ended.value.code == 2
    assert near in capsys.readouterr().err


def test_a_saver_that_is_missing_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A saver without its server is left out with the reason, and the rest is measured."""
    monkeypatch.delenv("FILESAVER_BENCHMARK_POSTGRES", raising=False)
    results = quick(tmp_path, "writes", f"PostgresSaver;{FILES}")
    assert "left out: PostgresSaver, for " in capsys.readouterr().out
    assert set(results.rows["put"]) == {FILES, FLOOR}


def test_what_takes_minutes_runs_only_where_asked_for() -> None:
    """The default run leaves out what is long, and everything that is long can be asked for."""
    assert WORKLOADS.keys() > LONG


def test_blocks_rotate(tmp_path: Path) -> None:
    """Each round begins with another saver, and each block has a folder of its own."""
    bench = Bench([KINDS[name] for name in (SQLITE, FILES, MEMORY)], tmp_path, 3)
    blocks = list(bench.blocks())
    assert [kind.name for kind, _ in blocks] == [SQLITE, FILES, MEMORY, FILES, MEMORY, SQLITE, MEMORY, SQLITE, FILES]
    assert len({folder for _, folder in blocks}) == 9


def test_a_file_is_shown_without_measuring(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--show` prints the tables of a kept run, and draws its plot."""
    quick(tmp_path, "writes")
    capsys.readouterr()
    plot = tmp_path / "plot.svg"
    assert main(["--show", str(tmp_path / "out.json"), "--markdown", "--plot", str(plot)]) == 0
    told = capsys.readouterr().out
    assert "| put | SqliteSaver |" in told
    assert "<svg" in plot.read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"about": {}, "seconds": {}, "rows": {"put": {"x": {}}}})])
def test_a_file_that_is_no_result_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    """`--show` of something else names the file."""
    path = tmp_path / "other.json"
    path.write_text(text)
    assert main(["--show", str(path)]) == 2
    assert "other.json" in capsys.readouterr().err
