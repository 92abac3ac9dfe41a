"""A correction in an editor: real editors, which are small programs, and a person whose answers are given."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from langgraph_filesaver import ConflictError, FileSaver, InvalidEditError, NotFoundError, StorageError
from langgraph_filesaver._editing.session import edit_in_editor, editor_of
from tests.checkpoints import config_of, ids_of, put
from tests.stores import Home

ID = "1f0c8a10-93d1-6f42-8000-6b1f4e0c9a27"


class Person:
    """Answers in turn, and remembers what was asked and shown.

    Args:
        folder: Where the editor's program and its notes are.
        answers: The answers.
    """

    def __init__(self, folder: Path, *answers: bool) -> None:
        self.folder = folder
        self.answers = list(answers)
        self.asked: list[str] = []
        self.shown: list[str] = []

    def ask(self, question: str) -> bool:
        self.asked.append(question)
        return self.answers.pop(0)

    def edit(self, saver: FileSaver, *rounds: str, thread_id: str = "t") -> str | None:
        """Edit with an editor that runs one of these programs in each round, with the file's `path` and its `text`."""
        program = self.folder / "an editor.py"
        rounds_left = self.folder / "rounds.json"
        rounds_left.write_text(json.dumps(rounds))
        program.write_text(
            "import json, os, pathlib, re, sys\n"
            f"left = pathlib.Path({str(rounds_left)!r})\n"
            "rounds = json.loads(left.read_text())\n"
            "left.write_text(json.dumps(rounds[1:]))\n"
            "assert sys.argv[1] == '--wait'\n"
            "path = pathlib.Path(sys.argv[2])\n"
            "text = path.read_text('utf-8')\n"
            "exec(rounds[0])\n"
        )
        command = f"{shlex.quote(sys.executable)} {shlex.quote(str(program))} --wait"
        try:
            return edit_in_editor(
                saver, thread_id, editor_command=command, edited_by="ann", ask=self.ask, show=self.shown.append
            )
        finally:
            assert json.loads(rounds_left.read_text()) == [], "each round was asked for"
            assert self.answers == []

    @property
    def kept(self) -> Path | None:
        """The file in which the edited text was kept."""
        told = [match[1] for each in self.shown if (match := re.search(r"kept in (.*)", each))]
        return Path(told[0]) if told else None


def replacing(old: str, new: str) -> str:
    return f"assert {old!r} in text; path.write_text(text.replace({old!r}, {new!r}), 'utf-8')"


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files, so that what stays can be seen."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture
def saver(local_home: Home) -> FileSaver:
    saver = local_home.saver()
    put(saver, ID, {"plan": "old", "steps": ["a", "b"], "n": 1})
    return saver


def values_of(saver: FileSaver) -> dict[str, Any]:
    found = saver.get_tuple(config_of())
    assert found is not None
    return found.checkpoint["channel_values"]


def test_a_correction_is_shown_asked_for_and_stored(saver: FileSaver, tmp_path: Path, temporary: Path) -> None:
    """The diff is shown by lines, then asked for, then stored, and no file is left."""
    person = Person(tmp_path, True)
    stored = person.edit(saver, replacing('"old"', '"new"'))
    assert values_of(saver) == {"plan": "new", "steps": ["a", "b"], "n": 1}
    assert ids_of(saver, config_of()) == [stored, ID]
    assert person.asked == ["Store this?"]
    assert '-  "plan": "old",\n+  "plan": "new",' in person.shown[0]
    assert str(stored) in person.shown[1]
    assert list(temporary.iterdir()) == []


def test_the_file_is_private(saver: FileSaver, tmp_path: Path) -> None:
    """Nobody else can read the file or its folder while it is edited, and its name tells what it is."""
    note = tmp_path / "note.json"
    person = Person(tmp_path)
    person.edit(
        saver,
        "import stat\n"
        "modes = [stat.S_IMODE(os.stat(each).st_mode) for each in (path, path.parent)]\n"
        f"pathlib.Path({str(note)!r}).write_text(json.dumps([path.name, *modes]))",
    )
    assert json.loads(note.read_text()) == ["t.json", 0o600, 0o700]


@pytest.mark.parametrize("program", ["", "path.write_text(json.dumps(json.loads(text)))", "os.utime(path)"])
def test_leaving_it_unchanged_writes_nothing(
    saver: FileSaver, local_home: Home, tmp_path: Path, temporary: Path, program: str
) -> None:
    """The same text, or the same values laid out otherwise: nothing is asked or written, and that is told."""
    before = local_home.files()
    person = Person(tmp_path)
    assert person.edit(saver, program) is None
    assert person.shown == ["Nothing was changed, so nothing was stored."]
    assert local_home.files() == before
    assert list(temporary.iterdir()) == []


def test_a_broken_edit_reopens_the_editor(saver: FileSaver, tmp_path: Path, temporary: Path) -> None:
    """What is broken is shown with its line, and the editor is opened with the person's text, as often as they want."""
    person = Person(tmp_path, True, True, True)
    person.edit(
        saver,
        replacing('"old"', '"new"}'),
        replacing('"new"}', '{"$type": "decimal", "value": "x"}'),
        replacing('{"$type": "decimal", "value": "x"}', '"new"'),
    )
    assert values_of(saver)["plan"] == "new"
    assert person.asked == ["Open the editor again?"] * 2 + ["Store this?"]
    assert re.match(r'line 2, column \d+: not valid JSON.*\n      "plan": "new"},\n +\^$', person.shown[0])
    assert re.match(r'line 2, column 11, at state\["plan"\].*\n.*decimal.*\n {14}\^$', person.shown[1])
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("answers", [(False,), (True, False)])
def test_giving_up_keeps_the_text(
    saver: FileSaver, local_home: Home, tmp_path: Path, answers: tuple[bool, ...]
) -> None:
    """Who gives up a broken edit, or does not want the diff, finds the text in a file, and nothing was stored."""
    before = local_home.files()
    person = Person(tmp_path, *answers)
    rounds = [replacing('"old"', '"new" x'), replacing('"new" x', '"new"')]
    assert person.edit(saver, *rounds[: len(answers)]) is None
    assert person.kept is not None
    assert '"new"' in person.kept.read_text("utf-8")
    assert local_home.files() == before


def test_a_thread_that_moved_on(saver: FileSaver, tmp_path: Path) -> None:
    """[E4] A conflict goes on to the caller, and the edited text is kept."""
    person = Person(tmp_path, True)
    ask = person.ask

    def slowly(question: str) -> bool:
        put(saver, "1f0c8a11-5b2e-6d04-8001-3f9c27a1d55e", {"plan": "another"}, parent=ID, step=1)
        return ask(question)

    person.ask = slowly  # type: ignore[method-assign]
    with pytest.raises(ConflictError):
        person.edit(saver, replacing('"old"', '"new"'))
    assert values_of(saver) == {"plan": "another"}
    assert person.kept is not None
    assert '"new"' in person.kept.read_text("utf-8")


@pytest.mark.parametrize("is_changed", [False, True])
def test_an_editor_that_fails(saver: FileSaver, tmp_path: Path, temporary: Path, is_changed: bool) -> None:
    """An editor that ends with an error stores nothing; what was written until then is kept."""
    person = Person(tmp_path)
    with pytest.raises(InvalidEditError, match="exit code 3"):
        person.edit(saver, (replacing('"old"', '"new"') if is_changed else "") + "\nsys.exit(3)")
    assert (person.kept is not None) == is_changed
    assert len(list(temporary.iterdir())) == is_changed
    assert values_of(saver)["plan"] == "old"


@pytest.mark.parametrize("command", ["", "/no/such/editor --wait", "'"])
def test_no_editor(saver: FileSaver, temporary: Path, command: str) -> None:
    """Without an editor that can be run, the error says how to name one."""
    with pytest.raises(InvalidEditError, match="EDITOR"):
        edit_in_editor(saver, "t", editor_command=command, edited_by="ann", ask=bool, show=print)
    assert list(temporary.iterdir()) == []


def test_which_editor() -> None:
    """`$VISUAL` counts before `$EDITOR`, and an empty one not at all."""
    assert editor_of({"VISUAL": "code --wait", "EDITOR": "nano"}) == "code --wait"
    assert editor_of({"VISUAL": "", "EDITOR": "nano"}) == "nano"
    assert editor_of({})


def test_a_file_that_is_gone(saver: FileSaver, tmp_path: Path) -> None:
    """Where the editor has removed the file, that is told, and it is there again with the text of before."""
    person = Person(tmp_path, True, True)
    person.edit(saver, "path.unlink()", replacing('"old"', '"new"'))
    assert person.shown[0].startswith("the editor has removed the file")
    assert values_of(saver)["plan"] == "new"


@pytest.mark.skipif(sys.platform == "win32", reason="the editor is a shell's script")
def test_a_file_that_is_no_text(saver: FileSaver, tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are told with their line, and the editor is opened again."""
    person = Person(tmp_path, True, True)
    editor = tmp_path / "editor.sh"
    editor.write_text(
        '#!/bin/sh\nif [ -e "$1.bak" ]; then sed s/old/new/ "$1.bak" > "$1"; rm "$1.bak"\n'
        'else cp "$1" "$1.bak"; printf "{\\n\\377}" > "$1"; fi\n'
    )
    editor.chmod(0o700)
    command = shlex.quote(str(editor))
    edit_in_editor(saver, "t", editor_command=command, edited_by="ann", ask=person.ask, show=person.shown.append)
    assert person.shown[0].startswith("line 2: no UTF-8")
    assert values_of(saver)["plan"] == "new"


def test_an_unknown_thread(saver: FileSaver, temporary: Path) -> None:
    """No editor is opened for a thread that is not there."""
    with pytest.raises(NotFoundError, match="'u' has no checkpoint"):
        edit_in_editor(saver, "u", editor_command="false", edited_by="ann", ask=bool, show=print)
    assert list(temporary.iterdir()) == []


def test_no_room_for_the_file(saver: FileSaver, temporary: Path) -> None:
    """Where no temporary file can be made, the error names the place."""
    temporary.rmdir()
    with pytest.raises(StorageError, match="temporary"):
        edit_in_editor(saver, "t", editor_command="false", edited_by="ann", ask=bool, show=print)
    os.mkdir(temporary)
