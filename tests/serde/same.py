"""Equality that types count for: `1` is not `True`, a list is not a tuple, NaN is NaN."""

from __future__ import annotations

import dataclasses
import enum
from collections import deque
from decimal import Decimal
from typing import Any

from langgraph.types import Send
from pydantic import BaseModel


def same(left: Any, right: Any) -> bool:
    """Whether two values are equal in every part, in type as in value."""
    kind = type(left)
    if kind is not type(right):
        return False
    if kind is int:
        return bool(left == right)
    if isinstance(left, Decimal):
        return bool(left.as_tuple() == right.as_tuple())
    if isinstance(left, enum.Enum):
        return left is right or left == right
    if isinstance(left, float):
        return repr(float(left)) == repr(float(right))
    if isinstance(left, complex):
        return same(left.real, right.real) and same(left.imag, right.imag)
    if isinstance(left, dict):
        if getattr(left, "default_factory", None) is not getattr(right, "default_factory", None):
            return False
        return same(list(dict.items(left)), list(dict.items(right)))
    if isinstance(left, (set, frozenset)):
        rest = list(right)
        return len(left) == len(rest) and all(any(same(item, other) for other in rest) for item in left)
    if isinstance(left, deque):
        return left.maxlen == right.maxlen and same(list(left), list(right))
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, BaseModel):
        return same(left.__dict__, right.__dict__) and same(left.__pydantic_extra__, right.__pydantic_extra__)
    if dataclasses.is_dataclass(left):
        names = [field.name for field in dataclasses.fields(left)]
        return all(same(getattr(left, name), getattr(right, name)) for name in names)
    if isinstance(left, Send):
        return same((left.node, left.arg, left.timeout), (right.node, right.arg, right.timeout))
    return bool(left == right) and repr(left) == repr(right)
