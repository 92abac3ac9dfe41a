"""Values in documents: readable JSON with our serializer, sealed in base64 with anybody else's.

`JsonSerializer` writes a whole document in one pass, so that state stands in the file as JSON and not as a string in
JSON. A foreign serde (`serde=EncryptedSerializer(…)`, pickle, msgpack) knows only bytes: each channel's value, each
pending write and the metadata as a whole become `{"$serde": <its type tag>, "base64": …}`. Both are read whatever serde
the saver has now: a sealed value by that serde, a readable one by ours.

Rules: nothing here is kept between calls that holds a serde (a clone with another allowlist shares everything else, P10);
what is wrong in a file is told with its path inside the document.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
from langgraph.checkpoint.serde.base import SerializerProtocol

from langgraph_filesaver._documents import CheckpointDocument, WritesDocument
from langgraph_filesaver._serde import JsonSerializer
from langgraph_filesaver.errors import CorruptDataError, FileSaverError, SerializationError

__all__ = ["Codec", "dump_plain", "parse_json"]

_SEAL = "$serde"
_READABLE = JsonSerializer()


def parse_json(data: bytes) -> Any:
    """Parse a document without reviving any value; raises CorruptDataError with line and column."""
    return _READABLE.parse(data)


def dump_plain(raw: Any) -> bytes:
    """Return the text of a document whose values are parsed JSON, as `parse_json` gave them."""
    try:
        return orjson.dumps(raw, option=orjson.OPT_INDENT_2)
    except TypeError:  # a person wrote an integer beyond 64 bits, or half a surrogate pair
        return json.dumps(raw, indent=2).encode("ascii")


class Codec:
    """Puts values into documents and takes them out again.

    Args:
        serde: The saver's serde, as it is now.
    """

    def __init__(self, serde: SerializerProtocol) -> None:
        self._serde = serde
        self._readable = serde if isinstance(serde, JsonSerializer) else None

    def checkpoint_bytes(self, document: CheckpointDocument) -> bytes:
        """Return the file of a checkpoint.

        Raises:
            SerializationError: A value cannot be stored; its channel and path are named.
        """
        if self._readable is not None:
            return self._readable.dump(document.to_json(), indent=True)
        state = {channel: self._sealed(value, f'state["{channel}"]') for channel, value in document.state.items()}
        others = parse_json(_READABLE.dump(document.checkpoint, root="checkpoint"))
        sealed = replace(document, state=state, metadata={}, checkpoint=others).to_json()
        return dump_plain({**sealed, "metadata": self._sealed(document.metadata, "metadata")})

    def writes_bytes(self, document: WritesDocument) -> bytes:
        """Return the file of a task's writes; raises as `checkpoint_bytes` does."""
        if self._readable is not None:
            return self._readable.dump(document.to_json(), indent=True)
        writes = tuple(
            replace(each, value=self._sealed(each.value, f'write to "{each.channel}"')) for each in document.writes
        )
        return dump_plain(replace(document, writes=writes).to_json())

    def state(self, document: CheckpointDocument) -> dict[str, Any]:
        """Return the values of all channels."""
        return {channel: self.channel(document, channel) for channel in document.state}

    def channel(self, document: CheckpointDocument, channel: str) -> Any:
        """Return the value of one channel, reviving no other."""
        return self._opened(document.state[channel], f'state["{channel}"]')

    def metadata(self, document: CheckpointDocument) -> dict[str, Any]:
        """Return the metadata."""
        value = self._opened(document.metadata, "metadata")
        if not isinstance(value, dict):
            raise CorruptDataError("expected an object", where="metadata")
        return value

    def checkpoint(self, document: CheckpointDocument) -> dict[str, Any]:
        """Return LangGraph's checkpoint, whole."""
        others: Mapping[str, Any] = self._revive(document.checkpoint, "checkpoint")
        return {**others, "id": document.checkpoint_id, "channel_values": self.state(document)}

    def versioned(self, document: CheckpointDocument) -> frozenset[str]:
        """Return the channels that have a version."""
        checkpoint: Mapping[str, Any] = self._revive(document.checkpoint, "checkpoint")
        return frozenset(checkpoint.get("channel_versions") or ())

    def write(self, channel: str, raw: Any) -> Any:
        """Return the value of one pending write."""
        return self._opened(raw, f'write to "{channel}"')

    def _sealed(self, value: Any, where: str) -> dict[str, str]:
        try:
            tag, data = self._serde.dumps_typed(value)
        except Exception as error:
            raise SerializationError(
                f"{where}: {type(self._serde).__name__} cannot store it: {error}",
                where=where,
                type_name=f"{type(value).__module__}.{type(value).__qualname__}",
            ) from error
        return {_SEAL: tag, "base64": base64.b64encode(data).decode("ascii")}

    def _opened(self, raw: Any, where: str) -> Any:
        if type(raw) is not dict or _SEAL not in raw:
            return self._revive(raw, where)
        try:
            tag, data = raw[_SEAL], base64.b64decode(raw["base64"], validate=True)
        except (KeyError, TypeError, binascii.Error) as error:
            raise CorruptDataError(f'expected {{"{_SEAL}": …, "base64": …}}', where=where) from error
        try:
            return self._serde.loads_typed((tag, data))
        except FileSaverError:
            raise
        except Exception as error:
            raise CorruptDataError(
                f"{type(self._serde).__name__} cannot open what was sealed as {tag!r} ({error}): "
                "make the saver with the serde, and its key, that it was stored with",
                where=where,
            ) from error

    def _revive(self, raw: Any, where: str) -> Any:
        return (self._readable or _READABLE).revive(raw, where=where)
