"""The exit codes, and which error ends with which. Pure; a script relies on these numbers, so they never change."""

from __future__ import annotations

from enum import IntEnum

from langgraph_filesaver.errors import (
    ConflictError,
    CorruptDataError,
    InvalidEditError,
    LockTimeoutError,
    NotFoundError,
    UnsupportedFormatError,
)

__all__ = ["ALL_CODES", "Exit", "code_of"]


class Exit(IntEnum):
    """What a command ends with."""

    FINE = 0
    NOT_FOUND = 1
    WRONG_USAGE = 2
    DAMAGED = 3
    STORAGE = 4
    SOMEBODY_ELSE = 5
    INTERRUPTED = 130


ALL_CODES = """\
0    fine
1    not found: no such thread, checkpoint or lock
2    wrong usage; also: not asked, because there is no terminal and no --yes
3    damaged data, or of a newer format: the file is named
4    the storage failed, or a file cannot be written
5    somebody else has the thread, or was faster
130  interrupted, or the question was answered with no"""

_CODES: tuple[tuple[type[BaseException], Exit], ...] = (
    (NotFoundError, Exit.NOT_FOUND),
    (InvalidEditError, Exit.WRONG_USAGE),
    (CorruptDataError, Exit.DAMAGED),
    (UnsupportedFormatError, Exit.DAMAGED),
    (LockTimeoutError, Exit.SOMEBODY_ELSE),
    (ConflictError, Exit.SOMEBODY_ELSE),
)


def code_of(error: BaseException) -> Exit:
    """Return the code that an error ends with; what is not in the list is the storage's."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), Exit.STORAGE)
