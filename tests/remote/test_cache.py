"""What is kept in memory of a far store is bounded, and used only where it is certain to be the same."""

from __future__ import annotations

from langgraph_filesaver._store import Versioned
from langgraph_filesaver._store.remote.cache import ObjectCache


def test_the_cache_is_bounded_in_bytes() -> None:
    """However much is read, no more is kept than the bound; what was used last stays, and one huge object pushes nothing out."""
    cache = ObjectCache(100_000)
    for number in range(1000):
        cache.keep(f"k{number}", Versioned(bytes(5_000), "v"))
        assert cache.get("k0") is not None
    kept = [number for number in range(1000) if cache.get(f"k{number}") is not None]
    assert kept == [0, *range(1000 - len(kept) + 1, 1000)]
    assert 15 <= len(kept) <= 20
    cache.keep("huge", Versioned(bytes(50_000), "v"))
    assert cache.get("huge") is None
    assert cache.get("k999") is not None


def test_what_has_no_version_is_not_kept() -> None:
    """Without a version there is nothing to know an object by again; what was kept under the key before goes."""
    cache = ObjectCache(100_000)
    cache.keep("k", Versioned(b"old", "v"))
    cache.keep("k", Versioned(b"new", ""))
    assert cache.get("k") is None
    cache.keep("k", Versioned(b"newer", "w"))
    cache.drop("k")
    assert cache.get("k") is None
