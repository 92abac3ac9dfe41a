"""Bytes sealed and opened: STREAM over AES-256-GCM, block by block (docs/format.md, "Sealed files").

Pure: knows keys and bytes, no file and no thread. A file is its header and its blocks. The header holds what is needed to
find the key, and 32 random bytes; from both follows a key of the file's own. Each block has 64 KiB of content and a tag; its
nonce is its number, and whether it is the last: so a block that is cut off, moved, repeated or added does not open.

Source: Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance" (CRYPTO
2015), section 7; the nonce's form is that of the age file format, version 1.

What would break it: content that is used before the last block was opened, a salt that is used twice.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from langgraph_filesaver._crypt.keys import MOST_ID_BYTES

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from langgraph_filesaver._crypt.keys import EncryptionKey

__all__ = [
    "BLOCK_BYTES",
    "HEADER_BYTES",
    "TAG_BYTES",
    "Binding",
    "Header",
    "Sealing",
    "UnsealedError",
    "opened",
    "sealed",
    "sizes",
]

MAGIC = b"FILESAVER-SEAL-1"
_SALT_BYTES = 32
HEADER_BYTES = len(MAGIC) + _SALT_BYTES + 1 + MOST_ID_BYTES
BLOCK_BYTES = 64 * 1024
TAG_BYTES = 16

_PURPOSE = b"langgraph-filesaver 1 file"


class UnsealedError(ValueError):
    """The bytes are not what was sealed here, with this key; the text tells what was found."""


@dataclass(frozen=True, slots=True)
class Binding:
    """What a file is bound to, so that it opens nowhere else.

    Attributes:
        scope: Store, thread and role: known when the first block is sealed.
        place: The same and the file's name: known when the last one is.
    """

    scope: bytes
    place: bytes


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before the blocks of a file.

    Attributes:
        salt: 32 random bytes, of this file alone.
        key_id: The id of the key.
    """

    salt: bytes
    key_id: str

    @classmethod
    def new(cls, key_id: str) -> Header:
        """Make the header of a new file."""
        return cls(os.urandom(_SALT_BYTES), key_id)

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Header:
        """Read the header that a file begins with; raises UnsealedError where it is none."""
        raw = bytes(data[:HEADER_BYTES])
        if raw[: len(MAGIC)] != MAGIC:
            raise UnsealedError("it is not sealed")
        if len(raw) < HEADER_BYTES:
            raise UnsealedError("it ends within its header")
        salt, rest = raw[len(MAGIC) :][:_SALT_BYTES], raw[len(MAGIC) + _SALT_BYTES :]
        size, name = rest[0], rest[1:]
        key_id = name[:size].decode("ascii", "replace")
        if not 0 < size <= MOST_ID_BYTES or any(name[size:]) or not (key_id.isascii() and key_id.isprintable()):
            raise UnsealedError("its header is damaged")
        return cls(salt, key_id)

    def to_bytes(self) -> bytes:
        """Return the header as it stands in the file."""
        name = self.key_id.encode("ascii")
        return MAGIC + self.salt + bytes([len(name)]) + name.ljust(MOST_ID_BYTES, b"\0")


class Sealing:
    """The blocks of one file, sealed or opened one by one.

    Args:
        key: The key that the header names.
        header: The header.
        scope: What all blocks are bound to; see `Binding`.
    """

    def __init__(self, key: EncryptionKey, header: Header, scope: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher: AESGCM = AESGCM(key.derived(header.salt, _PURPOSE))
        self._head = header.to_bytes()
        self._scope = self._head + scope

    def _nonce(self, number: int, *, is_last: bool) -> bytes:
        return number.to_bytes(11, "big") + (b"\1" if is_last else b"\0")

    def seal(self, number: int, content: bytes | memoryview) -> bytes:
        """Return the block with a number, which is not the last; its content has BLOCK_BYTES."""
        return self._cipher.encrypt(self._nonce(number, is_last=False), content, self._scope)

    def seal_last(self, number: int, content: bytes | memoryview, place: bytes) -> bytes:
        """Return the last block, bound to the file's name."""
        return self._cipher.encrypt(self._nonce(number, is_last=True), content, self._head + place)

    def open(self, number: int, block: bytes | memoryview) -> bytes:
        """Return the content of a block that is not the last; raises UnsealedError where it is not what was sealed."""
        return self._opened(number, block, self._scope, is_last=False)

    def open_last(self, number: int, block: bytes | memoryview, place: bytes) -> bytes:
        """Return the content of the last block; raises UnsealedError where it is not that, of this file."""
        return self._opened(number, block, self._head + place, is_last=True)

    def _opened(self, number: int, block: bytes | memoryview, bound_to: bytes, *, is_last: bool) -> bytes:
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(self._nonce(number, is_last=is_last), block, bound_to)
        except (InvalidTag, ValueError):
            raise UnsealedError(
                "it was altered or cut off, belongs to another place, or the key is not the right one"
            ) from None


def sealed(key: EncryptionKey, binding: Binding, content: bytes | memoryview) -> bytes:
    """Return a whole file."""
    header, view = Header.new(key.id), memoryview(content)
    sealing = Sealing(key, header, binding.scope)
    count = max(0, len(view) - 1) // BLOCK_BYTES
    parts = [header.to_bytes()]
    parts += [sealing.seal(number, view[number * BLOCK_BYTES :][:BLOCK_BYTES]) for number in range(count)]
    parts.append(sealing.seal_last(count, view[count * BLOCK_BYTES :], binding.place))
    return b"".join(parts)


def opened(key: EncryptionKey, header: Header, binding: Binding, data: bytes | memoryview) -> bytes:
    """Return the content of a whole file, `header` being what it begins with; raises UnsealedError where it is not what was sealed."""
    view = memoryview(data)[HEADER_BYTES:]
    sealing = Sealing(key, header, binding.scope)
    step = BLOCK_BYTES + TAG_BYTES
    count = max(0, len(view) - 1) // step
    last = sealing.open_last(count, view[count * step :], binding.place)  # first: it tells that the file is whole
    if not count:
        return last
    return b"".join([*(sealing.open(number, view[number * step :][:step]) for number in range(count)), last])


def sizes(sealed_bytes: int) -> tuple[int, int]:
    """Return (bytes of content, number of the last block) of a file of a size; raises UnsealedError where none has that size."""
    body, step = sealed_bytes - HEADER_BYTES, BLOCK_BYTES + TAG_BYTES
    last = max(0, body - 1) // step
    content = body - (last + 1) * TAG_BYTES
    if body - last * step < TAG_BYTES or (last and content == last * BLOCK_BYTES):
        raise UnsealedError("it was cut off")
    return content, last
