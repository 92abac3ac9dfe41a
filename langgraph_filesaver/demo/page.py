"""What the demo prints: plain lines for a terminal of 80 to 100 columns, without colours or control codes."""

from __future__ import annotations

import textwrap
from typing import TextIO

__all__ = ["WIDTH", "Page"]

WIDTH = 92

_ASCII = str.maketrans({"✓": "+", "…": "~", "├": "|", "└": "`", "│": "|", "─": "-"})


class Page:
    """Writes lines to a stream, in ASCII where the stream knows no more.

    Args:
        stream: Where the lines go.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._encoding = stream.encoding or "utf-8"
        self._ascii = not _can_encode("✓…├└│─", self._encoding)

    def line(self, text: str = "") -> None:
        """Write one line; what cannot be printed becomes `?`, so that no document can play with the terminal."""
        if self._ascii:
            text = text.translate(_ASCII)
        text = "".join(each if each.isprintable() else "?" for each in text)
        self._stream.write(text.encode(self._encoding, "replace").decode(self._encoding) + "\n")
        self._stream.flush()

    def heading(self, text: str) -> None:
        """Write the heading of a section."""
        self.line()
        self.line(text)
        self.line("─" * len(text))

    def paragraph(self, text: str, *, indent: str = "  ") -> None:
        """Write a text of any length, folded and indented."""
        folded = textwrap.wrap(
            text,
            WIDTH,
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,  # a path stays in one piece, so that it can be copied
            break_on_hyphens=False,
        )
        for line in folded or [""]:
            self.line(line)

    def verified(self, claim: str) -> None:
        """Write a claim that was found true."""
        first, *rest = textwrap.wrap(claim, WIDTH - 4)
        self.line(f"  ✓ {first}")
        for line in rest:
            self.line(f"    {line}")


def _can_encode(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
