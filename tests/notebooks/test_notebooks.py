"""Every notebook runs offline in a new place, and its committed outputs are of the shape that it gives now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tests.notebooks.execution import FOLDER, NotebookError, complaints, executed, shape

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def check(committed: Any, folder: Path) -> None:
    nbformat.validate(committed)
    fresh = executed(committed, folder)
    assert complaints(fresh) == []
    assert complaints(committed) == []
    assert shape(committed) == shape(fresh)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_what_it_gives(path: Path, tmp_path: Path) -> None:
    """No cell fails or warns, no path of a machine is in it, and each cell has the outputs that are committed."""
    check(nbformat.read(path, as_version=4), tmp_path)


def test_there_are_notebooks() -> None:
    """The four notebooks of the README are there; else the test above would pass with none."""
    assert [path.name[:3] for path in NOTEBOOKS] == ["01-", "02-", "03-", "04-"]


def test_a_broken_notebook_is_noticed(tmp_path: Path) -> None:
    """A cell that fails, outputs that are stale, and a warning, are each found."""
    with pytest.raises(NotebookError, match="ZeroDivisionError"):
        check(new_notebook(cells=[new_code_cell("1/0")]), tmp_path / "failing")
    stale = new_code_cell("1 + 1", execution_count=1, outputs=[new_output("stream", text="two\n")])
    with pytest.raises(AssertionError):
        check(new_notebook(cells=[stale]), tmp_path / "stale")
    with pytest.raises(AssertionError, match="on stderr"):
        check(new_notebook(cells=[new_code_cell("import sys; print('oh', file=sys.stderr)")]), tmp_path / "warning")
