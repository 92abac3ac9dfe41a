"""How long threads are kept: what a user may give as `ttl=`, and what a thread wants for itself. Pure.

Spans are timedeltas; the forms of LangGraph's own configuration (`langgraph.json`, "checkpointer": {"ttl": …}), where numbers are minutes, are
read as well. A bare number is refused: among savers it means seconds, minutes, hours or days.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from langgraph_filesaver._documents import FORMAT, check_format
from langgraph_filesaver.errors import CorruptDataError

__all__ = ["RetentionDocument", "TimeToLive"]

Strategy = Literal["delete", "keep_latest"]

_KEYS = {"default_ttl", "refresh_on_read", "sweep_interval_minutes", "strategy"}


@dataclass(frozen=True, slots=True)
class TimeToLive:
    """How long threads are kept after their last activity.

    Attributes:
        after: For how long; None: for ever, unless a thread says otherwise.
        refresh_on_read: Whether reading counts as activity.
        sweep_interval: How often a process that writes sweeps in the background; None: never.
        strategy: What becomes of a thread that expired: it is removed, or pruned to its latest checkpoints.
    """

    after: timedelta | None = None
    refresh_on_read: bool = False
    sweep_interval: timedelta | None = None
    strategy: Strategy = "delete"

    @classmethod
    def of(cls, given: Any) -> TimeToLive:
        """Read what a user gave.

        Raises:
            TypeError: It is neither a span nor a configuration: a bare number does not tell its unit.
            ValueError: A key, span or strategy that there is not.
        """
        if given is None:
            return cls()
        if isinstance(given, timedelta):
            return cls(after=_positive("ttl", given))
        if not isinstance(given, Mapping):
            raise TypeError(
                f"ttl={given!r}: give a timedelta, such as timedelta(days=30), or a dict as in langgraph.json: "
                '{"default_ttl": 43200}, in minutes'
            )
        unknown = sorted(map(str, given.keys() - _KEYS))
        if unknown:
            raise ValueError(
                f"ttl has {', '.join(map(repr, unknown))}: the keys are {', '.join(map(repr, sorted(_KEYS)))}"
            )
        refresh, strategy = given.get("refresh_on_read", False), given.get("strategy", "delete")
        if not isinstance(refresh, bool):
            raise TypeError(f'ttl["refresh_on_read"]={refresh!r}: give True or False')
        if strategy not in ("delete", "keep_latest"):
            raise ValueError(f'ttl["strategy"]={strategy!r}: use "delete" or "keep_latest"')
        return cls(_minutes("default_ttl", given), refresh, _minutes("sweep_interval_minutes", given), strategy)


def _minutes(name: str, given: Mapping[str, Any]) -> timedelta | None:
    value = given.get(name)
    if value is None:
        return None
    if isinstance(value, timedelta):
        return _positive(f"ttl[{name!r}]", value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"ttl[{name!r}]={value!r}: give a number of minutes, or a timedelta")
    try:
        return _positive(f"ttl[{name!r}]", timedelta(minutes=value))
    except (OverflowError, ValueError) as error:
        raise ValueError(f"ttl[{name!r}]={value!r}: give a positive number of minutes") from error


def _positive(name: str, span: timedelta) -> timedelta:
    if span <= timedelta(0):
        raise ValueError(f"{name}={span!r} is not positive: nothing could be kept")
    return span


@dataclass(frozen=True, slots=True)
class RetentionDocument:
    """What a thread wants for itself: `retention.json` in its folder.

    Attributes:
        ttl_seconds: How long it is kept after its last activity; None: as the saver says.
        pinned: Whether it is kept for ever.
        others: Keys that this release does not know.
    """

    ttl_seconds: float | None = None
    pinned: bool = False
    others: Mapping[str, Any] | None = None

    @classmethod
    def from_json(cls, raw: Any) -> RetentionDocument:
        """Read it; raises CorruptDataError where a value is of another type, and UnsupportedFormatError for a newer format."""
        fields = check_format(raw)
        ttl, pinned = fields.get("ttl_seconds"), fields.get("pinned", False)
        if ttl is not None and (type(ttl) not in (int, float) or not 0 < ttl <= timedelta.max.total_seconds()):
            raise CorruptDataError("expected a positive number of seconds, or null", where="ttl_seconds")
        if not isinstance(pinned, bool):
            raise CorruptDataError("expected true or false", where="pinned")
        others = {key: value for key, value in fields.items() if key not in ("format", "ttl_seconds", "pinned")}
        return cls(None if ttl is None else float(ttl), pinned, others)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"format": FORMAT, "ttl_seconds": self.ttl_seconds, "pinned": self.pinned, **(self.others or {})}
