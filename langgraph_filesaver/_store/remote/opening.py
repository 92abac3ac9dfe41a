"""From a URL, or a filesystem of fsspec, to a store: which driver it needs, with which options, and which extra installs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fsspec.core import url_to_fs
from fsspec.registry import get_filesystem_class

from langgraph_filesaver._layout import STAGING_FOLDER, is_artifact_key
from langgraph_filesaver._store.base import Marker
from langgraph_filesaver._store.remote.driver import Driver
from langgraph_filesaver._store.remote.faults import explained, is_refused, is_transient
from langgraph_filesaver._store.remote.generic import (
    AzureDriver,
    GenericDriver,
    GoogleDriver,
    MemoryDriver,
    azure_options,
)
from langgraph_filesaver._store.remote.s3 import S3Driver, own_options
from langgraph_filesaver._store.remote.sftp import SftpDriver
from langgraph_filesaver._store.remote.store import RemoteStore
from langgraph_filesaver.config import REQUEST_SECONDS
from langgraph_filesaver.errors import StorageError

__all__ = ["open_remote"]

_EXTRAS = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "az": "azure",
    "abfs": "azure",
    "abfss": "azure",
    "adl": "azure",
    "sftp": "sftp",
    "ssh": "sftp",
}

_Options = Callable[[dict[str, Any]], dict[str, Any]]


def _uncached(given: dict[str, Any]) -> dict[str, Any]:
    return {"use_listings_cache": False, **given}


def _ssh(given: dict[str, Any]) -> dict[str, Any]:
    half = REQUEST_SECONDS / 2  # an attempt is a request and, where that fails, a new connection
    return {"timeout": half, "banner_timeout": half, "auth_timeout": REQUEST_SECONDS, **given}


_OPTIONS: Mapping[str, _Options] = {"s3": own_options, "gcs": _uncached, "azure": azure_options, "sftp": _ssh}


def open_remote(url: str, options: Mapping[str, Any] | None, filesystem: Any, marker: Marker) -> RemoteStore:
    """Return the store at a URL, or at a path of a given filesystem. Most are asked nothing yet.

    Args:
        url: The URL, or the path where a filesystem is given.
        options: The filesystem's own options, as fsspec takes them.
        filesystem: An fsspec filesystem, which is used as it is, or None.
        marker: The file that makes a folder a store.

    Raises:
        ImportError: The driver for the URL is not installed; the message names the extra that installs it.
        StorageError: The server, which is asked at once where it is an SSH server, does not answer or lets nobody in.
        ValueError: The URL names no place, or no kind of place that fsspec knows.
    """
    protocol = url.partition("://")[0] if "://" in url else ""
    is_own = filesystem is None
    if filesystem is None:
        filesystem, path = _opened(url, protocol, dict(options or {}))
    else:
        path = filesystem._strip_protocol(url)  # noqa: SLF001 fsspec's own way to take the protocol off
        unstripped = getattr(filesystem, "unstrip_protocol", None)
        url = unstripped(path) if unstripped is not None else url
    path = str(path).rstrip("/")
    if not path.strip("/"):
        raise ValueError(f"{url!r} names no place: give a bucket or folder, such as {protocol or 's3'}://bucket/agents")
    return RemoteStore(
        _driver(filesystem, path, is_own=is_own),
        path,
        url=_without_secrets(url),
        marker=marker,
        is_immutable=is_artifact_key,
    )


def _opened(url: str, protocol: str, options: dict[str, Any]) -> tuple[Any, str]:
    extra = _EXTRAS.get(protocol)
    try:
        get_filesystem_class(protocol)
    except ImportError as error:
        hint = f'pip install "langgraph-filesaver[{extra}]"' if extra else str(error)
        raise ImportError(f"{protocol}:// needs a driver that is not installed: {hint}") from error
    except ValueError as error:
        raise ValueError(f"{url!r}: fsspec knows no {protocol}://; give a path or the URL of a filesystem") from error
    prepare = _OPTIONS.get(extra or "", dict)
    try:
        filesystem, path = url_to_fs(url, **{**prepare(options), "skip_instance_cache": True})
    except Exception as error:
        if is_transient(error) or is_refused(error):  # SFTP connects at once
            shown = _without_secrets(url)
            raise StorageError(
                f"cannot connect to {shown}: {explained(error)}. Is the server up, and are its address and your key right?",
                path=shown,
            ) from error
        raise
    return filesystem, path


def _driver(filesystem: Any, path: str, *, is_own: bool) -> Driver:
    kinds = {kind.__name__ for kind in type(filesystem).__mro__}
    if "S3FileSystem" in kinds:
        return S3Driver(filesystem, is_own=is_own)
    if "SFTPFileSystem" in kinds:
        return SftpDriver(filesystem, f"{path}/{STAGING_FOLDER}")
    if "AzureBlobFileSystem" in kinds:
        return AzureDriver(filesystem)
    if "GCSFileSystem" in kinds:
        return GoogleDriver(filesystem)
    if "MemoryFileSystem" in kinds:
        return MemoryDriver(filesystem)
    return GenericDriver(filesystem)


def _without_secrets(url: str) -> str:
    """Return the URL without a password, for messages."""
    protocol, mark, rest = url.partition("://")
    place, at, host = rest.rpartition("@")
    return f"{protocol}{mark}{place.partition(':')[0]}{at}{host}" if at and mark else url
