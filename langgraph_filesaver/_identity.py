"""Which thread a folder is: where the folder's name is not the id, `thread.json` in it says so (format, [T1], [O4])."""

from __future__ import annotations

import time
from collections.abc import Hashable

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._codec import dump_plain
from langgraph_filesaver._documents import ThreadDocument
from langgraph_filesaver._store import Store
from langgraph_filesaver.config import LOOK_AGAIN_SECONDS

__all__ = ["Identified"]

_SEEN_AT: dict[Hashable, dict[str, float]] = {}
_MOST_SEEN = 100_000


class Identified:
    """Around a write into a thread: makes sure that a folder whose name is not the id says what the id is.

    In a far store, where each look is a request, it is taken to be there for a while after it was seen.
    """

    def __init__(self, store: Store, thread_id: str) -> None:
        self._store = store
        self._thread_id = thread_id

    def __enter__(self) -> None:
        folder = layout.thread_folder(self._thread_id)
        if folder != self._thread_id:
            self._identify(folder)

    def _identify(self, folder: str) -> None:
        seen_at = _SEEN_AT.setdefault(self._store.realm, {}) if self._store.is_far else None
        now = time.monotonic()
        if seen_at is not None and now - seen_at.get(folder, -LOOK_AGAIN_SECONDS) < LOOK_AGAIN_SECONDS:
            return
        key = layout.thread_document_key(folder)
        if not self._store.exists(key):
            self._store.create(key, dump_plain(ThreadDocument(self._thread_id).to_json()))
        if seen_at is not None:
            if len(seen_at) >= _MOST_SEEN:
                seen_at.clear()
            seen_at[folder] = now

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # Once more: the thread may have been deleted, and its folder made anew by the write in between.
        if kind is None:
            self.__enter__()

    @staticmethod
    def forget(store: Store, thread_id: str) -> None:
        """Take nothing for granted any more: the folder has been removed."""
        _SEEN_AT.get(store.realm, {}).pop(layout.thread_folder(thread_id), None)
