"""A check around each test here: nothing that a file names was run or imported."""

from __future__ import annotations

import builtins
import sys
from typing import Any

import pytest

from tests.serde import loaded


@pytest.fixture(autouse=True)
def untouched() -> Any:
    loaded.calls.clear()
    before = set(sys.modules)
    yield
    assert loaded.calls == []
    assert builtins.__dict__.get("_canary_marks", []) == []
    assert "tests.serde.canary.alarm" not in sys.modules
    assert {name for name in set(sys.modules) - before if "canary" in name} <= {"tests.serde.canary.data"}
