"""The knobs of the library and their defaults, each with its unit.

Pure: imports nothing of the package but what stands below it, opens nothing.
"""

from __future__ import annotations

__all__ = [
    "ARTIFACT_THRESHOLD_BYTES",
    "CACHE_BYTES",
    "COPY_BLOCK_BYTES",
    "GRACE_SECONDS",
    "LEASE_COURTESY_SECONDS",
    "LEASE_MOST_TTL_SECONDS",
    "LEASE_POLL_SECONDS",
    "LEASE_TTL_SECONDS",
    "LIST_PAGE",
    "LOCK_ATTEMPT_SECONDS",
    "LOCK_POLL_SECONDS",
    "LOCK_TIMEOUT_SECONDS",
    "MAX_WORKERS",
]

ARTIFACT_THRESHOLD_BYTES = 64 * 1024
"""From how many bytes on a value leaves the checkpoint file and becomes an artifact."""

CACHE_BYTES = 64 * 1024 * 1024
"""How much of what was stored a saver remembers, so as not to encode it again."""

COPY_BLOCK_BYTES = 2 * 1024 * 1024
"""How much of a large file is in memory at a time."""

GRACE_SECONDS = 3600.0
"""How old an artifact must be before it is collected as garbage: a run may have written it and not come to its put yet."""

LEASE_TTL_SECONDS = 30.0
"""How long after its last renewal a lease is over, unless its holder is known to be dead before."""

LEASE_MOST_TTL_SECONDS = 366 * 24 * 3600.0
"""The longest time to live that a lease may have: one that clocks and calendars can still add up."""

LEASE_COURTESY_SECONDS = 0.1
"""For how long after somebody has waited for a thread a newcomer lets them go first."""

LEASE_POLL_SECONDS = (0.005, 0.02)
"""Shortest and longest pause between two looks at a lease that somebody else has."""

LOCK_TIMEOUT_SECONDS = 10.0
"""How long a call waits for a lock before it raises LockTimeoutError."""

LOCK_ATTEMPT_SECONDS = 0.05
"""How long an attempt at a lease waits for a lock file, before its caller waits without occupying a thread of the pool."""

LOCK_POLL_SECONDS = 0.001
"""Pause between two attempts at a lock. With filelock's 50 ms a waiter was seen to starve for 3 s; 1 ms is fair."""

MAX_WORKERS = 8
"""Threads that serve the async methods of one saver. 4 to 8 concurrent writers are the optimum on local disks."""

LIST_PAGE = 32
"""The most checkpoints that one hop of `alist` reads ahead of its consumer."""
