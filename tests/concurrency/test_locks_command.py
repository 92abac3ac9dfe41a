"""`langgraph-filesaver locks`: shows who has what, breaks one, and says whose it was."""

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


def test_it_shows_and_breaks(local_home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    """A held lease is a line with thread, process, host, times and owner; broken, its holder's next put is refused."""
    saver, root = local_home.saver(), str(local_home.root)
    put(saver, "1")
    assert main(["locks", root]) == 0
    assert capsys.readouterr().out == "nobody has a thread\n"
    with saver.thread_lock("t") as lease:
        assert main(["locks", root]) == 0
        line = capsys.readouterr().out
        assert line.startswith(f"t: held; process {os.getpid()} on ")
        assert line.endswith(f"owner {lease.owner}\n")
        assert main(["locks", root, "--break", "t"]) == 0
        assert capsys.readouterr().out.startswith(f"taken away: t: held; process {os.getpid()} on ")
        with pytest.raises(ConflictError):
            put(saver, "2", parent="1")
    assert main(["locks", root, "--break", "t"]) == 1
    assert capsys.readouterr().err == "thread 't' is free: nobody had it whose lease can be read\n"


def test_a_wrong_folder_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A path that is no folder, or a folder with other things, ends with code 1 and what to do; nothing is made."""
    assert main(["locks", str(tmp_path / "none")]) == 1
    assert "is no folder" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("x")
    assert main(["locks", str(tmp_path / "other")]) == 1
    assert "not a folder of this library" in capsys.readouterr().err


def test_a_lease_that_cannot_be_read_is_named(local_home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    """A damaged lease is named, and can be broken."""
    put(local_home.saver(), "1")
    (local_home.root / ".locks" / "t.lease.json").write_text("{")
    assert main(["locks", str(local_home.root)]) == 1
    assert "t.lease.json" in capsys.readouterr().err


@pytest.mark.parametrize("lock", ["soft", "native"])
def test_it_uses_the_kind_of_locks_that_the_savers_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lock: Any
) -> None:
    """`--lock` is what FileSaver was given: the command then waits for whoever changes the lease just now, and says so."""
    saver, waited = FileSaver(tmp_path, lock=lock, lock_timeout_seconds=60), list[int]()
    put(saver, "1")
    command = threading.Thread(
        target=lambda: waited.append(main(["locks", str(tmp_path), "--lock", lock, "--break", "t"]))
    )
    with saver.thread_lock("t"):
        with saver._repository.leases._turns.hold("t", shared=False):
            command.start()
            command.join(0.3)
            assert not waited
        command.join(60)
        assert waited == [0]
        assert capsys.readouterr().out.startswith("taken away: t: held;")
    with pytest.raises(SystemExit):
        main(["locks", str(tmp_path), "--lock", "hard"])
