"""The commands `locks` and `unlock`: who has which thread, and taking one away."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from langgraph_filesaver._leases import LockInfo
from langgraph_filesaver.cli import tables
from langgraph_filesaver.cli.call import Call, command
from langgraph_filesaver.cli.names import require_thread, thread_argument
from langgraph_filesaver.cli.plans import agree, dry_run_option, yes_option
from langgraph_filesaver.cli.screen import is_narrow
from langgraph_filesaver.cli.text import ago, instant, one_line
from langgraph_filesaver.errors import CorruptDataError, NotFoundError
from langgraph_filesaver.saver import FileSaver

__all__ = ["locks", "unlock"]


@command("locks", "Who has which thread.", "locks", "locks --json | jq '.[].thread_id'", has_locks=True)
def locks(call: Call) -> None:
    """Show who has which thread for a whole run: which process, since when."""
    found = [_json(each) for each in call.saver().locks()]
    call.answer(found, lambda: tables.locks(found, is_narrow=is_narrow()) if found else "nobody has a thread")


@command(
    "unlock",
    "Take a thread away from its holder.",
    "unlock research-42",
    "unlock research-42 --dry-run",
    has_locks=True,
)
@thread_argument()
@dry_run_option
@yes_option
def unlock(call: Call, *, thread_id: str, dry_run: bool, yes: bool) -> None:
    """Take a thread away from whoever has it, and say whose it was.

    Their next put fails, and what they are just writing becomes a fork.
    """
    saver = call.saver()
    held = _holder(saver, thread_id)
    if not dry_run:
        agree(f"take thread {thread_id!r} away from", held if isinstance(held, str) else _told(held), yes=yes)
        taken = saver.break_lock(thread_id)
        if taken is None:
            raise NotFoundError(
                f"thread {thread_id!r} is free: nobody has it any more whose lease can be read", wanted=thread_id
            )
        held = taken
    verb = "would take away" if dry_run else "taken away"
    told = None if isinstance(held, str) else _json(held)
    call.answer({"dry_run": dry_run, "lock": told}, f"{verb}: {held if isinstance(held, str) else _told(held)}")


def _holder(saver: FileSaver, thread_id: str) -> LockInfo | str:
    """Return who has a thread, or what is known of a lease that cannot be read; raises NotFoundError where nobody has it."""
    try:
        found = [each for each in saver.locks() if each.thread_id == thread_id]
    except CorruptDataError as error:
        return f"somebody unknown, as {error}"  # which may be the very lease that is to go
    if not found:
        require_thread(saver, thread_id)
        raise NotFoundError(f"thread {thread_id!r} is free: nobody has it whose lease can be read", wanted=thread_id)
    return found[0]


def _json(info: LockInfo) -> dict[str, Any]:
    return {name: each.isoformat() if isinstance(each, datetime) else each for name, each in asdict(info).items()}


def _told(info: LockInfo) -> str:
    state = "over, free for the next one" if info.is_over else "held"
    return one_line(
        f"{info.thread_id}: {state}; process {info.pid} on {info.host} since {instant(info.acquired_at)}, "
        f"renewed {ago(info.renewed_at)}, expires {instant(info.expires_at)}, owner {info.owner}"
    )
