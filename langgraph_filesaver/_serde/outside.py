"""What the encoder asks of those who keep large values outside the text; `_artifacts` answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from langgraph_filesaver._serde.encode import Encoder, Writer

__all__ = ["Outside"]


class Outside(Protocol):
    """Where values go that do not stand in the text. Each method returns the JSON that stands for the value there.

    Attributes:
        limit: From how many bytes on a value leaves the text; None: only what has to (`writer`) leaves.
        inline: A part whose text has no more bytes than this need not be visited: nothing in it leaves.
    """

    limit: int | None
    inline: int

    def text(self, text: str) -> Any:
        """Return the reference to a string, or the string where it is not large."""

    def data(self, data: bytes | bytearray) -> dict[str, Any] | None:
        """Return the reference to bytes, or None where they are not large."""

    def array(self, array: Any) -> dict[str, Any] | None:
        """Return the reference to an array of plain numbers, or None where it is not large."""

    def sequence(self, items: Sequence[Any], encoder: Encoder) -> Any:
        """Return the JSON of a list: its encoded items, or references to parts of it and the last ones."""

    def shrunk(self, tree: Any, *, keep_root: bool) -> Any:
        """Return a tree whose large parts have left it; `keep_root`: it stays an object itself."""

    def writer(self, kind: type) -> Writer | None:
        """Return the writer for a type whose values always stand outside, or None."""
