"""Importing this module, or calling anything in it, leaves a mark that the tests look for."""

from __future__ import annotations

import builtins
from typing import Any

marks: list[str] = builtins.__dict__.setdefault("_canary_marks", [])
marks.append("imported")


def call(*_: Any, **__: Any) -> None:
    marks.append("called")


class Thing:
    """Not a data class by nature, with a side effect when made."""

    def __init__(self, *_: Any, **__: Any) -> None:
        marks.append("made")

    def __setstate__(self, _state: Any) -> None:
        marks.append("set")
