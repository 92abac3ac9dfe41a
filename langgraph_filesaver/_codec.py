"""Values in documents: readable JSON with our serializer, sealed in base64 with anybody else's.

`JsonSerializer` writes each channel's value, so that state stands in the file as JSON and not as a string in
JSON; the document is put together from these texts. A foreign serde (`serde=EncryptedSerializer(…)`, pickle, msgpack) knows only bytes: each channel's value, each
pending write and the metadata as a whole become `{"$serde": <its type tag>, "base64": …}`. Large values leave the document (`Values`). Both are read whatever serde
the saver has now: a sealed value by that serde, a readable one by ours.

Rules: nothing here is kept between calls that holds a serde (a clone with another allowlist shares everything else, P10);
what is wrong in a file is told with its path inside the document.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
from langgraph.checkpoint.serde.base import SerializerProtocol
from xxhash import xxh3_64_hexdigest

from langgraph_filesaver._documents import CheckpointDocument, WritesDocument
from langgraph_filesaver._serde import JsonSerializer
from langgraph_filesaver._serde.decode import References
from langgraph_filesaver._serde.outside import Outside
from langgraph_filesaver.artifact import SEALING
from langgraph_filesaver.errors import CorruptDataError, FileSaverError, SerializationError

__all__ = ["Codec", "Stored", "Values", "dump_document", "dump_plain", "is_as_written", "parse_json", "with_digest"]

_SEAL = "$serde"
_DIGEST = "digest"
_WRITTEN = re.compile(rb',\n  "digest": "([0-9a-f]{16})"\n\}\s*\Z')
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


def dump_document(raw: dict[str, Any]) -> bytes:
    """Return the file of a document that was parsed and perhaps changed, with a digest of what it is now."""
    return with_digest(dump_plain({key: value for key, value in raw.items() if key != _DIGEST}))


def with_digest(data: bytes) -> bytes:
    """Add, as its last key, what tells later that a document still is as it was written: docs/format.md, [D6].

    `data` is an indented object with at least one key.
    """
    body = data[:-2]  # less the line break and the brace
    return b'%b,\n  "digest": "%b"\n}' % (body, xxh3_64_hexdigest(body).encode("ascii"))


def is_as_written(data: bytes) -> bool | None:
    """Tell whether a document still is as it was written; None where it does not tell what it was."""
    found = _WRITTEN.search(data)
    if found is None:
        return None if b'"digest"' not in data else False
    return xxh3_64_hexdigest(memoryview(data)[: found.start()]).encode("ascii") == found[1]


@dataclass(frozen=True, slots=True)
class Stored:
    """A channel's value as parsed JSON out of a document, to be written as it stands there."""

    raw: Any


class Values(Outside, Protocol):
    """What the codec asks of those who keep large values outside: also, what they remember of a channel."""

    def channel_text(
        self, place: tuple[str, str], version: Any, value: Any, write: Callable[[bool], bytes], *, is_new: bool
    ) -> bytes:
        """Return the text of a channel's value.

        Args:
            place: Namespace and channel.
            version: The channel's version; None where it has none.
            value: Its value.
            write: Encodes the value; told whether it is probably small.
            is_new: Whether the version is new with this checkpoint.
        """


class Codec:
    """Puts values into documents and takes them out again.

    Args:
        serde: The saver's serde, as it is now.
        references: Reads what documents refer to; None where nothing is read.
    """

    def __init__(self, serde: SerializerProtocol, references: References | None = None) -> None:
        self._serde = serde
        self._references = references
        self._readable = serde if isinstance(serde, JsonSerializer) else None

    @property
    def is_readable(self) -> bool:
        """Whether the serde writes JSON, so that nothing is sealed with it."""
        return self._readable is not None

    def reading(self, references: References) -> Codec:
        """Return the same codec, which reads by `references` what documents refer to."""
        return Codec(self._serde, references)

    def checkpoint_bytes(self, document: CheckpointDocument, values: Values, new_channels: Container[str]) -> bytes:
        """Return the file of a checkpoint.

        Args:
            document: The checkpoint; of its state, what is `Stored` is not encoded again.
            values: Where large values go.
            new_channels: The channels whose version is new with this checkpoint.

        Raises:
            SerializationError: A value cannot be stored; its channel and path are named.
        """
        versions = document.checkpoint.get("channel_versions")
        versions = versions if isinstance(versions, dict) else {}
        state = {
            channel: dump_plain(value.raw)
            if isinstance(value, Stored)
            else values.channel_text(
                (document.checkpoint_ns, channel),
                versions.get(channel),
                value,
                self._writer(value, f'state["{channel}"]', values),
                is_new=channel in new_channels,
            )
            for channel, value in document.state.items()
        }
        raw = document.to_json()
        if type(raw["state"]) is dict:
            raw["state"] = {channel: _fragment(text, 2) for channel, text in state.items()}
        else:
            texts = zip(raw["state"], state.values(), strict=True)
            raw["state"] = [{**each, "value": _fragment(text, 3)} for each, text in texts]
        if self._readable is None:
            metadata = self._text(document.metadata, "metadata", values)
            for moved in ("source", "step"):
                raw.pop(moved, None)
        else:
            metadata = self._readable.dump(
                raw["metadata"], indent=True, root="metadata", outside=values, keep_root=True
            )
        raw["metadata"] = _fragment(metadata, 1)
        raw["checkpoint"] = _fragment(_READABLE.dump(raw["checkpoint"], indent=True, root="checkpoint"), 1)
        for moved in ("ts", "source", "step"):
            if moved in raw:
                raw[moved] = _fragment(_READABLE.dump(raw[moved], root=moved), 0)
        return with_digest(orjson.dumps(raw, option=orjson.OPT_INDENT_2))

    def writes_bytes(self, document: WritesDocument, values: Values) -> bytes:
        """Return the file of a task's writes; raises as `checkpoint_bytes` does."""
        raw = document.to_json()
        for each, write in zip(raw["writes"], document.writes, strict=True):
            each["value"] = _fragment(self._text(write.value, f'write to "{write.channel}"', values), 3)
        return with_digest(orjson.dumps(raw, option=orjson.OPT_INDENT_2))

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
        return {**self.others(document), "id": document.checkpoint_id, "channel_values": self.state(document)}

    def others(self, document: CheckpointDocument) -> Mapping[str, Any]:
        """Return what LangGraph's checkpoint has beside its id and its state."""
        found: Mapping[str, Any] = self._revive(document.checkpoint, "checkpoint")
        return found

    def versioned(self, document: CheckpointDocument) -> frozenset[str]:
        """Return the channels that have a version."""
        return frozenset(self.others(document).get("channel_versions") or ())

    def channel_bytes(self, channel: str, value: Any, values: Values) -> bytes:
        """Return the text of a channel's value.

        Raises:
            SerializationError: It cannot be stored; its path is named.
        """
        return self._text(value, f'state["{channel}"]', values)

    def part(self, raw: Any, where: str) -> Any:
        """Return the value that a part of a document stands for; errors name `where` and the path from there."""
        return self._opened(raw, where)

    def knows(self, tag: str) -> bool:
        """Tell whether values with this `$type` are revived; others stay plain data."""
        return (self._readable or _READABLE).knows(tag)

    def write(self, channel: str, raw: Any) -> Any:
        """Return the value of one pending write."""
        return self._opened(raw, f'write to "{channel}"')

    def _writer(self, value: Any, where: str, values: Values) -> Callable[[bool], bytes]:
        return lambda is_small: self._text(value, where, values, is_small=is_small)

    def _text(self, value: Any, where: str, values: Values, *, is_small: bool = True) -> bytes:
        if self._readable is not None:
            return self._readable.dump(value, indent=True, root=where, outside=values, is_small=is_small)
        return orjson.dumps(self._sealed(value, where, values), option=orjson.OPT_INDENT_2)

    def _sealed(self, value: Any, where: str, values: Values) -> dict[str, Any]:
        sealing = SEALING.set(True)
        try:
            tag, data = self._serde.dumps_typed(value)
        except Exception as error:
            raise SerializationError(
                f"{where}: {type(self._serde).__name__} cannot store it: {error}",
                where=where,
                type_name=f"{type(value).__module__}.{type(value).__qualname__}",
            ) from error
        finally:
            SEALING.reset(sealing)
        reference = values.data(data)
        if reference is not None:
            return {_SEAL: tag, "value": reference}
        return {_SEAL: tag, "base64": base64.b64encode(data).decode("ascii")}

    def _opened(self, raw: Any, where: str) -> Any:
        if type(raw) is not dict or _SEAL not in raw:
            return self._revive(raw, where)
        try:
            if "value" in raw:
                tag, data = raw[_SEAL], self._revive(raw["value"], where)
                memoryview(data)
            else:
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
        return (self._readable or _READABLE).revive(raw, where=where, references=self._references)


def _fragment(text: bytes, depth: int) -> orjson.Fragment:
    """Return the text of a value for its place in an indented document. No string of JSON holds a bare line break."""
    return orjson.Fragment(text.replace(b"\n", b"\n" + b"  " * depth) if depth else text)
