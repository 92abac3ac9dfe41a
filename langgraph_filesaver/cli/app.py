"""All commands in one program, and how every one of them ends: with a message of one kind, and with a documented code."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click

from langgraph_filesaver.cli.call import ROOT_BEFORE, ROOT_VARIABLE, epilog_of
from langgraph_filesaver.cli.completing import PROGRAM, completion
from langgraph_filesaver.cli.editing import edit
from langgraph_filesaver.cli.encrypting import cat, keygen, rekey
from langgraph_filesaver.cli.exits import Exit, code_of
from langgraph_filesaver.cli.extracting import artifacts, export
from langgraph_filesaver.cli.following import tail
from langgraph_filesaver.cli.locking import locks, unlock
from langgraph_filesaver.cli.looking import diff, history, show, threads, tree, writes
from langgraph_filesaver.cli.mirroring import pull, push
from langgraph_filesaver.cli.removing import copy, delete, gc, prune
from langgraph_filesaver.cli.screen import open_missing, write
from langgraph_filesaver.cli.sweeping import restore, sweep
from langgraph_filesaver.cli.verifying import repair, verify
from langgraph_filesaver.demo import command as demo_command
from langgraph_filesaver.errors import FileSaverError

__all__ = ["app"]


class _Commands(click.Group):
    """The commands, in the order in which one comes to need them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 click's
        return list(self.commands)

    def main(  # type: ignore[override] # one signature for both of click's
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> Any:
        """Run a command and end the process with its code; what click itself has to say is made harmless, too."""
        open_missing()
        try:
            code = super().main(args, prog_name, **{**extra, "standalone_mode": False})
        except click.ClickException as error:
            told = io.StringIO()
            error.show(told)
            write(told.getvalue().rstrip(), sys.stderr)
            code = error.exit_code
        except click.Abort:  # Ctrl-C, or the end of the input where something was asked
            write("", sys.stderr)
            code = Exit.INTERRUPTED
        sys.exit(code if isinstance(code, int) else Exit.FINE)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # whoever read the answer has what they wanted, as `head -1`
            ctx.exit(Exit.FINE)
        except FileSaverError as error:
            write(f"Error: {error}", sys.stderr)
            ctx.exit(code_of(error))


@click.command(
    "demo",
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    short_help="Kill an agent, and let another process finish its work.",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def _demo(context: click.Context, arguments: tuple[str, ...]) -> None:
    if context.find_root().params.get("root") is not None:
        raise click.UsageError("the demo makes a folder of its own: leave --root out")
    context.exit(demo_command.main(arguments))


def _version() -> str:
    try:
        return version("langgraph-filesaver")
    except PackageNotFoundError:  # run from a clone that was never installed
        return "(not installed)"


def _show_version(context: click.Context, parameter: click.Parameter, is_given: bool) -> None:  # noqa: ARG001, FBT001 click's
    if is_given and not context.resilient_parsing:
        write(f"langgraph-filesaver {_version()}")
        context.exit()


_COMMANDS = (
    *(threads, show, history, diff, tree, writes, artifacts, tail, export, cat),
    *(
        edit,
        copy,
        delete,
        prune,
        gc,
        sweep,
        restore,
        verify,
        repair,
        locks,
        unlock,
        push,
        pull,
        keygen,
        rekey,
        _demo,
        completion,
    ),
)

app = _Commands(
    PROGRAM,
    commands=_COMMANDS,
    params=[
        ROOT_BEFORE,
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_show_version,
            help="Show the version and exit.",
        ),
    ],
    help="Look at the threads that FileSaver keeps, correct them, and keep house.\n\nThe folder or URL is --root, or the "
    f"variable {ROOT_VARIABLE}. A thread whose id begins with a dash comes after two of them: show -- --odd-name",
    epilog=epilog_of(["threads --root ./checkpoints", "show research-42 --json"]),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
