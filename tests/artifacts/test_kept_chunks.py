"""Chunks of a list that a process has read before are copied, not read again, and only while their files stand untouched (P5)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from langgraph_filesaver import CorruptDataError, FileSaver
from tests.checkpoints import config_of, put
from tests.store_contract import wait_until

MESSAGES = [
    (HumanMessage, AIMessage)[number % 2](content=f"{number} " + "words " * 60, id=str(number)) for number in range(100)
]


class Counted:
    """A saver that holds a long list, with a count of the artifacts it reads."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, messages: list[Any] | None = None) -> None:
        self.saver = FileSaver(root)
        put(self.saver, "1", {"messages": MESSAGES if messages is None else messages})
        self.reads = 0
        artifacts = self.saver._repository.artifacts
        read = artifacts.read

        def counted(thread_id: str, name: str) -> bytes:
            self.reads += 1
            return read(thread_id, name)

        monkeypatch.setattr(artifacts, "read", counted)

    def messages(self) -> list[Any]:
        """Return the list, read anew."""
        found = self.saver.get_tuple(config_of())
        assert found is not None
        messages: list[Any] = found.checkpoint["channel_values"]["messages"]
        return messages

    def settle(self, chunk: Path) -> None:
        """Wait until the file of a chunk could be relied on again, were it the one that was read."""
        artifacts = self.saver._repository.artifacts
        wait_until(lambda: artifacts.stamp("t", chunk.name) is not None, "the file never settles")

    def reads_of_one_get(self) -> int:
        """Return how many artifacts the next call reads."""
        self.reads = 0
        self.messages()
        return self.reads

    def warm(self) -> None:
        """Read until no chunk is read any more: their files must have been left alone for some ticks of the clock."""
        wait_until(lambda: self.reads_of_one_get() == 0, "chunks are read again and again")


def chunks(root: Path) -> list[Path]:
    """Return the files of the chunks."""
    return sorted((root / "t" / "artifacts").iterdir())


def test_a_chunk_left_alone_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that goes on with a thread reads its old chunks no more, and gets what it would have read."""
    counted = Counted(tmp_path, monkeypatch)
    assert counted.reads_of_one_get() == len(chunks(tmp_path)) > 3
    counted.warm()
    assert counted.messages() == MESSAGES
    assert counted.reads_of_one_get() == 0


def test_two_tuples_share_nothing_that_can_be_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a caller does to a message it got is not seen by the next call."""
    counted = Counted(tmp_path, monkeypatch)
    counted.warm()
    changed = counted.messages()
    changed[0].content = "changed"
    changed[1].additional_kwargs["changed"] = True
    changed[2].id = "changed"
    assert counted.messages() == MESSAGES


def test_a_message_changed_by_its_reader_is_stored_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy that its reader has changed in place is told from the chunk that it was copied from."""
    counted = Counted(tmp_path, monkeypatch)
    counted.warm()
    changed = counted.messages()
    changed[0].content = "changed"
    put(counted.saver, "2", {"messages": changed}, parent="1", step=1)
    assert [message.content for message in counted.messages()] == ["changed", *(each.content for each in MESSAGES[1:])]


def test_what_was_copied_is_stored_by_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of copies that goes on adds no file for what it already has."""
    counted = Counted(tmp_path, monkeypatch)
    counted.warm()
    before = chunks(tmp_path)
    put(counted.saver, "2", {"messages": [*counted.messages(), HumanMessage("one more")]}, parent="1", step=1)
    assert chunks(tmp_path) == before


@pytest.mark.parametrize("is_same_size", [True, False])
def test_a_chunk_damaged_later_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_same_size: bool
) -> None:
    """A file changed after it was read and verified is read and verified again, and named."""
    counted = Counted(tmp_path, monkeypatch)
    counted.warm()
    chunk = chunks(tmp_path)[0]
    data = chunk.read_bytes()
    chunk.write_bytes(data[:-3] + b"x" + data[-2:] if is_same_size else data[:-3])
    counted.settle(chunk)
    with pytest.raises(CorruptDataError, match=chunk.name):
        counted.messages()


def test_a_chunk_replaced_with_its_times_kept_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged file put in its place with the old time is another file all the same."""
    counted = Counted(tmp_path, monkeypatch)
    counted.warm()
    chunk = chunks(tmp_path)[0]
    told = chunk.stat()
    other = tmp_path / "other"
    other.write_bytes(chunk.read_bytes()[:-3] + b"xx\n")
    os.utime(other, ns=(told.st_atime_ns, told.st_mtime_ns))
    other.rename(chunk)
    counted.settle(chunk)
    with pytest.raises(CorruptDataError, match=chunk.name):
        counted.messages()


def test_a_chunk_removed_later_is_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is gone is an error that names it, however often it was read before."""
    counted = Counted(tmp_path, monkeypatch)
    counted.warm()
    chunk = chunks(tmp_path)[0]
    chunk.unlink()
    with pytest.raises(CorruptDataError, match=chunk.name):
        counted.messages()


def test_chunks_are_kept_within_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept of chunks counts in the bound of what a saver remembers; beyond it the list is read as ever."""
    counted = Counted(tmp_path, monkeypatch)
    memory = counted.saver._repository.memory
    monkeypatch.setattr(memory, "_most_bytes", 20_000)
    for _ in range(5):
        assert counted.messages() == MESSAGES
    assert memory._bytes <= 20_000
    assert counted.reads_of_one_get() > 0
