"""The look over a value, at the speed of C, that decides whether orjson may write it as it stands.

orjson writes some values natively and lossily: tuples as lists, enum members as their values, UUIDs as strings, NaN as
null. It offers no switch for these. So `survey` lets ormsgpack, which is of the same speed and has the switches, pack
the value, and looks at what it met. Python code runs per object that is not plain, never per plain one. What it cannot
see is left to orjson itself (integers beyond 53 bits are an error there) and to the count of tag keys in the output.
"""

from __future__ import annotations

import re
from enum import Enum
from uuid import UUID

import ormsgpack

__all__ = ["has_tagged_object", "survey"]

_OPTION = (
    ormsgpack.OPT_PASSTHROUGH_TUPLE
    | ormsgpack.OPT_PASSTHROUGH_ENUM
    | ormsgpack.OPT_PASSTHROUGH_UUID
    | ormsgpack.OPT_PASSTHROUGH_SUBCLASS
    | ormsgpack.OPT_PASSTHROUGH_DATACLASS
    | ormsgpack.OPT_PASSTHROUGH_DATETIME
)

# A packed float is 0xCB and eight bytes: all exponent bits set is NaN or infinite, 0x80 and zeros is -0.0. Neither
# sequence is valid UTF-8, apart from letters before seven NULs, so text hardly ever raises a false alarm.
_SPECIAL_FLOAT = re.compile(rb"\xcb(?:[\x7f\xff][\xf0-\xff]|\x80\x00{7})")

_TYPE_KEY = b"\xa5$type"  # a packed string of five letters


def survey(value: object) -> int:
    """Return the packed size of `value` in bytes where orjson keeps it exactly, else -1: somebody has to walk it.

    Objects that orjson hands to its hook count as nothing; the hook looks after what they hold.
    """
    try:
        packed = ormsgpack.packb(value, _meet, _OPTION)
    except (TypeError, ValueError, RecursionError):
        return -1  # a tuple, an enum, a UUID; or no text key, an integer beyond 64 bits, a lone surrogate, too deep
    return -1 if _SPECIAL_FLOAT.search(packed) else len(packed)


def has_tagged_object(tree: object) -> bool:
    """Whether a parsed tree may hold an object with a `$type` key. False is certain."""
    try:
        packed = ormsgpack.packb(tree)
    except (TypeError, ValueError, RecursionError):
        return True
    return b"$" in packed


def _meet(value: object) -> None:
    kind = type(value)
    if kind is tuple or kind is UUID or isinstance(value, Enum):
        raise TypeError
