"""What a thread consists of beside its states: pending writes, and artifacts; records as those of `records`."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from langgraph_filesaver.inspection import html, words
from langgraph_filesaver.inspection.records import Record, Records

__all__ = ["ArtifactEntry", "Artifacts", "WriteEntry", "Writes"]


@dataclass(frozen=True, slots=True)
class WriteEntry(Record):
    """One pending write of a checkpoint.

    Attributes:
        task_id: The task that wrote.
        node: Its node, where its path tells.
        channel: The channel, or what LangGraph calls it: `__interrupt__`, `__resume__`, `__error__`.
        idx: Its number among its task's writes; below 0 for LangGraph's own.
        value: The value.
        file: The file that holds it, as a path or URL.
    """

    task_id: str
    node: str | None
    channel: str
    idx: int
    value: Any
    file: str

    def __repr__(self) -> str:
        return words.writes([self.to_dict()])

    def _repr_html_(self) -> str:
        return html.fragment(html.writes([self.to_dict()]))


class Writes(Records[WriteEntry]):
    """The pending writes of a checkpoint, in LangGraph's order."""

    def __repr__(self) -> str:
        return words.writes(self.to_dict())

    def _repr_html_(self) -> str:
        return html.fragment(html.writes(self.to_dict()))


@dataclass(frozen=True, slots=True)
class ArtifactEntry(Record):
    """A large value, or part of a list, in a file of its own.

    Attributes:
        path: Inside the thread's folder.
        kind: "text", "value", "array", "image" or "bytes".
        bytes: Its size.
        modified_at: When it was written.
        file: Where it is, as a path or URL.
    """

    path: str
    kind: str
    bytes: int
    modified_at: datetime
    file: str
    read: Callable[[], builtins.bytes] = field(repr=False, compare=False)

    def read_bytes(self) -> builtins.bytes:
        """Return its content, verified, without any compression.

        Raises:
            CorruptDataError: It is missing, or its bytes are not those that its name says.
        """
        return self.read()

    def __repr__(self) -> str:
        return words.artifacts([self.to_dict()])

    def _repr_html_(self) -> str:
        return html.fragment(html.artifacts([self.to_dict()]))


class Artifacts(Records[ArtifactEntry]):
    """The artifacts of a thread, the largest first."""

    def __repr__(self) -> str:
        return words.artifacts(self.to_dict())

    def _repr_html_(self) -> str:
        return html.fragment(html.artifacts(self.to_dict()))
