"""The meaning of texts as unit vectors, each computed once."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from knowledge.embedding import DIMENSIONS, shared_embedder


@lru_cache(maxsize=4096)
def vector(text: str) -> NDArray[np.float32]:
    """The embedding of one text, (384,): a function of the text alone, whoever says it."""
    found: NDArray[np.float32] = shared_embedder().embed([text])[0]
    found.flags.writeable = False
    return found


def vectors(texts: Sequence[str]) -> NDArray[np.float32]:
    """The embeddings of texts, (len(texts), 384)."""
    return np.stack([vector(text) for text in texts]) if texts else np.zeros((0, DIMENSIONS), np.float32)
