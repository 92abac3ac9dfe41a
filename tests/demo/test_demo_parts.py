"""The parts of the demo by themselves: which files are read, what is taken from them, what the check of a report sees."""

import os
import re
import subprocess
import sys
from io import TextIOWrapper
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_filesaver.demo import documents
from langgraph_filesaver.demo.agent import _report
from langgraph_filesaver.demo.facts import facts_of
from langgraph_filesaver.demo.page import Page
from langgraph_filesaver.demo.picture import excerpt, tree
from langgraph_filesaver.demo.processes import WORKER
from langgraph_filesaver.demo.recount import mistakes_in

TEXTS = st.text(
    st.sampled_from("ab äß#`~|>-*. \n\r\t\x0b\x1c\x85\u2028Z9") | st.characters(codec="utf-8"), max_size=400
)


@given(texts=st.lists(TEXTS, min_size=1, max_size=3), byte_order_mark=st.booleans())
def test_two_ways_to_count_agree(texts: list[str], *, byte_order_mark: bool) -> None:
    """Whatever stands in the documents, what the agent takes from them and what the check recomputes are the same."""
    mark = b"\xef\xbb\xbf" if byte_order_mark else b""
    contents = {f"{number}.md": mark + text.encode() for number, text in enumerate(texts)}
    assert mistakes_in(_report([facts_of(name, data) for name, data in contents.items()]), contents) == []


@given(text=TEXTS.filter(lambda text: bool(text.split())), data=st.data())
def test_no_digit_of_a_report_can_change_unnoticed(text: str, data: st.DataObject) -> None:
    """One changed digit anywhere in the facts of a report is found."""
    contents = {"document.md": text.encode() + b" a"}
    report = _report([{**facts_of("document.md", contents["document.md"]), "title": "Title", "quote": "a"}])
    assert mistakes_in(report, contents) == []
    facts = report.index("words ")
    place = data.draw(st.sampled_from([each.start() for each in re.finditer(r"\d", report) if each.start() > facts]))
    digit = str((int(report[place]) + 1) % 10)
    changed = report[:place] + digit + report[place + 1 :]
    if not report[:place].endswith("sha"):  # the 256 in the name of the hash is no fact
        assert mistakes_in(changed, contents) != []


def test_a_report_on_other_documents_is_wrong() -> None:
    """A section too many, too few, or with an empty quote is told by its name."""
    contents = {"a.md": b"One sentence.", "b.md": b"Two."}
    sections = [facts_of(name, data) for name, data in contents.items()]
    assert mistakes_in(_report(sections[:1]), contents) == ["b.md is missing"]
    assert mistakes_in(_report(sections), {"a.md": contents["a.md"]}) == ["b.md is no document"]
    assert mistakes_in(_report([{**sections[0], "quote": ""}, sections[1]]), contents) == [
        "a.md: the quoted sentence is not in it: ''"
    ]


def test_headings_and_the_telling_sentence() -> None:
    """Headings inside code do not count, and the sentence with the most frequent terms is the one quoted."""
    text = (
        "# Checkpoints\n\n```\n# a comment\n```\n\n"
        "Some entirely unrelated remark stands here. Checkpoints store channels and their versions.\n"
        "Nobody deletes checkpoints without channels; checkpoints without versions are broken.\n\n| checkpoints | table |\n"
    )
    facts = facts_of("a.md", text.encode())
    assert (facts["title"], facts["headings"]) == ("Checkpoints", 1)
    assert facts["quote"].startswith("Checkpoints store channels")


def test_which_files_are_read(tmp_path: Path) -> None:
    """Text in UTF-8 is read, with or without a byte order mark; everything else is left out with its reason."""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "hidden.md").write_text("hidden")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "UPPER.TXT").write_text("read")
    (tmp_path / "mark.md").write_bytes(b"\xef\xbb\xbfread")
    (tmp_path / "empty.md").touch()
    (tmp_path / "program.py").write_text("passed over")
    (tmp_path / "huge.txt").write_bytes(b"a" * (documents.MOST_BYTES + 1))
    (tmp_path / "binary.txt").write_bytes(b"\0")
    (tmp_path / "latin.txt").write_bytes(b"\xe9")
    found = documents.find(str(tmp_path))
    assert found.names == ("deep/UPPER.TXT", "empty.md", "mark.md")
    assert found.left_out == (
        ("binary.txt", "binary"),
        ("huge.txt", "larger than 1,000,000 bytes"),
        ("latin.txt", "not UTF-8"),
    )


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders and no such names")
def test_files_that_would_hang_or_mislead_are_left_out(tmp_path: Path) -> None:
    """A pipe, a symbolic link and a name with control characters are left out instead of being opened or printed."""
    (tmp_path / "good.md").write_text("read")
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "link.md").symlink_to("/etc/hostname")
    (tmp_path / "two\nlines.md").write_text("a")
    found = documents.find(str(tmp_path))
    assert found.names == ("good.md",)
    assert found.left_out == (
        ("link.md", "no regular file"),
        ("pipe.md", "no regular file"),
        ("two\nlines.md", "its name cannot be printed"),
    )


def test_a_folder_of_very_many_documents(tmp_path: Path) -> None:
    """Of very many documents the first ones are read, and the others are named as left out."""
    for number in range(documents.MOST_DOCUMENTS + 3):
        (tmp_path / f"{number:03}.txt").write_text("a")
    found = documents.find(str(tmp_path))
    assert len(found.names) == documents.MOST_DOCUMENTS
    assert [name for name, _ in found.left_out] == ["040.txt", "041.txt", "042.txt"]


def test_a_document_cannot_play_with_the_terminal(tmp_path: Path) -> None:
    """Control characters of a document are printed as question marks."""
    path = tmp_path / "page"
    with open(path, "wb") as file, TextIOWrapper(file, encoding="utf-8") as stream:
        Page(stream).line("a\x1b[31mb\u202ec")
    assert path.read_text("utf-8") == "a?[31mb?c\n"


def test_a_tree_of_many_files_is_cut(tmp_path: Path) -> None:
    """A folder of many files shows the first ones and how many more there are; ids lose their middle."""
    folder = tmp_path / "top"
    (folder / "inner").mkdir(parents=True)
    for number in range(12):
        (folder / "inner" / f"1f1e70f3-d6c1-66e7-8001-047f4c1b5{number:03}.json").write_bytes(b"x" * number)
    lines = tree(str(folder))
    assert lines[:2] == ["top/", "└── inner/"]
    assert lines[2].startswith("    ├── 1f1e70f3-d6c1…5000.json ")
    assert lines[-1] == "    └── … 4 more"
    assert len(lines) == 2 + 8 + 1


def test_an_excerpt_is_the_beginning_of_the_file(tmp_path: Path) -> None:
    """An excerpt is the file's own first lines, long ones cut, with the number of those left out."""
    path = tmp_path / "file"
    path.write_text("one\n" + "2" * 50 + "\nthree\nfour", "utf-8")
    assert excerpt(str(path), lines=2, width=10) == ["one", "222222222…", "… 2 more lines"]
    assert excerpt(str(path), lines=9, width=99) == ["one", "2" * 50, "three", "four"]


def test_a_worker_ends_with_its_parent(tmp_path: Path) -> None:
    """A held worker whose parent is gone ends by itself, and its held node has stored nothing."""
    (tmp_path / "a.md").write_text("text")
    arguments = ["start", str(tmp_path), "t", "--folder", str(tmp_path), "--hold", "a.md"]
    with subprocess.Popen(
        [*WORKER, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdin is not None
        assert b'"running"' in worker.stdout.readline()
        worker.stdin.close()
        told = worker.stdout.read()
        assert worker.wait(timeout=120) == 1
        assert told == b""


@pytest.mark.parametrize(
    ("arguments", "code", "printed"),
    [
        (["--version"], 0, "langgraph-filesaver "),
        (["--help"], 0, "Usage: langgraph-filesaver"),
        ([], 0, "Usage: langgraph-filesaver"),
        (["demo", "--help"], 0, "FOLDER"),
        (["nonsense"], 2, "No such command"),
    ],
)
def test_the_command_line(arguments: list[str], code: int, printed: str) -> None:
    """The version, the help and a wrong command answer as on any command line."""
    run = subprocess.run(
        [sys.executable, "-m", "langgraph_filesaver", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == code
    assert printed in run.stdout + run.stderr
