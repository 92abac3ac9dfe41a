"""From Python values to the plain tree that orjson writes.

One encoder serves one dump. It works in one of three ways, from fast to telling:

- *light*: what `survey` finds harmless is left as it is, objects included; orjson hands those to `hook`.
- *careful*: every value is visited. Taken when orjson refused something.
- *tracing*: careful, and it keeps the path to the value at hand. Taken to tell where a value cannot be stored.

All three give the same bytes. A writer (`Writer`) encodes one type: it returns JSON and calls `value` for what its
object holds. A `Glance` lets the survey look into objects of a type, so that their writer need not look again.

The hook for values that are moved out (`offload`) sees each str, bytes and list that is larger than `offload_above` on
the same way; `survey` tells it by their packed size which parts cannot hold one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from math import isfinite
from typing import Any, NamedTuple
from uuid import UUID

from langgraph_filesaver._serde.survey import survey
from langgraph_filesaver.errors import SerializationError

__all__ = ["MAX_SAFE_INTEGER", "Attribute", "Encoder", "Kind", "KindOf", "Offload", "Refused", "TracingEncoder", "Writer", "escape_text"]

MAX_SAFE_INTEGER = 2**53 - 1
"""Integers beyond this lose digits in tools that keep numbers as doubles (jq before 1.7, JavaScript)."""

_TO_ESCAPE = re.compile("[\\\\\ud800-\udfff]")


class Refused(TypeError):
    """A value cannot be stored; the text says why and what to do."""


class Attribute(str):
    """The name of an object's field, as a step of a path."""

    __slots__ = ()


Writer = Callable[[Any, "Encoder"], Any]


class Kind(NamedTuple):
    """How the objects of a type are written.

    Attributes:
        write: The writer.
        glance: Returns what the survey looks at for an object: all that `write_surveyed` leaves as it is.
        write_surveyed: The writer for objects that were glanced at.
    """

    write: Writer
    glance: Callable[[Any], Any] | None = None
    write_surveyed: Writer | None = None


KindOf = Callable[[type], Kind]
Offload = Callable[[Any, "Encoder"], "dict[str, Any] | None"]


class Encoder:
    """Encodes the values of one dump.

    Args:
        kind_of: Finds the writer for a type, and the glance where it has one.
        light: Leave to orjson what it writes exactly.
        offload: Given a large str, bytes or list (already encoded), returns the reference to write in its place, or None.
        offload_above: Size in bytes (or letters) from which a value is large.
    """

    def __init__(
        self,
        kind_of: KindOf,
        *,
        light: bool,
        offload: Offload | None = None,
        offload_above: int = 0,
    ) -> None:
        self.plain = frozenset({bool, type(None)})
        if light:  # orjson refuses the few integers and strings that are not plain
            self.plain |= {int} if offload else {int, str}
        self.light = light
        self.offload = offload
        self.offload_above = offload_above
        self._kind_of = kind_of
        self._kinds: dict[type, Kind] = {}

    @staticmethod
    def tag(name: str, /, **content: Any) -> dict[str, Any]:
        """Return the tagged object of type `name`; `content` is JSON already."""
        return {"$type": name, **content}

    def value(self, value: Any, step: object = None) -> Any:  # noqa: C901, PLR0911, PLR0912 - one frame per level
        """Return the JSON of `value`; `step` is its place in what holds it (a key, an index, an Attribute)."""
        kind = type(value)
        if kind is str:
            return self.text(value)
        if value is None or kind is bool:
            return value
        if kind is int:
            return value if -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER else self.tag("int", value=_digits(value))
        if kind is float:
            return value if isfinite(value) else self.tag("float", value=repr(value))
        if kind is list:
            if self.light and self._harmless(value):
                return value
            if self.light and set(map(type, value)) == {float} and isfinite(sum(value)):
                return value  # the survey may err on the bytes of floats
            return self.moved([self.value(item, at) for at, item in enumerate(value)])
        if kind is dict:
            if self.light and self._harmless(value):
                return value
            encoded = {}
            for key, item in value.items():
                if not _is_plain_key(key):
                    return self.pairs("dict", value)
                encoded[key] = self.value(item, key)
            return encoded
        return self.object(value)

    def object(self, value: Any) -> Any:
        """Return the JSON of a value that has no JSON of its own."""
        return self._kind(type(value)).write(value, self)

    def hook(self, value: Any) -> Any:
        """Return the JSON of an object in a part that was surveyed; orjson calls it."""
        kind = self._kind(type(value))
        return (kind.write_surveyed or kind.write)(value, self)

    def meet(self, value: Any) -> Any:
        """Tell the survey what to look at in place of an object.

        Raises:
            TypeError: orjson would not hand this object to `hook`, but write it lossily.
        """
        kind = type(value)
        if kind is tuple or kind is UUID or isinstance(value, Enum):
            raise TypeError
        glance = self._kind(kind).glance
        return None if glance is None else glance(value)

    def _kind(self, kind: type) -> Kind:
        found = self._kinds.get(kind)
        if found is None:
            found = self._kinds[kind] = self._kind_of(kind)
        return found

    def text(self, text: str) -> Any:
        """Return the JSON of a string: itself, an escaped form if it is no valid Unicode, or a reference."""
        if not (text.isascii() or _is_unicode(text)):
            return self.tag("str", escaped=escape_text(text))
        if self.offload is not None and len(text) > self.offload_above:
            return self.moved(text)
        return text

    def pairs(self, name: str, mapping: Any, **content: Any) -> dict[str, Any]:
        """Return the tagged object for a mapping with keys that JSON has not, or that would look like a tag."""
        if name != "dict" and all(map(_is_plain_key, mapping)):
            return self.tag(name, **content, items={key: self.value(item, key) for key, item in mapping.items()})
        items = [[self.value(key, "<key>"), self.value(item, key)] for key, item in mapping.items()]
        return self.tag(name, **content, items=items)

    def moved(self, value: Any) -> Any:
        """Return the reference that `offload` gives for a large value, else the value itself."""
        if self.offload is None or len(value) <= self.offload_above:
            return value
        reference = self.offload(value, self)
        return value if reference is None else reference

    def optional(self, value: Any, step: object) -> Any:
        """Return the JSON of `value`, or None where it cannot be stored; for what a type can make anew."""
        light = self.light
        self.light = False  # what orjson's hook refused would come too late
        try:
            return self.value(value, step)
        except Exception:  # noqa: BLE001 - whatever its reason, the value stays out
            return None
        finally:
            self.light = light

    def _harmless(self, value: Any) -> bool:
        size = survey(value, self.meet)
        return size >= 0 and (self.offload is None or size <= self.offload_above)


class TracingEncoder(Encoder):
    """A careful encoder that raises SerializationError with the path to what it cannot store."""

    def __init__(self, kind_of: KindOf, *, root: str) -> None:
        super().__init__(kind_of, light=False)
        self._root = root
        self._steps: list[object] = []
        self._open: set[int] = set()

    def value(self, value: Any, step: object = None) -> Any:
        """As Encoder.value; remembers the way, and sees a value that holds itself."""
        if step is not None:
            self._steps.append(step)
        holds = not isinstance(value, (str, int, float, type(None)))
        if holds and id(value) in self._open:
            raise self._error(value, "refers back to a value that holds it: a cycle has no end in a file. Break the cycle")
        if holds:
            self._open.add(id(value))
        try:
            encoded = super().value(value, step)
        except (SerializationError, RecursionError, MemoryError):
            raise
        except Refused as error:
            raise self._error(value, str(error)) from error
        except Exception as error:
            raise self._error(value, f"cannot be read ({type(error).__name__}: {error})") from error
        if holds:
            self._open.discard(id(value))
        if step is not None:
            self._steps.pop()
        return encoded

    def optional(self, value: Any, step: object) -> Any:
        """As Encoder.optional."""
        steps, opened = len(self._steps), set(self._open)
        encoded = super().optional(value, step)
        del self._steps[steps:]
        self._open = opened
        return encoded

    def _error(self, value: object, finding: str) -> SerializationError:
        kind = type(value)
        where = show_path(self._root, self._steps)
        name = f"{kind.__module__}.{kind.__qualname__}"
        return SerializationError(f"{where or 'the value'}: {name} {finding}", where=where, type_name=name)


def show_path(root: str, steps: list[object]) -> str:
    """Return a path like `state["rows"][3].owner`; without a root, the first key stands bare if it is a name."""
    path = root
    for step in steps:
        if isinstance(step, Attribute):
            path += f".{step}" if path else str(step)
        elif isinstance(step, str) and not path and step.isidentifier():
            path = step
        elif isinstance(step, str):
            path += f'["{step}"]'
        else:
            path += f"[{step!r}]"
    return path


def escape_text(text: str) -> str:
    """Return `text` with a backslash doubled and a lone surrogate as `\\udxxx`, which is valid Unicode."""
    return _TO_ESCAPE.sub(lambda found: "\\\\" if found[0] == "\\" else f"\\u{ord(found[0]):04x}", text)


def _is_plain_key(key: object) -> bool:
    return type(key) is str and key[:1] != "$" and (key.isascii() or _is_unicode(key))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _digits(number: int) -> str:
    try:
        return str(number)
    except ValueError:  # beyond the interpreter's limit of decimal digits
        return hex(number)
