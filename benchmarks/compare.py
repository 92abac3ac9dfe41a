"""`python benchmarks/compare.py old.json new.json`: flags what has become worse between two results of `--json`.

Times are compared by their ratio to SqliteSaver in the same run, or to the floor of the disk where SqliteSaver was not
measured, because two runs on one machine differ by more than most changes do. A row is worse where its ratio has grown
beyond both the tolerance and the spread of all four figures. Exact figures (bytes, files, requests, failures) are worse where
they have grown at all.

Exit codes: 0 nothing is worse, 1 something is, 2 a file cannot be read.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

if __package__ in (None, ""):  # run by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measuring import Figure, Results, UnreadableError
from benchmarks.savers import FILES, FILES_NO_FSYNC, FLOOR
from benchmarks.tables import amount, base_of

__all__ = ["compared", "main", "worse"]


def worse(old: Results, new: Results, tolerance: float) -> Iterator[str]:
    """Yield a line for each figure of ours that has become worse.

    Args:
        old: The run before.
        new: The run after.
        tolerance: By which part a ratio may grow.
    """
    for row, saver, before, after in compared(old, new):
        if before.is_exact:
            if after.median > before.median:
                told = [amount(each.median, each.unit) for each in (before, after)]
                yield f"{row}, {saver}: {told[0]} before, {told[1]} now"
            continue
        base = base_of(old.rows[row]) or FLOOR
        others = [results.rows[row].get(base) for results in (old, new)]
        if others[0] is None or others[1] is None:
            continue
        ratios = [before.median / others[0].median, after.median / others[1].median]
        growth = ratios[1] / ratios[0] if before.unit == "s" else ratios[0] / ratios[1]
        spread = sum(each.spread for each in (before, after, others[0], others[1]))
        if growth > 1 + max(tolerance, spread):
            yield f"{row}, {saver}: {ratios[0]:.2f} x {base} before, {ratios[1]:.2f} x now"


def compared(old: Results, new: Results) -> Iterator[tuple[str, str, Figure, Figure]]:
    """Yield row, saver, and both figures of what both runs have measured of FileSaver."""
    for row in old.rows.keys() & new.rows.keys():
        for saver in (FILES, FILES_NO_FSYNC):
            before, after = old.rows[row].get(saver), new.rows[row].get(saver)
            if before is not None and after is not None and before.unit == after.unit:
                yield row, saver, before, after


def main(arguments: list[str]) -> int:
    """Compare two files; see the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--tolerance", type=float, default=0.15, help="by which part a ratio may grow (default 0.15)")
    given = parser.parse_args(arguments)
    found = []
    for path in (given.old, given.new):
        try:
            found.append(Results.from_json(path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, UnreadableError) as error:
            print(f"cannot read {path}: {error}", file=sys.stderr)
            return 2
    old, new = found
    count = sum(1 for _ in compared(old, new))
    if not count:
        print("the two runs have no figure of FileSaver in common", file=sys.stderr)
        return 2
    lines = sorted(worse(old, new, given.tolerance))
    for line in lines:
        print(line)
    print(f"{len(lines)} of {count} figures are worse" if lines else f"none of {count} figures is worse")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
