"""What every command promises: help with an example, JSON for machines, errors with a code, and no change by a dry run."""

from __future__ import annotations

import json
import re
from contextvars import copy_context
from functools import partial
from pathlib import Path

import click
import pytest

from langgraph_filesaver import FileSaver
from langgraph_filesaver.cli import app
from tests.cli.running import files_in, run

COMMANDS = list(app.commands)
IN_STORES = [name for name in COMMANDS if name not in ("demo", "completion", "keygen")]
OF_THREADS = [
    "show",
    "history",
    "diff",
    "tree",
    "writes",
    "artifacts",
    "tail",
    "export",
    "edit",
    "delete",
    "prune",
    "gc",
]

LOOKS: dict[str, list[str]] = {
    "threads": [],
    "show": ["research-42"],
    "history": ["research-42"],
    "diff": ["research-42"],
    "tree": ["research-42"],
    "writes": ["asks"],
    "artifacts": ["research-42"],
    "locks": [],
    "verify": [],
}
DRY_RUNS: dict[str, list[str]] = {
    "copy": ["research-42", "copied"],
    "delete": ["research-42", "asks"],
    "prune": ["--all"],
    "gc": ["--grace", "0s"],
    "repair": ["research-42"],
    "sweep": ["--ttl", "1s", "--keep-last", "1"],
    "unlock": ["research-42"],
    "push": ["memory://nowhere-yet/agents"],
    "pull": ["memory://nowhere-yet/agents"],
    "artifacts": ["research-42", "--extract", "extracted"],
    "edit": ["research-42"],
}


def _arguments(name: str, thread_id: str) -> list[str]:
    return [name, *(["-o", "report.html"] if name == "export" else []), thread_id]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example_and_the_exit_codes(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    """`--help` of each command ends well, and shows at least one call of that very command."""
    from langgraph_filesaver.__main__ import main

    assert main([name, "--help"]) == 0
    told = capfd.readouterr().out
    assert re.search(rf"Examples?:\s+langgraph-filesaver {name}\b", told)
    assert "130  interrupted" in told or name == "demo"


def test_the_examples_of_the_help_are_calls_that_parse() -> None:
    """Each example names options and arguments that its command has."""
    tried = 0
    for name in IN_STORES:
        for line in re.findall(rf"  langgraph-filesaver {name}\b(.*)", app.commands[name].epilog or ""):
            words = re.split(r" [|>]", line)[0].split()
            app.commands[name].make_context(name, words, resilient_parsing=False).close()
            tried += 1
    assert tried >= len(IN_STORES)


def test_the_program_tells_its_commands_codes_and_version() -> None:
    """Without a command, the help lists every command and the exit codes; `--version` is one line."""
    told = run("--help").stdout
    assert all(re.search(rf"^  {name} ", told, re.MULTILINE) for name in COMMANDS)
    assert all(f"\n    {code} " in told for code in (0, 1, 2, 3, 4, 5, 130))
    assert not re.search(r"[^]]\.\.\.$", told, re.MULTILINE), "a summary was cut"
    assert run("--version").stdout.startswith("langgraph-filesaver ")


@pytest.mark.parametrize("name", LOOKS)
def test_json_is_one_value_and_nothing_else(root: Path, name: str) -> None:
    """With --json, standard output is one JSON value and standard error is empty; looking changes no byte."""
    before = files_in(root)
    result = run(name, *LOOKS[name], "--json", root=root)
    assert (result.exit_code, result.stderr) == (0, "")
    assert isinstance(json.loads(result.stdout), (dict, list))
    assert files_in(root) == before


def test_json_of_tail_is_lines(root: Path) -> None:
    """`tail --json` prints a JSON value a line."""
    lines = run("tail", "research-42", "--json", root=root).stdout.splitlines()
    assert [json.loads(line)["step"] for line in lines] == [-1, 0, 1, 2]


@pytest.mark.parametrize("name", DRY_RUNS)
def test_a_dry_run_changes_no_byte(root: Path, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """--dry-run tells what would be done, asks nothing, and leaves every file as it was, here and in the store."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDITOR", "sed -i s/reviewed/changed/")
    saver = FileSaver(root)
    with saver.thread_lock("research-42") as lease:
        if name != "unlock":
            saver.break_lock("research-42")
        before = files_in(tmp_path)
        result = run(name, *DRY_RUNS[name], "--dry-run", "--json", root=root)
        assert result.exit_code == 0, result.output
        assert isinstance(json.loads(result.stdout), (dict, list))
        assert {key: data for key, data in files_in(tmp_path).items() if "lease" not in key} == {
            key: data for key, data in before.items() if "lease" not in key
        }
        assert lease.owner in run("locks", root=root).stdout or name != "unlock"


def test_what_changes_something_has_a_dry_run_and_what_destroys_asks() -> None:
    """Every command that is not for looking has --dry-run, and those that destroy have --yes."""
    options = {name: {each for one in app.commands[name].params for each in one.opts} for name in IN_STORES}
    looking = {*LOOKS, "tail", "cat"} - {"artifacts"}
    assert {name for name in IN_STORES if "--dry-run" not in options[name]} == looking
    assert {name for name in IN_STORES if "--yes" in options[name]} == {
        *("copy", "delete", "prune", "gc", "sweep", "repair", "unlock", "pull", "edit")
    }
    assert all({"--root", "--storage-options", "--json"} <= options[name] for name in IN_STORES)


@pytest.mark.parametrize("name", [*OF_THREADS, "copy", "unlock"])
def test_an_unknown_thread_ends_with_1_and_the_nearest_names(root: Path, name: str) -> None:
    """Each command that takes a thread ends with 1 for one that is not there, and tells the names that look like it."""
    target = ["other"] if name == "copy" else []
    yes = ["--yes"] if name in ("delete", "prune", "gc", "edit", "copy") else []
    result = run(*_arguments(name, "research-4"), *target, *yes, root=root)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "there is no thread 'research-4'" in result.stderr
    assert "did you mean 'research-42'?" in result.stderr


@pytest.mark.parametrize("name", OF_THREADS[:7])
def test_a_damaged_file_ends_with_3_and_is_named(root: Path, name: str) -> None:
    """A checkpoint that cannot be read ends a command with 3 and the file's path; nothing is printed in place of it."""
    latest = max((root / "single/checkpoints/_root").iterdir())
    latest.write_text('{"format": 1, "state": {')
    result = run(name, "single", root=root)
    if name == "artifacts":
        assert result.exit_code == 0, "no checkpoint is read for it"
        return
    assert (result.exit_code, result.stdout) == (3, "")
    assert str(latest) in result.stderr


def test_a_newer_format_ends_with_3(root: Path) -> None:
    """A store of a newer format is not looked at."""
    (root / "filesaver.json").write_text('{"format": 99}')
    result = run("threads", root=root)
    assert result.exit_code == 3
    assert "99" in result.stderr


def test_a_thread_that_somebody_has_ends_with_5(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who would remove a thread that is in use waits, and then is told who has it."""
    monkeypatch.setattr("langgraph_filesaver.saver.LOCK_TIMEOUT_SECONDS", 0.1)
    monkeypatch.setattr("langgraph_filesaver.cli.call.FileSaver", partial(FileSaver, lock_timeout_seconds=0.1))
    lock, elsewhere = FileSaver(root).thread_lock("research-42"), copy_context()  # what owns a lease is a context
    elsewhere.run(lock.__enter__)
    result = run("delete", "research-42", "--yes", root=root)
    elsewhere.run(lock.__exit__, None, None, None)
    assert result.exit_code == 5
    assert "process" in result.stderr
    assert (root / "research-42").exists()


def test_what_was_done_before_an_error_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one of several threads cannot be removed, those that are gone already are named."""
    monkeypatch.setattr("langgraph_filesaver.cli.call.FileSaver", partial(FileSaver, lock_timeout_seconds=0.1))
    lock, elsewhere = FileSaver(root).thread_lock("fails"), copy_context()
    elsewhere.run(lock.__enter__)
    result = run("delete", "asks", "fails", "single", "--yes", root=root)
    elsewhere.run(lock.__exit__, None, None, None)
    assert (result.exit_code, result.stdout) == (5, "")
    assert "deleted before it ended early: 'asks'\n" in result.stderr
    assert [(root / each).exists() for each in ("asks", "fails", "single")] == [False, True, True]


def test_a_disk_that_fails_ends_with_4(root: Path, tmp_path: Path) -> None:
    """What cannot be written ends with 4, and names the place."""
    (tmp_path / "file").write_text("in the way")
    result = run("artifacts", "research-42", "--extract", str(tmp_path / "file" / "folder"), root=root)
    assert result.exit_code == 4
    assert str(tmp_path / "file") in result.stderr


@pytest.mark.parametrize(
    "arguments", [["nope"], ["show"], ["threads", "--older-than", "7"], ["show", "a", "--storage-options", "[]"]]
)
def test_wrong_usage_ends_with_2(root: Path, arguments: list[str]) -> None:
    """A command, argument or option that is none ends with 2 and one line that begins with Error."""
    result = run(*arguments, root=root)
    assert (result.exit_code, result.stdout) == (2, "")
    assert re.search(r"^Error: ", result.stderr, re.MULTILINE)


def test_commands_are_click_commands_with_documented_summaries() -> None:
    """No command is without a help text or a summary."""
    for name, each in app.commands.items():
        assert isinstance(each, click.Command)
        assert each.short_help, name
        assert each.help or name == "demo", name


def test_a_shells_script_is_json_too() -> None:
    """`completion --json` holds the script that it else prints."""
    told = json.loads(run("completion", "bash", "--json").stdout)
    assert told["script"] + "\n" == run("completion", "bash").stdout
