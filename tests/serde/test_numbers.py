"""Numbers whose value alone does not tell all: a zero with a sign, whole floats, subclasses of numbers."""

from __future__ import annotations

import json
import math
from collections import OrderedDict, defaultdict, deque
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from langchain_core.messages import AIMessage

from langgraph_filesaver import JsonSerializer
from tests.serde import kinds

SERDE = JsonSerializer()

HOLDERS: dict[str, Any] = {
    "alone": lambda zero: zero,
    "list": lambda zero: [zero],
    "many": lambda zero: [0.5] * 1000 + [zero],
    "beside what must be walked": lambda zero: [zero, (1,), "\ud800", math.nan],
    "dict": lambda zero: {"a": zero},
    "nested": lambda zero: {"a": [{"b": [[zero]]}]},
    "tuple": lambda zero: (zero, (zero,)),
    "key": lambda zero: {zero: 1},
    "key of a key": lambda zero: {(zero, "x"): {zero: zero}},
    "set": lambda zero: {zero, 1.5},
    "frozenset": lambda zero: frozenset([zero]),
    "deque": lambda zero: deque([zero]),
    "mappings": lambda zero: [OrderedDict(a=zero), defaultdict(list, {"a": zero})],
    "dataclass": kinds.Plain,
    "subclass": kinds.Ratio,
    "field": lambda zero: kinds.Model(a=1, f=zero, h={zero: zero}),
    "message": lambda zero: AIMessage("", additional_kwargs={"a": [zero]}, response_metadata={"b": zero}),
    "complex": lambda zero: complex(zero, zero),
    "numpy": np.float64,
    "array": lambda zero: np.array([zero, 1.0]).tolist(),
    "decimal": lambda _: Decimal("-0.0"),
}


@pytest.mark.parametrize("name", HOLDERS)
def test_a_negative_zero_keeps_its_sign(name: str) -> None:
    """[V3] -0.0 comes back with its sign wherever it stands, also after another tool has rewritten the file."""
    value = HOLDERS[name](-0.0)
    text = SERDE.dump({"state": value}, indent=True)
    for variant in (text, json.dumps(json.loads(text)).encode()):
        back = SERDE.load(variant)["state"]
        assert repr(back) == repr(value)
        assert "-0" in repr(back)
    assert SERDE.dump(SERDE.load(text), indent=True) == text


@pytest.mark.parametrize("name", HOLDERS)
def test_a_zero_without_a_sign_gets_none(name: str) -> None:
    """[V3] 0.0 stays 0.0, and a float: neither becomes the other."""
    value = HOLDERS[name](0.0)
    assert repr(SERDE.load(SERDE.dump([value]))) == repr([value])
