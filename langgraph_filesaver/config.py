"""The knobs of the library and their defaults, each with its unit.

Pure: imports nothing of the package but what stands below it, opens nothing.
"""

from __future__ import annotations

from datetime import timedelta

__all__ = [
    "ARTIFACT_THRESHOLD_BYTES",
    "CACHE_BYTES",
    "CLAIM_SECONDS",
    "COPY_BLOCK_BYTES",
    "GRACE_SECONDS",
    "KEY_SECONDS",
    "LEASE_COURTESY_SECONDS",
    "LEASE_LOOK_SECONDS",
    "LEASE_MOST_TTL_SECONDS",
    "LEASE_POLL_SECONDS",
    "LEASE_TTL_SECONDS",
    "LIST_PAGE",
    "LOCK_ATTEMPT_SECONDS",
    "LOCK_POLL_SECONDS",
    "LOCK_TIMEOUT_SECONDS",
    "LOOK_AGAIN_SECONDS",
    "MAX_WORKERS",
    "MIRROR_PAUSE_SECONDS",
    "MIRROR_TTL_SECONDS",
    "READ_NOTE_SECONDS",
    "REMOTE_CACHE_BYTES",
    "REMOTE_LIST_PAGE",
    "REMOTE_WORKERS",
    "REQUEST_RETRY_SECONDS",
    "REQUEST_SECONDS",
    "SLOWEST_BYTES_PER_SECOND",
    "TRASH_GRACE",
    "TRUST_SECONDS",
]

ARTIFACT_THRESHOLD_BYTES = 64 * 1024
"""From how many bytes on a value leaves the checkpoint file and becomes an artifact."""

CACHE_BYTES = 64 * 1024 * 1024
"""How much of what was stored a saver remembers, so as not to encode it again."""

CLAIM_SECONDS = 120.0
"""After what time a claim whose checkpoint never came may be taken over; longer than a put can take, and than clocks differ."""

COPY_BLOCK_BYTES = 2 * 1024 * 1024
"""How much of a large file is in memory at a time."""

GRACE_SECONDS = 3600.0
"""How old an artifact must be before it is collected as garbage: a run may have written it and not come to its put yet."""

KEY_SECONDS = 60.0
"""For how long a key that its provider has given is used without asking again."""

LEASE_TTL_SECONDS = 30.0
"""How long after its last renewal a lease is over, unless its holder is known to be dead before."""

LEASE_MOST_TTL_SECONDS = 366 * 24 * 3600.0
"""The longest time to live that a lease may have: one that clocks and calendars can still add up."""

LEASE_COURTESY_SECONDS = 0.1
"""For how long after somebody has waited for a thread a newcomer lets them go first."""

LEASE_POLL_SECONDS = (0.005, 0.02)
"""Shortest and longest pause between two looks at a lease that somebody else has."""

LEASE_LOOK_SECONDS = 30.0
"""For how long a thread of a far store that was never leased is believed to be so still, by who publishes without a lease."""

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

READ_NOTE_SECONDS = 60.0
"""How often a process notes at most that a thread was read, where reading keeps it from expiring."""

REMOTE_CACHE_BYTES = 64 * 1024 * 1024
"""How much of what was read from and written to a remote store is kept in memory."""

REMOTE_LIST_PAGE = 16
"""How many checkpoints of a remote store `list` reads at once."""

REMOTE_WORKERS = 16
"""How many requests to a remote store one process makes at once, where it needs many objects."""

REQUEST_SECONDS = 5.0
"""How long one small request may take before it is given up; a large one gets more, see SLOWEST_BYTES_PER_SECOND."""

REQUEST_RETRY_SECONDS = 8.0
"""For how long a request that failed is tried again. With the last try, a server that is down is told within 15 s."""

SLOWEST_BYTES_PER_SECOND = 256 * 1024
"""How slow a connection may be."""

LOOK_AGAIN_SECONDS = 60.0
"""For how long something that was seen in a remote store is taken to be there still, where a mistake mends itself."""

TRASH_GRACE = timedelta(days=7)
"""How long a thread that was moved to the trash can be brought back."""

TRUST_SECONDS = GRACE_SECONDS / 2
"""For how long an artifact of a remote store is taken to be there after a stored document was seen to refer to it. It must be
less than the grace period of a collection, which waits at least so long after the last such document is gone."""

MIRROR_PAUSE_SECONDS = 10.0
"""How long a mirror that is down, and need not be up, is left alone before it is tried again."""

MIRROR_TTL_SECONDS = 60.0
"""How long after its last renewal, at a put, the owner of a mirrored thread is surely its owner; another folder waits twice as long."""
