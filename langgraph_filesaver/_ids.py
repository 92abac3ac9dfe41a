"""New checkpoint ids that exceed the latest one, though a clock was set back or another machine's runs ahead.

LangGraph makes an id from the clock (UUID version 6, RFC 9562) and keeps it ascending inside one process only. The latest
checkpoint is the one with the greatest id, so a run that goes on from a checkpoint "of the future" would put its progress
where nobody ever looks. So what is read as the latest is told to LangGraph's generator, as if this process had made it: a
hybrid logical clock (Kulkarni et al. 2014, "Logical Physical Clocks") with the generator's own memory as its counter.

It concerns ids up to a day ahead; a made-up id from the year 5000 must not move the clock of a whole process.
"""

from __future__ import annotations

import logging
import time
from typing import Any
from uuid import UUID

from langgraph.checkpoint.base import id as generator

__all__ = ["exceed"]

logger = logging.getLogger("langgraph_filesaver")

_EPOCH = 0x01B21DD213814000  # 100 ns from the UUIDs' epoch in 1582 to 1970
_DAY = 24 * 3600 * 10_000_000  # in 100 ns
_MEMORY = "_last_v6_timestamp"


def exceed(checkpoint_id: str) -> None:
    """Make the ids that LangGraph gives in this process from now on greater than this one.

    Args:
        checkpoint_id: The latest of a thread. One that is no UUID of version 6, or not of the future, changes nothing.
    """
    if len(checkpoint_id) != 36 or checkpoint_id[14] != "6":
        return
    try:
        number = UUID(checkpoint_id).int
    except ValueError:
        return
    ahead = ((number >> 80) << 12 | (number >> 64) & 0xFFF) - time.time_ns() // 100 - _EPOCH
    if ahead <= 0:
        return
    if ahead > _DAY:
        logger.warning(
            "the latest checkpoint %s is dated %.0f days ahead of this machine's clock: what is put now will not be the latest",
            checkpoint_id,
            ahead / _DAY,
        )
        return
    memory: Any = vars(generator)
    timestamp = ahead + time.time_ns() // 100 + _EPOCH
    if (memory.get(_MEMORY) or 0) < timestamp:
        memory[_MEMORY] = timestamp
