"""What is damaged, out of the way: moved into `.quarantine`, byte for byte, never removed. What is left of the thread goes on.

- A damaged file goes; so does a checkpoint or a write that refers to something that is not there, and what was written to a
  checkpoint that goes. Then the thread is looked at again, for what went may have been referred to.
- Children of a checkpoint that went get no parent, or the nearest ancestor that is there, as far as the damaged file still tells it.
- A circle of parents is cut where it was found. What cannot be mended stays and is told.

What would break it: removing a file before its copy in the quarantine is durable.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Literal

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._codec import Codec
from langgraph_filesaver._repository import Repository
from langgraph_filesaver._verification.findings import DAMAGE, Finding, RepairReport
from langgraph_filesaver._verification.verifying import check_thread
from langgraph_filesaver.errors import FileSaverError, StorageError

__all__ = ["Repair", "repair"]

_ROUNDS = 20

Reparent = Literal["none", "nearest"]


@dataclass(slots=True)
class Repair:
    """The repair of one thread, whose lock the caller holds unless it only looks."""

    repository: Repository
    codec: Codec
    folder: str
    reparent: Reparent
    dry_run: bool
    place: str
    quarantined: list[str] = field(default_factory=list)
    reparented: list[tuple[str, str | None]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    left: list[Finding] = field(default_factory=list)

    def run(self) -> None:
        """Look, take out of the way, and look again, until nothing more can be done."""
        given_up: set[str] = set()
        for _ in range(_ROUNDS):
            found = check_thread(self.repository, self.codec, self.folder, lambda: None).findings
            damage = [each for each in found if each.kind in DAMAGE and each.key not in given_up]
            if not damage:
                break
            # The newest first: what goes with its parent need not get another one before.
            for each in sorted(damage, key=lambda finding: finding.key, reverse=True):
                if not self._mend(each):
                    given_up.add(each.key)
                    self.left.append(each)
            if self.dry_run:
                break

    def _mend(self, finding: Finding) -> bool:
        role = finding.key.split("/")[1]
        if finding.kind == "unsound":
            if role != "checkpoints":
                return False
            self._set_parent(finding.key, None)
            return True
        if role == "thread.json" or (finding.kind == "missing" and not self.repository.store.exists(finding.key)):
            return False
        if finding.key in self.quarantined:
            return True
        if role == "checkpoints":
            return self._take_checkpoint(finding.key)
        return self._take([finding.key], _described(self.repository, finding.key))

    def _take_checkpoint(self, key: str) -> bool:
        """Take a checkpoint out of the way, with what hangs on it, and care for its children."""
        ns_name, _, file_name = key.split("/")[2:][0], None, key.rpartition("/")[2]
        stem = file_name[: -len(".json")]
        parent_id = _parent_told(self.repository, key)
        hanging = [
            each.key
            for each in self.repository.store.tree(self.folder)
            if (name := _hangs_on(each.key)) is not None and name == (ns_name, stem)
        ]
        children = [child for child, parent in self._children(ns_name) if layout.name_of(parent) == stem]
        if not self._take([key, *hanging], _described(self.repository, key)):
            return False
        for child in children:
            self._set_parent(child, parent_id if self.reparent == "nearest" else None)
        return True

    def _children(self, ns_name: str) -> Iterable[tuple[str, str]]:
        """Yield (key, parent's id) of the checkpoints of a namespace that can be read and have a parent."""
        folder = layout.checkpoints_folder(self.folder, ns_name)
        for name in self.repository.store.list(folder):
            parent = _parent_told(self.repository, f"{folder}/{name}")
            if parent is not None and layout.is_data_key(f"{folder}/{name}"):
                yield f"{folder}/{name}", parent

    def _set_parent(self, key: str, parent_id: str | None) -> None:
        if key in self.quarantined:
            return
        self.reparented.append((key, parent_id))
        if not self.dry_run:

            def change(document: dict[str, Any]) -> None:
                document["parent_checkpoint_id"] = parent_id

            self.repository.rewrite(key, change)

    def _take(self, keys: list[str], described: str) -> bool:
        store = self.repository.store
        if not self.dry_run:
            try:
                for key in keys:
                    store.copy(key, f"{self.place}/{key}")
            except StorageError:  # no regular file, or no room: it stays where it is
                return False
            store.delete(keys)
        self.quarantined += keys
        self.lost.append(described)
        return True


def repair(
    repository: Repository, codec: Codec, thread_id: str, *, reparent: Reparent, dry_run: bool, now: datetime
) -> RepairReport:
    """Take what is damaged in a thread out of the way, or only tell what that would be.

    Raises:
        HeldError: Somebody has the thread.
        StorageError: A file cannot be moved.
    """
    place = f"{layout.QUARANTINE_FOLDER}/{now.astimezone(timezone.utc).strftime('%Y%m%dT%H%M%S.%fZ')}"
    work = Repair(repository, codec, layout.thread_folder(thread_id), reparent, dry_run, place)
    if dry_run:
        work.run()
    else:
        with repository.maintaining(thread_id), repository.locks.removing(thread_id):
            work.run()
    return RepairReport(
        dry_run,
        tuple(work.quarantined),
        repository.store.describe(place) if work.quarantined and not dry_run else None,
        tuple(work.reparented),
        tuple(work.lost),
        tuple(work.left),
    )


def _hangs_on(key: str) -> tuple[str, str] | None:
    """Return the names of namespace and checkpoint that a file of writes or an earlier state hangs on, or None."""
    role, name = key.split("/")[1], key.rpartition("/")[2]
    writes = layout.WritesName.parse(name) if role == "writes" else None
    edit = layout.EditName.parse(name) if role == "edits" else None
    found = writes or edit
    return None if found is None else (found.ns_name, found.checkpoint_name)


def _parent_told(repository: Repository, key: str) -> str | None:
    """Return the parent that a checkpoint's file tells, as far as it can still be parsed."""
    try:
        document = json.loads(repository.store.read(key) or b"{}")
        parent = document.get("parent_checkpoint_id")
    except (ValueError, AttributeError, RecursionError, FileSaverError):  # it is damaged: that is why we are here
        return None
    return parent if isinstance(parent, str) else None


def _described(repository: Repository, key: str) -> str:
    """Return in words what a thread loses with a file, as far as that can still be told."""
    role, name = key.split("/")[1], key.rpartition("/")[2]
    try:
        document = json.loads(repository.store.read(key) or b"{}") if name.endswith(".json") else {}
    except (ValueError, RecursionError, FileSaverError):  # as above
        document = {}
    document = document if isinstance(document, dict) else {}
    if role == "checkpoints":
        channels = document.get("state")
        told = f" with {', '.join(map(str, channels))}" if isinstance(channels, dict) and channels else ""
        return f"{key}: checkpoint {name.removesuffix('.json')}{told}, and what was written to it"
    if role == "writes":
        writes = document.get("writes")
        channels = (
            [str(each.get("channel")) for each in writes if isinstance(each, dict)] if isinstance(writes, list) else []
        )
        told = f" to {', '.join(channels)}" if channels else ""
        return f"{key}: writes of task {document.get('task_id', name)}{told}"
    return f"{key}: {'a large value' if role == 'artifacts' else 'what it held'}"
