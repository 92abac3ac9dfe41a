"""The collections of Python's standard library, and the dicts that JSON has not.

A collection is `{"$type": name, "items": […]}`. Sets have no order of their own: their items are sorted, so that the
same set gives the same bytes in every process.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from langgraph_filesaver._serde.decode import Decoder, Known, Reader, known
from langgraph_filesaver._serde.encode import Encoder, RefusedError, Writer
from langgraph_filesaver._serde.paths import AN_ITEM
from langgraph_filesaver._serde.text import write_deep
from langgraph_filesaver._serde.unrevived import as_key

__all__ = ["CONTAINER_READERS", "CONTAINER_WRITERS", "sorted_items"]

_BUILT_IN = (list, dict, set, tuple, int, float, str, bool, bytes, frozenset, bytearray, complex)
_FACTORIES: dict[str, Callable[[], Any]] = {
    **{kind.__name__: kind for kind in _BUILT_IN},
    **{kind.__name__.lower(): kind for kind in (deque, defaultdict, OrderedDict, Counter)},
}


def sorted_items(items: Iterable[Any], encoder: Encoder) -> list[Any]:
    """Return the JSON of the items of a set: text and numbers in their order, anything else by its JSON."""
    values = list(items)
    kinds = set(map(type, values))
    if kinds == {str} or (kinds and kinds <= {int, float} and all(value == value for value in values)):
        return [encoder.value(value, AN_ITEM) for value in sorted(values)]
    encoded = [encoder.value(value, AN_ITEM) for value in values]
    return sorted(encoded, key=lambda item: _text_of(item, encoder))


def _text_of(item: Any, encoder: Encoder) -> bytes:
    try:
        return orjson.dumps(item, encoder.encode_object)
    except TypeError:  # also where it is nested deeper than orjson writes
        return write_deep(item, indent=False)


def _write_tuple(value: tuple[Any, ...], encoder: Encoder) -> Any:
    return encoder.value(value)


def _set(name: str) -> Writer:
    def write(value: Any, encoder: Encoder) -> dict[str, Any]:
        return encoder.tag(name, items=sorted_items(value, encoder))

    return write


def _built(build: Callable[[list[Any]], Any]) -> Reader:
    def read(raw: dict[str, Any], decoder: Decoder) -> Any:
        return build(decoder.items(raw["items"]))

    return read


def _write_deque(value: deque[Any], encoder: Encoder) -> dict[str, Any]:
    bound = {} if value.maxlen is None else {"maxlen": value.maxlen}
    return encoder.tag("deque", **bound, items=encoder.items(value))


def _read_deque(raw: dict[str, Any], decoder: Decoder) -> deque[Any]:
    return deque(decoder.items(raw["items"]), raw.get("maxlen"))


def _pairs(name: str) -> Writer:
    def write(value: Any, encoder: Encoder) -> dict[str, Any]:
        return encoder.pairs(name, value)

    return write


def _write_defaultdict(value: defaultdict[Any, Any], encoder: Encoder) -> dict[str, Any]:
    factory = value.default_factory
    if factory is None:
        return encoder.pairs("defaultdict", value)
    name = next((name for name, known_one in _FACTORIES.items() if known_one is factory), None)
    if name is None:
        raise RefusedError(
            f"has the default_factory {factory!r}, which a file cannot hold: "
            f"use one of {', '.join(_FACTORIES)}, or store dict(value)"
        )
    return encoder.pairs("defaultdict", value, default=name)


def read_pairs(raw: dict[str, Any], decoder: Decoder) -> list[tuple[Any, Any]]:
    """Return the (key, value) pairs of a tagged mapping.

    Raises:
        ValueError: Two keys are equal, so that one entry would be lost, or an entry is no pair.
    """
    if type(raw["items"]) is dict:
        return list(decoder.value(raw["items"], "items").items())
    pairs = [(as_key(key), item) for key, item in decoder.items(raw["items"])]
    if len({key for key, _ in pairs}) < len(pairs) and not any(key != key for key, _ in pairs):
        raise ValueError("two items have the same key")
    return pairs


def _read_defaultdict(raw: dict[str, Any], decoder: Decoder) -> defaultdict[Any, Any]:
    factory = _FACTORIES[raw["default"]] if "default" in raw else None
    return defaultdict(factory, read_pairs(raw, decoder))


def _mapping(build: Callable[[dict[Any, Any]], Any]) -> Reader:
    def read(raw: dict[str, Any], decoder: Decoder) -> Any:
        return build(dict(read_pairs(raw, decoder)))

    return read


def _set_of(build: Callable[[list[Any]], Any]) -> Reader:
    def read(raw: dict[str, Any], decoder: Decoder) -> Any:
        return build([as_key(item) for item in decoder.items(raw["items"])])

    return read


CONTAINER_WRITERS: dict[type, Writer] = {
    dict: _pairs("dict"),
    tuple: _write_tuple,
    set: _set("set"),
    frozenset: _set("frozenset"),
    deque: _write_deque,
    defaultdict: _write_defaultdict,
    OrderedDict: _pairs("ordereddict"),
    Counter: _pairs("counter"),
}

CONTAINER_READERS: dict[str, Known] = {
    "dict": known(_mapping(dict), "items"),
    "tuple": known(_built(tuple), "items"),
    "set": known(_set_of(set), "items"),
    "frozenset": known(_set_of(frozenset), "items"),
    "deque": known(_read_deque, "maxlen", "items"),
    "defaultdict": known(_read_defaultdict, "default", "items"),
    "ordereddict": known(_mapping(OrderedDict), "items"),
    "counter": known(_mapping(Counter), "items"),
}
