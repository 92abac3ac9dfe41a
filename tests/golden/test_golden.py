"""Format 1 is frozen: stores that the first release wrote read the same for ever, and go on.

`tests/data/format-1` is never made anew. A release that cannot read it as it stands breaks the promise of the format.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from langgraph_filesaver import FileSaver, UnsupportedFormatError
from tests.golden.reading import told
from tests.inspection.graphs import play
from tests.inspection.looking import config_for

DATA = Path(__file__).parents[1] / "data" / "format-1"
KEYS = {"plain": False, "encrypted": bytes(range(32))}


def opened(kind: str, root: Path, **options: bool) -> FileSaver:
    return FileSaver(root, encryption=KEYS[kind], **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KEYS)
def test_every_checkpoint_reads_as_it_was_written(kind: str) -> None:
    """[D2] Values of every type, messages, chunks, artifacts, handles, forks, deltas, subgraphs, hostile ids: all as they were."""
    expected = json.loads((DATA / f"{kind}.json").read_text("utf-8"))
    found = json.loads(json.dumps(told(opened(kind, DATA / kind, read_only=True))))
    assert len(found) == len(expected) > 30
    for each, before in zip(found, expected, strict=True):
        assert each == before


@pytest.mark.parametrize("kind", KEYS)
def test_they_are_sound(kind: str) -> None:
    """Every file fits the format of today, and is as it was written."""
    report = opened(kind, DATA / kind, read_only=True).verify()
    assert report.findings == ()
    assert report.files > 80


@pytest.mark.parametrize("kind", KEYS)
def test_a_graph_goes_on_from_them(kind: str, tmp_path: Path) -> None:
    """An old thread is resumed by today's LangGraph, its DeltaChannels show their state, and the old files stay as they are."""
    root = tmp_path / kind
    shutil.copytree(DATA / kind, root)
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    saver = opened(kind, root)
    graph = play("delta channels").graph(saver)
    state = graph.get_state(config_for("deltas")).values
    assert state["trail"]
    graph.invoke({"trail": ["today"]}, config_for("deltas"))
    assert graph.get_state(config_for("deltas")).values["trail"][: len(state["trail"])] == state["trail"]
    assert all(path.read_bytes() == data for path, data in before.items())
    assert saver.verify().damage == ()


def test_a_newer_format_is_refused_with_what_to_do(tmp_path: Path) -> None:
    """[D2] The message names the format that was found, the newest that this release reads, and what is needed."""
    shutil.copytree(DATA / "plain", tmp_path / "plain")
    (tmp_path / "plain/filesaver.json").write_text('{"format": 2}')
    with pytest.raises(UnsupportedFormatError, match=r"format 2.*(release|version)") as error:
        FileSaver(tmp_path / "plain")
    assert (error.value.found, error.value.supported) == (2, 1)


def test_unknown_fields_survive_what_tools_do(tmp_path: Path) -> None:
    """[D3] A field of a newer minor release stays in a checkpoint that is pruned or corrected."""
    shutil.copytree(DATA / "plain", tmp_path / "plain")
    saver = FileSaver(tmp_path / "plain", fsync=False)
    path = max((tmp_path / "plain/forks/checkpoints/_root").iterdir())
    path.write_text(json.dumps({**json.loads(path.read_text()), "future": {"a": 1}}))
    saver.prune(["forks"])
    assert json.loads(path.read_text())["future"] == {"a": 1}
    assert json.loads(path.read_text())["parent_checkpoint_id"] is None
