"""A store, or a thread, verified, while others write to it.

What a first look takes for damage is looked at once more: only what is found again counts. Who prunes, deletes or writes meanwhile
causes no alarm, for nothing stays half done longer than between two looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._codec import Codec
from langgraph_filesaver._repository import Repository
from langgraph_filesaver._verification.findings import DAMAGE, Finding, VerifyReport
from langgraph_filesaver._verification.thread import ThreadCheck

__all__ = ["check_thread", "verify"]

_LOOKS = 3
_OURS = frozenset(
    {
        layout.STORE_DOCUMENT,
        layout.LOCKS_FOLDER,
        layout.STAGING_FOLDER,
        layout.TRASH_FOLDER,
        layout.QUARANTINE_FOLDER,
        layout.MIRROR_FOLDER,
    }
)


def verify(
    repository: Repository, codec: Codec, thread_id: str | None, progress: Callable[[], None] | None
) -> VerifyReport:
    """Look at the files of a thread, or of all and at what else is in the root.

    Raises:
        StorageError: A file cannot be read for another reason than what is in it.
    """
    progress = progress or (lambda: None)
    findings: list[Finding] = []
    threads = files = size = 0
    if thread_id is None:
        folders = [name for name in repository.store.list("") if layout.is_name(name)]
        findings += _around(repository)
    else:
        folders = [layout.thread_folder(thread_id)]
    for folder in folders:
        check = check_thread(repository, codec, folder, progress)
        findings += check.findings
        threads += bool(check.files or check.findings)
        files, size = files + check.files, size + check.bytes
    return VerifyReport(threads, files, size, tuple(findings))


def check_thread(repository: Repository, codec: Codec, folder: str, progress: Callable[[], None]) -> ThreadCheck:
    """Look at a thread, and again where something seems damaged; what is not found again was changed meanwhile."""
    check = ThreadCheck(repository, codec, folder, progress)
    check.run()
    for _ in range(_LOOKS - 1):
        if not any(each.kind in DAMAGE for each in check.findings):
            break
        again = ThreadCheck(repository, codec, folder, lambda: None)
        again.run()
        before = {(each.kind, each.key) for each in check.findings}
        again.findings = [each for each in again.findings if each.kind not in DAMAGE or (each.kind, each.key) in before]
        check = again
    return check


def _around(repository: Repository) -> Iterator[Finding]:
    """Yield what there is beside threads."""
    for name in repository.store.list(""):
        if not layout.is_name(name) and name not in _OURS and not layout.is_ignored_in_new_root(name):
            yield Finding("stray", name, "no file or folder of this library has this name in this place")
    for name in repository.store.list(layout.STAGING_FOLDER):
        key = f"{layout.STAGING_FOLDER}/{name}"
        if name.endswith(".kept"):
            yield Finding(
                "stray", key, "a thread that could be neither deleted nor put back: move it where you want it"
            )
        else:
            yield Finding("temporary", key, "it is being written, or was when its process died; it goes by itself")
