"""Runs the demo as a user does: as a process of its own, in a folder that is not the project's."""

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["run_demo", "write_documents"]


def run_demo(cwd: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run `python -m langgraph_filesaver demo` with temporary files in `cwd`/tmp."""
    temporary = cwd / "tmp"
    temporary.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "langgraph_filesaver", "demo", *arguments],
        cwd=cwd,
        env={**os.environ, "TMPDIR": str(temporary), "PYTHONIOENCODING": "utf-8", **environment},
        capture_output=True,
        encoding="utf-8",
        timeout=240,
        check=False,
    )


def write_documents(folder: Path) -> Path:
    """Fill a folder with three documents, one of them in a folder of its own."""
    (folder / "deep").mkdir(parents=True)
    (folder / "a.md").write_text("# On storks\n\nStorks build their nests on chimneys. Chimneys are warm.\n", "utf-8")
    (folder / "b.txt").write_text("One two three four five.\nSix seven.\n", "utf-8")
    (folder / "deep" / "c.md").write_text(
        "# Ünï\r\n\r\n```\r\n# no heading\r\n```\r\n## Two\r\n\r\nWords, more words.\r\n", "utf-8", newline=""
    )
    return folder
