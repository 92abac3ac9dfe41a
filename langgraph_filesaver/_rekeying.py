"""Sealing the files of threads with the keys that new files get: file by file, each in one step, under the thread's lock.

A file says which key it has, so a call that was ended early is completed by the next one. Nothing but the sealing changes, and
artifacts keep their names, whatever key they were made with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._repository import Repository

__all__ = ["RekeyReport", "rekey_thread"]


@dataclass(frozen=True, slots=True)
class RekeyReport:
    """What a call of `rekey` did.

    Attributes:
        threads: How many threads were looked at.
        files: How many files got another key.
        bytes: Their size.
        kept: How many had the current key already.
    """

    threads: int
    files: int
    bytes: int
    kept: int

    @classmethod
    def sum(cls, reports: Iterable[RekeyReport]) -> RekeyReport:
        """Return one report of several."""
        found = list(reports)
        return cls(
            sum(each.threads for each in found),
            sum(each.files for each in found),
            sum(each.bytes for each in found),
            sum(each.kept for each in found),
        )


def rekey_thread(
    repository: Repository, thread_id: str, progress: Callable[[], None] | None, *, is_dry: bool
) -> RekeyReport:
    """Give every file of a thread its current key.

    Raises:
        DecryptionError: A file does not open; those before it have the current key.
        HeldError: Somebody has the thread.
    """
    files = size = kept = 0
    with repository.maintaining(thread_id):
        for entry in repository.store.tree(layout.thread_folder(thread_id)):
            if layout.sealed_scope(entry.key) is None or not layout.is_data_key(entry.key):
                continue
            if repository.store.reseal(entry.key, dry_run=is_dry):
                files += 1
                size += entry.bytes
            else:
                kept += 1
            if progress is not None:
                progress()
    return RekeyReport(1, files, size, kept)
