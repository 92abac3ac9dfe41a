"""What the agent takes from one document: facts that anybody can check, and one sentence for the whole. Pure."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from typing import TypedDict

__all__ = ["Facts", "facts_of"]

_MOST_QUOTED = 240
_FENCE = ("```", "~~~")
_NO_PROSE = ("#", "|", ">", "-", "*", "+", "<", "    ", "\t", "[")
_SENTENCE_ENDS = re.compile(r"(?<=[.!?])\s+")
_TERM = re.compile(r"[^\W\d_]{5,}")


class Facts(TypedDict):
    """The facts of a document; all but `title` and `quote` are recomputed by `recount`."""

    name: str
    title: str
    words: int
    headings: int
    bytes: int
    sha256: str
    quote: str


def facts_of(name: str, data: bytes) -> Facts:
    """Return the facts of the document `name`, whose bytes are `data`."""
    text = data.decode("utf-8-sig").replace("\r\n", "\n")
    lines = _outside_fences(text.split("\n"))
    headings = [line.lstrip("#").strip() for line in lines if re.match(r"#{1,6}\s", line)]
    return {
        "name": name,
        "title": " ".join((headings or [line for line in lines if line.strip()] or ["(empty)"])[0].split())[:80],
        "words": len(text.split()),
        "headings": len(headings),
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "quote": _telling_sentence(lines) or " ".join(text.split())[:_MOST_QUOTED].strip(),
    }


def _outside_fences(lines: list[str]) -> list[str]:
    kept, in_fence = [], False
    for line in lines:
        if line.lstrip().startswith(_FENCE):
            in_fence = not in_fence
            line = ""
        kept.append("" if in_fence else line)
    return kept


def _telling_sentence(lines: list[str]) -> str:
    """Return the sentence whose terms are the most frequent ones of the document, on average; the first such."""
    prose = [line if line.strip() and not line.startswith(_NO_PROSE) else "" for line in lines]
    paragraphs = [" ".join(paragraph.split()) for paragraph in "\n".join(prose).split("\n\n")]
    sentences = [each for paragraph in paragraphs for each in _SENTENCE_ENDS.split(paragraph)]
    frequency = Counter(term for sentence in sentences for term in _terms(sentence))
    candidates = [each for each in sentences if 30 <= len(each) <= _MOST_QUOTED and len(_terms(each)) >= 3]
    return max(candidates, key=lambda each: _average(each, frequency), default="")


def _average(sentence: str, frequency: Counter[str]) -> float:
    terms = _terms(sentence)
    return sum(frequency[term] for term in terms) / len(terms)


def _terms(sentence: str) -> set[str]:
    return set(_TERM.findall(sentence.lower()))
