"""What pydantic models and dataclasses hold beside plain fields: defaults that are made, secrets, addresses, private parts."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

import pydantic
import pytest
from langgraph.types import RetryPolicy
from pydantic import BaseModel, Field, PrivateAttr, Secret
from pydantic import v1 as pydantic_v1

from langgraph_filesaver import JsonSerializer
from langgraph_filesaver.errors import SerializationError
from tests.serde import kinds

SERDE = JsonSerializer()


def returned(value: Any) -> Any:
    """Return `value` as it comes back, with stable bytes and of its type."""
    text = SERDE.dump([value])
    (back,) = SERDE.load(text)
    assert type(back) is type(value)
    assert SERDE.dump([back]) == text
    return back


@dataclass
class Made:
    rows: list[Any] = field(default_factory=list)
    table: dict[str, Any] = field(default_factory=lambda: {"made": True})
    late: Any = field(init=False, default_factory=tuple)
    hidden: int = field(default=3, repr=False, compare=False)


class Derived(BaseModel):
    a: int = 1
    twice: int = Field(default_factory=lambda data: data["a"] * 2)
    rows: list[int] = Field(default_factory=lambda: [1, 2])


class Careful(BaseModel):
    a: int
    cached: int = Field(default_factory=lambda data: data["a"] + 1, exclude=True)
    note: str = Field(default="", exclude=True)


class Failing(BaseModel):
    a: int
    client: Any = Field(default_factory=lambda data: data["absent"], exclude=True)


class Needing(BaseModel):
    client: Any = Field(exclude=True)
    a: int = 0


class Vault(BaseModel):
    number: Secret[int]
    database: pydantic.PostgresDsn | None = None


class Hiding(BaseModel):
    a: int = 1
    _held: Any = PrivateAttr(default=None)


class Preparing(BaseModel):
    a: int = 1
    _doubled: Any = PrivateAttr(default=None)

    def model_post_init(self, _context: Any) -> None:
        self._doubled = self.a * 2


class OldHiding(pydantic_v1.BaseModel):
    a: int = 1
    _held: Any = pydantic_v1.PrivateAttr(default=None)
    _made: list[Any] = pydantic_v1.PrivateAttr(default_factory=list)


def test_fields_of_a_dataclass_that_are_made_come_back() -> None:
    """[V1] Fields with a default_factory, without a place in __init__, out of comparison: each as it was."""
    value = Made([1], {"x": (1,)}, 4)
    value.late = {"late": (1,)}
    assert returned(value).__dict__ == value.__dict__
    assert returned(Made()).__dict__ == Made().__dict__
    del value.rows
    assert returned(value).__dict__ == value.__dict__


def test_fields_that_are_made_of_others_come_back() -> None:
    """[V1] A default_factory that takes the other fields' values is not asked for a field that was stored."""
    for value in (Derived(), Derived(a=3), Derived(a=3, twice=5), Derived(rows=[])):
        back = returned(value)
        assert back == value
        assert back.model_fields_set == value.model_fields_set


def test_an_excluded_field_is_made_of_the_fields_before_it() -> None:
    """A field with exclude=True is not stored; its default_factory is given what was."""
    assert returned(Careful(a=4)).cached == 5


def test_an_excluded_field_that_will_be_lost_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """A value in a field with exclude=True is left out, as its class says, with one warning and never in silence."""
    with caplog.at_level(logging.WARNING, "langgraph_filesaver"):
        SERDE.dump([kinds.Excluding(a=1), kinds.Excluding(a=1, client=None)])
        assert "exclude=True" not in caplog.text
        for _ in range(2):
            assert returned(Careful(a=4, note="lost")).note == ""
    assert [record.getMessage().count("'note'") for record in caplog.records].count(1) == 1


def test_a_default_that_cannot_be_made_hinders_no_reading(caplog: pytest.LogCaptureFixture) -> None:
    """A default_factory that raises leaves the field out, with a warning: the thread stays readable."""
    value = Failing.model_construct(a=1, client=5)
    with caplog.at_level(logging.WARNING, "langgraph_filesaver"):
        assert returned(value).__dict__ == {"a": 1}
    assert "default_factory raised" in caplog.text


def test_a_model_that_could_not_come_back_is_refused() -> None:
    """[V1] A required field with exclude=True would be missing afterwards: the value is refused, with its path."""
    with pytest.raises(SerializationError, match="exclude=True") as found:
        SERDE.dump({"state": [Needing(client=1)]})
    assert found.value.where == "state[0]"


def test_secrets_of_any_type_come_back() -> None:
    """[V1] A Secret keeps what it hides, of whatever type; also in strict mode, as SecretStr does."""
    for hidden in (5, (1, 2), {"a": kinds.Level.LOW}):
        assert returned(Secret[Any](hidden)).get_secret_value() == hidden
    strict = JsonSerializer(allowed_msgpack_modules=None)
    assert strict.load(SERDE.dump(Secret[int](5))) == Secret[int](5)
    assert returned(Vault(number=Secret[int](5))) == Vault(number=Secret[int](5))


ADDRESSES = {
    "PostgresDsn": "postgres://u:p@h1:5,h2:6/db",
    "CockroachDsn": "cockroachdb://h:1/x",
    "MongoDsn": "mongodb://h:27017/x",
    "NatsDsn": "nats://h:4222",
    "RedisDsn": "redis://h:6379/0",
    "AmqpDsn": "amqp://h/x",
    "KafkaDsn": "kafka://h:9092/",
    "MySQLDsn": "mysql://u:p@h/db",
    "MariaDBDsn": "mariadb://u:p@h/db",
    "ClickHouseDsn": "clickhouse://h:1/x",
    "SnowflakeDsn": "snowflake://u:p@h/x",
    "AnyUrl": "foo://x/y?z=1#q",
    "AnyHttpUrl": "http://é.example/",
    "HttpUrl": "https://a.b:8080/p?q=%20",
    "AnyWebsocketUrl": "wss://a/",
    "WebsocketUrl": "ws://a/",
    "FileUrl": "file:///x",
    "FtpUrl": "ftp://a/",
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_every_address_of_pydantic_comes_back(name: str) -> None:
    """[V1] Each of pydantic's URL types, those with several hosts among them, comes back equal and of its type."""
    kind: Any = getattr(pydantic, name)
    value: Any = pydantic.TypeAdapter(kind).validate_python(ADDRESSES[name])
    assert returned(value) == value
    assert str(returned(value)) == str(value)


def test_a_model_of_the_first_generation_keeps_its_extra() -> None:
    """[V1] Extra fields of a pydantic v1 model come back, with names that JSON cannot carry, too."""
    for extra in ({"\ud800": 1, "é": "\udfff"}, {"\ud800": 1, "$type": 2}, {"é": 1}):
        value = kinds.OldOpen.parse_obj({"a": 2, **extra})
        assert returned(value).__dict__ == value.__dict__


def test_private_attributes_of_both_generations_come_back() -> None:
    """[V1] Private attributes are kept where they can be stored, in pydantic v1 models, too."""
    for value in (Hiding(), OldHiding()):
        value._held = (1, {2})
        assert returned(value)._held == (1, {2})
    old = OldHiding()
    old._made.append(1)
    assert returned(old)._made == [1]
    text = SERDE.dump([old]).replace(b'"_made"', b'"__class__"')
    assert type(SERDE.load(text)[0]) is OldHiding


def test_a_private_attribute_set_back_to_its_default_stays_there() -> None:
    """[V1] What model_post_init made and somebody changed to the default comes back as the default."""
    value = Preparing(a=2)
    assert returned(value)._doubled == 4
    value._doubled = None
    assert returned(value)._doubled is None


def test_a_model_that_lost_a_field_is_refused() -> None:
    """[V1] A field deleted from an object would come back as its default: the object is refused."""
    value = Derived()
    del value.a
    with pytest.raises(SerializationError, match="lost its field a"):
        SERDE.dump([value])


def test_langgraphs_policies_come_back() -> None:
    """[V1] A named tuple of LangGraph leaves out its defaults, functions among them."""
    assert returned(RetryPolicy(max_attempts=9)) == RetryPolicy(max_attempts=9)
