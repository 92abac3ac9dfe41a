"""The only code that touches files: stores of bytes under keys.

Stores on other machines are in `_store.remote`, which is imported where one is opened: fsspec takes as long to import as a
third of this package, and a local folder needs none of it.
"""

from langgraph_filesaver._store.base import Entry, Marker, Properties, Staged, Status, Store, Turn, Versioned, no_turn
from langgraph_filesaver._store.identity import PLAIN_MARKER, sealed_marker, sealed_store_id
from langgraph_filesaver._store.local import LocalStore
from langgraph_filesaver._store.memory import MemoryStore
from langgraph_filesaver._store.mounts import file_system_of

__all__ = [
    "PLAIN_MARKER",
    "Entry",
    "LocalStore",
    "Marker",
    "MemoryStore",
    "Properties",
    "Staged",
    "Status",
    "Store",
    "Turn",
    "Versioned",
    "file_system_of",
    "no_turn",
    "sealed_marker",
    "sealed_store_id",
]
