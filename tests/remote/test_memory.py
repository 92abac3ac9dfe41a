"""fsspec's `memory://`, which is no server and was not made for several threads."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from tests.stores import Home


def test_a_listing_while_others_remove(tmp_path: Path) -> None:
    """Four savers' threads make, list and remove files of one folder: none of them meets an error, and nothing is left."""
    home = Home("remote", tmp_path / "checkpoints")
    home.store().create("first", b"")
    errors: list[BaseException] = []

    def work(number: int) -> None:
        store = home.store()
        try:
            for turn in range(300):
                store.create(f"folder/{number}-{turn}", b"x")
                assert f"{number}-{turn}" in store.list("folder")
                store.delete([f"folder/{number}-{turn}"])
        except BaseException as error:
            errors.append(error)
            raise

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert errors == []
    assert home.store().list("folder") == ()
