"""What a config of LangGraph's says of the run that it belongs to."""

from __future__ import annotations

from langchain_core.runnables import RunnableConfig

__all__ = ["run_id_of", "run_of"]

_RUNTIME = "__pregel_runtime"


def run_of(config: RunnableConfig) -> object:
    """Return the object that LangGraph makes for each run of a graph and puts into all configs of it, or None."""
    return config["configurable"].get(_RUNTIME)


def run_id_of(config: RunnableConfig) -> str | None:
    """Return the id of the run, or None where the config names none."""
    for given in (config.get("metadata"), config["configurable"]):
        if given and given.get("run_id"):
            return str(given["run_id"])
    return None
