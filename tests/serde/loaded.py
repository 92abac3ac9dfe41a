"""A module that is imported, with things in it that no file may reach."""

from __future__ import annotations

import enum
import os
import subprocess
from typing import Any

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


shell = os
popen = subprocess.Popen
instance = Effect
