"""A serde that is not ours: its bytes are stored sealed, come back through it, and do not mix with readable files."""

from __future__ import annotations

import pickle
import socket
from collections import deque
from typing import Any

import pytest
from langgraph.checkpoint.serde.base import CipherProtocol, SerializerProtocol
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.serde.types import INTERRUPT

from langgraph_filesaver import CorruptDataError, FileSaver, JsonSerializer, SerializationError
from tests.checkpoints import config_of, id_of, ids_of, put
from tests.stores import Home


class XorCipher(CipherProtocol):
    """Hides text from a search, which is all that a test needs of a cipher."""

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        return "xor", bytes(byte ^ 0x5A for byte in plaintext)

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        assert ciphername == "xor"
        return bytes(byte ^ 0x5A for byte in ciphertext)


class PickleSerde:
    """The least that LangGraph's protocol asks of a serde."""

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        return "pickle", pickle.dumps(obj)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        assert data[0] == "pickle"
        return pickle.loads(data[1])


SERDES: dict[str, SerializerProtocol] = {
    "jsonplus": JsonPlusSerializer(),
    "encrypted": EncryptedSerializer(XorCipher()),
    "encrypted-readable": EncryptedSerializer(XorCipher(), JsonSerializer()),
    "pickle": PickleSerde(),
}
STATE = {
    "text": "confidential",
    "$type": [1],
    "list": [1, 2.5, None, True],
    "bytes": b"\x00\xff",
    "dict": {"$serde": "x"},
}


@pytest.fixture(params=SERDES)
def serde(request: pytest.FixtureRequest) -> SerializerProtocol:
    return SERDES[request.param]


def fill(saver: FileSaver) -> None:
    put(saver, "1", {"text": "old"})
    saver.put_writes(
        config_of("t", "", "1"), [("text", "confidential"), (INTERRUPT, {"ask": ["confidential"]})], "task"
    )
    put(saver, "2", STATE, parent="1", step=4, metadata={"user_id": "confidential", "odd": {"$type": (1,)}})


def test_everything_comes_back_through_the_serde(home: Home, serde: SerializerProtocol) -> None:
    """Values, metadata, writes, parents, filters and delta history work with any serde as with the default one."""
    fill(home.saver(serde=serde))
    saver = home.saver(serde=serde)
    found = saver.get_tuple(config_of())
    assert found is not None
    assert found.checkpoint["channel_values"] == STATE
    assert found.checkpoint["v"] == 4
    assert set(found.checkpoint["channel_versions"]) == set(STATE)
    assert found.metadata["step"] == 4
    assert found.metadata["source"] == "loop"
    assert id_of(found.parent_config) == "1"
    first = saver.get_tuple(config_of("t", "", "1"))
    assert first is not None
    assert first.pending_writes == [("task", INTERRUPT, {"ask": ["confidential"]}), ("task", "text", "confidential")]
    assert ids_of(saver, None, filter={"user_id": "confidential"}) == ["2"]
    assert ids_of(saver, None, filter={"user_id": "nobody"}) == []
    assert saver.get_delta_channel_history(config=config_of(), channels=["text"]) == {
        "text": {"writes": [("task", "text", "confidential")], "seed": "old"}
    }


def test_repeated_writes_and_maintenance_work_on_sealed_files(home: Home, serde: SerializerProtocol) -> None:
    """First wins, copying and pruning do not depend on being able to read the values."""
    saver = home.saver(serde=serde)
    fill(saver)
    before = home.files()
    saver.put_writes(config_of("t", "", "1"), [("text", "another")], "task")
    assert home.files() == before
    saver.copy_thread("t", "u")
    assert [each.checkpoint for each in saver.list(config_of("u"))] == [
        each.checkpoint for each in saver.list(config_of("t"))
    ]
    saver.prune(["t"])
    assert ids_of(saver, config_of()) == ["2"]


@pytest.mark.parametrize("name", ["encrypted", "encrypted-readable"])
def test_with_a_cipher_nothing_of_the_values_is_in_clear(home: Home, name: str) -> None:
    """State, writes and metadata are all sealed: no file holds a word of them, in clear or in base64."""
    fill(home.saver(serde=SERDES[name]))
    store = home.store()
    everything = b"".join(store.read(key) or b"" for key in home.files())
    assert b"confidential" not in everything
    assert b"Y29uZmlkZW50aWFs" not in everything  # base64 of it, at the three alignments
    assert b"NvbmZpZGVudGlhb" not in everything
    assert b"jb25maWRlbnRpYW" not in everything
    assert b"$serde" in everything


def test_a_thread_begun_in_clear_goes_on_sealed_and_back(home: Home, serde: SerializerProtocol) -> None:
    """A serde may be changed at any time: each file is read by what it is, whichever serde the saver has now."""
    put(home.saver(), "1", {"a": deque([1])})
    put(home.saver(serde=serde), "2", {"a": deque([2])}, parent="1")
    put(home.saver(serde=JsonPlusSerializer()), "3", {"a": [3]}, parent="2")
    assert [list(each.checkpoint["channel_values"]["a"]) for each in home.saver(serde=serde).list(None, limit=0)] == []
    with_serde = home.saver(serde=serde)
    for checkpoint_id, number in (("1", 1), ("2", 2)):
        found = with_serde.get_tuple(config_of("t", "", checkpoint_id))
        assert found is not None
        assert list(found.checkpoint["channel_values"]["a"]) == [number]


def test_the_default_serde_opens_what_jsonplus_wrote(home: Home) -> None:
    """Files that were written with `serde=JsonPlusSerializer()` are read with the default serde, too."""
    fill(home.saver(serde=JsonPlusSerializer()))
    found = home.saver().get_tuple(config_of())
    assert found is not None
    assert found.checkpoint["channel_values"] == STATE
    assert ids_of(home.saver(), None, filter={"user_id": "confidential"}) == ["2"]


@pytest.mark.parametrize("name", ["encrypted", "encrypted-readable", "pickle"])
def test_without_its_serde_a_sealed_file_is_an_error_and_not_empty(home: Home, name: str) -> None:
    """Opened without the cipher, a sealed thread is an error that names the file; nothing is overwritten."""
    fill(home.saver(serde=SERDES[name]))
    store = home.store()
    before = {key: store.read(key) for key in home.files()}
    saver = home.saver()
    with pytest.raises(CorruptDataError, match=r"2\.json"):
        saver.get_tuple(config_of())
    with pytest.raises(CorruptDataError, match=r"2\.json"):
        list(saver.list(config_of()))
    assert {key: store.read(key) for key in home.files()} == before


@pytest.mark.parametrize(
    "sealed", ['{"$serde": "msgpack"}', '{"$serde": "msgpack", "base64": "?"}', '{"$serde": 1, "base64": "AA=="}']
)
def test_a_seal_that_was_broken_by_hand_names_its_place(local_home: Home, sealed: str) -> None:
    """A sealed value without its bytes, or with bytes that are no base64, is an error with file and channel."""
    saver = local_home.saver(serde=JsonPlusSerializer())
    put(saver, "1", {"text": "x"})
    file = local_home.root / "t/checkpoints/_root/1.json"
    text = file.read_text()
    start = text.index("{", text.index('"text"'))
    file.write_text(text[:start] + sealed + text[text.index("}", start) + 1 :])
    with pytest.raises(CorruptDataError, match=r'1\.json.*state\["text"\]'):
        saver.get_tuple(config_of())


def test_a_value_that_the_serde_refuses_is_named_and_nothing_is_written(home: Home, serde: SerializerProtocol) -> None:
    """What a serde cannot store is a SerializationError that names the channel, or the metadata; no file appears."""
    saver = home.saver(serde=serde)
    with socket.socket() as unstorable:
        with pytest.raises(SerializationError, match="gate"):
            put(saver, "1", {"gate": unstorable})
        with pytest.raises(SerializationError, match="gate"):
            saver.put_writes(config_of("t", "", "1"), [("gate", unstorable)], "task")
        with pytest.raises(SerializationError, match="metadata"):
            put(saver, "1", {"a": 1}, metadata={"gate": unstorable})
    assert home.files() == set()
