"""What changed between two states: per channel, lists by item, text by line. Pure, on plain data as JSON.

A change is an object with `change` ("added", "removed" or "changed") and, where both sides are there, a `kind`:

- `list`: `items`, runs of `op` "=" (with a `count`), "-" and "+" (with the `index` in its own list and the `value`), "~" (an item in
  place of another one, with the `change` inside).
- `text`: `lines`, each an `op` (" ", "-", "+", or "@" for what is left out) and its `text`.
- `dict`: `entries`, name to change; what stayed is left out.
- `value`: the `old` and the `new`.

Items are aligned by Python's difflib (Ratcliff and Obershelp), on their canonical JSON; messages of one `id` are the same item.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher, unified_diff
from typing import Any

from langgraph_filesaver.inspection import html, words
from langgraph_filesaver.inspection.records import frame

__all__ = ["Diff", "change_of", "changes"]

_MOST_ALIGNED = 5_000
"""Items or lines that are aligned; difflib takes quadratic time at worst, so beyond that only the ends are compared."""

_MOST_DEEP = 50


@dataclass(frozen=True, slots=True)
class Diff:
    """What changed from one checkpoint to another.

    Attributes:
        thread_id: The thread.
        old_id: The checkpoint that is compared with.
        new_id: The other one.
        channels: Channel to change; a channel that stayed is left out.
    """

    thread_id: str
    old_id: str
    new_id: str
    channels: Mapping[str, dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "thread_id": self.thread_id,
            "old": self.old_id,
            "new": self.new_id,
            "channels": dict(self.channels),
        }

    def to_pandas(self) -> Any:
        """Return a `pandas.DataFrame`, a row for each channel that changed; raises ImportError where pandas is not installed."""
        return frame([{"channel": name, **change} for name, change in self.channels.items()])

    def __bool__(self) -> bool:
        return bool(self.channels)

    def __repr__(self) -> str:
        return words.diff(self.to_dict())

    def _repr_html_(self) -> str:
        return html.fragment(html.diff(self.to_dict()))


def changes(old: Mapping[str, Any], new: Mapping[str, Any], depth: int = 0) -> dict[str, dict[str, Any]]:
    """Return name to change, for the names that are not equal on both sides, in the order of `new`, what went last."""
    found: dict[str, dict[str, Any]] = {}
    for name in (*new, *(name for name in old if name not in new)):
        if name not in old:
            found[name] = {"change": "added", "value": new[name]}
        elif name not in new:
            found[name] = {"change": "removed", "value": old[name]}
        else:
            change = change_of(old[name], new[name], depth)
            if change is not None:
                found[name] = change
    return found


def change_of(old: Any, new: Any, depth: int = 0) -> dict[str, Any] | None:
    """Return the change from one value to another, both as JSON, or None where they are equal."""
    if _canonical(old) == _canonical(new):
        return None
    if type(old) is type(new) and depth < _MOST_DEEP:
        if type(old) is list:
            return {"change": "changed", "kind": "list", "items": _items(old, new, depth)}
        if type(old) is dict and old.get("$type") == new.get("$type") and "$artifact" not in old:
            return {"change": "changed", "kind": "dict", "entries": changes(old, new, depth + 1)}
        if type(old) is str and ("\n" in old or "\n" in new):
            return {"change": "changed", "kind": "text", "lines": _lines(old, new)}
    return {"change": "changed", "kind": "value", "old": old, "new": new}


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)  # `==` takes 1 for true, and 1.0


def _items(old: list[Any], new: list[Any], depth: int) -> list[dict[str, Any]]:
    texts = [_canonical(item) for item in old], [_canonical(item) for item in new]
    start, end = _same_ends(*texts)
    middle = texts[0][start : len(old) - end], texts[1][start : len(new) - end]
    found: list[dict[str, Any]] = [{"op": "=", "count": start}] if start else []
    for op, i1, i2, j1, j2 in _opcodes(*middle):
        i1, i2, j1, j2 = i1 + start, i2 + start, j1 + start, j2 + start
        if op == "equal":
            found.append({"op": "=", "count": i2 - i1})
            continue
        pairs = 0
        while i1 + pairs < i2 and j1 + pairs < j2 and _is_same_item(old[i1 + pairs], new[j1 + pairs]):
            at = i1 + pairs, j1 + pairs
            change = change_of(old[at[0]], new[at[1]], depth + 1)
            if change is None:  # two that are equal, in the middle of a run that was not aligned
                found.append({"op": "=", "count": 1})
            else:
                found.append({"op": "~", "old_index": at[0], "index": at[1], **change})
            pairs += 1
        found += [{"op": "-", "index": index, "value": old[index]} for index in range(i1 + pairs, i2)]
        found += [{"op": "+", "index": index, "value": new[index]} for index in range(j1 + pairs, j2)]
    return [*found, {"op": "=", "count": end}] if end else found


def _same_ends(old: list[str], new: list[str]) -> tuple[int, int]:
    """Return how many items are equal at the beginning, and at the end of the rest."""
    shorter = min(len(old), len(new))
    start = next((index for index in range(shorter) if old[index] != new[index]), shorter)
    rest = shorter - start
    end = next((index for index in range(rest) if old[-1 - index] != new[-1 - index]), rest)
    return start, end


def _opcodes(old: list[str], new: list[str]) -> list[tuple[str, int, int, int, int]]:
    if not old and not new:
        return []
    if not old or not new or len(old) + len(new) > _MOST_ALIGNED:
        return [("replace", 0, len(old), 0, len(new))]
    return list(SequenceMatcher(None, old, new, autojunk=False).get_opcodes())


def _is_same_item(old: Any, new: Any) -> bool:
    """Tell whether one item stands in place of the other: of one type, and of one id where they have ids."""
    if type(old) is not dict or type(new) is not dict:
        return type(old) is type(new)
    return (old.get("$type"), old.get("id")) == (new.get("$type"), new.get("id"))


def _lines(old: str, new: str) -> list[dict[str, str]]:
    before, after = old.splitlines(), new.splitlines()
    if len(before) + len(after) > _MOST_ALIGNED:
        start, end = _same_ends(before, after)
        gone, come = before[start : len(before) - end], after[start : len(after) - end]
        return [*({"op": "-", "text": line} for line in gone), *({"op": "+", "text": line} for line in come)]
    found = []
    for line in list(unified_diff(before, after, lineterm="", n=2))[2:]:
        if line.startswith("@@"):
            found.append({"op": "@", "text": line})
        else:
            found.append({"op": line[0], "text": line[1:]})
    return found or [{"op": "-", "text": before[-1] if before else ""}, {"op": "+", "text": after[-1] if after else ""}]
