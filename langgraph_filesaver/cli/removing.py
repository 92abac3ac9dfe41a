"""The commands that copy and remove: copy, delete, prune, gc. Each tells first what it will do, and asks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta

import click

from langgraph_filesaver._collection import GarbageReport
from langgraph_filesaver.cli import tables
from langgraph_filesaver.cli.call import Call, command, repository_of
from langgraph_filesaver.cli.names import is_thread, require_thread, span, thread_argument, threads_argument
from langgraph_filesaver.cli.plans import (
    Amount,
    agree,
    all_of,
    as_json,
    counted,
    dry_run_option,
    pruned_from,
    yes_option,
)
from langgraph_filesaver.cli.screen import progress, write
from langgraph_filesaver.cli.text import one_line, size
from langgraph_filesaver.config import GRACE_SECONDS
from langgraph_filesaver.saver import FileSaver

__all__ = ["copy", "delete", "gc", "prune"]


@command(
    "copy", "Copy a thread.", "copy research-42 research-43", "copy research-42 research-43 --dry-run", has_locks=True
)
@thread_argument("source_id", "SOURCE")
@thread_argument("target_id", "TARGET")
@dry_run_option
@yes_option
def copy(call: Call, *, source_id: str, target_id: str, dry_run: bool, yes: bool) -> None:
    """Copy a thread, with all its checkpoints and their ids. A TARGET that is there keeps what it has, and is asked about."""
    if source_id == target_id:
        raise click.UsageError("SOURCE and TARGET are one thread")
    saver = call.saver()
    require_thread(saver, source_id)
    amount = all_of(saver, source_id)
    is_there = is_thread(saver, target_id)
    if is_there and not dry_run:
        both = tables.amounts([amount.to_dict(), all_of(saver, target_id).to_dict()])
        agree(f"add what {source_id!r} has to {target_id!r}, which is there already", both, yes=yes)
    if not dry_run:
        with progress("copying", amount.files) as copied:
            saver.copy_thread(source_id, target_id, progress=copied)
    told = {"dry_run": dry_run, "source": source_id, "target": target_id, "target_existed": is_there}
    verb = "would copy" if dry_run else "copied"
    where = "an existing thread, which keeps what it has" if is_there else "a new thread"
    shown = f"{verb} {source_id!r} to {target_id!r}, {where}: {counted([amount])}"
    call.answer({**told, **{name: n for name, n in amount.to_dict().items() if name != "thread_id"}}, one_line(shown))


@command(
    "delete",
    "Remove threads.",
    "delete research-42",
    "delete draft-1 draft-2 --yes",
    "delete --dry-run -- --odd-name",
    has_locks=True,
)
@threads_argument(is_required=True)
@dry_run_option
@yes_option
def delete(call: Call, *, thread_ids: tuple[str, ...], dry_run: bool, yes: bool) -> None:
    """Remove threads with all that belongs to them."""
    saver = call.saver()
    wanted = list(dict.fromkeys(thread_ids))
    for each in wanted:
        require_thread(saver, each)
    found = [all_of(saver, each) for each in wanted]
    if not dry_run:
        agree("remove for good", tables.amounts([each.to_dict() for each in found]), yes=yes)
        _carry_out(found, "deleting", "deleted", saver.delete_thread)
    _tell(call, found, "delete", "deleted", is_dry=dry_run)


@command(
    "prune", "Keep only the latest checkpoints.", "prune research-42 --dry-run", "prune --all --yes", has_locks=True
)
@threads_argument(is_required=False)
@click.option("--all", "is_all", is_flag=True, help="All threads.")
@dry_run_option
@yes_option
def prune(call: Call, *, thread_ids: tuple[str, ...], is_all: bool, dry_run: bool, yes: bool) -> None:
    """Make threads smaller: keep the latest checkpoint of each namespace and what it needs. Large values stay until `gc`."""
    if is_all == bool(thread_ids):
        raise click.UsageError("give threads, or --all")
    saver = call.saver()
    wanted = repository_of(saver).thread_ids() if is_all else list(dict.fromkeys(thread_ids))
    for each in thread_ids:
        require_thread(saver, each)
    found: list[Amount] = []
    with progress("looking", len(wanted)) as advance:
        for each in wanted:
            amount = pruned_from(saver, each)
            found += [amount] if amount.files else []
            advance()
    if found and not dry_run:
        agree("remove from their history", tables.amounts([each.to_dict() for each in found]), yes=yes)
        _carry_out(found, "pruning", "pruned", lambda thread_id: saver.prune([thread_id]))
    _tell(call, found, "prune", "pruned", is_dry=dry_run)


def _carry_out(found: list[Amount], doing: str, done: str, change: Callable[[str], None]) -> None:
    """Change one thread after another; where that ends early, by an error or Ctrl-C, tell which are changed already."""
    changed: list[Amount] = []
    try:
        with progress(doing, len(found)) as advance:
            for amount in found:
                change(amount.thread_id)
                changed.append(amount)
                advance()
    finally:
        if 0 < len(changed) < len(found):
            names = ", ".join(repr(amount.thread_id) for amount in changed)
            write(one_line(f"{done} before it ended early: {names}"), sys.stderr)


def _tell(call: Call, found: list[Amount], verb: str, done: str, *, is_dry: bool) -> None:
    value = as_json(found, is_dry=is_dry)
    if not found:
        call.answer(value, f"nothing to {verb}")
    elif is_dry:
        call.answer(value, lambda: tables.amounts([each.to_dict() for each in found]))
    else:
        call.answer(value, f"{done}: {counted(found)}")


@command(
    "gc", "Remove values that nothing refers to.", "gc --dry-run", "gc research-42 --grace 10m --yes", has_locks=True
)
@thread_argument(metavar="[THREAD]", is_required=False)
@click.option(
    "--grace",
    callback=span,
    metavar="SPAN",
    default=f"{GRACE_SECONDS:.0f}s",
    show_default=True,
    help="Keep what is younger: a node may have written it and not come to its checkpoint yet.",
)
@dry_run_option
@yes_option
def gc(call: Call, *, thread_id: str | None, grace: timedelta, dry_run: bool, yes: bool) -> None:
    """Remove large values that no checkpoint refers to any more, as `prune` leaves them.

    In an object store they go in two steps: what is found now is removed by a `gc` a grace period later.
    """
    saver = call.saver()
    if thread_id is not None:
        require_thread(saver, thread_id)
    wanted = repository_of(saver).thread_ids() if thread_id is None else [thread_id]
    found = _collected(saver, wanted, grace, is_dry=True)
    if found.files and not dry_run:
        agree("remove what nothing refers to", _told(found), yes=yes)
    if not dry_run:
        looked, found = found, _collected(saver, wanted, grace, is_dry=False)
        if found.files < looked.files and repository_of(saver).store.is_far:
            left = looked.files - found.files
            note = f"removed {_told(found)}; {left:,} more were noted and go a grace period from now"
            call.answer(asdict(found), note)
            return
    verb = "would remove" if dry_run else "removed"
    paths = "".join(f"\n  {each}" for each in found.paths) if dry_run else ""
    call.answer(asdict(found), f"{verb} {_told(found)}{paths}" if found.files else "no garbage")


def _told(report: GarbageReport) -> str:
    return f"{report.files:,} file{'s' * (report.files != 1)}, {size(report.bytes)}"


def _collected(saver: FileSaver, thread_ids: list[str], grace: timedelta, *, is_dry: bool) -> GarbageReport:
    reports = []
    with progress("looking" if is_dry else "removing", len(thread_ids)) as advance:
        for each in thread_ids:
            reports.append(saver.collect_garbage(each, dry_run=is_dry, grace_seconds=grace.total_seconds()))
            advance()
    return GarbageReport(
        dry_run=is_dry,
        files=sum(each.files for each in reports),
        bytes=sum(each.bytes for each in reports),
        paths=tuple(path for each in reports for path in each.paths),
    )
