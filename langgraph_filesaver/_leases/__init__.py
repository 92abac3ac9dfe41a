"""Who has a thread for a whole run: leases, their holders, and what still comes from one who lost it."""

from langgraph_filesaver._leases.clock import Clock
from langgraph_filesaver._leases.holders import BusyError, HeldError, LockInfo
from langgraph_filesaver._leases.lease import Lease, owning
from langgraph_filesaver._leases.leases import Leases
from langgraph_filesaver._leases.places import FilesPlace, LeasePlace, MemoryPlace, ReadOnlyPlace
from langgraph_filesaver._leases.store_place import StorePlace

__all__ = [
    "BusyError",
    "Clock",
    "FilesPlace",
    "HeldError",
    "Lease",
    "LeasePlace",
    "Leases",
    "LockInfo",
    "MemoryPlace",
    "ReadOnlyPlace",
    "StorePlace",
    "owning",
]
