"""What looking at a thread gives: one class per question, each of which shows itself.

Plain data that was read once; nothing here reads a file, but for the bytes of an artifact when they are asked for. `to_dict`
is the JSON that the command line prints and that `html` and `words` show; both know only that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar, overload

from langgraph_filesaver.errors import NotFoundError
from langgraph_filesaver.inspection import html, words
from langgraph_filesaver.inspection.mermaid import flowchart
from langgraph_filesaver.inspection.progress import Failure, Interruption
from langgraph_filesaver.inspection.values import to_json

__all__ = [
    "MOST_SHOWN",
    "CheckpointSummary",
    "History",
    "Holder",
    "Record",
    "Records",
    "State",
    "Steps",
    "ThreadSummary",
    "Threads",
    "Tree",
    "frame",
]

MOST_SHOWN = 50
"""Steps that a history shows of itself; it says how many more there are."""

Item = TypeVar("Item", bound="Record")


class Record:
    """One thing that was found: fields that are plain data."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return _fields(self)

    def to_pandas(self) -> Any:
        """Return a `pandas.DataFrame` of one row; raises ImportError where pandas is not installed."""
        return frame([self.to_dict()])


def _fields(value: Any) -> dict[str, Any]:
    return {each.name: _json(getattr(value, each.name)) for each in fields(value) if each.repr}


def _json(value: Any) -> Any:
    if isinstance(value, (Record, Interruption, Failure)):
        return _fields(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (tuple, list)):
        return [_json(item) for item in value]
    return to_json(dict(value) if isinstance(value, Mapping) else value)


class Records(Sequence[Item], Generic[Item]):
    """Several of one kind, in order."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = tuple(items)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        return type(self)(self._items[index]) if isinstance(index, slice) else self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self._items == other._items

    __hash__ = None  # type: ignore[assignment] # values of a state can be lists and dicts

    def to_dict(self) -> list[dict[str, Any]]:
        """Return them as JSON."""
        return [item.to_dict() for item in self._items]

    def to_pandas(self) -> Any:
        """Return a `pandas.DataFrame`, a row for each.

        Raises:
            ImportError: pandas is not installed; the message names the extra that installs it.
        """
        return frame(self.to_dict())


def frame(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Return rows as a `pandas.DataFrame`; raises ImportError, naming the extra, where pandas is not installed."""
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError("to_pandas() needs pandas: pip install 'langgraph-filesaver[pandas]'") from error
    return pd.DataFrame(list(rows))


@dataclass(frozen=True, slots=True)
class Holder(Record):
    """Who has a thread for a whole run.

    Attributes:
        pid: The process.
        host: Its machine.
        since: Since when.
        expires_at: When it is over unless it is renewed.
    """

    pid: int
    host: str
    since: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ThreadSummary(Record):
    """Where a thread stands.

    Attributes:
        thread_id: The thread.
        status: "running" (somebody has a living lease of it), "interrupted" (a question waits for its answer), "failed" (a
            task ended in an error), "pending" (nodes are next), "done" or, where the files do not tell, "unknown".
        step: The step of its latest checkpoint; None where it has none.
        next: The nodes that are next; None where the files do not tell.
        nodes_completed: The nodes that have run in it, by name.
        interrupts: The questions that wait.
        errors: The errors.
        created_at: When its first checkpoint was made.
        updated_at: When its latest checkpoint was made.
        checkpoints: How many it has, in all namespaces.
        namespaces: How many namespaces have one.
        bytes: The size of all its files.
        artifacts: How many artifacts it has.
        holder: Who has it for a whole run, or None.
        checkpoint_id: Its latest checkpoint.
        damage: What is wrong with a file that tells where it stands, which is named; None where all could be read.
    """

    thread_id: str
    status: str
    step: int | None
    next: tuple[str, ...] | None
    nodes_completed: tuple[str, ...]
    interrupts: tuple[Interruption, ...]
    errors: tuple[Failure, ...]
    created_at: datetime | None
    updated_at: datetime | None
    checkpoints: int
    namespaces: int
    bytes: int
    artifacts: int
    holder: Holder | None
    checkpoint_id: str | None
    damage: str | None = None

    def __repr__(self) -> str:
        return words.thread(self.to_dict())

    def _repr_html_(self) -> str:
        return html.fragment(html.threads([self.to_dict()]))


class Threads(Records[ThreadSummary]):
    """Threads, the one that was changed last first."""

    def __repr__(self) -> str:
        return words.threads(self.to_dict())

    def _repr_html_(self) -> str:
        return html.fragment(html.threads(self.to_dict()))


@dataclass(frozen=True, slots=True)
class CheckpointSummary(Record):
    """A step of a thread's history.

    Attributes:
        checkpoint_id: The checkpoint.
        checkpoint_ns: Its namespace.
        parent_checkpoint_id: The checkpoint it was made from, or None.
        ts: When it was made, as LangGraph wrote it.
        step: LangGraph's number of the step: -1 for the input.
        source: "input", "loop", "update" or "fork".
        nodes: The nodes that ran in the step that led to it.
        channels_changed: The channels that have another version than in its parent.
        duration_seconds: The time since its parent was made; None without one.
        bytes: The size of its file, without artifacts and writes.
        is_latest: Whether the thread goes on from it.
        is_late: Whether it was published by an owner that had lost the thread: a fork that is never the latest.
    """

    checkpoint_id: str
    checkpoint_ns: str
    parent_checkpoint_id: str | None
    ts: str
    step: int | None
    source: str
    nodes: tuple[str, ...]
    channels_changed: tuple[str, ...]
    duration_seconds: float | None
    bytes: int
    is_latest: bool
    is_late: bool

    def __repr__(self) -> str:
        return words.checkpoint(self.to_dict())

    def _repr_html_(self) -> str:
        return html.fragment(html.timeline([self.to_dict()], [None], 1))


class Steps(Protocol):
    """Reads a history, one step after another."""

    def step(self, checkpoint_id: str) -> CheckpointSummary | None:
        """Return a step, or None where it was removed meanwhile."""

    def diff(self, checkpoint_id: str) -> Any:
        """Return what a step changed, as `Diff`."""


class History(Sequence[CheckpointSummary]):
    """Checkpoints of a namespace, the newest first, each read when it is come to.

    One that is removed meanwhile is left out of an iteration, and a NotFoundError by its index.

    Args:
        ids: The checkpoints.
        steps: Reads them.
    """

    def __init__(self, ids: Sequence[str], steps: Steps) -> None:
        self._ids = ids
        self._steps = steps

    @overload
    def __getitem__(self, index: int) -> CheckpointSummary: ...
    @overload
    def __getitem__(self, index: slice) -> History: ...
    def __getitem__(self, index: int | slice) -> CheckpointSummary | History:
        if isinstance(index, slice):
            return History(self._ids[index], self._steps)
        found = self._steps.step(self._ids[index])
        if found is None:
            raise NotFoundError(f"checkpoint {self._ids[index]!r} was removed meanwhile", wanted=self._ids[index])
        return found

    def __iter__(self) -> Iterator[CheckpointSummary]:
        return (found for each in self._ids if (found := self._steps.step(each)) is not None)

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the checkpoints, the newest first; nothing is read for them."""
        return tuple(self._ids)

    def to_dict(self) -> list[dict[str, Any]]:
        """Return them as JSON; reads all of them."""
        return [each.to_dict() for each in self]

    def to_pandas(self) -> Any:
        """Return a `pandas.DataFrame`, a row for each; raises ImportError as `Threads.to_pandas` does."""
        return frame(self.to_dict())

    def __repr__(self) -> str:
        return words.history(self[:MOST_SHOWN].to_dict(), len(self))

    def html_body(self) -> str:
        """Return the timeline of the newest steps with what each changed, as HTML without its style."""
        shown = list(self[:MOST_SHOWN])
        diffs = [self._diff(each.checkpoint_id) for each in shown]
        return html.timeline([each.to_dict() for each in shown], diffs, len(self))

    def _diff(self, checkpoint_id: str) -> dict[str, Any] | None:
        """Return what a step changed, or None where it or the step before is not there any more."""
        try:
            found: dict[str, Any] = self._steps.diff(checkpoint_id).to_dict()
        except NotFoundError:
            return None
        return found

    def _repr_html_(self) -> str:
        return html.fragment(self.html_body())


class State(Mapping[str, Any]):
    """What a thread knew at a checkpoint: channel to plain value.

    Attributes:
        thread_id: The thread.
        summary: The checkpoint.
        status: Where the thread stood at it, as in ThreadSummary.
        next: The nodes that were next.
        interrupts: The questions that waited.
        errors: The errors of tasks that started from it.
        metadata: Its metadata.
        unknown_channels: Channels whose value only the graph's code can build, from the writes of the history (DeltaChannel).
    """

    def __init__(
        self,
        thread_id: str,
        summary: CheckpointSummary,
        values: Mapping[str, Any],
        *,
        status: str,
        next: tuple[str, ...] | None,  # noqa: A002 as LangGraph calls it
        interrupts: tuple[Interruption, ...],
        errors: tuple[Failure, ...],
        metadata: Mapping[str, Any],
        unknown_channels: tuple[str, ...],
        image: Callable[[str], bytes | None],
    ) -> None:
        self.thread_id = thread_id
        self.summary = summary
        self.status = status
        self.next = next
        self.interrupts = interrupts
        self.errors = errors
        self.metadata = metadata
        self.unknown_channels = unknown_channels
        self._values = values
        self._image = image

    def __getitem__(self, channel: str) -> Any:
        return self._values[channel]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "thread_id": self.thread_id,
            **self.summary.to_dict(),
            "status": self.status,
            "next": _json(self.next),
            "interrupts": _json(self.interrupts),
            "errors": _json(self.errors),
            "values": to_json(dict(self._values)),
            "unknown_channels": list(self.unknown_channels),
            "metadata": to_json(dict(self.metadata)),
        }

    def to_pandas(self) -> Any:
        """Return a `pandas.DataFrame`, a row for each channel; raises ImportError where pandas is not installed."""
        return frame([{"channel": name, "value": to_json(value)} for name, value in self.items()])

    def __repr__(self) -> str:
        return words.state(self.to_dict())

    def _repr_html_(self) -> str:
        return html.fragment(html.state(self.to_dict(), self._image))


class Tree(Records[CheckpointSummary]):
    """The checkpoints of a namespace by their parents: forks, and what time travel made."""

    def roots(self) -> list[CheckpointSummary]:
        """Return the checkpoints whose parent is not there, oldest first."""
        ids = {each.checkpoint_id for each in self}
        return [each for each in self if each.parent_checkpoint_id not in ids]

    def children(self, checkpoint_id: str) -> list[CheckpointSummary]:
        """Return what was made from a checkpoint, oldest first."""
        return [each for each in self if each.parent_checkpoint_id == checkpoint_id]

    def to_mermaid(self) -> str:
        """Return a Mermaid diagram, which GitHub and Jupyter draw."""
        return flowchart(self.to_dict())

    def __repr__(self) -> str:
        return words.tree(self.to_dict())

    def _repr_html_(self) -> str:
        return html.fragment(html.tree(self.to_dict()))
