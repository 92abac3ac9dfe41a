"""A slip of the pen in a file: told by whoever reads it, and nothing that it hides is taken for garbage meanwhile."""

from __future__ import annotations

import contextlib

import pytest

from langgraph_filesaver import Artifact, CorruptDataError
from tests.artifacts.folder import artifacts_of
from tests.checkpoints import config_of, put
from tests.stores import Home

STATE = {
    "list": [f"{number} " * 50 for number in range(200)],
    "text": "x" * 100_000,
    "file": Artifact.from_bytes(b"report", name="report.txt"),
}


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('"$list"', '"$lst"'),
        ('"tail"', '"tial"'),
        ('"$artifact"', '"$artifcat"'),
        ('"$type": "artifact"', '"$type": "artifcat"'),
        ('"$type": "artifact"', '"$typ": "artifact"'),
        ('.json"', '.jso"'),
        ('.txt"', '.tx"'),
        ('"artifacts/', '"artifact/'),
        ('"artifacts/', '"artifacts/0'),
    ],
)
def test_a_slip_can_be_undone(local_home: Home, right: str, wrong: str) -> None:
    """[V6] [O13] The state is not read as another one, a collection removes none of it, and the correction brings it back."""
    saver = local_home.saver()
    put(saver, "c1", STATE)
    before = artifacts_of(local_home)
    path = local_home.root / "t" / "checkpoints" / "_root" / "c1.json"
    text = path.read_text("utf-8")
    assert right in text
    path.write_text(text.replace(right, wrong, 1), "utf-8")
    if wrong == '"$type": "artifcat"':  # a type that is not known is plain data, which remembers its tag
        assert local_home.saver().get_tuple(config_of()) is not None
    else:
        with pytest.raises(CorruptDataError, match="t/"):
            local_home.saver().get_tuple(config_of())
    with contextlib.suppress(CorruptDataError):
        local_home.saver().collect_garbage("t", dry_run=False, grace_seconds=0)
    assert artifacts_of(local_home) == before
    path.write_text(text, "utf-8")
    found = local_home.saver().get_tuple(config_of())
    assert found is not None
    assert found.checkpoint["channel_values"] == STATE
