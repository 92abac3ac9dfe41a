"""What a verification or a repair tells. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["DAMAGE", "Finding", "Kind", "RepairReport", "VerifyReport"]

Kind = Literal["corrupt", "missing", "unsound", "newer", "edited", "stray", "temporary"]

DAMAGE: frozenset[Kind] = frozenset({"corrupt", "missing", "unsound", "newer"})
"""The kinds that are damage: the others are a person's right, or harmless."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about one file.

    Attributes:
        kind: "corrupt": it is not what its name says, or cannot be read. "missing": it refers to something that is not there.
            "unsound": each file is fine, and together they are not.
            "newer": it is of a newer format, and a newer release reads it. "edited": it was changed by hand, and is fine. "stray": it is no
            file of this library. "temporary": it is being written, or was when its process died.
        key: The file, as a path inside the root.
        reason: What was found.
        thread_id: Its thread, or None.
    """

    kind: Kind
    key: str
    reason: str
    thread_id: str | None = None


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a verification found.

    Attributes:
        threads: How many threads were looked at.
        files: How many files were read.
        bytes: Their size.
        findings: What there is to tell of them.
    """

    threads: int
    files: int
    bytes: int
    findings: tuple[Finding, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is damaged or missing."""
        return not self.damage

    @property
    def damage(self) -> tuple[Finding, ...]:
        """The findings that are damage."""
        return tuple(each for each in self.findings if each.kind in DAMAGE)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {**asdict(self), "is_sound": self.is_sound}


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What a repair did, or would do.

    Attributes:
        dry_run: Whether it only looked.
        quarantined: The files that were taken out of the way, and those that were changed, as they were: paths inside the root.
        quarantine: The folder that they are in now, or None where there is nothing in it.
        reparented: (checkpoint's key, its new parent or None) of checkpoints whose parent went, or made a circle.
        lost: What threads do not have any more, in words.
        left: What could not be mended.
    """

    dry_run: bool
    quarantined: tuple[str, ...]
    quarantine: str | None
    reparented: tuple[tuple[str, str | None], ...]
    lost: tuple[str, ...]
    left: tuple[Finding, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)
