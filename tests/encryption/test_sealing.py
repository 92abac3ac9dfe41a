"""The sealing of bytes: what goes in comes out, and what was changed in any way does not."""

from __future__ import annotations

import hashlib
import io
import os
import random
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langgraph_filesaver import EncryptionKey
from langgraph_filesaver._crypt.sealing import (
    BLOCK_BYTES,
    HEADER_BYTES,
    TAG_BYTES,
    Binding,
    Header,
    Sealing,
    UnsealedError,
    opened,
    sealed,
    sizes,
)
from langgraph_filesaver._store.base import Staged
from langgraph_filesaver._store.sealed_files import SealedReader, SealedStaged
from tests.encryption.decryptor import hkdf

KEY = EncryptionKey(bytes(range(32)))
BINDING = Binding(b"store/thread/artifacts", b"store/thread/artifacts/name.bin")
EDGES = [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 2 * BLOCK_BYTES, 2 * BLOCK_BYTES + 1, 3 * BLOCK_BYTES - 1]


def unsealed(data: bytes, binding: Binding = BINDING, key: EncryptionKey = KEY) -> bytes:
    return opened(key, Header.parse(data), binding, data)


def some(size: int) -> bytes:
    return random.Random(size).randbytes(size)


class InMemory(Staged):
    """Takes sealed bytes."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.names: list[str] = []

    def write(self, data: bytes | memoryview) -> None:
        self.data += data

    def clone(self, path: str) -> bool:
        return False

    def blocks(self) -> Iterator[bytes]:
        yield bytes(self.data)

    def flush(self) -> None:
        pass

    def name(self, key: str) -> bool:
        self.names.append(key)
        return True

    def replace(self, key: str) -> None:
        self.names.append(key)

    def close(self) -> None:
        pass


def staged(parts: list[bytes]) -> bytes:
    """Return what writing parts makes of them."""
    inner, header = InMemory(), Header.new(KEY.id)
    file = SealedStaged(inner, header, Sealing(KEY, header, BINDING.scope), lambda key: BINDING.place)
    for part in parts:
        file.write(part)
    file.name("key")
    return bytes(inner.data)


def reader(data: bytes, binding: Binding = BINDING) -> SealedReader:
    seal = Sealing(KEY, Header.parse(data), binding.scope)
    return SealedReader(io.BytesIO(data), seal, binding, lambda error: error)


# --- known answers


def test_a_file_with_a_known_salt_has_known_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """[X2] [X3] Format 1 is frozen: the same key, salt, place and content give the same bytes in every release."""
    monkeypatch.setattr(os, "urandom", lambda size: b"\x07" * size)
    digests = {
        size: hashlib.sha256(sealed(KEY, BINDING, some(size))).hexdigest()[:16] for size in (0, 5, BLOCK_BYTES + 1)
    }
    assert digests == KNOWN
    assert KEY.id == "1c0fb11e60b7330b"


KNOWN = {0: "2f20a04684cfa7e5", 5: "c827bd64e3a208ee", BLOCK_BYTES + 1: "cb863d4a8cd73557"}


def test_the_derived_keys_are_those_of_rfc_5869() -> None:
    """[X2] HKDF-SHA256 derives, as its two steps made by hand do; those give the answer of the RFC's test case 3."""
    found = hkdf(b"\x0b" * 22, b"", b"").hex()
    assert found == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
    for salt, purpose in ((b"", b"x"), (b"s" * 32, b"langgraph-filesaver 1 file")):
        assert KEY.derived(salt, purpose) == hkdf(bytes(range(32)), salt, purpose)


# --- round trips


@pytest.mark.parametrize("size", EDGES)
def test_what_is_sealed_opens_whole_and_piece_by_piece(size: int) -> None:
    """[X2] At every edge of a block: whole, staged in pieces, and read in pieces are the same content and the same size."""
    content = some(size)
    data = sealed(KEY, BINDING, content)
    assert unsealed(data) == content
    assert sizes(len(data))[0] == size
    in_pieces = staged([content[at : at + 10_007] for at in range(0, size, 10_007)])
    assert len(in_pieces) == len(data)
    assert unsealed(in_pieces) == content
    assert io.BufferedReader(reader(data), 1000).read() == content


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=40_000), max_size=8), st.randoms(use_true_random=False))
def test_any_pieces_make_one_content_and_any_place_of_it_can_be_read(parts: list[bytes], chance: Any) -> None:
    """[X2] How a file was written does not show, and a seek to any place gives what is there."""
    content = b"".join(parts) * chance.choice([1, 3])
    data = staged([*parts] * (len(content) // max(1, len(b"".join(parts))) if content else 1))
    assert unsealed(data) == content
    file = reader(data)
    for _ in range(5):
        at, size = chance.randrange(len(content) + 2), chance.randrange(BLOCK_BYTES * 2)
        file.seek(at)
        buffer = bytearray(size)
        count = file.readinto(buffer)
        assert bytes(buffer[:count]) == content[at : at + size]


# --- refusals


def test_a_flipped_bit_at_any_byte_is_noticed() -> None:
    """[X2] No byte of a file, be it of the header, the content or the tag, can be another one."""
    data = sealed(KEY, BINDING, b'{"format": 1, "state": {}}')
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1 << (at % 8)
        with pytest.raises(UnsealedError):
            unsealed(bytes(changed))


def test_a_file_that_ends_early_or_late_is_noticed() -> None:
    """[X2] Cut off anywhere, also between two blocks, or with more bytes behind it, a file does not open."""
    data = sealed(KEY, BINDING, some(2 * BLOCK_BYTES + 100))
    step = BLOCK_BYTES + TAG_BYTES
    edges = [
        HEADER_BYTES + number * step + around for number in range(3) for around in (-1, 0, 1, TAG_BYTES, TAG_BYTES + 1)
    ]
    for size in [*range(HEADER_BYTES + 40), *edges, len(data) - 1]:
        with pytest.raises(UnsealedError):
            unsealed(data[:size])
    for more in (b"\0", some(step)):
        with pytest.raises(UnsealedError):
            unsealed(data + more)


def test_blocks_that_changed_places_are_noticed() -> None:
    """[X2] Blocks that are moved, left out, repeated, or taken from another file of the same key and name do not open."""
    content, step = some(4 * BLOCK_BYTES), BLOCK_BYTES + TAG_BYTES
    data, other = sealed(KEY, BINDING, content), sealed(KEY, BINDING, content)
    head, blocks = data[:HEADER_BYTES], [data[HEADER_BYTES + at * step :][:step] for at in range(4)]
    foreign = other[HEADER_BYTES + step :][:step]
    for order in ([1, 0, 2, 3], [0, 2, 3], [0, 1, 1, 2, 3], [0, 1, 3, 2], [0, 1, 2]):
        with pytest.raises(UnsealedError):
            unsealed(head + b"".join(blocks[number] for number in order))
    with pytest.raises(UnsealedError):
        unsealed(head + blocks[0] + foreign + blocks[2] + blocks[3])


def test_a_reader_tells_a_changed_block_when_it_comes_to_it_and_a_changed_end_at_once() -> None:
    """[X2] Nothing is given out before the last block was opened, nor any byte of a block that does not open."""
    data = bytearray(sealed(KEY, BINDING, some(3 * BLOCK_BYTES)))
    data[HEADER_BYTES + BLOCK_BYTES + TAG_BYTES + 5] ^= 1
    file = reader(bytes(data))
    assert file.readinto(bytearray(100)) == 100
    file.seek(BLOCK_BYTES)
    with pytest.raises(UnsealedError):
        file.readinto(bytearray(1))
    data[-1] ^= 1
    with pytest.raises(UnsealedError):
        reader(bytes(data))


def test_another_key_another_place_and_another_scope_do_not_open() -> None:
    """[X3] A file opens with its key alone, and only under its own name in its own thread and store."""
    for size in (10, BLOCK_BYTES * 2):
        data = sealed(KEY, BINDING, some(size))
        with pytest.raises(UnsealedError):
            unsealed(data, key=EncryptionKey(bytes(32)))
        with pytest.raises(UnsealedError):
            unsealed(data, Binding(BINDING.scope, b"store/thread/artifacts/other.bin"))
    with pytest.raises(UnsealedError):
        unsealed(sealed(KEY, BINDING, some(BLOCK_BYTES * 2)), Binding(b"store/other/artifacts", BINDING.place))


def test_the_same_content_never_has_the_same_bytes() -> None:
    """[X2] Each file draws its own salt, so equal contents look unlike, and no nonce serves one key twice."""
    files = {sealed(KEY, BINDING, b"same") for _ in range(200)}
    assert len(files) == len({data[16:48] for data in files}) == 200


def test_memory_is_bounded_while_a_large_file_is_staged() -> None:
    """A staged file holds a block back, not what was written before."""
    inner, header = InMemory(), Header.new(KEY.id)
    inner.write = lambda data: None  # type: ignore[method-assign]
    file = SealedStaged(inner, header, Sealing(KEY, header, BINDING.scope), lambda key: BINDING.place)
    block = bytes(1024 * 1024)
    tracemalloc.start()
    for _ in range(100):
        file.write(block)
    file.name("key")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 1024 * 1024
