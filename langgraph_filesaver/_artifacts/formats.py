"""The formats of artifacts: which extension tells the truth about some bytes, compression, and formats of the user's own.

Pure but for the import of a compressor. The rules are in docs/format.md, "Artifacts".
"""

from __future__ import annotations

import base64
import binascii
import gzip
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from langgraph_filesaver.errors import CorruptDataError

__all__ = ["ArtifactCodec", "Compression", "Formats", "extension_of", "file_extension", "split_base64", "unpacked"]

Compression = Literal["zstd", "gzip"]

_EXTENSIONS: dict[str, str] = {"zstd": ".zst", "gzip": ".gz"}
_COMPRESSED_ALREADY = {".png", ".jpg", ".gif", ".webp", ".mp3", ".mp4", ".zip", ".gz", ".zst", ".parquet"}
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", ".png"),
    (b"\xff\xd8\xff", ".jpg"),
    (b"GIF87a", ".gif"),
    (b"GIF89a", ".gif"),
    (b"%PDF-", ".pdf"),
    (b"PK\x03\x04", ".zip"),
    (b"\x1f\x8b\x08", ".gz.bin"),
    (b"\x28\xb5\x2f\xfd", ".zst.bin"),
    (b"PAR1", ".parquet"),
    (b"ID3", ".mp3"),
    (b"OggS", ".ogg"),
    (b"fLaC", ".flac"),
)
_DATA_URL = re.compile(r"data:[\w.+-]{1,100}/[\w.+-]{1,100}(?:;[\w.=+-]{1,100}){0,4};base64,")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{64}")
_EXTENSION = re.compile(r"\.[a-z0-9]{1,10}")
_ZSTD_LEVEL, _GZIP_LEVEL = 3, 6


@dataclass(frozen=True)
class ArtifactCodec:
    """A format of the user's own for values of one type; such values always become artifacts.

    Attributes:
        kind: The type; subclasses are stored by it, too.
        extension: The extension of its files, such as `.parquet`.
        encode: Makes the file's bytes of a value. The same value should give the same bytes.
        decode: Makes the value of a file's bytes.
        name: What the reference calls the format; by default the name of the type.
    """

    kind: type
    extension: str
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]
    name: str = field(default="")

    def __post_init__(self) -> None:
        if not _EXTENSION.fullmatch(self.extension):
            raise ValueError(
                f"{self.extension!r} is no extension: give a dot and lower-case letters, such as '.parquet'"
            )
        if not self.name:
            object.__setattr__(self, "name", f"{self.kind.__module__}.{self.kind.__qualname__}")


class Formats:
    """How the artifacts of one saver are written.

    Args:
        limit: From how many bytes on a value becomes one; None: only what has to.
        compression: How they are compressed, or None.
        codecs: The user's own formats.

    Raises:
        ValueError: A negative limit, or an unknown compression.
        ImportError: There is no compressor for zstd.
    """

    def __init__(
        self, limit: int | None, *, compression: Compression | None = None, codecs: Iterable[ArtifactCodec] = ()
    ) -> None:
        if limit is not None and limit < 0:
            raise ValueError(f"artifact_threshold_bytes={limit} is negative: give 0 or more, or None for never")
        if compression is not None and compression not in _EXTENSIONS:
            raise ValueError(f"unknown compression {compression!r}: use 'zstd', 'gzip' or None")
        if compression == "zstd":
            _zstd()
        self.limit = limit
        self.compression = compression
        self.codecs = {codec.name: codec for codec in codecs}

    def codec_of(self, kind: type) -> ArtifactCodec | None:
        """Return the user's format for a type, the nearest base's first."""
        if not self.codecs:
            return None
        by_kind = {codec.kind: codec for codec in self.codecs.values()}
        return next((by_kind[base] for base in kind.__mro__ if base in by_kind), None)

    def packed(
        self, data: bytes | bytearray | memoryview, extension: str
    ) -> tuple[bytes | bytearray | memoryview, str]:
        """Return what is written for `data`, and its extension."""
        if self.compression is None or extension in _COMPRESSED_ALREADY or extension.count(".") > 1:
            return data, extension
        extension += _EXTENSIONS[self.compression]
        if self.compression == "zstd":
            return _zstd().compress(data, _ZSTD_LEVEL), extension
        return gzip.compress(data, _GZIP_LEVEL, mtime=0), extension

    @staticmethod
    def content(data: bytes | bytearray | memoryview, name: str) -> bytes:
        """Return the content of an artifact's bytes."""
        return unpacked(bytes(data), name)[0]


def unpacked(data: bytes, name: str) -> tuple[bytes, str]:
    """Return the content of an artifact's bytes, and the extension that tells its format.

    Raises:
        CorruptDataError: It is not compressed as its name says.
        ImportError: There is no decompressor for zstd.
    """
    stem, _, last = name.rpartition(".")
    if "." not in stem or last not in ("zst", "gz"):
        return data, f".{name.partition('.')[2]}"
    try:
        content = gzip.decompress(data) if last == "gz" else _zstd().decompress(data)
    except ImportError:
        raise
    except Exception as error:
        raise CorruptDataError(f"cannot be decompressed: {error}") from error
    return content, f".{stem.partition('.')[2]}"


def extension_of(data: bytes | bytearray | memoryview) -> str:
    """Return the extension for bytes, from how they begin; `.bin` for what is not known."""
    start = bytes(data[:16])
    if start[:4] == b"RIFF" and start[8:12] in (b"WEBP", b"WAVE"):
        return ".webp" if start[8:12] == b"WEBP" else ".wav"
    if start[4:8] == b"ftyp":
        return ".mp4"
    return next((extension for magic, extension in _MAGIC if start.startswith(magic)), ".bin")


def file_extension(name: str) -> str:
    """Return the extension for a file of the user's, from its name; `.bin` where that has none that can be kept."""
    _, dot, last = name.lower().rpartition(".")
    return f".{last}" if dot and _EXTENSION.fullmatch(f".{last}") else ".bin"


def split_base64(text: str) -> tuple[str, bytes] | None:
    """Return prefix and content of a text that is base64 of a known format (an image, a PDF), or a `data:` URL, else None.

    Only what gives the very same text again: prefix and the base64 of the content.
    """
    url = _DATA_URL.match(text)
    start = url.end() if url else 0
    if (len(text) - start) % 4 or not _BASE64.match(text, start):
        return None
    if url is None and extension_of(binascii.a2b_base64(text[:64])) == ".bin":
        return None
    try:
        data = binascii.a2b_base64(text[start:].encode("ascii"))
    except (UnicodeEncodeError, binascii.Error):
        return None
    if base64.b64encode(data).decode("ascii") != text[start:]:
        return None
    return text[:start], data


def _zstd() -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd

        return zstd
    try:
        import zstandard
    except ImportError as error:
        raise ImportError(
            "artifacts compressed with zstd need the package zstandard: pip install 'langgraph-filesaver[zstd]'"
        ) from error
    return _Zstandard(zstandard)


class _Zstandard:
    """The package zstandard with the two functions of Python 3.14's `compression.zstd`."""

    def __init__(self, module: Any) -> None:
        self._module = module

    def compress(self, data: bytes, level: int) -> bytes:
        """Return `data` as one zstd frame."""
        return bytes(self._module.ZstdCompressor(level=level).compress(data))

    def decompress(self, data: bytes) -> bytes:
        """Return the content of zstd frames."""
        return bytes(self._module.ZstdDecompressor().decompressobj().decompress(data))
