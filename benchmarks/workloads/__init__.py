"""What is measured, by name. Each workload takes a `Bench` and notes its figures there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.measuring import Bench
from benchmarks.workloads.chat import chat, chat_async
from benchmarks.workloads.growth import appended, array, image
from benchmarks.workloads.history import history
from benchmarks.workloads.many import threads
from benchmarks.workloads.parallel import fan_out, leases, processes
from benchmarks.workloads.requests import requests
from benchmarks.workloads.small import get_latest, writes
from benchmarks.workloads.start import start

__all__ = ["WORKLOADS"]

WORKLOADS: Mapping[str, Callable[[Bench], None]] = {
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
}
