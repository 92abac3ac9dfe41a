"""The mirror, as FileSaver offers it: how far behind it is, and to bring it, or the folder, up to date."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from langgraph_filesaver import _layout as layout
from langgraph_filesaver import _mirror as mirror
from langgraph_filesaver._mirror import MirroredStore, MirrorStatus, TransferReport
from langgraph_filesaver._root import Root
from langgraph_filesaver._twins import Twins

__all__ = ["MirrorMethods"]


class MirrorMethods:
    """The part of a saver that deals with its mirror.

    Attributes:
        _root: Where the threads are.
        _twins: The saver's pool.
    """

    _root: Root
    _twins: Twins

    def mirror_status(self) -> MirrorStatus:
        """Tell how far the mirror is behind the folder, by comparing the two; where it is down, what this process knows.

        Raises:
            ValueError: The saver has no mirror.
        """
        return mirror.mirror_status(self._mirrored().link)

    async def amirror_status(self) -> MirrorStatus:
        """As `mirror_status`, without blocking the event loop."""
        return await self._twins.run(self.mirror_status)

    def push(
        self,
        thread_ids: Sequence[str] | None = None,
        *,
        progress: Callable[[str, int], object] | None = None,
        overwrite: bool = False,
    ) -> TransferReport:
        """Put into the mirror what it lacks, and what was edited here.

        Args:
            thread_ids: The threads; None: all of the folder.
            progress: Called with the key and the bytes of each file that was copied.
            overwrite: Also threads that another folder mirrors.

        Raises:
            ValueError: The saver has no mirror.
            LockTimeoutError: Another folder mirrors a thread, and may be alive.
            StorageError: The mirror is down.
        """
        names = _names(thread_ids)
        return mirror.push(self._mirrored().link, names, progress, overwrite=overwrite)

    async def apush(
        self,
        thread_ids: Sequence[str] | None = None,
        *,
        progress: Callable[[str, int], object] | None = None,
        overwrite: bool = False,
    ) -> TransferReport:
        """As `push`, without blocking the event loop; `progress` is called on another thread."""
        return await self._twins.run(self.push, thread_ids, progress=progress, overwrite=overwrite)

    def pull(
        self,
        thread_ids: Sequence[str] | None = None,
        *,
        progress: Callable[[str, int], object] | None = None,
        overwrite: bool = False,
    ) -> TransferReport:
        """Fetch from the mirror what is missing here.

        Args:
            thread_ids: The threads; None: all of the mirror.
            progress: Called with the key and the bytes of each file that was copied.
            overwrite: Also what is another file here.

        Raises:
            ValueError: The saver has no mirror.
            ConflictError: A file is another one here, and `overwrite` is not asked for; it is named.
            StorageError: The mirror is down.
        """
        names = _names(thread_ids)
        return mirror.pull(self._mirrored().link, names, progress, overwrite=overwrite)

    async def apull(
        self,
        thread_ids: Sequence[str] | None = None,
        *,
        progress: Callable[[str, int], object] | None = None,
        overwrite: bool = False,
    ) -> TransferReport:
        """As `pull`, without blocking the event loop; `progress` is called on another thread."""
        return await self._twins.run(self.pull, thread_ids, progress=progress, overwrite=overwrite)

    def _mirrored(self) -> MirroredStore:
        mirrored = self._root.mirrored
        if mirrored is None:
            raise ValueError(
                f"{self._root.open().store.describe('')} has no mirror: make the saver with mirror='s3://bucket/agents'"
            )
        return mirrored


def _names(thread_ids: Sequence[str] | None) -> list[str] | None:
    if isinstance(thread_ids, (str, bytes)):
        raise TypeError(f"thread_ids takes a list of ids, not one string: thread_ids=[{thread_ids!r}]")
    return None if thread_ids is None else [layout.thread_folder(str(each)) for each in thread_ids]
