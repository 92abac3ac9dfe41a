"""`benchmarks.compare` flags what has become worse, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.compare import main
from benchmarks.measuring import Figure, Results
from benchmarks.savers import FILES, FLOOR, SQLITE
from benchmarks.tables import amount, markdown

STEADY = [100.0, 101.0, 99.0, 100.0, 100.0]


def kept(path: Path, *, put: float = 1.0, sqlite: float = 1.0, rate: float = 1.0, files: float = 10) -> Path:
    """Write a run whose figures are these multiples of the usual ones."""
    results = Results(about={"cores": 2}, seconds={"writes": 1.0})
    results.rows = {
        "put": {
            SQLITE: Figure("s", tuple(each * sqlite for each in STEADY)),
            FILES: Figure("s", tuple(each * put for each in STEADY)),
        },
        "8 processes": {
            SQLITE: Figure("/s", tuple(each * sqlite for each in STEADY)),
            FILES: Figure("/s", tuple(each * rate for each in STEADY)),
        },
        "chat: files": {FILES: Figure("files", (files,))},
    }
    path.write_text(results.to_json(), encoding="utf-8")
    return path


def compare(tmp_path: Path, **now: float) -> int:
    """Compare the usual run with another one."""
    return main([str(kept(tmp_path / "old.json")), str(kept(tmp_path / "new.json", **now))])


def test_the_same_is_not_worse(tmp_path: Path) -> None:
    """A run compared with itself has no regression."""
    assert compare(tmp_path) == 0


@pytest.mark.parametrize("now", [{"put": 1.3}, {"rate": 0.7}, {"files": 11}])
def test_what_is_worse_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], now: dict[str, float]) -> None:
    """A longer time, a lower rate and one more file are regressions, each named with both figures."""
    assert compare(tmp_path, **now) == 1
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 2
    assert told[-1] == "1 of 3 figures are worse"
    assert " before, " in told[0]


@pytest.mark.parametrize("now", [{"put": 0.5}, {"rate": 2.0}, {"files": 9}, {"put": 1.1}])
def test_what_is_better_or_within_the_tolerance_is_not_flagged(tmp_path: Path, now: dict[str, float]) -> None:
    """Less time, more turns, fewer files and a few percent are no regression."""
    assert compare(tmp_path, **now) == 0


def test_a_slower_machine_is_no_regression(tmp_path: Path) -> None:
    """Where SqliteSaver took twice as long as well, nothing is worse."""
    assert compare(tmp_path, put=2.0, sqlite=2.0, rate=2.0) == 0


def test_a_difference_within_the_spread_is_no_regression(tmp_path: Path) -> None:
    """Figures that scatter by half cannot tell of a third."""
    scattered = [50.0, 150.0, 100.0, 60.0, 140.0]
    paths = []
    for name, factor in (("old", 1.0), ("new", 1.3)):
        results = Results(rows={"put": {FILES: Figure("s", tuple(each * factor for each in scattered))}})
        results.rows["put"][FLOOR] = Figure("s", tuple(STEADY))
        path = tmp_path / f"{name}.json"
        path.write_text(results.to_json())
        paths.append(str(path))
    assert main(paths) == 0


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing file, and one that is no result, have an exit code of their own."""
    usual = str(kept(tmp_path / "old.json"))
    (tmp_path / "text.json").write_text("nothing")
    for name in ("missing.json", "text.json"):
        assert main([usual, str(tmp_path / name)]) == 2
        assert name in capsys.readouterr().err


def test_runs_with_nothing_in_common_cannot_be_compared(tmp_path: Path) -> None:
    """That nothing was compared is not told as nothing being worse."""
    other = tmp_path / "other.json"
    other.write_text(Results(rows={"get": {SQLITE: Figure("s", (1.0,))}}).to_json())
    assert main([str(kept(tmp_path / "old.json")), str(other)]) == 2


def test_it_runs_by_its_path(tmp_path: Path) -> None:
    """`python benchmarks/compare.py old.json new.json` needs no installation of the folder."""
    program = Path(__file__).parents[2] / "benchmarks" / "compare.py"
    paths = [str(kept(tmp_path / "old.json")), str(kept(tmp_path / "new.json", put=2))]
    done = subprocess.run([sys.executable, str(program), *paths], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "put, FileSaver: 1.00 x SqliteSaver before, 2.00 x now" in done.stdout


def test_figures_are_told_by_median_and_quartiles() -> None:
    """The middle, and half the distance of the quartiles as a part of it."""
    figure = Figure("s", (1.0, 2.0, 3.0, 4.0, 5.0))
    assert (figure.median, figure.quartiles, figure.spread) == (3.0, (2.0, 4.0), 1 / 3)
    assert Figure("s", (2.0,)).quartiles == (2.0, 2.0)
    assert Figure("files", (2.0,)).is_exact
    assert not figure.is_exact


def test_a_run_survives_its_file(tmp_path: Path) -> None:
    """What was kept is what is read."""
    text = kept(tmp_path / "old.json").read_text()
    assert Results.from_json(text).to_json() == text


@pytest.mark.parametrize(
    ("value", "unit", "told"),
    [
        (0.0000421, "s", "42 µs"),
        (0.0421, "s", "42.1 ms"),
        (4.21, "s", "4.21 s"),
        (421.4, "/s", "421 /s"),
        (4_210_000, "bytes", "4.21 MB"),
        (4210, "files", "4,210"),
    ],
)
def test_amounts_read_well(value: float, unit: str, told: str) -> None:
    """Each amount has the unit in which a person reads it."""
    assert amount(value, unit) == told


def test_targets_are_told_as_reached_or_missed(tmp_path: Path) -> None:
    """The table for the documentation tells both."""
    found = markdown(Results.from_json(kept(tmp_path / "new.json", put=1.05, rate=1.5).read_text()))
    assert "| put | SqliteSaver | 1.05 | ≤ 1.1 | reached |" in found
    assert "| 8 processes | SqliteSaver | 1.50 | ≥ 2 | **missed** |" in found
