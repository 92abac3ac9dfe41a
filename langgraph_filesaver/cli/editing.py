"""The command `edit`: the latest state of a thread, corrected in an editor."""

from __future__ import annotations

import getpass
import os
import sys

import click

from langgraph_filesaver._editing.session import edit_in_editor, editor_of
from langgraph_filesaver.cli.call import Call, command, write_json
from langgraph_filesaver.cli.exits import Exit
from langgraph_filesaver.cli.names import namespace_option, require_thread, thread_argument
from langgraph_filesaver.cli.plans import dry_run_option, yes_option
from langgraph_filesaver.cli.screen import is_asked_here, write

__all__ = ["edit"]


@command(
    "edit",
    "Correct a state in an editor.",
    "edit research-42",
    "edit research-42 --namespace review:1f1e --dry-run",
    has_locks=True,
)
@thread_argument()
@namespace_option
@dry_run_option
@yes_option
def edit(call: Call, *, thread_id: str, checkpoint_ns: str, dry_run: bool, yes: bool) -> None:
    """Correct the latest state of a thread in $VISUAL or $EDITOR, without the graph's code.

    What was changed is shown, and asked about, before it is stored.
    """
    if not yes and not dry_run and not is_asked_here():
        raise click.UsageError(
            "nothing was done: there is no terminal to ask on. Give --yes to store what the editor leaves"
        )
    saver = call.saver()
    require_thread(saver, thread_id)
    answers = _Answers(dry_run=dry_run, yes=yes)
    stored = edit_in_editor(
        saver,
        thread_id,
        editor_command=editor_of(os.environ),
        edited_by=_user(),
        ask=answers.ask,
        show=lambda text: write(text, sys.stderr),
        checkpoint_ns=checkpoint_ns,
    )
    if answers.was_no:
        raise click.exceptions.Exit(Exit.INTERRUPTED)
    if call.is_json:
        value = {"dry_run": dry_run, "thread_id": thread_id, "checkpoint_ns": checkpoint_ns, "checkpoint_id": stored}
        write_json(value)


class _Answers:
    """Answers for a person where they have said so before, and asks them otherwise.

    Args:
        dry_run: Nothing is to be stored.
        yes: It is to be stored without a question.

    Attributes:
        was_no: Whether the person did not want to go on.
    """

    def __init__(self, *, dry_run: bool, yes: bool) -> None:
        self._stores = False if dry_run else True if yes else None
        self.was_no = False

    def ask(self, question: str) -> bool:
        """Return the answer to one of the session's two questions: to open the editor again, or to store."""
        if self._stores is not None and question.startswith("Store"):
            return self._stores
        agreed = is_asked_here() and click.confirm(question, err=True)
        self.was_no = not agreed
        return agreed


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user may have no name
        return "unknown"
