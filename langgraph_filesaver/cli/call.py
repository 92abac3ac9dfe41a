"""One call of a command: where the threads are, and how the answer is given. What all commands share.

`command` makes a click command that has the options of every command and is given a `Call`. A root is never made by looking
at it: what is no store is an error that says what to give.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click
from click.core import ParameterSource
from rich.table import Table

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._crypt import ENVIRONMENT_VARIABLE
from langgraph_filesaver._mirror import MirroredStore
from langgraph_filesaver._repository import Repository
from langgraph_filesaver._root import local_path
from langgraph_filesaver.cli.exits import ALL_CODES
from langgraph_filesaver.cli.screen import is_unicode, write, write_table
from langgraph_filesaver.cli.text import to_json
from langgraph_filesaver.saver import FileSaver

__all__ = [
    "ROOT_BEFORE",
    "ROOT_VARIABLE",
    "Call",
    "command",
    "epilog_of",
    "json_object",
    "mirrored_of",
    "repository_of",
    "root_of",
    "write_json",
]

ROOT_VARIABLE = "LANGGRAPH_FILESAVER_ROOT"

_DEFAULT_ROOT = "./checkpoints"

Lock = Literal["auto", "native", "soft"]


def repository_of(saver: FileSaver) -> Repository:
    """Return the threads of a saver, for what its methods do not tell: which files there are, and how large."""
    return saver._repository  # noqa: SLF001 the one place where commands reach behind the saver


def mirrored_of(saver: FileSaver) -> MirroredStore:
    """Return the folder and the mirror of a saver that has one."""
    return saver._mirrored()  # noqa: SLF001 as above


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a command.

    Attributes:
        root: The path or URL that was given, or None.
        storage_options: What fsspec is to make the filesystem of a URL with.
        is_json: Whether the answer is for a machine.
        lock: The kind of lock files.
        key_file: The file with the keys of an encrypted store; None: they are in the environment, or not needed.
    """

    root: str | None
    storage_options: Mapping[str, Any]
    is_json: bool
    lock: Lock
    key_file: str | None = None

    def saver(
        self, *, mirror: str | None = None, mirror_options: Mapping[str, Any] | None = None, may_be_new: bool = False
    ) -> FileSaver:
        """Open the threads.

        Args:
            mirror: The URL of their mirror.
            mirror_options: What fsspec is to make the filesystem of the mirror with.
            may_be_new: Whether a root that is not there yet will do.

        Raises:
            click.UsageError: There is no store at the root, or fsspec does not know such a root or such options.
        """
        root = self.root
        if root is None:
            if not (may_be_new or _is_local_store(_DEFAULT_ROOT)):
                raise click.UsageError(
                    f"no threads here: {_DEFAULT_ROOT} holds no {layout.STORE_DOCUMENT}. Give --root PATH_OR_URL, or set "
                    f"{ROOT_VARIABLE}, to what FileSaver was given"
                )
            root = _DEFAULT_ROOT
        local = local_path(root)
        if local is not None and not may_be_new and not _is_local_store(local):
            raise _no_store(root)
        try:
            saver = FileSaver(
                root,
                storage_options=self.storage_options or None,
                lock=self.lock,
                mirror=mirror,
                mirror_options=mirror_options,
                encryption=None if self.key_file is None else Path(self.key_file),
            )
        except (ValueError, ImportError) as error:
            raise click.UsageError(str(error)) from error
        except TypeError as error:  # drivers take any option, and then miss it or do not know what to do with it
            if not (self.storage_options or mirror_options):
                raise
            raise click.UsageError(f"{root if mirror is None else mirror}: the options do not fit: {error}") from error
        if local is None and not may_be_new and repository_of(saver).store.read(layout.STORE_DOCUMENT) is None:
            raise _no_store(root)
        return saver

    def answer(self, value: Any, shown: str | Table | Callable[[], str | Table]) -> None:
        """Give the answer: `value` as JSON, or what is shown to people, which may be made only when it is needed."""
        if self.is_json:
            write_json(value)
            return
        made = shown() if callable(shown) else shown
        if isinstance(made, Table):
            write_table(made)
        else:
            write(made)


def write_json(value: Any, *, indent: int | None = 2) -> None:
    """Write one JSON value to standard output, in the bytes that its encoding has."""
    write(to_json(value, is_ascii=not is_unicode(sys.stdout), indent=indent))


def _is_local_store(path: str) -> bool:
    return os.path.isfile(os.path.join(os.path.expanduser(path), layout.STORE_DOCUMENT))


def _no_store(root: str) -> click.UsageError:
    return click.UsageError(
        f"{root} is no store of threads: there is no {layout.STORE_DOCUMENT} in it. Give the path or URL that was given to "
        "FileSaver"
    )


def json_object(context: click.Context, parameter: click.Parameter, given: str | None) -> dict[str, Any]:  # noqa: ARG001 click's
    """Read the JSON object that an option was given; raises click.BadParameter where it is none."""
    if given is None:
        return {}
    try:
        found = json.loads(given)
    except ValueError as error:
        raise click.BadParameter(f"this is no JSON: {error}") from error  # not repeated: there may be a key in it
    if not isinstance(found, dict):
        raise click.BadParameter('this is JSON, but no object: give one such as {"key": "…"}')
    return found


_ROOT_HELP = f"What FileSaver was given: a folder, or a URL such as s3://bucket/agents.  [default: {_DEFAULT_ROOT}]"

ROOT_BEFORE = click.Option(["--root"], metavar="PATH_OR_URL", help=f"{_ROOT_HELP}  Here, or after the command.")
"""The option of the program, which counts where the command itself has none."""


def root_of(context: click.Context) -> str | None:
    """Return the root that a command was given: by its own option, by the one before the command, or by the variable."""
    before: str | None = context.find_root().params.get("root")
    is_own = context.get_parameter_source("root") is ParameterSource.COMMANDLINE
    return context.params.get("root") if is_own or before is None else before


_OPTIONS = (
    click.Option(["--root"], metavar="PATH_OR_URL", envvar=ROOT_VARIABLE, show_envvar=True, help=_ROOT_HELP),
    click.Option(
        ["--storage-options"],
        metavar="JSON",
        callback=json_object,
        help="What fsspec is to make the filesystem of a URL with.",
    ),
    click.Option(
        ["--key-file"],
        metavar="FILE",
        help=f"The keys of an encrypted store, where the variable {ENVIRONMENT_VARIABLE} does not hold them.",
    ),
    click.Option(["--json", "is_json"], is_flag=True, help="Answer with JSON."),
)
_LOCK = click.Option(
    ["--lock"],
    type=click.Choice(("auto", "native", "soft")),
    default="auto",
    show_default=True,
    help="The kind of lock files, if FileSaver was given one: all who use the folder must use the same.",
)


def command(
    name: str, summary: str, *examples: str, has_locks: bool = False
) -> Callable[[Callable[..., None]], click.Command]:
    """Make a click command of a function that takes a `Call` and the command's own arguments.

    Args:
        name: The command.
        summary: A few words, for the list of commands.
        examples: What follows `langgraph-filesaver`, one a line of the help.
        has_locks: Whether it takes locks, so that their kind matters.
    """

    def made(function: Callable[..., None]) -> click.Command:
        def run(
            *,
            root: str | None,  # noqa: ARG001 see `root_of`
            storage_options: dict[str, Any],
            is_json: bool,
            key_file: str | None,
            lock: Lock = "auto",
            **own: Any,
        ) -> None:
            function(Call(root_of(click.get_current_context()), storage_options, is_json, lock, key_file), **own)

        own = reversed(getattr(function, "__click_params__", []))
        return click.Command(
            name,
            callback=run,
            params=[*own, *_OPTIONS, *([_LOCK] if has_locks else [])],
            help=inspect.cleandoc(function.__doc__ or ""),
            short_help=summary,
            epilog=epilog_of(examples),
        )

    return made


def epilog_of(examples: Sequence[str]) -> str:
    """Return the end of a command's help: its examples and the exit codes, laid out as they are here."""
    shown = "\n".join(f"  langgraph-filesaver {each}" for each in examples)
    codes = "\n".join(f"  {line}" for line in ALL_CODES.splitlines())
    return f"\b\nExample{'s' * (len(examples) > 1)}:\n{shown}\n\n\b\nExit codes:\n{codes}"
