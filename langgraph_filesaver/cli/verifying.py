"""The commands verify and repair: what is damaged, and out of the way with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from langgraph_filesaver import _layout as layout
from langgraph_filesaver.cli.call import Call, command, repository_of
from langgraph_filesaver.cli.exits import Exit
from langgraph_filesaver.cli.names import require_thread, thread_argument
from langgraph_filesaver.cli.plans import agree, dry_run_option, many, yes_option
from langgraph_filesaver.cli.screen import progress
from langgraph_filesaver.cli.text import one_line, size

if TYPE_CHECKING:
    from langgraph_filesaver._verification import RepairReport, VerifyReport

__all__ = ["repair", "verify"]


@command("verify", "Tell what is damaged, missing or edited.", "verify", "verify research-42 --json")
@thread_argument(metavar="[THREAD]", is_required=False)
def verify(call: Call, *, thread_id: str | None) -> None:
    """Read every file, and tell what is damaged or missing, what was edited by hand, and what is not ours.

    It changes nothing, and may run while agents do. It ends with 3 where something is damaged or missing, else with 0.
    """
    saver = call.saver()
    if thread_id is not None and not repository_of(saver).store.list(layout.thread_folder(thread_id)):
        require_thread(saver, thread_id)
    with progress("verifying", None) as advance:
        report = saver.verify(thread_id, progress=advance)
    call.answer(report.to_dict(), lambda: _told(report))
    if not report.is_sound:
        click.get_current_context().exit(Exit.DAMAGED)


def _told(report: VerifyReport) -> str:
    lines = [f"{each.kind:9} {each.key}: {each.reason}" for each in report.findings]
    counts = {
        kind: sum(each.kind == kind for each in report.findings)
        for kind in dict.fromkeys(each.kind for each in report.findings)
    }
    found = ", ".join(f"{count:,} {kind}" for kind, count in counts.items()) or "nothing to tell"
    state = "sound" if report.is_sound else "DAMAGED"
    lines.append(
        f"{state}: {many(report.threads, 'thread')}, {many(report.files, 'file')}, {size(report.bytes)}; {found}"
    )
    return "\n".join(map(one_line, lines))


@command(
    "repair",
    "Take what is damaged out of the way.",
    "repair research-42 --dry-run",
    "repair research-42 --yes",
    has_locks=True,
)
@thread_argument()
@click.option(
    "--reparent",
    type=click.Choice(("none", "nearest")),
    default="none",
    show_default=True,
    help="The parent of checkpoints whose own goes: none, or the nearest before it that stays, as far as the damaged files tell.",
)
@dry_run_option
@yes_option
def repair(call: Call, *, thread_id: str, reparent: Literal["none", "nearest"], dry_run: bool, yes: bool) -> None:
    """Move the damaged files of a thread into .quarantine, so that the rest goes on, and tell what it has lost.

    Nothing is removed. It ends with 3 where something cannot be mended.
    """
    saver = call.saver()
    if not repository_of(saver).store.list(layout.thread_folder(thread_id)):
        require_thread(saver, thread_id)
    report = saver.repair(thread_id, dry_run=True, reparent=reparent)
    if not dry_run and (report.quarantined or report.reparented):
        agree("take out of the way", _repaired(report), yes=yes)
        report = saver.repair(thread_id, dry_run=False, reparent=reparent)
    call.answer(report.to_dict(), lambda: _repaired(report))
    if report.left:
        click.get_current_context().exit(Exit.DAMAGED)


def _repaired(report: RepairReport) -> str:
    if not (report.quarantined or report.reparented or report.left):
        return "sound: nothing to repair"
    verb = "would lose" if report.dry_run else "lost"
    lines = [f"{verb} {each}" for each in report.lost]
    lines += [f"new parent of {key}: {parent}" for key, parent in report.reparented]
    lines += [f"left {each.key}: {each.reason}" for each in report.left]
    lines += [f"the files are in {report.quarantine}"] if report.quarantine else []
    return "\n".join(map(one_line, lines))
