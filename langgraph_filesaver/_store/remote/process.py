"""What of a remote store belongs to one process, and is made anew after a fork: locks, threads and what is kept in memory."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

from langgraph_filesaver._store.remote.ahead import Aheads
from langgraph_filesaver._store.remote.cache import ObjectCache
from langgraph_filesaver.config import REMOTE_CACHE_BYTES, REMOTE_WORKERS

__all__ = ["OfProcess"]


class OfProcess:
    """What belongs to one process and is made anew after a fork."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.mutex = threading.Lock()
        self.cache = ObjectCache(REMOTE_CACHE_BYTES)
        self.aheads = Aheads()
        self.pool = ThreadPoolExecutor(REMOTE_WORKERS, thread_name_prefix="filesaver-requests")
