"""The command line of the demo: arguments in, exit code out.

0: everything was verified. 1: something the demo claims is not so. 2: it could not begin.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence

from langgraph_filesaver.demo.documents import DocumentsError, find, shipped_folder
from langgraph_filesaver.demo.page import Page
from langgraph_filesaver.demo.processes import WORKER, WorkerError
from langgraph_filesaver.demo.story import Story, StoryError
from langgraph_filesaver.errors import FileSaverError

__all__ = ["main", "run"]


def main(arguments: Sequence[str]) -> int:
    """Run the demo with what was given after `demo`, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="langgraph-filesaver demo",
        description="An agent digests text files, is killed while a node runs, is resumed in a new process, asks for "
        "approval and writes its report. Exit code 0 only if every claim made on the way was verified.",
        epilog="Example: langgraph-filesaver demo ~/notes --root ./demo-checkpoints",
    )
    parser.add_argument("folder", nargs="?", metavar="FOLDER", help="read its .md and .txt files (default: our docs)")
    parser.add_argument(
        "--root", metavar="DIR", help="work in this folder and leave everything there (default: a temporary one)"
    )
    parser.add_argument("--keep", action="store_true", help="do not remove the temporary folder")
    parser.add_argument("--json", action="store_true", help="answer with JSON, and tell the story on standard error")
    try:
        given = parser.parse_args(arguments)
    except SystemExit as end:  # the help, or wrong usage: both were told
        return end.code if isinstance(end.code, int) else 0
    if not given.json:
        return run(given)
    with contextlib.redirect_stdout(sys.stderr):
        code = run(given)
    sys.stdout.write(json.dumps({"verified": code == 0, "root": given.root}) + "\n")
    return code


def run(given: argparse.Namespace, *, worker: Sequence[str] = WORKER, timeout_seconds: float = 120.0) -> int:
    """Run the demo and return the exit code; `worker` is the command that starts a worker process."""
    page = Page(sys.stdout)
    temporary = None
    try:
        found = find(shipped_folder() if given.folder is None else given.folder)
        if given.root is None:
            workspace = temporary = tempfile.mkdtemp(prefix="langgraph-filesaver-demo-")
        else:
            workspace = os.path.abspath(os.path.expanduser(given.root))
            os.makedirs(workspace, exist_ok=True)
        Story(found, workspace, page, worker, timeout_seconds).tell()
    except (StoryError, WorkerError) as error:
        sys.stdout.flush()
        sys.stderr.write(f"NOT VERIFIED: {error}\n")
        return 1
    except (DocumentsError, FileSaverError, OSError) as error:
        sys.stdout.flush()
        sys.stderr.write(f"demo: {error}\n")
        return 2
    else:
        if temporary is None or given.keep:
            page.line(f"    Everything is in {workspace}")
        return 0
    finally:
        if temporary is not None and not given.keep:
            shutil.rmtree(temporary, ignore_errors=True)
