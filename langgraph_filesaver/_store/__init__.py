"""The only code that touches files: stores of bytes under keys."""

from langgraph_filesaver._store.base import Marker, Properties, Staged, Status, Store
from langgraph_filesaver._store.local import LocalStore
from langgraph_filesaver._store.memory import MemoryStore

__all__ = ["LocalStore", "Marker", "MemoryStore", "Properties", "Staged", "Status", "Store"]
