"""The commands `push` and `pull`: bring a mirror, or the folder, up to date. Thin: calls the saver and prints."""

from __future__ import annotations

import argparse
import json
import sys

from langgraph_filesaver.errors import FileSaverError
from langgraph_filesaver.saver import FileSaver

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what both commands take."""
    parser.add_argument("root", help="the folder that was given to FileSaver")
    parser.add_argument("mirror", help="the URL of the mirror, such as s3://bucket/agents")
    parser.add_argument(
        "--thread", dest="threads", metavar="ID", action="append", help="this thread only; may be repeated"
    )
    parser.add_argument(
        "--options",
        metavar="JSON",
        type=json.loads,
        default={},
        help="what fsspec is to make the filesystem of the URL with",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="push: threads that another folder mirrors, too; pull: files that differ, too",
    )


def run(given: argparse.Namespace) -> int:
    """Copy what is missing, telling each file; return the exit code, 1 after an error."""
    copied = 0

    def told(key: str, size: int) -> None:
        nonlocal copied
        copied += 1
        sys.stderr.write(f"{copied}: {key} ({size} bytes)\n")

    try:
        with FileSaver(given.root, mirror=given.mirror, mirror_options=given.options) as saver:
            copy = saver.push if given.command == "push" else saver.pull
            report = copy(given.threads, progress=told, overwrite=given.overwrite)
    except (FileSaverError, ImportError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{report.threads} threads compared, {report.files} files copied, {report.bytes} bytes\n")
    return 0
