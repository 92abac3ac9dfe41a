"""Plain values as HTML: conversations, tables, images, folded text and trees. Pure.

Nothing of a value is ever markup: each text goes through `text`, no value becomes an address, a class or an attribute, and the only
address made of one is that of an image, whose bytes were decoded and begin as an image of that kind does. Vector images, which can hold
scripts, are none of these kinds.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from langgraph_filesaver.errors import CorruptDataError
from langgraph_filesaver.inspection.values import is_large
from langgraph_filesaver.inspection.words import printable, role_of, size

__all__ = ["Image", "inline", "large", "text", "text_block", "value", "within_budget"]

Image = Callable[[str], "bytes | None"]
"""Reads an image of the thread by its path; None where it is not to be shown."""

_MOST_IMAGE_BYTES = 512 * 1024
_MOST_IMAGE_BYTES_OF_PAGE = 4 * 1024 * 1024
_MOST_ITEMS = 100
_MOST_DEEP = 12
_WEIGHED_AT = 1
_MOST_INSIDE = 300
"""Values inside a part at depth `_WEIGHED_AT`: together with `_MOST_ITEMS` they bound what any value takes on a page."""

_MOST_CHARACTERS = 20_000
_FOLDED_FROM = 400
_KINDS = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF87a", "gif"), (b"GIF89a", "gif"))
_DATA_URL = re.compile(r"data:image/[a-z]{3,4};base64,([A-Za-z0-9+/=\s]*)")
_ROLES = {"human", "ai", "tool", "system"}


def within_budget(image: Image) -> Image:
    """Return a reader of images that reads no more once those of one page have their share, `_MOST_IMAGE_BYTES_OF_PAGE`."""
    left = _MOST_IMAGE_BYTES_OF_PAGE

    def read(path: str) -> bytes | None:
        nonlocal left
        data = image(path) if left > 0 else None
        left -= len(data or b"")
        return data

    return read


def text(found: object) -> str:
    """Return a text for a page: its markup escaped, and every character that is not seen, but line breaks, as its code."""
    return escape("\n".join(printable(line) for line in str(found).split("\n")))


def inline(found: Any, width: int = 160) -> str:
    """Return a value in a line."""
    if is_large(found):
        return large(found)
    told = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
    return text(told if len(told) <= width else told[: width - 1] + "…")


def large(found: Mapping[str, Any]) -> str:
    """Return what is told of a value that was not read."""
    return f'<span class="soft">{text(found["kind"])}, {size(found["bytes"])}</span> <code>{text(found["$artifact"])}</code>'


def value(found: Any, image: Image, depth: int = 0) -> str:
    """Return a value as blocks of HTML.

    Args:
        found: The value, as JSON.
        image: Reads images that stand in artifacts.
        depth: How deep in others it stands.
    """
    if depth > _MOST_DEEP:
        return f'<code>{inline(found)}</code> <span class="soft">(deeper levels are not shown)</span>'
    if isinstance(found, str):
        return text_block(found)
    if depth == _WEIGHED_AT and _is_heavy(found):
        return f'<code>{inline(found)}</code> <span class="soft">(more than {_MOST_INSIDE} values; not all are shown)</span>'
    if isinstance(found, list):
        return _list(found, image, depth)
    if isinstance(found, dict):
        return _dict(found, image, depth)
    return f"<code>{inline(found)}</code>"


def _is_heavy(found: Any) -> bool:
    """Tell whether there are more than `_MOST_INSIDE` values in one; counts no further than that."""
    left, waiting = _MOST_INSIDE, [found]
    while waiting and left >= 0:
        each = waiting.pop()
        inside = list(each.values() if isinstance(each, dict) else each if isinstance(each, list) else ())[
            -_MOST_ITEMS:
        ]
        left -= len(inside)
        waiting += inside
    return left < 0


def text_block(found: str) -> str:
    """Return a text: an image where it is a data URL of one, folded where it is long."""
    shown = _picture_in(found)
    if shown is not None:
        return shown
    cut = found if len(found) <= _MOST_CHARACTERS else found[:_MOST_CHARACTERS]
    rest = "" if cut is found else f'<p class="soft">… and {len(found) - len(cut):,} more characters</p>'
    if len(found) <= _FOLDED_FROM:
        return f'<div class="text">{text(found)}</div>' if found else '<span class="soft">(empty text)</span>'
    return (
        f'<details><summary class="soft">{inline(found, 100)} ({len(found):,} characters)</summary>'
        f"<pre>{text(cut)}</pre>{rest}</details>"
    )


def _picture_in(found: str) -> str | None:
    """Return the image that a data URL holds, or None where it holds none."""
    if not found.startswith("data:image/") or len(found) > _MOST_IMAGE_BYTES * 3 // 2:
        return None
    whole = _DATA_URL.fullmatch(found)
    return None if whole is None else _picture_of(whole[1])


def _picture_of(encoded: str) -> str | None:
    try:
        return _picture(base64.b64decode(encoded, validate=False))
    except (binascii.Error, ValueError):
        return None


def _picture(data: bytes | None) -> str | None:
    """Return an image, if the bytes are one of a kind that cannot hold a script, and not too many."""
    if data is None or len(data) > _MOST_IMAGE_BYTES:
        return None
    kind = next((kind for magic, kind in _KINDS if data.startswith(magic)), None)
    if kind is None and data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        kind = "webp"
    if kind is None:
        return None
    return (
        f'<img alt="image, {size(len(data))}" src="data:image/{kind};base64,{base64.b64encode(data).decode("ascii")}">'
    )


def _large_picture(found: Mapping[str, Any], image: Image) -> str:
    """Return the image of an artifact, a word on its damage, or nothing where it is no image, or too large."""
    if found["kind"] != "image" or found["bytes"] > _MOST_IMAGE_BYTES:
        return ""
    try:
        return _picture(image(found["$artifact"])) or ""
    except CorruptDataError as error:
        return f'<div class="gone">damaged: {inline(str(error), 600)}</div>'


def _list(found: list[Any], image: Image, depth: int) -> str:
    if not found:
        return '<span class="soft">(empty list)</span>'
    left_out = (
        f'<p class="soft">{len(found) - _MOST_ITEMS:,} earlier ones are not shown</p>'
        if len(found) > _MOST_ITEMS
        else ""
    )
    shown = found[-_MOST_ITEMS:]
    if all(_is_message(each) for each in shown):
        return f'{left_out}<div class="chat">{"".join(_message(each, image, depth) for each in shown)}</div>'
    columns = _columns(shown)
    if columns:
        rows = [[inline(each.get(name), 80) for name in columns] for each in shown]
        return left_out + _table([text(name) for name in columns], rows)
    if all(not isinstance(each, (list, dict)) and len(str(each)) < 80 for each in shown) and len(shown) <= 12:
        return f"{left_out}<code>{inline(shown, 800)}</code>"
    items = "".join(f"<li>{value(each, image, depth + 1)}</li>" for each in shown)
    body = f'{left_out}<ol class="inside" start="{len(found) - len(shown)}">{items}</ol>'
    if depth == 0:
        return body
    return f'<details><summary class="soft">list of {len(found):,}</summary>{body}</details>'


def _columns(found: list[Any]) -> list[str]:
    """Return the names of a list of flat records that all have the same ones; else none."""
    first = found[0]
    if not isinstance(first, dict) or not 1 <= len(first) <= 20 or "$type" in first or is_large(first):
        return []
    names = list(first)
    is_table = all(
        isinstance(each, dict)
        and list(each) == names
        and not any(isinstance(cell, (list, dict)) for cell in each.values())
        for each in found
    )
    return names if is_table else []


def _table(head: list[str], rows: list[list[str]]) -> str:
    cells = "".join(f"<th scope=col>{name}</th>" for name in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide" tabindex=0><table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></div>'


def _dict(found: dict[str, Any], image: Image, depth: int) -> str:
    if is_large(found):
        return f"{_large_picture(found, image)}<div>{large(found)}</div>"
    if "$serde" in found:
        return f'<span class="soft">sealed as {inline(found["$serde"])}; open it with the serde that sealed it</span>'
    if "$delta" in found:
        return f'<p class="soft">the graph builds it from</p>{value(found["$delta"], image, depth + 1)}'
    if _is_message(found):
        return f'<div class="chat">{_message(found, image, depth)}</div>'
    kind = found.get("$type")
    if isinstance(kind, str):
        return _tagged(kind, {name: each for name, each in found.items() if name != "$type"}, image, depth)
    return _fields(found, image, depth, f"dict of {len(found):,}")


def _tagged(kind: str, rest: dict[str, Any], image: Image, depth: int) -> str:
    frame = _frame(kind, rest)
    if frame:
        return frame
    name = f'<span class="soft small">{text(kind.rpartition(".")[2] or kind)}</span>'
    only = next(iter(rest.values())) if len(rest) == 1 else None
    if only is not None and not isinstance(only, (list, dict)):
        return (
            f"{name} {text_block(only) if isinstance(only, str) and len(only) > 80 else f'<code>{inline(only)}</code>'}"
        )
    if set(rest) == {"items"} and isinstance(rest["items"], list):
        return f"{name} {_list(rest['items'], image, depth)}"
    return _fields(rest, image, depth, kind.rpartition(".")[2] or kind)


def _frame(kind: str, rest: dict[str, Any]) -> str:
    """Return the first rows of a stored frame of pandas or polars, or "" where it is none, or a large one."""
    columns = _pandas_columns(rest) if kind == "pandas.DataFrame" else rest.get("columns")
    if (
        kind not in ("pandas.DataFrame", "polars.DataFrame")
        or not isinstance(columns, list)
        or not all(isinstance(each, dict) and isinstance(each.get("values"), list) for each in columns)
    ):
        return ""
    count = max((len(each["values"]) for each in columns), default=0)
    rows = [
        [inline(each["values"][row], 80) if row < len(each["values"]) else "" for each in columns]
        for row in range(min(count, _MOST_ITEMS))
    ]
    more = f'<p class="soft">{count - len(rows):,} more rows</p>' if count > len(rows) else ""
    return f'<span class="soft small">{text(kind)}</span>{_table([inline(each.get("name", "")) for each in columns], rows)}{more}'


def _pandas_columns(rest: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Return the columns of a frame of pandas as those of polars stand: a name and its values each."""
    names, data = _pandas_values(rest.get("columns")), rest.get("data")
    if names is None or not isinstance(data, list) or len(data) != len(names):
        return None
    return [{"name": name, "values": _pandas_values(each)} for name, each in zip(names, data, strict=True)]


def _pandas_values(found: Any) -> list[Any] | None:
    """Return the values of a column or an index of pandas, or None where they do not stand there as a list."""
    if not isinstance(found, dict):
        return None
    held, span = found.get("values"), found.get("range")
    if isinstance(held, dict):  # an array of numpy
        held = held.get("values", held.get("items"))
    if isinstance(span, list) and len(span) == 3 and all(type(each) is int for each in span) and span[2]:
        return list(range(*span)[:_MOST_ITEMS])
    if found.get("dtype") == "category" and isinstance(held, list):
        names = _pandas_values(found.get("categories")) or []
        return [names[code] if type(code) is int and 0 <= code < len(names) else None for code in held]
    return held if isinstance(held, list) else None


def _fields(found: dict[str, Any], image: Image, depth: int, name: str) -> str:
    if not found:
        return f'<span class="soft">{text(name)}, empty</span>'
    shown = list(found.items())[:_MOST_ITEMS]
    rows = "".join(
        f"<tr><td><code>{inline(key, 80)}</code></td><td>{value(each, image, depth + 1)}</td></tr>"
        for key, each in shown
    )
    more = f'<p class="soft">{len(found) - len(shown):,} more are not shown</p>' if len(found) > len(shown) else ""
    body = f"<table><tbody>{rows}</tbody></table>{more}"
    opened = " open" if depth == 0 and len(found) <= 12 else ""
    return f'<details{opened}><summary class="soft">{text(name)}</summary><div class="inside">{body}</div></details>'


# --- conversations


def _is_message(found: Any) -> bool:
    return role_of(found) is not None


def _message(found: dict[str, Any], image: Image, depth: int) -> str:
    role = role_of(found) or ""
    calls = found.get("tool_calls")
    called = "".join(_call(each) for each in calls) if isinstance(calls, list) else ""
    name = f" · {inline(found['name'], 60)}" if found.get("name") else ""
    kind = role if role in _ROLES else "other"
    return f'<div class="message {kind}"><div class="role">{text(role)}{name}</div>{_content(found["content"], image, depth)}{called}</div>'


def _content(found: Any, image: Image, depth: int) -> str:
    if not isinstance(found, list):
        return value(found, image, depth + 1)
    return "".join(_block(each, image, depth) for each in found)


def _block(found: Any, image: Image, depth: int) -> str:
    if not isinstance(found, dict):
        return value(found, image, depth + 1)
    if isinstance(found.get("text"), str) and found.get("type") == "text":
        return text_block(found["text"])
    address = found.get("image_url")
    data = address.get("url") if isinstance(address, dict) else address
    if data is None:
        source = found.get("source")
        data = found.get("base64") or found.get("data") or (source.get("data") if isinstance(source, dict) else None)
    if is_large(data):
        return value(data, image, depth + 1)
    if isinstance(data, str) and len(data) <= _MOST_IMAGE_BYTES * 3 // 2:
        shown = _picture_in(data) or _picture_of(data.partition(",")[2] if data.startswith("data:") else data)
        if shown:
            return shown
    return value(found, image, depth + 1)


def _call(found: Any) -> str:
    if not isinstance(found, dict):
        return ""
    return f'<div class="small">→ <b>{inline(found.get("name"), 80)}</b> <code>{inline(found.get("args"), 400)}</code></div>'
