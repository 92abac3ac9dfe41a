"""Further copies of values that were read before, in a third of the time that reading them again takes.

For the two shapes that most of a thread consists of: plain JSON data, and LangChain's messages that hold such data. A copy
is equal to what reading would give and shares nothing with it that can be changed. Any other value has no copier: who
wants it once more reads it once more. What would break this is a mutable value taken for an immutable one, so only exact
types count.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from langgraph_filesaver._serde.naming import class_name, model_base

__all__ = ["copier"]

_UNCHANGEABLE = frozenset({str, int, float, bool, type(None)})
_DEEPEST = 50  # levels; what is nested deeper is rare, and reading it again is never wrong

Copier = Callable[[], Any]


class _CannotCopyError(Exception):
    """A value of another shape."""


def copier(value: Any) -> Copier | None:
    """Return what makes equal copies of a list, a dict or a message as it is now, or None where only reading does.

    Args:
        value: Just read. It may be changed afterwards: the copies are of its state at this moment.
    """
    try:
        return _copier(value, _DEEPEST)
    except _CannotCopyError:
        return None


def _copier(value: Any, levels: int) -> Copier:
    if not levels:
        raise _CannotCopyError
    kind = type(value)
    if kind is list:
        return _of_list(value, levels - 1)
    if kind is dict:
        return _of_dict(value, levels - 1)
    if class_name(kind).startswith("langchain_core.messages.") and model_base(kind) == "v2":
        return _of_message(value, levels - 1)
    raise _CannotCopyError


def _of_list(value: list[Any], levels: int) -> Copier:
    if not value:
        return list
    if all(type(item) in _UNCHANGEABLE for item in value):
        return value.copy().copy
    makers = [_constant(item) if type(item) in _UNCHANGEABLE else _copier(item, levels) for item in value]
    return lambda: [make() for make in makers]


def _of_dict(value: dict[Any, Any], levels: int) -> Copier:
    if not value:
        return dict
    if not all(type(key) in _UNCHANGEABLE for key in value):
        raise _CannotCopyError
    makers = [(key, _copier(item, levels)) for key, item in value.items() if type(item) not in _UNCHANGEABLE]
    template = value.copy()
    if not makers:
        return template.copy
    for key, _ in makers:
        template[key] = None  # else the template would keep the caller's own objects

    def make() -> dict[Any, Any]:
        made = template.copy()
        for key, make_item in makers:
            made[key] = make_item()
        return made

    return make


def _of_message(value: Any, levels: int) -> Copier:
    kind: Any = type(value)
    if kind.__private_attributes__ or value.__pydantic_private__ is not None or value.__pydantic_extra__ != {}:
        raise _CannotCopyError
    template = value.__dict__.copy()
    changeable = {name: item for name, item in template.items() if type(item) not in _UNCHANGEABLE}
    template.update(dict.fromkeys(changeable))  # else it would keep the caller's own objects
    empty_dicts = [name for name, item in changeable.items() if type(item) is dict and not item]
    empty_lists = [name for name, item in changeable.items() if type(item) is list and not item]
    makers = [(name, _copier(item, levels)) for name, item in changeable.items() if item]
    if len(empty_dicts) + len(empty_lists) + len(makers) != len(changeable):
        raise _CannotCopyError
    chosen = value.__pydantic_fields_set__.copy()
    new = kind.__new__
    set_state, set_chosen, set_extra, set_private = _slots_of(kind)

    def make() -> Any:
        made = new(kind)
        state = template.copy()
        for name in empty_dicts:  # literals: most fields of most messages, and a call takes twice as long
            state[name] = {}
        for name in empty_lists:
            state[name] = []
        for name, make_item in makers:
            state[name] = make_item()
        set_state(made, state)
        set_chosen(made, chosen.copy())
        set_extra(made, {})
        set_private(made, None)
        return made

    return make


@functools.cache
def _slots_of(kind: Any) -> list[Any]:
    """Return what sets the four slots of a model, past its own `__setattr__`."""
    names = ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
    return [inspect.getattr_static(kind, name).__set__ for name in names]


def _constant(value: Any) -> Copier:
    return lambda: value
