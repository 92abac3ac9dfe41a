"""The collections of Python's standard library, and the dicts that JSON has not.

A collection is `{"$type": name, "items": […]}`. Sets have no order of their own: their items are sorted, so that the
same set gives the same bytes in every process.
"""

from __future__ import annotations

from collections import ChainMap, Counter, OrderedDict, UserDict, UserList, defaultdict, deque
from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import orjson

from langgraph_filesaver._serde.encode import Encoder, Refused, Writer

if TYPE_CHECKING:
    from langgraph_filesaver._serde.decode import Decoder, Reader

__all__ = ["CONTAINER_READERS", "CONTAINER_WRITERS", "sorted_items"]

_FACTORIES: dict[str, Callable[[], Any]] = {
    kind.__name__: kind for kind in (list, dict, set, tuple, int, float, str, bool, bytes, frozenset)
}


def sorted_items(items: Iterable[Any], encoder: Encoder) -> list[Any]:
    """Return the JSON of the items of a set: text and numbers in their order, anything else by its JSON."""
    values = list(items)
    kinds = set(map(type, values))
    if kinds == {str} or (kinds and kinds <= {int, float} and all(value == value for value in values)):  # noqa: PLR0124 - NaN
        return [encoder.value(value, "<item>") for value in sorted(values)]
    encoded = [encoder.value(value, "<item>") for value in values]
    return sorted(encoded, key=lambda item: orjson.dumps(item, default=encoder.object))


def _sequence(name: str) -> Writer:
    def write(value: Any, encoder: Encoder) -> dict[str, Any]:
        return encoder.tag(name, items=[encoder.value(item, at) for at, item in enumerate(value)])

    return write


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
    return encoder.tag("deque", **bound, items=[encoder.value(item, at) for at, item in enumerate(value)])


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
    name = getattr(factory, "__name__", "")
    if _FACTORIES.get(name) is not factory:
        raise Refused(
            f"has the default_factory {factory!r}, which a file cannot hold: "
            f"use one of {', '.join(_FACTORIES)}, or store dict(value)"
        )
    return encoder.pairs("defaultdict", value, default=name)


def read_pairs(raw: dict[str, Any], decoder: Decoder) -> list[tuple[Any, Any]]:
    """Return the (key, value) pairs of a tagged mapping.

    Raises:
        ValueError: Two keys are equal, so that one entry would be lost, or an entry is no pair.
    """
    pairs = [(key, item) for key, item in decoder.items(raw["items"])]
    if len({key for key, _ in pairs}) < len(pairs) and not any(key != key for key, _ in pairs):  # noqa: PLR0124 - NaN
        raise ValueError("two items have the same key")
    return pairs


def _read_defaultdict(raw: dict[str, Any], decoder: Decoder) -> defaultdict[Any, Any]:
    factory = _FACTORIES[raw["default"]] if "default" in raw else None
    return defaultdict(factory, read_pairs(raw, decoder))


def _mapping(build: Callable[[dict[Any, Any]], Any]) -> Reader:
    def read(raw: dict[str, Any], decoder: Decoder) -> Any:
        return build(dict(read_pairs(raw, decoder)))

    return read


CONTAINER_WRITERS: dict[type, Writer] = {
    dict: _pairs("dict"),
    tuple: _sequence("tuple"),
    set: _set("set"),
    frozenset: _set("frozenset"),
    deque: _write_deque,
    defaultdict: _write_defaultdict,
    OrderedDict: _pairs("ordereddict"),
    Counter: _pairs("counter"),
    UserDict: lambda value, encoder: encoder.pairs("userdict", value.data),
    UserList: lambda value, encoder: encoder.tag("userlist", items=[encoder.value(v, i) for i, v in enumerate(value.data)]),
    ChainMap: lambda value, encoder: encoder.tag("chainmap", items=[encoder.value(v, i) for i, v in enumerate(value.maps)]),
    MappingProxyType: _pairs("mappingproxy"),
}

CONTAINER_READERS: dict[str, Reader] = {
    "dict": _mapping(dict),
    "tuple": _built(tuple),
    "set": _built(set),
    "frozenset": _built(frozenset),
    "deque": _read_deque,
    "defaultdict": _read_defaultdict,
    "ordereddict": _mapping(OrderedDict),
    "counter": _mapping(Counter),
    "userdict": _mapping(UserDict),
    "userlist": _built(UserList),
    "chainmap": _built(lambda maps: ChainMap(*maps)),
    "mappingproxy": _mapping(MappingProxyType),
}
