"""One correction in a person's editor: out into a private file, back, checked, shown as a diff, asked for, stored.

Knows the terminal by two functions only: `ask` and `show`. What the person wrote is never lost: unless it was stored, or says
the same as before, its file stays, and its path is told, whatever ended the session.
"""

from __future__ import annotations

import difflib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Protocol

from typing_extensions import Self

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._editing.editor import Edit, EditableState, Editing
from langgraph_filesaver._editing.text import state_of, text_of
from langgraph_filesaver.errors import InvalidEditError, StorageError

__all__ = ["HasEditing", "edit_in_editor", "editor_of"]


class HasEditing(Protocol):
    """A saver."""

    def editing(self) -> Editing:
        """Return what corrects its threads."""


def editor_of(environment: Mapping[str, str]) -> str:
    """Return the command of a person's editor: `$VISUAL`, `$EDITOR`, or what every system has."""
    default = "notepad" if sys.platform == "win32" else "vi"
    return environment.get("VISUAL") or environment.get("EDITOR") or default


def edit_in_editor(
    saver: HasEditing,
    thread_id: str,
    *,
    editor_command: str,
    edited_by: str,
    ask: Callable[[str], bool],
    show: Callable[[str], None],
    checkpoint_ns: str = "",
) -> str | None:
    """Let a person correct the latest state of a thread in an editor.

    Args:
        saver: Where the thread is.
        thread_id: The thread.
        editor_command: The editor and its options, as in a shell; the file's path is added. It has to wait until the person
            is done.
        edited_by: Who it is.
        ask: Asks the person a question, returns whether the answer is yes.
        show: Shows the person some lines.
        checkpoint_ns: The namespace.

    Returns:
        The id of the checkpoint that shows the correction; None where nothing was stored.

    Raises:
        InvalidEditError: There is no such thread, or the editor cannot be run.
        ConflictError: The thread has moved on meanwhile; the edited text is kept in a file, whose path was shown.
        FileSaverError: As `edit_state`; the same holds.
    """
    editing = saver.editing()
    state = editing.open(thread_id, checkpoint_ns)
    for note in state.notes:
        show(f"Note: {note}.")
    with _PrivateFile(f"{layout.name_of(thread_id)}.json", state.text, show) as file:
        edit = _edited(editing, state, file, editor_command, ask, show)
        if edit is None:
            return None
        document = None
        if edit.values:
            show(_difference(state, file.last))
            if not ask("Store this?"):
                return None
            document = editing.store(edit, edited_by=edited_by)
        file.is_needed = False
        if document is None:
            show("Nothing was changed, so nothing was stored.")
            return None
        how = "in place of itself" if document.checkpoint_id == state.checkpoint_id else "as a new checkpoint"
        show(f"Stored {how}: {document.checkpoint_id}.")
        return document.checkpoint_id


def _edited(
    editing: Editing,
    state: EditableState,
    file: _PrivateFile,
    editor_command: str,
    ask: Callable[[str], bool],
    show: Callable[[str], None],
) -> Edit | None:
    """Return what the person changed; None where it is broken and the person gives up."""
    while True:
        _run(editor_command, file.path)
        try:
            return editing.checked(state, file.read())
        except InvalidEditError as error:
            show(_told(error, file.last))
            if not ask("Open the editor again?"):
                return None


def _run(editor_command: str, path: str) -> None:
    try:
        words = shlex.split(editor_command)
        code = subprocess.run([*words, path], check=False).returncode if words else None  # noqa: S603 - the user's own editor
    except (OSError, ValueError) as error:
        raise InvalidEditError(
            f"the editor {editor_command!r} cannot be run ({error}): set $VISUAL or $EDITOR"
        ) from error
    if code is None:
        raise InvalidEditError("there is no editor: set $VISUAL or $EDITOR")
    if code:
        raise InvalidEditError(f"the editor {editor_command!r} ended with exit code {code}, so nothing was stored")


def _told(error: InvalidEditError, text: str) -> str:
    """Return an error with the line that it is about, and a mark below."""
    lines = text.split("\n")
    if error.line is None or error.line > len(lines):
        return str(error)
    line = lines[error.line - 1]
    start = max(0, (error.column or 1) - 60)
    mark = " " * ((error.column or 1) - 1 - start) + "^"
    return f"{error}\n    {line[start : start + 100]}\n    {mark}"


def _difference(state: EditableState, text: str) -> str:
    """Return what was changed, line by line; how the text was laid out is no difference."""
    lines = difflib.unified_diff(
        state.text.splitlines(),
        text_of(state_of(text)).splitlines(),
        fromfile=state.checkpoint_id,
        tofile="corrected",
        lineterm="",
    )
    return "\n".join(lines)


class _PrivateFile:
    """A file for an editor, in a folder of its own that only its owner can read; editors put their own files beside it.

    Args:
        name: Its name.
        text: What is in it at first.
        show: Told where it is, where it stays.

    Attributes:
        path: Where it is.
        last: Its text when it was last read.
        is_needed: Whether it stays if it is not as it was at first.
    """

    def __init__(self, name: str, text: str, show: Callable[[str], None]) -> None:
        try:
            self._folder = tempfile.mkdtemp(prefix="langgraph-filesaver-")
        except OSError as error:
            raise StorageError.from_os_error(error, action="make a folder in", path=tempfile.gettempdir()) from error
        self.path = os.path.join(self._folder, name)
        self.last = self._first = text
        self.is_needed = True
        self._show = show

    def __enter__(self) -> Self:
        try:
            self._write()
        except OSError as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise StorageError.from_os_error(error, action="write", path=self.path) from error
        return self

    def _write(self) -> None:
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(self.last)

    def read(self) -> str:
        """Return the text that the editor has left.

        Raises:
            InvalidEditError: It is none, or the file is gone; the text of before is in it again then.
        """
        try:
            with open(self.path, "rb") as file:
                data = file.read()
        except FileNotFoundError as error:
            self._write()
            raise InvalidEditError("the editor has removed the file: it is there again, as it was") from error
        except OSError as error:
            raise StorageError.from_os_error(error, action="read", path=self.path) from error
        try:
            self.last = data.decode()
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            self.last = data.decode(errors="replace")
            raise InvalidEditError(f"no UTF-8: {error.reason}", line=line) from error
        return self.last

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.is_needed and self._is_changed():
            self._show(f"The edited text is kept in {self.path}")
        else:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _is_changed(self) -> bool:
        try:
            with open(self.path, "rb") as file:
                return file.read() != self._first.encode()
        except OSError:
            return False
