"""The async face: the only module that knows asyncio. Every async method runs its sync twin on a small thread pool.

Bare `asyncio.to_thread` would not do: cancelled, it returns while the write still runs, and the caller goes on as if
nothing were under way. Here a call that has begun is waited for, and only then is the cancellation raised on; a call that
has not begun is dropped whole. So a cancelled call leaves the old state or the new one, never half (P9).

Nor does a call happen that was refused. A `ThreadPoolExecutor` queues the work before it starts a thread for it, and where
the system gives none (`can't start new thread`) it raises and leaves the work in its queue, for whichever thread comes next.
So each call has a future of its own, which one thread can begin or `_submit` can cancel, never both.

The pool belongs to one process: after a fork the child makes its own. It is shared by the clones of a saver.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import ParamSpec, TypeVar

from langgraph_filesaver._leases import HeldError
from langgraph_filesaver._patience import Patience

__all__ = ["Twins", "is_on_event_loop"]

P = ParamSpec("P")
T = TypeVar("T")


def is_on_event_loop() -> bool:
    """Tell whether the caller runs on an event loop, where it must not block."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class Twins:
    """Runs sync functions for async callers, on any number of event loops.

    Args:
        workers: How many may run at once.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._pool: tuple[int, ThreadPoolExecutor] | None = None

    def __getstate__(self) -> dict[str, int]:
        return {"_workers": self._workers}

    def __setstate__(self, state: dict[str, int]) -> None:
        self.__init__(state["_workers"])  # type: ignore[misc]

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `function` returns, run on the pool; see the module's text for cancellation.

        Raises:
            RuntimeError: The system gives no thread to run it; it has not run and will not.
        """
        context = contextvars.copy_context()
        future: Future[T] = self._submit(lambda: context.run(function, *args, **kwargs))
        waiter = asyncio.wrap_future(future)
        try:
            return await asyncio.shield(waiter)
        except asyncio.CancelledError as cancelled:
            if future.cancel():  # not begun: nothing happened and nothing will
                raise
            while not waiter.done():
                try:
                    await asyncio.wait({waiter})
                except asyncio.CancelledError:  # cancelled once more; the thread cannot be stopped either way
                    continue
            raise cancelled from waiter.exception()

    async def patiently(
        self, timeout_seconds: float, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `run`, for a function that waits for a thread which somebody has: the loop does the waiting, not the pool.

        Raises:
            LockTimeoutError: Somebody had it all the time.
        """
        patience = Patience(timeout_seconds)
        attempt = partial(function, *args, **kwargs)
        while True:
            try:
                return await self.run(patience.leave_to_loop, attempt)
            except HeldError as held:
                pause = patience.pause_after(held)
            await asyncio.sleep(pause)

    async def to_the_end(self, function: Callable[[], None]) -> None:
        """Run `function` on the pool, and have it run whatever becomes of the caller; a cancellation is raised afterwards.

        Where the system gives no thread it runs here: what must be given back is worth a moment of the loop's time.
        """
        try:
            future = asyncio.wrap_future(self._submit(function))
        except RuntimeError:
            function()
            return
        cancelled: asyncio.CancelledError | None = None
        while not future.done():
            try:
                await asyncio.wait({future})
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled from future.exception()
        future.result()

    async def pages(self, iterator: Iterator[T], most: int) -> AsyncIterator[T]:
        """Yield from a sync iterator, reading ahead in pages that grow from one item to `most`."""
        size = 1
        while page := await self.run(lambda count=size: list(islice(iterator, count))):  # type: ignore[misc]
            for item in page:
                yield item
            size = min(size * 2, most)

    def shutdown(self) -> None:
        """Let the threads end once they are done; the next `run` makes new ones."""
        # Read once, for other threads set it too; and forgotten first, which tells `_submit` why it is refused.
        pool, self._pool = self._pool, None
        if pool is not None and pool[0] == os.getpid():
            pool[1].shutdown(wait=False)

    def _submit(self, work: Callable[[], T]) -> Future[T]:
        while True:
            pool, future = self._current(), Future[T]()
            try:
                pool[1].submit(_carry_out, future, work)
            except RuntimeError:
                if not future.cancel():  # a thread that was there already has begun it
                    return future
                if self._pool is pool:
                    raise
                continue  # shut down by somebody else between the two: take a new pool
            return future

    def _current(self) -> tuple[int, ThreadPoolExecutor]:
        pool = self._pool
        if pool is None or pool[0] != os.getpid():
            pool = (os.getpid(), ThreadPoolExecutor(self._workers, thread_name_prefix="filesaver"))
            self._pool = pool
        return pool


def _carry_out(future: Future[T], work: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 whatever it is, it is the caller's
        future.set_exception(error)
    else:
        future.set_result(result)
