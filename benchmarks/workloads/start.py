"""A new process: what importing the package adds to importing langgraph, and the first get of a thread that waits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.material import messages, put, thread
from benchmarks.measuring import Bench
from benchmarks.savers import MEMORY

__all__ = ["start"]

_IMPORT = """
import time
import langgraph.graph, langgraph.checkpoint.memory, langgraph.checkpoint.serde.jsonplus
begun = time.perf_counter()
import {module}
print(time.perf_counter() - begun)
"""

_FIRST_GET = """
import sys, time
begun = time.perf_counter()
from pathlib import Path
import langgraph.graph
from benchmarks.savers import KINDS
with KINDS[sys.argv[1]].opened(Path(sys.argv[2])) as saver:
    assert saver.get_tuple({"configurable": {"thread_id": "t"}}) is not None
print(time.perf_counter() - begun)
"""

_MODULES = {
    "FileSaver": "langgraph_filesaver",
    "SqliteSaver": "langgraph.checkpoint.sqlite",
    "ObjectStorageSaver": "langgraph_checkpoint_objectstorage",
    "PostgresSaver": "langgraph.checkpoint.postgres",
}


def start(bench: Bench) -> None:
    """Note imports and first gets, each in processes of their own, after one whose figure does not count."""
    count = bench.count(7, 1)
    for kind, folder in bench.blocks(most_rounds=1):
        if kind.name == MEMORY:
            continue
        with kind.opened(folder) as saver:
            put(saver, thread(), 0, {"messages": messages(400)})
        if kind.name in _MODULES:
            code = _IMPORT.format(module=_MODULES[kind.name])
            bench.note("import, beyond langgraph's own", kind.name, [_run(code) for _ in range(count + 1)][1:])
        seconds = [_run(_FIRST_GET, kind.name, str(folder.absolute())) for _ in range(count + 1)][1:]
        bench.note("cold start: import and first get", kind.name, seconds)


def _run(code: str, *arguments: str) -> float:
    # Bytecode is kept, as in any installation: compiling the sources is no part of a start.
    command = [sys.executable, "-c", "import sys; sys.dont_write_bytecode = False\n" + code, *arguments]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root)
    return float(done.stdout)
