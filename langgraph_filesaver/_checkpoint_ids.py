"""The ids of one namespace's checkpoints, taken from a listing of their files: all of them, or first of all the greatest.

Most who ask want the latest, and LangGraph's ids are all of one length, so the name that sorts last tells it: of 5,000 names that
takes a tenth of the time that all of them take. What would break it: taking the order of names for the order of ids where the
two differ, which names of different lengths do, and hashed ones (`layout.greatest_stem`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from langgraph_filesaver import _layout as layout

__all__ = ["CheckpointIds"]


class CheckpointIds:
    """The ids in one listing.

    Args:
        listing: The names in the folder, sorted.
        read: Returns all ids of a listing, ascending; it may have to read files.

    Attributes:
        listing: As given.
    """

    __slots__ = ("_greatest", "_ids", "_read", "listing")

    def __init__(self, listing: tuple[str, ...], read: Callable[[tuple[str, ...]], list[str]]) -> None:
        self.listing = listing
        self._read = read
        self._ids: list[str] | None = None
        self._greatest = layout.greatest_stem(listing)

    def all(self) -> list[str]:
        """Return the ids, ascending; raises CorruptDataError where one stands in a file that cannot be read."""
        if self._ids is None:
            self._ids = self._read(self.listing)
        return self._ids

    def newest_first(self) -> Iterator[str]:
        """Yield the ids, descending; raises as `all` does, but not before the first where its name tells it."""
        if self._greatest is not None:
            yield self._greatest
            yield from reversed(self.all()[:-1])
        else:
            yield from reversed(self.all())
