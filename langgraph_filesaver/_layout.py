"""Where everything lies: ids to names and back, and the only place that spells a key.

A *key* is a `/`-separated path inside the store. This module never opens anything. Its rules are the section "Layout"
of `docs/format.md`:

- An id of 1 to 64 characters out of `a-z 0-9 _ -` that begins with a letter or digit and is no device name of Windows
  is *plain*: it is its own name. Upper case is not plain, because `A` and `a` are one file on many disks.
- Any other id becomes `slug~hash`: what is readable of it, and 160 bits of the SHA-256 of its UTF-8. Two ids never share
  a name; which id it is stands inside the folder or file.
- Names are ASCII, hold no dot, and are at most 64 characters, so that names joined by dots stay unambiguous, a folder
  (no dot) is told from a file (a dot), and no file system or object store changes, folds or refuses them.

What would break it: a name that depends on anything but the id (P4), or an order taken from names (order is always that
of the original ids).
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import NamedTuple

from langgraph_filesaver._names import greatest_stem, id_of_name, is_name, json_stems, name_of

__all__ = [
    "LOCKS_FOLDER",
    "MIRROR_FOLDER",
    "QUARANTINE_FOLDER",
    "ROOT_NAMESPACE",
    "STAGING_FOLDER",
    "STORE_DOCUMENT",
    "TRASH_FOLDER",
    "WRITES_BUCKETS",
    "EditName",
    "WritesName",
    "artifact_key",
    "artifact_name",
    "artifact_reference",
    "artifacts_folder",
    "artifacts_lock_name",
    "checkpoint_key",
    "checkpoints_folder",
    "claim_key",
    "edit_key",
    "edits_folder",
    "fence_key",
    "fences_folder",
    "garbage_key",
    "greatest_stem",
    "id_of_name",
    "is_artifact_key",
    "is_artifact_name",
    "is_data_key",
    "is_edit_key",
    "is_lease_name",
    "is_name",
    "json_stems",
    "lease_key",
    "lease_lock_name",
    "lease_name",
    "lock_name",
    "name_of",
    "namespace_name",
    "namespace_of_name",
    "namespaces_folder",
    "retention_key",
    "sealed_scope",
    "thread_document_key",
    "thread_folder",
    "writes_bucket",
    "writes_bucket_folder",
    "writes_folder",
    "writes_key",
    "writes_prefix",
]

STORE_DOCUMENT = "filesaver.json"
"""The file that makes a folder ours."""

_LEASE = ".lease.json"

LOCKS_FOLDER = ".locks"
"""Lock files, outside every thread's folder, so that deleting a thread never deletes a lock in use."""

STAGING_FOLDER = ".tmp"
"""Files being written and folders being removed; nobody reads it, copies may leave it out."""

ROOT_NAMESPACE = "_root"
"""The name of the namespace `""`. No id has this name: names begin with a letter or digit."""

WRITES_BUCKETS = "0123456789abcdef"

TRASH_FOLDER = ".trash"
"""Threads that were removed and can be brought back for a while; nobody looks for threads there."""

QUARANTINE_FOLDER = ".quarantine"
"""Damaged files that a repair has taken out of their threads; only a person removes them."""

MIRROR_FOLDER = ".mirror"
"""What a folder keeps about its mirror, and a mirror about the folders that it is of; copies may leave it out."""

_SEALED = frozenset({"checkpoints", "writes", "edits", "fences", "artifacts"})

_IGNORED_IN_NEW_ROOT = frozenset(
    {
        LOCKS_FOLDER,
        STAGING_FOLDER,
        TRASH_FOLDER,
        QUARANTINE_FOLDER,
        MIRROR_FOLDER,
        ".DS_Store",
        ".gitignore",
        ".gitkeep",
        "lost+found",
    }
)

_ARTIFACT = re.compile(r"[0-9a-f]{64}(?:\.[a-z0-9]{1,16}){1,2}")


def namespace_name(checkpoint_ns: str) -> str:
    """Return the folder name of a checkpoint namespace."""
    return name_of(checkpoint_ns) if checkpoint_ns else ROOT_NAMESPACE


def namespace_of_name(name: str) -> str | None:
    """Return the namespace whose folder name this is, or None where only the files in it tell."""
    return "" if name == ROOT_NAMESPACE else id_of_name(name)


def is_ignored_in_new_root(name: str) -> bool:
    """Tell whether a folder that holds only such entries still counts as empty, and so may become a store."""
    return name in _IGNORED_IN_NEW_ROOT


def thread_folder(thread_id: str) -> str:
    """Return the key of the folder of a thread."""
    return name_of(thread_id)


def thread_document_key(thread_folder_key: str) -> str:
    """Return the key of the document that holds a thread's original id."""
    return f"{thread_folder_key}/thread.json"


def lock_name(thread_id: str) -> str:
    """Return the file name of a thread's lock, inside the locks folder."""
    return f"{name_of(thread_id)}.lock"


def artifacts_lock_name(thread_id: str) -> str:
    """Return the file name of the lock of a thread's artifacts, inside the locks folder."""
    return f"{name_of(thread_id)}.artifacts.lock"


def lease_name(thread_id: str) -> str:
    """Return the file name of a thread's lease, inside the locks folder."""
    return f"{name_of(thread_id)}{_LEASE}"


def lease_key(thread_id: str) -> str:
    """Return the key of a thread's lease, in a store that keeps it as one of its files."""
    return f"{LOCKS_FOLDER}/{lease_name(thread_id)}"


def is_lease_name(name: str) -> bool:
    """Tell whether a file in the locks folder is a lease."""
    return name.endswith(_LEASE)


def lease_lock_name(thread_id: str) -> str:
    """Return the file name of the lock under which a thread's lease is looked at and changed."""
    return f"{name_of(thread_id)}.lease.lock"


def fences_folder(thread_folder_key: str) -> str:
    """Return the key of the folder that holds a thread's fences."""
    return f"{thread_folder_key}/fences"


def fence_key(thread_folder_key: str, owner: str) -> str:
    """Return the key of the fence against a former owner of the thread's lease."""
    return f"{thread_folder_key}/fences/{name_of(owner)}.json"


def edits_folder(thread_folder_key: str) -> str:
    """Return the key of the folder that holds what the corrected checkpoints of a thread were before."""
    return f"{thread_folder_key}/edits"


def edit_key(thread_id: str, checkpoint_ns: str, checkpoint_id: str, number: int) -> str:
    """Return the key of the file that a checkpoint was before its `number`-th correction under the same id."""
    return f"{name_of(thread_id)}/edits/{writes_prefix(checkpoint_ns, checkpoint_id)}{number}.json"


def is_edit_key(key: str) -> bool:
    """Tell whether a key is that of what a corrected checkpoint was before."""
    parts = key.split("/")
    return len(parts) == 3 and parts[1] == "edits" and EditName.parse(parts[2]) is not None


def claim_key(thread_id: str, checkpoint_ns: str, parent_id: str | None) -> str:
    """Return the key of the document that says which checkpoint follows another one, where several compete for that."""
    parent = "_none" if parent_id is None else name_of(parent_id)  # no id has that name
    return f"{name_of(thread_id)}/claims/{namespace_name(checkpoint_ns)}.{parent}.json"


def garbage_key(thread_folder_key: str) -> str:
    """Return the key of the document that says which artifacts of a thread are garbage, and since when."""
    return f"{thread_folder_key}/garbage.json"


def artifacts_folder(thread_folder_key: str) -> str:
    """Return the key of the folder that holds a thread's artifacts."""
    return f"{thread_folder_key}/artifacts"


def artifact_key(thread_folder_key: str, name: str) -> str:
    """Return the key of an artifact."""
    return f"{thread_folder_key}/artifacts/{name}"


def artifact_reference(name: str) -> str:
    """Return how the files of a thread refer to an artifact: its path inside the thread's folder."""
    return f"artifacts/{name}"


def artifact_name(reference: object) -> str | None:
    """Return the name of the artifact that is referred to, or None where that is no reference inside the thread."""
    if not isinstance(reference, str):
        return None
    folder, _, name = reference.partition("/")
    return name if folder == "artifacts" and is_artifact_name(name) else None


def is_artifact_name(name: str) -> bool:
    """Tell whether `name` is one of an artifact: a SHA-256 and one extension or two."""
    return _ARTIFACT.fullmatch(name) is not None


def is_artifact_key(key: str) -> bool:
    """Tell whether a key is that of an artifact, under which there can only ever be the same bytes."""
    parts = key.split("/")
    return len(parts) == 3 and parts[1] == "artifacts" and is_artifact_name(parts[2])


def sealed_scope(key: str) -> str | None:
    """Return what a file that is sealed in an encrypted store is bound to beside its name, thread and role; None for others."""
    thread, _, rest = key.partition("/")
    role, slash, _ = rest.partition("/")
    return f"{thread}/{role}" if slash and role in _SEALED and is_name(thread) else None


def is_data_key(key: str) -> bool:
    """Tell whether a key is that of a file in a thread's folder that this format knows, by its place and name; else it is a stray."""
    thread, *parts = key.split("/")
    if not is_name(thread) or not parts:
        return False
    name = parts[-1]
    stem = name[:-5] if name.endswith(".json") else ""
    match parts:
        case ["checkpoints", ns_name, _]:
            return _is_namespace_name(ns_name) and is_name(stem)
        case ["writes", bucket, _]:
            return bucket in WRITES_BUCKETS and len(bucket) == 1 and WritesName.parse(name) is not None
        case ["edits", _]:
            return EditName.parse(name) is not None
        case ["fences", _]:
            return is_name(stem)
        case ["artifacts", _]:
            return is_artifact_name(name)
    return parts in (["thread.json"], ["garbage.json"], ["retention.json"])


def retention_key(thread_folder_key: str) -> str:
    """Return the key of the document that says how long a thread is kept."""
    return f"{thread_folder_key}/retention.json"


def namespaces_folder(thread_folder_key: str) -> str:
    """Return the key of the folder that holds one folder per namespace."""
    return f"{thread_folder_key}/checkpoints"


def checkpoints_folder(thread_folder_key: str, ns_name: str) -> str:
    """Return the key of the folder that holds the checkpoints of one namespace."""
    return f"{thread_folder_key}/checkpoints/{ns_name}"


def checkpoint_key(thread_id: str, checkpoint_ns: str, checkpoint_id: str) -> str:
    """Return the key of a checkpoint's file."""
    return f"{name_of(thread_id)}/checkpoints/{namespace_name(checkpoint_ns)}/{name_of(checkpoint_id)}.json"


def writes_folder(thread_folder_key: str) -> str:
    """Return the key of the folder that holds the buckets of a thread's writes."""
    return f"{thread_folder_key}/writes"


def writes_prefix(checkpoint_ns: str, checkpoint_id: str) -> str:
    """Return what the names of all writes files of a checkpoint begin with."""
    return f"{namespace_name(checkpoint_ns)}.{name_of(checkpoint_id)}."


@lru_cache(maxsize=4096)
def writes_bucket(prefix: str) -> str:
    """Return the bucket for the writes files whose names begin with `prefix`."""
    return hashlib.sha256(prefix.encode("ascii")).hexdigest()[0]


def writes_bucket_folder(thread_id: str, prefix: str) -> str:
    """Return the key of the bucket for the writes files whose names begin with `prefix`.

    The bucket is the first hexadecimal digit of the SHA-256 of the prefix: 16 folders per thread keep each listing
    short, where a folder per checkpoint would cost a mkdir per step.
    """
    return f"{name_of(thread_id)}/writes/{writes_bucket(prefix)}"


def writes_key(thread_id: str, checkpoint_ns: str, checkpoint_id: str, task_id: str, number: int) -> str:
    """Return the key of the `number`-th writes file of a task at a checkpoint."""
    prefix = writes_prefix(checkpoint_ns, checkpoint_id)
    return f"{writes_bucket_folder(thread_id, prefix)}/{prefix}{name_of(task_id)}.{number}.json"


class WritesName(NamedTuple):
    """The parts of a writes file's name; each but `number` is the name of an id."""

    ns_name: str
    checkpoint_name: str
    task_name: str
    number: int

    @classmethod
    def parse(cls, file_name: str) -> WritesName | None:
        """Return the parts of `file_name`, or None where it is a stray."""
        parts = file_name.split(".")
        if len(parts) != 5 or parts[4] != "json" or not (parts[3].isascii() and parts[3].isdigit()):
            return None
        if not _is_namespace_name(parts[0]) or not (is_name(parts[1]) and is_name(parts[2])):
            return None
        return cls(parts[0], parts[1], parts[2], int(parts[3]))


class EditName(NamedTuple):
    """The parts of the name of a file that a corrected checkpoint was before; each but `number` is the name of an id."""

    ns_name: str
    checkpoint_name: str
    number: int

    @classmethod
    def parse(cls, file_name: str) -> EditName | None:
        """Return the parts of `file_name`, or None where it is a stray."""
        parts = file_name.split(".")
        if len(parts) != 4 or parts[3] != "json" or not (parts[2].isascii() and parts[2].isdigit()):
            return None
        return cls(parts[0], parts[1], int(parts[2])) if _is_namespace_name(parts[0]) and is_name(parts[1]) else None


def _is_namespace_name(name: str) -> bool:
    return name == ROOT_NAMESPACE or is_name(name)
