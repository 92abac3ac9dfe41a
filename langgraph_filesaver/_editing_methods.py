"""Correcting the latest state of a thread, as FileSaver offers it. A call waits for whoever has the thread."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.serde.base import SerializerProtocol

from langgraph_filesaver._codec import Codec
from langgraph_filesaver._reading import config_of
from langgraph_filesaver._repository import Repository

if TYPE_CHECKING:  # a run corrects nothing
    from langgraph_filesaver._editing import Edit, Editing

__all__ = ["EditingMethods"]


class EditingMethods:
    """The part of a saver that corrects.

    Attributes:
        serde: The saver's serde.
        _lock_timeout_seconds: How long a call waits for a thread that somebody else has.
    """

    serde: SerializerProtocol
    _lock_timeout_seconds: float

    @property
    @abstractmethod
    def _repository(self) -> Repository:
        """The threads."""

    @abstractmethod
    def get_next_version(self, current: Any | None, channel: None) -> Any:
        """Return a version greater than `current`."""

    def editing(self) -> Editing:
        """Return what corrects the threads as text, for tools such as an editor's command."""
        from langgraph_filesaver._editing import Editing

        return Editing(self._repository, Codec(self.serde), self.get_next_version, self._lock_timeout_seconds)

    def edit_state(
        self, thread_id: str, values: Mapping[str, Any], *, checkpoint_ns: str = "", edited_by: str | None = None
    ) -> RunnableConfig:
        """Correct the latest state of a thread, without the graph: channels get these values, whole; no reducer is asked.

        The nodes that run next are the same as before. Where nothing hangs on the latest checkpoint, a new one follows it, of
        the source `update`. Where there are writes of finished tasks or of an interrupt on it, or a subgraph's state, its file
        is replaced, so that no task runs again and answers find their interrupts; what it was before is kept in `edits/` of
        the thread's folder. What finished tasks have written comes on top of the values, as soon as the graph goes on. An
        edit that changes nothing writes nothing.

        Args:
            thread_id: The thread.
            values: Channels and their new values; all others stay. A `DeltaChannel` is set as a whole.
            checkpoint_ns: The namespace.
            edited_by: Who does it; by default the user of the operating system. It is stored in the metadata.

        Returns:
            The config of the checkpoint that shows the values.

        Raises:
            NotFoundError: There is no such thread.
            InvalidEditError: There is no such channel, or it is LangGraph's own.
            SerializationError: A value cannot be stored.
            ConflictError: The thread has moved on meanwhile; or the caller's own lease was lost.
            LockTimeoutError: Another maintenance call, or somebody else's lease of the thread, did not end in time.
            StorageError: It cannot be written; nothing was stored, in all these cases.

        Example:
            >>> saver.edit_state("research-42", {"plan": ["search", "report"]})
        """
        return self._store_edit(self._setting(thread_id, values, checkpoint_ns), edited_by)

    def _setting(self, thread_id: str, values: Mapping[str, Any], checkpoint_ns: str) -> Edit:
        return self.editing().setting(str(thread_id), values, checkpoint_ns)

    def _store_edit(self, edit: Edit, edited_by: str | None) -> RunnableConfig:
        document = self.editing().store(edit, edited_by=_user() if edited_by is None else edited_by)
        checkpoint_id = edit.checkpoint_id if document is None else document.checkpoint_id
        return config_of(edit.thread_id, edit.checkpoint_ns, checkpoint_id)


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user may have no name
        return "unknown"
