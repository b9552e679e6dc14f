"""The library: cards found by meaning and by words, the two orders fused."""

import hashlib
import logging
import math
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from knowledge.card import LIBRARY, Card, load_cards
from knowledge.case import Modality
from knowledge.embedding import MODEL, Embedder, shared_embedder
from knowledge.vectors import read_vectors, write_vectors

_LOG = logging.getLogger(__name__)

_FUSION = 60
"""The constant k of reciprocal rank fusion (Cormack, Clarke and Buettcher, SIGIR 2009,
doi:10.1145/1571941.1572114), who found 60 near the best and the choice uncritical."""

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Hit:
    """One card that was found.

    Attributes:
        score: Sum of 1 / (60 + rank) over both orders; it orders hits and means nothing else.
        similarity: Cosine between the query's and the card's embedding, in [-1, 1].
        meaning_rank: Place by embedding among the cards that passed the filter, from 1.
        words_rank: Place by BM25 among them, or None where the query shares no word with the card.
        coverage: Share of the query's words that the card has, in [0, 1]. A word weighs the more
            the fewer cards have it, and most where none has. Words that name no subject, such as
            "normal" or "size", do not count: any two questions on measurements share them.
    """

    card: Card
    score: float
    similarity: float
    meaning_rank: int
    words_rank: int | None
    coverage: float


class Library:
    """Cards and how to find them. Indexes are made on the first search; safe to share by threads.

    Args:
        cards: With unique ids.
        embedder: By default the one of this process.
        cache: A folder where the cards' embeddings are kept between processes, or None.
    """

    def __init__(self, cards: Sequence[Card], *, embedder: Embedder | None = None, cache: Path | None = None) -> None:
        self.cards = tuple(sorted(cards, key=lambda card: card.id))
        self._embedder = embedder
        self._cache = cache
        self._lock = threading.Lock()
        self._meaning: Any = None
        self._words: Any = None
        self._terms = [frozenset(_terms(card.words)) for card in self.cards]

    @classmethod
    def open(cls, cards_folder: Path | None = None, cache: Path | None = None) -> Self:
        """The library of the cards in `cards_folder`, by default those that come with the system.

        Raises:
            knowledge.card.CardError: A card is not as it should be.
        """
        return cls(load_cards(cards_folder or LIBRARY), cache=cache)

    def search(
        self, query: str, *, k: int = 5, modality: Modality | str | None = None, body_part: str | None = None
    ) -> list[Hit]:
        """The `k` best cards for `query`, best first; cards that score alike are ordered by id.

        Every card that passes the filter has a place, so there are hits for any query: whether
        one is good enough is for the caller to say, by its `similarity` and `coverage`.

        Args:
            query: Of any length; what lies beyond 256 tokens does not count.
            k: How many at most.
            modality: Leaves out cards that speak of other modalities only.
            body_part: The same for body parts, by their DICOM name.

        Raises:
            ValueError: `k` is below 1, or `modality` is none of the known codes.
            knowledge.embedding.EmbeddingError: The embedding model cannot be loaded.
        """
        if k < 1:
            raise ValueError(f"k is {k}; it must be at least 1")
        wanted = None if modality is None else Modality(modality)
        admitted = [row for row, card in enumerate(self.cards) if card.fits(wanted, body_part)]
        if not admitted or not query.strip():
            return []
        similarity = self._by_meaning(query)
        terms = _terms(query[:_QUERY_CHARACTERS])
        words = self._by_words(terms)
        coverage = self._coverage(terms)
        meaning_ranks = _ranks({row: similarity[row] for row in admitted})
        words_ranks = _ranks({row: words[row] for row in admitted if words[row] > 0})
        hits = [
            Hit(
                card=self.cards[row],
                score=sum(1 / (_FUSION + ranks[row]) for ranks in (meaning_ranks, words_ranks) if row in ranks),
                similarity=similarity[row],
                meaning_rank=meaning_ranks[row],
                words_rank=words_ranks.get(row),
                coverage=coverage[row],
            )
            for row in admitted
        ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.card.id))[:k]

    def _by_meaning(self, query: str) -> list[float]:
        """Cosine of the query with every card, rounded so that its last bits cannot decide an order."""
        embedder = self._embedder or shared_embedder()
        vector = embedder.embed([query])
        with self._lock:
            if self._meaning is None:
                import faiss

                vectors = self._vectors(embedder)
                self._meaning = faiss.IndexFlatIP(vectors.shape[1])
                self._meaning.add(vectors)
            cosines, rows = self._meaning.search(vector, len(self.cards))
        found = dict(zip(rows[0].tolist(), cosines[0].tolist(), strict=True))
        return [round(found[row], 5) for row in range(len(self.cards))]

    def _by_words(self, terms: Sequence[str]) -> list[float]:
        """BM25 of the query's terms with every card; 0 where no word is shared."""
        with self._lock:
            if self._words is None:
                import bm25s

                self._words = bm25s.BM25()
                self._words.index([_terms(card.words) for card in self.cards], show_progress=False)
        known = [term for term in terms if term in self._words.vocab_dict]
        if not known:
            return [0.0] * len(self.cards)
        scores: NDArray[np.float32] = self._words.get_scores(known)
        return [round(float(score), 5) for score in scores]

    def _coverage(self, terms: Sequence[str]) -> list[float]:
        """Share of the terms' weight that every card carries, the weight being BM25's inverse
        document frequency."""
        weights: dict[str, float] = {}
        for term in set(terms) - _SUBJECTLESS:
            having = sum(term in card for card in self._terms)
            weights[term] = math.log(1 + (len(self.cards) - having + 0.5) / (having + 0.5))
        # Sorted, since a set's order differs between processes, and with it the last bit of a sum.
        total = sum(weights[term] for term in sorted(weights)) or 1.0
        return [round(sum(weights[term] for term in sorted(card & weights.keys())) / total, 5) for card in self._terms]

    def _vectors(self, embedder: Embedder) -> NDArray[np.float32]:
        """The cards' embeddings, from the cache where it holds them intact."""
        texts = [card.words for card in self.cards]
        if self._cache is None:
            return embedder.embed(texts)
        # Lengths go in, so that no two lists of texts run together into one.
        key = hashlib.sha256("\n".join([MODEL, *(f"{len(text)} {text}" for text in texts)]).encode()).hexdigest()
        path = self._cache / f"{key}.vectors"
        vectors = read_vectors(path, len(texts))
        if vectors is None:
            vectors = embedder.embed(texts)
            try:
                write_vectors(path, vectors)
            except OSError as error:
                _LOG.warning("cannot keep embeddings in %s: %s", path, error)
        return vectors


_QUERY_CHARACTERS = 4096
"""As much of a query as is cut into words; about what the embedding can see of it."""

_STOPWORDS = frozenset(
    _WORD.findall(
        "a about above an and any are as at be been below between but by can could did do does for from had has have "
        "he her his how i if in into is it its may me my no not of on or our she should so such than that the their "
        "then there these they this those to too up was we were what when where which who why will with would you your"
    )
)

_SUBJECTLESS = frozenset(
    _WORD.findall(
        "abnormal adult average big cm cutoff definition diameter enlarged find finding follow guideline high "
        "how imaging image large length level limit long low lower mean measure measurement ml mm need normal "
        "patient person range rate score sign size small thick thickness threshold too treated treat typical "
        "up upper value volume wide width"
    )
)


def _terms(text: str) -> list[str]:
    """Words in lower case without stop words, plurals folded by Harman's weak stemmer ("S-stemmer",
    JASIS 1991;42:7-15), so that "nodules" finds "nodule"; numbers are words too."""
    return [_singular(word) for word in _WORD.findall(text.lower()) if word not in _STOPWORDS]


def _singular(word: str) -> str:
    if word.endswith("ies") and not word.endswith(("eies", "aies")):
        return word[:-3] + "y"
    if word.endswith("es") and not word.endswith(("aes", "ees", "oes")):
        return word[:-1]
    if word.endswith("s") and not word.endswith(("us", "ss", "is")):
        return word[:-1]
    return word


def _ranks(scores: Mapping[int, float]) -> dict[int, int]:
    """Place of each row by falling score, from 1. Cards lie in the order of their ids, and so do ties."""
    return {row: place for place, row in enumerate(sorted(scores, key=lambda row: (-scores[row], row)), start=1)}
