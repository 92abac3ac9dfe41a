"""The local store's files and folders, removed and moved: out of sight in one step, durably, and only then gone."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from abc import abstractmethod
from collections.abc import Iterable

from langgraph_filesaver._store.descriptors import remove_tree, without_empty
from langgraph_filesaver._store.durability import Durability
from langgraph_filesaver._store.local_reading import LocalReading
from langgraph_filesaver._store.staging import Staging
from langgraph_filesaver.errors import LockTimeoutError, StorageError

__all__ = ["LocalRemoving"]


class LocalRemoving(LocalReading):
    """The part of the local store that removes and moves.

    Args:
        root: The folder.
        staging: Its staging folder, where what is removed is out of sight.
    """

    def __init__(self, root: str, staging: Staging) -> None:
        super().__init__(root)
        self._staging = staging

    @abstractmethod
    def _durability(self) -> Durability:
        """Return how files become durable here."""

    @abstractmethod
    def _make_folders(self, folder: str) -> None:
        """Make a folder and what is missing above it."""

    def delete(self, keys: Iterable[str]) -> None:
        """Remove the files and the folders that are empty then, and make that durable.

        A missing file is flushed away, too: who removed it may have died before that was durable.
        """
        changed: set[str] = set()
        for key in keys:
            path = self._path(key)
            try:
                os.unlink(path)
            except (FileNotFoundError, NotADirectoryError):
                pass
            except OSError as error:
                raise StorageError.from_os_error(error, action="delete", path=path) from error
            changed.add(os.path.dirname(path))
        for folder in {without_empty(folder, self.root) for folder in changed}:
            self._folder_changed(folder)

    def delete_folder(self, folder: str) -> None:
        """Move the folder out of sight in one step, then remove what was in it."""
        path = self._path(folder)
        try:
            if not stat.S_ISDIR(os.stat(path).st_mode):  # a stray file: nothing of ours lies below it
                return
            self._make_folders(self._staging.folder)
            hidden = self._staging.new_path()
            os.rename(path, hidden)
        except (FileNotFoundError, NotADirectoryError):
            if os.path.isdir(self._staging.folder):
                self._durability()  # sweeps: a deletion that died may have left its files there
                self._folder_changed(self.root)  # and may not have come to make it durable
            return
        except LockTimeoutError:
            raise
        except OSError as error:
            raise StorageError.from_os_error(error, action="delete", path=path) from error
        try:
            self._folder_changed(os.path.dirname(path))
        except StorageError:
            self._bring_back(hidden, path)
            raise
        try:
            if os.path.islink(hidden):  # the folder lies elsewhere, where nothing is ours to remove
                os.unlink(hidden)
            else:
                remove_tree(hidden)
        except OSError as error:
            raise StorageError.from_os_error(error, action="delete", path=hidden) from error

    def move_folder(self, source: str, target: str) -> bool:
        """Rename the folder."""
        path, new = self._path(source), self._path(target)
        try:
            if not os.path.isdir(path) or os.path.lexists(new):
                return False
            self._make_folders(os.path.dirname(new))
            os.rename(path, new)
        except FileNotFoundError:  # moved or removed by somebody else meanwhile
            return False
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                return False
            raise StorageError.from_os_error(error, action="move", path=path) from error
        for folder in {os.path.dirname(new), os.path.dirname(path)}:
            self._folder_changed(folder)
        return True

    def _bring_back(self, hidden: str, path: str) -> None:
        """Undo a deletion that is not surely durable: what was there must stay."""
        try:
            os.rename(hidden, path)
        except OSError as error:  # somebody made the folder anew
            raise StorageError(
                f"cannot move {path} back, whose deletion could not be flushed: {error.strerror}. {self._kept(hidden)}",
                path=path,
                number=error.errno,
            ) from error
        self._try_to_flush(os.path.dirname(path))

    def _kept(self, hidden: str) -> str:
        """Keep what can be neither deleted for good nor put back; tell where it is."""
        try:
            kept = self._staging.keep(hidden)
        except OSError:  # the device refuses everything now
            return f"Its files are in {hidden}: move them away before this process ends, for the next one removes them"
        self._try_to_flush(self._staging.folder)
        return f"Its files are in {kept}, which nothing removes: move them where you want them"

    def _try_to_flush(self, folder: str) -> None:
        # Else a power cut could bring the hidden name back, which is swept then. The call has failed either way.
        with contextlib.suppress(StorageError):
            self._folder_changed(folder)

    def _folder_changed(self, folder: str) -> None:
        try:
            self._durability().folder_changed(folder)
        except FileNotFoundError:
            return  # removed by somebody else meanwhile, with all that was in it
        except OSError as error:
            raise StorageError.from_os_error(error, action="flush", path=folder) from error
