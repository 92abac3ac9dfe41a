"""What stands in for a value whose type is unknown or not allowed here: plain data that remembers its tag.

A process without the user's code reads such values as ordinary dicts, lists and strings, may even change them, and
writes them back as what they were: under the same tag, byte for byte where nothing was changed.
"""

from __future__ import annotations

from typing import Any

__all__ = ["UnrevivedDict", "UnrevivedList", "UnrevivedStr", "as_key"]


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

    # As a dict key or in a set, where the value stood: told from the stand-ins of other types.
    def __eq__(self, other: object) -> bool:
        if type(other) is UnrevivedDict:
            return (self.tag, self.boxed, self.rest) == (other.tag, other.boxed, other.rest) and dict.__eq__(
                self, other
            )
        return dict.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:  # type: ignore[override] # it can be changed, as the objects it stands for can
        return hash((self.tag, len(self)))


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

    def __eq__(self, other: object) -> bool:
        if type(other) is UnrevivedList:
            return (self.tag, self.rest) == (other.tag, other.rest) and list.__eq__(self, other)
        return list.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:  # type: ignore[override] # as above
        return hash((self.tag, len(self)))


class UnrevivedStr(str):
    """A string value (an enum member, a subclass of str) that could not be revived; `tag` and `rest` as above.

    Attributes:
        is_key: It is a dict key or in a set. There no other string equals it: beside a plain "red", the stand-in of Color.RED
            is another key.
    """

    __slots__ = ("is_key", "rest", "tag")

    tag: str
    rest: dict[str, Any]
    is_key: bool

    @classmethod
    def make(cls, text: str, tag: str, rest: dict[str, Any]) -> UnrevivedStr:
        """Return `text` as the stand-in for a value of type `tag`."""
        made = cls(text)
        made.tag, made.rest, made.is_key = tag, rest, False
        return made

    def __eq__(self, other: object) -> bool:
        if type(other) is UnrevivedStr:
            return (self.tag, self.rest) == (other.tag, other.rest) and str.__eq__(self, other)
        return not self.is_key and isinstance(other, str) and str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((self.tag, str.__hash__(self))) if self.is_key else str.__hash__(self)


def as_key(value: Any) -> Any:
    """Return a value for its place as a dict key or in a set."""
    if type(value) is UnrevivedStr:
        value.is_key = True
    elif type(value) is tuple:
        for part in value:
            as_key(part)
    return value
