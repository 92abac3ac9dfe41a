"""One sweep of a store: which threads have expired, which checkpoints a policy does not keep, and what becomes of them.

- Cheap looks first: a thread that is not due costs a look at its `retention.json` and at the folder of its checkpoints.
- Nothing is decided on an old look: under the thread's lock the age and the status are found out again, and after the folder was
  moved out of sight it is compared with what was judged. Who used the thread in between has it back whole.
- A thread that somebody has, or that is damaged, is told of and left; it stops no other.

What would break it: removing before moving, a status that was read before the lock was taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

from langgraph_filesaver import _collection as collection
from langgraph_filesaver import _layout as layout
from langgraph_filesaver import _maintenance as maintenance
from langgraph_filesaver._codec import Codec, dump_plain
from langgraph_filesaver._identity import Identified
from langgraph_filesaver._leases import HeldError
from langgraph_filesaver._repository import Repository
from langgraph_filesaver._retention import Policy
from langgraph_filesaver._ttl import RetentionDocument, TimeToLive
from langgraph_filesaver.config import GRACE_SECONDS
from langgraph_filesaver.errors import ConflictError, FileSaverError, NotFoundError
from langgraph_filesaver.inspection.inspector import Inspector
from langgraph_filesaver.inspection.summaries import summary_of

__all__ = [
    "KeptCheckpoint",
    "SkippedThread",
    "Sweep",
    "SweepReport",
    "SweptThread",
    "change_wishes",
    "restore",
    "wishes_of",
]

_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class KeptCheckpoint:
    """A checkpoint that stays in a thread that was pruned, and why."""

    checkpoint_ns: str
    checkpoint_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class SweptThread:
    """What a sweep did, or would do, with a thread.

    Attributes:
        thread_id: The thread.
        action: "deleted", "trashed" or "pruned".
        reason: Why.
        files: How many files went.
        bytes: Their size.
        kept: The checkpoints that stay, where it was pruned.
    """

    thread_id: str
    action: str
    reason: str
    files: int
    bytes: int
    kept: tuple[KeptCheckpoint, ...] = ()


@dataclass(frozen=True, slots=True)
class SkippedThread:
    """A thread that is due and stays, and why."""

    thread_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class SweepReport:
    """What a sweep found.

    Attributes:
        dry_run: Whether it only looked.
        is_busy: Whether another process was sweeping, so that nothing was done here.
        threads: How many threads there are.
        swept: What was done with which thread.
        skipped: Threads that are due and stay: unfinished, in use, or used again meanwhile.
        failed: Threads that could not be swept, with the error.
        emptied: How many threads in the trash were past their time, and are gone.
    """

    dry_run: bool
    is_busy: bool = False
    threads: int = 0
    swept: tuple[SweptThread, ...] = ()
    skipped: tuple[SkippedThread, ...] = ()
    failed: tuple[SkippedThread, ...] = ()
    emptied: int = 0

    @property
    def files(self) -> int:
        """How many files went, or would go."""
        return sum(each.files for each in self.swept)

    @property
    def bytes(self) -> int:
        """Their size."""
        return sum(each.bytes for each in self.swept)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {**asdict(self), "files": self.files, "bytes": self.bytes}


class _StaysError(Exception):
    """A thread that seemed due stays; the text says why."""


@dataclass(slots=True)
class Sweep:
    """A sweep.

    Attributes:
        inspector: Reads the threads.
        codec: Revives what a plan needs to know.
        ttl: How long threads are kept.
        policy: Which checkpoints of the others are kept; None: all.
        include_unfinished: Whether threads expire that are not done.
        trash: Whether expired threads can be brought back for a while.
        trash_grace: For how long.
        dry_run: Whether to look only.
        now: The instant to reckon from.
        progress: Called after each thread.
    """

    inspector: Inspector
    codec: Codec
    ttl: TimeToLive
    policy: Policy | None
    include_unfinished: bool
    trash: bool
    trash_grace: timedelta
    dry_run: bool
    now: datetime
    progress: Callable[[], None]
    _swept: list[SweptThread] = field(default_factory=list)
    _skipped: list[SkippedThread] = field(default_factory=list)
    _failed: list[SkippedThread] = field(default_factory=list)

    @property
    def _repository(self) -> Repository:
        return self.inspector.repository

    def run(self) -> SweepReport:
        """Sweep all threads, unless another process is at it."""
        if self.dry_run:
            return self._all()
        with self._repository.locks.sweeping() as is_ours:
            return self._all() if is_ours else SweepReport(dry_run=False, is_busy=True)

    def _all(self) -> SweepReport:
        thread_ids = self._thread_ids()
        ages = self._ages() if self._repository.store.is_far else None
        for thread_id in thread_ids:
            try:
                self._one(thread_id, ages)
            except _StaysError as stays:
                self._skipped.append(SkippedThread(thread_id, str(stays)))
            except HeldError as held:
                self._skipped.append(SkippedThread(thread_id, f"somebody has it: {held.timed_out(0)}"))
            except FileSaverError as error:
                self._failed.append(SkippedThread(thread_id, str(error)))
            self.progress()
        emptied = self._empty_trash()
        return SweepReport(
            dry_run=self.dry_run,
            threads=len(thread_ids),
            swept=tuple(self._swept),
            skipped=tuple(self._skipped),
            failed=tuple(self._failed),
            emptied=emptied,
        )

    def _thread_ids(self) -> list[str]:
        """Return the threads that are here; one whose id cannot be told is among the failed."""
        found = []
        for name in self._repository.store.names_at_hand():
            if layout.is_name(name):
                try:
                    thread_id = self._repository.thread_id_of(name)
                except FileSaverError as error:
                    self._failed.append(SkippedThread(name, str(error)))
                else:
                    found += [] if thread_id is None else [thread_id]
        return sorted(found)

    def _one(self, thread_id: str, ages: Mapping[str, float] | None) -> None:
        folder = layout.thread_folder(thread_id)
        if ages is not None and not self._may_be_due(ages, folder):
            return
        wishes = wishes_of(self._repository, thread_id)
        if wishes.pinned:
            return
        after = self.ttl.after if wishes.ttl_seconds is None else timedelta(seconds=wishes.ttl_seconds)
        cutoff = None if after is None else _before(self.now, after)
        if cutoff is not None and self._seems_due(folder, cutoff):
            if self.ttl.strategy == "delete":
                self._expire(thread_id, folder, cutoff)
                return
            self._prune(thread_id, Policy(), f"unused since {_told(cutoff)}", cutoff)
        elif self.policy is not None:
            self._prune(thread_id, self.policy, "not kept by the policy", None)

    def _ages(self) -> dict[str, float]:
        """Return the last activity of each thread's folder, from one listing of the whole store; of `retention.json`, that it is there."""
        ages: dict[str, float] = {}
        for entry in self._repository.store.tree(""):
            folder = entry.key.partition("/")[0]
            ages[folder] = max(ages.get(folder, 0.0), entry.modified_at)
            if entry.key == layout.retention_key(folder):
                ages[entry.key] = 0.0
        return ages

    def _may_be_due(self, ages: Mapping[str, float], folder: str) -> bool:
        if layout.retention_key(folder) in ages or self.policy is not None:
            return True
        return self.ttl.after is not None and ages.get(folder, 0.0) <= _before(self.now, self.ttl.after)

    def _seems_due(self, folder: str, cutoff: float) -> bool:
        """Tell whether a thread has not been used since an instant, by a look at one folder first."""
        if not self._repository.store.is_far:
            status = self._repository.store.status(layout.checkpoints_folder(folder, layout.ROOT_NAMESPACE))
            if status is not None and status.modified_at > cutoff:
                return False
        return max((age for _, age in self._files(folder).values()), default=self.now.timestamp()) <= cutoff

    def _files(self, folder: str) -> dict[str, tuple[int, float]]:
        return {
            entry.key[len(folder) :]: (entry.bytes, entry.modified_at) for entry in self._repository.store.tree(folder)
        }

    def _require_due(self, thread_id: str, folder: str, cutoff: float) -> dict[str, tuple[int, float]]:
        """Return the files of a thread that is due and finished; raises _StaysError where it is not, or not any more."""
        files = self._files(folder)
        if max((age for _, age in files.values()), default=self.now.timestamp()) > cutoff:
            raise _StaysError("used again meanwhile")
        summary = summary_of(self.inspector, thread_id)
        if summary is None:
            raise _StaysError("it has no checkpoint")
        if summary.status != "done" and not self.include_unfinished:
            raise _StaysError(f"not finished: {summary.damage or summary.status}")
        return files

    def _expire(self, thread_id: str, folder: str, cutoff: float) -> None:
        repository = self._repository
        action, reason = "trashed" if self.trash else "deleted", f"unused since {_told(cutoff)}"
        if self.dry_run:
            files = self._require_due(thread_id, folder, cutoff)
        else:
            with repository.maintaining(thread_id):
                files = self._require_due(thread_id, folder, cutoff)
                self._remove(thread_id, folder, files)
        self._swept.append(SweptThread(thread_id, action, reason, len(files), sum(size for size, _ in files.values())))

    def _remove(self, thread_id: str, folder: str, judged: dict[str, tuple[int, float]]) -> None:
        repository = self._repository
        hidden = f"{layout.TRASH_FOLDER}/{self.now.strftime(_STAMP)}.{folder}"
        with repository.locks.removing(thread_id):
            if not repository.store.move_folder(folder, hidden):
                raise _StaysError("it was moved or removed meanwhile")
            Identified.forget(repository.store, thread_id)
            if self._differs(self._files(hidden), judged) or repository.store.list(folder):
                _bring_back(repository, hidden, folder)
                raise _StaysError("used again meanwhile")
        if not self.trash:
            repository.store.delete_folder(hidden)

    def _differs(self, found: Mapping[str, tuple[int, float]], judged: Mapping[str, tuple[int, float]]) -> bool:
        if not self._repository.store.is_far:
            return found != judged
        # There a moved file is a new one: its age says nothing.
        return {key: size for key, (size, _) in found.items()} != {key: size for key, (size, _) in judged.items()}

    def _prune(self, thread_id: str, policy: Policy, reason: str, cutoff: float | None) -> None:
        repository, folder = self._repository, layout.thread_folder(thread_id)
        check = (lambda: None) if cutoff is None else partial(self._require_due, thread_id, folder, cutoff)
        sizes = {entry.key: entry.bytes for entry in repository.store.tree(folder)}
        plan, doomed = maintenance.prune_by(
            repository, self.codec, thread_id, policy, dry_run=self.dry_run, check=check
        )
        if plan.changes_nothing:
            return
        garbage = collection.GarbageReport(dry_run=True, files=0, bytes=0, paths=())
        if not self.dry_run:  # what only they referred to is not known before
            garbage = collection.collect(repository, thread_id, dry_run=False, grace_seconds=GRACE_SECONDS)
        kept = tuple(KeptCheckpoint(*place, f"kept: {why}") for place, why in sorted(plan.kept.items()))
        files, size = len(doomed) + garbage.files, sum(sizes.get(key, 0) for key in doomed) + garbage.bytes
        self._swept.append(SweptThread(thread_id, "pruned", reason, files, size, kept))

    def _empty_trash(self) -> int:
        """Remove what was thrown away before the grace period, and return how much that is."""
        store = self._repository.store
        past = [
            name
            for name in store.list(layout.TRASH_FOLDER)
            if (at := _thrown_at(name)) is not None and at <= _before(self.now, self.trash_grace)
        ]
        for name in past if not self.dry_run else ():
            store.delete_folder(f"{layout.TRASH_FOLDER}/{name}")
        return len(past)


def _before(now: datetime, span: timedelta) -> float:
    return now.timestamp() - span.total_seconds()


def _told(instant: float) -> str:
    try:
        return datetime.fromtimestamp(instant, timezone.utc).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return "before there were dates"


def _thrown_at(name: str) -> float | None:
    """Return when a thread was moved into the trash, by the name that it has there; None where that is a stray."""
    stamp, dot, folder = name.partition(".")
    try:
        at = datetime.strptime(stamp, _STAMP).replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    return at.timestamp() if dot and layout.is_name(folder) else None


def _bring_back(repository: Repository, hidden: str, folder: str) -> None:
    """Move a folder out of the trash; where its thread has begun anew, add to it what it had."""
    store = repository.store
    if store.move_folder(hidden, folder):
        return
    keys = [entry.key for entry in store.tree(hidden)]
    keys.sort(key=lambda key: ("/checkpoints/" in key, "/writes/" in key, "/artifacts/" not in key))
    for key in keys:
        store.copy(key, folder + key[len(hidden) :])
    store.delete_folder(hidden)


def restore(repository: Repository, thread_id: str, *, dry_run: bool) -> None:
    """Bring a thread back out of the trash, or only see whether that could be done.

    Raises:
        NotFoundError: It is not there.
        ConflictError: There is a thread of that id.
        HeldError: Somebody has it.
    """
    folder = layout.thread_folder(thread_id)
    with repository.maintaining(thread_id), repository.locks.removing(thread_id):
        names = [
            name
            for name in repository.store.list(layout.TRASH_FOLDER)
            if _thrown_at(name) is not None and name.partition(".")[2] == folder
        ]
        if not names:
            raise NotFoundError(f"thread {thread_id!r} is not in the trash", wanted=thread_id)
        if repository.namespaces(thread_id):
            raise ConflictError(
                f"there is a thread {thread_id!r} by now: copy it to another id and delete it, then restore the old one"
            )
        if not dry_run:
            _bring_back(repository, f"{layout.TRASH_FOLDER}/{max(names)}", folder)


def wishes_of(repository: Repository, thread_id: str) -> RetentionDocument:
    """Return how long a thread wants to be kept; raises CorruptDataError where its document cannot be read."""
    key = layout.retention_key(layout.thread_folder(thread_id))
    data = repository.store.read(key)
    return RetentionDocument() if data is None else repository.parsed(key, RetentionDocument.from_json, data)


def change_wishes(
    repository: Repository, thread_id: str, change: Callable[[RetentionDocument], RetentionDocument]
) -> None:
    """Change how long a thread is kept.

    Raises:
        NotFoundError: There is no such thread.
        HeldError: Somebody maintains it.
        CorruptDataError: Its document cannot be read.
    """
    key = layout.retention_key(layout.thread_folder(thread_id))
    with repository.locks.hold(thread_id, is_hasty=True):
        if not repository.namespaces(thread_id):
            raise NotFoundError(f"there is no thread {thread_id!r}", wanted=thread_id)
        document = change(wishes_of(repository, thread_id))
        with Identified(repository.store, thread_id):
            repository.store.replace(key, dump_plain(document.to_json()))
