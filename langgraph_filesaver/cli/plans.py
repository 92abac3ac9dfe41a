"""What a command is about to remove, told before it is: how many checkpoints, files and bytes of which thread.

Counts what is there and asks the pure planner (`_retention`); changes nothing. Asking is here, too: whoever destroys something
has shown what, and somebody has agreed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import click
from rich.table import Table

from langgraph_filesaver import _layout as layout
from langgraph_filesaver import _maintenance as maintenance
from langgraph_filesaver import _retention as retention
from langgraph_filesaver._codec import Codec
from langgraph_filesaver.cli.call import repository_of
from langgraph_filesaver.cli.exits import Exit
from langgraph_filesaver.cli.screen import is_asked_here, write, write_table
from langgraph_filesaver.cli.text import one_line, size
from langgraph_filesaver.saver import FileSaver

__all__ = ["Amount", "agree", "all_of", "as_json", "counted", "dry_run_option", "many", "pruned_from", "yes_option"]

dry_run_option = click.option("--dry-run", is_flag=True, help="Only show what would be done.")
yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask.")


@dataclass(frozen=True, slots=True)
class Amount:
    """How much of a thread is concerned.

    Attributes:
        thread_id: The thread.
        checkpoints: How many checkpoints.
        files: How many files, with theirs.
        bytes: Their size.
    """

    thread_id: str
    checkpoints: int
    files: int
    bytes: int

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


def all_of(saver: FileSaver, thread_id: str) -> Amount:
    """Return how much there is of a thread; nothing is read, so that a damaged one can be counted, too."""
    folder = layout.thread_folder(thread_id)
    sizes = {each.key: each.bytes for each in repository_of(saver).store.tree(folder)}
    checkpoints = sum(each.startswith(f"{folder}/checkpoints/") for each in sizes)
    return Amount(thread_id, checkpoints, len(sizes), sum(sizes.values()))


def pruned_from(saver: FileSaver, thread_id: str) -> Amount:
    """Return how much `prune` would remove from a thread as it is now.

    Raises:
        CorruptDataError: A file of the thread cannot be read, so that nothing can be planned.
    """
    repository, folder = repository_of(saver), layout.thread_folder(thread_id)
    facts = maintenance.survey(repository, Codec(saver.serde), thread_id)
    plan = retention.keep_latest(facts)
    gone = set(plan.remove)
    keys = {layout.checkpoint_key(thread_id, *place) for place in plan.remove}
    keys |= {*plan.remove_writes, *(each.key for each in facts.writes if each.place in gone)}
    sizes = {each.key: each.bytes for each in repository.store.tree(folder) if each.key in keys}
    return Amount(thread_id, len(plan.remove), len(sizes), sum(sizes.values()))


def as_json(found: Iterable[Amount], *, is_dry: bool) -> dict[str, Any]:
    """Return what is or would be removed as JSON."""
    each = [amount.to_dict() for amount in found]
    total = {name: sum(amount[name] for amount in each) for name in ("checkpoints", "files", "bytes")}
    return {"dry_run": is_dry, "threads": each, **total}


def counted(found: Sequence[Amount]) -> str:
    """Return the sum in words."""
    checkpoints, files = sum(each.checkpoints for each in found), sum(each.files for each in found)
    told = (many(len(found), "thread"), many(checkpoints, "checkpoint"), many(files, "file"))
    return f"{', '.join(told)}, {size(sum(each.bytes for each in found))}"


def many(count: int, noun: str) -> str:
    """Return a number of things in words."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def agree(intent: str, shown: Table | str | None, *, yes: bool) -> None:
    """Show what is about to be done, on standard error, and return only where somebody has agreed to it.

    Args:
        intent: What is about to be done, as a sentence without its end.
        shown: The details.
        yes: Whether that was agreed to before.

    Raises:
        click.UsageError: There is nobody to ask.
        click.exceptions.Exit: The answer was no.
    """
    if yes:
        return
    write(one_line(intent) + ":" * (shown is not None), sys.stderr)
    if isinstance(shown, Table):
        write_table(shown, sys.stderr)
    elif shown is not None:
        write(shown, sys.stderr)
    if not is_asked_here():
        raise click.UsageError("nothing was done: there is no terminal to ask on. Look with --dry-run, then give --yes")
    if not click.confirm("Go on?", err=True):
        write("nothing was done", sys.stderr)
        raise click.exceptions.Exit(Exit.INTERRUPTED)
