"""Whether the files of a store are what they should be, and taking those that are not out of the way."""

from langgraph_filesaver._verification.findings import Finding, RepairReport, VerifyReport
from langgraph_filesaver._verification.repairing import repair
from langgraph_filesaver._verification.verifying import verify

__all__ = ["Finding", "RepairReport", "VerifyReport", "repair", "verify"]
