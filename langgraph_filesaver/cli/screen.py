"""What reaches standard output and standard error: text, tables and progress bars, as wide and colourful as it is read.

Everything is made to a string first and written in one place, so that nothing but our own styles sends an escape sequence, and
the end of a pipe (`| head -1`) is met in one place. Tables hold `rich.text.Text` only: a plain string would be read as markup.

- On a terminal a table is as wide as the terminal; in a pipe it is as wide as its content, without colours.
- A progress bar goes to standard error, and only where that is a terminal.
- An answer that cannot be written is an error; a note on standard error that cannot be is none, for it must not end the work.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from langgraph_filesaver.cli.text import one_line, visible
from langgraph_filesaver.errors import StorageError

__all__ = ["is_asked_here", "is_narrow", "is_unicode", "open_missing", "progress", "silence", "write", "write_table"]

_WIDEST = 10_000
_ROOMY = 100


def write(text: str, stream: TextIO | None = None) -> None:
    """Write lines, harmless ones, to standard output or another stream.

    Raises:
        BrokenPipeError: Nobody reads standard output any more.
        StorageError: Standard output is a file, and its disk is full.
    """
    _put(visible(text), stream or sys.stdout)


def write_table(table: Table, stream: TextIO | None = None) -> None:
    """Write a table to standard output or another stream; raises as `write` does."""
    stream = stream or sys.stdout
    is_terminal, width = stream.isatty(), _width(stream)
    console = Console(
        file=io.StringIO(),
        force_terminal=is_terminal,
        width=width or _WIDEST,
        markup=False,
        emoji=False,
        highlight=False,
    )
    if width is None:
        console.width = Measurement.get(console, console.options, table).maximum
    if not is_unicode(stream):
        table.box = None
    with console.capture() as captured:
        console.print(table)
    lines = captured.get().splitlines()
    _put("\n".join(line.rstrip() for line in lines).strip("\n"), stream)


def is_narrow() -> bool:
    """Tell whether standard output has no room for every column."""
    width = _width(sys.stdout)
    return width is not None and width < _ROOMY


def is_unicode(stream: TextIO) -> bool:
    """Tell whether a stream takes every character."""
    return "utf" in (stream.encoding or "utf-8").lower()


def _width(stream: TextIO) -> int | None:
    """Return how wide what is written may be; None where it may be as wide as it is."""
    return shutil.get_terminal_size().columns if stream.isatty() or os.environ.get("COLUMNS") else None


def _put(text: str, stream: TextIO) -> None:
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        stream.flush()
    except OSError as error:
        silence(stream)
        if stream is sys.stderr:
            return
        if isinstance(error, BrokenPipeError):
            raise
        raise StorageError.from_os_error(error, action="write", path="standard output") from error


def silence(stream: TextIO) -> None:
    """Let a stream write to nowhere from now on: nobody takes it, and the interpreter's last flush must not fail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def open_missing() -> None:
    """Give this process the streams that it was started without (`>&-`): else a file of the store would get their number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 it stays open to the end


def is_asked_here() -> bool:
    """Tell whether there is somebody to ask, who sees the question and can answer it."""
    return sys.stdin.isatty() and sys.stderr.isatty()


@contextmanager
def progress(told: str, total: int | None) -> Iterator[Callable[[], None]]:
    """Show how far long work has come, where standard error is a terminal; it goes away at the end.

    Args:
        told: What is done.
        total: How many steps there are; None where nobody knows.

    Yields:
        What to call after each step.
    """
    if not sys.stderr.isatty():
        yield lambda: None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
    )
    console = Console(file=sys.stderr, markup=False, emoji=False)
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(one_line(told), total=total)
        yield lambda: bar.advance(task)
