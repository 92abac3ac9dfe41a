"""What `filesaver.json` says of a store beside its format: whether its files are sealed, and as which store's."""

from __future__ import annotations

import json
import uuid

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._codec import dump_plain, parse_json
from langgraph_filesaver._documents import FORMAT
from langgraph_filesaver._store.base import Marker
from langgraph_filesaver.errors import CorruptDataError, UnsupportedFormatError

__all__ = ["PLAIN_MARKER", "sealed_marker", "sealed_store_id"]

_SCHEME = 1

PLAIN_MARKER = Marker(layout.STORE_DOCUMENT, dump_plain({"format": FORMAT}) + b"\n")
"""The marker of a store whose files are not sealed."""


def sealed_marker() -> Marker:
    """Return the marker of a new store whose files are sealed."""
    encryption = {"scheme": _SCHEME, "store_id": uuid.uuid4().hex}
    return Marker(layout.STORE_DOCUMENT, dump_plain({"format": FORMAT, "encryption": encryption}) + b"\n")


def sealed_store_id(marker: bytes, path: str) -> str | None:
    """Return the id that the files of a store are bound to, or None where they are not sealed.

    Args:
        marker: The bytes of the store's marker.
        path: Where it is, for messages.

    Raises:
        CorruptDataError: What it says of sealing makes no sense.
        UnsupportedFormatError: The files are sealed in a newer way.
    """
    try:
        raw = parse_json(marker)
    except CorruptDataError as error:
        raise error.in_file(path) from error
    encryption = raw.get("encryption")
    if encryption is None:
        return None
    scheme = encryption.get("scheme") if isinstance(encryption, dict) else None
    store_id = encryption.get("store_id") if isinstance(encryption, dict) else None
    if type(scheme) is not int or not isinstance(store_id, str) or not store_id:
        raise CorruptDataError(
            'expected {"scheme": 1, "store_id": "…"}: bring the file back, for no file opens without it',
            path=path,
            where="encryption",
        )
    if scheme != _SCHEME:
        raise UnsupportedFormatError(
            f"{path} says that the files are sealed with scheme {json.dumps(scheme)}, and this release knows {_SCHEME}: install a newer one",
            path=path,
            found=scheme,
            supported=_SCHEME,
        )
    return store_id
