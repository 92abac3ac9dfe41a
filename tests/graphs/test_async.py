"""FileSaver on event loops: it never blocks one, survives cancellation at any moment, and serves many loops at once (P9)."""

from __future__ import annotations

import asyncio
import operator
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from blockbuster import BlockBuster, BlockingError, blockbuster_ctx
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

from langgraph_filesaver import FileSaver, StorageError
from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store import LocalStore, Turn, no_turn
from tests.checkpoints import checkpoint_of, config_of, metadata_of, put
from tests.graphs.anonymous import Graph


class Trail(TypedDict):
    trail: Annotated[list[str], operator.add]


def config(thread_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread_id}}


def asking_graph(saver: FileSaver) -> Graph:
    """Return a graph of three async nodes, the second of which asks."""

    async def first(state: Trail) -> Trail:
        return {"trail": ["first"]}

    async def asks(state: Trail) -> Trail:
        return {"trail": [f"asked {interrupt('what?')}"]}

    async def last(state: Trail) -> Trail:
        return {"trail": [f"last after {len(state['trail'])}"]}

    builder: StateGraph[Any, Any, Any, Any] = StateGraph(Trail)
    builder.add_sequence([("first", first), ("asks", asks), ("last", last)])
    builder.add_edge(START, "first")
    return builder.compile(checkpointer=saver)


@pytest.fixture
def detector() -> Iterator[BlockBuster]:
    """Raises BlockingError where anything blocks a loop."""
    with blockbuster_ctx() as found:
        yield found


async def test_the_detector_is_on(tmp_path: Path, detector: BlockBuster) -> None:
    """The control: the same saver's sync methods, called on the loop, are caught."""
    saver = FileSaver(tmp_path)
    with pytest.raises(BlockingError):
        saver.get_tuple(config("t"))
    with pytest.raises(BlockingError):
        put(saver, "1")


@pytest.mark.parametrize("fsync", [True, False])
async def test_nothing_blocks_the_loop(tmp_path: Path, detector: BlockBuster, fsync: bool) -> None:
    """A saver made on the loop, and every async face of the graph and of the saver: no blocking call is found."""
    async with FileSaver(tmp_path / "new", fsync=fsync) as saver:
        graph = asking_graph(saver)
        await graph.ainvoke({"trail": []}, config("t"))
        async for _ in graph.astream(
            Command(resume="yes"), config("t"), stream_mode=["values", "updates", "checkpoints"]
        ):
            pass
        assert (await graph.aget_state(config("t"))).values["trail"] == ["first", "asked yes", "last after 2"]
        await graph.aupdate_state(config("t"), {"trail": ["by hand"]}, as_node="first")
        history = [each async for each in graph.aget_state_history(config("t"))]
        assert len(history) == 6
        await saver.acopy_thread("t", "copy")
        await saver.adelete_for_runs(["no such run"])
        await saver.aget_delta_channel_history(config=history[0].config, channels=["trail"])
        await saver.aprune(["t"])
        assert len([each async for each in saver.alist(config("t"))]) == 1
        assert len([each async for each in saver.alist(config("copy"))]) == 6
        await saver.aprune(["copy"], strategy="delete")
        await saver.adelete_thread("t")
        assert [each async for each in saver.alist(None)] == []


async def test_leases_do_not_block_the_loop(tmp_path: Path, detector: BlockBuster) -> None:
    """Taking, waiting for, entering again and giving back a lease, and exclusive runs: no blocking call is found."""
    async with FileSaver(tmp_path / "new") as saver:
        graph = saver.exclusive(asking_graph(saver))
        await asyncio.gather(*(graph.ainvoke({"trail": []}, config("t")) for _ in range(3)))
        async for _ in graph.astream(Command(resume="yes"), config("t")):
            pass
        await graph.aupdate_state(config("t"), {"trail": ["by hand"]}, as_node="first")
        async with saver.athread_lock("t"), saver.athread_lock("t"):
            await saver.aprune(["t"])
            assert len(await saver.alocks()) == 1
            assert await saver.abreak_lock("t") is not None
        assert await saver.alocks() == []


async def test_a_saver_made_on_the_loop_tells_a_wrong_folder_at_its_first_call(
    tmp_path: Path, detector: BlockBuster
) -> None:
    """Where the constructor must not look at the folder, the first call does, and refuses it just the same."""
    await asyncio.to_thread((tmp_path / "stranger.txt").write_text, "not ours")
    saver = FileSaver(tmp_path)
    for _ in range(2):
        with pytest.raises(StorageError, match=r"stranger\.txt"):
            await saver.aget_tuple(config("t"))


class SlowStore(LocalStore):
    """Stops before and after each creation of a file until it is told to go on."""

    def __init__(self, root: Path) -> None:
        super().__init__(str(root), marker=MARKER, fsync=False)
        self.reached = {"before": threading.Event(), "after": threading.Event()}
        self.go_on = {"before": threading.Event(), "after": threading.Event()}

    def create(self, key: str, data: bytes, turn: Turn = no_turn) -> bool:
        self._stop("before")
        created = super().create(key, data, turn)
        self._stop("after")
        return created

    def _stop(self, where: str) -> None:
        self.reached[where].set()
        assert self.go_on[where].wait(60)


def left_over(root: Path) -> list[str]:
    return [path.name for path in root.rglob(".tmp/*")]


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("method", ["aput", "aput_writes"])
async def test_a_cancelled_call_returns_when_its_write_is_whole(
    tmp_path: Path, method: str, where: str, times: int
) -> None:
    """A call cancelled while its thread runs ends with CancelledError only after the thread, and all of it is stored."""
    put(FileSaver(tmp_path, fsync=False), "1", {"a": "old"})
    store = SlowStore(tmp_path)
    saver = FileSaver(store)
    if method == "aput":
        call = asyncio.ensure_future(
            saver.aput(
                config_of("t", "", "1"), checkpoint_of("2", {"a": "new"}, {"a": "1"}), metadata_of(1), {"a": "1"}
            )
        )
    else:
        call = asyncio.ensure_future(saver.aput_writes(config_of("t", "", "1"), [("a", 1), ("b", 2)], "task"))  # type: ignore[arg-type]
    if where == "after":
        store.go_on["before"].set()
    await asyncio.to_thread(store.reached[where].wait, 60)
    for _ in range(times):
        call.cancel()
        for _ in range(3):
            await asyncio.sleep(0)
        assert not call.done()
    for event in store.go_on.values():
        event.set()
    with pytest.raises(asyncio.CancelledError):
        await call
    found = FileSaver(tmp_path).get_tuple(config_of())
    assert found is not None
    if method == "aput":
        assert found.checkpoint["channel_values"] == {"a": "new"}
    else:
        assert found.pending_writes == [("task", "a", 1), ("task", "b", 2)]
    assert left_over(tmp_path) == []


@pytest.mark.parametrize("method", ["aput", "aput_writes"])
async def test_a_call_that_is_cancelled_in_the_queue_does_nothing(tmp_path: Path, method: str) -> None:
    """Where all threads of the pool are taken, a cancelled call is dropped at once, and never stores anything later."""
    store = SlowStore(tmp_path)
    saver = FileSaver(store, max_workers=1)
    holder = asyncio.ensure_future(saver.aput(config_of(), checkpoint_of("1"), metadata_of(), {}))
    await asyncio.to_thread(store.reached["before"].wait, 60)
    waiting = asyncio.ensure_future(
        saver.aput(config_of(), checkpoint_of("2"), metadata_of(), {})
        if method == "aput"
        else saver.aput_writes(config_of("t", "", "1"), [("a", 1)], "task")
    )
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting}, timeout=10)
    dropped = waiting.cancelled()
    for event in store.go_on.values():
        event.set()
    await asyncio.gather(holder, waiting, return_exceptions=True)
    assert dropped
    [found] = [each async for each in saver.alist(None)]
    assert (found.checkpoint["id"], found.pending_writes) == ("1", [])


@pytest.mark.parametrize("after", range(0, 60, 4))
async def test_calls_cancelled_at_any_turn_of_the_loop_store_all_or_nothing(tmp_path: Path, after: int) -> None:
    """Whenever ten puts and writes are cancelled, each is stored whole or not at all, and no temporary file stays."""
    saver = FileSaver(tmp_path, fsync=False, max_workers=2)
    await saver.aput(config_of(), checkpoint_of("0"), metadata_of(), {})
    values = {"text": "x" * 10_000, "numbers": list(range(1000))}
    calls: list[asyncio.Future[Any]] = []
    for number in range(1, 11):
        calls.append(
            asyncio.ensure_future(saver.aput(config_of(), checkpoint_of(str(number), values), metadata_of(), {}))
        )
        calls.append(
            asyncio.ensure_future(saver.aput_writes(config_of("t", "", "0"), list(values.items()), f"{number}"))
        )
    for _ in range(after):
        await asyncio.sleep(0)
    for call in calls:
        call.cancel()
    ends = await asyncio.gather(*calls, return_exceptions=True)
    done = {number for number, end in enumerate(ends) if not isinstance(end, BaseException)}
    assert all(isinstance(end, asyncio.CancelledError) for number, end in enumerate(ends) if number not in done)
    assert left_over(tmp_path) == []
    again = FileSaver(tmp_path)
    stored = {found.checkpoint["id"]: found for found in again.list(None)}
    assert all(found.checkpoint["channel_values"] == values for id_, found in stored.items() if id_ != "0")
    assert {str(number // 2 + 1) for number in done if number % 2 == 0} <= stored.keys()
    written = [write[0] for write in stored["0"].pending_writes or ()]
    assert {str(number // 2 + 1) for number in done if number % 2} <= set(written)
    assert all(written.count(task_id) == 2 for task_id in written)


@pytest.mark.parametrize("turns", [1, 5, 20, 40, 80, 160])
async def test_a_cancelled_graph_is_resumed(tmp_path: Path, turns: int) -> None:
    """A run that is cancelled after some turns of the loop goes on with a new saver to the undisturbed end."""
    run = asyncio.ensure_future(asking_graph(FileSaver(tmp_path, fsync=False)).ainvoke({"trail": []}, config("t")))
    for _ in range(turns):
        await asyncio.sleep(0)
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    # A cancelled run of LangGraph ends while puts that it has begun still go on: they are tasks of their own.
    await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()}, return_exceptions=True)
    assert left_over(tmp_path) == []
    graph = asking_graph(FileSaver(tmp_path, fsync=False))
    state = await graph.aget_state(config("t"))
    begun = "checkpoint_id" in state.config["configurable"]
    await graph.ainvoke(None if begun else {"trail": []}, config("t"))
    told = await graph.ainvoke(Command(resume="yes"), config("t"))
    assert told == {"trail": ["first", "asked yes", "last after 2"]}


async def test_other_methods_are_awaited_inside_alist(tmp_path: Path) -> None:
    """Reading, writing, pruning and deleting inside the loop over `alist` works; what is removed meanwhile is left out."""
    saver = FileSaver(tmp_path, fsync=False)
    for number in range(100, 200):
        await asyncio.to_thread(put, saver, str(number), {"a": number})
    seen: list[str] = []
    async for found in saver.alist(config("t")):
        again = await saver.aget_tuple(found.config)
        assert again == (found if len(seen) < 20 else None)
        seen.append(found.checkpoint["id"])
        await saver.aput(config_of("other"), checkpoint_of(found.checkpoint["id"]), metadata_of(), {})
        assert len([each async for each in saver.alist(config("other"))]) == len(seen)
        if len(seen) == 20:
            await saver.adelete_thread("t")
        elif len(seen) < 20:
            await saver.aput_writes(found.config, [("a", 1)], "task")
    assert seen == [str(number) for number in range(199, 199 - len(seen), -1)]
    assert 20 <= len(seen) < 100


def test_one_saver_serves_loops_in_threads_and_sync_callers_at_once(tmp_path: Path) -> None:
    """Three event loops and three sync threads run graphs over one saver, some on shared threads' folders; all end right."""
    saver = FileSaver(tmp_path, fsync=False)
    start = threading.Barrier(6)

    def sync_graph() -> Graph:
        builder: StateGraph[Any, Any, Any, Any] = StateGraph(Trail)
        builder.add_sequence([("first", lambda state: {"trail": ["first"]}), ("asks", asks)])
        builder.add_edge(START, "first")
        return builder.compile(checkpointer=saver)

    def asks(state: Trail) -> Trail:
        return {"trail": [f"asked {interrupt('what?')}"]}

    def on_a_loop(name: str) -> list[Any]:
        async def one(number: int) -> Any:
            graph = asking_graph(saver)
            await graph.ainvoke({"trail": []}, config(f"{name}-{number}"))
            return await graph.ainvoke(Command(resume=name), config(f"{name}-{number}"))

        async def all_of_them() -> list[Any]:
            return await asyncio.gather(*[one(number) for number in range(5)])

        start.wait(60)
        return asyncio.run(all_of_them())

    def in_a_thread(name: str) -> list[Any]:
        start.wait(60)
        told = []
        for number in range(5):
            sync_graph().invoke({"trail": []}, config(f"{name}-{number}"))
            told.append(sync_graph().invoke(Command(resume=name), config(f"{name}-{number}")))
        return told

    with ThreadPoolExecutor(6) as pool:
        loops = [pool.submit(on_a_loop, f"loop{number}") for number in range(3)]
        threads = [pool.submit(in_a_thread, f"thread{number}") for number in range(3)]
        for number, running in enumerate(loops):
            assert running.result(120) == 5 * [{"trail": ["first", f"asked loop{number}", "last after 2"]}]
        for number, running in enumerate(threads):
            assert running.result(120) == 5 * [{"trail": ["first", f"asked thread{number}"]}]
    assert len({found.config["configurable"]["thread_id"] for found in FileSaver(tmp_path).list(None)}) == 30


async def test_fifty_threads_of_a_graph_run_concurrently(tmp_path: Path) -> None:
    """Fifty concurrent runs over one saver, asked and answered, end as each would alone, and store the same history."""
    saver = FileSaver(tmp_path, fsync=False)
    graph = asking_graph(saver)

    async def one(number: int) -> Any:
        await graph.ainvoke({"trail": [f"{number}"]}, config(f"{number}"))
        return await graph.ainvoke(Command(resume=f"answer {number}"), config(f"{number}"))

    told = await asyncio.gather(*[one(number) for number in range(50)])
    assert told == [{"trail": [f"{n}", "first", f"asked answer {n}", "last after 3"]} for n in range(50)]
    again = FileSaver(tmp_path)
    assert {len(list(again.list(config(f"{number}")))) for number in range(50)} == {5}
