"""`python -m benchmarks.serializer`: JsonSerializer beside LangGraph's JsonPlusSerializer, in one run, by ratio.

Both serialize the very same objects. Blocks of calls alternate between the two, so that whatever else the machine does
meets both; a ratio is the quotient of two neighbouring blocks, and the figure is the median of these with its quartiles.
"""

from __future__ import annotations

import argparse
import random
import statistics
import string
import sys
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from langgraph_filesaver._serde import JsonSerializer

LETTERS = string.ascii_letters + " " * 10
TARGETS = {
    "400 messages of 500 bytes": (0.25, 0.6),
    "400 messages of a tool-using chat": (None, None),
    "1 MB tree, mostly text": (1.5, 1.5),
    "1 MB tree, mostly numbers": (1.5, 1.5),
    "100,000 floats": (3.0, None),
    "100 dataclass-like records in tuples": (None, None),
}


def words(rng: random.Random, length: int) -> str:
    return "".join(rng.choices(LETTERS, k=length))


def messages(rng: random.Random) -> list[Any]:
    kinds = (HumanMessage, AIMessage)
    return [kinds[at % 2](words(rng, 500), id=f"message-{at}") for at in range(400)]


def tool_chat(rng: random.Random) -> list[Any]:
    found: list[Any] = []
    for at in range(100):
        details = {"model_name": "model-x", "finish_reason": "stop", "model_provider": "example"}
        usage: Any = {"input_tokens": at, "output_tokens": 3, "total_tokens": at + 3}
        call: Any = {"name": "search", "args": {"query": words(rng, 40)}, "id": f"call-{at}", "type": "tool_call"}
        found += [
            HumanMessage(words(rng, 480), id=f"h{at}"),
            AIMessage("", id=f"a{at}", tool_calls=[call], response_metadata=details, usage_metadata=usage),
            ToolMessage(words(rng, 430), tool_call_id=f"call-{at}", name="search", id=f"t{at}"),
            AIMessage(words(rng, 300), id=f"b{at}", response_metadata=dict(details), usage_metadata=usage),
        ]
    return found


def text_tree(rng: random.Random) -> Any:
    return {
        "rows": [
            {
                "id": at,
                "url": f"https://example.org/{words(rng, 20)}",
                "summary": words(rng, 300),
                "score": rng.random(),
                "tags": [words(rng, 8) for _ in range(4)],
                "meta": {"page": at, "lang": "en", "author": None},
            }
            for at in range(2_000)
        ]
    }


def number_tree(rng: random.Random) -> Any:
    return {
        "rows": [
            {
                "id": at,
                "name": words(rng, 20),
                "x": rng.random(),
                "at": [at, at + 1],
                "in": {"ok": True, "no": None, "n": at},
            }
            for at in range(9_000)
        ]
    }


def floats(rng: random.Random) -> list[float]:
    return [rng.random() for _ in range(100_000)]


def tuples(rng: random.Random) -> Any:
    return {"rows": [(at, words(rng, 20), {"a": (at,)}) for at in range(100)]}


CASES: dict[str, Callable[[random.Random], Any]] = dict(
    zip(TARGETS, (messages, tool_chat, text_tree, number_tree, floats, tuples), strict=True)
)


def timed(work: Callable[[], object], calls: int) -> float:
    started = time.perf_counter()
    for _ in range(calls):
        work()
    return (time.perf_counter() - started) / calls


def compare(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> tuple[float, float, list[float]]:
    calls = max(1, int(0.01 / max(timed(theirs, 3), 1e-6)))
    pairs = [(timed(ours, calls), timed(theirs, calls)) for _ in range(rounds)]
    ratios = sorted(mine / other for mine, other in pairs)
    return statistics.median(mine for mine, _ in pairs), statistics.median(other for _, other in pairs), ratios


def report(name: str, verb: str, result: tuple[float, float, list[float]], target: float | None) -> None:
    mine, other, ratios = result
    low, middle, high = statistics.quantiles(ratios, n=4)
    goal = "" if target is None else f"  target {target:.2f}"
    print(f"{name:38} {verb:5} {mine * 1e6:8.0f} µs {other * 1e6:8.0f} µs   {middle:5.2f} [{low:.2f}-{high:.2f}]{goal}")


def peak_of(work: Callable[[], bytes]) -> tuple[int, int]:
    work()
    tracemalloc.start()
    size = len(work())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return size, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=sys.modules[__name__].__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    ours, theirs = JsonSerializer(), JsonPlusSerializer()
    print(f"{'':38} {'':5} {'ours':>11} {'LangGraph':>11}   ratio [quartiles]")
    for name, make in CASES.items():
        value = make(random.Random(7))
        mine, other = ours.dumps_typed(value), theirs.dumps_typed(value)
        dump_target, load_target = TARGETS[name]
        dumps = compare(partial(ours.dumps_typed, value), partial(theirs.dumps_typed, value), rounds)
        report(name, "dump", dumps, dump_target)
        report(
            name,
            "load",
            compare(partial(ours.loads_typed, mine), partial(theirs.loads_typed, other), rounds),
            load_target,
        )
        size, peak = peak_of(partial(ours.dump, value))
        print(f"{'':38} {'peak':5} {peak / 1e6:8.2f} MB for {size / 1e6:.2f} MB of text")


if __name__ == "__main__":
    main()
