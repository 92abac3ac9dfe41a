"""Opens sealed files with nothing of the library: the section "Sealed files" of docs/format.md, once more, in a few lines."""

from __future__ import annotations

import hmac
import json
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

BLOCK = 64 * 1024 + 16


def hkdf(secret: bytes, salt: bytes, purpose: bytes) -> bytes:
    """HKDF-SHA256 (RFC 5869) for one block of output."""
    extracted = hmac.digest(salt or bytes(32), secret, "sha256")
    return hmac.digest(extracted, purpose + b"\x01", "sha256")


def store_id(root: Path) -> str:
    """The id that filesaver.json tells."""
    encryption = json.loads((root / "filesaver.json").read_bytes())["encryption"]
    assert encryption["scheme"] == 1
    return str(encryption["store_id"])


def decrypted(root: Path, key: str, secret: bytes) -> bytes:
    """The content of the file under a key of the store; raises InvalidTag where it is not what was sealed there."""
    data = (root / key).read_bytes()
    head, body = data[:128], data[128:]
    assert head[:16] == b"FILESAVER-SEAL-1"
    cipher = AESGCM(hkdf(secret, head[16:48], b"langgraph-filesaver 1 file"))
    place = f"{store_id(root)}/{key}".encode()
    scope = b"/".join(place.split(b"/")[:3])
    last = (len(body) - 1) // BLOCK
    content = b""
    for number in range(last + 1):
        is_last = number == last
        nonce = number.to_bytes(11, "big") + bytes([is_last])
        block = body[number * BLOCK : (number + 1) * BLOCK]
        content += cipher.decrypt(nonce, block, head + (place if is_last else scope))
    return content


def artifact_name(root: Path, thread_folder: str, sha256: str, secret: bytes) -> str:
    """The digits that an artifact of a thread is named by."""
    place = f"{store_id(root)}/{thread_folder}".encode()
    return hmac.digest(
        hkdf(secret, b"", b"langgraph-filesaver 1 artifact names " + place), bytes.fromhex(sha256), "sha256"
    ).hex()
