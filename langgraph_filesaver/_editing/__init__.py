"""Correcting the latest state of a thread without the graph's code: as text, or channel by channel."""

from langgraph_filesaver._editing.editor import Edit, EditableState, Editing

__all__ = ["Edit", "EditableState", "Editing"]
