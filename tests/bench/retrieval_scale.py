"""Latency, memory, build and opening time of the index at 20,000 and 200,000 passages.

The texts are MedQuAD's answers, cut and repeated; the vectors are made: points around 2,000 centres,
spread so that neighbours are as close as those of real passages. Each size runs in its own process.
Beside the time that passed stands that of the processor, which a busy machine does not lengthen.
"""

import gzip
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
SIZES = (20_000, 200_000)
SEARCHES = 200
PROCESS = "--one"


def clocks() -> NDArray[np.float64]:
    """Seconds of the wall and of this process's processor time."""
    return np.array([time.perf_counter(), time.process_time()])


def memory() -> float:
    """Resident memory of this process now, in MiB."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def vectors(count: int) -> NDArray[np.float32]:
    """Unit vectors around 2,000 centres; a row's cosine with its centre is near 0.7."""
    draw = np.random.default_rng(0)
    centres = draw.normal(size=(2000, 384)).astype(np.float32)
    rows = centres[draw.integers(0, len(centres), count)] + draw.normal(size=(count, 384)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def texts(count: int) -> list[str]:
    """Parts of MedQuAD's answers of at most 900 characters."""
    from tests.bench.retrieval_sets import folder

    with gzip.open(folder() / "medquad.jsonl.gz", "rt", encoding="utf-8") as file:
        answers = [json.loads(line)["answer"] for line in file]
    draw = random.Random(0)
    parts = []
    for _ in range(count):
        answer = draw.choice(answers)
        start = draw.randrange(max(1, len(answer) - 900))
        parts.append(answer[start : start + 900])
    return parts


def one(count: int) -> None:
    """Build, write, open and search one size."""
    from knowledge import shelf
    from knowledge.facets import Facet
    from knowledge.index import fuse, orders
    from knowledge.meaning import Meaning
    from knowledge.stock import Stock
    from knowledge.terms import terms

    parts, made = texts(count), vectors(count)
    entries = [(f"doc-{row:012}-00000", Facet((), (), ("documents",)), text) for row, text in enumerate(parts)]
    begun = clocks()
    stock = Stock.build(entries, made)
    built = clocks() - begun
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "library"
        begun = clocks()
        shelf.write(place, stock.save)
        written = clocks() - begun
        size = sum(file.stat().st_size for file in place.iterdir()) / 2**20
        exact = Meaning(made)
        del stock, entries
        before = memory()
        opened = []
        for _ in range(3):
            begun = clocks()
            shelf.check(place)
            read = Stock.load(place)
            opened.append(clocks() - begun)
        held = memory() - before
        draw = random.Random(1)
        queries = made[draw.sample(range(count), SEARCHES)] + np.float32(0.02)
        seconds, agreed = [], 0
        for number in range(SEARCHES):
            query = queries[number : number + 1]
            said = terms(" ".join(draw.choice(parts).split()[:12]))
            begun = clocks()
            scores = fuse(*orders(read, query, said))
            first = sorted(scores, key=lambda row: (-scores[row], row))[:10]
            seconds.append(clocks() - begun)
            assert len(first) == 10
            truth = set(exact.nearest(query, 10).tolist())
            agreed += len(truth & set(read.meaning.nearest(query, 10).tolist()))
    kind = "flat" if count <= 100_000 else "inverted file"
    print(
        f"  {count:>7} passages ({kind}): built in {_both(built)} s, written in {_both(written)} s ({size:.0f} MiB), "
        f"opened in {_both(np.min(opened, axis=0), 3)} s (checked); search median "
        f"{_both(1e3 * np.median(seconds, axis=0))} ms, p95 {_both(1e3 * np.percentile(seconds, 95, axis=0))} ms; "
        f"memory {held:.0f} MiB when open; first ten by meaning agree with exact search: "
        f"{agreed / (10 * SEARCHES):.3f}"
    )


def _both(seconds: NDArray[np.float64], digits: int = 1) -> str:
    return f"{seconds[0]:.{digits}f} [{seconds[1]:.{digits}f}]"


def main() -> None:
    """Every size, each in a process of its own."""
    print("\nScale, without embedding the query; processor time in brackets", flush=True)
    for size in SIZES:
        subprocess.run([sys.executable, "-m", "tests.bench.retrieval_scale", PROCESS, str(size)], cwd=ROOT, check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == [PROCESS]:
        one(int(sys.argv[2]))
    else:
        main()
