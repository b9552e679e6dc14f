"""An embedder that has read every test question in one batch, so that a test of many is quick."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from knowledge.card import load_cards
from knowledge.embedding import Embedder, shared_embedder
from knowledge.index import Library
from tests.knowledge.questions import QUESTIONS, UNCOVERED, UNRELATED


class Remembering(Embedder):
    """The real vectors, looked up where they are known and made by the model where not."""

    def __init__(self, texts: Sequence[str]) -> None:
        super().__init__()
        self._known = dict(zip(texts, shared_embedder().embed(texts), strict=True))

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if all(text in self._known for text in texts):
            return np.stack([self._known[text] for text in texts])
        return shared_embedder().embed(texts)


@cache
def library() -> Library:
    """The built-in library, with all test questions embedded once for all tests."""
    texts = [query for query, _ in QUESTIONS] + [*UNRELATED, *UNCOVERED]
    return Library(load_cards(), embedder=Remembering(texts))
