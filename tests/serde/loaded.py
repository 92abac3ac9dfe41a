"""A module that is imported, with things in it that no file may reach."""

from __future__ import annotations

import enum
import os
import subprocess
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

calls: list[str] = []


def call(*_: Any, **__: Any) -> None:
    calls.append("called")


class Meta(type):
    def __call__(cls, *_: Any, **__: Any) -> Any:
        calls.append("metaclass")
        return super().__call__()


class Effect:
    """Not a data class by nature."""

    def __init__(self, *_: Any, **__: Any) -> None:
        calls.append("init")


class Called(metaclass=Meta):
    pass


class Text(str):  # noqa: SLOT000 - as users write them
    """A subclass of str is data, and none of its code runs."""

    def __new__(cls, *_: Any, **__: Any) -> Any:
        calls.append("new")
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        calls.append("init")


class Switch(enum.Flag):
    """A way of its own to make members of unknown values."""

    ON = 1

    @classmethod
    def _missing_(cls, value: object) -> Any:
        calls.append("missing")
        return cls.ON


class Asked(type):
    """A metaclass that hears of every attribute its classes do not have, and of every call."""

    def __getattr__(cls, name: str) -> Any:
        calls.append(f"asked for {name}")
        raise AttributeError(name)

    def __call__(cls, *arguments: Any, **named: Any) -> Any:
        calls.append("metaclass")
        return super().__call__(*arguments, **named)


class Quiet(metaclass=Asked):
    """Not a data class by nature."""


class Table(dict[str, Any], metaclass=Asked):
    """A built-in's subclass."""


class Row(tuple[Any, ...], metaclass=Asked):  # noqa: SLOT001 - as users write them
    """Another one."""


class AskedEnum(enum.EnumMeta):
    """A way of its own to find members."""

    def __call__(cls, *arguments: Any, **named: Any) -> Any:
        calls.append("metaclass of an enum")
        return super().__call__(*arguments, **named)


class Lamp(enum.Flag, metaclass=AskedEnum):
    ON = 1
    RED = 2


class Step(int):
    def __new__(cls, value: int = 0) -> Any:
        calls.append("new")
        return super().__new__(cls, value)


class Stair(Step, enum.Flag):  # type: ignore[misc] # as users write them
    FIRST = 1
    SECOND = 2


class Watched(str):  # noqa: SLOT000 - as users write them
    """A subclass of str that looks at every access to it."""

    def __getattribute__(self, name: str) -> Any:
        calls.append(f"looked at {name}")
        return super().__getattribute__(name)

    def __getattr__(self, name: str) -> Any:
        calls.append(f"asked for {name}")
        raise AttributeError(name)


class Single(BaseModel):
    a: int = 1

    def __new__(cls, *_: Any, **__: Any) -> Any:
        calls.append("new")
        return super().__new__(cls)


class Equal:
    def __eq__(self, other: object) -> bool:
        calls.append("compared")
        return True

    def __hash__(self) -> int:
        return 1


class Odd(enum.Enum):
    ONE = Equal()


@dataclass
class Speaking:
    a: int

    def __getattr__(self, name: str) -> Any:
        calls.append(f"asked for {name}")
        raise AttributeError(name)


shell = os
popen = subprocess.Popen
instance = Effect
