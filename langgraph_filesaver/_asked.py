"""Which checkpoint the caller asked for by its id: who goes on from there forks on purpose.

LangGraph names the parent in every put, so the config of a put does not tell a run that was asked to begin at an old
checkpoint from one that somebody has overtaken. The read does: `get_tuple` with a `checkpoint_id`. It is noted in the
calling context, which LangGraph hands on to the threads and tasks that put.
"""

from __future__ import annotations

from collections.abc import Hashable
from contextvars import ContextVar

__all__ = ["note_asked", "was_asked"]

_MOST = 64  # of threads and namespaces read in one context; beyond, a fork on purpose may be taken for a conflict

Place = tuple[Hashable, str, str]

_ASKED: ContextVar[tuple[tuple[Place, str], ...]] = ContextVar("langgraph_filesaver_asked", default=())


def note_asked(realm: Hashable, thread_id: str, checkpoint_ns: str, checkpoint_id: str | None) -> None:
    """Note that a namespace was read: the checkpoint that was named, or None where the latest was wanted."""
    place = (realm, thread_id, checkpoint_ns)
    asked = _ASKED.get()
    if checkpoint_id is None and not any(noted == place for noted, _ in asked):
        return  # the common case: nothing to forget
    others = tuple(each for each in asked if each[0] != place)
    _ASKED.set(others if checkpoint_id is None else (*others, (place, checkpoint_id))[-_MOST:])


def was_asked(realm: Hashable, thread_id: str, checkpoint_ns: str, checkpoint_id: str | None) -> bool:
    """Tell whether that checkpoint was the one that the calling context last asked for by its id."""
    return ((realm, thread_id, checkpoint_ns), checkpoint_id) in _ASKED.get()
