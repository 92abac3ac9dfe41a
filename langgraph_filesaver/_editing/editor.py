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

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial
from typing import Any, NamedTuple

from langgraph.checkpoint.base.id import uuid6

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._artifacts import Formats, Incoming, Outgoing
from langgraph_filesaver._claims import claim
from langgraph_filesaver._codec import Codec, dump_document, parse_json
from langgraph_filesaver._documents import CheckpointDocument
from langgraph_filesaver._editing.changes import NextVersion, Opened, followed, replaced
from langgraph_filesaver._editing.checking import checked_values
from langgraph_filesaver._editing.latest import Found, find, notes_on
from langgraph_filesaver._editing.text import expanded, text_of
from langgraph_filesaver._ids import exceed
from langgraph_filesaver._patience import waiting_for
from langgraph_filesaver._publication import Publication
from langgraph_filesaver._repository import Repository
from langgraph_filesaver.config import CLAIM_SECONDS
from langgraph_filesaver.errors import ConflictError, CorruptDataError, InvalidEditError, NotFoundError

__all__ = ["Edit", "EditableState", "Editing"]


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
            NotFoundError: There is no such thread or namespace.
            InvalidEditError: Its state is too deep for a text.
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
            tuple(notes_on(opened, found.written)),
        )

    def _content(self, thread_id: str, name: str) -> bytes:
        return self._repository.formats.content(self._repository.artifacts.read(thread_id, name), name)

    def _latest(self, thread_id: str, checkpoint_ns: str) -> Found:
        found = self._find(thread_id, checkpoint_ns)
        if found is None:
            where = f", namespace {checkpoint_ns!r}," if checkpoint_ns else ""
            raise NotFoundError(
                f"thread {thread_id!r}{where} has no checkpoint, so there is no state to correct: is the id misspelt?",
                wanted=thread_id,
            )
        return found

    def _find(self, thread_id: str, checkpoint_ns: str) -> Found | None:
        return find(self._repository, self._reading(thread_id), thread_id, checkpoint_ns)

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
        document = self._repository.read_checkpoint(state.thread_id, state.checkpoint_ns, state.checkpoint_id)
        if document is None:
            raise _moved_on(state.thread_id, state.checkpoint_id)
        opened = self._opened(state.thread_id, document)
        values = checked_values(self._reading(state.thread_id), opened, state.text, text)
        return Edit(*_place(state), values)

    def setting(self, thread_id: str, values: Mapping[str, Any], checkpoint_ns: str = "") -> Edit:
        """Return the correction that sets channels of the latest state to Python values.

        Raises:
            NotFoundError: There is no such thread.
            InvalidEditError: A channel cannot be set.
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

    def _same(self, edit: Edit) -> Found:
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
        self, edit: Edit, found: Found, document: CheckpointDocument, values: Mapping[str, Any]
    ) -> CheckpointDocument:
        repository = self._repository
        key = layout.checkpoint_key(edit.thread_id, document.checkpoint_ns, document.checkpoint_id)
        publication = Publication(repository.leases, edit.thread_id, partial(self._look_again, edit))
        marked = replace(document, fencing_token=publication.fencing_token)
        raw_before = repository.parsed(key, dict, found.data)

        def encode(outgoing: Outgoing) -> bytes:
            raw = parse_json(self._codec.checkpoint_bytes(marked, outgoing, values))
            unknown = {name: each for name, each in raw_before.items() if name not in _FIELDS}
            return dump_document({**raw, **unknown})

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
                if self._store.is_far:
                    self._refuse_to_join(edit, newest)
                self._store.settle([newest])
                return
        number = numbers[-1] + 1 if numbers else 0
        if not self._store.create(layout.edit_key(*place, number), data):
            raise _moved_on(edit.thread_id, edit.checkpoint_id)

    def _refuse_to_join(self, edit: Edit, kept_key: str) -> None:
        """Raise ConflictError where somebody who has kept the file may still be about to replace it."""
        place = (edit.thread_id, edit.checkpoint_ns, edit.checkpoint_id)
        kept, checkpoint = (self._store.status(key) for key in (kept_key, layout.checkpoint_key(*place)))
        if kept is None or time.time() - kept.modified_at >= CLAIM_SECONDS:
            return  # who kept it is dead
        if checkpoint is not None and checkpoint.modified_at > kept.modified_at:
            self._look_again(edit)  # it was replaced; and if it is as it was read, it was put back
            return
        raise ConflictError(
            f"somebody is just correcting checkpoint {edit.checkpoint_id} of thread {edit.thread_id!r}, or has died doing so: "
            f"nothing was stored. Read the thread again in {CLAIM_SECONDS:g} seconds, and decide"
        )


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
