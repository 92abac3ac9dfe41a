"""Keys: where they come from, whose they are, and how one is changed for another."""

from __future__ import annotations

import base64
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from langgraph_filesaver import DecryptionError, EncryptionKey, FileSaver, KeyProvider, LockTimeoutError
from langgraph_filesaver._crypt import Keyring, provider_of
from langgraph_filesaver._store.sealed import SealedStore
from tests.checkpoints import put
from tests.crash.faulty_store import FaultyStore, KilledError
from tests.encryption.conftest import KEY
from tests.encryption.decryptor import decrypted
from tests.inspection.looking import config_for

NEW = EncryptionKey(b"n" * 32)


def key_ids(root: Path) -> set[str]:
    """The ids of the keys that the files of a store are sealed with."""
    files = (path.read_bytes() for path in root.rglob("*") if path.is_file())
    return {data[49 : 49 + data[48]].decode() for data in files if data.startswith(b"FILESAVER")}


def fill(saver: FileSaver, thread_id: str = "t") -> None:
    for number in range(3):
        put(saver, str(number), {"text": "x" * 200_000, "number": number}, thread_id=thread_id)


# --- where keys come from


def test_a_key_is_given_in_many_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """32 bytes, text, a key file, several keys, the environment or a provider: each leads to the same key."""
    path = tmp_path / "agents.key"
    path.write_text(f"# current\n{KEY.text()}\n{NEW.text()}\n")
    path.chmod(0o600)
    urlsafe = base64.urlsafe_b64encode(bytes(range(32))).decode()
    for given in (KEY, bytes(range(32)), KEY.text(), urlsafe, path, [KEY, NEW.text()], Keyring([KEY])):
        provider = provider_of(given)
        assert provider is not None
        assert provider.get_key("t", None) == KEY
        assert provider.get_key("t", KEY.id) == KEY
    monkeypatch.setenv("LANGGRAPH_FILESAVER_KEY", f"{KEY.text()},{NEW.text()}")
    provider = provider_of(None)
    assert provider is not None
    assert provider.get_key("t", NEW.id) == NEW
    assert provider_of(False) is None


@pytest.mark.parametrize("given", [b"short", "correct horse battery staple", "", [], [b"short"], "A" * 44])
def test_what_is_no_key_is_refused_and_not_repeated(given: object) -> None:
    """Passphrases and halves of keys are refused with what to do; the message does not hold what was given."""
    with pytest.raises(ValueError, match="keygen") as error:
        provider_of(given)  # type: ignore[arg-type]
    assert "horse" not in str(error.value)


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    """As ssh does: a key that everybody has keeps nothing private. A missing or empty one is named, too."""
    path = tmp_path / "agents.key"
    with pytest.raises(ValueError, match="cannot read the key file"):
        provider_of(path)
    path.write_text(KEY.text())
    path.chmod(0o640)
    with pytest.raises(ValueError, match="chmod 600"):
        provider_of(path)
    path.chmod(0o600)
    path.write_text("# none\n")
    with pytest.raises(ValueError, match="there is no key"):
        provider_of(path)


def test_ids_that_cannot_stand_in_a_file_are_refused() -> None:
    """[X2] An id has 1 to 79 printable ASCII characters; one that is not given follows from the secret."""
    for wrong in ("", "x" * 80, "ü", "a\nb"):
        with pytest.raises(ValueError, match="id of a key"):
            EncryptionKey(b"k" * 32, wrong)
    assert EncryptionKey(b"k" * 32).id == EncryptionKey(b"k" * 32).id != NEW.id


def test_a_saver_with_a_key_file_or_the_environment_reads_it_again_in_another_process(tmp_path: Path) -> None:
    """A pickled provider names its source and holds no secret; one made of bare keys is refused."""
    path = tmp_path / "agents.key"
    path.write_text(KEY.text())
    path.chmod(0o600)
    data = pickle.dumps(provider_of(path))
    assert bytes(range(32)) not in data
    assert pickle.loads(data).get_key("t", None) == KEY
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(provider_of(KEY))


# --- whose they are


class PerThread:
    """A provider with a key for each thread, which notes what it was asked."""

    def __init__(self) -> None:
        self.asked: set[tuple[str, str | None]] = set()

    def get_key(self, thread_id: str, key_id: str | None) -> EncryptionKey:
        self.asked.add((thread_id, key_id))
        if thread_id == "gone":
            raise LookupError("it was destroyed")
        return EncryptionKey(thread_id.encode().ljust(32, b"\0")[:32], f"kms/{len(thread_id)}")


def test_a_provider_is_asked_by_the_threads_own_id(root: Path) -> None:
    """Each thread has its key, also one whose folder has another name; a copy is sealed with the key of its target."""
    provider = PerThread()
    assert isinstance(provider, KeyProvider)
    saver = FileSaver(root, fsync=False, encryption=provider)
    for thread_id in ("plain", "Tenant A / 7"):
        fill(saver, thread_id)
    saver.copy_thread("Tenant A / 7", "copy")
    again = FileSaver(root, encryption=PerThread())
    for thread_id in ("plain", "Tenant A / 7", "copy"):
        assert again.get_tuple(config_for(thread_id)) is not None
    assert {thread_id for thread_id, _ in provider.asked} == {"plain", "Tenant A / 7", "copy"}
    key = "copy/checkpoints/_root/2.json"
    assert b"number" in decrypted(root, key, b"copy".ljust(32, b"\0"))


def test_a_key_that_its_provider_does_not_have_is_told(root: Path) -> None:
    """A LookupError of a provider becomes a DecryptionError that names the file and the thread, and nothing is written."""
    saver = FileSaver(root, fsync=False, encryption=PerThread())
    with pytest.raises(DecryptionError, match="it was destroyed"):
        put(saver, "1", {"value": 1}, thread_id="gone")
    assert not (root / "gone").exists()


def test_a_provider_that_gives_another_key_is_told(root: Path) -> None:
    """A key of another id than the file's is not tried."""
    saver = FileSaver(root, fsync=False, encryption=KEY)
    fill(saver)

    class Wrong:
        def get_key(self, thread_id: str, key_id: str | None) -> EncryptionKey:
            return NEW

    with pytest.raises(DecryptionError, match="another one"):
        FileSaver(root, encryption=Wrong()).get_tuple(config_for("t"))


# --- a new key


def test_a_new_key_seals_what_is_new_and_old_files_stay_readable(root: Path) -> None:
    """[X6] After a change of the key both are needed, until `rekey`; then the old one is needed no more."""
    fill(FileSaver(root, fsync=False, encryption=KEY))
    both = FileSaver(root, fsync=False, encryption=[NEW, KEY])
    put(both, "9", {"text": "x" * 200_000}, thread_id="t")
    assert key_ids(root) == {KEY.id, NEW.id}
    assert len(list(both.list(None))) == 4
    with pytest.raises(DecryptionError, match=KEY.id):
        list(FileSaver(root, encryption=NEW).list(None))
    before = [found.checkpoint for found in both.list(None)]
    planned = both.rekey(dry_run=True)
    assert key_ids(root) == {KEY.id, NEW.id}
    report = both.rekey()
    assert (report.files, report.bytes, report.threads) == (planned.files, planned.bytes, 1)
    assert report.files == 4
    assert key_ids(root) == {NEW.id}
    assert [found.checkpoint for found in FileSaver(root, encryption=NEW).list(None)] == before
    assert both.rekey().files == 0


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # who is killed closes no file
def test_a_rekey_that_died_at_any_step_is_completed_by_the_next(tmp_path: Path) -> None:
    """[X6] Killed at any operation, with it done or not, every file opens with one of the keys, and the next call ends the work."""
    steps = 0
    for at in range(1, 200):
        root = tmp_path / str(at)
        fill(FileSaver(root, fsync=False, encryption=KEY))
        saver = FileSaver(root, fsync=False, encryption=[NEW, KEY])
        store = saver._repository.store
        assert isinstance(store, SealedStore)
        store.inner = FaultyStore(store.inner, at, landed=bool(at % 2))
        try:
            saver.rekey()
        except KilledError:
            steps += 1
        else:
            break
        again = FileSaver(root, fsync=False, encryption=[NEW, KEY])
        assert len(list(again.list(None))) == 3
        again.rekey()
        assert key_ids(root) == {NEW.id}
    assert steps > 5


def test_a_thread_that_somebody_has_keeps_its_keys_for_now(root: Path) -> None:
    """[X6] `rekey` takes the thread's lock as all that change it do: it waits for who has it, and says who that is."""
    fill(FileSaver(root, fsync=False, encryption=KEY))
    saver = FileSaver(root, fsync=False, encryption=[NEW, KEY], lock_timeout_seconds=0.05)
    with (
        FileSaver(root, encryption=KEY).thread_lock("t"),
        ThreadPoolExecutor(1) as others,
        pytest.raises(LockTimeoutError, match="'t'"),
    ):
        others.submit(saver.rekey).result()
    assert key_ids(root) == {KEY.id}


def test_strays_are_left_alone(root: Path) -> None:
    """[L6] A note that somebody put into a thread's folder is no file of ours, and stops no change of keys."""
    fill(FileSaver(root, fsync=False, encryption=KEY))
    for place in ("t/artifacts/note.txt", "t/checkpoints/_root/note.txt", "t/note.txt"):
        (root / place).write_text("by hand")
    FileSaver(root, fsync=False, encryption=[NEW, KEY]).rekey()
    assert (root / "t/artifacts/note.txt").read_text() == "by hand"


def test_a_plain_store_has_no_keys_to_change(root: Path) -> None:
    """`rekey` of a store that is not encrypted is an error, not a silence."""
    with pytest.raises(ValueError, match="not encrypted"):
        FileSaver(root).rekey()


async def test_rekey_has_an_async_twin(root: Path) -> None:
    """`arekey` does what `rekey` does."""
    fill(FileSaver(root, fsync=False, encryption=KEY))
    async with FileSaver(root, fsync=False, encryption=[NEW, KEY]) as saver:
        assert (await saver.arekey()).files == 4
