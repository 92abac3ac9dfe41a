"""The tree of a thread's checkpoints as a Mermaid flowchart, which GitHub, GitLab and JupyterLab draw. Pure.

Nothing of a state can change the diagram: the names of its boxes are numbers, and in their texts every character but letters,
digits and a few signs stands as Mermaid's own entity code (`#35;`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["flowchart"]

_PLAIN = frozenset(" .,:_-+")
_MOST_CHARACTERS = 60


def flowchart(found: Sequence[Mapping[str, Any]]) -> str:
    """Return the diagram of the checkpoints, given oldest first as JSON."""
    numbers = {each["checkpoint_id"]: number for number, each in enumerate(found)}
    lines = ["flowchart TD"]
    for each in found:
        number = numbers[each["checkpoint_id"]]
        lines.append(f'    c{number}["{_text(_label(each))}"]')
        if each["parent_checkpoint_id"] in numbers:
            lines.append(f"    c{numbers[each['parent_checkpoint_id']]} --> c{number}")
    latest = [f"c{numbers[each['checkpoint_id']]}" for each in found if each["is_latest"]]
    if latest:
        lines += ["    classDef latest stroke-width:3px", f"    class {','.join(latest)} latest"]
    return "\n".join(lines)


def _label(each: Mapping[str, Any]) -> str:
    step = "" if each["step"] is None else f"step {each['step']}: "
    return f"{step}{', '.join(each['nodes']) or each['source']}{' (late)' if each['is_late'] else ''}"


def _text(text: str) -> str:
    cut = text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 1] + "…"
    return "".join(each if each.isalnum() or each in _PLAIN else f"#{ord(each)};" for each in cut)
