"""Classes that are two things at once, or keep more than their fields: both are kept, or the value is refused."""

from __future__ import annotations

import functools
import ipaddress
import pathlib
import threading
from collections import OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from langgraph.types import Send
from pydantic import SecretStr

from langgraph_filesaver import JsonSerializer
from langgraph_filesaver._serde.fingerprint import fingerprint
from langgraph_filesaver.errors import SerializationError
from tests.serde.same import same

SERDE = JsonSerializer()


@dataclass
class Bag(dict[str, Any]):
    owner: str = "nobody"


@dataclass
class Line(list[Any]):
    owner: str = "nobody"
    notes: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class Word(str):  # noqa: SLOT000 - as users write them
    spelled: str = ""


@dataclass
class Belt(deque[Any]):
    speed: int = 1


@dataclass
class Heading:
    text: str = ""


class Chapter(OrderedDict[str, Any], Heading):
    pass


class Point(NamedTuple):
    x: Any
    y: int = 0


class Place(Point):
    pass


@dataclass
class Account:
    owner: str
    rows: list[Any] = field(default_factory=list)

    @functools.cached_property
    def total(self) -> int:
        return len(self.rows)


class Opened(Account):
    def __init__(self) -> None:
        super().__init__("x")
        self.limit = (1, 2)
        self.lock = threading.Lock()


class Slots:
    __slots__ = ("__hidden", "shown")

    def hide(self, item: Any) -> Any:
        self.__hidden = item
        return self

    def revealed(self) -> Any:
        return self.__hidden


@dataclass(slots=True)
class Drawer(Slots):
    label: str = ""


class Label(str):
    __slots__ = ("__hidden",)

    def hide(self, item: Any) -> Any:
        self.__hidden = item
        return self

    def revealed(self) -> Any:
        return self.__hidden


class Order(Send):
    """LangGraph's own class, extended."""


def chapter() -> Chapter:
    made = Chapter(a=(1,), b=2)
    made.text = "one"
    return made


def filled(made: Any, *items: Any) -> Any:
    made.update(items) if isinstance(made, dict) else made.extend(items)
    return made


MIXED: dict[str, Any] = {
    "a dict": filled(Bag("me"), ("k", (1,)), ("$type", 2)),
    "a list": filled(Line("me", [1]), (1,), 2),
    "a string": Word("w"),
    "a deque": filled(Belt(3), 1, (2,)),
    "a dataclass behind a dict": chapter(),
}


def parts(value: Any) -> list[Any]:
    return list(dict.items(value)) if isinstance(value, dict) else list(value)


@pytest.mark.parametrize("name", MIXED)
def test_a_dataclass_that_is_a_built_in_value_keeps_both(name: str) -> None:
    """[V1] A dataclass that is a dict, list, string or deque comes back with its items and its fields."""
    value = MIXED[name]
    text = SERDE.dump([value])
    (back,) = SERDE.load(text)
    assert type(back) is type(value)
    assert back.__dict__ == value.__dict__
    assert same(parts(back), parts(value))
    assert SERDE.dump([back]) == text


@pytest.mark.parametrize("name", MIXED)
def test_what_is_two_things_is_never_taken_for_remembered(name: str) -> None:
    """A memory of chunks tells values apart by their fields: what has items as well is not remembered."""
    assert fingerprint([MIXED[name]]) is None
    assert fingerprint([Account("x")]) is not None


def test_a_named_tuple_keeps_what_is_beside_its_items() -> None:
    """[V1] A subclass of a named tuple may have attributes; they come back with it."""
    value: Any = Place((1,), 2)
    value.note = {"a": (1,)}
    back = SERDE.load(SERDE.dump([value]))[0]
    assert (type(back), back, back.__dict__) == (Place, value, {"note": {"a": (1,)}})


def test_a_dataclass_keeps_what_is_beside_its_fields() -> None:
    """[V1] Attributes that are no fields come back where they can be stored, as private attributes of models do."""
    value: Any = Account("x", [1])
    value.note = (1, None)
    value.nothing = None
    assert value.total == 1
    back = SERDE.load(SERDE.dump([value]))[0]
    assert back.__dict__ == {"owner": "x", "rows": [1], "note": (1, None), "nothing": None}
    assert SERDE.dump([back]) == SERDE.dump([value])
    opened = SERDE.load(SERDE.dump(Opened()))
    assert opened.__dict__ == {"owner": "x", "rows": [], "limit": (1, 2)}


def test_slots_are_kept_whatever_their_name() -> None:
    """[V1] Slots beside the fields of a dataclass, or of a subclass of str, come back, private ones among them."""
    for made in (Drawer("x"), Label("x")):
        value = made.hide((1, None))
        back = SERDE.load(SERDE.dump([value]))[0]
        assert (type(back), back, back.revealed()) == (type(value), value, (1, None))
    drawer: Any = Drawer("x")
    drawer.shown = [1]
    assert SERDE.load(SERDE.dump(drawer)).shown == [1]


def test_what_is_beside_the_fields_survives_a_process_without_the_class() -> None:
    """[V23] Also with attributes, an object whose class is not known is written back byte for byte."""
    value: Any = Account("x", [1])
    value.note = (1, None)
    place: Any = Place(1)
    place.note = 1
    text = SERDE.dump([value, place, *MIXED.values()]).replace(b'"tests.serde.', b'"gone.')
    assert SERDE.dump(SERDE.load(text)) == text


def test_a_subclass_of_langgraphs_own_is_refused() -> None:
    """[V1] A subclass of Send could not be revived: it is refused, and never becomes a plain Send."""
    with pytest.raises(SerializationError) as found:
        SERDE.dump({"state": [Order("n", 1)]})
    assert found.value.where == "state[0]"


class Server(ipaddress.IPv4Address):
    pass


class Network(ipaddress.IPv6Network):
    pass


class Folder(type(pathlib.Path())):  # type: ignore[misc] # PosixPath or WindowsPath
    pass


class Drive(pathlib.PureWindowsPath):
    pass


class Zone(ZoneInfo):
    pass


class Hidden(SecretStr):
    pass


@pytest.mark.parametrize(
    "value",
    [
        Server("10.0.0.1"),
        Network("::/8"),
        Folder("/a"),
        Drive("a"),
        Zone("UTC"),
        datetime(2026, 1, 1, tzinfo=Zone("Europe/Berlin")),
        Hidden("x"),
        defaultdict(lambda: 1),
        type("Totals", (defaultdict,), {})(list),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_subclass_never_comes_back_as_its_base(value: Any) -> None:
    """[V1] A subclass of an address, path, zone or secret, or a factory of one's own: kept as it is, or refused."""
    with pytest.raises(SerializationError) as found:
        SERDE.dump({"state": {"held": [value]}})
    assert found.value.where == 'state["held"][0]'
