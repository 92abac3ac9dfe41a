"""Records as plain text, for `repr` and terminals. Pure: knows only their JSON (`to_dict`).

What comes from a state is made `printable` first: a control character or a mark that turns the direction of text around could
otherwise forge lines, or give orders to the terminal. Nothing is longer than a screen or two; what is left out is said.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from langgraph_filesaver.inspection.lineage import branches
from langgraph_filesaver.inspection.values import is_large

__all__ = [
    "artifacts",
    "checkpoint",
    "diff",
    "history",
    "printable",
    "role_of",
    "short",
    "size",
    "state",
    "thread",
    "threads",
    "tree",
    "when",
    "writes",
]

_WIDTH = 100
_MOST_LINES = 400
_MOST_ITEMS = 50
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINERS = frozenset("\u200d\u200c\ufe0f")  # parts of emoji and of words; harmless


def printable(text: str) -> str:
    r"""Return text in which every character that is not seen stands as its escape, such as `\x1b`; tabs become blanks."""
    if text.isprintable():
        return text
    return "".join(
        " " if each == "\t" else each if _is_seen(each) else each.encode("unicode_escape").decode("ascii")
        for each in text
    )


def _is_seen(character: str) -> bool:
    return character in _JOINERS or unicodedata.category(character) not in _HIDDEN_CATEGORIES


def short(value: Any, width: int = _WIDTH) -> str:
    """Return a value as JSON in one line of at most `width` characters."""
    if is_large(value):
        return f"<{value['kind']} of {value['bytes']:,} bytes: {printable(str(value['$artifact']))}>"
    if isinstance(value, str) and len(value) > 4 * width:
        value = value[: 4 * width]
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = printable(text.replace("\n", "⏎"))
    return text if len(text) <= width else text[: width - 1] + "…"


def size(count: int) -> str:
    """Return a number of bytes for people: 512 B, 4.7 kB, 81 MB."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def when(instant: str | None) -> str:
    """Return an instant in local time, to the second; what is no instant as it is."""
    if not instant:
        return "-"
    try:
        return datetime.fromisoformat(instant.replace("Z", "+00:00")).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError):
        return printable(instant)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def _bounded(lines: list[str]) -> str:
    if len(lines) > _MOST_LINES:
        lines = [*lines[:_MOST_LINES], f"… and {len(lines) - _MOST_LINES:,} more lines"]
    return "\n".join(lines)


def _names(names: Sequence[str] | None, nothing: str = "-") -> str:
    return nothing if not names else printable(", ".join(names))


def threads(found: Sequence[Mapping[str, Any]]) -> str:
    """Return a table of threads."""
    if not found:
        return "no threads"
    rows = [
        (
            each["status"],
            short(each["thread_id"], 40),
            "-" if each["step"] is None else str(each["step"]),
            "damaged" if each["damage"] else short("?" if each["next"] is None else _names(each["next"]), 30),
            when(each["updated_at"]),
            f"{each['checkpoints']:,}",
            size(each["bytes"]),
        )
        for each in found
    ]
    lines = _table(("status", "thread", "step", "next", "updated", "checkpoints", "size"), rows)
    return _bounded([*lines, *(f"damaged: {short(each['damage'], 400)}" for each in found if each["damage"])])


def thread(found: Mapping[str, Any]) -> str:
    """Return where a thread stands, a line for each thing."""
    lines = [
        f"thread     {short(found['thread_id'])}",
        f"status     {found['status']}",
        f"step       {'-' if found['step'] is None else found['step']}",
        f"next       {'unknown' if found['next'] is None else _names(found['next'], 'nothing')}",
        f"completed  {_names(found['nodes_completed'])}",
        f"created    {when(found['created_at'])}",
        f"updated    {when(found['updated_at'])}",
        f"holds      {_count(found, 'checkpoints')} in {_count(found, 'namespaces')}, {_count(found, 'artifacts')}, {size(found['bytes'])}",
    ]
    damaged = [f"damaged    {short(found['damage'], 400)}"] if found["damage"] else []
    return _bounded([*lines, *_standing(found), *_held(found["holder"]), *damaged])


def _count(found: Mapping[str, Any], nouns: str) -> str:
    return f"{found[nouns]:,} {nouns.removesuffix('s') if found[nouns] == 1 else nouns}"


def _standing(found: Mapping[str, Any]) -> list[str]:
    asked = [f"asks       {_of(each['node'])}{short(each['value'])}" for each in found["interrupts"]]
    return asked + [f"failed     {_of(each['node'])}{short(each['error'])}" for each in found["errors"]]


def _of(node: str | None) -> str:
    return f"{printable(node)}: " if node else ""


def _held(holder: Mapping[str, Any] | None) -> list[str]:
    if holder is None:
        return []
    return [f"held by    process {holder['pid']} on {printable(holder['host'])} since {when(holder['since'])}"]


def checkpoint(found: Mapping[str, Any]) -> str:
    """Return a step in a line."""
    mark = " (latest)" if found["is_latest"] else " (late: a fork)" if found["is_late"] else ""
    step = "-" if found["step"] is None else found["step"]
    return f"step {step}, {_names(found['nodes'], printable(found['source']))}, {when(found['ts'])}, {printable(found['checkpoint_id'])}{mark}"


def history(found: Sequence[Mapping[str, Any]], count: int) -> str:
    """Return a table of steps, of which there are `count`."""
    if not found:
        return "no checkpoints"
    rows = [
        (
            "-" if each["step"] is None else str(each["step"]),
            short(each["source"], 8),
            short(_names(each["nodes"]), 30),
            short(_names(each["channels_changed"]), 40),
            "-" if each["duration_seconds"] is None else f"{each['duration_seconds']:.3f} s",
            size(each["bytes"]),
            short(each["checkpoint_id"], 40)
            + (" ← latest" if each["is_latest"] else " late" if each["is_late"] else ""),
        )
        for each in found
    ]
    lines = _table(("step", "source", "node", "changed", "took", "size", "checkpoint"), rows)
    return _bounded(lines if count <= len(found) else [*lines, f"… and {count - len(found):,} older ones"])


def state(found: Mapping[str, Any]) -> str:
    """Return what a thread knew: its channels, messages as a conversation."""
    following = "unknown" if found["next"] is None else _names(found["next"], "nothing")
    lines = [
        f"thread {short(found['thread_id'])}, {checkpoint(found)}",
        f"status {found['status']}, next: {following}",
        *_standing(found),
    ]
    for name, value in found["values"].items():
        note = " (built by the graph from these writes)" if name in found["unknown_channels"] else ""
        lines += ["", f"{short(name)}{note}:", *(f"  {line}" for line in _value_lines(value))]
    return _bounded(lines)


def _value_lines(value: Any) -> list[str]:
    if isinstance(value, list) and value:
        lines = [_item_line(each) for each in value[-_MOST_ITEMS:]]
        return lines if len(value) <= _MOST_ITEMS else [f"… {len(value) - _MOST_ITEMS:,} earlier ones", *lines]
    if isinstance(value, dict) and value and not is_large(value) and "$type" not in value:
        lines = [f"{short(name, 40)}: {short(each)}" for name, each in list(value.items())[:_MOST_ITEMS]]
        return lines if len(value) <= _MOST_ITEMS else [*lines, f"… and {len(value) - _MOST_ITEMS:,} more"]
    if isinstance(value, str) and "\n" in value:
        found = value.splitlines()
        lines = [short(line) for line in found[:_MOST_ITEMS]]
        return lines if len(found) <= _MOST_ITEMS else [*lines, f"… and {len(found) - _MOST_ITEMS:,} more lines"]
    return [short(value)]


def role_of(found: Any) -> str | None:
    """Return who speaks in a message, such as "human" or "ai"; None where a value is no message."""
    kind = found.get("$type") if isinstance(found, dict) else None
    if not isinstance(kind, str) or not kind.startswith("langchain_core.messages.") or "content" not in found:
        return None
    return kind.rpartition(".")[2].removesuffix("Chunk").removesuffix("Message").lower()


def _item_line(item: Any) -> str:
    role = role_of(item)
    if role is not None:
        calls = "".join(
            f" → {printable(str(call.get('name')))}({short(call.get('args'), 60)})"
            for call in (item["tool_calls"] if isinstance(item.get("tool_calls"), list) else ())
            if isinstance(call, dict)
        )
        return f"{role}: {short(item['content'])}{calls}"
    return f"- {short(item)}"


def diff(found: Mapping[str, Any]) -> str:
    """Return what changed, a block for each channel: `-` went, `+` came, `~` changed inside."""
    lines = [f"thread {short(found['thread_id'])}: {short(found['old'] or '(nothing)')} → {short(found['new'])}"]
    if not found["channels"]:
        lines.append("nothing changed")
    for name, change in found["channels"].items():
        lines += ["", *_change_lines(short(name), change)]
    return _bounded(lines)


def _change_lines(name: str, change: Mapping[str, Any]) -> list[str]:
    if change["change"] != "changed":
        sign = "+" if change["change"] == "added" else "-"
        return [f"{sign} {name}:", *(f"{sign}   {line}" for line in _value_lines(change["value"]))]
    kind = change["kind"]
    if kind == "value":
        return [f"~ {name}:", f"-   {short(change['old'])}", f"+   {short(change['new'])}"]
    if kind == "text":
        return [f"~ {name}:", *(f"{each['op']}   {short(each['text'])}" for each in change["lines"])]
    if kind == "dict":
        inner = [line for key, each in change["entries"].items() for line in _change_lines(short(key), each)]
    else:
        inner = [line for each in change["items"] for line in _item_change(each)]
    return [f"~ {name}:", *(f"{line[:1]}   {line[2:]}" for line in inner)]


def _item_change(each: Mapping[str, Any]) -> list[str]:
    if each["op"] == "=":
        return [f"  ({each['count']:,} the same)"]
    if each["op"] == "~":
        return _change_lines(f"[{each['index']}]", each)
    return [f"{each['op']} [{each['index']}] {_item_line(each['value']).removeprefix('- ')}"]


def tree(found: Sequence[Mapping[str, Any]]) -> str:
    """Return the steps as a tree of what was made from what, oldest first."""
    roots, children = branches(found)
    lines: list[str] = []
    stack = [(at, "", "") for at in reversed(roots)]
    while stack:
        at, own, rest = stack.pop()
        lines.append(f"{own}● {checkpoint(found[at])}")
        below = children[at]
        # A line of steps goes straight down; only a fork is indented, and the branch that came last goes straight on.
        stack += [(below[-1], rest, rest)] if below else []
        stack += [(branch, f"{rest}├─", f"{rest}│ ") for branch in reversed(below[:-1])]
    return _bounded(lines or ["no checkpoints"])


def writes(found: Sequence[Mapping[str, Any]]) -> str:
    """Return a table of pending writes."""
    if not found:
        return "no pending writes"
    rows = [
        (
            short(each["node"] or "?", 30),
            short(each["task_id"], 36),
            short(each["channel"], 30),
            short(each["value"], 60),
        )
        for each in found
    ]
    return _bounded(_table(("node", "task", "channel", "value"), rows))


def artifacts(found: Sequence[Mapping[str, Any]]) -> str:
    """Return a table of artifacts."""
    if not found:
        return "no artifacts"
    rows = [(each["kind"], size(each["bytes"]), when(each["modified_at"]), each["path"]) for each in found]
    return _bounded(_table(("kind", "size", "written", "path"), rows))
