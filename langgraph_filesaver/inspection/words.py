"""Records as plain text, for `repr` and terminals without colour. Pure: knows only their JSON (`to_dict`)."""

from __future__ import annotations

import json
from typing import Any

__all__ = [
    "artifacts",
    "checkpoint",
    "diff",
    "history",
    "mermaid",
    "state",
    "thread",
    "threads",
    "tree",
    "writes",
]


def _text(found: Any) -> str:
    return json.dumps(found, indent=2, ensure_ascii=False)


def threads(found: list[dict[str, Any]]) -> str:
    return _text(found)


def thread(found: dict[str, Any]) -> str:
    return _text(found)


def checkpoint(found: dict[str, Any]) -> str:
    return _text(found)


def history(found: list[dict[str, Any]], count: int) -> str:
    return _text(found)


def state(found: dict[str, Any]) -> str:
    return _text(found)


def diff(found: dict[str, Any]) -> str:
    return _text(found)


def tree(found: list[dict[str, Any]]) -> str:
    return _text(found)


def mermaid(found: list[dict[str, Any]]) -> str:
    return _text(found)


def writes(found: list[dict[str, Any]]) -> str:
    return _text(found)


def artifacts(found: list[dict[str, Any]]) -> str:
    return _text(found)
