"""Places on a server where threads are kept, opened as a user opens them: by a URL."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from langgraph_filesaver import FileSaver
from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store.remote import RemoteStore, open_remote
from tests.servers.server import Server

__all__ = ["RemoteHome"]


class RemoteHome:
    """A new place on a server, which can be opened any number of times; see `tests.stores.Home`.

    Args:
        server: The server.
        endpoint: The address to reach an S3 server by, such as a proxy's, in place of its own.
        url: The place, where it is no new one.
    """

    def __init__(self, server: Server, endpoint: str | None = None, url: str | None = None) -> None:
        self.server = server
        self.url = url or server.new_root()
        self.storage_options = dict(server.storage_options)
        if endpoint is not None:
            self.storage_options["client_kwargs"] = {"endpoint_url": endpoint}

    def by(self, endpoint: str) -> RemoteHome:
        """Return the same place, reached by another address."""
        return RemoteHome(self.server, endpoint, self.url)

    def store(self) -> RemoteStore:
        """Open the place as another process would."""
        return open_remote(self.url, self.storage_options, None, MARKER)

    def saver(self, **options: Any) -> FileSaver:
        """Open the place with a saver of its own."""
        return FileSaver(self.url, storage_options=self.storage_options, **options)

    @cached_property
    def _looking(self) -> RemoteStore:
        return self.store()

    def files(self) -> set[str]:
        """Return the keys of all files, but for those that are no part of the threads."""
        return {each.key for each in self._looking.tree("")}
