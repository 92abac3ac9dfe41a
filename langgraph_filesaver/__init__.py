"""A LangGraph checkpointer that keeps each thread as a folder of readable JSON files."""

from langgraph_filesaver._artifacts import ArtifactCodec
from langgraph_filesaver._collection import GarbageReport
from langgraph_filesaver._crypt import EncryptionKey, KeyProvider
from langgraph_filesaver._events import Event
from langgraph_filesaver._leases import Lease, LockInfo
from langgraph_filesaver._mirror import MirrorStatus, TransferReport
from langgraph_filesaver._serde import JsonSerializer
from langgraph_filesaver.artifact import Artifact
from langgraph_filesaver.errors import (
    ConflictError,
    CorruptCheckpointWarning,
    CorruptDataError,
    DecryptionError,
    FileSaverError,
    InvalidEditError,
    LockTimeoutError,
    NotFoundError,
    ReadOnlyError,
    SerializationError,
    StorageError,
    UnsupportedFormatError,
)
from langgraph_filesaver.saver import FileSaver

__all__ = [
    "Artifact",
    "ArtifactCodec",
    "ConflictError",
    "CorruptCheckpointWarning",
    "CorruptDataError",
    "DecryptionError",
    "EncryptionKey",
    "Event",
    "FileSaver",
    "FileSaverError",
    "GarbageReport",
    "InvalidEditError",
    "JsonSerializer",
    "KeyProvider",
    "Lease",
    "LockInfo",
    "LockTimeoutError",
    "MirrorStatus",
    "NotFoundError",
    "ReadOnlyError",
    "SerializationError",
    "StorageError",
    "TransferReport",
    "UnsupportedFormatError",
]
