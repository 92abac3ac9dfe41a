"""Which checkpoints the caller asked for by their ids: who goes on from there forks on purpose.

LangGraph names the parent in every put, so the config of a put does not tell a run that was asked to begin at an old
checkpoint from one that somebody has overtaken. The read does: `get_tuple` with a `checkpoint_id`. It is noted in the
calling context, which LangGraph hands on to the threads and tasks that put. Whoever is then given the same checkpoint as the
latest goes on from the latest. (LangGraph reads the latest, too, when it updates an old checkpoint.)
"""

from __future__ import annotations

from collections.abc import Hashable
from contextvars import ContextVar

__all__ = ["Place", "note_asked", "note_latest", "was_asked"]

_MOST = 64  # asked for in one context; beyond, a fork on purpose may be taken for a conflict

Place = tuple[Hashable, str, str]
"""A root, a thread and a namespace."""

_ASKED: ContextVar[tuple[tuple[Place, str | None], ...]] = ContextVar("langgraph_filesaver_asked", default=())


def note_asked(place: Place, checkpoint_id: str | None) -> None:
    """Note that a checkpoint was asked for by its id; None stands for the beginning of the thread."""
    others = tuple(each for each in _ASKED.get() if each != (place, checkpoint_id))
    _ASKED.set((*others, (place, checkpoint_id))[-_MOST:])


def note_latest(place: Place, checkpoint_id: str) -> None:
    """Note that a checkpoint was given as the latest."""
    asked = _ASKED.get()
    if (place, checkpoint_id) in asked:
        _ASKED.set(tuple(each for each in asked if each != (place, checkpoint_id)))


def was_asked(place: Place, checkpoint_id: str | None) -> bool:
    """Tell whether the calling context has asked for that checkpoint by its id."""
    return (place, checkpoint_id) in _ASKED.get()
