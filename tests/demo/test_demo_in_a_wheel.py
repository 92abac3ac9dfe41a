"""A wheel holds all that the demo needs: it runs where there is no clone."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.demo.demo_process import run_demo

PROJECT = Path(__file__).parents[2]
BUILD = "import sys, hatchling.build; print(hatchling.build.build_wheel(sys.argv[1]))"


def test_the_demo_of_an_installed_wheel(tmp_path: Path) -> None:
    """The demo of a wheel, unpacked far from the project, reads the documents that the wheel carries: all of `docs/`."""
    built = subprocess.run(
        [sys.executable, "-c", BUILD, str(tmp_path)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    installed = tmp_path / "installed"
    with zipfile.ZipFile(tmp_path / built.stdout.split()[-1]) as wheel:
        wheel.extractall(installed)
    shipped = installed / "langgraph_filesaver" / "demo" / "documents"
    docs = PROJECT / "docs"
    assert _texts(shipped) == _texts(docs)

    environment = {"PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    run = run_demo(tmp_path, **environment)
    assert (run.returncode, run.stderr) == (0, "")
    assert f"documents in {shipped}" in " ".join(run.stdout.split())


def _texts(folder: Path) -> dict[str, bytes]:
    return {
        os.path.relpath(path, folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.suffix in {".md", ".txt"} and path.is_file()
    }
