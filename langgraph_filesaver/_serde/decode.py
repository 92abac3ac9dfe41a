"""From the plain tree of a file back to Python values.

A tag is read by what it names, never by its shape. Names without a dot are ours (`KNOWN`), names with a dot are classes,
which the policy finds or not. What is not found stays plain data that remembers its tag. Every finding is a
CorruptDataError with the path to it; the path is made only when something was found, by reading again.

The tree is never changed. Parts of it that hold no tag are handed out as they are.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from langgraph_filesaver._serde.naming import Policy
from langgraph_filesaver._serde.paths import Attribute, show_path
from langgraph_filesaver._serde.unrevived import UnrevivedDict, UnrevivedList, UnrevivedStr
from langgraph_filesaver.errors import CorruptDataError, FileSaverError

__all__ = ["Decoder", "InvalidTagError", "Known", "Reader", "References", "TracingDecoder", "known"]

logger = logging.getLogger("langgraph_filesaver")

_MOST_TOLD = 100
_MAX_WARNED = 1000  # a bound on memory, should names of types be made up without end
_warned: set[str] = set()

Reader = Callable[[dict[str, Any], "Decoder"], Any]
References = Callable[[dict[str, Any], "Decoder"], Any]


class Known(NamedTuple):
    """How one of our own tags is read: its reader and the keys it may have."""

    read: Reader
    keys: frozenset[str]


def known(read: Reader, *keys: str) -> Known:
    """Return the entry for a tag whose object may have `keys`."""
    return Known(read, frozenset({"$type", *keys}))


class InvalidTagError(ValueError):
    """A tagged object is not what its type needs; `steps` lead from the object to the finding."""

    def __init__(self, reason: str, *steps: object) -> None:
        super().__init__(reason)
        self.steps = steps


class Decoder:
    """Revives the values of one document.

    Args:
        known_types: The tags that need no class.
        reader_of: Finds the reader for a class.
        policy: Finds classes.
        references: Reads what refers to values kept elsewhere: objects with `$artifact` or `$list`, and artifacts by hand.
    """

    def __init__(
        self,
        known_types: Mapping[str, Known],
        reader_of: Callable[[type], Reader | None],
        policy: Policy,
        references: References | None = None,
    ) -> None:
        self._known = known_types
        self._reader_of = reader_of
        self._policy = policy
        self._references = references
        self._readers: dict[str, Reader] = {}

    def value(self, raw: Any, step: object = None) -> Any:  # noqa: ARG002 - the tracing decoder uses it
        """Return the value that `raw` stands for; `step` is its place in what holds it."""
        kind = type(raw)
        if kind is dict:
            if "$type" in raw:
                name = raw["$type"]
                if name == "tuple" and len(raw) == 2 and type(raw.get("items")) is list:
                    # Here, though it is a tag like others: few frames a level let tuples be nested as deeply as lists.
                    return tuple([self.value(item, at) for at, item in enumerate(raw["items"])])
                reader = self._readers.get(name) if type(name) is str else None
                return (reader or self._find(name))(raw, self)
            if "$artifact" in raw or "$list" in raw:
                return self.referred(raw)
            changed: Any = None
            for key, item in raw.items():
                if key[:1] == "$":
                    raise InvalidTagError(
                        "is no key of ours, and a user's own key that begins with a dollar sign is stored in a "
                        '{"$type": "dict"}: is it misspelt?',
                        key,
                    )
                if type(item) is dict or type(item) is list:
                    value = self.value(item, key)
                    if value is not item:
                        if changed is None:
                            changed = dict(raw)
                        changed[key] = value
            return raw if changed is None else changed
        if kind is list:
            changed = None
            for at, item in enumerate(raw):
                if type(item) is dict or type(item) is list:
                    value = self.value(item, at)
                    if value is not item:
                        if changed is None:
                            changed = list(raw)
                        changed[at] = value
            return raw if changed is None else changed
        return raw

    def items(self, raw: Any) -> list[Any]:
        """Return the values of a list, as a new list."""
        if type(raw) is dict and "$list" in raw and self._references is not None:
            return list(self._references(raw, self))
        if type(raw) is not list:
            raise InvalidTagError("must be a list", "items")
        return [self.value(item, at) for at, item in enumerate(raw)]

    def part(self, raw: Any) -> Any:
        """Return the value of `raw`, which comes from another file; an error's path begins there."""
        return self.value(raw)

    def text(self, raw: Any) -> str:
        """Return a string that may be escaped."""
        text = self.value(raw, "value")
        if not isinstance(text, str):
            raise InvalidTagError(f"must be a string, not {type(text).__name__}", "value")
        return text

    def _find(self, name: Any) -> Reader:
        if type(name) is not str:
            raise InvalidTagError(
                '"$type" must be a string. A user\'s own key "$type" is stored in a {"$type": "dict"}', "$type"
            )
        reader = self._readers[name] = self._reader_for(name)
        return reader

    def _reader_for(self, name: str) -> Reader:
        entry = self._known.get(name)
        if entry is not None:
            return _guarded(entry)
        found = self._policy.find(name)
        reader = self._reader_of(found) if found is not None else None
        if reader is None:
            _warn(name)
            return _read_unrevived
        return reader

    def referred(self, raw: dict[str, Any]) -> Any:
        """Return the value that an object refers to.

        Raises:
            InvalidTagError: Nobody can fetch it.
        """
        if self._references is None:
            raise InvalidTagError("refers to a value kept in another file, which cannot be fetched here")
        return self._references(raw, self)


class TracingDecoder(Decoder):
    """A decoder that raises CorruptDataError with the path to what it cannot read."""

    def trace(self, raw: Any, root: str) -> Any:
        """Return the value of `raw`; `root` is the path to it.

        Raises:
            CorruptDataError: It cannot be read; `where` leads there.
        """
        self._steps: list[object] = []
        try:
            return self.value(raw)
        except (FileSaverError, RecursionError):
            raise
        except Exception as error:
            steps = [*self._steps, *(error.steps if isinstance(error, InvalidTagError) else ())]
            raise CorruptDataError(_reason(error), where=show_path(root, steps)) from error

    def part(self, raw: Any) -> Any:
        """As Decoder.part."""
        steps = self._steps
        value = self.trace(raw, "")
        self._steps = steps
        return value

    def value(self, raw: Any, step: object = None) -> Any:
        """As Decoder.value; remembers the way."""
        if step is None:
            return super().value(raw)
        self._steps.append(step)
        value = super().value(raw, step)
        self._steps.pop()
        return value


def _reason(error: Exception) -> str:
    if isinstance(error, InvalidTagError):
        return str(error)
    if isinstance(error, KeyError):
        return f"{error} is missing or not known"
    return f"{type(error).__name__}: {error}"


def _guarded(entry: Known) -> Reader:
    def read(raw: dict[str, Any], decoder: Decoder) -> Any:
        if not raw.keys() <= entry.keys:
            unknown = sorted(raw.keys() - entry.keys)
            raise InvalidTagError(f'a {{"$type": "{raw["$type"]}"}} has no {", ".join(map(repr, unknown))}', unknown[0])
        try:
            return entry.read(raw, decoder)
        except ImportError:  # numpy, pandas or polars, where they are not installed
            _warn(raw["$type"])
            return _read_unrevived(raw, decoder)

    return read


def _read_unrevived(raw: dict[str, Any], decoder: Decoder) -> Any:
    """Return the object as plain data. `$value` tells a type that holds one value; nothing else is guessed."""
    tag = raw["$type"]
    rest = {key: decoder.value(item, key) for key, item in raw.items() if key[:1] == "$" and key != "$type"}
    fields = {key: decoder.value(item, Attribute(key)) for key, item in raw.items() if key[:1] != "$"}
    if "$value" not in rest or fields:
        return UnrevivedDict.make(fields, tag, rest)
    value = rest.pop("$value")
    if type(value) is str:
        return UnrevivedStr.make(value, tag, rest)
    if type(value) is list:
        return UnrevivedList.make(value, tag, rest)
    if type(value) is dict:
        return UnrevivedDict.make(value, tag, rest, "dict")
    return UnrevivedDict.make({"value": value}, tag, rest, "value")


def _warn(name: str) -> None:
    if name in _warned or len(_warned) >= _MAX_WARNED:
        return
    _warned.add(name)
    logger.warning(
        "The type %r stored in a file is not known or not allowed here: its values come back as plain data and are "
        "written back unchanged. Import its module before reading, or allow it with allowed_types=[...].",
        name if len(name) <= _MOST_TOLD else f"{name[:_MOST_TOLD]}…",  # it is of a file, which may hold anything
    )
