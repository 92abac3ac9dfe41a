"""The demo as its user sees it: real processes, real files, exit codes and what is printed."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from tests.demo.demo_process import run_demo, write_documents

CLAIMS = (
    "was killed by SIGKILL while a node read deep/c.md",
    "it is plain JSON that lists the documents to read",
    "the results of 2 finished documents are there, deep/c.md is not",
    "find_documents and 2 finished documents ran once; only deep/c.md, which was cut off, ran",
    "there is no report yet",
    "only review, which got its answer, and write_report ran; nothing was read again",
    "the report in the file is the report in the state",
    "words, headings, bytes and SHA-256 were recomputed",
    "All of this was verified",
)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL: the first claim is worded otherwise there")
def test_a_folder_of_the_users_own(tmp_path: Path) -> None:
    """Each claim is printed, the report tells the facts of the user's files, and a finished node ran exactly once."""
    folder, root = write_documents(tmp_path / "my documents"), tmp_path / "root"
    run = run_demo(tmp_path, str(folder), "--root", str(root))

    assert (run.returncode, run.stderr) == (0, "")
    assert [claim for claim in CLAIMS if claim not in run.stdout] == []
    report = (root / "digest-1.report.md").read_text("utf-8")
    assert "## a.md\nOn storks\nwords 12, headings 1, bytes 70\n" in report
    assert f"sha256 {hashlib.sha256((folder / 'deep' / 'c.md').read_bytes()).hexdigest()}\n" in report
    for line in report.splitlines():
        assert f"  {line}".rstrip() in run.stdout
    executions = [json.loads(line) for line in (root / "digest-1.executions.jsonl").read_text("utf-8").splitlines()]
    assert [each["document"] for each in executions if each["node"] == "read_document"].count("a.md") == 1
    assert [each["document"] for each in executions if each["node"] == "read_document"].count("deep/c.md") == 2
    assert len({each["pid"] for each in executions}) == 3
    assert str(root) in run.stdout


def test_the_folder_on_disk_is_shown_as_it_is(tmp_path: Path) -> None:
    """The tree names the marker and the thread's folder, and the excerpt is the beginning of a real checkpoint file."""
    folder, root = write_documents(tmp_path / "documents"), tmp_path / "root"
    run = run_demo(tmp_path, str(folder), "--root", str(root))

    for line in ("checkpoints/", "├── filesaver.json", "└── digest-1/", "    └── writes/"):
        assert f"  {line}" in run.stdout
    shown = run.stdout.partition("The newest checkpoint, ")[2]
    file_name, _, rest = shown.partition(":\n")
    lines = (root / "checkpoints" / "digest-1" / "checkpoints" / "_root" / file_name).read_text("utf-8").split("\n")
    assert [line.removeprefix("    ") for line in rest.split("\n")[1:9]] == lines[:8]
    assert max(len(line) for line in run.stdout.splitlines() if str(tmp_path) not in line) <= 100
    assert "\x1b" not in run.stdout


def test_the_documents_that_came_with_the_library(tmp_path: Path) -> None:
    """Without arguments the library's own documents are digested, and nothing is left behind."""
    run = run_demo(tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
    assert "## format.md" in run.stdout
    assert "## decisions/0001-documents-and-names.md" in run.stdout
    assert list((tmp_path / "tmp").iterdir()) == []


def test_keep_leaves_the_temporary_folder(tmp_path: Path) -> None:
    """With `--keep` the folder stays and is named at the end; one document is enough."""
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "only.txt").write_text("Only this.", "utf-8")
    run = run_demo(tmp_path, "one", "--keep")
    assert (run.returncode, run.stderr) == (0, "")
    (kept,) = (tmp_path / "tmp").iterdir()
    assert run.stdout.rstrip().endswith(str(kept))
    assert (kept / "checkpoints" / "filesaver.json").is_file()
    assert "find_documents ran once; only only.txt, which was cut off, ran again" in run.stdout


def test_a_root_that_is_used_again_gets_a_second_thread(tmp_path: Path) -> None:
    """A second run in the same root leaves the first one's thread and report as they are."""
    folder, root = write_documents(tmp_path / "documents"), tmp_path / "root"
    assert run_demo(tmp_path, str(folder), "--root", str(root)).returncode == 0
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and ".locks" not in path.parts}
    assert run_demo(tmp_path, str(folder), "--root", str(root)).returncode == 0
    assert {path: path.read_bytes() for path in before} == before
    assert (root / "checkpoints" / "digest-2").is_dir()


def test_a_terminal_that_knows_only_ascii(tmp_path: Path) -> None:
    """Where the output knows no Unicode, the same run is told in ASCII."""
    folder = write_documents(tmp_path / "documents")
    run = run_demo(tmp_path, str(folder), PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.isascii()
    assert "  + All of this was verified" in run.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing"], "missing does not exist: give a folder that holds .md or .txt files"),
        (["documents/a.md"], "a.md is a file, not a folder"),
        (["empty"], "empty holds no .md or .txt file that can be read"),
        (["unreadable"], "('late.txt': not UTF-8; 'null.txt': binary)"),
        (["documents", "--root", "documents/a.md"], "documents/a.md"),
        (["documents", "--root", "foreign"], "so it is not a folder of this library"),
    ],
)
def test_what_cannot_begin(tmp_path: Path, arguments: list[str], message: str) -> None:
    """A wrong argument ends with exit code 2 and one line that says why; nothing is left behind."""
    write_documents(tmp_path / "documents")
    (tmp_path / "empty").mkdir()
    (tmp_path / "unreadable").mkdir()
    (tmp_path / "unreadable" / "late.txt").write_bytes("é".encode("latin-1"))
    (tmp_path / "unreadable" / "null.txt").write_bytes(b"a\0b")
    (tmp_path / "foreign" / "checkpoints").mkdir(parents=True)
    (tmp_path / "foreign" / "checkpoints" / "mine.doc").touch()
    run = run_demo(tmp_path, *arguments)
    assert run.returncode == 2
    assert message in run.stderr
    assert run.stderr.startswith("demo: ")
    assert run.stderr.count("\n") == 1
    assert list((tmp_path / "tmp").iterdir()) == []
    assert sorted(path.name for path in (tmp_path / "foreign").rglob("*")) == ["checkpoints", "mine.doc"]


def test_a_machine_is_told_whether_all_was_verified(tmp_path: Path) -> None:
    """With --json the answer is one value on standard output, and the story goes to standard error."""
    told = run_demo(tmp_path, str(write_documents(tmp_path / "documents")), "--json")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout) == {"verified": True, "root": None}
    assert told.stderr.strip()
