"""Compiled graphs whose runs have their thread for themselves. A saver alone cannot know where a run begins and ends.

All that a compiled graph can do with its state comes down to four methods: `stream` and `astream` (which `invoke`, `batch`,
`stream_events` and the rest call) and `bulk_update_state` and its async form. The wrapped graph is the same object but for
these four, which a subclass made for the purpose overrides; so it is a compiled graph for whoever asks.

A stream gives its items to a caller whose context must not become the owner's for longer than a step takes, so ownership is
entered for each step. What would break it: a method of LangGraph that reads or writes state past these four.
"""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar, cast

from langchain_core.runnables.config import CONFIG_KEYS, RunnableConfig, ensure_config
from langgraph.pregel import Pregel

from langgraph_filesaver._leases import Lease, owning

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

__all__ = ["GraphT", "exclusive"]

GraphT = TypeVar("GraphT")

_LENT_CHECKPOINTER = "__pregel_checkpointer"  # in the config of a graph that runs inside another graph's run


Lock = Callable[[str], "AbstractContextManager[Lease]"]
AsyncLock = Callable[[str], "AbstractAsyncContextManager[Lease]"]


def exclusive(graph: GraphT, lock: Lock, async_lock: AsyncLock) -> GraphT:
    """Return a compiled graph whose runs each have the lease of their thread.

    Args:
        graph: The graph.
        lock: Takes the lease of a thread, owned by no context yet, for as long as the block runs.
        async_lock: The same for event loops.

    Raises:
        TypeError: It is no compiled graph.
    """
    if not isinstance(graph, Pregel):
        raise TypeError(
            f"{type(graph).__name__} is no compiled graph: give what builder.compile(checkpointer=saver) returns"
        )

    kind: Any = type(graph)

    class Exclusive(kind):  # type: ignore[misc] # a class only known here
        """The graph's own class, but for what begins a run."""

        def stream(self, input: Any, config: RunnableConfig | None = None, **options: Any) -> Iterator[Any]:  # noqa: A002 LangGraph's name
            thread_id = _thread_of_run(self, config)
            if thread_id is None:
                yield from super().stream(input, config, **options)
                return
            with lock(thread_id) as lease:
                steps = super().stream(input, config, **options)
                try:
                    while True:
                        with owning(lease):
                            try:
                                item = next(steps)
                            except StopIteration:
                                return
                        yield item
                finally:
                    with owning(lease):
                        steps.close()

        async def astream(self, input: Any, config: RunnableConfig | None = None, **options: Any) -> AsyncIterator[Any]:  # noqa: A002 LangGraph's name
            thread_id = _thread_of_run(self, config)
            if thread_id is None:
                async for item in super().astream(input, config, **options):
                    yield item
                return
            async with async_lock(thread_id) as lease:
                steps = super().astream(input, config, **options)
                try:
                    while True:
                        with owning(lease):
                            try:
                                item = await anext(steps)
                            except StopAsyncIteration:
                                return
                        yield item
                finally:
                    with owning(lease):
                        await steps.aclose()

        def bulk_update_state(self, config: RunnableConfig, supersteps: Any) -> RunnableConfig:
            thread_id = _thread_of_run(self, config)
            if thread_id is None:
                return cast("RunnableConfig", super().bulk_update_state(config, supersteps))
            with lock(thread_id) as lease, owning(lease):
                return cast("RunnableConfig", super().bulk_update_state(config, supersteps))

        async def abulk_update_state(self, config: RunnableConfig, supersteps: Any) -> RunnableConfig:
            thread_id = _thread_of_run(self, config)
            if thread_id is None:
                return cast("RunnableConfig", await super().abulk_update_state(config, supersteps))
            async with async_lock(thread_id) as lease:
                with owning(lease):
                    return cast("RunnableConfig", await super().abulk_update_state(config, supersteps))

    Exclusive.__name__, Exclusive.__qualname__, Exclusive.__module__ = kind.__name__, kind.__qualname__, kind.__module__
    wrapped = copy.copy(graph)
    wrapped.__class__ = Exclusive
    return cast("GraphT", wrapped)


def _thread_of_run(graph: Any, config: RunnableConfig | None) -> str | None:
    """Return the thread of the run that a call begins; None where it begins none, or names no thread.

    A graph that runs inside another one's run, with its saver, is a part of that run.
    """
    given: dict[str, Any] = {}
    for each in (graph.config, config):
        if each is not None:  # alone, for what surrounds the call counts only where the call names no thread of its own
            others = {key: value for key, value in each.items() if key not in CONFIG_KEYS}
            given |= others | each.get("configurable", {})
    configurable = given if "thread_id" in given else {**ensure_config().get("configurable", {}), **given}
    if _LENT_CHECKPOINTER in configurable or "thread_id" not in configurable:
        return None
    return str(configurable["thread_id"])
