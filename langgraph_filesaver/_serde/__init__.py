"""Python values as readable JSON, and back. Imports and `__all__` only; the design notes stand in the modules."""

from langgraph_filesaver._serde.objects import noting_unknown
from langgraph_filesaver._serde.serializer import JsonSerializer
from langgraph_filesaver._serde.unrevived import UnrevivedDict, UnrevivedList, UnrevivedStr

__all__ = ["JsonSerializer", "UnrevivedDict", "UnrevivedList", "UnrevivedStr", "noting_unknown"]
