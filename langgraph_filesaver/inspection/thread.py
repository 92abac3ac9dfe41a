"""One thread to look at: its latest state, its history, what changed, its forks, writes and artifacts.

Each question reads what is there when it is asked; nothing is kept, locked or written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._artifacts import MissingArtifactError
from langgraph_filesaver._thread_files import StoredCheckpoint
from langgraph_filesaver.errors import CorruptDataError, NotFoundError
from langgraph_filesaver.inspection import html, words
from langgraph_filesaver.inspection.diff import Diff, changes
from langgraph_filesaver.inspection.inspector import Inspector
from langgraph_filesaver.inspection.parts import ArtifactEntry, Artifacts, WriteEntry, Writes
from langgraph_filesaver.inspection.progress import nodes_of
from langgraph_filesaver.inspection.records import (
    CheckpointSummary,
    History,
    State,
    ThreadSummary,
    Tree,
)
from langgraph_filesaver.inspection.report import report
from langgraph_filesaver.inspection.summaries import summary_of
from langgraph_filesaver.inspection.values import kind_of, to_json

__all__ = ["Thread"]


class Thread:
    """A thread, to be looked at.

    Args:
        inspector: Reads it.
        thread_id: The thread.

    Raises:
        NotFoundError: There is no such thread; the nearest names are told.
    """

    def __init__(self, inspector: Inspector, thread_id: str) -> None:
        self._inspector = inspector
        self.thread_id = thread_id
        if not inspector.repository.namespaces(thread_id):
            inspector.load(thread_id, "", None)

    @property
    def summary(self) -> ThreadSummary:
        """Where it stands now.

        Raises:
            NotFoundError: It was removed meanwhile.
        """
        found = summary_of(self._inspector, self.thread_id)
        if found is None:
            raise NotFoundError(f"thread {self.thread_id!r} was removed meanwhile", wanted=self.thread_id)
        return found

    @property
    def latest(self) -> State:
        """What it knows now."""
        return self.state()

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces that have a checkpoint, ascending: `""` is the graph itself, the others are called graphs."""
        return tuple(self._inspector.repository.namespaces(self.thread_id))

    def state(self, checkpoint: str | CheckpointSummary | State | None = None, *, checkpoint_ns: str = "") -> State:
        """Return what it knew at a checkpoint.

        Args:
            checkpoint: The checkpoint, by its id or as another method gave it; None for the latest.
            checkpoint_ns: Its namespace, where it is given by its id.

        Raises:
            NotFoundError: There is no such checkpoint.
            CorruptDataError: A file is damaged; it is named.
        """
        checkpoint_id, checkpoint_ns = _place_of(checkpoint, checkpoint_ns)
        return self._inspector.state(self.thread_id, checkpoint_ns, checkpoint_id)

    def history(self, *, checkpoint_ns: str = "") -> History:
        """Return the checkpoints of a namespace, the newest first. Each is read when it is come to."""
        ids = self._inspector.repository.checkpoint_ids(self.thread_id, checkpoint_ns)
        return History(tuple(reversed(ids)), _Steps(self, checkpoint_ns))

    def diff(
        self,
        old: str | CheckpointSummary | State | None = None,
        new: str | CheckpointSummary | State | None = None,
        *,
        checkpoint_ns: str = "",
    ) -> Diff:
        """Return what changed from one checkpoint to another.

        Args:
            old: The checkpoint to compare with; None for the parent of the other one, or for nothing where that is gone.
            new: The other one; None for the latest.
            checkpoint_ns: Their namespace, where they are given by their ids.

        Raises:
            NotFoundError: There is no such checkpoint.
        """
        after = self.state(new, checkpoint_ns=checkpoint_ns)
        old_id, old_ns = _place_of(old, after.summary.checkpoint_ns)
        old_id = old_id or self._parent_of(after.summary)
        before = self.state(old_id, checkpoint_ns=old_ns) if old_id else {}
        found = changes(to_json(dict(before)), to_json(dict(after)))
        return Diff(self.thread_id, old_id or "", after.summary.checkpoint_id, found)

    def _parent_of(self, step: CheckpointSummary) -> str | None:
        """Return the parent of a step, or None where it has none any more."""
        parent_id, read = step.parent_checkpoint_id, self._inspector.repository.read_checkpoint
        return parent_id if parent_id and read(self.thread_id, step.checkpoint_ns, parent_id) else None

    def tree(self, *, checkpoint_ns: str = "") -> Tree:
        """Return the checkpoints of a namespace, oldest first, as a tree of what was made from what."""
        return Tree(tuple(reversed(list(self.history(checkpoint_ns=checkpoint_ns)))))

    def writes(self, checkpoint: str | CheckpointSummary | State | None = None, *, checkpoint_ns: str = "") -> Writes:
        """Return the pending writes of a checkpoint: what the tasks that started from it have brought so far."""
        checkpoint_id, checkpoint_ns = _place_of(checkpoint, checkpoint_ns)
        return self._inspector.steadily(self.thread_id, checkpoint_ns, checkpoint_id, self._writes)

    def _writes(self, found: StoredCheckpoint) -> Writes:
        values, describe = self._inspector.plain_values(self.thread_id), self._inspector.repository.store.describe
        nodes = nodes_of(found.document, found.writes, values.plain)
        entries = []
        for write in found.writes:
            try:
                value = values.channels({write.channel: write.value})[write.channel]
            except MissingArtifactError:
                raise
            except CorruptDataError as error:
                raise error.in_file(describe(write.key)) from error
            node, file = nodes.get(write.task_id), describe(write.key)
            entries.append(WriteEntry(write.task_id, node, write.channel, write.idx, value, file))
        return Writes(entries)

    def artifacts(self) -> Artifacts:
        """Return the files of its large values and of the parts of its long lists, the largest first."""
        inspector, store = self._inspector, self._inspector.repository.store
        folder = layout.artifacts_folder(layout.thread_folder(self.thread_id))
        found = []
        for entry in store.tree(folder):
            name = entry.key[len(folder) + 1 :]
            if layout.is_artifact_name(name):
                path = layout.artifact_reference(name)
                found.append(
                    ArtifactEntry(
                        path=path,
                        kind=kind_of(name),
                        bytes=entry.bytes,
                        modified_at=datetime.fromtimestamp(entry.modified_at, timezone.utc),
                        file=store.describe(entry.key),
                        read=lambda path=path: inspector.artifact_bytes(self.thread_id, path),  # type: ignore[misc]
                    )
                )
        return Artifacts(sorted(found, key=lambda each: (-each.bytes, each.path)))

    def replay(self, *, checkpoint_ns: str = "") -> Iterator[State]:
        """Yield the states that led to the latest one, in order, the oldest first. Forks are left out."""
        read = self._inspector.repository.read_checkpoint
        document = self._inspector.load(self.thread_id, checkpoint_ns, None).document
        path = [document.checkpoint_id]
        while document.parent_checkpoint_id and document.parent_checkpoint_id not in path:
            parent = read(self.thread_id, checkpoint_ns, document.parent_checkpoint_id)
            if parent is None:
                break  # pruned
            path.append(parent.checkpoint_id)
            document = parent
        for checkpoint_id in reversed(path):
            yield self.state(checkpoint_id, checkpoint_ns=checkpoint_ns)

    def states(self, *, checkpoint_ns: str = "") -> Iterator[State]:
        """Yield the states of all checkpoints, forks too, the oldest first; one that is removed meanwhile is left out."""
        inspector, values = self._inspector, self._inspector.plain_values(self.thread_id)
        for checkpoint_id in list(inspector.repository.checkpoint_ids(self.thread_id, checkpoint_ns)):
            try:
                yield inspector.state(self.thread_id, checkpoint_ns, checkpoint_id, values)
            except NotFoundError:
                continue

    def report(self, *, progress: Callable[[], None] | None = None) -> str:
        """Return one HTML page of the thread, which needs nothing else: summary, timeline, states, changes, forks, artifacts.

        Args:
            progress: Called after each step.

        Raises:
            CorruptDataError: A file of the thread is damaged; it is named.

        Example:
            >>> pathlib.Path("report.html").write_text(saver.thread("research-42").report(), encoding="utf-8")
        """
        return report(self, progress)

    def to_dict(self) -> dict[str, object]:
        """Return its summary and its latest state as JSON."""
        state = self.latest.to_dict() if "" in self.namespaces else None
        return {**self.summary.to_dict(), "namespace_names": list(self.namespaces), "state": state}

    def to_pandas(self) -> Any:
        """Return its history as a `pandas.DataFrame`, a row for each step; raises ImportError where pandas is not installed."""
        return self.history().to_pandas()

    def __repr__(self) -> str:
        return words.thread(self.summary.to_dict())

    def _repr_html_(self) -> str:
        history = self.history()
        return html.fragment(html.threads([self.summary.to_dict()]) + history.html_body())


class _Steps:
    """Reads the steps of a history, and what each changed, one by one."""

    def __init__(self, thread: Thread, checkpoint_ns: str) -> None:
        self._thread = thread
        self._ns = checkpoint_ns

    def step(self, checkpoint_id: str) -> CheckpointSummary | None:
        """Return a step, or None where it was removed meanwhile."""
        thread, inspector = self._thread, self._thread._inspector  # noqa: SLF001 of this module
        document = inspector.repository.read_checkpoint(thread.thread_id, self._ns, checkpoint_id)
        if document is None:
            return None
        latest = inspector.repository.latest(thread.thread_id, self._ns)
        is_latest = latest is not None and latest.checkpoint_id == checkpoint_id
        values = inspector.plain_values(thread.thread_id)
        return inspector.summary(thread.thread_id, document, values, is_latest=is_latest)

    def diff(self, checkpoint_id: str) -> Diff:
        """Return what a step changed."""
        return self._thread.diff(None, checkpoint_id, checkpoint_ns=self._ns)


def _place_of(checkpoint: str | CheckpointSummary | State | None, checkpoint_ns: str) -> tuple[str | None, str]:
    """Return the id and the namespace of a checkpoint; a record knows its own."""
    step = checkpoint.summary if isinstance(checkpoint, State) else checkpoint
    return (step.checkpoint_id, step.checkpoint_ns) if isinstance(step, CheckpointSummary) else (step, checkpoint_ns)
