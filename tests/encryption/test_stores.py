"""Encrypted stores: nothing of a thread is on the disk in plain, and a file opens only where it belongs."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import logging
import pickle
import shutil
import traceback
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from langgraph_filesaver import (
    Artifact,
    CorruptDataError,
    DecryptionError,
    EncryptionKey,
    FileSaver,
    StorageError,
)
from langgraph_filesaver._crypt.sealing import HEADER_BYTES, TAG_BYTES
from langgraph_filesaver._layout import is_data_key, sealed_scope
from langgraph_filesaver._store import PLAIN_MARKER, LocalStore, MemoryStore, Store, sealed_marker, sealed_store_id
from langgraph_filesaver._store.sealed import SealedStore
from tests.checkpoints import put
from tests.encryption.conftest import KEY
from tests.encryption.decryptor import artifact_name, decrypted
from tests.inspection.looking import chat, config_for
from tests.store_contract import Opener, StoreTests

OTHER = EncryptionKey(bytes(range(1, 33)))
MARKER = sealed_marker()
DOCUMENT = Path(__file__).parents[2] / "docs/format.md"


class OneKey:
    """Gives the key, also to other processes."""

    def get_key(self, thread_id: str, key_id: str | None) -> EncryptionKey:
        return EncryptionKey(bytes(range(32)))


class AllSealed(SealedStore):
    """Seals every file but the marker, for the contract's keys are none of the format."""

    @staticmethod
    def scope(key: str) -> str | None:
        return None if key == MARKER.key else key.rpartition("/")[0]


def open_sealed(root: str) -> Store:
    return AllSealed(LocalStore(root, marker=MARKER, fsync=False), OneKey(), MARKER)


class TestSealedStore(StoreTests):
    """An encrypted store in a folder keeps the contract of stores."""

    def opener(self, root: Path) -> Opener:
        return partial(open_sealed, str(root))

    races = 60

    def test_a_tree_is_all_files_below_a_folder(self, opened: Opener) -> None:
        """A tree tells what the sealed files take on the disk, and `status` how long the content is."""
        store = opened()
        store.create("t/a/x", b"123")
        assert [(each.key, each.bytes) for each in opened().tree("t")] == [("t/a/x", 3 + HEADER_BYTES + TAG_BYTES)]
        found = opened().status("t/a/x")
        assert found is not None
        assert found.bytes == 3

    def test_a_marker_that_is_there_is_kept(self, opened: Opener) -> None:
        """[X4] A folder that is somebody's plain store stays as it is: nothing is sealed into it."""
        plain = LocalStore(opened().describe(""), marker=PLAIN_MARKER, fsync=False)
        plain.create("a/k", b"x")
        with pytest.raises(StorageError, match="not encrypted"):
            opened().create("a/l", b"x")
        assert opened().read(MARKER.key) == PLAIN_MARKER.data

    def test_the_first_write_leaves_the_marker(self, opened: Opener) -> None:
        """[X1] The marker tells the identity of the store, and comes before the first sealed file."""
        opened().create("a/k", b"x")
        assert opened().read(MARKER.key) == MARKER.data


def test_plain_bytes_of_a_thread_are_nowhere(saver: FileSaver, root: Path) -> None:
    """[X1] State, metadata, writes, corrections and artifacts, in all their forms, are sealed: no file holds a word of them."""
    config = config_for("research-42")
    chat(saver, asks=True).invoke({"log": ["WORD " * 2000] * 20, "text": "WORD " * 40_000}, config)
    saver.edit_state("research-42", {"text": "WORD again"}, edited_by="WORD")
    put(
        saver,
        "9",
        {"array": np.frombuffer(b"WORD" * 100_000, dtype="u1"), "bytes": b"WORD" * 50_000},
        metadata={"WORD": 1},
    )
    files = [path for path in root.rglob("*") if path.is_file() and ".locks" not in path.parts]
    assert len([path for path in files if path.read_bytes().startswith(b"FILESAVER-SEAL-1")]) == 12
    for path in files:
        data = path.read_bytes()
        assert b"WORD" not in data
        assert not data.startswith(b"FILESAVER") or is_data_key(path.relative_to(root).as_posix())
        if not data.startswith(b"FILESAVER"):
            assert path.name in ("filesaver.json", "thread.json")


def test_an_independent_program_reads_every_file(saver: FileSaver, root: Path) -> None:
    """[X1] [X2] [X3] The document is enough to write a decryptor by, also of artifacts longer than a block, and of their names."""
    chat(saver).invoke({"log": ["word " * 2000] * 20, "text": "word " * 100_000}, config_for("Thread 7"))
    store = saver._repository.store
    keys = [each.key for each in store.tree("") if sealed_scope(each.key)]
    assert {sealed_scope(key).rpartition("/")[2] for key in keys} == {"checkpoints", "writes", "artifacts"}  # type: ignore[union-attr]
    for key in keys:
        content = decrypted(root, key, bytes(range(32)))
        assert content == store.read(key)
        if "/artifacts/" in key:
            folder, name = key.split("/")[0], Path(key).name
            assert name[:64] == artifact_name(root, folder, hashlib.sha256(content).hexdigest(), bytes(range(32)))


def test_a_file_opens_in_no_other_place(saver: FileSaver, root: Path, tmp_path: Path) -> None:
    """[X3] Files that are swapped, renamed, moved to another thread, or brought into another store are refused by name."""
    for thread_id in ("one", "two"):
        put(saver, "1", {"text": thread_id * 40_000}, thread_id=thread_id)
        put(saver, "2", {"text": "short"}, thread_id=thread_id)
    first, second = (root / f"one/checkpoints/_root/{number}.json" for number in "12")
    other = FileSaver(tmp_path / "other", fsync=False, encryption=KEY)
    put(other, "2", {"text": "short"}, thread_id="one")
    before = second.read_bytes()
    for source in (first, root / "two/checkpoints/_root/2.json", tmp_path / "other/one/checkpoints/_root/2.json"):
        second.write_bytes(source.read_bytes())
        with pytest.raises(DecryptionError, match=str(second)):
            saver.get_tuple(config_for("one"))
    second.write_bytes(before)
    assert saver.get_tuple(config_for("one")) is not None
    shutil.copytree(root / "one", root / "three")
    with pytest.raises(DecryptionError):
        saver.get_tuple(config_for("three"))
    saver.copy_thread("one", "four")
    assert saver.get_tuple(config_for("four")) is not None, "the tool seals for the new place"


def test_a_plain_file_is_refused_where_a_sealed_one_belongs(saver: FileSaver, root: Path) -> None:
    """[X4] Who can write in the folder, and has no key, cannot plant a state: plain JSON is no checkpoint here."""
    put(saver, "1", {"value": 1}, thread_id="t")
    path = root / "t/checkpoints/_root/1.json"
    path.write_bytes(saver._repository.store.read("t/checkpoints/_root/1.json") or b"")
    with pytest.raises(DecryptionError, match="not sealed"):
        saver.get_tuple(config_for("t"))


@pytest.mark.parametrize("name", ["text", "array", "bytes"])
def test_a_changed_artifact_is_refused_and_named(saver: FileSaver, root: Path, name: str) -> None:
    """[X2] A bit flipped, or the end cut off, in a large value's file is told when it is read."""
    state = {"text": "x" * 200_000, "array": np.arange(50_000), "bytes": b"x" * 200_000}
    put(saver, "1", {name: state[name]}, thread_id="t")
    (path,) = (root / "t/artifacts").iterdir()
    whole = path.read_bytes()
    middle = len(whole) // 2
    for data in (whole[:-1], whole[:middle], whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :], b""):
        path.write_bytes(data)
        with pytest.raises(DecryptionError, match=path.name):
            saver.get_tuple(config_for("t"))


def test_equal_content_does_not_show(saver: FileSaver, root: Path) -> None:
    """[X5] Two threads with the same value have files of other names, none the SHA-256; one thread stores it once."""
    text = "same " * 40_000
    for thread_id, checkpoint_id in (("one", "1"), ("two", "1"), ("one", "2")):
        put(saver, checkpoint_id, {"text": text, "again": text}, thread_id=thread_id)
    names = [path.stem for path in root.glob("*/artifacts/*")]
    assert len(set(names)) == len(names) == 2
    assert hashlib.sha256(text.encode()).hexdigest() not in names


def test_handles_work_as_in_a_plain_store(saver: FileSaver, root: Path, tmp_path: Path) -> None:
    """[X5] Artifacts by hand keep name, size and SHA-256, can be read in part, go on to other checkpoints, threads and stores."""
    content = bytes(range(256)) * 3000
    put(saver, "1", {"file": Artifact.from_bytes(content, name="a.bin")}, thread_id="t")
    found = saver.get_tuple(config_for("t"))
    assert found is not None
    artifact = found.checkpoint["channel_values"]["file"]
    assert artifact.sha256 == hashlib.sha256(content).hexdigest()
    with artifact.open() as file:
        file.seek(300_000)
        assert file.read(10) == content[300_000:300_010]
    assert artifact.path is None, "no other program could read it there"
    assert pickle.loads(pickle.dumps(artifact)).read_bytes() == content
    put(saver, "2", {"file": artifact}, thread_id="t")
    put(saver, "1", {"file": artifact}, thread_id="u")
    plain = FileSaver(tmp_path / "plain", fsync=False)
    put(plain, "1", {"file": artifact}, thread_id="t")
    for there, thread_id in ((saver, "t"), (saver, "u"), (plain, "t")):
        again = there.get_tuple(config_for(thread_id))
        assert again is not None
        assert again.checkpoint["channel_values"]["file"].read_bytes() == content
    assert len(list((root / "t/artifacts").iterdir())) == 1
    with saver.open_artifact(config_for("t"), "b.bin") as writing:
        shutil.copyfileobj(io.BytesIO(content * 2), writing)
    put(saver, "3", {"file": writing.artifact}, thread_id="t")
    assert saver.get_tuple(config_for("t")).checkpoint["channel_values"]["file"].read_bytes() == content * 2  # type: ignore[union-attr]


def test_an_interrupted_graph_goes_on_in_another_saver(saver: FileSaver, root: Path) -> None:
    """A run that waits is resumed by a saver with the key, and the inspection, pruning and the collection work on it."""
    graph = chat(saver, asks=True)
    graph.invoke({"log": ["x" * 5000] * 30}, config_for("asks"))
    later = FileSaver(root, fsync=False, encryption=KEY.text())
    assert [each.status for each in later.threads()] == ["interrupted"]
    before = chat(later, asks=True).get_state(config_for("asks"))
    assert len(before.values["log"]) >= 30
    later.prune(["asks"])
    assert later.collect_garbage("asks", dry_run=False, grace_seconds=0).files >= 0
    assert chat(later, asks=True).get_state(config_for("asks")).values == before.values


@pytest.mark.parametrize("kind", ["memory", "remote"])
def test_other_stores_are_sealed_as_well(kind: str, tmp_path: Path) -> None:
    """A far store and a store in memory hold sealed files, and take up the identity that they have."""
    given: Any = MemoryStore() if kind == "memory" else f"memory://{tmp_path.as_posix().strip('/')}"
    put(FileSaver(given, encryption=KEY), "1", {"text": "WORD" * 50_000}, thread_id="t")
    again = FileSaver(given, encryption=KEY)
    assert again.get_tuple(config_for("t")) is not None
    inner = again._repository.store.inner  # type: ignore[attr-defined]
    assert not any(b"WORD" in (inner.read(each.key) or b"") for each in inner.tree(""))
    with pytest.raises(DecryptionError, match="encrypted"):
        FileSaver(given)


def test_a_mirror_holds_the_same_sealed_files_and_can_be_opened_alone(root: Path, tmp_path: Path) -> None:
    """[X3] The identity goes along into a mirror: a new folder fetches from it, and it opens by itself."""
    url = f"memory://{tmp_path.as_posix().strip('/')}/mirror"
    put(FileSaver(root, fsync=False, encryption=KEY, mirror=url), "1", {"text": "WORD" * 50_000}, thread_id="t")
    assert FileSaver(url, encryption=KEY).get_tuple(config_for("t")) is not None
    fresh = FileSaver(tmp_path / "fresh", fsync=False, encryption=KEY, mirror=url)
    assert fresh.get_tuple(config_for("t")) is not None
    put(fresh, "2", {"text": "more"}, thread_id="u")
    assert (tmp_path / "fresh/filesaver.json").read_bytes() == (root / "filesaver.json").read_bytes()


def test_a_mirror_of_another_store_is_refused(root: Path, saver: FileSaver, tmp_path: Path) -> None:
    """[X3] Files that would not open there are not put there: neither into a plain store, nor into another encrypted one."""
    put(saver, "1", {"value": 1}, thread_id="t")
    for name, encryption in (("plain", False), ("sealed", KEY)):
        url = f"memory://{tmp_path.as_posix().strip('/')}/{name}"
        put(FileSaver(url, encryption=encryption), "1", {"value": 1}, thread_id="u")
        with pytest.raises(StorageError, match="another store"):
            FileSaver(root, encryption=KEY, mirror=url)


def test_a_store_is_sealed_or_plain_from_its_first_file_on(root: Path, saver: FileSaver, tmp_path: Path) -> None:
    """[X4] Without a key an encrypted store does not open, and with one a plain store does not; each error says what to do."""
    put(saver, "1", {"value": 1}, thread_id="t")
    with pytest.raises(DecryptionError, match="give encryption="):
        FileSaver(root)
    plain = tmp_path / "plain"
    put(FileSaver(plain, fsync=False), "1", {"value": 1}, thread_id="t")
    with pytest.raises(StorageError, match="encryption=False"):
        FileSaver(plain, encryption=KEY)


def test_the_environment_asks_for_encryption(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With LANGGRAPH_FILESAVER_KEY set, a new store is encrypted without a change of the code; False says no."""
    monkeypatch.setenv("LANGGRAPH_FILESAVER_KEY", KEY.text())
    put(FileSaver(root, fsync=False), "1", {"text": "WORD"}, thread_id="t")
    assert b"WORD" not in (root / "t/checkpoints/_root/1.json").read_bytes()
    put(FileSaver(tmp_path / "plain", fsync=False, encryption=False), "1", {"text": "WORD"}, thread_id="t")
    assert b"WORD" in (tmp_path / "plain/t/checkpoints/_root/1.json").read_bytes()
    monkeypatch.setenv("LANGGRAPH_FILESAVER_KEY", "correct horse")
    with pytest.raises(ValueError, match="LANGGRAPH_FILESAVER_KEY") as error:
        FileSaver(root)
    assert "horse" not in "".join(traceback.format_exception(error.value))


def test_two_processes_that_begin_a_store_at_once_agree_on_it(root: Path) -> None:
    """[X3] The first marker counts: a saver that made up another identity meanwhile takes it over before it seals anything."""
    first, second = (FileSaver(root, fsync=False, encryption=KEY) for _ in range(2))
    put(first, "1", {"value": 1}, thread_id="t")
    put(second, "2", {"value": 2}, thread_id="t")
    found = first.get_tuple(config_for("t"))
    assert found is not None
    assert found.checkpoint["id"] == "2"


def test_a_key_shows_nowhere(saver: FileSaver, root: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Reprs, messages, tracebacks, logs, files and pickles do not hold the key, in any spelling."""
    caplog.set_level(logging.DEBUG)
    put(saver, "1", {"value": 1}, thread_id="t")
    with pytest.raises(DecryptionError) as wrong:
        FileSaver(root, encryption=OTHER).get_tuple(config_for("t"))
    too_short = b"secret-but-short"
    with pytest.raises(ValueError, match="32") as short:
        EncryptionKey(too_short)
    with pytest.raises(TypeError, match="not pickled") as pickled:
        pickle.dumps(KEY)
    shown = "".join(
        [
            *("".join(traceback.format_exception(each.value)) for each in (wrong, short, pickled)),
            repr(KEY),
            repr(saver),
            str(saver._root.__dict__),
            caplog.text,
            *(path.read_bytes().decode("latin-1") for path in root.rglob("*") if path.is_file()),
        ]
    )
    for key in (KEY, OTHER):
        secret = key._secret
        assert not any(each in shown for each in (secret.decode("latin-1"), secret.hex(), key.text(), repr(secret)))
    assert too_short.decode() not in shown


def test_a_clone_shares_the_key(saver: FileSaver) -> None:
    """`with_allowlist` and `copy.copy` make savers of the same store (P10)."""
    put(saver, "1", {"value": 1}, thread_id="t")
    for clone in (copy.copy(saver), saver.with_allowlist([])):
        assert clone.get_tuple(config_for("t")) is not None


def test_the_marker_is_as_the_document_shows_it() -> None:
    """[X1] The sample in docs/format.md is what the library writes, but for the random id."""
    marker = json.loads(sealed_marker().data)
    assert marker == {"format": 1, "encryption": {"scheme": 1, "store_id": marker["encryption"]["store_id"]}}
    sample = next(each for each in DOCUMENT.read_text("utf-8").split("```json\n") if '"scheme"' in each[:80])
    assert sealed_store_id(sample.partition("\n```")[0].encode(), "") == "6f0d8a4e2c1b4a59b7d3e8f901234567"


def test_a_damaged_identity_is_named(saver: FileSaver, root: Path) -> None:
    """[X1] A marker that says half of it is an error with its path: nothing is sealed for an identity that nobody knows."""
    put(saver, "1", {"value": 1}, thread_id="t")
    (root / "filesaver.json").write_text('{"format": 1, "encryption": {"scheme": 1}}')
    with pytest.raises(CorruptDataError, match=r"filesaver\.json"):
        FileSaver(root, encryption=KEY)
    (root / "filesaver.json").write_text('{"format": 1, "encryption": {"scheme": 2, "store_id": "x"}}')
    with pytest.raises(Exception, match="scheme 2"):
        FileSaver(root, encryption=KEY)
