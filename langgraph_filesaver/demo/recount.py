"""Checks a finished report against the documents, by other means than those that wrote it. Pure.

`facts` splits lines and tracks fences; here patterns cut the text. What agrees was computed twice.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

__all__ = ["mistakes_in"]

_FENCE_LINE = re.compile(r"^[^\S\n]*(?:```|~~~).*$", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6}\s", re.MULTILINE)


def mistakes_in(report: str, documents: Mapping[str, bytes]) -> list[str]:
    """Return what is wrong in `report`, which should tell of exactly `documents` (name to bytes); [] if nothing is."""
    sections = dict(_section(part) for part in re.split(r"^## ", report, flags=re.MULTILINE)[1:])
    mistakes = [f"{name} is missing" for name in documents if name not in sections]
    mistakes += [f"{name} is no document" for name in sections if name not in documents]
    for name, data in documents.items():
        lines = sections.get(name, [])
        if lines:
            mistakes += [f"{name}: expected {line!r}" for line in _expected(data) if line not in lines]
            quote = lines[-1].removeprefix("> ")
            text = " ".join(data.decode("utf-8-sig").split())
            if quote not in text or bool(quote) != bool(text):
                mistakes.append(f"{name}: the quoted sentence is not in it: {quote!r}")
    return mistakes


def _section(part: str) -> tuple[str, list[str]]:
    name, *lines = part.rstrip("\n").split("\n")
    return name, lines


def _expected(data: bytes) -> list[str]:
    text = data.decode("utf-8-sig").replace("\r\n", "\n")
    prose = "\n".join(_FENCE_LINE.split(text)[::2])
    words, headings = len(re.findall(r"\S+", text)), len(_HEADING.findall(prose))
    return [
        f"words {words:,}, headings {headings:,}, bytes {len(data):,}",
        f"sha256 {hashlib.sha256(data).hexdigest()}",
    ]
