"""[S4] Files of any content, mutated or made up: the loader returns a value or raises one of our errors, at no great cost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from langgraph_filesaver._serde import JsonSerializer
from langgraph_filesaver._serde.kinds import KNOWN
from langgraph_filesaver.errors import CorruptDataError, FileSaverError
from tests.serde import kinds
from tests.serde.test_round_trips import VALUES

SERDE = JsonSerializer()
AIM = "langchain_core.messages.ai.AIMessage"


SEEDS = [
    SERDE.dump(value, indent=bool(at % 2)) for at, value in enumerate(VALUES.values()) if len(SERDE.dump(value)) < 3000
]
PIECES = [
    b'"$type":',
    b'"$value":',
    b'"$unset":[1],',
    b"null",
    b"-1",
    b"1e99",
    b"[",
    b"]",
    b"{",
    b"}",
    b'"',
    b",",
    b"\\ud800",
]
PIECES += [b'{"$type":"' + name.encode() + b'"}' for name in KNOWN]


@settings(max_examples=1500, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_mutated_files_raise_only_our_errors(data: st.DataObject) -> None:
    """[V7] Bytes of real files, cut, overwritten and spliced: the loader returns a value or raises our error."""
    text = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        end = min(len(text), at + data.draw(st.integers(0, 12)))
        text[at:end] = data.draw(st.sampled_from(PIECES) | st.binary(max_size=3))
    load_or_refuse(bytes(text))


RAW = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=4)
    | st.sampled_from(["1", "<f8", "red"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.builds(
            lambda name, content: {"$type": name, **content},
            st.sampled_from([*KNOWN, AIM, *(f"tests.serde.kinds.{name}" for name in vars(kinds) if name[0].isupper())]),
            st.dictionaries(
                st.sampled_from(
                    [
                        "value",
                        "items",
                        "$value",
                        "a",
                        "x",
                        "left",
                        "dtype",
                        "shape",
                        "data",
                        "values",
                        "tz",
                        "content",
                        "$unset",
                        "$private",
                        "$extra",
                        "$attributes",
                    ]
                ),
                inner,
                max_size=4,
            ),
        )
    ),
    max_leaves=8,
)


@settings(max_examples=1500, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(RAW)
def test_made_up_tags_raise_only_our_errors(raw: Any) -> None:
    """[V7] Tags with missing, extra and wrong-typed fields: a value or our error, nothing else."""
    load_or_refuse(json.dumps(raw).encode())


def load_or_refuse(text: bytes) -> None:
    try:
        value = SERDE.load(text)
    except CorruptDataError:
        return
    try:
        SERDE.dump(value)
    except FileSaverError:
        return


@pytest.mark.parametrize(
    "content",
    [
        {"dtype": ["Struct", [["a", "Int8"], ["a", "Int8"]]], "values": [None]},
        {"dtype": ["Array", "Int8", 10**12], "values": [None]},
        {"dtype": ["Duration", "ns"], "ticks": [2**70]},
    ],
)
def test_a_panic_of_polars_is_our_error(content: dict[str, Any]) -> None:
    """[V7] What makes polars panic, which is no Exception of Python, is damage like any other."""
    load_or_refuse(json.dumps({"$type": "polars.Series", "name": "x", **content}).encode())


def test_huge_claims_cost_no_memory() -> None:
    """A tag that promises a huge value is refused or stays small."""
    for raw in (
        {"$type": "ndarray", "dtype": "<f8", "shape": [10**12], "data": ""},
        {"$type": "ndarray", "dtype": f"V{2**31 - 1}", "shape": [1000], "items": [1] * 1000},
        {"$type": "ndarray", "dtype": f"<U{2**28}", "shape": [1000], "values": ["x"] * 1000},
    ):
        load_or_refuse(json.dumps(raw).encode())
    assert len(SERDE.load(b'{"$type":"range","value":[0,1000000000000,1]}')) == 10**12
