"""Commands as processes, on a terminal and in a pipe: bars, colours, Ctrl-C, the end of a pipe, following, completion."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from langgraph_filesaver import FileSaver
from tests.checkpoints import put
from tests.cli.running import PROJECT, piped, run, terminal

LONG = {
    "threads": "looking",
    "export research-42 -o page.html": "steps",
    "prune --all --yes": "looking",
    "gc --dry-run": "looking",
    "copy research-42 research-43": "copying",
    "delete asks fails --yes": "deleting",
    "artifacts research-42 --extract out": "extracting",
    "push memory://somewhere/agents": "pushing",
}


@pytest.mark.parametrize("command", LONG)
def test_long_work_shows_a_bar_on_a_terminal(root: Path, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where standard error is a terminal a bar is drawn there, and none of it gets into standard output."""
    monkeypatch.chdir(root.parent)
    with terminal(*command.split(), root=root, output=False) as screen:
        code, stdout = screen.end(), screen.process.stdout
        assert stdout is not None
        told = stdout.read().decode()
    assert code == 0, screen.shown
    assert re.search(rf"{LONG[command]}.*[━╸]", screen.shown)
    assert "\x1b" not in told
    assert LONG[command] not in told


@pytest.mark.parametrize("command", LONG)
def test_long_work_shows_no_bar_in_a_pipe(root: Path, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a pipe there is no bar and no escape sequence; push tells each file as a line."""
    monkeypatch.chdir(root.parent)
    done = piped(*command.split(), root=root)
    assert done.returncode == 0, done.stderr
    assert not re.search("[━╸\x1b]", done.stdout + done.stderr)
    assert ("1: " in done.stderr) == command.startswith("push")


@pytest.mark.parametrize("columns", [80, 120])
def test_tables_on_a_terminal(root: Path, columns: int) -> None:
    """On a terminal statuses have colours, and no line is wider than the terminal; with NO_COLOR there are none."""
    with terminal("threads", root=root, columns=columns) as screen:
        assert screen.end() == 0
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.shown).splitlines()
    assert max(map(len, lines)) <= columns
    assert re.search(r"\x1b\[31mfailed", screen.shown)
    assert ("CHECKPOINTS" in screen.shown) == (columns == 120)
    with terminal("threads", root=root, columns=columns, NO_COLOR="1") as screen:
        assert screen.end() == 0
    assert not re.search(r"\x1b\[3\d", screen.shown)


def test_an_encoding_of_few_characters(root: Path) -> None:
    """Where standard output takes ASCII only, JSON is the same value, and a table has no lines but those of text."""
    put(FileSaver(root), "1", {"value": "é🙂"}, thread_id="ünï")
    shown = piped("show", "ünï", "--json", root=root, PYTHONIOENCODING="ascii")
    assert json.loads(shown.stdout)["values"] == {"value": "é🙂"}
    table = piped("threads", root=root, PYTHONIOENCODING="ascii")
    assert (table.returncode, table.stderr) == (0, "")
    assert "\\xfcn\\xef" in table.stdout
    assert "\\u2500" not in table.stdout


def test_ctrl_c_ends_with_130(root: Path) -> None:
    """Ctrl-C ends a question and `tail -f` with 130 and without a traceback; nothing was changed."""
    with terminal("delete", "asks", root=root) as screen:
        screen.wait_for("Go on? [y/N]")
        screen.interrupt()
        assert screen.end() == 130
    assert "Traceback" not in screen.shown
    assert (root / "asks").exists()
    with terminal("tail", "-f", "asks", root=root) as screen:
        screen.wait_for("step 1")
        screen.interrupt()
        assert screen.end() == 130
    assert "Traceback" not in screen.shown


@pytest.mark.parametrize("command", ["threads --json", "threads", "tail research-42 -f", "show research-42"])
def test_a_reader_that_has_had_enough_is_no_error(root: Path, command: str) -> None:
    """`| head -1` ends the command without a traceback and with 0, also one that follows a thread."""
    saver = FileSaver(root, fsync=False)
    for number in range(40):
        put(saver, "1", {"value": 1}, thread_id=f"{'long' * 30}{number}")
    if "-f" not in command:
        done = piped(*command.split(), root=root, shell="| head -c 1")
        assert (done.returncode, done.stderr, len(done.stdout)) == (0, "", 1)
        return
    with terminal(*command.split(), "-n", "1", "--interval", "0.05", root=root, output=False) as screen:
        stdout = screen.process.stdout
        assert stdout is not None
        stdout.readline()
        stdout.close()
        put(saver, "2", {"value": 2}, thread_id="research-42")
        assert screen.end() == 0
    assert screen.shown == ""


WRITER = """
import sys
from langgraph_filesaver import FileSaver
from tests.inspection.looking import chat, config_for
sys.stdin.readline()
chat(FileSaver(sys.argv[1], fsync=False)).invoke({"log": ["hello"]}, config_for("new"))
"""


def test_tail_follows_a_writer_in_another_process(root: Path) -> None:
    """`tail -f` waits for a thread that is not there, and then shows each checkpoint once, in order."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(root)], stdin=subprocess.PIPE, cwd=PROJECT, env={"PYTHONPATH": str(PROJECT)}
    )
    with terminal("tail", "new", "-f", "--json", "--interval", "0.02", root=root, output=False) as screen:
        screen.wait_for("waiting for thread 'new'")
        writer.communicate(b"go\n", timeout=60)
        stdout = screen.process.stdout
        assert stdout is not None
        steps = [json.loads(stdout.readline()) for _ in range(4)]
        screen.interrupt()
        assert screen.end() == 130
        assert stdout.read() == b""
    assert [each["step"] for each in steps] == [-1, 0, 1, 2]
    history = FileSaver(root).thread("new").history().to_dict()
    assert [{**each, "is_latest": None} for each in steps] == [
        {**each, "is_latest": None} for each in reversed(history)
    ], "but for which one was the latest when it was told"


def test_tail_begins_with_the_last_ones(root: Path) -> None:
    """-n says with how many it begins, the newest ones, the oldest of them first."""
    lines = run("tail", "research-42", "-n", "2", root=root).stdout.splitlines()
    assert [line.split("  ")[1:4] for line in lines] == [
        ["step 1", "draft", "changed log, text"],
        ["step 2", "review", "changed log, text"],
    ]
    assert run("tail", "research-42", "-n", "0", root=root).stdout == ""


def test_tail_tells_the_time_of_this_place(root: Path) -> None:
    """A step has the same time in `tail` and in `history`, in the zone of who looks."""
    for zone in ("Asia/Tokyo", "UTC"):
        told = piped("tail", "asks", "-n", "1", root=root, TZ=zone).stdout.split()[0]
        latest = piped("history", "asks", "--limit", "1", root=root, TZ=zone).stdout.splitlines()[-1]
        assert f" {told} " in latest


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(root: Path, shell: str) -> None:
    """The script asks this program, which completes commands, options and threads, but none that would break the line."""
    put(FileSaver(root), "1", {"value": 1}, thread_id="research\n44")
    script = run("completion", shell)
    assert script.exit_code == 0
    assert "_LANGGRAPH_FILESAVER_COMPLETE" in script.stdout

    def completed(*words: str) -> str:
        line = " ".join(["langgraph-filesaver", *words])
        last = words[-1] if shell == "fish" else str(len(words))
        asked = {"_LANGGRAPH_FILESAVER_COMPLETE": f"{shell}_complete", "COMP_WORDS": line, "COMP_CWORD": last}
        return run(root=root, **asked).stdout

    assert "history" in completed("hist")
    assert "--checkpoint" in completed("show", "--ch")
    assert completed("show", "rese").count("research") == 1
    assert "research-42" in completed("delete", "asks", "rese")
    assert "Traceback" not in completed("show", "--root", "/nowhere", "rese")


@pytest.mark.parametrize(
    ("command", "closed", "code"),
    [
        ("threads", ">&-", 0),
        ("threads --json", ">&-", 0),
        ("show nope", "2>&-", 1),
        ("prune --all --yes", "2>&-", 0),
        ("delete asks", "<&-", 2),
        ("threads", ">/dev/full", 4),
        ("delete asks --yes", ">/dev/full", 4),
        ("show nope", "2>/dev/full", 1),
    ],
)
def test_streams_that_are_closed_or_full_end_in_no_traceback(root: Path, command: str, closed: str, code: int) -> None:
    """A command started without one of its streams works; an answer for which the disk has no room ends with 4."""
    done = piped(*command.split(), root=root, shell=closed)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert ("cannot write standard output: No space left" in done.stderr) == (code == 4)


def test_nobody_who_reads_the_notes_is_no_end_of_the_work(root: Path, tmp_path: Path) -> None:
    """`push 2>&1 | head -1` copies every file: that nobody reads of it must not leave a mirror half done."""
    push = ("push", f"local://{tmp_path}/mirror", "--mirror-options", '{"auto_mkdir": true}')
    done = piped(*push, root=root, shell="2>&1 >/dev/null | head -1")
    assert (done.returncode, done.stdout.count("\n")) == (0, 1), done.stdout
    told = run(*push, "--dry-run", root=root)
    assert told.stdout.startswith("would copy 0 files"), told.output


def test_a_question_that_nobody_sees_is_not_asked(root: Path) -> None:
    """Where standard error is no terminal a command that would ask refuses with 2, rather than wait for ever."""
    with terminal("delete", "asks", root=root, errors=False) as screen:
        assert screen.end() == 2
    assert (root / "asks").exists()
