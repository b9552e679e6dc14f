"""Embeddings on disk: a SHA-256, then the float32 values it was taken over; never half written."""

import hashlib
import os
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knowledge.embedding import DIMENSIONS

_DIGEST = hashlib.sha256().digest_size


def read_vectors(path: Path, count: int) -> NDArray[np.float32] | None:
    """The vectors at `path`, (count, 384), or None where there is no intact file of that many."""
    expected = _DIGEST + count * DIMENSIONS * 4
    try:
        if path.stat().st_size != expected:
            return None
        data = path.read_bytes()
    except OSError:
        return None
    values = data[_DIGEST:]
    if len(data) != expected or hashlib.sha256(values).digest() != data[:_DIGEST]:
        return None
    return np.frombuffer(values, dtype="<f4").astype(np.float32).reshape(count, DIMENSIONS)


def write_vectors(path: Path, vectors: NDArray[np.float32]) -> None:
    """Write `vectors`, (n, 384), so that a reader finds all of them or none.

    Raises:
        OSError: The folder cannot be made or written to.
    """
    values = np.ascontiguousarray(vectors, dtype="<f4").tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(values).digest())
            file.write(values)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
