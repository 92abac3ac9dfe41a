"""What is damaged, out of the way: planned first, then carried out. A dry run is the plan alone.

- A damaged file goes; so does what refers to a damaged or missing artifact, what was written to a checkpoint that goes, and a
  checkpoint that cannot show its state without what goes (`descent`).
- A call of put_writes that is lost and has later ones leaves an empty file: its number must not become free ([W6]).
- Children of a checkpoint that goes get no parent, or the nearest ancestor that is there. A circle of parents is cut.
- Whatever is moved or changed is in `.quarantine` before, byte for byte and durably. Order of moving: checkpoints, newest first, then
  their writes, then artifacts. What a newer release wrote, and what is no file, stays and is told.

What would break it: removing a file before its copy is durable, a plan that sees less than the one who reads the thread.
"""

from __future__ import annotations

import contextlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Literal

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._codec import Codec, dump_document
from langgraph_filesaver._collection import references_in
from langgraph_filesaver._documents import CheckpointDocument, WritesDocument
from langgraph_filesaver._maintenance import facts_of
from langgraph_filesaver._repository import Repository
from langgraph_filesaver._retention import CheckpointFacts, Place, ThreadFacts, WritesFacts
from langgraph_filesaver._verification.descent import Names, cut_off, names_of, new_parents
from langgraph_filesaver._verification.findings import DAMAGE, Finding, RepairReport
from langgraph_filesaver._verification.verifying import check_thread
from langgraph_filesaver.errors import CorruptDataError, FileSaverError, StorageError

__all__ = ["repair"]

_ROUNDS = 3  # one, unless somebody damages more meanwhile

Reparent = Literal["none", "nearest"]


@dataclass(slots=True)
class Plan:
    """What is to be done with a thread.

    Attributes:
        doomed: The keys of files that go, and why.
        parents: The keys of checkpoints that get another parent, and its id.
        fills: The keys of lost calls whose number must stay taken, and the empty files that hold it.
        left: What cannot be mended.
    """

    doomed: dict[str, str] = field(default_factory=dict)
    parents: dict[str, str | None] = field(default_factory=dict)
    fills: dict[str, bytes] = field(default_factory=dict)
    left: list[Finding] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.doomed or self.parents or self.fills)


class _Planner:
    """Plans the repair of one thread, and changes nothing."""

    def __init__(self, repository: Repository, codec: Codec, folder: str, *, is_nearest: bool) -> None:
        self._repository = repository
        self._store = repository.store
        self._codec = codec
        self._folder = folder
        self._is_nearest = is_nearest
        self._plan = Plan()
        self._gaps: list[str] = []

    def plan(self) -> Plan:
        """Return the plan."""
        check = check_thread(self._repository, self._codec, self._folder, lambda: None)
        damage = [each for each in check.findings if each.kind in DAMAGE]
        if damage:
            for each in damage:
                self._judge(each)
            self._doom_what_refers(check.referring)
            self._doom_what_hangs()
            self._doom_what_is_cut_off()
            self._hold_places()
        return self._plan

    def _judge(self, finding: Finding) -> None:
        role = _role(finding.key)
        if (
            finding.kind == "newer"
            or role == "thread.json"
            or not (finding.kind == "unsound" or self._is_file(finding.key))
        ):
            self._plan.left.append(finding)
        elif finding.kind != "unsound":
            self._plan.doomed[finding.key] = finding.reason
        elif role == "checkpoints":
            self._plan.parents[finding.key] = None
        else:
            self._gaps.append(finding.key)

    def _is_file(self, key: str) -> bool:
        try:
            file = self._store.open(key)
        except CorruptDataError:  # sealed, and broken
            return True
        except StorageError:
            return False
        if file is not None:
            file.close()
        return file is not None

    def _doom_what_refers(self, referring: list[str]) -> None:
        """Doom what refers to an artifact that goes, itself or by way of others."""
        doomed = self._plan.doomed
        while gone := {_name(key) for key in doomed if _role(key) == "artifacts"}:
            found = {key: name for key in referring if key not in doomed for name in self._references(key) & gone}
            if not found:
                return
            doomed.update((key, f"it refers to artifacts/{name}, which is damaged") for key, name in found.items())

    def _references(self, key: str) -> set[str]:
        data = self._store.read(key)
        if data is None:
            return set()
        tree = json.loads(self._repository.formats.content(data, _name(key)))
        return {str(reference).rpartition("/")[2] for reference, _, is_certain in references_in(tree) if is_certain}

    def _doom_what_hangs(self) -> None:
        """Doom the writes to a checkpoint that goes, and what it was before it was corrected."""
        gone = self._lost()
        for entry in self._store.tree(self._folder):
            if _hangs_on(entry.key) in gone:
                self._plan.doomed.setdefault(entry.key, "its checkpoint goes")

    def _lost(self) -> dict[Names, str | None]:
        """Return the checkpoints that go, and their parents as far as they tell them."""
        return {
            _names(key): _parent_told(self._store.read, key) for key in self._plan.doomed if _role(key) == "checkpoints"
        }

    def _doom_what_is_cut_off(self) -> None:
        """Doom checkpoints that would show less than their state, and find new parents for the others."""
        doomed = self._plan.doomed
        lost = self._lost()
        without_writes = {
            names for key in (*doomed, *self._gaps) if _role(key) == "writes" and (names := _hangs_on(key)) is not None
        }
        if not lost and not without_writes:
            return
        thread = self._facts()
        for place, channels in cut_off(thread, lost, without_writes - lost.keys()).items():
            told = ", ".join(f"`{channel}`" for channel in sorted(channels))
            doomed[self._key(place)] = f"its {told} follow from an ancestor, or from writes, that are damaged"
        self._doom_what_hangs()
        stay = {place: facts for place, facts in thread.checkpoints.items() if self._key(place) not in doomed}
        for place, parent_id in new_parents(stay, self._lost(), is_nearest=self._is_nearest).items():
            self._plan.parents[self._key(place)] = parent_id
        for key in [key for key in self._plan.parents if key in doomed]:
            del self._plan.parents[key]

    def _key(self, place: Place) -> str:
        ns_name, name = names_of(place)
        return f"{layout.checkpoints_folder(self._folder, ns_name)}/{name}.json"

    def _facts(self) -> ThreadFacts:
        """Return what can be read and is to stay, as far as that is known by now."""
        checkpoints: dict[Place, CheckpointFacts] = {}
        writes: list[WritesFacts] = []
        for entry in self._store.tree(self._folder):
            role = _role(entry.key)
            if entry.key in self._plan.doomed or not layout.is_data_key(entry.key):
                continue
            if role == "checkpoints":
                document = self._document(entry.key, CheckpointDocument.from_json)
                if document is not None:
                    with contextlib.suppress(
                        CorruptDataError
                    ):  # metadata that are none of LangGraph's tell of no channel
                        facts = facts_of(document, self._codec, is_late=False)
                        checkpoints[facts.place] = facts
            elif role == "writes":
                found = self._document(entry.key, WritesDocument.from_json)
                if found is not None:
                    place = (found.checkpoint_ns, found.checkpoint_id)
                    channels = frozenset(write.channel for write in found.writes)
                    writes.append(WritesFacts(entry.key, place, found.run_id, channels))
        return ThreadFacts(checkpoints, writes)

    def _document(self, key: str, from_json: Callable[[Any], Any]) -> Any:
        try:
            data = self._store.read(key)
            return None if data is None else self._repository.parsed(key, from_json, data)
        except FileSaverError:  # it is among what is left, and told there
            return None

    def _hold_places(self) -> None:
        """Find the lost calls that have later ones which stay: of these an empty file holds the number."""
        doomed = self._plan.doomed
        lost: defaultdict[str, set[int]] = defaultdict(set)
        gone = self._lost()
        for key in (*self._gaps, *(key for key in doomed if _role(key) == "writes")):
            if _hangs_on(key) not in gone:
                task, number = _call(key)
                lost[task].add(number)
        for task, numbers in lost.items():
            calls = [_call(f"{task.rpartition('/')[0]}/{name}") for name in self._store.list(task.rpartition("/")[0])]
            stay = {number for each, number in calls if each == task} - numbers
            last = max(stay, default=-1)
            later: WritesDocument | None = (
                self._document(f"{task}.{last}.json", WritesDocument.from_json) if stay else None
            )
            for number in numbers:
                if number < last and later is not None:
                    place = (later.checkpoint_ns, later.checkpoint_id, later.task_id, later.task_path)
                    key = f"{task}.{number}.json"
                    self._plan.fills[key] = dump_document(WritesDocument(*place, run_id=None, writes=()).to_json())
                    doomed.pop(key, None)


@dataclass(slots=True)
class _Work:
    """The carrying out of plans, and what came of it."""

    repository: Repository
    thread_id: str
    place: str
    dry_run: bool
    quarantined: list[str] = field(default_factory=list)
    reparented: list[tuple[str, str | None]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def do(self, plan: Plan) -> None:
        """Do what was planned, or only note it."""
        store = self.repository.store
        self.lost += [f"{_described(store.read, key)}: {reason}" for key, reason in sorted(plan.doomed.items())]
        self.lost += [f"{key}: a call of put_writes; an empty file holds its place" for key in sorted(plan.fills)]
        self.reparented += sorted(plan.parents.items())
        for key, parent_id in plan.parents.items():
            self._keep([key])
            if not self.dry_run:
                self.repository.rewrite(key, _to_parent(parent_id))
        by_role: defaultdict[str, list[str]] = defaultdict(list)
        for key in plan.doomed:
            by_role[_role(key)].append(key)
        self._move(sorted(by_role.pop("checkpoints", []), reverse=True))
        for key, data in plan.fills.items():
            self._fill(key, data)
        artifacts = by_role.pop("artifacts", [])
        for keys in by_role.values():
            self._move(sorted(keys, key=_call, reverse=True))  # the last call first: no gap is left
        if artifacts and not self.dry_run:
            with self.repository.locks.removing(self.thread_id):
                self._move(artifacts)
        else:
            self._move(artifacts)

    def _fill(self, key: str, data: bytes) -> None:
        store = self.repository.store
        if store.exists(key):
            self._keep([key])
            if not self.dry_run:
                store.replace(key, data)
        elif not self.dry_run:
            store.create(key, data)  # unless a writer takes the number just now

    def _keep(self, keys: list[str]) -> None:
        self.quarantined += keys
        for key in keys if not self.dry_run else ():
            self.repository.store.copy(key, f"{self.place}/{key}")

    def _move(self, keys: list[str]) -> None:
        self._keep(keys)
        if not self.dry_run:
            self.repository.store.delete(keys)


def repair(
    repository: Repository, codec: Codec, thread_id: str, *, reparent: Reparent, dry_run: bool, now: datetime
) -> RepairReport:
    """Take what is damaged in a thread out of the way, or only tell what that would be.

    Raises:
        HeldError: Somebody has the thread.
        StorageError: A file cannot be kept; what was not kept is where it was.
    """
    place = f"{layout.QUARANTINE_FOLDER}/{now.astimezone(timezone.utc).strftime('%Y%m%dT%H%M%S.%fZ')}"
    work = _Work(repository, thread_id, place, dry_run)

    def planned() -> Plan:
        return _Planner(repository, codec, layout.thread_folder(thread_id), is_nearest=reparent == "nearest").plan()

    if dry_run:
        plan = planned()
        work.do(plan)
    else:
        with repository.maintaining(thread_id):
            for _ in range(_ROUNDS):
                plan = planned()
                if plan.is_empty:
                    break
                work.do(plan)
    return RepairReport(
        dry_run,
        tuple(work.quarantined),
        repository.store.describe(place) if work.quarantined and not dry_run else None,
        tuple(work.reparented),
        tuple(work.lost),
        tuple(plan.left),
    )


def _role(key: str) -> str:
    return key.split("/")[1]


def _name(key: str) -> str:
    return key.rpartition("/")[2]


def _names(key: str) -> Names:
    """Return the names in the key of a checkpoint."""
    _, _, ns_name, name = key.split("/")
    return ns_name, name.removesuffix(".json")


def _call(key: str) -> tuple[str, int]:
    """Return the task that a file of writes is of, as the beginning of its key, and its number; of others, the key."""
    parsed = layout.WritesName.parse(_name(key))
    return (key, -1) if parsed is None else (key.rsplit(".", 2)[0], parsed.number)


def _hangs_on(key: str) -> Names | None:
    """Return the names of the checkpoint that a file of writes or an earlier state hangs on, or None."""
    role, name = _role(key) if "/" in key else "", _name(key)
    writes = layout.WritesName.parse(name) if role == "writes" else None
    edit = layout.EditName.parse(name) if role == "edits" else None
    found = writes or edit
    return None if found is None else (found.ns_name, found.checkpoint_name)


def _to_parent(parent_id: str | None) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        document["parent_checkpoint_id"] = parent_id

    return change


def _told(read: Callable[[str], bytes | None], key: str) -> dict[str, Any]:
    """Return the object in a file as far as it is one: it is damaged, which is why it is looked at."""
    try:
        document = json.loads(read(key) or b"{}")
    except (ValueError, RecursionError, FileSaverError):
        return {}
    return document if isinstance(document, dict) else {}


def _parent_told(read: Callable[[str], bytes | None], key: str) -> str | None:
    document = _told(read, key)
    is_itself = layout.name_of(str(document.get("checkpoint_id"))) == _names(key)[1]  # else it is another one's file
    parent = document.get("parent_checkpoint_id")
    return parent if isinstance(parent, str) and is_itself else None


def _described(read: Callable[[str], bytes | None], key: str) -> str:
    """Return in words what a thread loses with a file, as far as that can still be told."""
    role = _role(key)
    document = _told(read, key) if role in ("checkpoints", "writes") else {}
    channels: Iterator[Any] = iter(())
    if isinstance(document.get("state"), dict):
        channels = iter(document["state"])
    elif isinstance(document.get("writes"), list):
        channels = (each.get("channel") for each in document["writes"] if isinstance(each, dict))
    what = {"checkpoints": "a checkpoint", "writes": "writes", "artifacts": "a large value"}.get(role, "a file")
    names = ", ".join(map(str, channels))
    return f"{key} ({what}{f' of {names}' if names else ''})"
