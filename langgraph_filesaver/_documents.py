"""The files of the format as typed objects: one dataclass per kind of document (docs/format.md, "Files").

Pure: knows which fields a document has and what they must be; knows neither where it lies nor what the values in it mean.
A field value is either a Python value on its way out or parsed JSON on its way in: `_codec` turns one into the other.

- Every document carries `"format"`; a newer number is refused, never guessed at.
- `from_json` checks the shape of what it reads, and says which field is wrong: a person may have edited the file.
- What only the reader wants first (`ts`, `source`, `step`) is *moved* to the top, never copied: a fact stands in one place.
- The thread's id is not in the documents: the folder says it, so that a copied folder is a thread without a lie in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, cast

from langgraph_filesaver.errors import CorruptDataError, UnsupportedFormatError

__all__ = [
    "FORMAT",
    "CheckpointDocument",
    "ClaimDocument",
    "FenceDocument",
    "GarbageDocument",
    "StoredWrite",
    "ThreadDocument",
    "WritesDocument",
    "check_format",
    "identifier_in",
    "spelled",
    "state_from_json",
    "state_to_json",
]

FORMAT = 1
"""The newest format that this release reads, and the one it writes."""

_SPELLED = "utf8_hex"
_READER_FIRST = {"source": str, "step": int}


@dataclass(frozen=True, slots=True)
class CheckpointDocument:
    """One checkpoint.

    Attributes:
        checkpoint_ns: Its namespace.
        checkpoint_id: Its id.
        parent_checkpoint_id: The checkpoint it was made from, or None.
        fencing_token: The lease that it was put under, or None.
        state: Channel name to value: LangGraph's `channel_values`. A list of `{"channel": …, "value": …}` in the file
            where a name begins with `$`, as the serializer's own keys do, or holds a lone surrogate.
        metadata: What `get_tuple` returns as metadata.
        checkpoint: Every other key of LangGraph's checkpoint, known or not, but `id` and `channel_values`.
    """

    checkpoint_ns: str
    checkpoint_id: str
    parent_checkpoint_id: str | None
    state: Any
    metadata: Any
    checkpoint: Mapping[str, Any]
    fencing_token: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the document as it is laid out in the file: for the reader first, for the machine last."""
        metadata = self.metadata
        checkpoint = dict(self.checkpoint)
        document: dict[str, Any] = {
            "format": FORMAT,
            "checkpoint_ns": spelled(self.checkpoint_ns),
            "checkpoint_id": spelled(self.checkpoint_id),
            "parent_checkpoint_id": None if self.parent_checkpoint_id is None else spelled(self.parent_checkpoint_id),
        }
        if self.fencing_token is not None:
            document["fencing_token"] = self.fencing_token
        if type(checkpoint.get("ts")) is str and not _has_odd_key(checkpoint):
            document["ts"] = checkpoint.pop("ts")
        moved: dict[str, Any] = {}
        if not _has_odd_key(
            metadata
        ):  # else the serializer writes it as pairs, and what is moved out finds no way back
            moved = {key: metadata[key] for key, kind in _READER_FIRST.items() if type(metadata.get(key)) is kind}
        document |= moved
        document["state"] = state_to_json(self.state)
        document["metadata"] = (
            {key: value for key, value in metadata.items() if key not in moved} if moved else metadata
        )
        document["checkpoint"] = checkpoint
        return document

    @classmethod
    def from_json(cls, raw: Any) -> CheckpointDocument:
        """Read a parsed file.

        Raises:
            CorruptDataError: A field is missing or not of its type.
            UnsupportedFormatError: The file is of a newer format.
        """
        fields = check_format(raw)
        metadata = _field(fields, "metadata", dict)
        checkpoint = _field(fields, "checkpoint", dict)
        moved = {key: fields[key] for key in _READER_FIRST if key in fields}
        return cls(
            checkpoint_ns=identifier_in(fields, "checkpoint_ns"),
            checkpoint_id=identifier_in(fields, "checkpoint_id"),
            parent_checkpoint_id=identifier_in(fields, "parent_checkpoint_id", optional=True),
            state=state_from_json(fields),
            metadata={**moved, **metadata} if moved else metadata,
            checkpoint={**checkpoint, "ts": fields["ts"]} if "ts" in fields else checkpoint,
            fencing_token=_fencing_token(fields),
        )


@dataclass(frozen=True, slots=True)
class StoredWrite:
    """One pending write: its index among its task's writes, its channel and its value."""

    idx: int
    channel: str
    value: Any


@dataclass(frozen=True, slots=True)
class WritesDocument:
    """What one call of `put_writes` brought.

    Attributes:
        checkpoint_ns: Namespace of the checkpoint that the writes belong to.
        checkpoint_id: Its id; the checkpoint itself may arrive later.
        task_id: The task that wrote.
        task_path: Its path in the graph; the first key of the order of pending writes.
        run_id: The run that wrote, or None where the config names none.
        writes: The writes, in the order of the call.
        fencing_token: The lease that they were put under, or None.
    """

    checkpoint_ns: str
    checkpoint_id: str
    task_id: str
    task_path: str
    run_id: str | None
    writes: tuple[StoredWrite, ...]
    fencing_token: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the document as it is laid out in the file."""
        token = {} if self.fencing_token is None else {"fencing_token": self.fencing_token}
        return {
            "format": FORMAT,
            "checkpoint_ns": spelled(self.checkpoint_ns),
            "checkpoint_id": spelled(self.checkpoint_id),
            "task_id": spelled(self.task_id),
            "task_path": spelled(self.task_path),
            "run_id": None if self.run_id is None else spelled(self.run_id),
            **token,
            "writes": [
                {"idx": each.idx, "channel": spelled(each.channel), "value": each.value} for each in self.writes
            ],
        }

    @classmethod
    def from_json(cls, raw: Any) -> WritesDocument:
        """Read a parsed file; raises as `CheckpointDocument.from_json` does."""
        fields = check_format(raw)
        writes = []
        for number, each in enumerate(_field(fields, "writes", list)):
            where = f"writes[{number}]."
            if not isinstance(each, dict) or "value" not in each:
                raise CorruptDataError('expected {"idx": …, "channel": …, "value": …}', where=where[:-1])
            writes.append(
                StoredWrite(_field(each, "idx", int, where), identifier_in(each, "channel", where=where), each["value"])
            )
        return cls(
            checkpoint_ns=identifier_in(fields, "checkpoint_ns"),
            checkpoint_id=identifier_in(fields, "checkpoint_id"),
            task_id=identifier_in(fields, "task_id"),
            task_path=identifier_in(fields, "task_path"),
            run_id=identifier_in(fields, "run_id", optional=True),
            fencing_token=_fencing_token(fields),
            writes=tuple(writes),
        )


@dataclass(frozen=True, slots=True)
class ThreadDocument:
    """The original id of a thread whose folder's name is not the id."""

    thread_id: str

    def to_json(self) -> dict[str, Any]:
        """Return the document as it is laid out in the file."""
        return {"format": FORMAT, "thread_id": spelled(self.thread_id)}

    @classmethod
    def from_json(cls, raw: Any) -> ThreadDocument:
        """Read a parsed file; raises as `CheckpointDocument.from_json` does."""
        return cls(identifier_in(check_format(raw), "thread_id"))


@dataclass(frozen=True, slots=True)
class FenceDocument:
    """What a former owner of a lease had published when the thread was taken away from it; the rest came too late.

    Attributes:
        fencing_token: The token of its lease.
        latest: For each namespace, the latest checkpoint then, and the names of the writes files on that.
    """

    fencing_token: str
    latest: Mapping[str, tuple[str, frozenset[str]]]

    def to_json(self) -> dict[str, Any]:
        """Return the document as it is laid out in the file."""
        return {
            "format": FORMAT,
            "fencing_token": self.fencing_token,
            "latest": [
                {"checkpoint_ns": spelled(ns), "checkpoint_id": spelled(checkpoint_id), "writes": sorted(writes)}
                for ns, (checkpoint_id, writes) in self.latest.items()
            ],
        }

    @classmethod
    def from_json(cls, raw: Any) -> FenceDocument:
        """Read a parsed file; raises as `CheckpointDocument.from_json` does."""
        fields = check_format(raw)
        latest: dict[str, tuple[str, frozenset[str]]] = {}
        for number, each in enumerate(_field(fields, "latest", list)):
            where = f"latest[{number}]."
            if not isinstance(each, dict):
                raise CorruptDataError(f"expected an object, found {_kind(each)}", where=where[:-1])
            writes = _field(each, "writes", list, where)
            latest[identifier_in(each, "checkpoint_ns", where)] = (
                identifier_in(each, "checkpoint_id", where),
                frozenset(map(str, writes)),
            )
        return cls(_field(fields, "fencing_token", str), latest)

    def is_late(self, checkpoint_ns: str, checkpoint_id: str) -> bool:
        """Tell whether a checkpoint with this token came after the fence."""
        return checkpoint_ns not in self.latest or checkpoint_id > self.latest[checkpoint_ns][0]

    def are_late(self, checkpoint_ns: str, checkpoint_id: str, name: str) -> bool:
        """Tell whether a writes file with this token came after the fence, to a checkpoint that stands before it."""
        latest_id, writes = self.latest.get(checkpoint_ns, ("", frozenset()))
        return checkpoint_id == latest_id and name not in writes


@dataclass(frozen=True, slots=True)
class ClaimDocument:
    """Which checkpoint follows its parent, where several writers compete for that in a far store."""

    checkpoint_id: str

    def to_json(self) -> dict[str, Any]:
        """Return the document as it is laid out in the file."""
        return {"format": FORMAT, "checkpoint_id": spelled(self.checkpoint_id)}

    @classmethod
    def from_json(cls, raw: Any) -> ClaimDocument:
        """Read a parsed file; raises as `CheckpointDocument.from_json` does."""
        return cls(identifier_in(check_format(raw), "checkpoint_id"))


@dataclass(frozen=True, slots=True)
class GarbageDocument:
    """Which artifacts of a thread in a far store nothing refers to, and since when that is known, in seconds since 1970."""

    since: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Return the document as it is laid out in the file."""
        instants = {name: datetime.fromtimestamp(at, timezone.utc).isoformat() for name, at in self.since.items()}
        return {"format": FORMAT, "garbage_since": instants}

    @classmethod
    def from_json(cls, raw: Any) -> GarbageDocument:
        """Read a parsed file; raises as `CheckpointDocument.from_json` does."""
        instants = _field(check_format(raw), "garbage_since", dict)
        try:
            return cls({name: datetime.fromisoformat(at).timestamp() for name, at in instants.items()})
        except (TypeError, ValueError, OverflowError) as error:
            raise CorruptDataError(f"expected dates and times: {error}", where="garbage_since") from error


def check_format(raw: Any) -> dict[str, Any]:
    """Return the fields of a parsed document after checking that this release reads its format.

    Raises:
        CorruptDataError: It is not an object, or its `format` is not a number from 1 on.
        UnsupportedFormatError: It is of a newer format.
    """
    if not isinstance(raw, dict):
        raise CorruptDataError(f"expected a JSON object, found {_kind(raw)}")
    found = raw.get("format")
    if type(found) is not int or found < 1:
        told = f"found {found!r}" if "format" in raw else "there is none: is this file one of ours?"
        raise CorruptDataError(f'expected "format": {FORMAT}, {told}', where="format")
    if found > FORMAT:
        raise UnsupportedFormatError(
            f"the file is of format {found}; this release reads up to {FORMAT}: install a newer langgraph-filesaver",
            path="",
            found=found,
            supported=FORMAT,
        )
    return raw


def _field(fields: Mapping[str, Any], name: str, kind: type, where: str = "") -> Any:
    value = fields.get(name)
    if type(value) is not kind:
        found = _kind(value) if name in fields else "nothing"
        raise CorruptDataError(f"expected {_KINDS[kind]}, found {found}", where=where + name)
    return value


def _fencing_token(fields: Mapping[str, Any]) -> str | None:
    return _field(fields, "fencing_token", str) if "fencing_token" in fields else None


def spelled(identifier: str) -> Any:
    """Return an id as JSON: itself, or its bytes where lone surrogates make it no text that JSON can hold."""
    if identifier.isascii():
        return identifier
    try:
        identifier.encode()
    except UnicodeEncodeError:
        return {_SPELLED: identifier.encode("utf-8", "surrogatepass").hex()}
    return identifier


def identifier_in(fields: Mapping[str, Any], name: str, where: str = "", *, optional: bool = False) -> Any:
    value = fields.get(name)
    if optional and value is None:
        return None
    if type(value) is dict and set(value) == {_SPELLED}:
        try:
            return bytes.fromhex(value[_SPELLED]).decode("utf-8", "surrogatepass")
        except (TypeError, ValueError) as error:
            raise CorruptDataError("expected the UTF-8 of an id in hexadecimal", where=where + name) from error
    return _field(fields, name, str, where)


def state_to_json(state: Mapping[str, Any]) -> Any:
    """Return a state as JSON: an object, or a list where a channel's name cannot be a key that stands for itself."""
    if _has_odd_key(state):
        return [{"channel": spelled(channel), "value": value} for channel, value in state.items()]
    return state


def state_from_json(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the channels of a parsed document, or of any object with its `state`, whichever of the two forms that has.

    Raises:
        CorruptDataError: It is neither.
    """
    state = fields.get("state")
    if type(state) is not list:
        return cast("dict[str, Any]", _field(fields, "state", dict))
    for number, each in enumerate(state):
        if not isinstance(each, dict) or "value" not in each:
            raise CorruptDataError('expected {"channel": …, "value": …}', where=f"state[{number}]")
    return {
        identifier_in(each, "channel", where=f"state[{number}]."): each["value"] for number, each in enumerate(state)
    }


def _has_odd_key(mapping: Mapping[Any, Any]) -> bool:
    for key in mapping:  # no generator: every put passes here three times
        if not isinstance(key, str) or key[:1] == "$" or (not key.isascii() and spelled(key) is not key):
            return True
    return False


_KINDS = {str: "a string", int: "an integer", dict: "an object", list: "a list", float: "a number", bool: "a boolean"}


def _kind(value: Any) -> str:
    return "null" if value is None else _KINDS.get(type(value), type(value).__name__)
