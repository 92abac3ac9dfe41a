"""A folder of this machine whose files are also put into another store before a write returns.

- *Writing*: here first, with all that makes it durable, then there; what is referred to comes first in either place, for it
  is written first. A file that did not get there is known by comparing the two trees of its thread, which is done at the first
  use of a thread in a process: so nothing has to be remembered over a crash.
- *Deleting*: there first, then here. After a crash in between, what is still here is put there again: the deletion, which was
  never acknowledged, has not happened. Where the mirror is down and need not be up, the deletion is written down first.
- *Reading*: here. A thread that is not here is fetched, checkpoints last; what a thread lacks here is fetched at its first use.

What would break it: a deletion that is taken for a file that has still to be fetched; two folders that mirror one thread
(`owner`); a put that is acknowledged and is in one place only, unless the user said that this will do.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import BinaryIO

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._mirror.deletions import newest_first
from langgraph_filesaver._mirror.link import Link, MirroredThread
from langgraph_filesaver._mirror.staged import MirroredStaged
from langgraph_filesaver._mirror.transfer import in_order, is_data
from langgraph_filesaver._store import Entry, Properties, Staged, Status, Store, Turn, no_turn
from langgraph_filesaver.errors import ConflictError

__all__ = ["MirroredStore"]


class MirroredStore(Store):
    """A local store and its mirror.

    Args:
        local: The folder.
        remote: The mirror.
        is_required: Whether a write fails that did not get there; else it is told once, and made up for.
    """

    def __init__(self, local: Store, remote: Store, *, is_required: bool = True) -> None:
        self.local = local
        self.remote = remote
        self.properties: Properties = local.properties
        self.link = Link(local, remote, is_required=is_required)

    def __repr__(self) -> str:
        return f"{self.local.describe('')!r}, mirror={self.remote.describe('')!r}"

    @property
    def realm(self) -> Hashable:
        """That of the folder."""
        return self.local.realm

    def _for_reading(self, key: str) -> None:
        """Fetch what a thread lacks here, at its first use."""
        name = key.partition("/")[0]
        if not layout.is_name(name):
            return
        thread = self.link.thread(name)
        if not thread.is_compared:
            with thread.mutex:
                if not thread.is_compared:
                    # A thread that is here can be read, whatever becomes of its mirror.
                    is_here = bool(self.local.list(name))
                    try:
                        self.link.do(
                            lambda: self._compare(name, thread), is_needed=self.link.is_required and not is_here
                        )
                    except ConflictError:
                        if not is_here:
                            raise

    def _for_writing(self, key: str) -> None:
        """Be the owner of a thread, and have it the same in both places but for what is written next."""
        name = key.partition("/")[0]
        if not layout.is_name(name):
            return
        thread = self.link.thread(name)
        if thread.is_compared and not thread.pending and self.link.process.owners.is_sure(name):
            return
        with thread.mutex:
            self.link.do(lambda: self._catch_up(name, thread))

    def _catch_up(self, name: str, thread: MirroredThread) -> None:
        if self.link.process.owners.claim(name) or not thread.is_compared:
            had = thread.is_compared
            fetched = self._compare(name, thread)
            if fetched and had:
                raise ConflictError(
                    f"thread {name!r} has gone on in {self.remote.describe('')} since it was read here; what was missing has "
                    "been fetched: read it again"
                )
        for key in in_order(thread.pending):
            self.link.out.copy_one(key)
            thread.pending.discard(key)

    def _compare(self, name: str, thread: MirroredThread) -> int:
        """Bring both places to the same state; return how many files came from the mirror."""
        self.link.deletions.make(self.remote)
        missing_here, _ = self.link.back.difference(name)
        missing_there, changed = self.link.out.difference(name)
        missing_here = {key: each for key, each in missing_here.items() if is_data(key)}
        if changed and self.link.process.owners.is_of_another(name):
            raise ConflictError(
                f"{self.local.describe(in_order(changed)[0])} is another file in the mirror {self.remote.describe('')}, where "
                "another folder has gone on with its thread: push or pull it, with overwrite, after deciding which one is right"
            )
        self.link.back.copy(missing_here)
        if missing_there or changed:
            self.link.process.owners.claim(name)
            self.link.out.copy({**missing_there, **changed})
        thread.pending.clear()
        thread.is_compared = True
        return len(missing_here)

    def _send(self, key: str) -> None:
        """Put a file into the mirror that was just written here."""
        name = key.partition("/")[0]
        if not layout.is_name(name):
            return
        thread = self.link.thread(name)
        with thread.mutex:
            self._note(thread, key)
            thread.pending.add(key)
        if self.link.do(
            lambda: self.link.out.copy_one(key)
        ):  # beside others: parallel tasks do not wait for each other
            with thread.mutex:
                thread.pending.discard(key)

    def _note(self, thread: MirroredThread, key: str) -> None:
        status = self.local.status(key)
        if status is not None and key.endswith(".json"):
            thread.stamps[key] = status.stamp

    # --- reading

    def describe(self, key: str) -> str:
        """Return the path of `key` in the folder."""
        return self.local.describe(key)

    def read(self, key: str) -> bytes | None:
        """Read it here. A file that is not as this process has written or read it was edited: it is sent at the next put."""
        self._for_reading(key)
        data = self.local.read(key)
        name = key.partition("/")[0]
        if data is not None and layout.is_name(name) and key.endswith(".json") and not layout.is_artifact_key(key):
            thread, status = self.link.thread(name), self.local.status(key)
            stamp = status.stamp if status is not None else ()
            known = thread.stamps.setdefault(key, stamp)
            if known != stamp:
                thread.stamps[key] = stamp
                thread.pending.add(key)
        return data

    def exists(self, key: str) -> bool:
        """Look here."""
        self._for_reading(key)
        return self.local.exists(key)

    def list(self, folder: str) -> tuple[str, ...]:
        """List the folder; of the root, what is only in the mirror as well."""
        if folder:
            self._for_reading(folder)
            return self.local.list(folder)
        here = self.local.list("")
        there: tuple[str, ...] = ()

        def look() -> None:
            nonlocal there
            there = self.remote.list("")

        self.link.do(look, is_needed=False)
        doomed = {thread for _, thread, keys in self.link.deletions.pending() if keys is None}
        more = {name for name in there if layout.is_name(name) and name not in doomed}
        return here if more <= set(here) else tuple(sorted({*here, *more}))

    def names_at_hand(self) -> tuple[str, ...]:
        """List the folder: what is only in the mirror stays there."""
        return self.local.list("")

    def tree(self, folder: str) -> Iterator[Entry]:
        """Walk the folder here."""
        if folder:
            self._for_reading(folder)
        return self.local.tree(folder)

    def open(self, key: str) -> BinaryIO | None:
        """Open it here."""
        self._for_reading(key)
        return self.local.open(key)

    def status(self, key: str) -> Status | None:
        """Look here."""
        self._for_reading(key)
        return self.local.status(key)

    def path(self, key: str) -> str | None:
        """Return the path of the file here."""
        return self.local.path(key)

    def confine(self, folder: str) -> None:
        """Refuse a link out of the folder."""
        self.local.confine(folder)

    # --- writing

    def create(self, key: str, data: bytes, turn: Turn = no_turn) -> bool:
        """Write it here, then there."""
        self._for_writing(key)
        created = self.local.create(key, data, turn)
        if created:
            self._send(key)
        return created

    def create_all(self, files: Mapping[str, bytes]) -> None:
        """Write them one after the other."""
        for key, data in files.items():
            self.create(key, data)

    def replace(self, key: str, data: bytes) -> None:
        """Write it here, then there."""
        self._for_writing(key)
        self.local.replace(key, data)
        self._send(key)

    def settle(self, keys: Iterable[str]) -> None:
        """Make them durable here, and put them there where that has failed before."""
        wanted = list(keys)
        self.local.settle(wanted)
        for key in wanted:
            if key in self.link.thread(key.partition("/")[0]).pending:
                self._send(key)

    def delete(self, keys: Iterable[str]) -> None:
        """Remove them there, then here."""
        doomed = list(keys)
        by_thread: dict[str, list[str]] = {}
        for key in doomed:
            by_thread.setdefault(key.partition("/")[0], []).append(key)
        for name, these in by_thread.items():
            self._for_writing(name)
            if layout.is_name(name) and not self.link.do(lambda these=these: self.remote.delete(these)):  # type: ignore[misc]
                self.link.deletions.note(name, these)
            self.link.thread(name).pending.difference_update(these)
        self.local.delete(doomed)

    def delete_folder(self, folder: str) -> None:
        """Remove it there, checkpoints first, then here."""
        self._remove_there(folder)
        self.local.delete_folder(folder)

    def _remove_there(self, folder: str) -> None:
        self._for_writing(folder)
        name = folder.partition("/")[0]

        def remove() -> None:
            self.remote.delete(newest_first(each.key for each in self.remote.tree(folder)))

        if layout.is_name(name) and not self.link.do(remove):
            self.link.deletions.note(name, None)
        self.link.thread(name).pending.clear()

    def move_folder(self, source: str, target: str) -> bool:
        """Move it here. In the mirror a thread that goes out of sight is removed, and one that comes back is put there again."""
        if layout.is_name(source) and self.local.list(source):
            self._remove_there(source)
        moved = self.local.move_folder(source, target)
        if moved and layout.is_name(target):
            self.link.thread(target).is_compared = False
            self._for_writing(target)
        return moved

    def touch(self, key: str) -> None:
        """Make it young here."""
        self.local.touch(key)

    def copy(self, source_key: str, target_key: str) -> bool:
        """Copy it here, then put it there."""
        self._for_writing(target_key)
        copied = self.local.copy(source_key, target_key)
        if copied:
            self._send(target_key)
        return copied

    def stage(self, thread_id: str) -> Staged:
        """Begin a file here."""
        return MirroredStaged(self.local.stage(thread_id), self._for_writing, self._send)
