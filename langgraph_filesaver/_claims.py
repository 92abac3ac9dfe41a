"""Which checkpoint follows another one, decided among writers who must not bury each other's, in a far store.

Where nobody can be held off between a look at the latest checkpoint and a put, the put would come too late to notice another
one. So whoever must not bury anything first claims its parent: an exclusive creation under the parent's name, which one of
them wins. A claim whose checkpoint never came, as its writer has died or failed, is taken over after a while, which is longer
than a put can take. It serves P5 and `on_conflict="raise"`.

What would break it: a writer that publishes long after its claim; a store that ignores exclusive creation (refused).
"""

from __future__ import annotations

import time

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._codec import dump_plain
from langgraph_filesaver._documents import CheckpointDocument, ClaimDocument
from langgraph_filesaver._thread_files import ThreadFiles
from langgraph_filesaver.config import CLAIM_SECONDS
from langgraph_filesaver.errors import ConflictError, StorageError

__all__ = ["claim"]


def claim(threads: ThreadFiles, thread_id: str, document: CheckpointDocument) -> None:
    """Claim the place after its parent for a checkpoint.

    Raises:
        ConflictError: Another checkpoint has it.
        StorageError: The store does not keep conditional writes.
    """
    store = threads.store
    if not store.properties.exclusive_create:
        path = store.describe("")
        raise StorageError(
            f"{path} does not keep conditional writes, so on_conflict='raise' would promise what nobody can keep there: use a "
            "store that does, or on_conflict='fork'",
            path=path,
        )
    place = document.checkpoint_ns, document.parent_checkpoint_id
    key = layout.claim_key(thread_id, *place)
    wanted = dump_plain(ClaimDocument(document.checkpoint_id).to_json())
    if store.create(key, wanted):
        return
    data = store.read(key)
    found = None if data is None else threads.parsed(key, ClaimDocument.from_json, data)
    if found is not None and found.checkpoint_id == document.checkpoint_id:
        return  # put once more
    other_id = None if found is None else found.checkpoint_id
    status = store.status(key)
    is_there = other_id is not None and store.exists(layout.checkpoint_key(thread_id, place[0], other_id))
    if is_there or status is None or time.time() - status.modified_at < CLAIM_SECONDS:
        raise ConflictError(
            f"checkpoint {document.checkpoint_id} of thread {thread_id!r} was not stored: after its parent {place[1]} comes "
            f"checkpoint {other_id}"
            + (" by now" if is_there else ", which somebody is just storing")
            + ". Read the thread "
            "again and decide; to fork on purpose, name the parent's checkpoint_id in the config"
        )
    store.delete([key])  # whoever claimed it died, or failed, before the checkpoint was there
    if not store.create(key, wanted):
        raise ConflictError(
            f"checkpoint {document.checkpoint_id} of thread {thread_id!r} was not stored: somebody else was faster to follow "
            f"checkpoint {place[1]}. Read the thread again and decide"
        )
