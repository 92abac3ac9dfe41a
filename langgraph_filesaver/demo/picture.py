"""Pictures for a terminal: a folder as a tree, the beginning of a file. Reads files, changes nothing."""

from __future__ import annotations

import os
import re

__all__ = ["excerpt", "tree"]

_MOST_ENTRIES = 8
_ID = re.compile(r"([0-9a-f]{8}-[0-9a-f]{4})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{8}([0-9a-f]{4})")


def tree(folder: str) -> list[str]:
    """Return the lines of a tree of all that is in `folder`; ids lose their middle, sizes stand behind the names."""
    return [f"{os.path.basename(folder)}/", *_branches(folder, "")]


def excerpt(path: str, *, lines: int, width: int) -> list[str]:
    """Return the first lines of a text file, each cut to `width`, and a line that tells how many more there are."""
    with open(path, encoding="utf-8") as file:
        everything = file.read().split("\n")
    shown = [line if len(line) <= width else line[: width - 1] + "…" for line in everything[:lines]]
    rest = len(everything) - len(shown)
    return [*shown, f"… {rest} more lines"] if rest else shown


def _branches(folder: str, indent: str) -> list[str]:
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: (entry.is_dir(), entry.name))
    hidden = len(entries) - _MOST_ENTRIES if len(entries) > _MOST_ENTRIES + 1 else 0
    shown = entries[: len(entries) - hidden]
    lines = []
    for entry in shown:
        last = entry is shown[-1] and not hidden
        name = _ID.sub(r"\1…\2", entry.name)
        if entry.is_dir(follow_symlinks=False):
            lines.append(f"{indent}{'└── ' if last else '├── '}{name}/")
            lines += _branches(entry.path, indent + ("    " if last else "│   "))
        else:
            size = f"{entry.stat(follow_symlinks=False).st_size:,} bytes"
            lines.append(f"{indent + ('└── ' if last else '├── ') + name:<74}{size:>14}")
    return [*lines, f"{indent}└── … {hidden} more"] if hidden else lines
