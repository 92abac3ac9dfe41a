"""What a backend really keeps, found out before the first write: many take a condition and ignore it, without a word.

Two exclusive creations of one key, of which the second must fail; a swap with a version that is not there, which must fail,
and one with the right version; what was written is read, and listed, at once; and what was deleted is gone. A backend that
ignores conditions is still a home for one writer. One that does not show what was written is none at all.
"""

from __future__ import annotations

import contextlib
import uuid
from typing import NamedTuple

from langgraph_filesaver._store.remote.driver import Condition, ConditionError, Driver
from langgraph_filesaver._store.remote.requests import Requests
from langgraph_filesaver.errors import StorageError

__all__ = ["Findings", "probe"]

_WRONG_VERSION = "00000000000000000000000000000000"


class Findings(NamedTuple):
    """What the backend keeps."""

    exclusive_create: bool
    compare_and_swap: bool


def probe(driver: Driver, requests: Requests, folder: str, shown: str) -> Findings:
    """Try the backend in a folder that nobody reads; `shown` is how a person finds that.

    Raises:
        StorageError: It does not show what was written, or cannot be written.
    """
    name = f"probe-{uuid.uuid4().hex}"
    path = f"{folder}/{name}"

    def put(data: bytes, condition: Condition) -> bool:
        try:
            requests.make("write", f"{shown}/{name}", lambda: driver.put(path, data, condition))
        except ConditionError:
            return False
        return True

    def read() -> bytes | None:
        found = requests.make("read", f"{shown}/{name}", lambda: driver.get(path))
        return None if found is None else found.data

    def remove() -> None:
        driver.delete([path])

    try:
        put(b"first", Condition(is_absent=True))
        is_exclusive = not put(b"second", Condition(is_absent=True))
        kept = read()
        is_exclusive = is_exclusive and kept == b"first" and driver.can_exclude
        if kept not in (b"first", b"second"):
            raise StorageError(f"{shown} does not show what was just written: it is no place for a store", path=shown)
        can_swap = is_exclusive and driver.can_swap and _swaps(driver, requests, path, f"{shown}/{name}")
        listed = requests.make("list", shown, lambda: driver.scan(folder, deep=False))
        if name not in {each.path for each in listed}:
            raise StorageError(f"{shown} does not list what was just written: it is no place for a store", path=shown)
    except BaseException:
        with contextlib.suppress(Exception):  # what went wrong is told at once: the backend may be down
            remove()
        raise
    requests.make("delete", f"{shown}/{name}", remove)
    if read() is not None:
        raise StorageError(f"{shown} shows what was just deleted: it is no place for a store", path=shown)
    return Findings(is_exclusive, can_swap)


def _swaps(driver: Driver, requests: Requests, path: str, shown: str) -> bool:
    found = requests.make("read", shown, lambda: driver.get(path))
    if found is None:
        return False
    try:
        requests.make("write", shown, lambda: driver.put(path, b"wrong", Condition(version=_WRONG_VERSION)))
    except ConditionError:
        pass
    else:
        return False
    with contextlib.suppress(
        ConditionError
    ):  # the answer to an earlier try may have got lost: what is there then tells
        requests.make("write", shown, lambda: driver.put(path, b"swapped", Condition(version=found.version)))
    again = requests.make("read", shown, lambda: driver.get(path))
    return again is not None and again.data == b"swapped"
