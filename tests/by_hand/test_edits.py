"""A person edits: what was changed counts at the next read, and the form of the file does not matter (P3)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from langgraph.checkpoint.serde.types import INTERRUPT

from langgraph_filesaver import FileSaver
from tests.by_hand.edited import latest
from tests.checkpoints import checkpoint_of, config_of, id_of, ids_of, metadata_of
from tests.stores import Home

Edit = Callable[[str], str]
HARMLESS: dict[str, Edit] = {
    "compact": lambda text: json.dumps(json.loads(text), separators=(",", ":")),
    "wide indentation": lambda text: json.dumps(json.loads(text), indent=8),
    "tabs and CRLF": lambda text: json.dumps(json.loads(text), indent="\t").replace("\n", "\r\n"),
    "sorted keys": lambda text: json.dumps(json.loads(text), sort_keys=True),
    "BOM": lambda text: "\ufeff" + text,
    "trailing newlines": lambda text: text + "\n\n",
    "leading blank lines": lambda text: "\n \n" + text,
    "unknown key added": lambda text: '{"note": {"$type": "nothing"}, ' + text[1:],
    "escaped letters": lambda text: text.replace('"loop"', '"\\u006coop"'),
}


@pytest.mark.parametrize("edit", HARMLESS.values(), ids=HARMLESS)
def test_the_form_of_a_file_does_not_matter(saver: FileSaver, file: Path, writes_file: Path, edit: Edit) -> None:
    """[D1] Reformatting a checkpoint and its writes, a BOM, newlines and unknown keys change nothing that is read."""
    before = latest(saver)
    for edited in (file, writes_file):
        edited.write_text(edit(edited.read_text("utf-8")), "utf-8", newline="")
    assert latest(saver) == before
    assert ids_of(saver, config_of()) == ["3", "2", "1"]


def test_a_changed_value_counts_at_the_next_read(saver: FileSaver, file: Path, local_home: Home) -> None:
    """[C7] What a person wrote into a checkpoint is what the very next read returns, in a warm saver and in a new one."""
    document = json.loads(file.read_text())
    document["state"].update(count=99, log=["a", "corrected"], added={"by": "hand"})
    document["metadata"]["reviewed"] = True
    document["step"] = 7
    file.write_text(json.dumps(document, indent=4))
    for reader in (saver, local_home.saver()):
        found = latest(reader)
        assert found.checkpoint["channel_values"] == {"count": 99, "log": ["a", "corrected"], "added": {"by": "hand"}}
        assert found.metadata == metadata_of(7, {"reviewed": True})
        assert ids_of(reader, None, filter={"reviewed": True, "step": 7}) == ["3"]


def test_an_edit_in_place_of_the_same_length_counts_too(saver: FileSaver, file: Path) -> None:
    """An edit that changes neither size nor, within a tick, the time of the file is seen all the same."""
    status = file.stat()
    for number in range(4, 10):
        text = file.read_text().replace(f'"count": {number - 1}', f'"count": {number}')
        with file.open("r+") as opened:
            opened.write(text)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert latest(saver).checkpoint["channel_values"]["count"] == number


def test_the_edited_state_is_what_a_later_step_builds_on(saver: FileSaver, file: Path) -> None:
    """Read back and put on as LangGraph does, with unchanged versions, the edited value is stored, not the one before."""
    file.write_text(file.read_text().replace('"count": 3', '"count": 99'))
    found = latest(saver)
    onward = checkpoint_of("4", found.checkpoint["channel_values"], found.checkpoint["channel_versions"])
    saver.put(found.config, onward, metadata_of(4), {})
    assert latest(saver).checkpoint["channel_values"]["count"] == 99


def test_a_removed_parent_and_a_removed_file_count(saver: FileSaver, file: Path) -> None:
    """A checkpoint that a person deletes is gone at the next look; the one before it is the latest then."""
    file.unlink()
    assert id_of(latest(saver).config) == "2"
    assert ids_of(saver, config_of()) == ["2", "1"]
    assert saver.get_tuple(config_of("t", "", "3")) is None


def test_edited_writes_count(saver: FileSaver, writes_file: Path) -> None:
    """A pending write that a person corrected is the one that the next read returns."""
    writes_file.write_text(writes_file.read_text().replace('"ask"', '"ask again"'))
    assert latest(saver).pending_writes == [("task", INTERRUPT, "ask again"), ("task", "count", 4)]
