"""The commands that only look: threads, show, history, diff, tree, writes."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice

import click

from langgraph_filesaver.cli import tables
from langgraph_filesaver.cli.call import Call, command
from langgraph_filesaver.cli.names import (
    checkpoint_option,
    exact_checkpoint,
    looked_at,
    namespace_option,
    span,
    thread_argument,
)
from langgraph_filesaver.cli.screen import is_narrow, progress
from langgraph_filesaver.errors import CorruptDataError

__all__ = ["diff", "history", "show", "threads", "tree", "writes"]

_STATUSES = ("running", "interrupted", "failed", "pending", "done", "unknown")

_limit_option = click.option("--limit", type=click.IntRange(min=0), metavar="N", help="At most this many.")


@command(
    "threads",
    "Where each thread stands.",
    "threads",
    "threads --status interrupted --status failed --older-than 7d --limit 20",
)
@click.option(
    "--status", "statuses", type=click.Choice(_STATUSES), multiple=True, help="Of this status; may be repeated."
)
@click.option("--older-than", callback=span, metavar="SPAN", help="Changed longer ago than this: 7d, 12h, 30m.")
@_limit_option
def threads(call: Call, *, statuses: tuple[str, ...], older_than: timedelta | None, limit: int | None) -> None:
    """Show where each thread stands, the one that was changed last first."""
    with progress("looking", None) as looked:
        found = (
            call.saver().threads(status=statuses or None, older_than=older_than, limit=limit, progress=looked).to_dict()
        )
    call.answer(found, lambda: tables.threads(found, is_narrow=is_narrow()) if found else "no threads")
    damage = [each["damage"] for each in found if each["damage"]]
    if damage:
        raise CorruptDataError("; ".join(damage))


@command(
    "show",
    "What a thread knows.",
    "show research-42",
    "show research-42 --checkpoint 1f1e712e-fde2",
    "show research-42 --json | jq .values",
)
@thread_argument()
@checkpoint_option
@namespace_option
def show(call: Call, *, thread_id: str, checkpoint: str | None, checkpoint_ns: str) -> None:
    """Show what a thread knows, or knew at a checkpoint, where it stands and what is next."""
    thread = looked_at(call.saver(), thread_id, checkpoint_ns)
    state = thread.state(exact_checkpoint(thread, checkpoint, checkpoint_ns), checkpoint_ns=checkpoint_ns)
    call.answer(state.to_dict(), lambda: repr(state))


@command("history", "The steps of a thread.", "history research-42 --limit 10")
@thread_argument()
@_limit_option
@namespace_option
def history(call: Call, *, thread_id: str, limit: int | None, checkpoint_ns: str) -> None:
    """Show the steps of a thread, the newest first. The ids that are shown are enough for --checkpoint."""
    steps = looked_at(call.saver(), thread_id, checkpoint_ns).history(checkpoint_ns=checkpoint_ns)
    found = [each.to_dict() for each in islice(steps, limit)]
    call.answer(found, lambda: tables.history(found, steps.ids))


@command(
    "diff", "What changed between two checkpoints.", "diff research-42", "diff research-42 1f1e712e-fdb4 1f1e712e-fde2"
)
@thread_argument()
@click.argument("old", required=False, metavar="[OLD]")
@click.argument("new", required=False, metavar="[NEW]")
@namespace_option
def diff(call: Call, *, thread_id: str, old: str | None, new: str | None, checkpoint_ns: str) -> None:
    """Show what changed from one checkpoint to another: from OLD, or the parent of NEW, to NEW, or the latest."""
    thread = looked_at(call.saver(), thread_id, checkpoint_ns)
    old_id, new_id = (exact_checkpoint(thread, each, checkpoint_ns) for each in (old, new))
    found = thread.diff(old_id, new_id, checkpoint_ns=checkpoint_ns)
    call.answer(found.to_dict(), lambda: repr(found))


@command("tree", "Forks, and what time travel made.", "tree research-42", "tree research-42 --mermaid > tree.mmd")
@thread_argument()
@click.option("--mermaid", "is_mermaid", is_flag=True, help="As a Mermaid diagram, which GitHub and Jupyter draw.")
@namespace_option
def tree(call: Call, *, thread_id: str, is_mermaid: bool, checkpoint_ns: str) -> None:
    """Show which checkpoint was made from which: forks, and what time travel made."""
    found = looked_at(call.saver(), thread_id, checkpoint_ns).tree(checkpoint_ns=checkpoint_ns)
    call.answer(found.to_dict(), lambda: found.to_mermaid() if is_mermaid else repr(found))


@command(
    "writes", "What unfinished steps have brought.", "writes research-42", "writes research-42 --json | jq '.[].value'"
)
@thread_argument()
@checkpoint_option
@namespace_option
def writes(call: Call, *, thread_id: str, checkpoint: str | None, checkpoint_ns: str) -> None:
    """Show what the tasks that started from a checkpoint have brought so far: results, questions, errors."""
    thread = looked_at(call.saver(), thread_id, checkpoint_ns)
    found = thread.writes(exact_checkpoint(thread, checkpoint, checkpoint_ns), checkpoint_ns=checkpoint_ns).to_dict()
    call.answer(found, lambda: tables.writes(found) if found else "no pending writes")
