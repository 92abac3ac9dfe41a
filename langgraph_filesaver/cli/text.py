"""Values as text for a terminal: nothing in it can move the cursor, change colours or turn the direction of writing. Pure.

A state is what strangers wrote: web pages, users, models. So whatever is printed goes through `visible` or `one_line`, JSON
through `to_json`. They leave no character that a terminal obeys.

What would break it: a way to the terminal that does not lead through these three.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from typing import Any

__all__ = ["ago", "instant", "one_line", "size", "to_json", "visible"]

# C0 without \n and \t, DEL and C1, line and paragraph separators, marks of direction, and halves of surrogate pairs.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def visible(text: str) -> str:
    r"""Return text whose control characters are spelled, as `\x1b`; lines and tabs stay."""
    return _OBEYED.sub(_escaped, text)


def one_line(text: str) -> str:
    r"""Return text as one line: a new line is spelled, too, as `\n`."""
    return visible(text.replace("\r\n", "\\r\\n").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r"))


def to_json(value: Any, *, is_ascii: bool = False, indent: int | None = 2) -> str:
    """Return a value as JSON; what a terminal obeys is spelled as JSON spells it, so that it is the same value."""
    text = json.dumps(value, indent=indent, ensure_ascii=is_ascii)
    return _OBEYED.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def size(count: int) -> str:
    """Return bytes as people say them: `812 B`, `1.2 kB`."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if round(amount, 1) < 1000:
            return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def instant(at: datetime) -> str:
    """Return an instant in the time of this machine, to the second."""
    return at.astimezone().isoformat(sep=" ", timespec="seconds")


def ago(at: datetime, now: datetime | None = None) -> str:
    """Return how long ago an instant was, roughly: `3 min ago`."""
    seconds = ((now or datetime.now(timezone.utc)) - at).total_seconds()
    if seconds < 0:
        return instant(at)
    for length, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"
