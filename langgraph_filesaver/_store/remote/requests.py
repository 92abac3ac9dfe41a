"""One request, tried again while the backend is busy or does not answer; then a StorageError.

Waits between tries grow at random (full jitter, as AWS advises: "Exponential Backoff And Jitter", 2015), so that many
clients that were turned away together do not come back together. The whole is bounded in time, so that a server that is
down is told within seconds. When that has been told, the next requests are tried once, until one succeeds or some seconds
have passed: a run that stores one checkpoint after another would otherwise wait as long for each.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)

from langgraph_filesaver._store.remote.driver import ConditionError, TransientError
from langgraph_filesaver._store.remote.faults import explained, is_placeless, is_refused
from langgraph_filesaver.config import REQUEST_RETRY_SECONDS
from langgraph_filesaver.errors import FileSaverError, StorageError

__all__ = ["Requests"]

T = TypeVar("T")

_DOWN_SECONDS = 5.0


class Requests:
    """Makes requests to one store.

    Args:
        retry_seconds: For how long one is tried again.
    """

    def __init__(self, retry_seconds: float = REQUEST_RETRY_SECONDS) -> None:
        self._retry_seconds = retry_seconds
        self._down_at = -math.inf

    def make(
        self,
        action: str,
        path: str,
        request: Callable[[], T],
        *,
        before_retry: Callable[[], None] | None = None,
    ) -> T:
        """Return what `request` returns.

        Args:
            action: What it does, for a message ("read", "write", …).
            path: With what, for a message.
            request: Makes one attempt.
            before_retry: Called when an attempt has failed in a way that leaves open whether it took effect.

        Raises:
            StorageError: It failed, or was tried in vain all the time.
        """

        def note(_: RetryCallState) -> None:
            if before_retry is not None:
                before_retry()

        is_down = time.monotonic() - self._down_at < _DOWN_SECONDS
        try:
            made = Retrying(
                retry=retry_if_exception_type(TransientError),
                stop=stop_after_attempt(2)
                if is_down
                else stop_after_delay(self._retry_seconds),  # a connection may have to be made anew
                wait=wait_random_exponential(multiplier=0.1, max=1.0),
                before_sleep=note,
                reraise=True,
            )(request)
        except ConditionError:
            self._down_at = -math.inf
            raise
        except FileSaverError:
            raise
        except TransientError as error:
            self._down_at = self._down_at if is_down else time.monotonic()
            tried = "Tried twice, as it was down just before" if is_down else f"Tried for {self._retry_seconds:g} s"
            raise StorageError(
                f"cannot {action} {path}: {error}. {tried}; is the server up, and its address "
                "right? What was stored before is intact: try again later",
                path=path,
            ) from error
        except Exception as error:  # each library below fsspec has errors of its own
            if is_placeless(error):
                raise StorageError(
                    f"cannot {action} {path}: there is no such bucket or container ({explained(error)}). Make it, or correct "
                    "the URL",
                    path=path,
                ) from error
            if is_refused(error):
                raise StorageError(
                    f"cannot {action} {path}: {explained(error)}. The server lets nobody in with this key, or not for this: "
                    "correct storage_options or the environment, or what the key may do",
                    path=path,
                ) from error
            raise StorageError(f"cannot {action} {path}: {explained(error)}", path=path) from error
        self._down_at = -math.inf
        return made
