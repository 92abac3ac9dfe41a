"""Which files the demo reads: the text files of a folder, or those that came with the library.

Only regular `.md` and `.txt` files count. What cannot be read as text is left out, and the reason is told; a folder in
which nothing is left is refused.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

__all__ = ["MOST_DOCUMENTS", "DocumentsError", "Found", "find", "read", "shipped_folder"]

MOST_DOCUMENTS = 40
"""So many documents one run reads; further ones are left out, and that is told."""

MOST_BYTES = 1_000_000
"""Larger files are left out: a digest of a book is not what the demo is about."""

_ENDINGS = (".md", ".txt")


class DocumentsError(Exception):
    """There is nothing to read; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Found:
    """The documents of a folder.

    Attributes:
        folder: The folder, absolute.
        names: Paths of the documents relative to it, with `/`, ascending.
        left_out: (name, reason) of text files that are not read.
    """

    folder: str
    names: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]


def shipped_folder() -> str:
    """Return the folder of the documents that came with the library.

    A wheel carries a copy of `docs/` inside the package; a clone has `docs/` beside it.
    """
    package = os.path.dirname(os.path.abspath(__file__))
    in_wheel = os.path.join(package, "documents")
    return in_wheel if os.path.isdir(in_wheel) else os.path.join(os.path.dirname(os.path.dirname(package)), "docs")


def find(folder: str) -> Found:
    """Return the documents of `folder` and of the folders in it; hidden folders are passed over.

    Raises:
        DocumentsError: It is no folder, or holds no text that can be read.
    """
    folder = os.path.abspath(os.path.expanduser(folder))
    if not os.path.isdir(folder):
        what = "is a file, not a folder" if os.path.lexists(folder) else "does not exist"
        raise DocumentsError(f"{folder} {what}: give a folder that holds .md or .txt files")
    names: list[str] = []
    left_out: list[tuple[str, str]] = []
    for name in _text_files(folder):
        reason = _reason_against(folder, name)
        if reason is None and len(names) == MOST_DOCUMENTS:
            reason = f"more than {MOST_DOCUMENTS} documents"
        if reason is None:
            names.append(name)
        else:
            left_out.append((name, reason))
    if not names:
        why = "; ".join(f"{name!a}: {reason}" for name, reason in left_out[:5])
        raise DocumentsError(f"{folder} holds no .md or .txt file that can be read{f' ({why})' if why else ''}")
    return Found(folder, tuple(names), tuple(left_out))


def read(folder: str, name: str) -> bytes:
    """Return the bytes of a document."""
    with open(os.path.join(folder, *name.split("/")), "rb") as file:
        return file.read()


def _text_files(folder: str) -> list[str]:
    found = []
    for path, folders, files in os.walk(folder):
        folders[:] = [each for each in folders if not each.startswith(".")]
        inside = os.path.relpath(path, folder)
        parts = [] if inside == os.curdir else inside.split(os.sep)
        found += ["/".join([*parts, file]) for file in files if file.lower().endswith(_ENDINGS)]
    return sorted(found)


def _reason_against(folder: str, name: str) -> str | None:
    if not name.isprintable():
        return "its name cannot be printed"
    try:
        status = os.lstat(os.path.join(folder, *name.split("/")))
        if not stat.S_ISREG(status.st_mode):
            return "no regular file"
        if status.st_size > MOST_BYTES:
            return f"larger than {MOST_BYTES:,} bytes"
        data = read(folder, name)
    except OSError as error:
        return error.strerror or type(error).__name__
    if b"\0" in data:
        return "binary"
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "not UTF-8"
    return None
