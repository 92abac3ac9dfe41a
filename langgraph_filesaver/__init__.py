"""A LangGraph checkpointer that keeps each thread as a folder of readable JSON files."""

from langgraph_filesaver._serde import JsonSerializer
from langgraph_filesaver.errors import (
    ConflictError,
    CorruptDataError,
    FileSaverError,
    LockTimeoutError,
    SerializationError,
    StorageError,
    UnsupportedFormatError,
)
from langgraph_filesaver.saver import FileSaver

__all__ = [
    "ConflictError",
    "CorruptDataError",
    "FileSaver",
    "FileSaverError",
    "JsonSerializer",
    "LockTimeoutError",
    "SerializationError",
    "StorageError",
    "UnsupportedFormatError",
]
