"""The contract of a store: few verbs on keys, and properties that say what they promise.

A store knows bytes and keys, never threads, checkpoints or JSON. A *key* is a `/`-separated relative path of names that
`_layout` made; the folder `""` is the root. Everything above asks a store's `Properties`, never its class. Stores are
extended by wrapping (a fault injector, a counter, a cipher, a mirror).

Some stores are at hand, where a look is a system call, and some are far away, where each look is a request that costs
money and milliseconds (`is_far`). For these there are verbs for many keys at once, and `ahead` with `expect`, by which a
reader says what it is about to read: then that is fetched in one round trip.

Rules that every store keeps, and that `tests/store_contract.py` checks:

- A key is absent or whole: no reader ever sees part of what a writer is writing.
- A folder is there as long as something is in it. A missing key is `None` and a missing folder is empty; anything else that goes wrong is a `StorageError`, or a `LockTimeoutError` where `create` has to wait for others.
- `create` has exactly one winner among any number of threads and processes (`exclusive_create`).
- When a verb returns, its effect survives a power cut (`durable`) or at least a killed process.
- A verb that raises has left the old value or, where it failed in the very last step, the new one; and no litter.
- The first write into an empty root leaves the marker there, before anything else: it makes the folder a store.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

__all__ = ["Entry", "Marker", "Properties", "Staged", "Status", "Store", "Turn", "Versioned", "no_turn"]

Turn = Callable[[], AbstractContextManager[None]]
"""Makes what holds others off while a file gets its name."""


def no_turn() -> AbstractContextManager[None]:
    """Hold nobody off."""
    return nullcontext()


@dataclass(frozen=True, slots=True)
class Properties:
    """What a store promises.

    Attributes:
        exclusive_create: `create` never has two winners.
        durable: What a verb did survives a power cut once it has returned.
        lock_folder: Path of a folder on this machine for kernel locks, or None where the store has no such place.
        compare_and_swap: `swap` never has two winners.
        deletes_folders_at_once: Readers see all of a folder that is deleted, or nothing.
        exact_versions: A listing tells another version of every file that was written again; where it does not, a file of
            the same size written within the same second may look the same.
        is_far: Each verb is a request to another machine.
        is_shared: Other processes may open the same place.
    """

    exclusive_create: bool
    durable: bool
    lock_folder: str | None
    compare_and_swap: bool = False
    deletes_folders_at_once: bool = True
    exact_versions: bool = True
    is_far: bool = False
    is_shared: bool = True


@dataclass(frozen=True, slots=True)
class Marker:
    """The file that makes a folder a store: its key and its bytes."""

    key: str
    data: bytes


class Status(NamedTuple):
    """What a store knows of a file or folder.

    Attributes:
        bytes: Its size.
        modified_at: When it was changed, in seconds since 1970.
        stamp: Another one where it is another file or folder, or has been changed.
    """

    bytes: int
    modified_at: float
    stamp: tuple[int, ...]


class Entry(NamedTuple):
    """A file that a listing of a whole tree has found.

    Attributes:
        key: Its key.
        bytes: Its size.
        modified_at: When it was changed, in seconds since 1970, by the store's clock.
        version: Another one where the file was written again.
    """

    key: str
    bytes: int
    modified_at: float
    version: str


class Versioned(NamedTuple):
    """Bytes, and which version of them."""

    data: bytes
    version: str


class Staged(ABC):
    """A file being written, which nobody sees before it has its name. Close it in any case; only a name keeps it."""

    @abstractmethod
    def write(self, data: bytes | memoryview) -> None:
        """Append `data`.

        Raises:
            StorageError: It cannot be written, as on a full disk.
        """

    @abstractmethod
    def clone(self, path: str) -> bool:
        """Take the content of the file at `path` without copying it, where the file system can share the blocks."""

    @abstractmethod
    def blocks(self) -> Iterator[bytes]:
        """Yield what the file holds by now."""

    @abstractmethod
    def flush(self) -> None:
        """Bring what was written to the disk, as far as `name` would: the name itself then takes little time.

        Raises:
            StorageError: It cannot be brought there.
        """

    @abstractmethod
    def name(self, key: str) -> bool:
        """Give the file its name unless there is one; durable on return. Tell whether this call did it."""

    @abstractmethod
    def replace(self, key: str) -> None:
        """Give the file its name, atomically in place of what has it; durable on return."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it; what has no name is gone."""


class Store(ABC):
    """Bytes under keys. See the module's text for the rules.

    Attributes:
        properties: What it promises; a far store may have to try that out first, which writes.
        is_read_only: Every verb that would write raises ReadOnlyError, and nobody needs a lock.
        keyed_names: Artifacts are not named by the SHA-256 of their content, and reading one tells whether it is the right one.
    """

    properties: Properties
    is_read_only = False
    keyed_names = False

    @property
    def is_far(self) -> bool:
        """`properties.is_far`, which every store knows before it has found out the rest."""
        return self.properties.is_far

    @property
    def realm(self) -> Hashable:
        """Equal for two stores where they are one place, as far as that is known."""
        return id(self)

    @abstractmethod
    def describe(self, key: str) -> str:
        """Return how a person finds `key` (a path or URL), for messages."""

    @abstractmethod
    def read(self, key: str) -> bytes | None:
        """Return the bytes under `key`, or None where it is missing."""

    @abstractmethod
    def exists(self, key: str) -> bool:
        """Tell whether there is something under `key` right now."""

    @abstractmethod
    def create(self, key: str, data: bytes, turn: Turn = no_turn) -> bool:
        """Store `data` under `key` unless something is there; tell whether this call did it.

        Args:
            key: The key.
            data: The bytes.
            turn: Entered when nothing is left to do but to give the name, and left when that is done. What it raises ends
                the call, and nothing was stored.
        """

    @abstractmethod
    def replace(self, key: str, data: bytes) -> None:
        """Store `data` under `key`, atomically in place of what is there."""

    @abstractmethod
    def settle(self, keys: Iterable[str]) -> None:
        """Make durable what was found under `keys`: its writer may have died, or not have come to it yet."""

    @abstractmethod
    def delete(self, keys: Iterable[str]) -> None:
        """Remove the keys; a missing one is fine. All are durably gone when this returns."""

    @abstractmethod
    def list(self, folder: str) -> tuple[str, ...]:
        """Return the sorted names directly in `folder`: files and folders, `()` where it is missing.

        The same tuple object is returned again only while nothing in the folder has changed.
        """

    def names_at_hand(self) -> tuple[str, ...]:
        """Return what `list("")` does, less what would have to be fetched from another store before it could be looked at."""
        return self.list("")

    @abstractmethod
    def delete_folder(self, folder: str) -> None:
        """Remove a folder with all that is in it; a missing one is fine. Readers see all of it or nothing."""

    @abstractmethod
    def move_folder(self, source: str, target: str) -> bool:
        """Give a folder another place, durably, unless something is there; tell whether this call did. A missing one moves nothing.

        Readers see all of it at one place or at the other, where `properties.deletes_folders_at_once`; else, for a while, parts at both.
        """

    # --- whole trees, and many keys at once

    @abstractmethod
    def tree(self, folder: str) -> Iterator[Entry]:
        """Yield every file below a folder, sorted by key; none where it is missing.

        Locks and files that are being written, which lie in folders of the root with a dot, are left out, unless such a folder is
        asked for.
        """

    def read_all(self, keys: Iterable[str]) -> dict[str, bytes | None]:
        """Return the bytes under each of the keys, at once where that is faster."""
        return {key: self.read(key) for key in keys}

    def create_all(self, files: Mapping[str, bytes]) -> None:
        """Store files whose bytes follow from their keys, so that it does not matter who else does so; at once where that is faster."""
        for key, data in files.items():
            self.create(key, data)

    def ahead(self) -> AbstractContextManager[None]:
        """Make the block one in which `expect` counts: what was fetched for it is used there once, and by this thread alone."""
        return nullcontext()

    def expect(  # noqa: B027 a hint, which a near store ignores
        self, keys: Iterable[str] = (), folders: Iterable[str] = (), looks: Iterable[str] = ()
    ) -> None:
        """Say what this thread reads, lists and looks for (`exists`) next, inside `ahead`: there it gets what is fetched now."""

    # --- compare and swap, where `properties` say so

    def read_versioned(self, key: str) -> Versioned | None:
        """Return the bytes under `key` and their version for `swap`, or None where it is missing."""
        raise NotImplementedError(key)

    def swap(self, key: str, data: bytes, version: str | None) -> str | None:
        """Store `data` if what is there has this version, or if nothing is there and `version` is None.

        Returns:
            The new version; None where something else is there by now, and nothing was stored.
        """
        raise NotImplementedError(key, data, version)

    # --- large files

    @abstractmethod
    def stage(self, thread_id: str) -> Staged:
        """Begin an artifact of a thread, whose name may still be unknown, and which is too large to hold in memory."""

    def artifact_digest(self, thread_id: str, sha256: str) -> str:  # noqa: ARG002 a store that keys names asks whose they are
        """Return the 64 hexadecimal digits that an artifact of a thread is named by, given the SHA-256 of its content."""
        return sha256

    def reseal(self, key: str, *, dry_run: bool) -> bool:  # noqa: ARG002 a store that seals looks at it
        """Seal a file with the key that new ones get, if it has another; tell whether this call did, or would. A missing one is fine."""
        return False

    @abstractmethod
    def open(self, key: str) -> BinaryIO | None:
        """Open the file for reading, or return None where it is missing."""

    def stamp(self, key: str) -> tuple[int, ...] | None:  # noqa: ARG002 a store that has none
        """Return what is another one once the file has been changed or replaced; None where that cannot be relied on."""
        return None

    @abstractmethod
    def status(self, key: str) -> Status | None:
        """Tell size and age of the file, or None where it is missing; of a folder as far as the store has folders."""

    @abstractmethod
    def touch(self, key: str) -> None:
        """Make the file as young as if it had been written now; a missing one is fine."""

    @abstractmethod
    def copy(self, source_key: str, target_key: str) -> bool:
        """Store under `target_key` what `source_key` has, unless something is there; a missing source copies nothing.

        The two may share their blocks, so only files that are never changed are copied in this way.
        """

    @abstractmethod
    def path(self, key: str) -> str | None:
        """Return the path under which other programs find the file, or None where there is no such path."""

    @abstractmethod
    def confine(self, folder: str) -> None:
        """Refuse a folder that is a symbolic link leading out of the folder that holds it and out of the root.

        Raises:
            StorageError: It leads out.
        """
