"""10,000 threads: the latest of one, and where each of them stands."""

from __future__ import annotations

from benchmarks.material import latest_of, put, thread
from benchmarks.measuring import Bench, timed
from langgraph_filesaver import FileSaver

__all__ = ["threads"]


def threads(bench: Bench) -> None:
    """Note the latest of one thread among many, for all savers; summaries of them, which only FileSaver gives."""
    count, calls = bench.count(10_000, 20), bench.count(200, 3)
    for kind, folder in bench.blocks(lambda kind: kind.is_sync, most_rounds=1):
        with kind.opened(folder) as saver:
            for number in range(count):
                put(saver, thread(f"thread-{number:05}"), 0, {"question": f"topic {number}", "answer": "found " * 50})
            latest = latest_of(f"thread-{count // 2:05}")
            seconds = [timed(saver.get_tuple, latest) for _ in range(calls)]
            bench.note("latest of one of 10,000 threads", kind.name, seconds)
            if isinstance(saver, FileSaver):
                for row, limit in (
                    ("summaries: first page of 50 of 10,000 threads", 50),
                    ("summaries of 10,000 threads", None),
                ):
                    seconds = [timed(saver.threads, limit=limit) for _ in range(3)]
                    bench.note(row, kind.name, seconds)
