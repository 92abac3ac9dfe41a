"""What importing the package brings along: a run on a local folder pays for nothing that only tools and far stores need."""

from __future__ import annotations

import subprocess
import sys

import pytest

_LISTED = """
import langgraph.graph, langgraph.checkpoint.memory, sys
before = set(sys.modules)
import langgraph_filesaver
langgraph_filesaver.FileSaver(sys.argv[1])
print(*sorted(set(sys.modules) - before), sep="\\n")
"""


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What a new process has imported once it has made a saver for a local folder."""
    root = tmp_path_factory.mktemp("root")
    done = subprocess.run([sys.executable, "-c", _LISTED, str(root)], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module",
    [
        "fsspec",
        "langgraph_filesaver._store.remote",
        "langgraph_filesaver.inspection",
        "langgraph_filesaver._editing",
        "langgraph_filesaver._maintenance",
        "langgraph_filesaver._retention",
        "langgraph_filesaver._sweeping",
        "langgraph_filesaver._verification",
        "langgraph_filesaver._crypt.sealing",
        "cryptography",
        "langgraph_filesaver.cli",
        "numpy",
        "pandas",
        "polars",
        "click",
        "rich",
    ],
)
def test_a_local_saver_imports_no_more_than_it_needs(imported: set[str], module: str) -> None:
    """Tools, far stores and the libraries behind them are imported when they are used."""
    assert "langgraph_filesaver.saver" in imported
    assert module not in imported
