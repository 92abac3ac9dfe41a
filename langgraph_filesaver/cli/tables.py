"""Records as tables. Pure: knows only their JSON (`to_dict`), and makes every cell harmless.

Ids are never cut off, as people copy them: they are folded where the terminal is narrow. Long values are cut; JSON has them whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from langgraph_filesaver.cli.text import ago, instant, one_line, size, to_json

__all__ = [
    "LEAST_ID",
    "amounts",
    "artifacts",
    "duration",
    "history",
    "locks",
    "made_at",
    "short_ids",
    "threads",
    "writes",
]

LEAST_ID = 13
"""How much of an id is shown at least: of LangGraph's ids that tells 0.4 ms from the next."""

Found = Sequence[Mapping[str, Any]]

_STYLES = {
    "running": "cyan",
    "interrupted": "yellow",
    "failed": "red",
    "pending": "blue",
    "done": "green",
    "unknown": "dim",
}
_MOST_SHOWN = 200


def _table(*columns: tuple[str, str]) -> Table:
    """Return a table with columns (heading, kind): "id" may be folded, "text" wrapped, "number" stands right; "word" stays whole."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold")
    for heading, kind in columns:
        table.add_column(
            Text(heading),
            justify="right" if kind == "number" else "left",
            overflow="fold",
            no_wrap=kind in ("word", "number"),
        )
    return table


def _cell(value: object, style: str = "") -> Text:
    return Text(one_line("" if value is None else str(value)), style=style)


def _value(value: Any) -> Text:
    text = value if isinstance(value, str) else to_json(value, indent=None)
    return _cell(text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…")


def made_at(text: str | None) -> datetime | None:
    """Return an instant that a record tells, in UTC where it tells no time zone; None where it is no date."""
    try:
        at = datetime.fromisoformat((text or "").replace("Z", "+00:00"))
    except ValueError:  # what LangGraph wrote there is no date
        return None
    return at if at.tzinfo else at.replace(tzinfo=timezone.utc)


def threads(found: Found, *, is_narrow: bool) -> Table:
    """Show where threads stand; the last column tells what is next, asked, or gone wrong."""
    table = _table(
        ("THREAD", "id"),
        ("STATUS", "word"),
        ("STEP", "number"),
        ("CHANGED", "word"),
        *([] if is_narrow else [("CHECKPOINTS", "number")]),
        ("SIZE", "number"),
        ("NEXT", "text"),
    )
    for each in found:
        at = made_at(each["updated_at"])
        table.add_row(
            _cell(each["thread_id"]),
            _cell(each["status"], _STYLES.get(each["status"], "")),
            _cell(each["step"]),
            _cell(ago(at) if at else None),
            *([] if is_narrow else [_cell(each["checkpoints"])]),
            _cell(size(each["bytes"])),
            _note(each),
        )
    return table


def _note(thread: Mapping[str, Any]) -> Text:
    if thread["damage"]:
        return _cell("damaged")
    if thread["status"] == "failed" and thread["errors"]:
        error = thread["errors"][0]
        return _value(f"{error['node']}: {error['error']}")
    if thread["interrupts"]:
        question = thread["interrupts"][0]
        return _cell(f"{question['node']} asks: ").append_text(_value(question["value"]))
    if thread["holder"]:
        return _cell(f"process {thread['holder']['pid']} on {thread['holder']['host']}")
    return _cell(", ".join(thread["next"] or ()))


def short_ids(ids: Sequence[str]) -> dict[str, str]:
    """Return the shortest beginnings of ids by which `--checkpoint` tells them apart, a readable length at least."""
    ordered = sorted(ids)
    found = {}
    for index, each in enumerate(ordered):
        beside = ordered[max(index - 1, 0) : index] + ordered[index + 1 : index + 2]
        common = max((_common(each, other) for other in beside), default=0)
        found[each] = each[: max(common + 1, LEAST_ID)]
    return found


def _common(one: str, other: str) -> int:
    """Return how many characters two ids begin with alike."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def history(found: Found, ids: Sequence[str]) -> Table:
    """Show checkpoints of a namespace, of which there are `ids`."""
    table = _table(
        ("CHECKPOINT", "word"),
        ("STEP", "number"),
        ("MADE", "word"),
        ("BY", "id"),
        ("TOOK", "number"),
        ("SIZE", "number"),
        ("CHANGED", "text"),
    )
    short = short_ids(ids)
    for each in found:
        at = made_at(each["ts"])
        table.add_row(
            _cell(short.get(each["checkpoint_id"], each["checkpoint_id"]), "bold" if each["is_latest"] else ""),
            _cell(each["step"]),
            _cell(instant(at)[:19] if at else each["ts"]),
            _cell(", ".join(each["nodes"]) or each["source"]),
            _cell(duration(each["duration_seconds"])),
            _cell(size(each["bytes"])),
            _cell(", ".join(each["channels_changed"]) + (" (late: a fork)" if each["is_late"] else "")),
        )
    return table


def duration(seconds: float | None) -> str:
    """Return a span as people say it."""
    if seconds is None:
        return ""
    if abs(seconds) < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if abs(seconds) < 100 else f"{seconds / 60:.0f} min"


def writes(found: Found) -> Table:
    """Show pending writes."""
    table = _table(("NODE", "id"), ("TASK", "word"), ("IDX", "number"), ("CHANNEL", "word"), ("VALUE", "text"))
    short = short_ids([each["task_id"] for each in found])
    for each in found:
        table.add_row(
            _cell(each["node"]),
            _cell(short[each["task_id"]]),
            _cell(each["idx"]),
            _cell(each["channel"]),
            _value(each["value"]),
        )
    return table


def artifacts(found: Found) -> Table:
    """Show artifacts."""
    table = _table(("KIND", "word"), ("SIZE", "number"), ("WRITTEN", "word"), ("PATH", "id"))
    for each in found:
        at = made_at(each["modified_at"])
        table.add_row(
            _cell(each["kind"]), _cell(size(each["bytes"])), _cell(ago(at) if at else None), _cell(each["path"])
        )
    return table


def locks(found: Found, *, is_narrow: bool) -> Table:
    """Show who has which thread."""
    table = _table(
        ("THREAD", "id"),
        ("STATE", "word"),
        ("PROCESS", "number"),
        ("HOST", "id"),
        ("SINCE", "word"),
        ("EXPIRES", "word"),
        *([] if is_narrow else [("OWNER", "word")]),
    )
    for each in found:
        is_over = each["is_over"]
        since, expires = made_at(each["acquired_at"]), made_at(each["expires_at"])
        table.add_row(
            _cell(each["thread_id"]),
            _cell("over" if is_over else "held", "dim" if is_over else "cyan"),
            _cell(each["pid"]),
            _cell(each["host"]),
            _cell(ago(since) if since else None),
            _cell(instant(expires)[11:19] if expires else None),
            *([] if is_narrow else [_cell(each["owner"])]),
        )
    return table


def amounts(found: Found) -> Table:
    """Show how much of each thread is concerned, and the sum where there are several."""
    table = _table(("THREAD", "id"), ("CHECKPOINTS", "number"), ("FILES", "number"), ("SIZE", "number"))
    for each in found:
        table.add_row(
            _cell(each["thread_id"]), _cell(each["checkpoints"]), _cell(each["files"]), _cell(size(each["bytes"]))
        )
    if len(found) > 1:
        table.add_section()
        table.add_row(
            _cell(f"{len(found)} threads", "bold"),
            *(_cell(sum(each[name] for each in found), "bold") for name in ("checkpoints", "files")),
            _cell(size(sum(each["bytes"] for each in found)), "bold"),
        )
    return table
