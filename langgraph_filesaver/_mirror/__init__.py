"""A local folder and its mirror in another store."""

from langgraph_filesaver._mirror.demand import mirror_status, pull, push
from langgraph_filesaver._mirror.reports import MirrorStatus, TransferReport
from langgraph_filesaver._mirror.store import MirroredStore
from langgraph_filesaver._mirror.transfer import Progress

__all__ = ["MirrorStatus", "MirroredStore", "Progress", "TransferReport", "mirror_status", "pull", "push"]
