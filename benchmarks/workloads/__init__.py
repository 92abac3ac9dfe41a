"""What is measured, by name. Each workload takes a `Bench` and notes its figures there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.measuring import Bench
from benchmarks.workloads.chat import chat, chat_async
from benchmarks.workloads.disk import disk
from benchmarks.workloads.growth import appended, array, image
from benchmarks.workloads.history import history
from benchmarks.workloads.many import threads
from benchmarks.workloads.memory import append_for_long, memory
from benchmarks.workloads.parallel import fan_out, leases, processes
from benchmarks.workloads.requests import requests
from benchmarks.workloads.small import get_latest, writes
from benchmarks.workloads.start import start

__all__ = ["LONG", "WORKLOADS"]

WORKLOADS: Mapping[str, Callable[[Bench], None]] = {
    "disk": disk,
    "writes": writes,
    "get": get_latest,
    "chat": chat,
    "chat-async": chat_async,
    "append": appended,
    "history": history,
    "threads": threads,
    "image": image,
    "array": array,
    "fan-out": fan_out,
    "processes": processes,
    "leases": leases,
    "start": start,
    "requests": requests,
    "memory": memory,
    "append-20000": append_for_long,
}

LONG = frozenset({"memory", "append-20000"})
"""Those that take minutes of their own, and run only where they are asked for."""
