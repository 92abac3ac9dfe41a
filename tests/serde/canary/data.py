"""A module with a data class, which may be imported to find it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Record:
    a: int
