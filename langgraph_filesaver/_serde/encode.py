"""From Python values to the plain tree that orjson writes.

One encoder serves one dump. It works in one of four ways, from fast to telling:

- *hasty*: what `survey` finds harmless is left as it is, objects included; orjson hands those to `encode_object`. The lists and
  dicts that the objects hold are surveyed together, at the end; if one is not harmless, the text is thrown away.
- *light*: the same, but what an object holds is surveyed at once.
- *careful*: every value is visited. Taken when orjson refused something.
- *tracing*: careful, and it keeps the path to the value at hand. Taken to tell where a value cannot be stored.

All give the same bytes. A writer (`Writer`) encodes one type: it returns JSON and calls `value` for what its
object holds.

Where large values leave the text (`outside`), there is no hasty way: each str, bytes, array and list that may be large is
visited on its way, and `survey` tells by their packed size which parts cannot hold one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import isfinite
from typing import Any, NamedTuple

import orjson

from langgraph_filesaver._serde.depth import MAX_DEPTH, holds_itself
from langgraph_filesaver._serde.outside import Outside
from langgraph_filesaver._serde.paths import A_KEY, NONE_KEY, show_path
from langgraph_filesaver._serde.survey import may_hold_special_float, may_hold_tag_key, survey
from langgraph_filesaver._serde.text import escape_text, has_tag_key, is_unicode
from langgraph_filesaver.errors import SerializationError, StorageError

__all__ = [
    "MAX_SAFE_INTEGER",
    "PASS_THROUGH",
    "Encoder",
    "Kind",
    "KindOf",
    "RefusedError",
    "TracingEncoder",
    "Writer",
    "digits",
    "is_plain_key",
]

MAX_SAFE_INTEGER = 2**53 - 1
"""Integers beyond this lose digits in tools that keep numbers as doubles (jq before 1.7, JavaScript)."""

PASS_THROUGH = orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
"""orjson's options that hand to its hook what it can."""

_CONTAINERS = (list, dict)
_CONSTANTS = frozenset({bool, type(None)})
_PLAIN_IF_SMALL = _CONSTANTS | {int}  # orjson refuses the few integers and strings that are not plain
_PLAIN = _PLAIN_IF_SMALL | {str}
_TOO_DEEP = f"more than {MAX_DEPTH} values inside each other"


class RefusedError(TypeError):
    """A value cannot be stored; the text says why and what to do."""


Writer = Callable[[Any, "Encoder"], Any]


class Kind(NamedTuple):
    """How the objects of a type are written.

    Attributes:
        write: The writer.
        native: orjson would write such an object by itself, and lossily.
    """

    write: Writer
    native: bool = False


KindOf = Callable[[type], Kind]


class Encoder:
    """Encodes the values of one dump.

    Args:
        kind_of: Finds how a type is written.
        light: Leave to orjson what it writes exactly.
        hasty: Survey what objects hold at the end.
        outside: Where large values go; None: all of the value is in the text.
        moves: False: only values that have to stand outside do.
    """

    def __init__(
        self,
        kind_of: KindOf,
        *,
        light: bool,
        hasty: bool = False,
        outside: Outside | None = None,
        moves: bool = True,
    ) -> None:
        self.outside = outside
        self.moves = moves and outside is not None and outside.limit is not None
        # The hasty way is given up as soon as something is seen that has to leave.
        gives_up = hasty and not moves and outside is not None and outside.limit is not None
        self._most = outside.inline if gives_up and outside is not None else None
        self.plain = (_PLAIN_IF_SMALL if self.moves else _PLAIN) if light else _CONSTANTS
        self.light = light
        self.pending: list[Any] | None = [] if hasty else None
        self.met = False
        self._depth = 0
        self._kind_of = kind_of
        self._kinds: dict[type, Kind] = {}

    @staticmethod
    def tag(name: str, /, **content: Any) -> dict[str, Any]:
        """Return the tagged object of type `name`; `content` is JSON already."""
        return {"$type": name, **content}

    def write(self, value: Any, option: int, *, keep_root: bool = False) -> bytes:
        """Return the JSON text of `value`; `keep_root`: it stays in the text itself, however large.

        Raises:
            TypeError: It cannot be written in this way.
        """
        written = self._write_as_it_stands(value, option)
        if written is None:
            written = self.text_of(self.value(value), option, keep_root=keep_root)
        if self.pending and not self._harmless(self.pending):
            raise RefusedError("holds something that must be walked")
        return written

    def text_of(self, tree: Any, option: int, *, keep_root: bool = False) -> bytes:
        """Return the text of an encoded value, after large parts have left it."""
        written = orjson.dumps(tree, self.encode_object, option)
        if self.moves:
            assert self.outside is not None and self.outside.limit is not None  # noqa: S101, PT018 - `moves` says so
            if len(written) > self.outside.limit:
                written = orjson.dumps(self.outside.shrunk(tree, keep_root=keep_root), self.encode_object, option)
        return written

    def _write_as_it_stands(self, value: Any, option: int) -> bytes | None:
        """As `write`, for a value that orjson keeps exactly; else None. A tag key is looked for in the text itself."""
        if self.moves or not self.light or not isinstance(value, (dict, list)):
            return None
        packed = survey(value, self.meet)
        if packed is None or not self._passes(value, packed):
            return None
        suspect = may_hold_tag_key(packed)
        del packed  # never two copies beside the text
        if suspect and self.met and self._has_tag_key(value):
            return None
        written = orjson.dumps(value, self.encode_object, option)
        return None if suspect and not self.met and has_tag_key(written) else written

    def value(self, value: Any, step: object = None) -> Any:  # noqa: ARG002 - the tracing encoder uses it
        """Return the JSON of `value`; `step` is its place in what holds it (a key, an index, an Attribute)."""
        kind = type(value)
        if kind is str:
            return self.text(value)
        if value is None or kind is bool:
            return value
        if kind is int:
            return value if -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER else self.tag("int", value=digits(value))
        if kind is float:
            return value if isfinite(value) else self.tag("float", value=repr(value))
        if kind is list or kind is tuple:  # tuples here, though objects for JSON: they may be nested as deeply as lists
            if kind is list and self.light and self._harmless(value):
                return value
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise RecursionError(_TOO_DEEP)
            items = self.items(value) if self.moves else [self.value(item, at) for at, item in enumerate(value)]
            self._depth -= 1
            return items if kind is list else {"$type": "tuple", "items": items}
        if kind is dict and self.light and self._harmless(value):
            return value
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise RecursionError(_TOO_DEEP)
        encoded: Any = None
        if kind is dict and all(map(is_plain_key, value)):
            encoded = {}
            for key, item in value.items():
                encoded[key] = self.value(item, key)
        else:
            encoded = self.pairs("dict", value) if kind is dict else self.encode_object(value)
        self._depth -= 1
        return encoded

    def items(self, values: Sequence[Any]) -> Any:
        """Return the JSON of a list of values: a list, or references to parts of it."""
        if self.moves and self.outside is not None:
            return self.outside.sequence(values, self)
        return [self.value(item, at) for at, item in enumerate(values)]

    def within(self, step: object, work: Callable[[], Any]) -> Any:  # noqa: ARG002 - the tracing encoder uses it
        """Return what `work` makes of the part at `step`, where the part itself is no value to be encoded."""
        return work()

    def held(self, value: Any, step: object) -> Any:
        """Return the JSON of what an object holds, as `value` does; in haste, a list or dict waits for the survey."""
        if self.pending is not None and type(value) in _CONTAINERS:
            self.pending.append(value)
            return value
        return self.value(value, step)

    def encode_object(self, value: Any) -> Any:
        """Return the JSON of a value that has no JSON of its own. This is orjson's hook, too."""
        return (self._kinds.get(type(value)) or self._kind(type(value))).write(value, self)

    def meet(self, value: Any) -> None:
        """Tell the survey of an object on its way.

        Raises:
            TypeError: orjson would not hand this object to its hook.
        """
        self.met = True
        if (self._kinds.get(type(value)) or self._kind(type(value))).native:
            raise TypeError

    def _kind(self, kind: type) -> Kind:
        writer = self.outside.writer(kind) if self.outside is not None else None
        found = self._kinds[kind] = Kind(writer, native=True) if writer is not None else self._kind_of(kind)
        return found

    def weigh(self, size: int) -> None:
        """Tell of a value of `size` bytes before it is encoded.

        Raises:
            RefusedError: It is too large for the way that this encoder works in.
        """
        if self._most is not None and size > self._most:
            raise RefusedError("is too large to be written in haste")

    def text(self, text: str) -> Any:
        """Return the JSON of a string: itself, an escaped form if it is no valid Unicode, or a reference."""
        if not (text.isascii() or is_unicode(text)):
            return self.tag("str", escaped=escape_text(text))
        if self.moves and self.outside is not None:
            return self.outside.text(text)
        self.weigh(len(text))
        return text

    def pairs(self, name: str, mapping: Any, **content: Any) -> dict[str, Any]:
        """Return the tagged object for a mapping with keys that JSON has not, or that would look like a tag."""
        if name != "dict" and all(map(is_plain_key, mapping)):
            return self.tag(name, **content, items={key: self.value(item, key) for key, item in mapping.items()})
        items = [
            [self.value(key, A_KEY), self.value(item, NONE_KEY if key is None else key)]
            for key, item in mapping.items()
        ]
        return self.tag(name, **content, items=items)

    def attempt(self, work: Callable[[], Any], value: Any) -> Any:
        """Return the JSON that `work` makes of `value` with this encoder, or None where a part of it cannot be stored.

        Raises:
            RecursionError: It is too deep, which is no property of its parts.
        """
        light, pending, depth = self.light, self.pending, self._depth
        self.light, self.pending = False, None  # what orjson's hook refused would come too late
        try:
            return work()
        except (StorageError, MemoryError):
            raise
        except RecursionError:
            if holds_itself(value):
                return None
            raise
        except Exception:  # noqa: BLE001 - whatever its reason, there is another way to store the object
            return None
        finally:
            self.light, self.pending, self._depth = light, pending, depth

    def beside(self, value: Any, step: object) -> Any:
        """Return the JSON of what an object keeps beside its fields; None where that cannot be stored or holds itself."""
        return None if holds_itself(value) else self.attempt(partial(self.value, value, step), value)

    def _harmless(self, value: Any) -> bool:
        """Whether `value`, a list or dict, may be left to orjson and `hook`."""
        # What objects hold is not in the packed bytes: where size counts, nothing with an object in it is left as it is.
        packed = survey(value, _refuse_object if self.moves else self.meet)
        return (
            packed is not None
            and self._passes(value, packed)
            and not (may_hold_tag_key(packed) and self._has_tag_key(value))
        )

    def _passes(self, value: Any, packed: bytes) -> bool:
        if self.moves and self.outside is not None and len(packed) > self.outside.inline:
            return False
        if type(value) is list and value and type(value[0]) is float and not self.met:
            return _is_finite(value) or not may_hold_special_float(packed)
        return not may_hold_special_float(packed)

    def _has_tag_key(self, value: Any) -> bool:
        try:
            return has_tag_key(orjson.dumps(value, self.meet, PASS_THROUGH))
        except TypeError:
            return True


class TracingEncoder(Encoder):
    """A careful encoder that raises SerializationError with the path to what it cannot store."""

    def __init__(self, kind_of: KindOf, *, root: str, outside: Outside | None = None) -> None:
        super().__init__(kind_of, light=False, outside=outside, moves=False)
        self._root = root
        self._steps: list[object] = []
        self._open: set[int] = set()

    def value(self, value: Any, step: object = None) -> Any:
        """As Encoder.value; remembers the way, and sees a value that holds itself."""
        if step is not None:
            self._steps.append(step)
        holds = not isinstance(value, (str, int, float, type(None)))
        if holds and id(value) in self._open:
            raise self._error(
                value, "refers back to a value that holds it: a cycle has no end in a file. Break the cycle"
            )
        if holds:
            self._open.add(id(value))
        try:
            encoded = super().value(value, step)
        except (SerializationError, StorageError, RecursionError, MemoryError):
            raise
        except RefusedError as error:
            raise self._error(value, str(error)) from error
        except Exception as error:
            raise self._error(value, f"cannot be read ({type(error).__name__}: {error})") from error
        if holds:
            self._open.discard(id(value))
        if step is not None:
            self._steps.pop()
        return encoded

    def within(self, step: object, work: Callable[[], Any]) -> Any:
        """As Encoder.within; remembers the way."""
        self._steps.append(NONE_KEY if step is None else step)
        encoded = work()
        self._steps.pop()
        return encoded

    def attempt(self, work: Callable[[], Any], value: Any) -> Any:
        """As Encoder.attempt."""
        steps, opened = len(self._steps), set(self._open)
        encoded = super().attempt(work, value)
        del self._steps[steps:]
        self._open = opened
        return encoded

    def _error(self, value: object, finding: str) -> SerializationError:
        kind = type(value)
        where = show_path(self._root, self._steps)
        name = f"{kind.__module__}.{kind.__qualname__}"
        return SerializationError(f"{where or 'the value'}: {name} {finding}", where=where, type_name=name)


def _refuse_object(_: Any) -> None:
    raise TypeError


def _is_finite(numbers: list[Any]) -> bool:
    """Whether a list of numbers holds no NaN and no infinity: no sum would hide one. False may be wrong."""
    try:
        return isfinite(sum(numbers))
    except (TypeError, OverflowError):
        return False


def is_plain_key(key: object) -> bool:
    """Whether a key may stand in JSON as it is: valid text that does not look like one of our own keys."""
    return type(key) is str and key[:1] != "$" and (key.isascii() or is_unicode(key))


def digits(number: int) -> str:
    """Return an integer as text: decimal, or hexadecimal beyond what the interpreter spells in decimals."""
    try:
        return str(number)
    except ValueError:
        return hex(number)
