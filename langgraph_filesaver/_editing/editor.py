"""Reads the latest state of a thread as text, checks what a person made of it, and stores it (docs/format.md, [E1] to [E4]).

- *Opening* locks nothing. What was read is remembered by a digest of the checkpoint's file and all that hangs on it.
- *Checking* revives the changed channels only, each by itself, and tells line and column of what is wrong.
- *Storing* is maintenance: under the thread's lock, and only while the digest is the same, which is looked at again in one step
  with giving the name. Where nothing hangs on the checkpoint, a new one follows it. Else, or where no id could be greater than
  the latest, the file is replaced, and what it was before is first kept beside it.

What would break it: a look at what hangs on a checkpoint that misses something; values of channels that were not changed
revived, and written as something else.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial
from typing import Any, NamedTuple

from langgraph.checkpoint.base.id import uuid6

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._artifacts import Formats, Incoming, Outgoing
from langgraph_filesaver._claims import claim
from langgraph_filesaver._codec import Codec, dump_plain, parse_json
from langgraph_filesaver._documents import CheckpointDocument
from langgraph_filesaver._editing.changes import NextVersion, Opened, followed, replaced
from langgraph_filesaver._editing.text import (
    Path,
    child_of,
    expanded,
    first_tagged,
    line_of,
    state_of,
    tags_in,
    text_of,
)
from langgraph_filesaver._ids import exceed
from langgraph_filesaver._patience import waiting_for
from langgraph_filesaver._publication import Publication
from langgraph_filesaver._repository import Repository
from langgraph_filesaver._serde import noting_unknown
from langgraph_filesaver.config import CLAIM_SECONDS
from langgraph_filesaver.errors import ConflictError, CorruptDataError, InvalidEditError, StorageError

__all__ = ["Edit", "EditableState", "Editing"]

_LOOKS = 20


@dataclass(frozen=True, slots=True)
class EditableState:
    """The latest state of a thread, for a person to correct.

    Attributes:
        thread_id: The thread.
        checkpoint_ns: The namespace.
        checkpoint_id: The checkpoint.
        text: Its channels as one JSON text.
        digest: Stands for the checkpoint's file and all that hangs on it.
        notes: What the text does not tell, for people.
    """

    thread_id: str
    checkpoint_ns: str
    checkpoint_id: str
    text: str
    digest: str
    notes: tuple[str, ...]


class Edit(NamedTuple):
    """A correction that was checked: the state that it is of, and the new values of some channels."""

    thread_id: str
    checkpoint_ns: str
    checkpoint_id: str
    digest: str
    values: Mapping[str, Any]


class _Found(NamedTuple):
    document: CheckpointDocument
    data: bytes
    written: frozenset[str]  # channels with a pending write
    is_bound: bool
    digest: str


class Editing:
    """Corrects threads.

    Args:
        repository: The threads.
        codec: Revives and encodes values, with the serde that the saver has now.
        next_version: The saver's `get_next_version`.
        timeout_seconds: How long to wait for a thread that somebody else has.
    """

    def __init__(self, repository: Repository, codec: Codec, next_version: NextVersion, timeout_seconds: float) -> None:
        self._repository = repository
        self._store = repository.store
        self._codec = codec
        self._next_version = next_version
        self._timeout_seconds = timeout_seconds

    # --- reading

    def open(self, thread_id: str, checkpoint_ns: str = "") -> EditableState:
        """Return the latest state of a thread as text.

        Raises:
            InvalidEditError: There is no such thread or namespace, or its state is too deep for a text.
            CorruptDataError: The checkpoint cannot be read; its file is named.
        """
        found = self._latest(thread_id, checkpoint_ns)
        opened = self._opened(thread_id, found.document)
        fetch = partial(self._content, thread_id)
        try:
            text = text_of({name: expanded(raw, fetch) for name, raw in opened.shown.items()})
        except RecursionError as error:
            raise InvalidEditError("the state is nested too deeply to be edited as text: use edit_state") from error
        return EditableState(
            thread_id,
            checkpoint_ns,
            found.document.checkpoint_id,
            text,
            found.digest,
            tuple(_notes(opened, found.written)),
        )

    def _content(self, thread_id: str, name: str) -> bytes:
        return self._repository.formats.content(self._repository.artifacts.read(thread_id, name), name)

    def _latest(self, thread_id: str, checkpoint_ns: str) -> _Found:
        found = self._find(thread_id, checkpoint_ns)
        if found is None:
            where = f", namespace {checkpoint_ns!r}," if checkpoint_ns else ""
            raise InvalidEditError(
                f"thread {thread_id!r}{where} has no checkpoint, so there is no state to correct: is the id misspelt?"
            )
        return found

    def _find(self, thread_id: str, checkpoint_ns: str) -> _Found | None:
        repository = self._repository
        for _ in range(_LOOKS):
            latest = repository.latest(thread_id, checkpoint_ns)
            if latest is None:
                return None
            place = (thread_id, checkpoint_ns, latest.checkpoint_id)
            key = layout.checkpoint_key(*place)
            data = self._store.read(key)
            if data is None:
                continue  # removed meanwhile: look again
            document: CheckpointDocument = repository.parsed(key, CheckpointDocument.from_json, data)
            keys = repository.writes_keys(*place)
            digest = hashlib.sha256(f"{key} {len(data)} ".encode() + data)
            for each, content in sorted(self._store.read_all(keys).items()):
                digest.update(f"{each} {len(content or b'')} ".encode() + (content or b""))
            written = frozenset(write.channel for write in repository.pending_writes(*place))
            is_bound = bool(written) or self._is_calling(thread_id, document)
            digest.update(b"bound" if is_bound else b"free")
            return _Found(document, data, written, is_bound, digest.hexdigest())
        path = self._store.describe(layout.thread_folder(thread_id))
        raise StorageError(f"{path} changes faster than it can be read: try again", path=path)

    def _is_calling(self, thread_id: str, document: CheckpointDocument) -> bool:
        """Tell whether a called graph has state that hangs on the checkpoint; the newest of each namespace tells it for all."""
        place = (document.checkpoint_ns, document.checkpoint_id)
        keys = []
        for checkpoint_ns in self._repository.namespaces(thread_id):
            ids = self._repository.checkpoint_ids(thread_id, checkpoint_ns)
            if checkpoint_ns != document.checkpoint_ns and ids:
                keys.append(layout.checkpoint_key(thread_id, checkpoint_ns, ids[-1]))
        for key, data in self._store.read_all(keys).items():
            if data is not None:
                called: CheckpointDocument = self._repository.parsed(key, CheckpointDocument.from_json, data)
                with self._repository.naming_checkpoint(thread_id, called):
                    parents = self._reading(thread_id).metadata(called).get("parents")
                if isinstance(parents, dict) and place in parents.items():
                    return True
        return False

    def _opened(self, thread_id: str, document: CheckpointDocument) -> Opened:
        with self._repository.naming_checkpoint(thread_id, document):
            codec = self._reading(thread_id)
            opened = Opened(document, codec.metadata(document), codec.others(document))
            _ = opened.versions  # are there any
        return opened

    def _reading(self, thread_id: str) -> Codec:
        return self._codec.reading(Incoming(self._repository.artifacts, thread_id, self._repository.formats))

    # --- checking

    def checked(self, state: EditableState, text: str) -> Edit:
        """Return what a person changed in the text of a state; nothing, where the values are the same.

        Raises:
            InvalidEditError: The text is no state that could be stored; line and column are told.
        """
        before, after = state_of(state.text), state_of(text)
        missing = [name for name in before if name not in after]
        if missing:
            raise InvalidEditError(
                f"channel {missing[0]!r} is missing: bring it back, and give it an empty value if that is meant"
            )
        changed = {
            name: raw
            for name, raw in after.items()
            if name not in before or dump_plain(raw) != dump_plain(before[name])
        }
        document = self._repository.read_checkpoint(state.thread_id, state.checkpoint_ns, state.checkpoint_id)
        if document is None:
            raise _moved_on(state.thread_id, state.checkpoint_id)
        opened = self._opened(state.thread_id, document)
        codec = self._reading(state.thread_id)
        known_tags = tags_in(before)
        is_object = text.lstrip("\ufeff \t\r\n").startswith("{")
        values = {}
        for name, raw in changed.items():
            # Of the list form for odd names, the place of the value.
            root: Path = (name,) if is_object else (list(after).index(name), "value")
            with _telling_line(text, root[:1], f'state["{name}"]'):
                opened.refuse_others([name])
            values[name] = _checked_value(codec, name, raw, known_tags, before.get(name), partial(_line, text, root))
        return Edit(*_place(state), values)

    def setting(self, thread_id: str, values: Mapping[str, Any], checkpoint_ns: str = "") -> Edit:
        """Return the correction that sets channels of the latest state to Python values.

        Raises:
            InvalidEditError: There is no such thread, or a channel cannot be set.
        """
        found = self._latest(thread_id, checkpoint_ns)
        self._opened(thread_id, found.document).refuse_others(values)
        return Edit(thread_id, checkpoint_ns, found.document.checkpoint_id, found.digest, dict(values))

    # --- storing

    def store(self, edit: Edit, *, edited_by: str) -> CheckpointDocument | None:
        """Store a correction; return the checkpoint that shows it, or None where it changes nothing: nothing is written then.

        Raises:
            ConflictError: The thread has moved on since the state was read, or the caller's own lease was lost.
            LockTimeoutError: Somebody else had the thread all the time.
            SerializationError: A value cannot be stored.
            StorageError: It cannot be written. Nothing of it was stored, in none of these cases.
        """

        def attempt(_: object) -> CheckpointDocument | None:
            with self._repository.maintaining(edit.thread_id):
                return self._store_held(edit, edited_by)

        return waiting_for(self._timeout_seconds, attempt) if edit.values else None

    def _store_held(self, edit: Edit, edited_by: str) -> CheckpointDocument | None:
        found = self._same(edit)
        opened = self._opened(edit.thread_id, found.document)
        wrapped = {name: opened.wrapped(name, value) for name, value in edit.values.items()}
        values = {
            name: value for name, value in wrapped.items() if self._differs(edit.thread_id, found.document, name, value)
        }
        if not values:
            return None
        exceed(found.document.checkpoint_id)
        new_id = str(uuid6())
        if found.is_bound or new_id < found.document.checkpoint_id:
            return self._replace(edit, found, replaced(opened, values, edited_by=edited_by), values)
        with self._repository.naming_checkpoint(edit.thread_id, found.document):
            document = followed(
                opened,
                values,
                checkpoint_id=new_id,
                ts=datetime.now(timezone.utc).isoformat(),
                edited_by=edited_by,
                next_version=self._next_version,
            )
        return self._follow(edit, document, values)

    def _same(self, edit: Edit) -> _Found:
        """Return the latest checkpoint; raises ConflictError where it is not what was read, or not as it was."""
        found = self._find(edit.thread_id, edit.checkpoint_ns)
        if found is None or found.digest != edit.digest:
            raise _moved_on(edit.thread_id, edit.checkpoint_id)
        return found

    def _look_again(self, edit: Edit) -> None:
        self._same(edit)

    def _differs(self, thread_id: str, document: CheckpointDocument, channel: str, value: Any) -> bool:
        """Tell whether a value is stored otherwise than the one that is there."""
        if channel not in document.state:
            return True
        repository = self._repository
        incoming = Incoming(repository.artifacts, thread_id, repository.formats)
        try:
            old = self._codec.reading(incoming).channel(document, channel)
        except CorruptDataError:
            return True  # and it may be what is mended
        incoming.note_seen()
        whole = Formats(None, codecs=repository.formats.codecs.values())
        outgoing = Outgoing(repository.artifacts, thread_id, whole, repository.memory)
        try:
            texts = [self._codec.channel_bytes(channel, each, outgoing) for each in (old, value)]
        finally:
            outgoing.close()
        return texts[0] != texts[1]

    def _follow(self, edit: Edit, document: CheckpointDocument, values: Mapping[str, Any]) -> CheckpointDocument:
        repository = self._repository
        key = layout.checkpoint_key(edit.thread_id, document.checkpoint_ns, document.checkpoint_id)
        claims = partial(claim, repository, edit.thread_id, document)
        look = partial(self._look_again, edit)
        can_claim = self._store.properties.exclusive_create
        publication = Publication(repository.leases, edit.thread_id, look, claim=claims if can_claim else None)
        marked = replace(document, fencing_token=publication.fencing_token)

        def create(data: bytes) -> None:
            if not self._store.create(key, data, publication.turn):
                raise ConflictError(f"there is a checkpoint {marked.checkpoint_id} already: read the thread again")

        repository.storing(
            edit.thread_id, lambda outgoing: self._codec.checkpoint_bytes(marked, outgoing, values), create, publication
        )
        repository.note_stored(edit.thread_id, marked, publication)
        return marked

    def _replace(
        self, edit: Edit, found: _Found, document: CheckpointDocument, values: Mapping[str, Any]
    ) -> CheckpointDocument:
        repository = self._repository
        key = layout.checkpoint_key(edit.thread_id, document.checkpoint_ns, document.checkpoint_id)
        publication = Publication(repository.leases, edit.thread_id, partial(self._look_again, edit))
        marked = replace(document, fencing_token=publication.fencing_token)
        raw_before = repository.parsed(key, dict, found.data)

        def encode(outgoing: Outgoing) -> bytes:
            raw = parse_json(self._codec.checkpoint_bytes(marked, outgoing, values))
            unknown = {name: each for name, each in raw_before.items() if name not in _FIELDS}
            return dump_plain({**raw, **unknown})

        def swap(data: bytes) -> None:
            with publication.turn():
                if self._store.is_far:  # where the turn holds nobody off, and so has not looked
                    self._look_again(edit)
                self._keep(edit, found.data)
                self._store.replace(key, data)

        repository.storing(edit.thread_id, encode, swap, publication)
        repository.note_stored(edit.thread_id, marked, publication)
        return marked

    def _keep(self, edit: Edit, data: bytes) -> None:
        """Keep the file of a checkpoint as it is, durably, beside those that it was before.

        Who died doing so may have kept it. In a far store it may be somebody who is just doing so, and it decides who is first.
        """
        place = (edit.thread_id, edit.checkpoint_ns, edit.checkpoint_id)
        names = (layout.namespace_name(edit.checkpoint_ns), layout.name_of(edit.checkpoint_id))
        numbers = sorted(
            name.number
            for _, name in self._repository.edits(edit.thread_id)
            if (name.ns_name, name.checkpoint_name) == names
        )
        if numbers:
            newest = layout.edit_key(*place, numbers[-1])
            if self._store.read(newest) == data:
                status = self._store.status(newest) if self._store.is_far else None
                if status is not None and time.time() - status.modified_at < CLAIM_SECONDS:
                    raise ConflictError(
                        f"somebody is just correcting checkpoint {edit.checkpoint_id} of thread {edit.thread_id!r}, or has died "
                        f"doing so: nothing was stored. Read the thread again in {CLAIM_SECONDS:g} seconds, and decide"
                    )
                self._store.settle([newest])
                return
        number = numbers[-1] + 1 if numbers else 0
        if not self._store.create(layout.edit_key(*place, number), data):
            raise _moved_on(edit.thread_id, edit.checkpoint_id)


_FIELDS = frozenset(
    {"format", "checkpoint_ns", "checkpoint_id", "parent_checkpoint_id", "fencing_token", "ts", "source", "step"}
    | {"state", "metadata", "checkpoint"}
)


def _place(state: EditableState) -> tuple[str, str, str, str]:
    return state.thread_id, state.checkpoint_ns, state.checkpoint_id, state.digest


def _moved_on(thread_id: str, checkpoint_id: str) -> ConflictError:
    return ConflictError(
        f"thread {thread_id!r} has moved on since its checkpoint {checkpoint_id} was read for the correction, which was not "
        "stored: read the thread again and decide"
    )


def _notes(opened: Opened, written: frozenset[str]) -> Iterator[str]:
    for name in sorted(written.intersection(opened.shown)):
        yield f"what finished tasks have written to {name!r} is not in it yet: it comes on top of the value here"
    for name in opened.not_shown:
        if name in opened.rebuilt:
            yield (
                f"{name!r} is not shown: it is a DeltaChannel, which only the graph can put together from what was written to "
                "it. Add it with a whole value to set it"
            )
        else:
            yield f"{name!r} has no value now; add it to give it one"
    for name, raw in opened.shown.items():
        if isinstance(raw, dict) and "$serde" in raw:
            yield f"{name!r} is sealed by another serializer and can only be replaced as a whole"


def _line(text: str, root: Path, path: Path) -> dict[str, int]:
    found = line_of(text, (*root, *path))
    return {} if found is None else {"line": found[0], "column": found[1]}


@contextlib.contextmanager
def _telling_line(text: str, path: Path, where: str) -> Iterator[None]:
    try:
        yield
    except InvalidEditError as error:
        raise InvalidEditError(error.reason, where=where, **_line(text, path, ())) from error


def _checked_value(
    codec: Codec,
    channel: str,
    raw: Any,
    known_tags: set[str],
    before: Any,
    line: Callable[[Path], dict[str, int]],
) -> Any:
    """Return the value of an edited channel; raises InvalidEditError with the place of what is wrong in it."""
    where = f'state["{channel}"]'
    for tag in sorted(tags_in(raw) - known_tags):
        if not codec.knows(tag):
            raise InvalidEditError(
                f"no value here was of the type {tag!r} before, and it is not known here: is it misspelt?",
                where=where,
                **line(first_tagged(raw, tag) or ()),
            )
    with noting_unknown() as unknown:
        try:
            value = codec.part(raw, where)
        except CorruptDataError as error:
            place = line(child_of(raw, lambda part: _fails(codec, part)))
            told = f"{error.path}: {error.reason}" if error.path else error.reason
            raise InvalidEditError(told, where=error.where or where, **place) from error
    for tag, field in sorted(unknown):
        path = first_tagged(raw, tag, field)
        if path is not None and first_tagged(before, tag, field) is None:
            raise InvalidEditError(
                f"{tag} has no field {field!r}: is it misspelt?", where=where, **line((*path, field))
            )
    return value


def _fails(codec: Codec, part: Any) -> bool:
    try:
        codec.part(part, "")
    except CorruptDataError:
        return True
    return False
