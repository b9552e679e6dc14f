"""Bytes and text of a file, within limits."""

import gzip
import zlib
from pathlib import Path

from knowledge.documents.parsed import DocumentError

MAX_BYTES = 256 * 2**20
"""A larger file, or a gzip file that holds more, is refused."""

_STEP = 2**20
_GZIP = b"\x1f\x8b"


def read_bytes(path: Path) -> bytes:
    """The content of the file, unpacked if it is gzip.

    Raises:
        DocumentError: It cannot be read, is empty, is larger than MAX_BYTES or no sound gzip.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise DocumentError(f"{path.name}: {size / 2**20:.0f} MiB; at most {MAX_BYTES // 2**20} MiB are read")
        with path.open("rb") as file:
            packed = file.read(2) == _GZIP
            file.seek(0)
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DocumentError(f"{path.name}: cannot be read ({error.strerror})") from None
    if packed:
        data = _unpacked(path)
    if len(data) > MAX_BYTES:
        raise DocumentError(f"{path.name}: holds more than {MAX_BYTES // 2**20} MiB")
    if not data.strip():
        raise DocumentError(f"{path.name}: it is empty")
    return data


def as_text(data: bytes, name: str) -> str:
    """`data` as text: UTF-8, UTF-16 with its mark, or else Windows-1252, which any bytes could be.

    Raises:
        DocumentError: It is no text.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError:
            raise DocumentError(f"{name}: it begins like UTF-16 and is not") from None
    if b"\x00" in data:
        raise DocumentError(f"{name}: it is no text")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _unpacked(path: Path) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        with gzip.open(path) as file:
            while size <= MAX_BYTES and (part := file.read(_STEP)):
                parts.append(part)
                size += len(part)
    except (OSError, EOFError, zlib.error) as error:
        raise DocumentError(f"{path.name}: cannot be unpacked ({error})") from None
    return b"".join(parts)
