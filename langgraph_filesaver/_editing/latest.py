"""The latest checkpoint of a namespace as its file is, what hangs on it, and a digest of both: reads, and locks nothing.

Task ids, interrupt ids and namespaces of subgraphs derive from a checkpoint's id. So pending writes hang on it, and checkpoints
of called graphs, whose metadata name it among their `parents`.

What would break it: a digest that leaves out something that a correction is decided by.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._codec import Codec
from langgraph_filesaver._documents import CheckpointDocument
from langgraph_filesaver._editing.changes import Opened
from langgraph_filesaver._repository import Repository
from langgraph_filesaver.errors import StorageError

__all__ = ["Found", "find", "notes_on"]

_LOOKS = 20


class Found(NamedTuple):
    """The latest checkpoint.

    Attributes:
        document: It, as parsed.
        data: Its file.
        written: The channels that it has a pending write to.
        is_bound: Whether something hangs on its id.
        digest: Stands for all of that.
    """

    document: CheckpointDocument
    data: bytes
    written: frozenset[str]
    is_bound: bool
    digest: str


def find(repository: Repository, codec: Codec, thread_id: str, checkpoint_ns: str) -> Found | None:
    """Return the latest checkpoint, or None where there is none.

    Raises:
        CorruptDataError: A file that was read is damaged; it is named.
        StorageError: The thread changes faster than it can be read.
    """
    for _ in range(_LOOKS):
        latest = repository.latest(thread_id, checkpoint_ns)
        if latest is None:
            return None
        place = (thread_id, checkpoint_ns, latest.checkpoint_id)
        key = layout.checkpoint_key(*place)
        data = repository.store.read(key)
        if data is None:
            continue  # removed meanwhile: look again
        document: CheckpointDocument = repository.parsed(key, CheckpointDocument.from_json, data)
        keys = repository.writes_keys(*place)
        digest = hashlib.sha256(f"{key} {len(data)} ".encode() + data)
        for each, content in sorted(repository.store.read_all(keys).items()):
            digest.update(f"{each} {len(content or b'')} ".encode() + (content or b""))
        written = frozenset(write.channel for write in repository.pending_writes(*place))
        is_bound = bool(written) or _is_calling(repository, codec, thread_id, document)
        digest.update(b"bound" if is_bound else b"free")
        return Found(document, data, written, is_bound, digest.hexdigest())
    path = repository.store.describe(layout.thread_folder(thread_id))
    raise StorageError(f"{path} changes faster than it can be read: try again", path=path)


def _is_calling(repository: Repository, codec: Codec, thread_id: str, document: CheckpointDocument) -> bool:
    """Tell whether a called graph has state that hangs on the checkpoint; the newest of each namespace tells it for all."""
    place = (document.checkpoint_ns, document.checkpoint_id)
    keys = []
    for checkpoint_ns in repository.namespaces(thread_id):
        ids = repository.checkpoint_ids(thread_id, checkpoint_ns)
        if checkpoint_ns != document.checkpoint_ns and ids:
            keys.append(layout.checkpoint_key(thread_id, checkpoint_ns, ids[-1]))
    for key, data in repository.store.read_all(keys).items():
        if data is not None:
            called: CheckpointDocument = repository.parsed(key, CheckpointDocument.from_json, data)
            with repository.naming_checkpoint(thread_id, called):
                parents = codec.metadata(called).get("parents")
            if isinstance(parents, dict) and place in parents.items():
                return True
    return False


def notes_on(opened: Opened, written: frozenset[str]) -> Iterator[str]:
    """Yield what the text of a state does not tell; `written` are the channels with a pending write."""
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
