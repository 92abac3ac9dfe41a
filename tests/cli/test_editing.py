"""`edit`: the editor, the question, the codes. What a correction does to a thread is tested with the session itself."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from langgraph_filesaver import FileSaver
from tests.checkpoints import put
from tests.cli.running import answer, files_in, piped, run, terminal

CHANGES = "sed -i s/two/2nd/"


def test_a_correction_is_shown_asked_about_and_stored(root: Path) -> None:
    """The diff and a question come on the terminal; yes stores the state, and the id of its checkpoint is told."""
    with terminal("edit", "asks", "--json", root=root, output=False, EDITOR=CHANGES) as screen:
        screen.wait_for("Store this? [y/N]")
        screen.type("y\n")
        assert screen.end() == 0
        stdout = screen.process.stdout
        assert stdout is not None
        told = json.loads(stdout.read())
    assert "2nd" in screen.shown
    latest = answer("show", "asks", root=root)
    assert latest["checkpoint_id"] == told["checkpoint_id"]
    assert latest["values"]["text"] == "one\n2nd\nthree"


@pytest.mark.parametrize("key", ["n\n", "\x04"])
def test_no_stores_nothing_and_keeps_the_text(root: Path, key: str, tmp_path: Path) -> None:
    """No, and the end of the input, end with 130; the store is as it was, and the path of the edited text is told."""
    before = files_in(root)
    (tmp_path / "tmp").mkdir()
    with terminal("edit", "asks", root=root, EDITOR=CHANGES, TMPDIR=str(tmp_path / "tmp")) as screen:
        screen.wait_for("Store this? [y/N]")
        screen.type(key)
        assert screen.end() == 130
    assert files_in(root) == before
    (kept,) = (path for path in (tmp_path / "tmp").rglob("*.json"))
    assert str(kept) in screen.shown.replace("\r\n", "")
    assert "2nd" in kept.read_text()


def test_without_a_terminal_it_needs_yes(root: Path) -> None:
    """It refuses with 2, and with --yes it stores what the editor leaves; an editor that changes nothing stores nothing."""
    before = files_in(root)
    assert run("edit", "asks", root=root, EDITOR=CHANGES, VISUAL=None).exit_code == 2
    unchanged = run("edit", "asks", "--yes", root=root, EDITOR="true", VISUAL=None)
    assert (unchanged.exit_code, unchanged.stdout) == (0, "")
    assert "Nothing was changed" in unchanged.stderr
    assert files_in(root) == before
    stored = run("edit", "asks", "--yes", "--json", root=root, EDITOR=CHANGES, VISUAL=None)
    assert stored.exit_code == 0
    assert json.loads(stored.stdout)["checkpoint_id"] == answer("show", "asks", root=root)["checkpoint_id"]
    assert files_in(root) != before


# An editor that does not write before both are open; it gives up after a minute.
_BOTH_OPEN = """\
mkdir -p "$OPEN" && touch "$OPEN/$PPID"
for look in $(seq 600); do
    [ "$(ls "$OPEN" | wc -l)" -ge 2 ] && break
    sleep 0.1
done
sed -i "s/two/by $PPID/" "$1"
"""


def test_of_two_processes_that_correct_at_once_one_is_refused(root: Path, tmp_path: Path) -> None:
    """Two people have one thread open: the first to save is stored; the other ends with 5, and their text is kept in a file."""
    put(FileSaver(root), "2", {"value": "two"}, thread_id="single", parent="1", step=1)
    editor = tmp_path / "editor.sh"
    editor.write_text(_BOTH_OPEN)
    own = {"EDITOR": f"bash {editor}", "OPEN": str(tmp_path / "open"), "TMPDIR": str(tmp_path)}
    with ThreadPoolExecutor(2) as pool:
        begun = [pool.submit(partial(piped, "edit", "single", "--yes", root=root, **own)) for _ in range(2)]
        stored, refused = sorted((each.result() for each in begun), key=lambda done: done.returncode)
    assert (stored.returncode, refused.returncode) == (0, 5), stored.stderr + refused.stderr
    assert "has moved on" in refused.stderr
    (kept,) = (path for path in tmp_path.rglob("single.json") if str(path) in refused.stderr)
    told, lost = answer("show", "single", root=root)["values"]["value"], json.loads(kept.read_text())["value"]
    assert told.startswith("by ")
    assert lost.startswith("by ")
    assert told != lost


def test_a_broken_text_is_told_with_its_line(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is no JSON any more is told with its line; where nobody can be asked, that is the end, with 130."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = files_in(root)
    result = run("edit", "asks", "--yes", root=root, EDITOR="sed -i '2s/.*/{/'", VISUAL=None)
    assert result.exit_code == 130
    assert "line 2" in result.stderr
    assert "The edited text is kept in" in result.stderr
    assert files_in(root) == before


def test_an_editor_that_cannot_be_run_ends_with_2(root: Path) -> None:
    """The message names the editor, and the variables that say which one it is."""
    result = run("edit", "asks", "--yes", root=root, EDITOR="no-such-editor-here", VISUAL=None)
    assert result.exit_code == 2
    assert "no-such-editor-here" in result.stderr
    assert "$EDITOR" in result.stderr
