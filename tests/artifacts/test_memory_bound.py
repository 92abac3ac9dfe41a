"""The memory of what was stored is bounded, and counts what it holds now, not all that it ever held."""

from __future__ import annotations

from typing import Any

from langgraph_filesaver._artifacts.memory import Memory

PLACE = ("t", "", "messages")


def items(number: int) -> list[Any]:
    """Return the items of a chunk, each an object of its own."""
    return [f"{number} {at}" for at in range(10)]


def remember_channel(memory: Memory, version: int, value: Any) -> None:
    """Remember a value that keeps 1,000 bytes in memory."""
    memory.remember_channel(PLACE, version, value, b"text", frozenset(), 1000)


def test_a_channel_that_changes_takes_its_place_once() -> None:
    """However often a channel changes, what is remembered of the chunks of its list stays."""
    memory, chunk = Memory(10_000), items(0)
    memory.remember_run(chunk, "name", b"text")
    for version in range(1000):
        remember_channel(memory, version, value := [version])
        assert memory.channel(PLACE, version, value) is not None
    assert memory.run_at(chunk, 0) is not None


def test_what_was_remembered_first_is_forgotten_first() -> None:
    """Beyond the bound the oldest go, one by one, and no more than needed."""
    memory = Memory(10_000)
    chunks = [items(number) for number in range(100)]
    for chunk in chunks:
        memory.remember_run(chunk, "name", b"text")
    remembered = [memory.run_at(chunk, 0) is not None for chunk in chunks]
    assert remembered == sorted(remembered)
    assert 10 < sum(remembered) < 50
    assert sum(entry.cost for entry in memory._entries.values()) == memory._bytes <= 10_000
