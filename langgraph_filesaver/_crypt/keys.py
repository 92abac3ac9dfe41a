"""The keys that files are sealed with: what one is, where it comes from, and who knows which.

A secret stays inside its `EncryptionKey`, which gives it to nobody but the functions that derive from it: no repr, no
pickle and no message shows it. What would break it: a secret in an exception's text, or in a string that is kept.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import stat
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn, Protocol, runtime_checkable

__all__ = ["ENVIRONMENT_VARIABLE", "EncryptionKey", "KeyProvider", "Keyring", "provider_of"]

ENVIRONMENT_VARIABLE = "LANGGRAPH_FILESAVER_KEY"
"""Holds keys as text, the current one first, with blanks or commas between them."""

KEY_BYTES = 32
MOST_ID_BYTES = 79

_HOW = "a key is 32 random bytes in base64: `langgraph-filesaver keygen FILE` makes one"
_MOST_FILE_BYTES = 64 * 1024


class EncryptionKey:
    """A secret of 32 bytes, and the id under which files name it.

    Args:
        secret: 32 random bytes: not a passphrase.
        id: 1 to 79 characters of printable ASCII, which everybody can read in the files; by default one that follows from
            the secret and does not tell it.

    Raises:
        ValueError: The secret has not 32 bytes, or the id cannot stand in a file.
    """

    __slots__ = ("_secret", "id")

    def __init__(self, secret: bytes, id: str | None = None) -> None:  # noqa: A002 what it is
        if len(secret) != KEY_BYTES:
            raise ValueError(f"the secret of a key must be {KEY_BYTES} bytes: {_HOW}")
        self._secret = bytes(secret)
        if id is None:
            id = hashlib.sha256(b"langgraph-filesaver key id" + self._secret).hexdigest()[:16]  # noqa: A001
        if not (id.isascii() and id.isprintable() and 0 < len(id) <= MOST_ID_BYTES):
            raise ValueError(f"{id!r} cannot be the id of a key: give 1 to {MOST_ID_BYTES} printable ASCII characters")
        self.id = id

    @classmethod
    def from_text(cls, text: str) -> EncryptionKey:
        """Read a key from its text, as `text` gives it.

        Raises:
            ValueError: It is none. The message does not repeat it.
        """
        try:
            secret = base64.b64decode(text.strip().replace("-", "+").replace("_", "/"), validate=True)
        except (binascii.Error, ValueError):
            secret = b""
        if len(secret) != KEY_BYTES:
            raise ValueError(f"this is no key: {_HOW}") from None
        return cls(secret)

    @classmethod
    def generate(cls) -> EncryptionKey:
        """Make a new key."""
        return cls(os.urandom(KEY_BYTES))

    def text(self) -> str:
        """Return the secret as text, for a key file or the environment: keep it where the files are not."""
        return base64.b64encode(self._secret).decode("ascii")

    def derived(self, salt: bytes, purpose: bytes) -> bytes:
        """Return 32 bytes that follow from the secret, a salt and a purpose, and do not tell it (HKDF-SHA256, RFC 5869)."""
        from cryptography.hazmat.primitives.hashes import SHA256  # here, for who seals nothing needs none of it
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return HKDF(SHA256(), 32, salt, purpose).derive(self._secret)

    def __repr__(self) -> str:
        return f"EncryptionKey(id={self.id!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EncryptionKey) and (self.id, self._secret) == (other.id, other._secret)

    def __hash__(self) -> int:
        return hash((self.id, self._secret))

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"an encryption key is not pickled: set {ENVIRONMENT_VARIABLE} or give a key file, which another process reads itself"
        )


@runtime_checkable
class KeyProvider(Protocol):
    """Who knows the keys, such as a client of a key management service; asked from several threads at once."""

    def get_key(self, thread_id: str, key_id: str | None) -> EncryptionKey:
        """Return a key for a thread.

        Args:
            thread_id: The thread.
            key_id: The id that a file names; None asks for the key that new files of the thread get.

        Raises:
            LookupError: There is no such key (any more): the file cannot be opened.
        """


class Keyring:
    """Keys for all threads alike: the first one seals, all of them open.

    Args:
        keys: The keys, the current one first.
        source: What another process can read them from: ("file", path) or ("environment", name); None: nothing.
    """

    def __init__(self, keys: Iterable[EncryptionKey], source: tuple[str, str] | None = None) -> None:
        self._keys = {key.id: key for key in keys}
        if not self._keys:
            raise ValueError(f"there is no key: {_HOW}")
        self._current = next(iter(self._keys.values()))
        self._source = source

    @classmethod
    def from_text(cls, text: str, source: tuple[str, str] | None = None) -> Keyring:
        """Read keys with blanks, commas or line breaks between them; lines that begin with # are left out.

        Raises:
            ValueError: One of them is no key, or there is none.
        """
        lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
        words = [word for line in lines for word in line.replace(",", " ").split()]
        return cls([EncryptionKey.from_text(word) for word in words], source)

    @classmethod
    def from_file(cls, path: str) -> Keyring:
        """Read a key file.

        Raises:
            ValueError: It cannot be read, holds no key, or others than its owner may read it.
        """
        try:
            with open(path, "rb") as file:
                mode, data = os.fstat(file.fileno()).st_mode, file.read(_MOST_FILE_BYTES)
        except OSError as error:
            raise ValueError(f"cannot read the key file {path}: {error.strerror}") from error
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ValueError(f"others may read the key file {path}: `chmod 600 {path}` first")
        try:
            return cls.from_text(data.decode("ascii", "replace"), ("file", os.path.abspath(path)))
        except ValueError as error:
            raise ValueError(f"in the key file {path}: {error}") from None

    @classmethod
    def from_environment(cls, name: str = ENVIRONMENT_VARIABLE) -> Keyring:
        """Read the keys in a variable of the environment.

        Raises:
            ValueError: It is not set, or holds no key.
        """
        try:
            return cls.from_text(os.environ.get(name, ""), ("environment", name))
        except ValueError as error:
            raise ValueError(f"in the variable {name}: {error}") from None

    def get_key(self, thread_id: str, key_id: str | None) -> EncryptionKey:  # noqa: ARG002 all threads alike
        """Return the current key, or the one with an id; raises LookupError where there is none."""
        if key_id is None:
            return self._current
        if key_id not in self._keys:
            raise LookupError(f"there is no key {key_id!r} among those given ({', '.join(self._keys)})")
        return self._keys[key_id]

    def __repr__(self) -> str:
        return f"Keyring({', '.join(self._keys)})"

    def __reduce__(self) -> tuple[Any, ...]:
        if self._source is None:
            raise TypeError(
                f"encryption keys are not pickled: set {ENVIRONMENT_VARIABLE} or give a key file, which another process reads itself"
            )
        kind, place = self._source
        return (Keyring.from_file if kind == "file" else Keyring.from_environment, (place,))


Encryption = EncryptionKey | KeyProvider | bytes | str | os.PathLike[str] | Sequence[Any] | bool | None
"""What a user may give as `encryption=`; see `FileSaver`."""


def provider_of(encryption: Encryption) -> KeyProvider | None:
    """Return who knows the keys that were given, or None where nothing is to be sealed.

    Args:
        encryption: A provider; a key as EncryptionKey, 32 bytes or text; a key file as a path object; several keys, the
            current one first; None: the keys of the environment where it holds some; False: no keys at all; True: those of
            the environment, which must hold some.

    Raises:
        ValueError: It is no key.
        TypeError: It is nothing of these.
        ImportError: The extra `crypt` is not installed.
    """
    if encryption is False or (encryption is None and not os.environ.get(ENVIRONMENT_VARIABLE)):
        return None
    provider: KeyProvider
    if encryption is None or encryption is True:
        provider = Keyring.from_environment()
    elif isinstance(encryption, os.PathLike):
        provider = Keyring.from_file(os.fspath(encryption))
    elif isinstance(encryption, (EncryptionKey, bytes, bytearray, str)):
        provider = Keyring([_key_of(encryption)])
    elif isinstance(encryption, KeyProvider):
        provider = encryption
    elif isinstance(encryption, (list, tuple)):
        provider = Keyring([_key_of(each) for each in encryption])
    else:
        raise TypeError(f"encryption= takes a key, a key file, keys or a KeyProvider, not {type(encryption).__name__}")
    try:
        import cryptography  # noqa: F401 looked for before anything is written
    except ImportError as error:
        raise ImportError(
            "encryption needs the package cryptography: pip install 'langgraph-filesaver[crypt]'"
        ) from error
    return provider


def _key_of(given: Any) -> EncryptionKey:
    if isinstance(given, EncryptionKey):
        return given
    if isinstance(given, str):
        return EncryptionKey.from_text(given)
    if isinstance(given, (bytes, bytearray)):
        return EncryptionKey(bytes(given))
    raise TypeError(f"{type(given).__name__} is no key: {_HOW}")
