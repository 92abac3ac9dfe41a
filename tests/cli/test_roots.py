"""Where the threads are: the option, the variable, the folder that is there, a URL; and what is no store."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkpoints import put
from tests.cli.running import PROJECT, answer, files_in, run
from tests.remote.homes import RemoteHome
from tests.servers.server import Server


def test_the_option_comes_before_the_variable_and_that_before_the_folder(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--root counts, then LANGGRAPH_FILESAVER_ROOT, then ./checkpoints."""
    other = tmp_path / "other" / "checkpoints"
    shutil.copytree(root, other)
    shutil.rmtree(other / "research-42")
    monkeypatch.chdir(tmp_path / "other")
    assert len(answer("threads")) == 3
    assert len(answer("threads", root=root)) == 4
    assert len(answer("threads", "--root", str(other), root=root)) == 3


def test_the_option_may_come_before_the_command(root: Path, tmp_path: Path) -> None:
    """--root before the command is --root after it; the one after it counts where there are both, the variable last."""
    other = tmp_path / "other"
    shutil.copytree(root, other)
    shutil.rmtree(other / "research-42")

    def threads(*arguments: str, variable: Path | None = None) -> int:
        result = run(*arguments, root=variable)
        assert result.exit_code == 0, result.stderr
        return len(json.loads(result.stdout))

    assert threads("--root", str(other), "threads", "--json") == 3
    assert threads("--root", str(other), "threads", "--json", variable=root) == 3
    assert threads("--root", str(other), "threads", "--root", str(root), "--json") == 4
    assert run("--root", str(other), "show", "research-42").exit_code == 1
    assert run("--root", str(other), "demo").exit_code == 2


@pytest.mark.parametrize("name", ["threads", "locks", "prune --all --yes", "push memory://somewhere/else", "gc --yes"])
def test_what_is_no_store_is_told_and_not_made(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A root that is not there, is empty or holds other things ends with 2; nothing is made or changed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("x")
    before = sorted(tmp_path.rglob("*"))
    for root in ("none", "empty", "other", "memory://nobody-wrote-here/agents"):
        result = run(*name.split(), root=root)
        assert (result.exit_code, result.stdout) == (2, "")
        assert f"{root} is no store of threads" in result.stderr or "push" in name
    result = run(*name.split())
    assert result.exit_code == 2
    assert "./checkpoints" in result.stderr
    assert "LANGGRAPH_FILESAVER_ROOT" in result.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_a_url_of_an_unknown_kind_is_told() -> None:
    """It ends with 2 and repeats the URL."""
    result = run("threads", "--root", "nowhere://bucket")
    assert result.exit_code == 2
    assert "nowhere://bucket" in result.stderr


def test_threads_in_an_object_store(moto: Server) -> None:
    """With an s3:// URL and its options, threads are shown, followed, copied, pruned and deleted as on a disk."""
    home = RemoteHome(moto)
    saver = home.saver()
    put(saver, "1", {"value": "x" * 100_000})
    put(saver, "2", {"value": "y"}, parent="1", step=1)
    options = ["--root", home.url, "--storage-options", json.dumps(home.storage_options)]
    assert [each["thread_id"] for each in answer("threads", *options)] == ["t"]
    assert answer("show", *options, "t")["values"] == {"value": "y"}
    assert len(run("tail", *options, "t").stdout.splitlines()) == 2
    assert answer("copy", *options, "t", "u")["checkpoints"] == 2
    assert answer("prune", *options, "--all", "--yes")["checkpoints"] == 2
    noted = run("gc", *options, "--grace", "0s", "--yes")
    assert (noted.exit_code, noted.stderr) == (0, "")
    before = home.files()
    assert answer("delete", *options, "t", "--dry-run")["threads"][0]["checkpoints"] == 1
    assert home.files() == before
    assert run("show", *options, "v").exit_code == 1
    assert answer("delete", *options, "t", "u", "--yes")["checkpoints"] == 2
    assert answer("threads", *options) == []


def _without_click(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    code = (
        "import sys; sys.modules['click'] = sys.modules['rich'] = None\n"
        "from langgraph_filesaver.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd,
        env={"PYTHONPATH": str(PROJECT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        encoding="utf-8",
        timeout=200,
        check=False,
    )


def test_without_the_extra_it_says_what_to_install(root: Path, tmp_path: Path) -> None:
    """Where click is missing, a command ends with 2 and the extra's name, and the demo has its arguments all the same."""
    before = files_in(root)
    result = _without_click("threads", "--root", str(root), cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert "pip install 'langgraph-filesaver[cli]'" in result.stderr
    assert files_in(root) == before
    told = _without_click("demo", "--help", cwd=tmp_path)
    assert (told.returncode, told.stderr) == (0, "")
    assert "--keep" in told.stdout
    wrong = _without_click("demo", "--nope", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "--nope" in wrong.stderr


def test_without_the_extra_the_demo_runs(tmp_path: Path) -> None:
    """The demo works on an installation without any extra."""
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.md").write_text("# On storks\n\nStorks build nests.\n")
    result = _without_click("demo", "notes", "--root", "work", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, ""), result.stdout
