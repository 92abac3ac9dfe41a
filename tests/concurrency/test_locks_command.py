"""`langgraph-filesaver locks` and `unlock`: who has what, taking one away, and whose it was."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from langgraph_filesaver import ConflictError, FileSaver
from langgraph_filesaver.__main__ import main
from tests.checkpoints import put
from tests.stores import Home


@pytest.fixture(autouse=True)
def _as_wide_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tables be as wide as their content: where readline is loaded, workers of pytest-xdist inherit a COLUMNS."""
    monkeypatch.delenv("COLUMNS", raising=False)


def test_it_shows_and_breaks(local_home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    """A held lease is a line with thread, process, host, times and owner; taken away, its holder's next put is refused."""
    saver, root = local_home.saver(), str(local_home.root)
    put(saver, "1")
    assert main(["locks", "--root", root]) == 0
    assert capsys.readouterr().out == "nobody has a thread\n"
    with saver.thread_lock("t") as lease:
        assert main(["locks", "--root", root]) == 0
        heading, _, line = capsys.readouterr().out.splitlines()
        assert heading.split() == ["THREAD", "STATE", "PROCESS", "HOST", "SINCE", "EXPIRES", "OWNER"]
        assert line.split()[:3] == ["t", "held", str(os.getpid())]
        assert line.endswith(f" {lease.owner}")
        assert main(["unlock", "t", "--root", root, "--yes"]) == 0
        told = capsys.readouterr().out
        assert told.startswith(f"taken away: t: held; process {os.getpid()} on ")
        assert told.endswith(f"owner {lease.owner}\n")
        with pytest.raises(ConflictError):
            put(saver, "2", parent="1")
    assert main(["unlock", "t", "--root", root, "--yes"]) == 1
    assert capsys.readouterr().err == "Error: thread 't' is free: nobody has it whose lease can be read\n"


def test_a_wrong_folder_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A path that is no folder, or a folder with other things, ends with code 2 and what to do; nothing is made."""
    assert main(["locks", "--root", str(tmp_path / "none")]) == 2
    assert "is no store of threads" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("x")
    assert main(["locks", "--root", str(tmp_path / "other")]) == 2
    assert "is no store of threads" in capsys.readouterr().err


def test_a_lease_that_cannot_be_read_is_named(local_home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    """A damaged lease is named, and can be taken away."""
    root = str(local_home.root)
    put(local_home.saver(), "1")
    lease = local_home.root / ".locks" / "t.lease.json"
    lease.write_text("{")
    assert main(["locks", "--root", root]) == 3
    assert "t.lease.json" in capsys.readouterr().err
    assert main(["unlock", "t", "--root", root, "--dry-run"]) == 0
    assert "t.lease.json" in capsys.readouterr().out
    assert lease.read_text() == "{"
    main(["unlock", "t", "--root", root, "--yes"])
    assert main(["locks", "--root", root]) == 0


@pytest.mark.parametrize("lock", ["soft", "native"])
def test_it_uses_the_kind_of_locks_that_the_savers_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lock: Any
) -> None:
    """`--lock` is what FileSaver was given: the command then waits for whoever changes the lease just now, and says so."""
    saver, waited, root = FileSaver(tmp_path, lock=lock, lock_timeout_seconds=60), list[int](), str(tmp_path)
    put(saver, "1")
    command = threading.Thread(
        target=lambda: waited.append(main(["unlock", "t", "--root", root, "--lock", lock, "--yes"]))
    )
    with saver.thread_lock("t"):
        with saver._repository.leases._turns.hold("t", shared=False):
            command.start()
            command.join(0.3)
            assert not waited
        command.join(60)
        assert waited == [0]
        assert capsys.readouterr().out.startswith("taken away: t: held;")
    assert main(["locks", "--root", root, "--lock", "hard"]) == 2
