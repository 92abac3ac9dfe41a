"""The demo's verification can fail: with each thing that may go wrong in a worker, it says so and exits with 1."""

import argparse
import sys
from pathlib import Path

import pytest

from langgraph_filesaver.demo.command import run
from tests.demo.demo_process import write_documents

SABOTEUR = str(Path(__file__).with_name("saboteur.py"))


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("loses_a_write", "not true: the results of 2 finished documents are there"),
        ("overlooks_writes", "not true: find_documents and 2 finished documents ran once"),
        ("loses_checkpoints", "there is no checkpoint of thread 'digest-1'"),
        ("does_not_wait", "the agent did not wait where it was held"),
        ("fails", "a worker that fails"),
        ("does_not_ask", "the agent did not ask for approval"),
        ("takes_no_for_an_answer", "the agent did not finish after the approval"),
        ("miscounts_words", "the report is wrong: a.md: expected 'words 12,"),
        ("invents_a_quote", "the quoted sentence is not in it: 'Files are made of stone.'"),
        ("drops_a_document", "the report is wrong: a.md is missing"),
        ("writes_another_report", "not true: the report in the file is the report in the state"),
        ("reads_again_after_approval", "nothing was read again"),
        ("reports_without_approval", "not true: there is no report yet"),
    ],
)
def test_a_worker_that_does_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, told: str) -> None:
    """A worker with one thing wrong makes the demo fail with a message that tells what is wrong."""
    code, printed, errors = _run_with(kind, tmp_path, capsys, timeout_seconds=120)
    assert code == 1, printed
    assert errors.startswith("NOT VERIFIED: ")
    assert told in errors
    assert "All of this was verified" not in printed


def test_a_worker_that_tells_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A worker that neither works nor ends is waited for only so long, and is gone afterwards."""
    code, _, errors = _run_with("tells_nothing", tmp_path, capsys, timeout_seconds=0.5)
    assert code == 1
    assert "told nothing for 0.5 s" in errors


def test_the_saboteur_alone_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With nothing wrong the same way of starting workers succeeds, so the failures above come from what is wrong."""
    code, printed, errors = _run_with("does_nothing_wrong", tmp_path, capsys, timeout_seconds=120)
    assert (code, errors) == (0, "")
    assert "All of this was verified" in printed


def _run_with(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, timeout_seconds: float
) -> tuple[int, str, str]:
    given = argparse.Namespace(folder=str(write_documents(tmp_path / "in")), root=str(tmp_path / "root"), keep=False)
    code = run(given, worker=(sys.executable, "-X", "utf8", SABOTEUR, kind), timeout_seconds=timeout_seconds)
    printed, errors = capsys.readouterr()
    return code, printed, errors
