"""`python -m benchmarks`: FileSaver beside the savers that people use today, in one run, on the disk of this folder.

Quote ratios, not milliseconds: another machine gives other ones.
"""

from __future__ import annotations

import argparse
import difflib
import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Collection, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from benchmarks.measuring import Bench, Results, UnreadableError
from benchmarks.plot import draw
from benchmarks.savers import KINDS, Kind
from benchmarks.tables import markdown, ratios_table, terminal
from benchmarks.workloads import LONG, WORKLOADS
from langgraph_filesaver._store.mounts import file_system_of, has_journal

__all__ = ["main"]

_PACKAGES = (
    "langgraph",
    "langgraph-checkpoint",
    "langchain-core",
    "langgraph-filesaver",
    "langgraph-checkpoint-sqlite",
    "langgraph-checkpoint-objectstorage",
    "langgraph-checkpoint-postgres",
    "orjson",
)


def main(arguments: Sequence[str]) -> int:
    """Run the workloads that were asked for; return the exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.show is not None:
        return _show(given)
    workloads = _chosen(parser, "workload", given.only, WORKLOADS, left_out=LONG)
    wanted = _chosen(parser, "saver", given.savers, KINDS)
    kinds = []
    for kind in (KINDS[name] for name in wanted):
        missing = kind.missing()
        if missing is None:
            kinds.append(kind)
        else:
            print(f"left out: {kind.name}, for {missing}", flush=True)
    results = _run(given, workloads, kinds)
    _tell(given, results)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", help=_help_of_only())
    parser.add_argument("--savers", help=f"savers, with semicolons between them: {'; '.join(KINDS)}")
    parser.add_argument("--json", type=Path, help="keep all figures in this file")
    parser.add_argument("--folder", type=Path, default=Path(), help="the disk to measure (default: of this folder)")
    parser.add_argument("--rounds", type=int, default=5, help="blocks of each saver at the most (default 5)")
    parser.add_argument(
        "--quick", action="store_true", help="only try whether everything works; the figures mean nothing"
    )
    parser.add_argument("--plot", type=Path, help="draw the ratios into this .svg or .png")
    parser.add_argument("--markdown", action="store_true", help="print the tables for the documentation, too")
    parser.add_argument("--show", type=Path, metavar="JSON", help="measure nothing: tell what this file holds")
    return parser


def _help_of_only() -> str:
    usual = ", ".join(name for name in WORKLOADS if name not in LONG)
    return f"workloads, with commas between them: {usual}; and, where asked for, {', '.join(sorted(LONG))}"


def _chosen(
    parser: argparse.ArgumentParser,
    what: str,
    given: str | None,
    known: Collection[str],
    left_out: Collection[str] = (),
) -> list[str]:
    """Return the names that were asked for, in the order in which they are known; an unknown one ends the program.

    Where nothing was asked for, all but those `left_out`.
    """
    if given is None:
        return [name for name in known if name not in left_out]
    wanted = [name.strip() for name in given.split(";" if what == "saver" else ",") if name.strip()]
    for name in wanted:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or list(known)
            parser.error(f"there is no {what} {name!r}: did you mean {' or '.join(map(repr, near))}?")
    return [name for name in known if name in wanted]


def _run(given: argparse.Namespace, workloads: Sequence[str], kinds: Sequence[Kind]) -> Results:
    given.folder.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="benchmark-", dir=given.folder))
    bench = Bench(kinds, folder, given.rounds, is_quick=given.quick)
    bench.results.about = _about(folder)
    try:
        for name in workloads:
            print(f"{name} …", end=" ", flush=True)
            with bench.workload(name):
                WORKLOADS[name](bench)
            print(f"{bench.results.seconds[name]:.0f} s", flush=True)
    finally:
        shutil.rmtree(folder)
    return bench.results


def _tell(given: argparse.Namespace, results: Results) -> None:
    for line in terminal(results):
        print(line)
    if given.markdown:
        print(f"\n{markdown(results)}\n{ratios_table(results)}")
    if given.json is not None:
        given.json.write_text(results.to_json(), encoding="utf-8")
    if given.plot is not None:
        draw(results, given.plot)


def _show(given: argparse.Namespace) -> int:
    try:
        results = Results.from_json(given.show.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, UnreadableError) as error:
        print(f"cannot read {given.show}: {error}", file=sys.stderr)
        return 2
    given.json = None
    _tell(given, results)
    return 0


def _about(folder: Path) -> dict[str, Any]:
    """Return what the figures were taken on and with."""
    kind = file_system_of(str(folder))
    return {
        "at": datetime.fromtimestamp(time.time(), timezone.utc).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "cores": os.cpu_count(),
        "file_system": kind,
        "has_journal": has_journal(str(folder)) if kind == "ext4" else None,
        "packages": {name: _version(name) for name in _PACKAGES},
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
