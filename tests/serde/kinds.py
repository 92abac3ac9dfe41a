"""Classes that the tests store: one of each kind that a state may hold."""

from __future__ import annotations

import enum
from collections import OrderedDict
from dataclasses import InitVar, dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, RootModel, SecretStr, field_serializer, field_validator
from pydantic import v1 as pydantic_v1

T = TypeVar("T")


class Color(enum.Enum):
    RED = "red"
    GREEN = ("g", 2)
    NOT = float("nan")


class Absence(enum.Enum):
    FIRST = float("nan")
    SECOND = float("nan")  # noqa: PIE796 - not equal to the first


class Level(str, enum.Enum):
    LOW = "low"
    HIGH = "high"


class Number(enum.IntEnum):
    ONE = 1
    TWO = 2


class Right(enum.Flag):
    READ = 1
    WRITE = 2


class Bit(enum.IntFlag):
    A = 1
    B = 4


class Pair(NamedTuple):
    left: Any
    right: Any = ()


@dataclass
class Plain:
    x: Any
    y: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class Frozen:
    x: Any
    y: int = 3


@dataclass(slots=True)
class Slotted:
    x: Any
    y: str = "a"


@dataclass
class Prepared:
    x: int
    scale: InitVar[int] = 2
    doubled: int = field(init=False, default=0)

    def __post_init__(self, scale: int) -> None:
        self.doubled = self.x * scale
        self.cache = {"made": True}


@dataclass
class Demanding:
    x: int
    factor: InitVar[int]
    y: int = field(init=False)

    def __post_init__(self, factor: int) -> None:
        self.y = self.x * factor


class Outer:
    class Inner(BaseModel):
        a: int = 1

    @dataclass
    class Data:
        a: int = 1


class Model(BaseModel):
    a: int
    b: str | None = None
    c: list[int] = Field(default_factory=list)
    d: Any = None
    e: Level = Level.LOW
    f: float = 0.5
    g: tuple[int, ...] = ()
    h: dict[Any, Any] = {}


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    a: int = 0


class Private(BaseModel):
    a: int
    _note: str = PrivateAttr(default="")
    _lock: Any = PrivateAttr(default_factory=object)
    _sum: int = PrivateAttr(default=0)

    def model_post_init(self, _context: Any) -> None:
        self._sum = self.a + 1


class Aliased(BaseModel):
    number: int = Field(alias="Number")
    text: str = Field(default="", validation_alias="Text")


class Changing(BaseModel):
    words: list[str]

    @field_validator("words", mode="before")
    @classmethod
    def split(cls, value: Any) -> Any:
        if not isinstance(value, str):
            raise TypeError("words must be given as text")
        return value.split()


class Excluding(BaseModel):
    a: int
    client: Any = Field(default=None, exclude=True)


class Handle:
    """Cannot be stored by itself."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Handle) and other.number == self.number

    def __hash__(self) -> int:
        return self.number

    def __repr__(self) -> str:
        return f"Handle({self.number})"


class Serializing(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    handle: Handle
    note: Any = None

    @field_serializer("handle")
    def number(self, handle: Handle) -> int:
        return handle.number

    @field_validator("handle", mode="before")
    @classmethod
    def find(cls, value: Any) -> Any:
        return Handle(value) if isinstance(value, int) else value


class Box(BaseModel, Generic[T]):
    item: T


class Words(RootModel[list[str]]):
    pass


class Keeper(BaseModel):
    key: SecretStr


class Old(pydantic_v1.BaseModel):
    a: int
    b: str = "x"


class OldOpen(pydantic_v1.BaseModel):
    a: int = 1

    class Config:
        extra = "allow"


class Name(str):  # noqa: SLOT000 - as users write them
    pass


class Tagged(str):  # noqa: SLOT000 - as users write them
    note: str


class Count(int):
    pass


class Ratio(float):
    pass


class Row(dict[str, Any]):
    def __setitem__(self, key: str, value: Any) -> None:
        raise AssertionError("a subclass's own method ran")


class Queue(list[Any]):
    pass


class Sorted(OrderedDict[str, Any]):
    pass


class Point(tuple[int, ...]):  # noqa: SLOT001 - as users write them
    pass


class Unstorable:
    """Neither data by nature nor a subclass of a built-in type."""
