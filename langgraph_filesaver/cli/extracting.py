"""The commands that bring something out into files: artifacts --extract, export."""

from __future__ import annotations

import os

import click

from langgraph_filesaver.cli import tables
from langgraph_filesaver.cli.call import Call, command
from langgraph_filesaver.cli.files import write_file
from langgraph_filesaver.cli.names import thread_argument
from langgraph_filesaver.cli.plans import dry_run_option
from langgraph_filesaver.cli.screen import progress
from langgraph_filesaver.cli.text import one_line, size
from langgraph_filesaver.errors import StorageError
from langgraph_filesaver.inspection import Artifacts

__all__ = ["artifacts", "export"]


@command(
    "artifacts",
    "A thread's large values; --extract them.",
    "artifacts research-42",
    "artifacts research-42 --extract ./files",
)
@thread_argument()
@click.option(
    "--extract",
    "folder",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Write each into this folder, verified and not compressed. No file is overwritten.",
)
@dry_run_option
def artifacts(call: Call, *, thread_id: str, folder: str | None, dry_run: bool) -> None:
    """Show the files of a thread's large values and of the parts of its long lists, the largest first."""
    found = call.saver().thread(thread_id).artifacts()
    if folder is None:
        call.answer(found.to_dict(), lambda: tables.artifacts(found.to_dict()) if found else "no artifacts")
        return
    value = [{**each.to_dict(), "extracted": os.path.join(folder, _name(each.path))} for each in found]
    count = 0 if dry_run else _extract(found, folder)
    told = f"{len(found):,} artifact{'s' * (len(found) != 1)}, {size(sum(each.bytes for each in found))}, to {folder}"
    there = len(found) - count
    note = f" ({there:,} of them {'was' if there == 1 else 'were'} there already)" if there and not dry_run else ""
    call.answer(value, one_line(f"{'would extract' if dry_run else 'extracted'} {told}{note}"))


def _extract(found: Artifacts, folder: str) -> int:
    """Write artifacts into a folder, and return how many were not there yet."""
    count = 0
    try:
        os.makedirs(folder, exist_ok=True)
        with progress("extracting", len(found)) as advance:
            for each in found:
                path, data = os.path.join(folder, _name(each.path)), each.read_bytes()
                if not _is_same(path, data):
                    write_file(path, data)
                    count += 1
                advance()
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError.from_os_error(error, action="write", path=folder) from error
    return count


def _name(path: str) -> str:
    """Return the name of a file for an artifact; its own is its digest and an extension of known characters."""
    return os.path.basename(path).removesuffix(".zst").removesuffix(".gz")


def _is_same(path: str, data: bytes) -> bool:
    """Tell whether a file is there and holds just this, as after an extraction that was interrupted."""
    try:
        with open(path, "rb") as file:
            return file.read() == data
    except FileNotFoundError:
        return False


@command(
    "export",
    "A report of a thread as one HTML file.",
    "export research-42 -o report.html",
    "export research-42 -o report.html --force",
)
@thread_argument()
@click.option(
    "-o", "--output", "path", type=click.Path(dir_okay=False), required=True, metavar="FILE", help="The file to write."
)
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@dry_run_option
def export(call: Call, *, thread_id: str, path: str, force: bool, dry_run: bool) -> None:
    """Write a report of a thread: one HTML file with its summary, timeline, states and changes, to be opened anywhere."""
    thread = call.saver().thread(thread_id)
    with progress("steps", thread.summary.checkpoints) as done:
        data = thread.report(progress=done).encode()
    if os.path.lexists(path) and not force:
        raise click.UsageError(f"{path} is there already: give --force to replace it")
    if not dry_run:
        write_file(path, data, overwrite=force)
    verb = "would write" if dry_run else "wrote"
    told = {"dry_run": dry_run, "thread_id": thread_id, "file": path, "bytes": len(data)}
    call.answer(told, one_line(f"{verb} {path} ({size(len(data))})"))
