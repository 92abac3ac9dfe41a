"""What one thread has said that it will read and list next, fetched at once and kept until it is through."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

__all__ = ["Ahead", "Aheads"]


@dataclass(slots=True)
class Ahead:
    """What was fetched in one block.

    Attributes:
        read: The bytes under keys, None for a missing one.
        listed: The names in folders.
        seen: Whether keys were there.
        versions: Of keys, as a listing in the block has told them.
    """

    read: dict[str, bytes | None] = field(default_factory=dict)
    listed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    seen: dict[str, bool] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)


class Aheads(threading.local):
    """The block that the calling thread is in, or None."""

    block: Ahead | None = None
