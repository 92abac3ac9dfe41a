"""The values of Python's standard library that are written as one text: numbers, dates, paths, bytes and their kin.

A writer returns `{"$type": name, "value": text}`; its reader accepts exactly what the writer may have written, in any
spelling a person is likely to use, and raises ValueError or TypeError for the rest. Names: docs/format.md, "Values".
"""

from __future__ import annotations

import base64
import ipaddress
import pathlib
import re
import sys
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from langgraph_filesaver._serde.decode import Decoder, Known, Reader, known
from langgraph_filesaver._serde.encode import Encoder, RefusedError, Writer, digits
from langgraph_filesaver._serde.paths import Attribute

__all__ = ["SCALAR_READERS", "SCALAR_WRITERS", "text_of"]

_ESCAPED = re.compile(r"\\(\\|u[dD][89a-fA-F][0-9a-fA-F]{2})")
_INTEGER = re.compile(r"-?(?:[0-9]+|0x[0-9a-f]+)\Z")
_DURATIONS = ("weeks", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds")
_SPECIAL_FLOATS = frozenset({"nan", "inf", "-inf", "-0.0"})
_PATTERN_FLAGS = {"i": re.I, "l": re.L, "m": re.M, "s": re.S, "u": re.U, "x": re.X, "a": re.A}


def text_of(raw: dict[str, Any], key: str = "value") -> str:
    """Return the text under `key` of a tagged object."""
    text = raw[key]
    if type(text) is not str:
        raise TypeError(f'"{key}" must be a string')
    return text


def _as_text(name: str, spell: Callable[[Any], str]) -> Writer:
    def write(value: Any, encoder: Encoder) -> dict[str, Any]:
        return encoder.tag(name, value=encoder.text(spell(value)))

    return write


def _from_text(build: Callable[[str], Any]) -> Reader:
    def read(raw: dict[str, Any], decoder: Decoder) -> Any:
        return build(decoder.text(raw["value"]))

    return read


def _bytes(name: str) -> Writer:
    def write(value: bytes | bytearray, encoder: Encoder) -> Any:
        encoder.weigh(len(value))
        moved = encoder.outside.data(value) if encoder.moves and encoder.outside is not None else None
        if moved is not None:
            return moved if name == "bytes" else encoder.tag(name, value=moved)
        return encoder.tag(name, base64=base64.b64encode(value).decode())

    return write


def _read_bytes(build: Callable[[bytes], Any]) -> Reader:
    def read(raw: dict[str, Any], decoder: Decoder) -> Any:
        if "value" in raw:
            return build(decoder.value(raw["value"], "value"))
        return build(base64.b64decode(text_of(raw, "base64"), validate=True))

    return read


def _write_range(value: range, encoder: Encoder) -> dict[str, Any]:
    return encoder.tag("range", value=[encoder.value(number) for number in (value.start, value.stop, value.step)])


def _read_range(raw: dict[str, Any], decoder: Decoder) -> range:
    start, stop, step = decoder.items(raw["value"])
    return range(start, stop, step)


def _write_complex(value: complex, encoder: Encoder) -> dict[str, Any]:
    return encoder.tag("complex", real=encoder.value(value.real), imag=encoder.value(value.imag))


def _read_special_float(text: str) -> float:
    if text not in _SPECIAL_FLOATS:
        raise ValueError(f"{text!r} is none of {', '.join(sorted(_SPECIAL_FLOATS))}")
    return float(text)  # each NaN an object of its own: sets and dicts tell two of them by that


def _read_complex(raw: dict[str, Any], decoder: Decoder) -> complex:
    real, imag = decoder.value(raw["real"], "real"), decoder.value(raw["imag"], "imag")
    # complex(real, imag) would add and so lose the sign of a zero; a person may have written whole numbers
    return complex(float(real), float(imag))


def _write_moment(name: str) -> Writer:
    def write(value: datetime | time, encoder: Encoder) -> dict[str, Any]:
        zone = value.tzinfo
        content: dict[str, Any] = {"value": value.isoformat()}
        if type(zone) is ZoneInfo and zone.key:
            content["tz"] = zone.key  # the zone decides; the offset is for the reader
        elif type(zone) is timezone and (_zone_name(zone) is not None or zone.utcoffset(None).microseconds):
            content["tz"] = encoder.value(zone, Attribute("tzinfo"))
        elif isinstance(zone, ZoneInfo):
            raise RefusedError("has a tzinfo that no key finds again. Use ZoneInfo(key) itself")
        elif zone is not None and value.utcoffset() is None:
            raise RefusedError("has a tzinfo that knows no offset. Use a ZoneInfo or a timezone")
        if value.fold:
            content["fold"] = 1
        return encoder.tag(name, **content)

    return write


def _read_moment(kind: type[datetime | time]) -> Reader:
    def read(raw: dict[str, Any], decoder: Decoder) -> Any:
        text = text_of(raw)
        if sys.version_info < (3, 11) and text[-1:] in "zZ":
            text = text[:-1] + "+00:00"
        value = kind.fromisoformat(text)
        if "tz" in raw:
            zone = decoder.value(raw["tz"], "tz")
            value = value.replace(tzinfo=ZoneInfo(zone) if type(zone) is str else zone)
        return value.replace(fold=1) if raw.get("fold") else value

    return read


def _write_timedelta(value: timedelta, encoder: Encoder) -> dict[str, Any]:
    parts = {"days": value.days, "seconds": value.seconds, "microseconds": value.microseconds}
    return encoder.tag("timedelta", **{name: part for name, part in parts.items() if part})


def _read_timedelta(raw: dict[str, Any], _: Decoder) -> timedelta:
    return timedelta(**{name: part for name, part in raw.items() if name != "$type"})


def _write_timezone(value: timezone, encoder: Encoder) -> dict[str, Any]:
    offset = value.utcoffset(None)
    name = _zone_name(value)
    content = {} if name is None else {"name": encoder.text(name)}
    return encoder.tag("timezone", offset=_write_timedelta(offset, encoder), **content)


def _zone_name(zone: timezone) -> str | None:
    arguments = zone.__getinitargs__()  # type: ignore[attr-defined] # the only way to tell a given name from a made one
    return str(arguments[1]) if len(arguments) > 1 else None


def _read_timezone(raw: dict[str, Any], decoder: Decoder) -> timezone:
    offset = decoder.value(raw["offset"], "offset")
    if "name" in raw:
        return timezone(offset, decoder.text(raw["name"]))
    return timezone.utc if not offset else timezone(offset)


def _write_zone(value: ZoneInfo, encoder: Encoder) -> dict[str, Any]:
    if value.key is None:
        raise RefusedError("has no key: a zone read from a file cannot be named. Make it with ZoneInfo(key)")
    return encoder.tag("zoneinfo", value=encoder.text(value.key))


def _write_pattern(value: re.Pattern[Any], encoder: Encoder) -> dict[str, Any]:
    flags = "".join(letter for letter, flag in _PATTERN_FLAGS.items() if value.flags & flag)
    implied = "u" if isinstance(value.pattern, str) else ""
    content = {"flags": flags} if flags != implied else {}
    return encoder.tag("pattern", value=encoder.value(value.pattern, "value"), **content)


def _read_pattern(raw: dict[str, Any], decoder: Decoder) -> re.Pattern[Any]:
    flags = re.RegexFlag(0)
    for letter in raw.get("flags", ""):
        flags |= _PATTERN_FLAGS[letter]
    return re.compile(decoder.value(raw["value"], "value"), flags)


def _write_path(value: pathlib.PurePath, encoder: Encoder) -> dict[str, Any]:
    kind = type(value)
    name = "path" if issubclass(kind, pathlib.Path) else kind.__name__.lower()
    return encoder.tag(name, value=encoder.text(str(value)))


def _read_integer(text: str) -> int:
    if not _INTEGER.match(text):
        raise ValueError(f"{text!r} is no integer")
    return int(text, 0) if "x" in text else int(text)


def _read_fraction(text: str) -> Fraction:
    # Fraction("1e999999999") would compute that number
    numerator, _, denominator = text.partition("/")
    return Fraction(_read_integer(numerator), _read_integer(denominator or "1"))


def _unescape(found: re.Match[str]) -> str:
    return "\\" if found[1] == "\\" else chr(int(found[1][1:], 16))


def _read_text(raw: dict[str, Any], _: Decoder) -> str:
    return _ESCAPED.sub(_unescape, text_of(raw, "escaped"))


_ADDRESSES: tuple[type, ...] = (
    ipaddress.IPv4Address,
    ipaddress.IPv4Interface,
    ipaddress.IPv4Network,
    ipaddress.IPv6Address,
    ipaddress.IPv6Interface,
    ipaddress.IPv6Network,
)
_PATHS = (type(pathlib.Path()), pathlib.PurePosixPath, pathlib.PureWindowsPath)

SCALAR_WRITERS: dict[type, Writer] = {
    bytes: _bytes("bytes"),
    bytearray: _bytes("bytearray"),
    memoryview: lambda value, encoder: encoder.value(bytes(value)),
    complex: _write_complex,
    range: _write_range,
    datetime: _write_moment("datetime"),
    time: _write_moment("time"),
    date: _as_text("date", date.isoformat),
    timedelta: _write_timedelta,
    timezone: _write_timezone,
    ZoneInfo: _write_zone,
    UUID: _as_text("uuid", str),
    Decimal: _as_text("decimal", str),
    Fraction: _as_text("fraction", lambda value: f"{digits(value.numerator)}/{digits(value.denominator)}"),
    re.Pattern: _write_pattern,
    **dict.fromkeys(_PATHS, _write_path),
    **{kind: _as_text(kind.__name__.lower(), str) for kind in _ADDRESSES},
}

SCALAR_READERS: dict[str, Known] = {
    "str": known(_read_text, "escaped"),
    "int": known(_from_text(_read_integer), "value"),
    "float": known(_from_text(_read_special_float), "value"),
    "bytes": known(_read_bytes(bytes), "base64", "value"),
    "bytearray": known(_read_bytes(bytearray), "base64", "value"),
    "complex": known(_read_complex, "real", "imag"),
    "range": known(_read_range, "value"),
    "datetime": known(_read_moment(datetime), "value", "tz", "fold"),
    "time": known(_read_moment(time), "value", "tz", "fold"),
    "date": known(_from_text(date.fromisoformat), "value"),
    "timedelta": known(_read_timedelta, *_DURATIONS),
    "timezone": known(_read_timezone, "offset", "name"),
    "zoneinfo": known(_from_text(ZoneInfo), "value"),
    "uuid": known(_from_text(UUID), "value"),
    "decimal": known(_from_text(Decimal), "value"),
    "fraction": known(_from_text(_read_fraction), "value"),
    "pattern": known(_read_pattern, "value", "flags"),
    "path": known(_from_text(pathlib.Path), "value"),
    "pureposixpath": known(_from_text(pathlib.PurePosixPath), "value"),
    "purewindowspath": known(_from_text(pathlib.PureWindowsPath), "value"),
    **{kind.__name__.lower(): known(_from_text(kind), "value") for kind in _ADDRESSES},
}
