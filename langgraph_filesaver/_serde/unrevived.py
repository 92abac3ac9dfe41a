"""What stands in for a value whose type is unknown or not allowed here: plain data that remembers its tag.

A process without the user's code reads such values as ordinary dicts, lists and strings, may even change them, and
writes them back as what they were: under the same tag, byte for byte where nothing was changed.
"""

from __future__ import annotations

from typing import Any

__all__ = ["UnrevivedDict", "UnrevivedList", "UnrevivedStr"]


class UnrevivedDict(dict[str, Any]):
    """The fields of an object that could not be revived.

    Attributes:
        tag: The `$type` it was stored under.
        rest: Its other keys that begin with `$`, as parsed.
        boxed: The `$` key that holds the whole value, where the type keeps one value (then the only entry is "value").
    """

    __slots__ = ("boxed", "rest", "tag")

    tag: str
    rest: dict[str, Any]
    boxed: str

    @classmethod
    def make(cls, data: dict[str, Any], tag: str, rest: dict[str, Any], boxed: str = "") -> UnrevivedDict:
        """Return `data` as the stand-in for a value of type `tag`."""
        made = cls(data)
        made.tag, made.rest, made.boxed = tag, rest, boxed
        return made


class UnrevivedList(list[Any]):
    """The items of a collection that could not be revived; `tag` and `rest` as in UnrevivedDict."""

    __slots__ = ("rest", "tag")

    tag: str
    rest: dict[str, Any]

    @classmethod
    def make(cls, items: list[Any], tag: str, rest: dict[str, Any]) -> UnrevivedList:
        """Return `items` as the stand-in for a value of type `tag`."""
        made = cls(items)
        made.tag, made.rest = tag, rest
        return made


class UnrevivedStr(str):
    """A string value (an enum member, a subclass of str) that could not be revived; `tag` and `rest` as above."""

    __slots__ = ("rest", "tag")

    tag: str
    rest: dict[str, Any]

    @classmethod
    def make(cls, text: str, tag: str, rest: dict[str, Any]) -> UnrevivedStr:
        """Return `text` as the stand-in for a value of type `tag`."""
        made = cls(text)
        made.tag, made.rest = tag, rest
        return made
