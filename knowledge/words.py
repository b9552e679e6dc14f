"""Passages by their words: BM25 (bm25s), and how much of a question a passage covers."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from knowledge.terms import SUBJECTLESS, terms


class Words:
    """BM25 over passages, numbered from 0 in the order they were given."""

    def __init__(self, index: Any) -> None:
        self._index = index

    @classmethod
    def build(cls, texts: Iterable[str]) -> Self:
        """Index `texts`, of which at least one must have a word."""
        import bm25s

        vocabulary: dict[str, int] = {}
        # Numbers, since every word as a string of its own would take many times the memory.
        rows = [[vocabulary.setdefault(term, len(vocabulary)) for term in terms(text)] for text in texts]
        index = bm25s.BM25()
        index.index((rows, vocabulary), show_progress=False)
        return cls(index)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote; the arrays are mapped, not read.

        Raises:
            OSError: A file is not there.
            ValueError: A file is not what it should be.
        """
        import bm25s

        return cls(bm25s.BM25.load(folder, mmap=True, show_progress=False))

    def save(self, folder: Path) -> None:
        """Write the index into `folder`."""
        self._index.save(folder, show_progress=False)

    def __len__(self) -> int:
        return int(self._index.scores["num_docs"])

    def scores(self, query: Sequence[str]) -> NDArray[np.float32]:
        """BM25 of the query's terms with every passage, (n,); 0 where no word is shared."""
        known = [term for term in query if term in self._index.vocab_dict]
        if not known:
            return np.zeros(len(self), dtype=np.float32)
        scores: NDArray[np.float32] = self._index.get_scores(known)
        return scores

    def coverage(self, query: Sequence[str], rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Share of the query's subject that each of `rows` has, (len(rows),), in [0, 1].

        A word weighs the more the fewer passages have it, by BM25's inverse document frequency, and
        most where none has. Words that name no subject do not count.
        """
        covered = np.zeros(len(rows))
        total = 0.0
        # Sorted, since a set's order differs between processes, and with it the last bit of a sum.
        for term in sorted(set(query) - SUBJECTLESS):
            having = self._having(term)
            weight = math.log(1 + (len(self) - len(having) + 0.5) / (len(having) + 0.5))
            total += weight
            if len(having):
                has = np.zeros(len(self), dtype=bool)
                has[having] = True
                covered[has[rows]] += weight
        return np.round(covered / (total or 1.0), 5)

    def _having(self, term: str) -> NDArray[np.int64]:
        """The passages that have `term`."""
        number = self._index.vocab_dict.get(term)
        if number is None:
            return np.empty(0, dtype=np.int64)
        ends = self._index.scores["indptr"]
        found: NDArray[np.int64] = np.asarray(self._index.scores["indices"][ends[number] : ends[number + 1]])
        return found
