"""Recall of the library by meaning, by words and by both, and the time that a search takes.

Prints figures; asserts nothing on time.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

START = time.perf_counter()

from knowledge.index import Hit, Library
from tests.knowledge.questions import QUESTIONS, UNCOVERED, UNRELATED

ORDERS = {
    "meaning": lambda hit: hit.meaning_rank,
    "words": lambda hit: hit.words_rank,
    "both": lambda hit: (-hit.score, hit.card.id),
}


def place(hits: list[Hit], order: str, answers: tuple[str, ...]) -> int | None:
    """Place of the first answering card in this order, from 1."""
    key = ORDERS[order]
    ranked = sorted((hit for hit in hits if key(hit) is not None), key=key)
    return next((rank for rank, hit in enumerate(ranked, start=1) if hit.card.id in answers), None)


def main() -> None:
    """Print everything."""
    with tempfile.TemporaryDirectory() as folder:
        library = Library.open(cache=Path(folder))
        library.search("first")
        print(f"first search of a process, nothing cached: {time.perf_counter() - START:.1f} s")
        again = Library.open(cache=Path(folder))
        begun = time.perf_counter()
        again.search("first")
        print(f"first search of a library, model loaded, cards cached: {time.perf_counter() - begun:.3f} s")
    seconds = []
    results = []
    for query, answers in QUESTIONS:
        begun = time.perf_counter()
        hits = library.search(query, k=len(library.cards))
        seconds.append(time.perf_counter() - begun)
        results.append((hits, answers))
    print(f"a search: median {statistics.median(seconds) * 1e3:.1f} ms, worst {max(seconds) * 1e3:.1f} ms")
    print(f"{len(library.cards)} cards, {len(QUESTIONS)} questions")
    for order in ORDERS:
        places = [place(hits, order, answers) for hits, answers in results]
        recall = "  ".join(f"recall@{k} {sum(p is not None and p <= k for p in places)}" for k in (1, 3, 5))
        print(f"{order:8} {recall}  MRR {statistics.fmean(1 / p if p else 0 for p in places):.3f}")
    for name, queries in (("outside medicine", UNRELATED), ("medical, no card", UNCOVERED)):
        best = [max(hit.similarity for hit in library.search(query, k=1000)) for query in queries]
        print(f"{name}: closest card's cosine, median {statistics.median(best):.2f}, highest {max(best):.2f}")


if __name__ == "__main__":
    main()
