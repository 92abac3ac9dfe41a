"""A store that is encrypted, and its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from langgraph_filesaver import EncryptionKey, FileSaver

KEY = EncryptionKey(bytes(range(32)))


@pytest.fixture(autouse=True)
def no_key_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on what is set where it runs."""
    monkeypatch.delenv("LANGGRAPH_FILESAVER_KEY", raising=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints"


@pytest.fixture
def saver(root: Path) -> FileSaver:
    return FileSaver(root, fsync=False, encryption=KEY)
