"""Large files of a remote store: one that is being written waits on the local disk, one that is read comes in blocks."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator

from langgraph_filesaver._store.base import Staged
from langgraph_filesaver._store.seeking import SeekingFile
from langgraph_filesaver.config import COPY_BLOCK_BYTES
from langgraph_filesaver.errors import StorageError

__all__ = ["RemoteFile", "RemoteStaged"]


class RemoteStaged(Staged):
    """A file in the system's folder for temporary files, on its way to the store.

    Args:
        upload: Called with the path of the file and the key; makes it an object, as a whole.
    """

    def __init__(self, upload: Callable[[str, str], None]) -> None:
        self._upload = upload
        try:
            self._file = tempfile.NamedTemporaryFile(prefix="filesaver-")  # noqa: SIM115 closed by `close`
        except OSError as error:
            raise StorageError.from_os_error(error, action="write", path=tempfile.gettempdir()) from error

    def write(self, data: bytes | memoryview) -> None:
        """Append to the local file."""
        try:
            self._file.write(data)
        except OSError as error:
            raise StorageError.from_os_error(error, action="write", path=self._file.name) from error

    def clone(self, path: str) -> bool:  # noqa: ARG002 nothing is shared with another machine
        """Return False."""
        return False

    def blocks(self) -> Iterator[bytes]:
        """Yield what the local file holds."""
        self.flush()
        with open(self._file.name, "rb") as file:
            while block := file.read(COPY_BLOCK_BYTES):
                yield block

    def flush(self) -> None:
        """Bring it to the local file; what is durable is decided by the store, when it gets its name."""
        try:
            self._file.flush()
        except OSError as error:
            raise StorageError.from_os_error(error, action="write", path=self._file.name) from error

    def name(self, key: str) -> bool:
        """Upload it, also in place of what is there: its name says what is in it, and so it is as young as its use."""
        self.flush()
        self._upload(self._file.name, key)
        return True

    def replace(self, key: str) -> None:
        """Upload it."""
        self.name(key)

    def close(self) -> None:
        """Remove the local file."""
        self._file.close()


class RemoteFile(SeekingFile):
    """An object, read in ranges.

    Args:
        size: Its bytes.
        fetch: Returns the bytes from a start to before an end.
    """

    def __init__(self, size: int, fetch: Callable[[int, int], bytes]) -> None:
        super().__init__()
        self._size = size
        self._fetch = fetch

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override] # as io's own text has it
        """Fetch as many bytes as fit."""
        end = min(self._at + len(buffer), self._size)
        if end <= self._at:
            return 0
        data = self._fetch(self._at, end)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
