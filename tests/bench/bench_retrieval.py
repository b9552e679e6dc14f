"""Hybrid retrieval against BM25 alone and dense alone: `python -m tests.bench.bench_retrieval`.

Prints figures; asserts nothing, on time or on quality. The quick tasks come first: the first run embeds
MedQuAD twice (about two hours of one core), what it has made is kept, and later runs take minutes.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from graphs.home import Home
from knowledge.facets import Facet
from knowledge.index import FUSION, MEANING_WEIGHT, fuse, orders
from knowledge.stock import Stock
from knowledge.terms import terms
from tests.bench.retrieval_scale import main as scale
from tests.bench.retrieval_sets import Task, held_out, medquad, tasks
from tests.bench.retrieval_vectors import embedded

RANKS = (1, 3, 10)
RESAMPLED = 2000
WAYS: Mapping[str, float] = {"BM25 alone": 0.0, "dense alone": 1.0, "hybrid": MEANING_WEIGHT}
_ANY = Facet((), (), ("cards",))

Places = NDArray[np.float64]
"""Of the first passage that answers, from 1, one per question; infinite where it is not found."""


def stock_of(task: Task, cache: Path) -> Stock:
    """The task's passages as the library indexes them."""
    entries = [(f"{number:06}", _ANY, words) for number, words in enumerate(task.passages)]
    return Stock.build(entries, embedded(task.passages, cache, task.name, task.tokens))


def found(task: Task, cache: Path) -> Iterator[tuple[dict[int, int], dict[int, int], frozenset[int]]]:
    """Both orders for each question, and what answers it."""
    stock = stock_of(task, cache)
    queries = embedded(task.questions, cache, f"questions of {task.name.partition(',')[0]}")
    for number, (question, answers) in enumerate(zip(task.questions, task.answers, strict=True)):
        meaning, words = orders(stock, queries[number : number + 1], terms(question))
        yield meaning, words, answers


def place(scores: Mapping[int, float], answers: frozenset[int]) -> float:
    """Place of the best answer by falling score, ties by row; infinite where none is among them."""
    known = [(-scores[row], row) for row in answers if scores.get(row, 0) > 0]
    if not known:
        return float("inf")
    best = min(known)
    return 1 + sum((-score, row) < best for row, score in scores.items() if score > 0)


def places(task: Task, cache: Path, weights: Sequence[float], constant: int = FUSION) -> list[Places]:
    """The places for each weight of the order by meaning."""
    rows = [
        [place(fuse(meaning, words, weight, constant), answers) for weight in weights]
        for meaning, words, answers in found(task, cache)
    ]
    return list(np.array(rows).T)


def interval(values: NDArray[np.float64], seed: int = 0) -> tuple[float, float, float]:
    """Mean with its 95 % interval, by the percentile bootstrap over questions."""
    draws = np.random.default_rng(seed).integers(0, len(values), (RESAMPLED, len(values)))
    low, high = np.percentile(values[draws].mean(axis=1), [2.5, 97.5])
    return float(values.mean()), float(low), float(high)


def report(task: Task, by_way: Mapping[str, Places]) -> None:
    """The task's rows of the table, and by how much hybrid is above the better of the others."""
    print(f"\n{task.name}: {len(task.questions)} questions, {len(task.passages)} passages")
    for way, found_at in by_way.items():
        cells = [_cell(f"recall@{k}", (found_at <= k).astype(float)) for k in RANKS]
        print(f"  {way:12}", "  ".join([*cells, _cell("MRR", 1 / found_at)]))
    for name, values in {f"recall@{k}": lambda at, k=k: (at <= k).astype(float) for k in RANKS}.items():
        other = max(("BM25 alone", "dense alone"), key=lambda way: values(by_way[way]).mean())
        mean, low, high = interval(values(by_way["hybrid"]) - values(by_way[other]))
        print(f"  {name:9} hybrid less {other}: {mean:+.3f} [{low:+.3f}, {high:+.3f}]")


def _cell(name: str, values: NDArray[np.float64]) -> str:
    mean, low, high = interval(values)
    return f"{name} {mean:.3f} [{low:.3f}, {high:.3f}]"


def choose(cache: Path, most: int) -> None:
    """The weights to choose from, on questions that are in no test, asked plainly and with the disease masked."""
    weights = [tenth / 10 for tenth in range(11)]
    print(f"\nChoosing on {most} held-out questions of MedQuAD, k = {FUSION}; then the same with the disease masked")
    asked = [places(medquad(most, held_out, masked), cache, weights) for masked in (False, True)]
    for weight, *found_at in zip(weights, *asked, strict=True):
        cells = [
            "  ".join([*(f"recall@{k} {np.mean(at <= k):.3f}" for k in RANKS), f"MRR {np.mean(1 / at):.3f}"])
            for at in found_at
        ]
        print(f"  weight of meaning {weight:.1f}: {'  |  '.join(cells)}")


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=2000, help="of MedQuAD, at most")
    parser.add_argument("--choose", action="store_true", help="print what the fusion's weight was chosen by")
    parser.add_argument("--only", default="", help="tasks with this in their name")
    parser.add_argument("--scale", action="store_true", help="also latency, memory and build time at 20k and 200k")
    options = parser.parse_args()
    cache = Home().cache / "bench"
    try:
        if options.choose:
            choose(cache, 1000)
        for task in tasks(options.questions):
            if options.only.lower() in task.name.lower():
                report(task, dict(zip(WAYS, places(task, cache, list(WAYS.values())), strict=True)))
        if options.scale:
            scale()
    except pytest.skip.Exception as absent:
        print(f"the rest is left out: {absent}")


if __name__ == "__main__":
    main()
