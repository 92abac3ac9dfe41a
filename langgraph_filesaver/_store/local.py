"""A store in a folder of this machine, on the operating system's own calls.

fsspec is not used here: its exclusive create is exists-then-write and its overwrite tears concurrent reads. A file is
written in the staging folder, made durable, and then gets its name: by `link` where nobody may be overwritten (`rename`
would overwrite, and O_EXCL on the final name would show half a file), by `rename` where it replaces.

What would break it: a name given before the data is safe (P1), an error path that leaves a temporary file, a listing
kept although the folder changed (P5; see `_listing`), a delete that removes a file which is not below the root.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable

from filelock import FileLock, Timeout

from langgraph_filesaver._layout import LOCKS_FOLDER, STAGING_FOLDER
from langgraph_filesaver._store.base import Marker, Properties, Staged, Turn, no_turn
from langgraph_filesaver._store.descriptors import (
    READ_FLAGS,
    WRITE_FLAGS,
    name_by_rename,
    unlink_if_same,
    unlink_if_there,
    write_all,
)
from langgraph_filesaver._store.durability import Durability, durability_for
from langgraph_filesaver._store.local_removing import LocalRemoving
from langgraph_filesaver._store.local_staged import LocalStaged
from langgraph_filesaver._store.staging import Staging
from langgraph_filesaver.config import COPY_BLOCK_BYTES, LOCK_POLL_SECONDS, LOCK_TIMEOUT_SECONDS
from langgraph_filesaver.errors import FileSaverError, LockTimeoutError, StorageError

__all__ = ["LocalStore"]

_PRIVATE = 0o600  # state is private: only its owner reads it, and nobody else can plant files
_ATTEMPTS = 50
_LINKS_MISSING = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOTSUP}
_NO_LINK_THERE = {*_LINKS_MISSING, errno.EXDEV, errno.EMLINK}


class LocalStore(LocalRemoving):
    """Bytes in files below `root`.

    Args:
        root: The folder; it is made by the first write.
        marker: The file that every folder of ours holds.
        fsync: Whether a write that returned survives a power cut (else only a killed process).
        lock_timeout_seconds: How long a write waits for the others where the file system has no hard links.
        mode: The permissions of files; folders have them, too, and may be entered by whoever may read.
    """

    def __init__(
        self,
        root: str,
        *,
        marker: Marker,
        fsync: bool = True,
        lock_timeout_seconds: float = LOCK_TIMEOUT_SECONDS,
        mode: int = _PRIVATE,
    ) -> None:
        super().__init__(root, Staging(os.path.join(os.path.abspath(root), STAGING_FOLDER)))
        self.properties = Properties(
            exclusive_create=True, durable=fsync, lock_folder=os.path.join(self.root, LOCKS_FOLDER)
        )
        self._mode = mode
        self._folder_mode = mode | (mode & 0o444) >> 2
        self._marker = marker
        self._fsync = fsync
        self._lock_timeout_seconds = lock_timeout_seconds
        self._chosen: Durability | None = None

    def touch(self, key: str) -> None:
        """Set the file's times to now."""
        path = self._path(key)
        try:
            os.utime(path, follow_symlinks=False)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StorageError.from_os_error(error, action="touch", path=path) from error

    def create(self, key: str, data: bytes, turn: Turn = no_turn) -> bool:
        """Write the file unless there is one."""
        return self._write(self._path(key), data, exclusive=True, turn=turn)

    def replace(self, key: str, data: bytes) -> None:
        """Write the file in place of what is there."""
        self._write(self._path(key), data, exclusive=False)

    def settle(self, keys: Iterable[str]) -> None:
        """Flush the files and their names."""
        for key in keys:
            path = self._path(key)
            try:
                descriptor = os.open(path, READ_FLAGS)
                try:
                    self._durability().before_name(descriptor)
                    self._durability().after_name(descriptor, os.path.dirname(path))
                finally:
                    os.close(descriptor)
            except FileNotFoundError:
                continue  # removed meanwhile: nothing is left to keep
            except OSError as error:
                raise StorageError.from_os_error(error, action="flush", path=path) from error

    def _durability(self) -> Durability:
        # Chosen at the first write: reading needs none of it.
        if self._chosen is None:
            self._chosen = durability_for(self.root, fsync=self._fsync)
            self._staging.sweep()
        return self._chosen

    def _write(self, path: str, data: bytes, *, exclusive: bool, turn: Turn = no_turn) -> bool:
        for _ in range(_ATTEMPTS):
            try:
                return self._stage_and_name(path, data, exclusive=exclusive, turn=turn)
            except FileExistsError:
                continue  # a process that cannot be told from this one (no /proc) has this staging name: take the next
            except FileNotFoundError:
                # The first file here, or the folder was deleted under us: make it, and begin again.
                self._make_folders(os.path.dirname(path))
            except FileSaverError:
                raise
            except OSError as error:
                raise StorageError.from_os_error(error, action="write", path=path) from error
        raise StorageError(f"cannot write {path}: its folder vanished {_ATTEMPTS} times; who deletes it?", path=path)

    def _stage_and_name(
        self,
        path: str,
        data: bytes,
        *,
        exclusive: bool,
        durability: Durability | None = None,
        turn: Turn = no_turn,
    ) -> bool:
        durability = durability or self._durability()
        staged = self._staging.new_path()
        descriptor = self._opened(staged)
        is_named = False
        try:
            write_all(descriptor, data)
            durability.before_name(descriptor)
            is_named = self._give_name(staged, descriptor, path, exclusive=exclusive, durability=durability, turn=turn)
            return is_named
        finally:
            try:
                os.close(descriptor)  # reports an error of its own on some network mounts
            finally:
                if not is_named:
                    unlink_if_there(staged)

    def _give_name(
        self,
        staged: str,
        descriptor: int,
        path: str,
        *,
        exclusive: bool,
        durability: Durability,
        turn: Turn = no_turn,
    ) -> bool:
        """Move a file whose data is safe to `path`, durably; False where `exclusive` and there is one."""
        with turn():  # and no longer: the flush is nobody else's business
            is_named = self._name_new(staged, path) if exclusive else name_by_rename(staged, path)
        if not is_named:
            return False
        try:
            unlink_if_there(staged)  # before the flush, which then carries both names at once
            durability.after_name(descriptor, os.path.dirname(path))
        except OSError:
            if exclusive:  # an error must not leave what was never acknowledged
                unlink_if_same(path, descriptor)
            raise
        return True

    def _opened(self, staged: str) -> int:
        descriptor = os.open(staged, WRITE_FLAGS, self._mode)
        if self._mode != _PRIVATE:
            os.fchmod(descriptor, self._mode)
        return descriptor

    def stage(self, thread_id: str) -> Staged:  # noqa: ARG002 all are alike here
        """Begin a file in the staging folder."""
        self._durability()  # sweeps before the first file of this process is there
        for _ in range(_ATTEMPTS):
            staged = self._staging.new_path()
            try:
                descriptor = self._opened(staged)
                return LocalStaged(staged, descriptor, self._flush_staged, self._name_staged)
            except FileExistsError:
                continue
            except FileNotFoundError:
                self._make_folders(self._staging.folder)
            except OSError as error:
                raise StorageError.from_os_error(error, action="write", path=staged) from error
        raise StorageError(f"cannot write in {self._staging.folder}: it vanished {_ATTEMPTS} times", path=self.root)

    def _flush_staged(self, staged: str, descriptor: int) -> None:
        try:
            self._durability().before_name(descriptor)
        except OSError as error:
            raise StorageError.from_os_error(error, action="flush", path=staged) from error

    def _name_staged(self, staged: str, descriptor: int, key: str, *, exclusive: bool = True) -> bool:
        path, durability = self._path(key), self._durability()
        self._flush_staged(staged, descriptor)
        for _ in range(_ATTEMPTS):
            try:
                return self._give_name(staged, descriptor, path, exclusive=exclusive, durability=durability)
            except FileNotFoundError:
                if not os.path.lexists(staged):
                    break
                self._make_folders(os.path.dirname(path))
            except FileSaverError:
                raise
            except OSError as error:
                raise StorageError.from_os_error(error, action="write", path=path) from error
        raise StorageError(f"cannot write {path}: its folder vanished; who deletes it?", path=path)

    def copy(self, source_key: str, target_key: str) -> bool:
        """Link the file under a second name; where there are no links, write it again."""
        source, target = self._path(source_key), self._path(target_key)
        for _ in range(_ATTEMPTS):
            try:
                if not stat.S_ISREG(os.lstat(source).st_mode):
                    raise StorageError(f"cannot copy {source}: it is not a regular file; move it away", path=source)
                os.link(source, target)
            except FileExistsError:
                return False
            except FileNotFoundError:
                if not os.path.lexists(source):
                    return False
                self._make_folders(os.path.dirname(target))
            except StorageError:
                raise
            except OSError as error:
                if error.errno not in _NO_LINK_THERE:
                    raise StorageError.from_os_error(error, action="copy", path=source) from error
                return self._copy_bytes(source_key, target_key)
            else:
                self.settle([target_key])
                return True
        raise StorageError(
            f"cannot write {target}: its folder vanished {_ATTEMPTS} times; who deletes it?", path=target
        )

    def _copy_bytes(self, source_key: str, target_key: str) -> bool:
        source = self.open(source_key)
        if source is None:
            return False
        staged = self.stage(target_key.partition("/")[0])
        try:
            with source:
                if not staged.clone(self._path(source_key)):
                    while block := source.read(COPY_BLOCK_BYTES):
                        staged.write(block)
            return staged.name(target_key)
        finally:
            staged.close()

    def _name_new(self, staged: str, path: str) -> bool:
        try:
            os.link(staged, path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _LINKS_MISSING:
                raise
            return self._name_new_under_lock(staged, path)
        return True

    def _name_new_under_lock(self, staged: str, path: str) -> bool:
        """Name the file on a file system without hard links (exFAT, some network mounts)."""
        locks = os.path.join(self.root, LOCKS_FOLDER)
        self._make_missing(locks)  # only this: the marker, which `_make_folders` begins with, is named here as well
        lock = os.path.join(locks, "_names.lock")
        try:
            with FileLock(lock, self._lock_timeout_seconds, thread_local=False, poll_interval=LOCK_POLL_SECONDS):
                return not os.path.lexists(path) and name_by_rename(staged, path)
        except Timeout as error:
            raise LockTimeoutError(
                f"cannot write {path}: waited {self._lock_timeout_seconds:g} s for {lock}, which all who write here take "
                "for a moment, for there are no hard links. Try again; if that fails too, look for a process that hangs",
                path=lock,
                timeout_seconds=self._lock_timeout_seconds,
                holder=None,
            ) from error

    def _make_folders(self, folder: str) -> None:
        """Make `folder` and what is missing above it; the marker comes first in a new root."""
        try:
            self._make_missing(self._staging.folder)
            marker = self._path(self._marker.key)
            if not os.path.lexists(marker):
                # Durable even without fsync: a torn marker would close the whole folder, and it is written only once.
                durable = durability_for(self.root, fsync=True)
                self._stage_and_name(marker, self._marker.data, exclusive=True, durability=durable)
            self._make_missing(folder)
        except FileNotFoundError:
            return  # removed again meanwhile: the caller tries again
        except LockTimeoutError:
            raise
        except OSError as error:
            raise StorageError.from_os_error(error, action="make", path=folder) from error

    def _make_missing(self, folder: str) -> None:
        missing = []
        while not os.path.isdir(folder):
            missing.append(folder)
            folder = os.path.dirname(folder)
        for path in reversed(missing):
            try:
                os.mkdir(path, self._folder_mode)
                if self._mode != _PRIVATE:  # else no umask takes anything from it
                    os.chmod(path, self._folder_mode)
            except FileExistsError:
                # Somebody else made it, and may have removed it again: then lstat says so, and the caller tries again.
                if not stat.S_ISDIR(os.lstat(path).st_mode) and not os.path.isdir(path):
                    raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path) from None
            parent = os.path.dirname(path)
            if parent.startswith(self.root) or os.access(
                parent, os.R_OK
            ):  # a folder above the root may be closed to us
                self._durability().folder_changed(parent)
