"""Which thread a folder is: where the folder's name is not the id, `thread.json` in it says so (format, [T1], [O4])."""

from __future__ import annotations

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._codec import dump_plain
from langgraph_filesaver._documents import ThreadDocument
from langgraph_filesaver._store import Store

__all__ = ["Identified"]


class Identified:
    """Around a write into a thread: makes sure that a folder whose name is not the id says what the id is."""

    def __init__(self, store: Store, thread_id: str) -> None:
        self._store = store
        self._thread_id = thread_id

    def __enter__(self) -> None:
        folder = layout.thread_folder(self._thread_id)
        if folder != self._thread_id:
            key = layout.thread_document_key(folder)
            if not self._store.exists(key):
                self._store.create(key, dump_plain(ThreadDocument(self._thread_id).to_json()))

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # Once more: the thread may have been deleted, and its folder made anew by the write in between.
        if kind is None:
            self.__enter__()
