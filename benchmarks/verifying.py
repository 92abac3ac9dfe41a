"""`python -m benchmarks.verifying`: how fast a store is verified, beside the least that reading and hashing its files can take.

Target: 200 MB/s on a warm cache. Two stores: one of large values, and one of small documents and chunks.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np

from benchmarks.material import chat_graph, put, thread
from langgraph_filesaver import FileSaver


def seconds_of_hashing(root: Path) -> float:
    begun = time.perf_counter()
    for path in root.rglob("*"):
        if path.is_file():
            hashlib.sha256(path.read_bytes()).digest()
    return time.perf_counter() - begun


def tell(name: str, root: Path) -> None:
    saver = FileSaver(root, read_only=True)
    saver.verify()
    floor = min(seconds_of_hashing(root) for _ in range(3))
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        report = saver.verify()
        times.append(time.perf_counter() - begun)
    best = min(times)
    tracemalloc.start()
    saver.verify()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(
        f"{name}: {report.files:,} files, {report.bytes / 1e6:.0f} MB in {best:.2f} s = {report.bytes / 1e6 / best:.0f} MB/s, "
        f"{best / floor:.2f} x reading and hashing them; peak memory {peak / 1e6:.1f} MB; sound: {report.is_sound}",
        flush=True,
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        large, small = Path(folder) / "large", Path(folder) / "small"
        saver, config = FileSaver(large, fsync=False), thread()
        for step in range(20):
            config, _ = put(saver, config, step, {"array": np.full(2_500_000, step), "text": f"{step}" * 500_000})
        tell("large values", large)
        graph = chat_graph(FileSaver(small, fsync=False))
        for number in range(10):
            for turn in range(60):
                graph.invoke({"messages": [("human", f"{turn} words " * 60)]}, thread(f"t{number}"))
        tell("chats", small)


if __name__ == "__main__":
    main()
