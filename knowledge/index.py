"""The library: cards and a user's documents, found by meaning and by words, the two orders fused."""

import hashlib
import logging
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from knowledge import shelf
from knowledge.card import LIBRARY, Card, load_cards
from knowledge.case import Modality
from knowledge.documents.excerpt import Excerpt
from knowledge.documents.store import DocumentStore, StoreError
from knowledge.embedding import MODEL, Embedder, shared_embedder
from knowledge.facets import Facet
from knowledge.stock import Stock
from knowledge.terms import QUERY_CHARACTERS, VERSION, terms
from knowledge.vectors import digest_of, read_vectors, rounded, write_vectors

_LOG = logging.getLogger(__name__)

FUSION = 60
"""The constant k of reciprocal rank fusion (Cormack, Clarke and Buettcher, SIGIR 2009,
doi:10.1145/1571941.1572114), who found 60 near the best and the choice uncritical."""

MEANING_WEIGHT = 0.8
"""What the order by meaning counts in the fusion; the order by words counts the rest.

Among 0, 0.1, ... 1 the best recall among the first three and the first ten on 1000 questions of
MedQuAD that are in no test (`tests/bench/bench_retrieval.py --choose`)."""

VECTORS = LIBRARY / "cards.vectors"
"""The embeddings of the cards that come with the system; `python -m knowledge.card_vectors` makes them."""

_POOL = 1000
"""How many of each order are fused: what stands lower in both cannot come among the first."""


@dataclass(frozen=True)
class Hit:
    """One passage that was found.

    Attributes:
        card: The card, or the excerpt of a user's document, which has the same fields.
        score: Weighted sum of 1 / (60 + rank) over both orders; it orders hits and means nothing else.
        similarity: Cosine between the query's and the passage's embedding, in [-1, 1].
        meaning_rank: Place by embedding among the passages that passed the filter, from 1, or None
            where it is beyond those that are fused.
        words_rank: Place by BM25 among them, or None where the query shares no word with it.
        coverage: Share of the query's subject that the passage has, in [0, 1], as
            `knowledge.words.Words.coverage` weighs it.
    """

    card: Card | Excerpt
    score: float
    similarity: float
    meaning_rank: int | None
    words_rank: int | None
    coverage: float


class Library:
    """Passages and how to find them. Indexes are opened on the first search; safe to share by threads.

    What it holds does not change while it is open: documents added later are in the next one opened.

    Args:
        cards: With unique ids.
        embedder: By default the one of this process.
        cache: A folder where vectors and indexes are kept between processes, or None.
        documents: The user's own, or None.

    Attributes:
        cards: By id.
    """

    def __init__(
        self,
        cards: Sequence[Card],
        *,
        embedder: Embedder | None = None,
        cache: Path | None = None,
        documents: DocumentStore | None = None,
    ) -> None:
        self.cards = tuple(sorted(cards, key=lambda card: card.id))
        self._by_id = {card.id: card for card in self.cards}
        self._embedder = embedder
        self._cache = cache
        self._lock = threading.Lock()
        self._stock: Stock | None = None
        self._store = documents
        self._documents: tuple[str, ...] = ()
        if documents is not None:
            try:
                self._documents = documents.ready()
            except StoreError as error:
                _LOG.warning("your documents cannot be searched: %s", error)
                self._store = None

    @classmethod
    def open(cls, cards_folder: Path | None = None, cache: Path | None = None, documents: Path | None = None) -> Self:
        """The library of the cards in `cards_folder`, by default those that come with the system, and
        of the documents in the store at `documents`.

        Raises:
            knowledge.card.CardError: A card is not as it should be.
        """
        store = None if documents is None else DocumentStore(documents)
        return cls(load_cards(cards_folder or LIBRARY), cache=cache, documents=store)

    def __len__(self) -> int:
        """How many passages there are; opens the index where there are documents."""
        return len(self._opened()) if self._documents else len(self.cards)

    def __bool__(self) -> bool:
        """A library is one, however little it holds."""
        return True

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over all that it holds."""
        # Lengths go in, so that no two lists of texts run together into one.
        texts = [card.model_dump_json() for card in self.cards]
        told = "\n".join([*(f"{len(text)} {text}" for text in texts), *self._documents])
        return hashlib.sha256(told.encode()).hexdigest()

    def prepare(self) -> None:
        """Open the indexes now; they are made where they are not there, or not as they were written."""
        self._opened()

    def search(
        self,
        query: str,
        *,
        k: int = 5,
        modality: Modality | str | None = None,
        body_part: str | None = None,
        source: str | None = None,
    ) -> list[Hit]:
        """The `k` best passages for `query`, best first; those that score alike are ordered by id.

        There are hits for any query: whether one is good enough is for the caller to say, by its
        `similarity` and `coverage`.

        Args:
            query: Of any length; what lies beyond 256 tokens does not count.
            k: How many at most.
            modality: Leaves out passages that speak of other modalities only.
            body_part: The same for body parts, by their DICOM name.
            source: Leaves out passages but those whose source, organisation or file has these words in
                its name; "cards" and "documents" mean all of the one or the other.

        Raises:
            ValueError: `k` is below 1, or `modality` is none of the known codes.
            knowledge.embedding.EmbeddingError: The embedding model cannot be loaded.
        """
        if k < 1:
            raise ValueError(f"k is {k}; it must be at least 1")
        wanted = None if modality is None else Modality(modality)
        if not query.strip():
            return []
        if not self.cards and not self._documents:
            return []
        stock = self._opened()
        admitted = stock.admitted(wanted, body_part, source)
        if len(stock) == 0 or (admitted is not None and not admitted.any()):
            return []
        vector = self._embed([query])
        said = terms(query[:QUERY_CHARACTERS])
        meaning, words = orders(stock, vector, said, max(k, _POOL), admitted)
        scores = fuse(meaning, words)
        # Rows lie in the order of the ids.
        first = sorted(scores, key=lambda row: (-scores[row], row))[:k]
        passages = self._passages([stock.ids[row] for row in first])
        rows = np.array(first, dtype=np.int64)
        cosines, coverage = stock.meaning.cosines(vector, rows), stock.words.coverage(said, rows)
        return [
            Hit(
                card=passages[stock.ids[row]],
                score=scores[row],
                similarity=float(cosine),
                meaning_rank=meaning.get(row),
                words_rank=words.get(row),
                coverage=float(covered),
            )
            for row, cosine, covered in zip(first, cosines, coverage, strict=True)
            if stock.ids[row] in passages
        ]

    def _passages(self, ids: Sequence[str]) -> Mapping[str, Card | Excerpt]:
        """The passages of these ids; one that was removed since the library was opened is not among them."""
        found: dict[str, Card | Excerpt] = {name: self._by_id[name] for name in ids if name in self._by_id}
        others = [name for name in ids if name not in found]
        if others and self._store is not None:
            try:
                found |= self._store.excerpts(others)
            except StoreError as error:
                _LOG.warning("your documents cannot be read: %s", error)
        return found

    def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return (self._embedder or shared_embedder()).embed(texts)

    def _opened(self) -> Stock:
        with self._lock:
            if self._stock is None:
                self._stock = self._load()
            return self._stock

    def _load(self) -> Stock:
        """The indexes from the cache where they are intact, or made anew."""
        if not self._documents or self._cache is None:
            return self._build()
        key = hashlib.sha256(f"{MODEL} {VERSION} {self.fingerprint}".encode()).hexdigest()
        folder = self._cache / f"library-{key[:32]}"
        if folder.exists():
            try:
                shelf.check(folder)
                return Stock.load(folder)
            except (shelf.ShelfError, OSError, ValueError, KeyError, TypeError) as error:
                _LOG.warning("the index is damaged and is made anew: %s", error)
        stock = self._build()
        try:
            shelf.write(folder, stock.save)
            for older in self._cache.glob("library-*"):
                if older != folder:
                    shutil.rmtree(older, ignore_errors=True)
        except OSError as error:
            _LOG.warning("cannot keep the index in %s: %s", folder, error)
        return stock

    def _build(self) -> Stock:
        entries: list[tuple[str, Facet, str]] = [(card.id, Facet.of(card), card.words) for card in self.cards]
        vectors = [self._card_vectors()] if self.cards else []
        if self._store is not None:
            for excerpt, vector in self._excerpts(self._store):
                entries.append((excerpt.id, Facet.of(excerpt), excerpt.words))
                vectors.append(vector[None])
        order = sorted(range(len(entries)), key=lambda place: entries[place][0])
        every = np.concatenate(vectors) if vectors else np.empty((0, 0), dtype=np.float32)
        return Stock.build([entries[place] for place in order], every[order])

    def _excerpts(self, store: DocumentStore) -> Iterator[tuple[Excerpt, NDArray[np.float32]]]:
        try:
            yield from store.all_excerpts(self._documents)
        except StoreError as error:
            _LOG.warning("your documents cannot be read: %s", error)

    def _card_vectors(self) -> NDArray[np.float32]:
        """The cards' embeddings: those that come with the system, those in the cache, and the rest anew."""
        path = None if self._cache is None else self._cache / "cards.vectors"
        words = {digest_of(card.words): card.words for card in self.cards}
        shipped = read_vectors(VECTORS)
        known = {digest: vector for digest, vector in shipped.items() if digest in words}
        if path is not None:
            known |= {digest: vector for digest, vector in read_vectors(path).items() if digest in words}
        if missing := [digest for digest in words if digest not in known]:
            made = rounded(self._embed([words[digest] for digest in missing]))
            known |= dict(zip(missing, made, strict=True))
            try:
                if path is not None:
                    write_vectors(path, {digest: known[digest] for digest in known.keys() - shipped.keys()})
            except OSError as error:
                _LOG.warning("cannot keep embeddings in %s: %s", path, error)
        return np.stack([known[digest_of(card.words)] for card in self.cards])


def orders(
    stock: Stock,
    vector: NDArray[np.float32],
    said: Sequence[str],
    pool: int = _POOL,
    admitted: NDArray[np.bool_] | None = None,
) -> tuple[dict[int, int], dict[int, int]]:
    """The first `pool` passages by meaning and by words: rank from 1 by row.

    Args:
        vector: The query's, (1, 384).
        said: Its terms.
        admitted: Which rows may be found, (n,).
    """
    near = stock.meaning.nearest(vector, pool, admitted)
    cosines = dict(zip(near.tolist(), stock.meaning.cosines(vector, near).tolist(), strict=True))
    return _ranks(cosines), _ranks(_best(stock.words.scores(said), pool, admitted))


def fuse(
    meaning: Mapping[int, int], words: Mapping[int, int], weight: float = MEANING_WEIGHT, constant: int = FUSION
) -> dict[int, float]:
    """Weighted reciprocal rank fusion of two orders.

    Args:
        meaning: Rank from 1 by row.
        words: The same by words; a row may stand in one order only.
        weight: Share of the order by meaning, in [0, 1].
    """
    return {
        row: (weight / (constant + meaning[row]) if row in meaning else 0.0)
        + ((1 - weight) / (constant + words[row]) if row in words else 0.0)
        for row in meaning.keys() | words.keys()
    }


def _best(scores: NDArray[np.float32], k: int, admitted: NDArray[np.bool_] | None) -> dict[int, float]:
    """The `k` highest scores above 0 by row, rounded so that their last bits cannot decide an order."""
    rows = np.flatnonzero(scores > 0 if admitted is None else (scores > 0) & admitted)
    if len(rows) > k:
        rows = rows[np.argpartition(-scores[rows], k - 1)[:k]]
    return {int(row): round(float(scores[row]), 5) for row in rows}


def _ranks(scores: Mapping[int, float]) -> dict[int, int]:
    """Place of each row by falling score, from 1. Rows lie in the order of their ids, and so do ties."""
    return {row: place for place, row in enumerate(sorted(scores, key=lambda row: (-scores[row], row)), start=1)}
