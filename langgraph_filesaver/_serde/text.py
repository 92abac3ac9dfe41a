"""JSON text and its plain tree: strict reading, and what can be told from the bytes alone.

Knows the letters of JSON and nothing of types. Reading is strict (RFC 8259): no NaN, no comments, no trailing comma,
no control character inside a string; only a leading byte order mark is forgiven, because editors leave one. An integer
is never rounded: a literal too long for 64 bits, which a person may write, is read digit by digit. Of two equal keys
the last one counts, as for `jq` and `json.loads`. See docs/format.md, "Values".
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

import orjson

from langgraph_filesaver._serde.depth import MAX_DEPTH
from langgraph_filesaver.errors import CorruptDataError

__all__ = ["again", "escape_text", "has_tag_key", "has_tags", "is_unicode", "may_hold_tags", "parse", "write_deep"]

_QUOTE = ord('"')
_KEY = re.compile(rb'(?:[^"\\]|\\.)*"\s*:')  # the rest of a key, after its quote
_BOM = b"\xef\xbb\xbf"
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_LONG_DIGITS = re.compile(rb"[0-9]{300,}")
_LONG_RUN = b"0" * 19  # 2**63 has 19 digits: what is shorter fits 64 bits
_STEP, _STEPS = 6, b"000"  # of 19 digits in a row, looking at every sixth letter meets three
_BEFORE_NUMBER = frozenset(b"[,: \t\r\n")
_TO_ESCAPE = re.compile("[\\\\\ud800-\udfff]")
_AFTER_LONG_FLOAT = frozenset(b".eE")


def parse(data: bytes) -> Any:
    """Return the plain tree (dict, list, str, int, float, bool, None) that `data` spells.

    Raises:
        CorruptDataError: The bytes are no strict JSON; line and column (from 1) tell where.
    """
    if data[:3] == _BOM:
        data = data[3:]
    try:
        tree = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        if "infinity" in error.msg and _has_long_integer(data):
            _check_depth(data)
            return _parse_exactly(data)  # to orjson, an integer of 400 digits is an infinite float
        raise _corrupt(error) from error
    return _parse_exactly(data) if _has_long_integer(data) else tree


def again(data: bytes) -> Callable[[bytes], Any]:
    """Return what parses `data`, which `parse` has accepted, once more in less time: the checks need not be repeated."""
    return parse if data[:3] == _BOM or _has_long_integer(data) else orjson.loads


def has_tags(data: bytes) -> bool:
    r"""Whether a `"$…"` occurs at all: False proves that nothing in `data` has to be revived.

    An escaped dollar (`"\u0024type"`) is a dollar, too: some tools escape what they need not.
    """
    # A single byte is found by memchr, ten times faster than a pattern.
    return (b"$" in data and b'"$' in data) or (b"\\" in data and b"\\u0024" in data)


def has_tag_key(text: bytes) -> bool:
    """Whether a key begins with `$` in JSON that orjson has written. Exact: strings are told from keys."""
    at = text.find(b"$")
    while at > 0:
        # Unescaped quotes only delimit strings, so a quote after one of these opens a key or an item of a list.
        if text[at - 1] == _QUOTE and text[at - 2] in b"{, \n" and _KEY.match(text, at):
            return True
        at = text.find(b"$", at + 1)
    return False


def may_hold_tags(tree: Any) -> bool:
    """Whether a parsed tree may hold an object with a key that begins with `$`. False is certain."""
    try:
        return has_tag_key(orjson.dumps(tree))
    except TypeError:  # an integer beyond 64 bits, or nested deeper than orjson writes
        return True


def write_deep(tree: Any, *, indent: bool) -> bytes:
    """Write a tree that is nested deeper than orjson writes (254 levels), in the same style.

    Raises:
        RecursionError: It is deeper than `parse` reads, or than this interpreter's stack.
    """
    layout: dict[str, Any] = {"indent": 2} if indent else {"separators": (",", ":")}
    text = json.dumps(tree, ensure_ascii=False, allow_nan=False, **layout).encode()
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise RecursionError(error.msg) from error
    return text


def escape_text(text: str) -> str:
    r"""Return `text` with a backslash doubled and a lone surrogate as `\udxxx`, which is valid Unicode."""
    return _TO_ESCAPE.sub(lambda found: "\\\\" if found[0] == "\\" else f"\\u{ord(found[0]):04x}", text)


def is_unicode(text: str) -> bool:
    """Whether a string is valid Unicode: no lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _has_long_integer(data: bytes) -> bool:
    if _STEPS not in data[::_STEP].translate(_DIGITS):
        return False
    shapes = data.translate(_DIGITS)
    at = shapes.find(_LONG_RUN)
    while at >= 0:
        end = at + len(_LONG_RUN)
        while shapes[end : end + 1] == b"0":
            end += 1
        before = at - 1 if at and shapes[at - 1] == ord("-") else at
        opens = before == 0 or shapes[before - 1] in _BEFORE_NUMBER
        if opens and (end == len(shapes) or shapes[end] not in _AFTER_LONG_FLOAT):
            return True
        at = shapes.find(_LONG_RUN, end)
    return False


def _check_depth(data: bytes) -> None:
    """Check, before the parser of Python's own, that no more is nested than orjson would have accepted."""
    try:
        orjson.loads(_LONG_DIGITS.sub(b"1", data))
    except orjson.JSONDecodeError as error:
        if "depth" in error.msg:
            raise _corrupt(error) from error


def _parse_exactly(data: bytes) -> Any:
    try:
        return json.loads(data, parse_constant=_refuse, parse_float=_finite)
    except RecursionError as error:
        raise CorruptDataError("nested too deeply for a document that also holds integers beyond 64 bits") from error
    except json.JSONDecodeError as error:
        raise CorruptDataError(f"not valid JSON: {error.msg}", line=error.lineno, column=error.colno) from error
    except ValueError as error:  # such as the interpreter's limit on the digits of an integer
        raise CorruptDataError(f"a number cannot be read: {error}") from error


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _finite(literal: str) -> float:
    number = float(literal)
    return number if math.isfinite(number) else _refuse(literal)


def _corrupt(error: orjson.JSONDecodeError) -> CorruptDataError:
    reason = error.msg
    if "depth" in reason:
        reason = f"nested deeper than {MAX_DEPTH} levels"
    return CorruptDataError(f"not valid JSON: {reason}", line=error.lineno, column=error.colno)
