"""The store on real servers keeps the contract of stores; see `tests/store_contract.py` for the rules."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import pytest

from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store.remote import open_remote
from tests.servers.fixtures import shared_server
from tests.servers.server import Server
from tests.store_contract import Opener, SharedStoreTests

_ALL = ("exclusive_create", "compare_and_swap", "durable", "exact_versions")


class OnServer(SharedStoreTests):
    """The store on one kind of server."""

    races = 40
    changes = 60
    kind: ClassVar[str]
    keeps: ClassVar[tuple[str, ...]] = _ALL
    """What the backend is found to keep, of all that it could."""

    @pytest.fixture
    def server(self) -> Server:
        return shared_server(self.kind)

    @pytest.fixture
    def opened(self, server: Server) -> Opener:
        return partial(open_remote, server.new_root(), server.storage_options, None, MARKER)

    def test_the_probe_finds_what_the_backend_keeps(self, opened: Opener) -> None:
        """What `properties` say of a real server is what it is known for, and no file of the trial is left."""
        store = opened()
        assert {name for name in _ALL if getattr(store.properties, name)} == set(self.keeps)
        assert store.properties.is_far
        assert store.properties.lock_folder is None
        assert {each.key for each in store.tree("")} == {MARKER.key}
        assert store.list(".tmp") == ()


class TestOnRadosgw(OnServer):
    """Ceph's S3."""

    kind = "radosgw"


class TestOnMoto(OnServer):
    """The emulator of Amazon's S3."""

    kind = "moto"


@pytest.mark.filterwarnings(
    "ignore:Sending a large body directly:ResourceWarning"  # azure-storage makes bytes of whatever it is given
)
class TestOnAzurite(OnServer):
    """Azure's blobs."""

    kind = "azurite"
    races = 15


class TestOnSftp(OnServer):
    """OpenSSH: exclusive by its rename, without a swap or a flush."""

    kind = "sshd"
    races = 15
    keeps = ("exclusive_create",)
