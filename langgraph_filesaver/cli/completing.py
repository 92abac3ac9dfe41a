"""The command `completion`: click's own script for a shell, which asks this program for commands, options and threads."""

from __future__ import annotations

import json

import click
from click.shell_completion import get_completion_class

from langgraph_filesaver.cli.call import epilog_of
from langgraph_filesaver.cli.screen import write

__all__ = ["COMPLETION_VARIABLE", "PROGRAM", "completion"]

PROGRAM = "langgraph-filesaver"
COMPLETION_VARIABLE = "_LANGGRAPH_FILESAVER_COMPLETE"


@click.command(
    "completion",
    short_help="The script for a shell's completion.",
    epilog=epilog_of(
        ["completion bash >> ~/.bashrc", "completion fish > ~/.config/fish/completions/langgraph-filesaver.fish"]
    ),
)
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.option("--json", "as_json", is_flag=True, help="Answer with JSON.")
@click.pass_context
def completion(context: click.Context, shell: str, *, as_json: bool) -> None:
    """Print the script that lets a shell complete commands, options and threads."""
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    script = kind(context.find_root().command, {}, PROGRAM, COMPLETION_VARIABLE).source().rstrip()
    write(json.dumps({"shell": shell, "script": script}) if as_json else script)
