"""The command `locks`: who has which thread of a store, and taking it away from them. Thin: calls the saver and prints."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import datetime, timezone

from langgraph_filesaver._leases import LockInfo
from langgraph_filesaver.errors import FileSaverError
from langgraph_filesaver.saver import FileSaver

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("root", help="the folder that was given to FileSaver")
    parser.add_argument(
        "--break",
        dest="broken",
        metavar="THREAD",
        help="take this thread away from whoever has it: their next put fails, and what they are just writing becomes a fork",
    )
    parser.add_argument(
        "--lock",
        choices=("auto", "native", "soft"),
        default="auto",
        help="the kind of lock files, if FileSaver was given one: all who use the folder must use the same (default: auto)",
    )


def run(given: argparse.Namespace) -> int:
    """List the leases, or break one; return the exit code: 1 where there was nothing to break, or an error."""
    try:
        if not os.path.isdir(os.path.expanduser(given.root)):
            sys.stderr.write(f"{given.root} is no folder: give the one that was given to FileSaver\n")
            return 1
        with FileSaver(given.root, lock=given.lock) as saver:
            if given.broken is not None:
                return _break(saver, given.broken)
            found = saver.locks()
    except FileSaverError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("".join(f"{_line(each)}\n" for each in found) or "nobody has a thread\n")
    return 0


def _break(saver: FileSaver, thread_id: str) -> int:
    info = saver.break_lock(thread_id)
    if info is None:
        sys.stderr.write(f"thread {thread_id!r} is free: nobody had it whose lease can be read\n")
        return 1
    sys.stdout.write(f"taken away: {_line(info)}\n")
    return 0


def _line(info: LockInfo) -> str:
    state = "over, free for the next one" if info.is_over else "held"
    return (
        f"{info.thread_id}: {state}; process {info.pid} on {info.host} since {_told(info.acquired_at)}, "
        f"renewed {_ago(info.renewed_at)} ago, expires {_told(info.expires_at)}, owner {info.owner}"
    )


def _told(instant: datetime) -> str:
    return instant.astimezone().isoformat(sep=" ", timespec="seconds")


def _ago(instant: datetime) -> str:
    return f"{(datetime.now(timezone.utc) - instant).total_seconds():.0f} s"
