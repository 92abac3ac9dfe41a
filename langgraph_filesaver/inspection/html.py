"""Records as HTML, for notebooks and the report. Pure: knows only their JSON (`to_dict`), needs no script.

Everything that comes from files goes through `html_values.text`; the markup, its classes and attributes are written here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langgraph_filesaver.inspection.html_values import Image, inline, text, text_block, value, within_budget
from langgraph_filesaver.inspection.lineage import branches
from langgraph_filesaver.inspection.style import STYLE
from langgraph_filesaver.inspection.words import role_of, size, when

__all__ = [
    "artifacts",
    "badge",
    "changes_of",
    "diff",
    "fragment",
    "no_image",
    "notes",
    "state",
    "step_line",
    "table",
    "threads",
    "timeline",
    "tree",
    "writes",
]

_STATUSES = frozenset({"running", "interrupted", "failed", "pending", "done", "unknown"})
_MOST_CHANGES = 200
_FOLDED_FROM = 400


def fragment(body: str) -> str:
    """Return a piece of a page with its style, for a notebook."""
    return f'<style>{STYLE}</style><div class="lgfs">{body}</div>'


def badge(status: str) -> str:
    """Return a status in its colour."""
    return f'<span class="badge {status if status in _STATUSES else "unknown"}">{text(status)}</span>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """Return a table of cells that are HTML already; `numbers` are the columns that are set to the right."""
    cells = "".join(
        f"<th scope=col{' class=n' if column in numbers else ''}>{name}</th>" for column, name in enumerate(head)
    )
    body = "".join(
        f"<tr>{''.join(f'<td class=n>{cell}</td>' if column in numbers else f'<td>{cell}</td>' for column, cell in enumerate(row))}</tr>"
        for row in rows
    )
    return f'<div class="wide" tabindex=0><table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></div>'


def threads(found: Sequence[Mapping[str, Any]]) -> str:
    """Return where threads stand, as a table."""
    if not found:
        return '<p class="soft">no threads</p>'
    rows = [
        [
            badge(each["status"]) + _holder(each["holder"]),
            f"<b>{inline(each['thread_id'], 80)}</b>{_questions(each)}",
            "-" if each["step"] is None else text(each["step"]),
            '<span class="soft">unknown</span>' if each["next"] is None else _names(each["next"]),
            text(when(each["updated_at"])),
            f"{each['checkpoints']:,}",
            f"{each['artifacts']:,}",
            size(each["bytes"]),
        ]
        for each in found
    ]
    head = ("status", "thread", "step", "next", "updated", "checkpoints", "artifacts", "size")
    return table(head, rows, numbers=(2, 5, 6, 7))


def _holder(holder: Mapping[str, Any] | None) -> str:
    if holder is None:
        return ""
    return f'<div class="soft small">process {text(holder["pid"])} on {inline(holder["host"], 40)} since {text(when(holder["since"]))}</div>'


def _questions(found: Mapping[str, Any]) -> str:
    asked = [
        f'<div class="small">{_of(each["node"])}asks {inline(each["value"])}</div>' for each in found["interrupts"]
    ]
    asked += [f'<div class="small">{_of(each["node"])}{inline(each["error"])}</div>' for each in found["errors"]]
    asked += [f'<div class="small gone">damaged: {inline(found["damage"], 600)}</div>'] if found["damage"] else []
    return "".join(asked)


def _of(node: str | None) -> str:
    return f"<b>{inline(node, 60)}</b>: " if node else ""


def _names(names: Sequence[str]) -> str:
    return ", ".join(inline(name, 60) for name in names) or '<span class="soft">-</span>'


def step_line(each: Mapping[str, Any]) -> str:
    """Return a step in a line."""
    step = "" if each["step"] is None else f"<b>step {text(each['step'])}</b> "
    mark = ' <span class="badge done">latest</span>' if each["is_latest"] else ""
    mark += ' <span class="badge failed">late: a fork</span>' if each["is_late"] else ""
    took = "" if each["duration_seconds"] is None else f' <span class="soft">{each["duration_seconds"]:.3f} s</span>'
    changed = (
        f' <span class="soft">changed {_names(each["channels_changed"])}</span>' if each["channels_changed"] else ""
    )
    return (
        f"<span>{step}{_names(each['nodes']) if each['nodes'] else inline(each['source'], 40)}</span>{mark}{changed}{took}"
        f' <span class="soft">{text(when(each["ts"]))}</span> <span class="soft">{size(each["bytes"])}</span>'
    )


def timeline(found: Sequence[Mapping[str, Any]], diffs: Sequence[Mapping[str, Any] | None], count: int) -> str:
    """Return steps, the newest first, each with what it changed folded in.

    Args:
        found: The steps.
        diffs: What each changed; None where that is not told.
        count: How many steps there are in all.
    """
    steps = "".join(
        f'<details class="step"><summary>{step_line(each)}</summary>'
        f'<div class="inside"><div class="soft small"><code>{inline(each["checkpoint_id"], 80)}</code></div>'
        f"{changes_of(change['channels']) if change else ''}</div></details>"
        for each, change in zip(found, diffs, strict=True)
    )
    more = f'<p class="soft">{count - len(found):,} older ones are not shown</p>' if count > len(found) else ""
    return steps + more or '<p class="soft">no checkpoints</p>'


def state(found: Mapping[str, Any], image: Image) -> str:
    """Return what a thread knew at a checkpoint.

    Args:
        found: The state, as JSON.
        image: Reads images that stand in artifacts.
    """
    image = within_budget(image)
    following = '<span class="soft">unknown</span>' if found["next"] is None else _names(found["next"])
    channels = "".join(
        f'<div class="channel"><h4>{inline(name, 120)}</h4>{value(each, image)}</div>'
        for name, each in found["values"].items()
    )
    return (
        f'<div class="facts">{badge(found["status"])}<b>{inline(found["thread_id"], 120)}</b>{step_line(found)}'
        f"<span>next: {following}</span></div>{notes(found, image)}{channels or '<p class=soft>no values</p>'}"
    )


def notes(found: Mapping[str, Any], image: Image) -> str:
    """Return what a checkpoint waits for, and what went wrong at it."""
    asked = "".join(
        f'<div class="note" role=note><b>{_of(each["node"])}asks</b>{value(each["value"], image)}</div>'
        for each in found["interrupts"]
    )
    return asked + "".join(
        f'<div class="note gone" role=note>{_of(each["node"])}{inline(each["error"], 2_000)}</div>'
        for each in found["errors"]
    )


def diff(found: Mapping[str, Any]) -> str:
    """Return what changed between two checkpoints."""
    return (
        f'<div class="facts soft small"><code>{inline(found["old"] or "(nothing)", 80)}</code> → '
        f"<code>{inline(found['new'], 80)}</code></div>{changes_of(found['channels'])}"
    )


def changes_of(channels: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what changed, channel by channel."""
    if not channels:
        return '<p class="soft">nothing changed</p>'
    return "".join(
        f'<div class="channel"><h4>{inline(name, 120)}</h4>{_change(change)}</div>' for name, change in channels.items()
    )


def _line(sign: str, body: str) -> str:
    kind = {"+": " add", "-": " gone"}.get(sign, "")
    return f'<span class="change{kind}" data-sign="{sign}">{body}</span>'


def _change(change: Mapping[str, Any]) -> str:
    if change["change"] != "changed":
        return _line("+" if change["change"] == "added" else "-", _told(change["value"]))
    if change["kind"] == "value":
        return _line("-", _told(change["old"])) + _line("+", _told(change["new"]))
    if change["kind"] == "text":
        signs = {"+": "+", "-": "-"}
        return _bounded([_line(signs.get(each["op"], " "), inline(each["text"], 2_000)) for each in change["lines"]])
    if change["kind"] == "dict":
        inner = [
            f'<div class="inside"><code>{inline(name, 80)}</code>{_change(each)}</div>'
            for name, each in change["entries"].items()
        ]
    else:
        inner = [_item(each) for each in change["items"]]
    return _bounded(inner)


def _item(each: Mapping[str, Any]) -> str:
    if each["op"] == "=":
        return f'<span class="change soft" data-sign=" ">{each["count"]:,} the same</span>'
    if each["op"] == "~":
        return f'<div class="inside"><span class="soft">item {each["index"]}</span>{_change(each)}</div>'
    return _line(each["op"], _told(each["value"]))


def _told(found: Any) -> str:
    """Return a value that came or went: in a line, or folded where it is a long text."""
    role = role_of(found)
    if role is not None:
        return f"<b>{inline(role, 40)}</b> {inline(found['content'], 2_000)}"
    if isinstance(found, str) and len(found) > _FOLDED_FROM:
        return text_block(found)
    return inline(found, 2_000)


def _bounded(parts: list[str]) -> str:
    if len(parts) > _MOST_CHANGES:
        return (
            "".join(parts[:_MOST_CHANGES])
            + f'<p class="soft">{len(parts) - _MOST_CHANGES:,} more changes are not shown</p>'
        )
    return "".join(parts)


def tree(found: Sequence[Mapping[str, Any]]) -> str:
    """Return the checkpoints as a tree, oldest first: a line of steps goes straight down, a fork is indented."""
    roots, children = branches(found)
    parts: list[str] = []
    # What is still to come: steps by their index, and the markup around a fork.
    todo: list[tuple[str, int | None]] = [("", at) for at in reversed(roots)]
    while todo:
        markup, at = todo.pop()
        parts.append(markup)
        if at is not None:
            kind = ' class="latest"' if found[at]["is_latest"] else ""
            parts.append(f"<li{kind}>● {step_line(found[at])}</li>")
            todo += [("", branch) for branch in children[at][-1:]]
            for branch in reversed(children[at][:-1]):
                todo += [("</ul></li>", None), ('<li><ul class="tree">', branch)]
    return f'<ul class="tree">{"".join(parts)}</ul>' if parts else '<p class="soft">no checkpoints</p>'


def writes(found: Sequence[Mapping[str, Any]]) -> str:
    """Return pending writes, as a table."""
    if not found:
        return '<p class="soft">no pending writes</p>'
    rows = [
        [
            inline(each["node"], 60) if each["node"] else '<span class="soft">unknown</span>',
            f"<code>{inline(each['channel'], 60)}</code>",
            value(each["value"], no_image, 1),
            f'<span class="soft small">{inline(each["task_id"], 40)}</span>',
        ]
        for each in found
    ]
    return table(("node", "channel", "value", "task"), rows)


def no_image(path: str) -> None:
    """Show no image, where there is no room for one."""
    del path


def artifacts(found: Sequence[Mapping[str, Any]]) -> str:
    """Return artifacts, as a table."""
    if not found:
        return '<p class="soft">no artifacts</p>'
    rows = [
        [text(each["kind"]), size(each["bytes"]), text(when(each["modified_at"])), f"<code>{text(each['path'])}</code>"]
        for each in found
    ]
    return table(("kind", "size", "written", "path"), rows, numbers=(1,))
