"""The commands `push` and `pull`: bring a mirror, or the folder, up to date."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

import click

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._mirror import TransferReport
from langgraph_filesaver._mirror import difference as mirror_difference
from langgraph_filesaver.cli.call import Call, command, json_object, mirrored_of
from langgraph_filesaver.cli.names import completions, require_thread
from langgraph_filesaver.cli.plans import agree, dry_run_option, yes_option
from langgraph_filesaver.cli.screen import progress, write
from langgraph_filesaver.cli.text import one_line, size
from langgraph_filesaver.saver import FileSaver

__all__ = ["pull", "push"]

_options = (
    click.argument("mirror", metavar="MIRROR_URL"),
    click.option(
        "--thread",
        "thread_ids",
        metavar="ID",
        multiple=True,
        shell_complete=completions,
        help="This thread only; may be repeated.",
    ),
    click.option(
        "--mirror-options",
        metavar="JSON",
        callback=json_object,
        help="What fsspec is to make the filesystem of the mirror with.",
    ),
    dry_run_option,
)


def _with_options(function: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_options):
        function = option(function)
    return function


@command(
    "push",
    "Bring a mirror up to date.",
    "push s3://bucket/agents",
    "push s3://bucket/agents --thread research-42 --dry-run",
    has_locks=True,
)
@_with_options
@click.option("--overwrite", is_flag=True, help="Also threads that another folder mirrors.")
def push(
    call: Call,
    *,
    mirror: str,
    thread_ids: tuple[str, ...],
    mirror_options: dict[str, Any],
    dry_run: bool,
    overwrite: bool,
) -> None:
    """Put into a mirror what it lacks, and what was edited here. Nothing is deleted."""
    _require_threads(call, thread_ids)
    saver = call.saver(mirror=mirror, mirror_options=mirror_options)
    if dry_run:
        _tell_plan(call, *_difference(saver, thread_ids, is_push=True))
        return
    with _told_files("pushing") as told:
        report = saver.push(list(thread_ids) or None, progress=told, overwrite=overwrite)
    _tell_done(call, report)


@command(
    "pull",
    "Bring the folder up to date from its mirror.",
    "pull s3://bucket/agents",
    "pull s3://bucket/agents --overwrite --dry-run",
    has_locks=True,
)
@_with_options
@click.option("--overwrite", is_flag=True, help="Also files that are others here: these are replaced.")
@yes_option
def pull(
    call: Call,
    *,
    mirror: str,
    thread_ids: tuple[str, ...],
    mirror_options: dict[str, Any],
    dry_run: bool,
    overwrite: bool,
    yes: bool,
) -> None:
    """Fetch from a mirror what is missing here; the folder need not be there yet. Nothing is deleted."""
    _require_threads(replace(call, root=mirror, storage_options=mirror_options), thread_ids)
    saver = call.saver(mirror=mirror, mirror_options=mirror_options, may_be_new=True)
    if dry_run:
        _tell_plan(call, *_difference(saver, thread_ids, is_push=False))
        return
    if overwrite and not yes:
        _, changed = _difference(saver, thread_ids, is_push=False)
        if changed:
            files = "\n".join(f"  {one_line(key)}" for key in sorted(changed))
            agree(f"replace {_counted(changed)} by what the mirror has", files, yes=yes)
    with _told_files("pulling") as told:
        report = saver.pull(list(thread_ids) or None, progress=told, overwrite=overwrite)
    _tell_done(call, report)


def _require_threads(source: Call, thread_ids: tuple[str, ...]) -> None:
    """Raise NotFoundError, which tells the nearest names, where a thread is not in the store that is copied from."""
    if thread_ids:
        saver = source.saver()  # of its own: by way of the mirrored folder a missing thread would be fetched
        for each in thread_ids:
            require_thread(saver, each)


def _difference(
    saver: FileSaver, thread_ids: tuple[str, ...], *, is_push: bool
) -> tuple[dict[str, int], dict[str, int]]:
    """Return the files, with their sizes, that are missing at the other place, and those that are others there."""
    store = mirrored_of(saver)
    names = [layout.thread_folder(each) for each in thread_ids] or None
    missing, changed = mirror_difference(store.link, names, is_push=is_push)
    return {key: each.bytes for key, each in missing.items()}, {key: each.bytes for key, each in changed.items()}


def _tell_plan(call: Call, missing: dict[str, int], changed: dict[str, int]) -> None:
    value = {
        "dry_run": True,
        "missing": [{"file": key, "bytes": size} for key, size in sorted(missing.items())],
        "changed": [{"file": key, "bytes": size} for key, size in sorted(changed.items())],
    }
    lines = [f"would copy {_counted(missing)} that {'is' if len(missing) == 1 else 'are'} missing"]
    lines += [f"  {one_line(key)}" for key in sorted(missing)]
    lines += [f"and {_counted(changed)} that {'is another' if len(changed) == 1 else 'are others'} there"] * bool(
        changed
    )
    lines += [f"  {one_line(key)}" for key in sorted(changed)]
    call.answer(value, "\n".join(lines))


def _counted(files: dict[str, int]) -> str:
    return f"{len(files):,} file{'s' * (len(files) != 1)}, {size(sum(files.values()))},"


@contextmanager
def _told_files(told: str) -> Iterator[Callable[[str, int], None]]:
    """Tell each file that is copied: by a bar on a terminal, as a line on standard error elsewhere."""
    copied = 0
    is_shown = sys.stderr.isatty()
    with progress(told, None) as advance:

        def one(key: str, count: int) -> None:
            nonlocal copied
            copied += 1
            advance()
            if not is_shown:
                write(f"{copied}: {one_line(key)} ({count} bytes)", sys.stderr)

        yield one


def _tell_done(call: Call, report: TransferReport) -> None:
    told = f"{report.threads} threads compared, {report.files} files copied, {report.bytes} bytes"
    call.answer({"dry_run": False, **asdict(report)}, told)
