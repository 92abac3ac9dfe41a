"""The command line: `python -m langgraph_filesaver`, installed as `langgraph-filesaver`. Thin: parse and call."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from langgraph_filesaver import _locks_command as locks
from langgraph_filesaver import _mirror_commands as mirror
from langgraph_filesaver.demo import command as demo

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` name and return the exit code; without one, print the help."""
    parser = argparse.ArgumentParser(
        prog="langgraph-filesaver",
        description="A LangGraph checkpointer that keeps each thread as a folder of readable JSON files.",
    )
    parser.add_argument("--version", action="version", version=f"langgraph-filesaver {_version()}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    demo.add_arguments(
        commands.add_parser(
            "demo",
            help="kill an agent and let another process finish its work",
            description="An agent digests text files, is killed while a node runs, is resumed in a new process, asks for "
            "approval and writes its report. Exit code 0 only if every claim made on the way was verified.",
        )
    )
    locks.add_arguments(
        commands.add_parser(
            "locks",
            help="show who has which thread, or take one away",
            description="Shows the leases of a folder: which thread, which process, since when. With --break, takes one away "
            "and says whose it was.",
        )
    )
    for name, told in (("push", "put into a mirror what it lacks"), ("pull", "fetch from a mirror what is missing")):
        mirror.add_arguments(
            commands.add_parser(
                name,
                help=told,
                description=f"Compares a folder and its mirror by names and digests, to {told}. Nothing is deleted.",
            )
        )
    given = parser.parse_args(arguments)
    if given.command == "demo":
        return demo.run(given)
    if given.command == "locks":
        return locks.run(given)
    if given.command in ("push", "pull"):
        return mirror.run(given)
    parser.print_help()
    return 0


def _version() -> str:
    try:
        return version("langgraph-filesaver")
    except PackageNotFoundError:  # run from a clone that was never installed
        return "(not installed)"


if __name__ == "__main__":
    sys.exit(main())
