"""What a person asks of a mirror: how far behind it is, and to bring one of the two up to date."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._mirror.link import Link
from langgraph_filesaver._mirror.reports import MirrorStatus, TransferReport
from langgraph_filesaver._mirror.transfer import Progress, Transfer, in_order, is_data
from langgraph_filesaver._store import Entry, Store
from langgraph_filesaver.errors import ConflictError

__all__ = ["mirror_status", "pull", "push"]


def mirror_status(link: Link) -> MirrorStatus:
    """Compare the two, or, where the mirror is down, count what is known."""
    found: dict[str, Entry] = {}

    def compare() -> None:
        for files in link.out.difference(""):
            found.update(files)

    if not link.do(compare, is_needed=False):
        known = {key for thread in list(link.process.threads.values()) for key in thread.pending}
        found = {each.key: each for each in link.local.tree("") if each.key in known}
    found = {key: each for key, each in found.items() if is_data(key)}
    oldest = min((each.modified_at for each in found.values()), default=None)
    return MirrorStatus(
        url=link.remote.describe(""),
        pending_files=len(found),
        pending_bytes=sum(each.bytes for each in found.values()),
        oldest_pending_at=None if oldest is None else datetime.fromtimestamp(oldest, timezone.utc),
        pending_deletions=sum(1 for _ in link.deletions.pending()),
        last_error=link.process.last_error,
    )


def push(link: Link, names: Iterable[str] | None, progress: Progress | None, *, overwrite: bool) -> TransferReport:
    """Put into the mirror what it lacks, and what was edited here; with `overwrite` whoever owns the threads there.

    Raises:
        LockTimeoutError: Another folder mirrors a thread, and may be alive.
        StorageError: The mirror is down.
    """
    link.do(lambda: link.deletions.make(link.remote), is_needed=True)
    wanted = _threads(link.local, names)
    return _transferred(link, link.out, wanted, progress, overwrites=True, claims=not overwrite)


def pull(link: Link, names: Iterable[str] | None, progress: Progress | None, *, overwrite: bool) -> TransferReport:
    """Fetch from the mirror what is missing here, and with `overwrite` what is another file there.

    Raises:
        ConflictError: A file is another one here, and `overwrite` is not asked for.
        StorageError: The mirror is down.
    """
    wanted: list[str] = []
    link.do(lambda: wanted.extend(_threads(link.remote, names)), is_needed=True)
    return _transferred(link, link.back, wanted, progress, overwrites=overwrite, claims=False)


def difference(link: Link, names: Iterable[str] | None, *, is_push: bool) -> tuple[dict[str, Entry], dict[str, Entry]]:
    """Return what `push`, or else `pull`, finds missing where it copies to, and what it finds there with other bytes.

    Raises:
        StorageError: The mirror is down.
    """
    missing: dict[str, Entry] = {}
    changed: dict[str, Entry] = {}

    def compare() -> None:
        source, transfer = (link.local, link.out) if is_push else (link.remote, link.back)
        for name in _threads(source, names):
            for found, files in zip((missing, changed), transfer.difference(name), strict=True):
                found.update({key: each for key, each in files.items() if is_data(key)})

    link.do(compare, is_needed=True)
    return missing, changed


def _threads(store: Store, names: Iterable[str] | None) -> list[str]:
    return [name for name in store.list("") if layout.is_name(name)] if names is None else list(names)


def _transferred(
    link: Link, transfer: Transfer, names: list[str], progress: Progress | None, *, overwrites: bool, claims: bool
) -> TransferReport:
    files = size = 0

    def one(name: str) -> None:
        nonlocal files, size
        thread = link.thread(name)
        with thread.mutex:
            if claims:
                link.process.owners.claim(name)
            missing, changed = transfer.difference(name)
            if changed and not overwrites:
                raise ConflictError(
                    f"{link.local.describe(in_order(changed)[0])} is another file in the mirror: to replace it by that one, "
                    "pull with overwrite=True; to keep it, push. Nothing of its thread was copied"
                )
            keys = [key for key in (*missing, *changed) if is_data(key)]
            size += transfer.copy(keys, progress)
            files += len(keys)
            thread.stamps.clear()
            thread.pending.clear()

    for name in names:
        link.do(lambda name=name: one(name), is_needed=True)  # type: ignore[misc]
    return TransferReport(len(names), files, size)
