"""Whatever a state may hold comes back as itself also where parts of it, or all of it, lie in files of their own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langgraph_filesaver import Artifact
from tests.artifacts.folder import artifacts_of, assert_nothing_missing
from tests.checkpoints import config_of, put
from tests.serde.same import same
from tests.serde.test_round_trips import SCALARS, VALUES, containers
from tests.stores import Home


def value_of(home: Home) -> Any:
    found = home.saver().get_tuple(config_of())
    assert found is not None
    return found.checkpoint["channel_values"]["value"]


@pytest.mark.parametrize("threshold", [0, 1, 30, 200])
@pytest.mark.parametrize("name", VALUES)
def test_a_kind_of_values(home: Home, name: str, threshold: int) -> None:
    """[V1] A value is equal and of the same type at any threshold: alone, deep inside, and beside a text that leaves."""
    value = VALUES[name]
    state = {"alone": value, "deep": {"a": [[value], (value, {"b": value})]}, "beside": [value, "text " * 200]}
    saver = home.saver(artifact_threshold_bytes=threshold)
    put(saver, "c1", {"value": state})
    assert same(value_of(home), state)
    put(saver, "c2", {"value": value_of(home)}, step=1)
    assert same(value_of(home), state)
    assert_nothing_missing(home)


@pytest.mark.parametrize("name", VALUES)
def test_a_kind_of_values_in_chunks(home: Home, name: str) -> None:
    """[V1] In chunks of a long list, too: each item is equal and of the same type."""
    items = [[number, VALUES[name], "x" * 60] for number in range(300)]
    saver = home.saver()
    for step in range(2):
        put(saver, f"c{step}", {"value": items}, step=step)
        assert same(value_of(home), items)
    assert artifacts_of(home)
    assert saver.collect_garbage("t", grace_seconds=0).files == 0


@pytest.mark.parametrize("threshold", [0, 20, 150])
@given(st.recursive(SCALARS, containers, max_leaves=12), st.integers(0, 400))
@settings(max_examples=150)
def test_any_value(threshold: int, value: Any, size: int) -> None:
    """[V1] Values nested at random, with a text or bytes between them, are equal and of the same type."""
    state = [value, "é" * size, {"a": (value, b"x" * size)}, [[value] * (size // 9)] * 2]
    home = Home("memory", "/")
    put(home.saver(artifact_threshold_bytes=threshold), "c1", {"value": state})
    assert same(value_of(home), state)
    assert_nothing_missing(home)


@pytest.mark.parametrize(
    ("threshold", "depth"), [(0, 30), (0, 100), (65536, 100), (65536, 240), (65536, 400), (None, 400)]
)
def test_a_deep_value(home: Home, threshold: int | None, depth: int) -> None:
    """[V1] What lies deep inside comes back from its file, or stays where it is when a text can hold no deeper reference."""
    file = Artifact.from_bytes(b"deep", name="deep.txt")
    value: Any = {"text": "x" * 100_000, "file": file, "list": [["y" * 90] * 3] * 90}
    for number in range(depth):
        value = {"in": value, "beside": "z" * 50} if number % 2 else [value, number]
    saver = home.saver(artifact_threshold_bytes=threshold)
    put(saver, "c1", {"value": value})
    assert repr(value_of(home)) == repr(value)
    assert saver.collect_garbage("t", grace_seconds=0).files == 0
    assert_nothing_missing(home)
