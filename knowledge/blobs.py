"""Content-addressed storage: bytes go in, their SHA-256 comes out, and nothing is ever changed."""

import hashlib
import os
import tempfile
from pathlib import Path

from pydantic import TypeAdapter

from knowledge.case import Sha256

_SHA256 = TypeAdapter(Sha256)


class BlobError(Exception):
    """A blob is missing or its bytes are not what its name says."""


class BlobStore:
    """Blobs under one folder, as `ab/abcdef...`; each conversation has its own store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: str) -> Path:
        """Where the blob lies, whether or not it exists.

        Raises:
            pydantic.ValidationError: `digest` is not a SHA-256, so it may not become a path.
        """
        _SHA256.validate_python(digest)
        return self.folder / digest[:2] / digest

    def put(self, data: bytes) -> str:
        """Store `data`, synced to disk, and return its SHA-256."""
        digest = hashlib.sha256(data).hexdigest()
        path = self.path(digest)
        if path.exists():
            return digest
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        return digest

    def get(self, digest: str) -> bytes:
        """Return the blob's bytes.

        Raises:
            BlobError: It is missing, or its bytes have another SHA-256.
        """
        try:
            data = self.path(digest).read_bytes()
        except FileNotFoundError:
            raise BlobError(f"blob {digest} is missing from {self.folder}") from None
        if hashlib.sha256(data).hexdigest() != digest:
            raise BlobError(f"blob {digest} in {self.folder} was changed")
        return data

    def __contains__(self, digest: str) -> bool:
        return self.path(digest).exists()
