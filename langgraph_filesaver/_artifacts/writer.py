"""An artifact by hand that is written piece by piece: `FileSaver.open_artifact`."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from langgraph_filesaver._artifacts.hashing import Hashing
from langgraph_filesaver._store import Staged
from langgraph_filesaver.artifact import Artifact

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ArtifactWriter"]


class ArtifactWriter(io.RawIOBase):
    """A file open for writing, which becomes an artifact of a thread when its `with` block ends without an error.

    Args:
        staged: The file.
        keep: Gives the written file its name, and returns its handle; called with the SHA-256 and the size.
    """

    def __init__(self, staged: Staged, keep: Callable[[str, int], Artifact]) -> None:
        super().__init__()
        self._staged = staged
        self._hashing = Hashing(staged)
        self._keep = keep
        self._artifact: Artifact | None = None

    @property
    def artifact(self) -> Artifact:
        """The handle on what was written.

        Raises:
            ValueError: The file is still being written, or was given up.
        """
        if self._artifact is None:
            raise ValueError("the artifact is there when the with block of open_artifact has ended without an error")
        return self._artifact

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, data: Any) -> int:
        """Append bytes; return how many.

        Raises:
            StorageError: They cannot be written.
            ValueError: The file is closed.
        """
        if self.closed:
            raise ValueError("the artifact is closed")
        view = memoryview(data).cast("B")
        self._hashing.write(view)
        return len(view)

    def tell(self) -> int:
        """Return how many bytes were written."""
        return self._hashing.size

    def finish(self) -> None:
        """Make an artifact of what was written."""
        if self._artifact is None:
            self._artifact = self._keep(self._hashing.hexdigest(), self._hashing.size)

    def release(self) -> None:
        """Let go of the file; what has not become an artifact is gone. Until then closing only ends the writing."""
        self.close()
        self._staged.close()
