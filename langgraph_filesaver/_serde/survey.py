"""The look over a value, at the speed of C, that decides whether orjson may write it as it stands.

orjson writes some values natively and lossily: tuples as lists, enum members as their values, UUIDs as strings, NaN as
null; and a key that begins with `$` would read as a tag. orjson has no switch for these. So `survey` lets ormsgpack,
which is of the same speed and has the switches, pack the value, and looks at the packed bytes. Python code runs once per
object that is not plain, never per plain one. Integers beyond 53 bits are left to orjson, for which they are an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ormsgpack

__all__ = ["PACKED_EXACTLY", "may_hold_special_float", "may_hold_tag_key", "survey"]

PACKED_EXACTLY = (
    ormsgpack.OPT_PASSTHROUGH_TUPLE
    | ormsgpack.OPT_PASSTHROUGH_ENUM
    | ormsgpack.OPT_PASSTHROUGH_UUID
    | ormsgpack.OPT_PASSTHROUGH_SUBCLASS
    | ormsgpack.OPT_PASSTHROUGH_DATACLASS
    | ormsgpack.OPT_PASSTHROUGH_DATETIME
)
"""ormsgpack's options that hand to its hook whatever it would pack like something else."""

_FLOAT = 0xCB  # opens a packed float: eight bytes follow
_DOLLAR = b"$"


def survey(value: object, meet: Callable[[Any], Any]) -> bytes | None:
    """Return `value` packed, or None if somebody has to walk it.

    Args:
        value: Any value.
        meet: Called with each object that is not plain. It raises TypeError for what orjson would write lossily, and
            returns what orjson's hook will not look at again.
    """
    try:
        return ormsgpack.packb(value, meet, PACKED_EXACTLY)
    except (TypeError, ValueError, RecursionError):
        return None  # `meet` raised; or no text key, an integer beyond 64 bits, a lone surrogate, nested too deeply


def may_hold_special_float(packed: bytes) -> bool:
    """Whether a NaN or an infinity may be there: a float whose exponent bits, 0x7FF0 or 0xFFF0, are all set.

    False is certain. 0xCB before 0x7F or 0xFF is no UTF-8, so text raises no false alarm; other numbers do, rarely.
    """
    if _FLOAT not in packed:
        return False
    for exponent in (b"\x7f", b"\xff"):  # one byte is found by memchr, a longer pattern ten times slower
        at = packed.find(exponent)
        while at > 0:
            if packed[at - 1] == _FLOAT and packed[at + 1 : at + 2] >= b"\xf0":
                return True
            at = packed.find(exponent, at + 1)
    return False


def may_hold_tag_key(packed: bytes) -> bool:
    """Whether a string may begin with a dollar sign: the byte before one is the head of a packed string.

    False is certain; among many floats True is often wrong.
    """
    at = packed.find(_DOLLAR)
    while at > 0:
        if (
            0xA1 <= packed[at - 1] <= 0xBF
            or (at > 1 and packed[at - 2] == 0xD9)
            or (at > 2 and packed[at - 3] == 0xDA)
            or (at > 4 and packed[at - 5] == 0xDB)
        ):
            return True
        at = packed.find(_DOLLAR, at + 1)
    return False
