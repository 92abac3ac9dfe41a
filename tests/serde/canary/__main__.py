"""Running or importing this module leaves a mark; it even defines a data class."""

from __future__ import annotations

from dataclasses import dataclass

from tests.serde.canary.alarm import marks

marks.append("main")


@dataclass
class Record:
    a: int
