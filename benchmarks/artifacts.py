"""`python -m benchmarks.artifacts`: what large values and long lists cost on disk and in time, beside SqliteSaver.

Sizes are sums of file sizes; `du` and the number of files are printed, too. Times are medians in one run on one disk; for
arrays beside the same bytes written and read with nothing around them. `--quick` leaves out what takes minutes.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypedDict
from uuid import uuid4

import numpy as np
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.base.id import uuid6
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages

from langgraph_filesaver import Artifact, FileSaver

MESSAGE_CHARACTERS = 500
ARRAY_ITEMS = 12_500_000  # 100 MB of float64
Saver = BaseCheckpointSaver[Any]


class Chat(TypedDict):
    """The state of a chat."""

    messages: Annotated[list[AnyMessage], add_messages]


def text(number: int) -> str:
    """Return the text of a message."""
    return (f"{number} " + "What the agent said, in words of no special kind. " * MESSAGE_CHARACTERS)[
        :MESSAGE_CHARACTERS
    ]


def message(number: int) -> AnyMessage:
    """Return one message of 500 characters."""
    kind = AIMessage if number % 2 else HumanMessage
    return kind(content=text(number), id=str(uuid4()))


def put(saver: Saver, config: RunnableConfig, step: int, values: dict[str, Any], new: set[str]) -> tuple[Any, float]:
    """Put a checkpoint; return its config and the milliseconds."""
    versions: dict[str, Any] = {channel: f"{step + 1 if channel in new else 1:032}.0.5" for channel in values}
    checkpoint: Any = {
        "v": 4,
        "id": str(uuid6(clock_seq=step % 16_000)),
        "ts": "2026-11-23T01:16:50.000000+00:00",
        "channel_values": values,
        "channel_versions": versions,
        "versions_seen": {"__input__": {}, "agent": dict(versions)},
        "updated_channels": sorted(new),
    }
    begun = time.perf_counter()
    config = saver.put(
        config,
        checkpoint,
        {"source": "loop", "step": step, "parents": {}},
        {channel: versions[channel] for channel in new},
    )
    return config, (time.perf_counter() - begun) * 1000


def thread(name: str = "t") -> RunnableConfig:
    """Return the config of a thread."""
    return {"configurable": {"thread_id": name, "checkpoint_ns": ""}}


@contextmanager
def savers(root: Path) -> Iterator[dict[str, tuple[Path, Saver]]]:
    """Open both savers in folders of their own."""
    with tempfile.TemporaryDirectory(dir=root) as folder:
        files, sqlite = Path(folder, "files"), Path(folder, "sqlite")
        sqlite.mkdir()
        with SqliteSaver.from_conn_string(str(sqlite / "checkpoints.db")) as database, FileSaver(files) as saver:
            yield {"FileSaver": (files, saver), "SqliteSaver": (sqlite, database)}


def disk(folder: Path) -> str:
    """Return what a folder takes on disk, as text."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    used = subprocess.run(["du", "-sk", str(folder)], check=True, capture_output=True, text=True).stdout.split()[0]
    size = sum(path.stat().st_size for path in files) / 1e6
    return f"{size:8.2f} MB in {len(files)} files (du {int(used) / 1000:.1f} MB)"


def report(row: str, saver: str, found: str, target: str = "") -> None:
    """Print one line of the table."""
    print(f"{row:<34} {saver:<12} {found}{f'   [to reach: {target}]' if target else ''}", flush=True)


def chat(root: Path) -> None:
    """A chat of 200 turns through a compiled graph, and the list of all its checkpoints."""
    row = "200-turn chat"
    with savers(root) as both:
        seconds: dict[str, list[float]] = {}
        for name, (folder, saver) in both.items():
            builder = StateGraph(Chat)
            builder.add_node("agent", lambda state: {"messages": [message(2 * len(state["messages"]) + 1)]})
            builder.add_edge(START, "agent")
            graph = builder.compile(checkpointer=saver)
            for turn in range(200):
                graph.invoke({"messages": [message(2 * turn)]}, {"configurable": {"thread_id": "t"}})
            report(row, name, disk(folder), "6 MB" if name == "FileSaver" else "")
            seconds[name] = []
            for _ in range(5):
                begun = time.perf_counter()
                count = len(list(saver.list(thread())))
                seconds[name].append(time.perf_counter() - begun)
            median = statistics.median(seconds[name])
            report(f"list of its {count} checkpoints", name, f"{median:8.3f} s", "0.6 s" if name == "FileSaver" else "")
        ratio = statistics.median(seconds["FileSaver"]) / statistics.median(seconds["SqliteSaver"])
        report("list, FileSaver : SqliteSaver", "", f"{ratio:8.2f}")


def appended(root: Path, puts: int, target: str, *, with_sqlite: bool) -> None:
    """Messages appended two at a time by put."""
    row = f"{2 * puts} messages, {puts} puts"
    with savers(root) as both:
        for name, (folder, saver) in both.items():
            if name == "SqliteSaver" and not with_sqlite:
                continue
            config, taken = thread(), []
            messages: list[AnyMessage] = []
            for step in range(puts):
                messages = [*messages, message(2 * step), message(2 * step + 1)]
                config, milliseconds = put(saver, config, step, {"messages": messages}, {"messages"})
                taken.append(milliseconds)
            first, last = statistics.mean(taken[:50]), statistics.mean(taken[-50:])
            mine = name == "FileSaver"
            report(row, name, disk(folder), target if mine else "")
            report(
                "  first 50 puts, last 50 puts",
                name,
                f"{first:8.2f} ms, {last:.2f} ms, ratio {last / first:.1f}",
                "ratio 3" if mine and puts == 1000 else "",
            )


def image(root: Path) -> None:
    """An image of 1 MB in the first message, 40 checkpoints."""
    data = b"\x89PNG\r\n\x1a\n" + os.urandom(1_000_000 - 8)
    import base64

    block = {"type": "image", "base64": base64.b64encode(data).decode(), "mime_type": "image/png"}
    with savers(root) as both:
        for name, (folder, saver) in both.items():
            config, taken = thread(), []
            messages: list[AnyMessage] = [HumanMessage(content=[block], id=str(uuid4()))]
            for step in range(40):
                messages = [*messages, message(step)]
                config, milliseconds = put(saver, config, step, {"messages": messages}, {"messages"})
                taken.append(milliseconds)
            mine = name == "FileSaver"
            report("1 MB image, 40 checkpoints", name, disk(folder), "1.6 MB" if mine else "")
            report("  puts after the first", name, f"{statistics.median(taken[1:]):8.2f} ms", "4 ms" if mine else "")


def array(root: Path) -> None:
    """A float array of 100 MB, beside its bytes written and read."""
    values = np.random.default_rng(1).random(ARRAY_ITEMS)
    times: dict[str, list[float]] = {
        "raw write": [],
        "put": [],
        "raw read": [],
        "SHA-256": [],
        "get": [],
        "second get": [],
    }
    for at in range(5):
        with tempfile.TemporaryDirectory(dir=root) as folder:
            path = os.path.join(folder, "raw")
            times["raw write"].append(timed(partial(write, path, values)))
            times["raw read"].append(timed(partial(read, path)))
            times["SHA-256"].append(timed(partial(hashlib.sha256, values.data)))
            with FileSaver(os.path.join(folder, "files")) as saver:
                config, milliseconds = put(saver, thread(), at, {"array": values}, {"array"})
                times["put"].append(milliseconds / 1000)
            with FileSaver(os.path.join(folder, "files")) as saver:
                for which in ("get", "second get"):
                    times[which].append(timed(partial(used, saver, config)))
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    for which, beside in (
        ("put", "raw write"),
        ("SHA-256", "raw read"),
        ("get", "raw read"),
        ("second get", "raw read"),
    ):
        found = f"{medians[which] * 1000:8.1f} ms, {medians[which] / medians[beside]:.2f} x {beside} ({medians[beside] * 1000:.1f} ms)"
        report(f"100 MB float array: {which}", "FileSaver", found, "1.5 x" if which in ("put", "get") else "")
    for work in (put_array, get_array):
        grown = in_child(work, root)
        report(f"  memory of {work.__name__}", "FileSaver", f"{grown / 1e6:8.1f} MB", "100 MB")


def used(saver: Saver, config: RunnableConfig) -> Any:
    """Get the array."""
    found = saver.get_tuple(config)
    assert found is not None
    return found.checkpoint["channel_values"]["array"]


def write(path: str, values: Any) -> None:
    """Write and flush bytes."""
    with open(path, "wb") as file:
        file.write(values.data)
        file.flush()
        os.fsync(file.fileno())


def read(path: str) -> bytes:
    """Read bytes."""
    with open(path, "rb") as file:
        return file.read()


def timed(work: Callable[[], Any]) -> float:
    """Return the seconds that `work` takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def put_array(root: str) -> int:
    """Put the array; return by how many bytes the peak of memory grew."""
    values = np.random.default_rng(1).random(ARRAY_ITEMS)
    before = peak()
    put(FileSaver(os.path.join(root, "memory")), thread(), 0, {"array": values}, {"array"})
    return peak() - before


def get_array(root: str) -> int:
    """Get the array that `put_array` has put; return by how many bytes the peak of memory grew."""
    before = peak()
    used(FileSaver(os.path.join(root, "memory")), thread())
    return peak() - before


def two_gigabytes(root: str) -> int:
    """Put an Artifact of 2 GB by its path; return by how many bytes the peak of memory grew."""
    path = os.path.join(root, "two-gigabytes.bin")
    block = os.urandom(1 << 20)
    with open(path, "wb") as file:
        for _ in range(2048):
            file.write(block)
    with FileSaver(os.path.join(root, "large")) as saver:
        put(saver, thread("warm"), 0, {"file": Artifact.from_bytes(block, name="small.bin")}, {"file"})
        before = peak()
        put(saver, thread(), 0, {"file": Artifact.from_path(path)}, {"file"})
        return peak() - before


def peak() -> int:
    """Return the greatest size of this process in memory so far, in bytes; on Linux only."""
    status = Path("/proc/self/status").read_text(encoding="ascii")  # getrusage tells the parent's, if that was larger
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def in_child(work: Callable[[str], int], root: Path) -> int:
    """Return what `work` returns in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, (str(root),))


def main() -> None:
    """Run all rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where to write; by default a temporary folder")
    parser.add_argument("--quick", action="store_true", help="leave out what takes minutes")
    arguments = parser.parse_args()
    root = Path(tempfile.mkdtemp(dir=arguments.folder))
    try:
        chat(root)
        appended(root, 1000, "12 MB", with_sqlite=not arguments.quick)
        image(root)
        array(root)
        report("2 GB Artifact by path: memory", "FileSaver", f"{in_child(two_gigabytes, root) / 1e6:8.1f} MB", "16 MB")
        if not arguments.quick:
            appended(root, 10_000, "130 MB", with_sqlite=False)
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
