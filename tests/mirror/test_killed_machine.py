"""A machine that dies with its disk: another one goes on from the mirror, or from the store itself, at the same step."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.crash.five_nodes import NODES
from tests.servers.server import Server

TIMEOUT_SECONDS = 120


def five_nodes(root: str, log: Path, options: dict[str, Any], *, wait: bool) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.crash.five_nodes", root, str(log), "sync", json.dumps(options)]
    return subprocess.Popen(
        [*command, *(["wait"] if wait else [])], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def ends(process: subprocess.Popen[str]) -> Any:
    out, _ = process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == 0
    return json.loads(out.splitlines()[-1])


@pytest.fixture(params=["moto", "radosgw"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("is_mirror", [True, False], ids=["mirror", "direct"])
def test_a_run_whose_machine_died_goes_on_elsewhere(tmp_path: Path, server: Server, *, is_mirror: bool) -> None:
    """After SIGKILL in the third node, and without the folder, a new process with an empty one runs the third to fifth node, no other."""
    url, log = server.new_root(), tmp_path / "log"
    if is_mirror:
        options = {"mirror": url, "mirror_options": server.storage_options}
    else:
        options = {"storage_options": server.storage_options}
    first = five_nodes(str(tmp_path / "first") if is_mirror else url, log, options, wait=True)
    assert first.stdout is not None
    assert first.stdout.readline() == "waiting\n"
    first.kill()
    first.communicate()
    shutil.rmtree(tmp_path / "first", ignore_errors=True)
    second = five_nodes(str(tmp_path / "second") if is_mirror else url, log, options, wait=False)
    result = ends(second)
    assert result["done"] == list(NODES)
    assert log.read_text().split() == ["one", "two", "three", "three", "four", "five"]
