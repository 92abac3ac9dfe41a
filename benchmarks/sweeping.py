"""`python -m benchmarks.sweeping`: what a sweep of many threads costs when nothing is due. Target: 10,000 threads in 10 s."""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from benchmarks.inspection import fill
from langgraph_filesaver import FileSaver


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=10_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "agents"
        fill(root, 10)
        for number in range(given.threads - 10):  # a copied folder is a thread
            shutil.copytree(root / "thread-00001", root / f"copy-{number:05}")
        for _ in range(3):
            begun = time.perf_counter()
            report = FileSaver(root, fsync=False, ttl=timedelta(days=30)).sweep()
            seconds = time.perf_counter() - begun
            print(f"{report.threads:,} threads, none due: {seconds:.2f} s, swept {len(report.swept)}", flush=True)


if __name__ == "__main__":
    main()
