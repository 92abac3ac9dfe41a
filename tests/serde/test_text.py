"""JSON text: what is read, what is refused, and what the bytes alone tell."""

from __future__ import annotations

import json
import sys
from collections import deque
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langgraph_filesaver._serde import JsonSerializer
from langgraph_filesaver._serde.text import has_tag_key, has_tags
from langgraph_filesaver.errors import CorruptDataError, SerializationError
from tests.serde import kinds

SERDE = JsonSerializer()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[1,]",
        b"NaN",
        b"[Infinity]",
        b"'a'",
        b"{a:1}",
        b"[01]",
        b'"\x01"',
        b'"\xff"',
        b'"\\ud800"',
        b"1e400",
        b"{} {}",
        b"// c\n1",
    ],
)
def test_what_is_not_strict_json_is_refused(text: bytes) -> None:
    """[V4] A text that is not strict JSON is CorruptDataError, with line and column from 1."""
    with pytest.raises(CorruptDataError) as found:
        SERDE.parse(text)
    assert found.value.line is not None
    assert found.value.line >= 1
    assert found.value.column is not None


def test_the_place_of_a_finding_is_told() -> None:
    """Line and column point at the letter that is wrong."""
    with pytest.raises(CorruptDataError) as found:
        SERDE.parse(b'{\n  "a": 1,\n  "b": x\n}')
    assert (found.value.line, found.value.column) == (3, 8)


def test_a_byte_order_mark_is_forgiven() -> None:
    """[V4] Editors on Windows leave a byte order mark; one at the start is skipped."""
    assert SERDE.load(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


@pytest.mark.parametrize(
    "number", [2**53, 2**64 - 1, 2**64, -(2**63) - 1, -(10**30), 10**19 - 1, 10**18, 12345678901234567890123]
)
def test_a_long_integer_that_a_person_wrote_is_exact(number: int) -> None:
    """[V3] An integer literal of any length is read exactly, wherever it stands."""
    for text in (
        f"{number}",
        f"[{number}]",
        f'{{"a": {number} , "b":1}}',
        f"[0.5,\n{number}\n]",
        f'["12","{number}",{number}]',
    ):
        value = SERDE.parse(text.encode())
        assert value == json.loads(text)
        assert "e+" not in repr(value)


def test_long_digits_in_text_and_fractions_are_no_integers() -> None:
    """Digits inside strings and after a point change nothing."""
    text = b'{"v": "00000000000000000000000000000002.0.5", "f": 0.00012345678901234567, "g": 123456789012345678901.5}'
    assert SERDE.parse(text) == json.loads(text)


def test_an_endless_integer_is_a_clear_error() -> None:
    """A literal of more digits than the interpreter converts is CorruptDataError."""
    with pytest.raises(CorruptDataError, match="digits"):
        SERDE.parse(b"1" * 10_000)
    assert SERDE.parse(b"[" + b"1" * 400 + b"]") == [int("1" * 400)]


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"$type":"tuple","items":['])
def test_deep_input_is_a_clear_error(opening: bytes) -> None:
    """[V5] Ten thousand levels are refused on reading, without a crash."""
    with pytest.raises(CorruptDataError):
        SERDE.load(opening * 10_000)


def test_deep_values_are_a_clear_error() -> None:
    """[V5] Ten thousand levels are refused on writing, without a crash."""
    for wrap in (lambda value: [value], lambda value: {"a": value}, lambda value: (value,)):
        value: Any = None
        for _ in range(10_000):
            value = wrap(value)
        with pytest.raises(SerializationError, match="nested too deeply"):
            SERDE.dump(value)


@pytest.mark.parametrize("depth", [100, 200, 250])
def test_depth_that_langgraph_stores_is_stored(depth: int) -> None:
    """Levels that JsonPlusSerializer stores (254) are stored, also where a level takes two of JSON (tuples)."""
    for wrap in (lambda value: [value], lambda value: (value,), lambda value: {1: value} if depth < 200 else [value]):
        value: Any = 1
        for _ in range(depth):
            value = wrap(value)
        for indent in (False, True):
            assert SERDE.load(SERDE.dump(value, indent=indent)) == value


@pytest.mark.parametrize("depth", [100, 140, 180, 300])
def test_what_is_written_can_be_read(depth: int) -> None:
    """[V5] However deep a value, either it is refused on writing, or it can be read."""
    for wrap in (
        lambda value: {1: value},
        kinds.Plain,
        lambda value: deque([value]),
        lambda value: kinds.Model(a=1, d=value),
    ):
        value: Any = 1
        for _ in range(depth):
            value = wrap(value)
        try:
            text = SERDE.dump(value)
        except SerializationError:
            assert depth > 100
        else:
            assert SERDE.dump(SERDE.load(text)) == text


def test_the_callers_stack_does_not_count() -> None:
    """A value that can be stored at the top of a program can be stored deep inside it, and read there."""
    value: Any = 1
    for _ in range(200):
        value = (value,)

    def below(frames: int) -> Any:
        return below(frames - 1) if frames else SERDE.load(SERDE.dump(value))

    assert below(sys.getrecursionlimit() - 400) == value


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.sampled_from(["$a", "$type"]), inner, max_size=4)
    ),
    max_leaves=15,
)


def has_dollar_key(tree: Any) -> bool:
    if isinstance(tree, dict):
        return any(key[:1] == "$" or has_dollar_key(item) for key, item in tree.items())
    return isinstance(tree, list) and any(map(has_dollar_key, tree))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(JSON, st.booleans())
def test_tag_keys_are_told_from_strings(tree: Any, indent: bool) -> None:
    """Whether a text holds a key with a dollar sign is told exactly, and no tag is ever missed in the bytes."""
    import orjson

    text = orjson.dumps(tree, option=orjson.OPT_INDENT_2 if indent else 0)
    assert has_tag_key(text) == has_dollar_key(tree)
    for variant in (text, json.dumps(tree).encode(), json.dumps(tree, ensure_ascii=False, indent=1).encode()):
        assert has_tags(variant) >= has_dollar_key(tree)


def test_an_escaped_dollar_is_a_dollar() -> None:
    """A tool may write a tag's dollar sign as an escape; the tag is still a tag."""
    assert SERDE.load(b'{"\\u0024type": "tuple", "items": [1]}') == (1,)
