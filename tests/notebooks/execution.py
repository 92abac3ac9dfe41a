"""Runs a notebook in a kernel of its own, and compares what it gives with what is committed.

`python -m tests.notebooks.execution` runs all of `notebooks/` and stores their outputs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

__all__ = ["FOLDER", "NotebookError", "complaints", "executed", "shape", "tidied"]

FOLDER = Path(__file__).parents[2] / "notebooks"
_CELL_SECONDS = 60
_NOTEBOOK_SECONDS = 240
_MACHINE_PATHS = (str(Path(__file__).parents[2]), "/tmp/", "/root/", "/home/")  # noqa: S108 they are looked for, not used


class NotebookError(Exception):
    """A notebook did not run to its end; the message is what its run left on stderr."""


def executed(notebook: Any, folder: Path) -> Any:
    """Return a notebook as it is after a run from its first cell to its last, in an empty working directory.

    It runs in a process of its own, so that what Jupyter's own loops and sockets do is not this process's.

    Args:
        notebook: As `nbformat.read` gave it.
        folder: An empty folder for all that the run needs.

    Raises:
        NotebookError: A cell failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source, target = folder / "before.ipynb", folder / "after.ipynb"
    nbformat.write(notebook, source)
    run = subprocess.run(
        [sys.executable, "-m", "tests.notebooks.execution", str(source), str(target), str(folder)],
        cwd=FOLDER.parent,
        capture_output=True,
        text=True,
        timeout=_NOTEBOOK_SECONDS,
        check=False,
    )
    if run.returncode:
        raise NotebookError(run.stderr)
    return nbformat.read(target, as_version=4)


def run_here(source: Path, target: Path, folder: Path) -> None:
    """Run the notebook `source` with this Python as its kernel, and store what it gives as `target`."""
    work, kernel = folder / "work", folder / "kernels/python3"
    for each in (work, kernel):
        each.mkdir(parents=True)
    # This Python itself, wherever Jupyter's own kernels are.
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernel / "kernel.json").write_text(json.dumps({"argv": command, "display_name": "Python 3", "language": "python"}))
    specs = KernelSpecManager(kernel_dirs=[str(folder / "kernels")], ensure_native_kernel=False)
    notebook = nbformat.read(source, as_version=4)
    client = NotebookClient(
        notebook,
        km=AsyncKernelManager(kernel_name="python3", kernel_spec_manager=specs),
        timeout=_CELL_SECONDS,
        resources={"metadata": {"path": str(work)}},
        store_widget_state=False,
    )
    own = {
        "HOME": str(folder),
        "IPYTHONDIR": str(folder / "ipython"),
        "MPLCONFIGDIR": str(folder / "matplotlib"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PYTHONPATH": str(FOLDER.parent),
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
    }
    client.execute(env={**os.environ, **own})
    nbformat.write(notebook, target)


def tidied(notebook: Any) -> Any:
    """Return a notebook without what belongs to one machine or one run only: times, the version of Python, ids of cells that change."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    return notebook


def shape(notebook: Any) -> list[list[Any]]:
    """Return what must be the same in every run: for each cell of code, its number and the kinds of its outputs."""
    told = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            kinds = [(each.output_type, sorted(each.get("data", {})), each.get("name")) for each in cell.outputs]
            told.append([cell.execution_count, kinds])
    return told


def complaints(notebook: Any) -> list[str]:
    """Return what no reader should find in a notebook: errors, warnings, paths of one machine."""
    found = []
    for number, cell in enumerate(notebook.cells):
        for each in cell.get("outputs", ()):
            if each.output_type == "error":
                found.append(f"cell {number}: {each.ename}: {each.evalue}")
            if each.get("name") == "stderr":
                found.append(f"cell {number} on stderr: {each.text}")
        text = json.dumps(cell)
        found += [f"cell {number} holds a path of one machine: {path}" for path in _MACHINE_PATHS if path in text]
    return found


def main() -> None:
    """Run all notebooks and store what they gave; with three arguments, run one for `executed`."""
    if len(sys.argv) == 4:
        run_here(*map(Path, sys.argv[1:]))
        return
    for path in sorted(FOLDER.glob("*.ipynb")):
        with tempfile.TemporaryDirectory() as folder:
            fresh = tidied(executed(nbformat.read(path, as_version=4), Path(folder)))
        nbformat.write(fresh, path)
        sys.stdout.write(f"{path.name}: {len(fresh.cells)} cells\n" + "".join(f"  {each}\n" for each in complaints(fresh)))


if __name__ == "__main__":
    main()
