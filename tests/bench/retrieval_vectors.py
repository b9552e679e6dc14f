"""Embeddings for the benchmark, made once: an hour of one core for all of MedQuAD."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knowledge.embedding import TOKENS, Embedder
from knowledge.vectors import digest_of, read_vectors, rounded, write_vectors

_STEP = 512


def embedded(texts: Sequence[str], cache: Path, name: str, tokens: int = TOKENS) -> NDArray[np.float32]:
    """One vector per text, (n, 384), from the cache where it has them; what is new is kept as it is made."""
    path = cache / f"{''.join(letter if letter.isalnum() else '-' for letter in name)}-{tokens}.vectors"
    known = read_vectors(path)
    words = {digest_of(text): text for text in texts}
    missing = sorted((digest for digest in words if digest not in known), key=lambda d: (len(words[d]), d))
    embedder = Embedder(tokens=tokens)
    for start in range(0, len(missing), _STEP):
        part = missing[start : start + _STEP]
        known |= dict(zip(part, rounded(embedder.embed([words[digest] for digest in part])), strict=True))
        write_vectors(path, known)
        print(f"\r{name}: {start + len(part)} of {len(missing)} embedded", end="", file=sys.stderr, flush=True)
    if missing:
        print(file=sys.stderr)
    vectors = np.stack([known[digest_of(text)] for text in texts])
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
