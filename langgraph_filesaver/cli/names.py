"""What a person calls things by: threads, checkpoints, spans of time. Nothing is guessed: a name is the name, or told to be none.

A checkpoint may be given by the beginning of its id where only one begins so; a thread never, for `delete research-4` must not
mean `research-42`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import click
from click.shell_completion import CompletionItem

from langgraph_filesaver import _layout as layout
from langgraph_filesaver.cli.call import Call, repository_of, root_of
from langgraph_filesaver.errors import FileSaverError, NotFoundError
from langgraph_filesaver.inspection import Thread
from langgraph_filesaver.saver import FileSaver

__all__ = [
    "checkpoint_option",
    "completions",
    "exact_checkpoint",
    "is_thread",
    "looked_at",
    "namespace_option",
    "require_thread",
    "span",
    "thread_argument",
    "threads_argument",
]

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_LITERAL = re.compile(r"\w[\w.,@%+/-]*")
"""What every shell takes as it stands. A shell puts a completion into the line unquoted: in `x$(…)` it would run what the
dots stand for, and who chose the id is perhaps a stranger."""

_SPAN = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def span(context: click.Context, parameter: click.Parameter, given: str | None) -> timedelta | None:  # noqa: ARG001 click's
    """Read the span of time that an option was given, such as `7d`; raises click.BadParameter where it is none."""
    if given is None:
        return None
    found = _SPAN.fullmatch(given)
    if found is None:
        raise click.BadParameter(f"{given!r} is no span of time: give one such as 7d, 12h, 30m or 90s")
    try:
        return timedelta(seconds=float(found[1]) * _SECONDS[found[2]])
    except OverflowError as error:
        raise click.BadParameter(f"{given!r} is longer than calendars are") from error


def completions(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:  # noqa: ARG001 click's
    """Return the threads that a shell may complete to, but those whose ids mean something else to it.

    None where they cannot be listed, as a shell shows no errors.
    """
    given = context.params
    try:
        saver = Call(root_of(context), given.get("storage_options") or {}, is_json=False, lock="auto").saver()
        found = repository_of(saver).thread_ids()
    except (FileSaverError, OSError, click.ClickException):
        return []
    return [CompletionItem(each) for each in found if each.startswith(begun) and _LITERAL.fullmatch(each)]


def thread_argument(name: str = "thread_id", metavar: str = "THREAD", *, is_required: bool = True) -> Decorator:
    """Return the argument that names a thread."""
    return click.argument(name, metavar=metavar, required=is_required, shell_complete=completions)


def threads_argument(*, is_required: bool) -> Decorator:
    """Return the argument that names any number of threads."""
    return click.argument("thread_ids", metavar="THREAD...", nargs=-1, required=is_required, shell_complete=completions)


checkpoint_option = click.option(
    "--checkpoint", metavar="ID", help="The checkpoint, or the beginning of its id.  [default: the latest]"
)
namespace_option = click.option(
    "--namespace", "checkpoint_ns", metavar="NS", default="", help="The namespace of a called graph."
)


def looked_at(saver: FileSaver, thread_id: str, checkpoint_ns: str) -> Thread:
    """Return a thread to look at, which has checkpoints in a namespace.

    Raises:
        NotFoundError: It has none, or there is no such thread.
    """
    thread = saver.thread(thread_id)
    if checkpoint_ns in thread.namespaces:
        return thread
    if not checkpoint_ns:
        raise NotFoundError(
            f"thread {thread_id!r} has checkpoints of called graphs only: give --namespace, such as "
            f"{thread.namespaces[0]!r}",
            wanted="",
            nearest=thread.namespaces[:3],
        )
    thread.state(checkpoint_ns=checkpoint_ns)  # raises, and tells the nearest names
    return thread


def exact_checkpoint(thread: Thread, given: str | None, checkpoint_ns: str) -> str | None:
    """Return the id of the checkpoint that is meant; what no id begins with is returned as it is, for the API to refuse.

    Raises:
        NotFoundError: Several ids begin so.
    """
    if given is None:
        return None
    ids = thread.history(checkpoint_ns=checkpoint_ns).ids
    begun = [each for each in ids if each.startswith(given)] if given else []
    if given in ids or not begun:
        return given
    if len(begun) > 1:
        raise NotFoundError(
            f"{len(begun)} checkpoints begin with {given!r}, such as {begun[0]!r} and {begun[1]!r}: give more of the id",
            wanted=given,
            nearest=tuple(begun[:3]),
        )
    return begun[0]


def is_thread(saver: FileSaver, thread_id: str) -> bool:
    """Tell whether there is anything of a thread, be it damaged or without a checkpoint."""
    return bool(repository_of(saver).store.list(layout.thread_folder(thread_id)))


def require_thread(saver: FileSaver, thread_id: str) -> None:
    """Raise NotFoundError, which tells the nearest names, where there is nothing of a thread."""
    if not is_thread(saver, thread_id):
        saver.thread(thread_id)
