"""What LangGraph's server does with a checkpointer that nothing else does.

It enters one saver as an async context manager on a loop and shares it with a second loop in another thread, clones it with
`with_allowlist` per graph, replaces `get_next_version` by its adapter's, calls it with thread ids of its own types, and watches
for calls that block a loop.
"""

from __future__ import annotations

import asyncio
import operator
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypedDict
from uuid import UUID

import pytest
from blockbuster import blockbuster_ctx
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

from langgraph_filesaver import FileSaver, JsonSerializer
from tests.graphs.anonymous import Graph


@dataclass
class Finding:
    text: str


class Work(TypedDict):
    trail: Annotated[list[Any], operator.add]


def graph_over(saver: BaseCheckpointSaver[Any]) -> Graph:
    async def find(state: Work) -> Work:
        return {"trail": [Finding(f"finding {len(state['trail'])}")]}

    async def approve(state: Work) -> Work:
        return {"trail": [interrupt(state["trail"][-1].text)]}

    builder: StateGraph[Any, Any, Any, Any] = StateGraph(Work)
    builder.add_sequence([find, approve])
    builder.add_edge(START, "find")
    return builder.compile(checkpointer=saver)


def config(thread_id: Any, **others: Any) -> RunnableConfig:
    return {"configurable": {"thread_id": thread_id, **others}}


@asynccontextmanager
async def named_in_langgraph_json(root: Path) -> AsyncIterator[FileSaver]:
    """The function that a project names under "checkpointer" in its langgraph.json."""
    async with FileSaver(root, serde=JsonSerializer(allowed_msgpack_modules=None)) as saver:
        yield saver


class OtherLoop:
    """A second event loop, in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    async def run(self, coroutine: Any) -> Any:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, self.loop))

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(60)
        self.loop.close()


@pytest.fixture
def other_loop() -> Iterator[OtherLoop]:
    other = OtherLoop()
    yield other
    other.close()


@pytest.mark.parametrize("thread_id", ["plain", 42, UUID(int=7), "a/b:c"], ids=repr)
async def test_a_run_passes_between_two_loops_over_clones_of_one_saver(
    tmp_path: Path, other_loop: OtherLoop, thread_id: Any
) -> None:
    """A run begun on one loop is answered on the other, over a second clone; nothing blocks, and both see one history."""
    allowed = [(__name__, "Finding")]
    with blockbuster_ctx():
        async with named_in_langgraph_json(tmp_path / "checkpoints") as saver:
            one, two = saver.with_allowlist(allowed), saver.with_allowlist(allowed)
            asked = await graph_over(one).ainvoke({"trail": []}, config(thread_id))
            assert [each.value for each in asked["__interrupt__"]] == ["finding 0"]
            told = await other_loop.run(graph_over(two).ainvoke(Command(resume="yes"), config(thread_id)))
            assert told == {"trail": [Finding("finding 0"), "yes"]}
            here = [each async for each in graph_over(one).aget_state_history(config(thread_id))]
            there = await other_loop.run(_collected(graph_over(two).aget_state_history(config(str(thread_id)))))
            assert [each.values for each in here] == [each.values for each in there]
            assert len(here) == 4
            await other_loop.run(two.acopy_thread(thread_id, "copy"))
            assert (await graph_over(one).aget_state(config("copy"))).values == told
            await one.aprune([thread_id], strategy="delete_all")
            assert await other_loop.run(two.aget_tuple(config(thread_id))) is None


async def _collected(items: AsyncIterator[Any]) -> list[Any]:
    return [each async for each in items]


async def test_both_loops_write_at_once(tmp_path: Path, other_loop: OtherLoop) -> None:
    """Forty runs, half on each loop, all over clones of one saver, end as each would alone."""
    async with named_in_langgraph_json(tmp_path) as saver:

        async def run(number: int) -> Any:
            graph = graph_over(saver.with_allowlist([(__name__, "Finding")]))
            await graph.ainvoke({"trail": [number]}, config(number))
            return await graph.ainvoke(Command(resume="yes"), config(number))

        runs = [run(number) if number % 2 else other_loop.run(run(number)) for number in range(40)]
        told = await asyncio.gather(*runs)
    assert told == [{"trail": [number, Finding("finding 1"), "yes"]} for number in range(40)]


async def test_the_context_is_left_and_entered_again_while_clones_are_used(tmp_path: Path) -> None:
    """Leaving `async with` ends threads, not the saver: clones go on, and it can be entered once more."""
    async with FileSaver(tmp_path, fsync=False) as saver:
        clone = saver.with_allowlist([(__name__, "Finding")])
        await graph_over(clone).ainvoke({"trail": []}, config("t"))
    told = await graph_over(clone).ainvoke(Command(resume="yes"), config("t"))
    async with saver:
        assert (await graph_over(saver).aget_state(config("t"))).values == told


@pytest.mark.parametrize("kind", [int, float, str])
async def test_versions_are_those_of_the_adapter(tmp_path: Path, kind: type) -> None:
    """Where `get_next_version` is replaced, the thread has its versions, of its type, and goes on without the adapter, too."""
    given: Counter[str] = Counter()

    def next_version(current: Any, channel: None) -> Any:
        given["versions"] += 1
        if kind is str:
            return f"{int(str(current or '0').split('.')[0]) + 1:032}.adapter"
        return kind((current or 0) + 1)

    def adapted() -> FileSaver:
        saver = FileSaver(tmp_path, fsync=False)
        saver.get_next_version = next_version  # type: ignore[method-assign]
        return saver

    await graph_over(adapted()).ainvoke({"trail": []}, config("t"))
    told = await graph_over(adapted()).ainvoke(Command(resume="yes"), config("t"))
    assert told == {"trail": [Finding("finding 0"), "yes"]}
    assert given["versions"] > 0
    found = await adapted().aget_tuple(config("t"))
    assert found is not None
    versions = found.checkpoint["channel_versions"].values()
    assert {type(version) for version in versions} == {kind}
    told = await graph_over(FileSaver(tmp_path)).ainvoke({"trail": ["without the adapter"]}, config("t"))
    assert told["trail"][2:] == ["without the adapter", Finding("finding 3")]


async def test_an_integer_thread_id_is_the_thread_of_its_digits(tmp_path: Path) -> None:
    """42 and "42" are one thread in every method, and in a folder of that name."""
    saver = FileSaver(tmp_path, fsync=False)
    await graph_over(saver).ainvoke({"trail": []}, config(42))
    assert await asyncio.to_thread((tmp_path / "42").is_dir)
    by_number = [found.checkpoint async for found in saver.alist(config(42))]
    assert by_number == [found.checkpoint async for found in saver.alist(config("42"))]
    assert len(by_number) == 3
    await saver.acopy_thread(42, "43")  # type: ignore[arg-type]
    await saver.aprune([43], strategy="keep_latest")  # type: ignore[list-item]
    assert len([found async for found in saver.alist(config("43"))]) == 1
    await saver.adelete_thread(42)  # type: ignore[arg-type]
    assert await saver.aget_tuple(config("42")) is None
