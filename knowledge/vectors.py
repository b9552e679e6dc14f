"""Embeddings on disk: a SHA-256, then rows of a text's digest and its vector; never half written.

The values are kept in half precision. It moves a cosine by less than 0.0005, and a vector that was
read back is the same on every machine, which one that the model makes anew is not to the last bit.
"""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knowledge.embedding import DIMENSIONS, MODEL

_DIGEST = hashlib.sha256().digest_size
_ROW = np.dtype([("digest", "V32"), ("vector", "<f2", (DIMENSIONS,))])

Vector = NDArray[np.float32]


def digest_of(words: str) -> bytes:
    """Names the vector of `words`: another model's vector has another name."""
    return hashlib.sha256(f"{MODEL}\n{words}".encode("utf-8", "replace")).digest()


def rounded(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """`vectors` as they would be read back."""
    return vectors.astype("<f2").astype(np.float32)


def read_vectors(path: Path) -> dict[bytes, Vector]:
    """The vectors at `path`, (384,) each, by the digest of their text; none where there is no intact file."""
    try:
        data = path.read_bytes()
    except OSError:
        return {}
    seal, body = data[:_DIGEST], data[_DIGEST:]
    if len(body) % _ROW.itemsize or hashlib.sha256(body).digest() != seal:
        return {}
    rows = np.frombuffer(body, dtype=_ROW)
    vectors = rows["vector"].astype(np.float32)
    return {bytes(digest): vector for digest, vector in zip(rows["digest"], vectors, strict=True)}


def write_vectors(path: Path, vectors: Mapping[bytes, Vector]) -> None:
    """Write `vectors` so that a reader finds all of them or none; the same ones make the same file.

    Raises:
        OSError: The folder cannot be made or written to.
    """
    body = b"".join(digest + np.ascontiguousarray(vectors[digest], dtype="<f2").tobytes() for digest in sorted(vectors))
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(body).digest() + body)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
