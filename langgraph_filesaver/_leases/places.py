"""Where leases lie: files in the locks folder, or the memory of this process. Each with a lock for changing it."""

from __future__ import annotations

import contextlib
import math
import os
import threading
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Hashable, Iterator

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._lock_files import HeldFile, LockKind, make_folder_of
from langgraph_filesaver._store.descriptors import open_regular, read_all
from langgraph_filesaver.config import LEASE_COURTESY_SECONDS
from langgraph_filesaver.errors import ReadOnlyError, StorageError

__all__ = ["ChangedError", "FilesPlace", "LeasePlace", "MemoryPlace", "ReadOnlyPlace"]


_WRITE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


class ChangedError(Exception):
    """Somebody else has changed what was read in this turn: begin it anew."""


class LeasePlace(ABC):
    """Bytes per thread, and the right to change them.

    Attributes:
        realm: Equal for two places where they are one.
        is_far: Each look is a request, and a turn holds nobody off: see `StorePlace`.
        poll_seconds: How long to wait at least between two looks at a lease that somebody else has.
        courtesy_seconds: For how long after somebody has waited for a thread a newcomer lets them go first.
    """

    realm: Hashable
    is_far = False
    poll_seconds = 0.0
    courtesy_seconds = LEASE_COURTESY_SECONDS

    @abstractmethod
    def turn(self, thread_id: str, *, shared: bool, timeout_seconds: float) -> contextlib.AbstractContextManager[None]:
        """Hold off changes of a thread's lease, alone or with others.

        Raises:
            TimeoutError: Others held it all the time.
            OSError: The lock file cannot be opened.
        """

    @abstractmethod
    def is_there(self, name: str) -> bool:
        """Tell whether anything is under a name."""

    @abstractmethod
    def read(self, name: str) -> bytes | None:
        """Return what is under a name, or None."""

    @abstractmethod
    def write(self, name: str, data: bytes) -> None:
        """Put it there, whole; not made durable, for no lease outlives its machine's boot."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove it; a missing one is fine."""

    def peek(self, name: str) -> bytes | None:
        """As `read`, for a reader: what it has said before that it would look at may have been fetched then."""
        return self.read(name)

    def mark(self, name: str) -> bytes | None:
        """Return what is there, for comparing it with what is there later; None where nobody ever had the thread."""
        return self.read(name)

    def tells_held(self, mark: bytes | None) -> bool:
        """Tell whether a `mark` says that somebody has the thread."""
        return mark is not None

    def is_new(self, name: str) -> bool:  # noqa: ARG002 a near place is looked at each time
        """Tell whether an outsider may not know yet that there are leases on the thread."""
        return False

    @abstractmethod
    def note_waiting(self, thread_id: str) -> None:
        """Note that somebody waits for the thread now."""

    @abstractmethod
    def waited_ago_seconds(self, thread_id: str) -> float:
        """Return how long ago somebody waited for the thread; infinite where that is not known."""

    @abstractmethod
    def written_ago_seconds(self, thread_id: str) -> float:
        """Return how long ago the lease was written, by the clock of what it lies on; 0 where that is not known."""

    @abstractmethod
    def names(self) -> list[str]:
        """Return the names of all leases."""

    @abstractmethod
    def path(self, name: str) -> str:
        """Return how a person finds it."""


class FilesPlace(LeasePlace):
    """Files in a folder.

    Args:
        folder: The locks folder.
        kind: Of the locks.
    """

    def __init__(self, folder: str, kind: LockKind) -> None:
        self._folder = folder
        self._kind = kind
        self.realm = os.path.realpath(folder)

    def turn(self, thread_id: str, *, shared: bool, timeout_seconds: float) -> HeldFile:
        """Hold the lock file beside the lease."""
        path = f"{self._folder}/{layout.lease_lock_name(thread_id)}"
        return HeldFile(path, self._kind, shared=shared, timeout_seconds=timeout_seconds)

    def is_there(self, name: str) -> bool:
        """Look for the file."""
        path = f"{self._folder}/{name}"
        try:
            os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):  # the lock file beside it tells of the second
            return False
        except OSError as error:
            raise StorageError.from_os_error(error, action="look at", path=path) from error
        return True

    def read(self, name: str) -> bytes | None:
        """Return the bytes of the file, or None. Symbolic links, pipes and devices are refused, never followed."""
        path = self.path(name)
        descriptor = open_regular(path)
        if descriptor is None:
            return None
        try:
            return read_all(descriptor, os.fstat(descriptor).st_size)
        except OSError as error:
            raise StorageError.from_os_error(error, action="read", path=path) from error
        finally:
            os.close(descriptor)

    def write(self, name: str, data: bytes) -> None:
        """Write the file beside, and rename it. The caller is alone, so one name will do for what a killed one left, too."""
        path = self.path(name)
        staged = f"{path}.tmp"
        try:
            make_folder_of(path)
            with os.fdopen(os.open(staged, _WRITE_FLAGS, 0o600), "wb") as file:
                file.write(data)
            os.replace(staged, path)
        except OSError as error:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(staged)
            raise StorageError.from_os_error(error, action="write", path=path) from error

    def remove(self, name: str) -> None:
        """Unlink the file."""
        path = self.path(name)
        try:
            os.unlink(path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StorageError.from_os_error(error, action="remove", path=path) from error

    def note_waiting(self, thread_id: str) -> None:
        """Give the lock file beside the lease the time of now; it tells nothing else."""
        path = self.path(layout.lease_lock_name(thread_id))
        try:
            os.utime(path)
        except OSError as error:
            raise StorageError.from_os_error(error, action="touch", path=path) from error

    def waited_ago_seconds(self, thread_id: str) -> float:
        """Look at that time; the file was made by whoever came first."""
        try:
            status = os.stat(self.path(layout.lease_lock_name(thread_id)))
        except OSError:  # nobody has waited
            return math.inf
        ago = time.time() - status.st_mtime
        return ago if ago >= 0 else math.inf

    def written_ago_seconds(self, thread_id: str) -> float:
        """Compare the file's time with that which the file system now gives to the lock file beside it."""
        lock = self.path(layout.lease_lock_name(thread_id))
        try:
            os.utime(lock)
            return os.stat(lock).st_mtime - os.stat(self.path(layout.lease_name(thread_id))).st_mtime
        except OSError:  # one of them is not there, or not ours
            return 0.0

    def names(self) -> list[str]:
        """List the folder."""
        try:
            return sorted(name for name in os.listdir(self._folder) if layout.is_lease_name(name))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageError.from_os_error(error, action="read", path=self._folder) from error

    def path(self, name: str) -> str:
        """Return the path of the file."""
        return os.path.join(self._folder, name)


class MemoryPlace(LeasePlace):
    """The memory of this process, for a store that has no place for lock files.

    Args:
        realm: The store, or what stands for it.
    """

    def __init__(self, realm: Hashable) -> None:
        self.realm = realm
        self._bytes: dict[str, bytes] = {}
        self._waited_at: dict[str, float] = {}
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    @contextlib.contextmanager
    def turn(self, thread_id: str, *, shared: bool, timeout_seconds: float) -> Iterator[None]:  # noqa: ARG002 one at a time is as right
        """Hold a lock of this process."""
        lock = self._locks[thread_id]
        if not lock.acquire(timeout=timeout_seconds):
            raise TimeoutError
        try:
            yield
        finally:
            lock.release()

    def is_there(self, name: str) -> bool:
        """Look for the bytes."""
        return name in self._bytes

    def read(self, name: str) -> bytes | None:
        """Return the bytes, or None."""
        return self._bytes.get(name)

    def write(self, name: str, data: bytes) -> None:
        """Keep the bytes."""
        self._bytes[name] = data

    def remove(self, name: str) -> None:
        """Forget them."""
        self._bytes.pop(name, None)

    def note_waiting(self, thread_id: str) -> None:
        """Keep the time."""
        self._waited_at[thread_id] = time.monotonic()

    def waited_ago_seconds(self, thread_id: str) -> float:
        """Look at the time."""
        return time.monotonic() - self._waited_at.get(thread_id, -math.inf)

    def written_ago_seconds(self, thread_id: str) -> float:  # noqa: ARG002 the clock is each process's own here
        """Return 0: whoever has a lease here is of this process, and judged by its clock."""
        return 0.0

    def names(self) -> list[str]:
        """Return the names."""
        return sorted(self._bytes)

    def path(self, name: str) -> str:
        """Return the name."""
        return name


class ReadOnlyPlace(FilesPlace):
    """Files in a folder that are only looked at: who has a thread can be told, and nobody gets one."""

    def turn(self, thread_id: str, *, shared: bool, timeout_seconds: float) -> HeldFile:  # noqa: ARG002 refused as it is
        """Refuse."""
        raise ReadOnlyError.refusing(self.path(layout.lease_lock_name(thread_id)))

    def write(self, name: str, data: bytes) -> None:  # noqa: ARG002 refused as it is
        """Refuse."""
        raise ReadOnlyError.refusing(self.path(name))

    def remove(self, name: str) -> None:
        """Refuse."""
        raise ReadOnlyError.refusing(self.path(name))

    def note_waiting(self, thread_id: str) -> None:
        """Do nothing: who cannot have a thread does not wait for it."""
