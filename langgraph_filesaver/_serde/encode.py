"""From Python values to the plain tree that orjson writes.

One encoder serves one dump. It works in one of three ways, from fast to telling:

- *light*: what `survey` finds harmless is left as it is, objects included; orjson hands those to `object`, its hook.
- *careful*: every value is visited. Taken when orjson refused something or a key looks like a tag.
- *tracing*: careful, and it keeps the path to the value at hand. Taken to tell where a value cannot be stored.

All three give the same bytes. A writer (`Writer`) encodes one type: it returns JSON and calls `value` for what its
object holds. Every key that begins with `$` is counted, so that a light dump can prove that no other such key came in.

The hook for values that are moved out (`offload`) sees each str, bytes and list that is larger than `offload_above` on
the same way; `survey` tells it by their packed size which parts cannot hold one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import copysign, isfinite
from typing import Any

from langgraph_filesaver._serde.survey import survey
from langgraph_filesaver.errors import SerializationError

__all__ = ["MAX_SAFE_INTEGER", "Attribute", "Encoder", "Offload", "Refused", "TracingEncoder", "Writer", "escape_text"]

MAX_SAFE_INTEGER = 2**53 - 1
"""Integers beyond this lose digits in tools that keep numbers as doubles (jq before 1.7, JavaScript)."""

_TO_ESCAPE = re.compile("[\\\\\ud800-\udfff]")


class Refused(TypeError):
    """A value cannot be stored; the text says why and what to do."""


class Attribute(str):
    """The name of an object's field, as a step of a path."""

    __slots__ = ()


Writer = Callable[[Any, "Encoder"], Any]
Offload = Callable[[Any, "Encoder"], "dict[str, Any] | None"]


class Encoder:
    """Encodes the values of one dump.

    Args:
        writer_of: Finds the writer for a type.
        light: Leave to orjson what it writes exactly.
        offload: Given a large str, bytes or list (already encoded), returns the reference to write in its place, or None.
        offload_above: Size in bytes (or letters) from which a value is large.
    """

    def __init__(
        self,
        writer_of: Callable[[type], Writer],
        *,
        light: bool,
        offload: Offload | None = None,
        offload_above: int = 0,
    ) -> None:
        self.tags = 0
        self.plain = frozenset({bool, type(None)})
        if light:  # orjson refuses the few integers and strings that are not plain
            self.plain |= {int} if offload else {int, str}
        self.light = light
        self.offload = offload
        self.offload_above = offload_above
        self._writer_of = writer_of
        self._writers: dict[type, Writer] = {}

    def tag(self, name: str, /, **content: Any) -> dict[str, Any]:
        """Return the tagged object of type `name`; `content` is JSON already."""
        self.tags += 1
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
            return value if isfinite(value) and (value or copysign(1.0, value) > 0) else self.tag("float", value=repr(value))
        if kind is list:
            if self.light and self._harmless(value):
                return value
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
        """Return the JSON of a value that has no JSON of its own. This is orjson's hook, too."""
        kind = type(value)
        writer = self._writers.get(kind)
        if writer is None:
            writer = self._writers[kind] = self._writer_of(kind)
        return writer(value, self)

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
        if reference is None:
            return value
        self.tags += sum(key[:1] == "$" for key in reference)
        return reference

    def optional(self, value: Any, step: object) -> Any:
        """Return the JSON of `value`, or None where it cannot be stored; for what a type can make anew."""
        light, tags = self.light, self.tags
        self.light = False  # what orjson's hook refused would come too late
        try:
            return self.value(value, step)
        except Exception:  # noqa: BLE001 - whatever its reason, the value stays out
            self.tags = tags
            return None
        finally:
            self.light = light

    def _harmless(self, value: Any) -> bool:
        size = survey(value)
        return size >= 0 and (self.offload is None or size <= self.offload_above)


class TracingEncoder(Encoder):
    """A careful encoder that raises SerializationError with the path to what it cannot store."""

    def __init__(self, writer_of: Callable[[type], Writer], *, root: str) -> None:
        super().__init__(writer_of, light=False)
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
