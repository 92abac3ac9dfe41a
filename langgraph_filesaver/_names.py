"""Ids to names and back, and what a listing of files tells of ids: the section "Names and escaping" of docs/format.md.

Pure. The rules are told in `_layout`, which spells the keys that these names stand in.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b32encode
from functools import lru_cache

__all__ = ["greatest_stem", "id_of_name", "is_name", "json_stems", "name_of"]

_DEVICE = r"(?!(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\n|\Z))"
_PLAIN_PATTERN = _DEVICE + r"[a-z0-9][a-z0-9_-]{0,63}"
_PLAIN = re.compile(_PLAIN_PATTERN)
_ALL_PLAIN = re.compile(rf"(?:{_PLAIN_PATTERN}\n)*")
_HASHED = re.compile(r"[a-z0-9-]{1,24}~[a-z2-7]{32}")
_UNREADABLE = re.compile(r"[^a-z0-9]+")


@lru_cache(maxsize=4096)
def name_of(identifier: str) -> str:
    """Return the name of an id: the id itself where it is plain, else `slug~hash`."""
    if _PLAIN.fullmatch(identifier):
        return identifier
    slug = _UNREADABLE.sub("-", identifier[:200].lower())[:24].strip("-") or "id"
    digest = hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).digest()[:20]
    return f"{slug}~{b32encode(digest).decode('ascii').lower()}"


def is_name(name: str) -> bool:
    """Tell whether `name` can be the name of some id; anything else in a folder of ours is a stray and not ours."""
    return _PLAIN.fullmatch(name) is not None or _HASHED.fullmatch(name) is not None


def id_of_name(name: str) -> str | None:
    """Return the id whose name this is, or None where only the file itself tells (`slug~hash`)."""
    return name if _PLAIN.fullmatch(name) else None


def json_stems(names: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Split a listing into the stems of its JSON files: (plain, hashed). Strays are left out."""
    # A few steps over one text, in place of a few per name: plain names are the rule, and a listing may hold thousands.
    lines = "\n".join([*names, ""])
    plain = lines.split(".json\n")
    if len(plain) == len(names) + 1 == lines.count("\n") + 1:  # a stray's name may hold a line break itself
        plain.pop()
        if _ALL_PLAIN.fullmatch(
            "\n".join([*plain, ""])
        ):  # no dot is plain, so that each name has lost its end and no more
            return plain, []
    stems = [name[:-5] for name in names if name.endswith(".json")]
    plain = [stem for stem in stems if _PLAIN.fullmatch(stem)]
    return plain, [stem for stem in stems if _HASHED.fullmatch(stem)]


def greatest_stem(names: tuple[str, ...]) -> str | None:
    """Return the plain stem of the JSON file with the greatest id, where sorted names tell it at a glance; else None.

    They do where they are all of one length, for then they sort as their ids do, and none is hashed. Else `json_stems` tells.
    """
    if len(set(map(len, names))) != 1 or "~" in "".join(names):
        return None
    stem, dot, end = names[-1].partition(".")
    return stem if dot + end == ".json" and _PLAIN.fullmatch(stem) else None
