"""The only code that touches files: stores of bytes under keys."""

from langgraph_filesaver._store.base import Entry, Marker, Properties, Staged, Status, Store, Turn, Versioned, no_turn
from langgraph_filesaver._store.local import LocalStore
from langgraph_filesaver._store.memory import MemoryStore
from langgraph_filesaver._store.mounts import file_system_of
from langgraph_filesaver._store.remote import RemoteStore, open_remote

__all__ = [
    "Entry",
    "LocalStore",
    "Marker",
    "MemoryStore",
    "Properties",
    "RemoteStore",
    "Staged",
    "Status",
    "Store",
    "Turn",
    "Versioned",
    "file_system_of",
    "no_turn",
    "open_remote",
]
