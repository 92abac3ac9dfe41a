"""Names of temporary files, and the removal of those that a killed process left.

A name tells who made it: `<host>.<scope>.<pid>.<number>`, where the scope is a digest of the boot id and the pid
namespace, inside which a pid means one process. A file is litter when its maker can no longer name it: a dead process of
this scope, or any process of an earlier scope of this host; files of other hosts only after a day. Removing one too many
(two containers of one name) costs nothing: its writer finds the name gone and writes the file again.

One name is never litter: `<host>.<scope>.<pid>.<number>.kept` is a folder that could be neither deleted for good nor put
back, and holds what was acknowledged.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
import os
import shutil
import socket
import sys
import time
from functools import lru_cache

from langgraph_filesaver._process import boot_id, is_alive, pid_namespace

__all__ = ["Staging"]

logger = logging.getLogger("langgraph_filesaver")

_NUMBERS = itertools.count()  # of the process: two stores on one folder share its staging names
_FOREIGN_LITTER_SECONDS = 24 * 3600.0


class Staging:
    """The folder where files are written before they get their names.

    Args:
        folder: Its path; it is made by the store.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def new_path(self) -> str:
        """Return a path that nobody else uses."""
        return f"{self.folder}/{_host()}.{_scope()}.{os.getpid()}.{next(_NUMBERS)}"

    def keep(self, path: str) -> str:
        """Give something in the folder a name that is never swept, and return its new path."""
        kept = f"{path}.kept"  # one part more than the names that `_is_litter` looks at
        os.rename(path, kept)
        return kept

    def sweep(self) -> None:
        """Remove what processes left that can no longer use it; what cannot be removed is reported, never fatal."""
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return
        for name in names:
            path = f"{self.folder}/{name}"
            try:
                if _is_litter(name, path):
                    _remove(path)
            except FileNotFoundError:
                continue  # another process sweeps as well
            except OSError as error:
                logger.warning("cannot remove the temporary file %s: %s", path, error)


def _is_litter(name: str, path: str) -> bool:
    parts = name.split(".")
    if len(parts) != 4 or not parts[2].isdigit():
        return False  # a person put it there, or it is kept
    host, scope, pid = parts[0], parts[1], int(parts[2])
    if host != _host() or sys.platform == "win32":  # there os.kill(pid, 0) would not ask, but end the process
        return time.time() - os.lstat(path).st_mtime > _FOREIGN_LITTER_SECONDS
    return scope != _scope() or not is_alive(pid)


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


@lru_cache(maxsize=1)
def _host() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:12]


@lru_cache(maxsize=1)
def _scope() -> str:
    parts = [part for part in (boot_id(), pid_namespace()) if part]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:12]
