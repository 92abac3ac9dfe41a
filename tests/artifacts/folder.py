"""What lies in a thread's folder, seen without the library: which artifacts there are, and which are referred to."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
from pathlib import Path

from tests.stores import Home

__all__ = [
    "artifacts_of",
    "assert_nothing_missing",
    "assert_nothing_missing_in",
    "checkpoint_text",
    "files_of",
    "make_older",
    "referred_names",
    "staged",
]

_REFERENCE = re.compile(rb'"artifacts/([^"/]+)"')


def files_of(home: Home, folder: str = "t") -> dict[str, bytes]:
    """Return the files of a thread: key inside the folder, and bytes."""
    store = home.store()
    found = {key: store.read(key) for key in home.files() if key.startswith(f"{folder}/")}
    return {key[len(folder) + 1 :]: data for key, data in found.items() if data is not None}


def artifacts_of(home: Home, folder: str = "t") -> dict[str, bytes]:
    """Return the artifacts of a thread: name and bytes."""
    files = files_of(home, folder)
    return {key[10:]: data for key, data in files.items() if key.startswith("artifacts/")}


def checkpoint_text(home: Home, checkpoint_id: str, folder: str = "t") -> str:
    """Return the file of a checkpoint of the root namespace."""
    return files_of(home, folder)[f"checkpoints/_root/{checkpoint_id}.json"].decode()


def referred_names(files: dict[str, bytes]) -> set[str]:
    """Return the names of all artifacts that checkpoints and writes refer to, also by way of other artifacts."""
    found: set[str] = set()
    texts = [data for key, data in files.items() if not key.startswith("artifacts/")]
    while texts:
        for match in _REFERENCE.finditer(texts.pop()):
            name = match[1].decode()
            if name not in found:
                found.add(name)
                data = files.get(f"artifacts/{name}", b"")
                if name.endswith(".json.gz"):
                    texts.append(gzip.decompress(data))
                elif name.endswith(".json"):
                    texts.append(data)
    return found


def _assert_nothing_missing(files: dict[str, bytes]) -> None:
    there = {key[10:] for key in files if key.startswith("artifacts/")}
    assert referred_names(files) <= there
    for name in there:
        assert hashlib.sha256(files[f"artifacts/{name}"]).hexdigest() == name[:64]


def assert_nothing_missing(home: Home, folder: str = "t") -> None:
    """Check that each artifact that is referred to is there, and that each has the name of its bytes."""
    _assert_nothing_missing(files_of(home, folder))


def assert_nothing_missing_in(folder: Path) -> None:
    """As `assert_nothing_missing`, for a thread's folder on disk."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    _assert_nothing_missing({path.relative_to(folder).as_posix(): path.read_bytes() for path in paths})


def make_older(home: Home, seconds: float, folder: str = "t") -> None:
    """Set the artifacts of a thread on local disk back in time."""
    for path in (home.root / folder / "artifacts").iterdir():
        status = path.stat()
        os.utime(path, (status.st_atime - seconds, status.st_mtime - seconds))


def staged(home: Home) -> list[str]:
    """Return what is left in the staging folder."""
    folder = home.root / ".tmp"
    return os.listdir(folder) if folder.exists() else []
