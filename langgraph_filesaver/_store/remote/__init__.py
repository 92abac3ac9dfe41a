"""Stores on other machines, by way of fsspec's filesystems."""

from langgraph_filesaver._store.remote.opening import open_remote
from langgraph_filesaver._store.remote.store import RemoteStore

__all__ = ["RemoteStore", "open_remote"]
