"""The tree of a thread's checkpoints as a Mermaid flowchart, which GitHub, GitLab and JupyterLab draw. Pure.

Nothing of a state can change the diagram: the names of its boxes are numbers, and in their texts every character but letters,
digits and a few signs stands as Mermaid's own entity code (`#35;`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langgraph_filesaver.inspection.lineage import knots

__all__ = ["flowchart"]

_PLAIN = frozenset(" .,:_-+")
_MOST_CHARACTERS = 60


def flowchart(found: Sequence[Mapping[str, Any]]) -> str:
    """Return the diagram of the checkpoints, given oldest first as JSON.

    Long runs between forks and ends are folded: Mermaid draws no more than 500 arrows and 50,000 characters.
    """
    made, left_out = knots(found)
    lines = ["flowchart TD"]
    if left_out:
        lines.append(f'    older["{left_out} older checkpoints"]')
    for number, knot in enumerate(made):
        label = f"{knot.folded} more steps" if knot.summary is None else _label(knot.summary)
        lines.append(f'    c{number}["{_text(label)}"]')
        if knot.parent is not None:
            lines.append(f"    c{knot.parent} --> c{number}")
    latest = [
        f"c{number}" for number, knot in enumerate(made) if knot.summary is not None and knot.summary["is_latest"]
    ]
    if latest:
        lines += ["    classDef latest stroke-width:3px", f"    class {','.join(latest)} latest"]
    return "\n".join(lines)


def _label(each: Mapping[str, Any]) -> str:
    step = "" if each["step"] is None else f"step {each['step']}: "
    return f"{step}{', '.join(each['nodes']) or each['source']}{' (late)' if each['is_late'] else ''}"


def _text(text: str) -> str:
    cut = text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 1] + "…"
    return "".join(each if each.isalnum() or each in _PLAIN else f"#{ord(each)};" for each in cut)
