"""Records as HTML, for notebooks and the report. Pure: knows only their JSON (`to_dict`)."""

from __future__ import annotations

import json
from collections.abc import Callable
from html import escape
from typing import Any

__all__ = ["artifacts", "diff", "fragment", "state", "threads", "timeline", "tree", "writes"]

Image = Callable[[str], "bytes | None"]


def fragment(body: str) -> str:
    return body


def _pre(found: Any) -> str:
    return f"<pre>{escape(json.dumps(found, indent=2, ensure_ascii=False))}</pre>"


def threads(found: list[dict[str, Any]]) -> str:
    return _pre(found)


def timeline(found: list[dict[str, Any]], diffs: list[dict[str, Any] | None], count: int) -> str:
    return _pre([found, diffs, count])


def state(found: dict[str, Any], image: Image) -> str:
    return _pre(found)


def diff(found: dict[str, Any]) -> str:
    return _pre(found)


def tree(found: list[dict[str, Any]]) -> str:
    return _pre(found)


def writes(found: list[dict[str, Any]]) -> str:
    return _pre(found)


def artifacts(found: list[dict[str, Any]]) -> str:
    return _pre(found)
