"""Values that stand in files of their own: out of a document when it is written, and back when it is read."""

from langgraph_filesaver._artifacts.files import ArtifactFiles, MissingArtifactError, RemovedError
from langgraph_filesaver._artifacts.formats import ArtifactCodec, Compression, Formats, file_extension, unpacked
from langgraph_filesaver._artifacts.incoming import Incoming
from langgraph_filesaver._artifacts.memory import Memory
from langgraph_filesaver._artifacts.outgoing import Outgoing
from langgraph_filesaver._artifacts.shrinking import names_in, names_to_read
from langgraph_filesaver._artifacts.stored import StoredSource
from langgraph_filesaver._artifacts.writer import ArtifactWriter

__all__ = [
    "ArtifactCodec",
    "ArtifactFiles",
    "ArtifactWriter",
    "Compression",
    "Formats",
    "Incoming",
    "Memory",
    "MissingArtifactError",
    "Outgoing",
    "RemovedError",
    "StoredSource",
    "file_extension",
    "names_in",
    "names_to_read",
    "unpacked",
]
