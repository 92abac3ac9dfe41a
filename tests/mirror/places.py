"""A folder with a mirror in the memory of this process that can be turned off, opened as often as machines would."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from langgraph_filesaver import FileSaver
from langgraph_filesaver._store import Store
from langgraph_filesaver._store.remote import RemoteStore
from tests.remote.faulty_driver import FaultyDriver, faulty_store

__all__ = ["Mirrored"]


class Mirrored:
    """One mirror, and folders that are mirrored there.

    Args:
        root: A folder for their use alone.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = f"memory://{uuid.uuid4().hex}/agents"
        self.drivers: list[FaultyDriver] = []
        self._is_down = False

    def remote(self) -> RemoteStore:
        """Open the mirror as another machine would."""
        store, driver = faulty_store(self.url, retry_seconds=0.0)
        self.drivers.append(driver)
        driver.is_down = self._is_down
        return store

    def saver(self, folder: str = "here", **options: Any) -> FileSaver:
        """Open a folder with the mirror, as another process would."""
        return FileSaver(self.root / folder, mirror=self.remote(), **options)

    def alone(self) -> FileSaver:
        """Open the mirror alone."""
        return FileSaver(self.remote())

    def turn(self, *, down: bool) -> None:
        """Turn the mirror off or on, for all who have it open."""
        self._is_down = down
        for driver in self.drivers:
            driver.is_down = down

    def files(self, store: Store) -> dict[str, bytes | None]:
        """Return the files of the threads in a store."""
        return {each.key: store.read(each.key) for each in store.tree("") if "/" in each.key}
