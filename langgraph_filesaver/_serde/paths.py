"""Where a value stands in what holds it: the steps of a path, and how a path is shown to a person."""

from __future__ import annotations

import json

__all__ = ["AN_ITEM", "A_KEY", "NONE_KEY", "Attribute", "Mark", "show_path"]


class Attribute(str):
    """The name of an object's field, as a step of a path."""

    __slots__ = ()


class Mark:
    """A step that is no name: a part that has none, or the key None, as None as a step is no step."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


A_KEY, AN_ITEM, NONE_KEY = Mark("<key>"), Mark("<item>"), Mark("None")


def show_path(root: str, steps: list[object]) -> str:
    """Return a path like `state["rows"][3].owner`; without a root, the first key stands bare if it is a name."""
    path = root
    for step in steps:
        if isinstance(step, Attribute):
            path += f".{step}" if path else str(step)
        elif isinstance(step, str) and not path and step.isidentifier():
            path = step
        elif isinstance(step, str):
            path += f"[{_quoted(step)}]"
        else:
            path += f"[{step!r}]"
    return path


def _quoted(key: str) -> str:
    """Return a key as JSON spells it, so that it can be found in a file; a lone surrogate is escaped."""
    return json.dumps(key, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
