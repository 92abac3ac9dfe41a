"""A local folder and its mirror in another store."""

from langgraph_filesaver._mirror.demand import difference, mirror_status, pull, push
from langgraph_filesaver._mirror.reports import MirrorStatus, TransferReport
from langgraph_filesaver._mirror.store import MirroredStore
from langgraph_filesaver._mirror.transfer import Progress

__all__ = ["MirrorStatus", "MirroredStore", "Progress", "TransferReport", "difference", "mirror_status", "pull", "push"]
