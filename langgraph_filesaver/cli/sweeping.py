"""The commands for what has expired: sweep, and restore, which brings a thread back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from langgraph_filesaver.cli.call import Call, command, repository_of
from langgraph_filesaver.cli.exits import Exit
from langgraph_filesaver.cli.names import span, thread_argument
from langgraph_filesaver.cli.plans import agree, dry_run_option, many, yes_option
from langgraph_filesaver.cli.screen import progress
from langgraph_filesaver.cli.text import one_line, size
from langgraph_filesaver.config import TRASH_GRACE

if TYPE_CHECKING:
    from langgraph_filesaver._sweeping import SweepReport

__all__ = ["restore", "sweep"]

_COUNT = click.IntRange(min=1)
_PLANNED = {"deleted": "would delete", "trashed": "would move to the trash", "pruned": "would prune"}


@command(
    "sweep",
    "Remove what has expired.",
    "sweep --ttl 30d --dry-run",
    "sweep --ttl 30d --trash --yes --json",
    "sweep --keep-last 20 --yes",
    has_locks=True,
)
@click.option(
    "--ttl",
    callback=span,
    metavar="SPAN",
    help="How long a thread is kept after its last use, unless it says so itself.",
)
@click.option(
    "--include-unfinished", is_flag=True, help="Also threads that wait, have failed, or are not known to be done."
)
@click.option("--keep-last", type=_COUNT, metavar="N", help="Of threads that stay, keep the last N checkpoints.")
@click.option(
    "--older-than", callback=span, metavar="SPAN", help="Of threads that stay, keep checkpoints that are younger."
)
@click.option(
    "--keep-per-run", type=_COUNT, metavar="N", help="Of threads that stay, keep the last N checkpoints of each run."
)
@click.option("--trash", is_flag=True, help="Move threads out of sight, for `restore` to bring them back.")
@click.option(
    "--grace",
    callback=span,
    metavar="SPAN",
    default=f"{TRASH_GRACE.days}d",
    show_default=True,
    help="How long they stay there.",
)
@dry_run_option
@yes_option
def sweep(
    call: Call,
    *,
    ttl: timedelta | None,
    include_unfinished: bool,
    keep_last: int | None,
    older_than: timedelta | None,
    keep_per_run: int | None,
    trash: bool,
    grace: timedelta,
    dry_run: bool,
    yes: bool,
) -> None:
    """Remove threads whose time is over, whole, and checkpoints that none of the policies given keeps.

    Made for cron: with --yes it asks nothing, and where another process sweeps already it does nothing and ends well. It ends
    with 4 if a thread could not be swept.
    """
    saver = call.saver()
    total = len(repository_of(saver).thread_ids())

    def made(told: str, *, is_dry: bool) -> SweepReport:
        with progress(told, total) as advance:
            return saver.sweep(
                dry_run=is_dry,
                ttl=ttl,
                include_unfinished=include_unfinished,
                keep_last=keep_last,
                older_than=older_than,
                keep_per_run=keep_per_run,
                trash=trash,
                trash_grace=grace,
                progress=advance,
            )

    if not (dry_run or yes):
        planned = made("looking", is_dry=True)
        if planned.swept or planned.emptied:
            agree("remove what has expired", _told(planned), yes=yes)
    report = made("looking" if dry_run else "sweeping", is_dry=dry_run)
    call.answer(report.to_dict(), lambda: _told(report))
    if report.failed:
        click.get_current_context().exit(Exit.STORAGE)


def _told(report: SweepReport) -> str:
    if report.is_busy:
        return "another process is sweeping: nothing was done"
    lines = [
        f"{_PLANNED[each.action] if report.dry_run else each.action} {each.thread_id!r}: {each.reason}; {each.files:,} files, {size(each.bytes)}"
        for each in report.swept
    ]
    lines += [f"  {each.checkpoint_id} {each.reason}" for thread in report.swept for each in thread.kept]
    lines += [f"stays {each.thread_id!r}: {each.reason}" for each in report.skipped]
    lines += [f"failed {each.thread_id!r}: {each.reason}" for each in report.failed]
    verb = "would go" if report.dry_run else "gone"
    emptied = f"; out of the trash: {report.emptied:,}" if report.emptied else ""
    lines.append(f"{many(report.threads, 'thread')}; {verb}: {report.files:,} files, {size(report.bytes)}{emptied}")
    return "\n".join(map(one_line, lines))


@command("restore", "Bring a thread back from the trash.", "restore research-42", has_locks=True)
@thread_argument()
@dry_run_option
def restore(call: Call, *, thread_id: str, dry_run: bool) -> None:
    """Bring back a thread that `sweep --trash` has moved out of sight."""
    call.saver().restore(thread_id, dry_run=dry_run)
    told = f"{'would restore' if dry_run else 'restored'} {thread_id!r}"
    call.answer({"dry_run": dry_run, "thread_id": thread_id}, one_line(told))
