"""One self-contained HTML page of a thread: where it stands, its timeline, each state, forks, artifacts. No network, no server.

Summary, timeline, changes and the latest state are plain HTML, which needs no script. The state of each step stands once for all steps
as JSON, every distinct value once and each list as what it adds to the list of the step before, so that N messages cost O(N); the
script (`report.js`) builds it from there when somebody opens it.

What would break it: text of a state that ends the JSON's element (every `<` in it is escaped), or that the script takes for
markup (it sets texts only). The page's own policy forbids all that is not in it: addresses, frames, other scripts.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from importlib import resources
from typing import TYPE_CHECKING, Any

from langgraph_filesaver.errors import NotFoundError
from langgraph_filesaver.inspection import html
from langgraph_filesaver.inspection.diff import changes
from langgraph_filesaver.inspection.html_values import inline, text
from langgraph_filesaver.inspection.style import STYLE
from langgraph_filesaver.inspection.values import to_json
from langgraph_filesaver.inspection.words import when

if TYPE_CHECKING:
    from langgraph_filesaver.inspection.thread import Thread

__all__ = ["StateTable", "newest_first", "report"]

_MOST_CHARACTERS = 2_500_000
"""Of the values of all states, and of all changes: a page of more opens slowly, if at all."""

_LEFT_OUT = {"$left_out": "to keep this page small: it stands in the file of the checkpoint"}

_NOT_AS_IT_IS = re.compile("[<\\u2028\\u2029\\ud800-\\udfff]")
"""What would end the script's element or a line of it, and half of a surrogate pair, which no file can hold."""

_PAGE_STYLE = """
html{color-scheme:light dark}body{margin:0;background:#fff}@media (prefers-color-scheme:dark){body{background:#14171c}}
body>.lgfs{max-width:1080px;margin:0 auto;padding:24px 20px 80px;border-radius:0}
h1{font:650 22px/1.3 system-ui,sans-serif;margin:0 0 4px}h2{font:600 16px/1.4 system-ui,sans-serif;margin:32px 0 10px}
#tools{position:sticky;top:0;z-index:1;display:flex;flex-wrap:wrap;gap:8px;align-items:center;padding:8px 0;background:var(--paper)}
#tools[hidden]{display:none}
#search{flex:1 1 180px;min-width:0;padding:7px 10px;border:1px solid var(--line);border-radius:8px;background:var(--raised);color:inherit;font:inherit}
#tools button{padding:6px 12px;border:1px solid var(--line);border-radius:8px;background:var(--raised);color:inherit;font:inherit;cursor:pointer}
.skip{position:absolute;left:-9999px}.skip:focus{position:static}
@media (max-width:600px){body>.lgfs{padding:16px 12px 60px}.lgfs .message{max-width:100%}.lgfs .step{padding:2px}}
@media print{#tools{display:none}.lgfs pre{max-height:none}}
"""


class StateTable:
    """The states of many steps, each distinct value once.

    Attributes:
        values: The distinct values.
        steps: For each step, channel to an index into `values`, or, for a list, to `{"items": indices, "keep": how many items
            of the list of the step `of` come before them}`.
    """

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.steps: list[dict[str, Any]] = []
        self._indices: dict[str, int] = {}
        self._last_use: list[int] = []
        self._sizes: list[int] = []
        self._latest: dict[str, tuple[int, list[int]]] = {}

    def add(self, state: Mapping[str, Any]) -> int:
        """Add a step's state and return its number."""
        number = len(self.steps)
        entries: dict[str, Any] = {}
        for name, value in state.items():
            if not isinstance(value, list):
                entries[name] = self._index(value)
                continue
            items = [self._index(item) for item in value]
            step, before = self._latest.get(name, (None, []))
            keep = 0
            while keep < min(len(items), len(before)) and items[keep] == before[keep]:
                keep += 1
            entries[name] = {"items": items[keep:], "keep": keep, **({} if step is None else {"of": step})}
            self._latest[name] = number, items
        self.steps.append(entries)
        return number

    def _index(self, value: Any) -> int:
        key = json.dumps(value, sort_keys=True)
        if key not in self._indices:
            self._indices[key] = len(self.values)
            self.values.append(value)
            self._sizes.append(len(key))
            self._last_use.append(0)
        index = self._indices[key]
        self._last_use[index] = len(self.steps)
        return index

    def to_script(self) -> str:
        """Return it as JSON that can stand inside a script element; of too much, what the newest steps hold."""
        left, values = _MOST_CHARACTERS, list[Any]([_LEFT_OUT]) * len(self.values)
        for index in sorted(range(len(self.values)), key=lambda index: (-self._last_use[index], self._sizes[index])):
            left -= self._sizes[index]
            if left >= 0:
                values[index] = self.values[index]
        told = json.dumps({"values": values, "steps": self.steps}, ensure_ascii=False, separators=(",", ":"))
        return _NOT_AS_IT_IS.sub(lambda found: f"\\u{ord(found[0]):04x}", told)


def report(thread: Thread, progress: Callable[[], None] | None = None) -> str:
    """Return the page of a thread, calling `progress` after each step; raises as `Thread.state` does."""
    script = resources.files("langgraph_filesaver.inspection").joinpath("report.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    summary, name = thread.summary.to_dict(), inline(thread.thread_id, 120)
    table = StateTable()
    namespaces = thread.namespaces
    timelines = _each(namespaces, lambda namespace: _timeline(thread, namespace, table, progress))
    body = (
        f"<header><h1>{name}</h1><p class=soft>{text(summary['checkpoints'])} checkpoints, "
        f"made {text(when(datetime.now(timezone.utc).isoformat()))}</p>{html.threads([summary])}</header>"
        f"<main><section aria-label='latest state'><h2>What it knows now</h2>"
        f"{_each(namespaces, lambda namespace: _latest(thread, namespace))}</section>"
        "<section id=timeline aria-label=timeline><h2>Timeline</h2>"
        "<div id=tools role=search hidden><input id=search type=search placeholder='Search what came and went (press /)' "
        "aria-label='Search what came and went'>"
        "<button id=open type=button>Expand all</button><button id=close type=button>Collapse all</button>"
        f"<span id=told class='soft small' role=status></span></div>{timelines}</section>"
        f"<section aria-label=tree><h2>Tree</h2>{_each(namespaces, lambda namespace: _tree(thread, namespace))}</section>"
        f"<section aria-label='pending writes'><h2>Pending writes</h2>{_each(namespaces, lambda namespace: _writes(thread, namespace))}</section>"
        f"<section aria-label=artifacts><h2>Artifacts</h2>{html.artifacts(thread.artifacts().to_dict())}</section></main>"
    )
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name=viewport content="width=device-width,initial-scale=1">'
        f"<title>{name}</title><style>{STYLE}{_PAGE_STYLE}</style></head><body><div class=lgfs>{body}</div>"
        f"<script type=application/json id=states>{table.to_script()}</script><script>{script}</script></body></html>"
    )


def _each(namespaces: Sequence[str], part: Callable[[str], str]) -> str:
    """Return a part of the page for each namespace, under its name; nothing for one that is removed meanwhile."""
    parts = []
    for namespace in namespaces:
        heading = f"<h3><code>{inline(namespace, 120)}</code></h3>" if namespace else ""
        with contextlib.suppress(NotFoundError):
            parts.append(f"{heading}{part(namespace)}")
    return "".join(parts)


def _latest(thread: Thread, namespace: str) -> str:
    state = thread.state(checkpoint_ns=namespace)
    return html.state(state.to_dict(), state._image)  # noqa: SLF001 its own reader of images


def _tree(thread: Thread, namespace: str) -> str:
    return html.tree(thread.tree(checkpoint_ns=namespace).to_dict())


def _writes(thread: Thread, namespace: str) -> str:
    return html.writes(thread.writes(checkpoint_ns=namespace).to_dict())


def _values_of(thread: Thread, checkpoint_ns: str, checkpoint_id: str) -> dict[str, dict[str, Any]]:
    """Return the values of a checkpoint that a fork was made from, under its id; nothing where it was pruned."""
    try:
        return {checkpoint_id: to_json(dict(thread.state(checkpoint_id, checkpoint_ns=checkpoint_ns)))}
    except NotFoundError:
        return {}


def _timeline(thread: Thread, checkpoint_ns: str, table: StateTable, progress: Callable[[], None] | None) -> str:
    """Return the steps of a namespace, the newest first, and put their states into the table, the oldest first."""
    parts: list[tuple[str, str, str]] = []
    before: dict[str, dict[str, Any]] = {}
    for state in thread.states(checkpoint_ns=checkpoint_ns):
        step, values = state.summary.to_dict(), to_json(dict(state))
        parent_id = step["parent_checkpoint_id"]
        if parent_id is not None and parent_id not in before and table.steps:
            before = _values_of(thread, checkpoint_ns, parent_id)
        change = changes(before.get(parent_id, {}), values)
        number = table.add(values)
        parts.append(
            (
                (
                    f'<details class="step"><summary>{html.step_line(step)}</summary><div class="inside">'
                    f'<div class="soft small"><code>{inline(step["checkpoint_id"], 80)}</code></div>'
                ),
                html.notes(state.to_dict(), html.no_image) + html.changes_of(change),
                (
                    f'<details class="whole"><summary class="soft">The whole state</summary><div class="state" data-step="{number}"></div></details>'
                    "</div></details>"
                ),
            )
        )
        before = {step["checkpoint_id"]: values}
        if progress is not None:
            progress()
    return newest_first(parts)


def newest_first(parts: list[tuple[str, str, str]]) -> str:
    """Return steps, given oldest first as what stands before, in and after their changes; of too many, those of the newest."""
    left, shown = _MOST_CHARACTERS, []
    for before, change, after in reversed(parts):
        left -= len(change)
        told = (
            change
            if left >= 0
            else '<p class="soft">left out, to keep this page small: the files tell what changed</p>'
        )
        shown.append(f"{before}{told}{after}")
    return "".join(shown)
