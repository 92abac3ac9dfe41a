"""Artifact: a value that stands for a file, so that a state can refer to gigabytes without holding them.

A node makes one from a path, from bytes or by `FileSaver.open_artifact`, and puts it into the state. When the state is
stored, the content goes into the thread's folder and the JSON keeps a reference. What comes back from a file is a handle
on the stored content: nothing is loaded before it is asked for.

An artifact is not changed after it was made. Where its content lies is told by a *source*; one that was stored has two,
what it was made from and the stored file, and reads the stored file, which nobody changes.
"""

from __future__ import annotations

import hashlib
import io
import mimetypes
import os
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from langgraph_filesaver.config import COPY_BLOCK_BYTES
from langgraph_filesaver.errors import CorruptDataError, SerializationError, StorageError

__all__ = ["SEALING", "Artifact", "BytesSource", "FileSource", "Source"]


SEALING: ContextVar[bool] = ContextVar("SEALING", default=False)
"""Set while a foreign serde makes bytes of a value: a handle in it would lose its content."""


class Source(Protocol):
    """Where the content of an artifact lies. It can be pickled."""

    @property
    def path(self) -> str | None:
        """The path of the file that holds the content, or None where there is none."""

    def open(self) -> BinaryIO:
        """Open the content for reading.

        Raises:
            StorageError: It is not there, or cannot be read.
        """


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file of this machine."""

    path: str

    def open(self) -> BinaryIO:
        """Open the file."""
        try:
            return open(self.path, "rb")
        except OSError as error:
            raise StorageError.from_os_error(error, action="read the artifact's file", path=self.path) from error


@dataclass(frozen=True, slots=True)
class BytesSource:
    """Bytes in memory."""

    data: bytes

    @property
    def path(self) -> str | None:
        """None."""
        return None

    def open(self) -> BinaryIO:
        """Open the bytes."""
        return io.BytesIO(self.data)


class Artifact:
    """A handle on a file that belongs to a state: a report, a video, a model.

    Made by `Artifact.from_path`, `Artifact.from_bytes` or `FileSaver.open_artifact`, or read from a stored state. Two are
    equal if their content, name and media type are.

    Attributes:
        name: The file's name, for people and for its extension; no path.
        media_type: Its media type, such as `application/pdf`.
        bytes: The size of its content.

    Example:
        >>> def report(state):
        ...     return {"report": Artifact.from_path("report.pdf")}
    """

    __slots__ = ("__weakref__", "_origin", "_sha256", "_stored", "bytes", "media_type", "name")

    def __init__(
        self,
        source: Source,
        *,
        name: str,
        media_type: str | None,
        bytes: int,  # noqa: A002 the attribute's name
        sha256: str | None = None,
    ) -> None:
        self.name = name
        self.media_type = media_type or mimetypes.guess_type(name)[0] or "application/octet-stream"
        self.bytes = bytes
        self._origin: Source = source
        self._stored: Source | None = None
        self._sha256 = sha256

    @classmethod
    def from_path(
        cls, path: str | os.PathLike[str], *, name: str | None = None, media_type: str | None = None
    ) -> Artifact:
        """Refer to a file. Its content is taken when the state is stored; until then the file has to stay as it is.

        Args:
            path: The file; a relative path is one of the working directory as it is now.
            name: Its name in the state; by default the last part of `path`.
            media_type: Its media type; by default what the name tells.

        Raises:
            StorageError: There is no such file, or it is no regular file.
        """
        absolute = os.path.abspath(path)
        try:
            size = os.stat(absolute).st_size
        except OSError as error:
            raise StorageError.from_os_error(error, action="read the artifact's file", path=absolute) from error
        if not os.path.isfile(absolute):
            raise StorageError(f"{absolute} is no regular file: give the path of a file", path=absolute)
        return cls(FileSource(absolute), name=name or os.path.basename(absolute), media_type=media_type, bytes=size)

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview, *, name: str, media_type: str | None = None) -> Artifact:
        """Hold `data` under a name.

        Args:
            data: The content.
            name: Such as `plan.png`.
            media_type: Its media type; by default what the name tells.
        """
        content = bytes(data)
        return cls(BytesSource(content), name=name, media_type=media_type, bytes=len(content))

    @property
    def sha256(self) -> str:
        """The SHA-256 of the content in hexadecimal; computed where it is not known yet.

        Raises:
            StorageError: The content cannot be read.
        """
        if self._sha256 is None:
            digest = hashlib.sha256()
            with self.open() as file:
                while block := file.read(COPY_BLOCK_BYTES):
                    digest.update(block)
            self._sha256 = digest.hexdigest()
        return self._sha256

    @property
    def path(self) -> Path | None:
        """The path of a file with the content, for programs that want one; None where it lies in memory. Do not change it."""
        path = self._source.path
        return None if path is None else Path(path)

    def open(self) -> BinaryIO:
        """Open the content for reading, in binary. It is not compared with its SHA-256, as `read_bytes` does.

        Raises:
            StorageError: The content is gone or cannot be read.
        """
        return self._source.open()

    def read_bytes(self) -> bytes:
        """Return the content.

        Raises:
            StorageError: As `open` does.
            CorruptDataError: It is not what was stored.
        """
        with self.open() as file:
            content = file.read()
        if self.stored is not None and hashlib.sha256(content).hexdigest() != self.stored:
            raise CorruptDataError(
                "the artifact's file has been changed or damaged: its SHA-256 is not the one in its name. Bring it back",
                path=str(self.path or ""),
            )
        return content

    @property
    def _source(self) -> Source:
        return self._stored or self._origin

    def stored_as(self, source: Source, sha256: str, size: int) -> None:
        """Note where the content was stored; the library calls this."""
        self._stored, self._sha256, self.bytes = source, sha256, size

    @property
    def stored(self) -> str | None:
        """The SHA-256 of what was stored, or None where it was not yet; for the library."""
        return self._sha256 if self._stored is not None else None

    @property
    def sources(self) -> tuple[Source, ...]:
        """Where the content may be read, the surest first; for the library."""
        return (self._origin,) if self._stored is None else (self._stored, self._origin)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Artifact):
            return NotImplemented
        if self is other:
            return True
        alike = (self.name, self.media_type, self.bytes) == (other.name, other.media_type, other.bytes)
        return alike and self.sha256 == other.sha256

    def __hash__(self) -> int:
        return hash((self.name, self.media_type))

    def __repr__(self) -> str:
        return f"Artifact({self.name!r}, media_type={self.media_type!r}, bytes={self.bytes})"

    def __getstate__(self) -> dict[str, Any]:
        if SEALING.get():
            raise SerializationError(
                "an Artifact needs a folder for its file: a serde that makes bytes of it would keep no more than its path. "
                "Use FileSaver with readable JSON (the default serde), or store the bytes themselves",
                type_name="langgraph_filesaver.artifact.Artifact",
            )
        return {
            "name": self.name,
            "media_type": self.media_type,
            "bytes": self.bytes,
            "origin": self._origin,
            "stored": self._stored,
            "sha256": self._sha256,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.name, self.media_type, self.bytes = state["name"], state["media_type"], state["bytes"]
        self._origin, self._stored, self._sha256 = state["origin"], state["stored"], state["sha256"]

    def __deepcopy__(self, memo: dict[int, Any]) -> Artifact:
        copied = Artifact(
            self._origin, name=self.name, media_type=self.media_type, bytes=self.bytes, sha256=self._sha256
        )
        copied._stored = self._stored  # content is never changed, so both may read the same
        return copied
