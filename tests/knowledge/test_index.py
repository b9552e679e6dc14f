import json
import logging
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from knowledge.card import Card, load_cards
from knowledge.case import Modality
from knowledge.embedding import Embedder, shared_embedder
from knowledge.index import FUSION, MEANING_WEIGHT, VECTORS, Hit, Library, fuse
from knowledge.vectors import digest_of, read_vectors, rounded, write_vectors
from tests.knowledge.questions import QUESTIONS, UNCOVERED, UNRELATED
from tests.knowledge.remembering import library

ROOT = Path(__file__).resolve().parents[2]
DEMO = "How large are the lungs, and is the volume normal for an adult?"


class Counting(Embedder):
    """The shared embedder; counts the texts it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.texts = 0

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts += len(texts)
        return shared_embedder().embed(texts)


def found(order: Callable[[Hit], tuple[float, str] | int | None], k: int) -> int:
    """How many questions have an answering card among the first `k` in `order`."""
    count = 0
    for query, answers in QUESTIONS:
        hits = [hit for hit in library().search(query, k=1000) if order(hit) is not None]
        first = sorted(hits, key=order)[:k]  # type: ignore[arg-type]
        count += any(hit.card.id in answers for hit in first)
    return count


def test_questions_speak_of_cards_that_exist_and_reach_most() -> None:
    ids = {card.id for card in library().cards}
    answering = {card_id for _, answers in QUESTIONS for card_id in answers}
    assert answering <= ids and len(answering) >= 0.9 * len(ids)
    assert len(QUESTIONS) >= 150
    everything = [query for query, _ in QUESTIONS] + [*UNRELATED, *UNCOVERED]
    assert len(set(everything)) == len(everything)


@pytest.mark.parametrize("k", [3, 5])
def test_both_orders_together_find_at_least_what_each_finds(k: int) -> None:
    both = found(lambda hit: (-hit.score, hit.card.id), k)
    assert both >= found(lambda hit: hit.meaning_rank, k)
    assert both >= found(lambda hit: hit.words_rank, k)
    assert both / len(QUESTIONS) >= 0.95


def test_the_demo_question_finds_the_normal_lung_volume_first() -> None:
    for modality in (None, "CT", Modality.CT):
        best = library().search(DEMO, modality=modality)[0].card
        assert best.id == "lung-volume-ct-normal"
    assert "full inspiration" in best.text and "both whole lungs" in best.text
    assert {threshold.unit for threshold in best.thresholds} == {"mL"}


def test_filters_leave_out_what_speaks_of_something_else() -> None:
    hits = library().search("normal ejection fraction", k=1000, modality="MR", body_part="heart")
    assert "lv-ejection-fraction-mr" in [hit.card.id for hit in hits[:2]]
    assert all(not hit.card.modality or Modality.MR in hit.card.modality for hit in hits)
    assert all(not hit.card.body_part or "heart" in hit.card.body_part for hit in hits)
    assert sorted(hit.meaning_rank for hit in hits) == list(range(1, len(hits) + 1))


def test_hits_are_ordered_by_score_then_id() -> None:
    hits = library().search(DEMO, k=1000)
    assert len(hits) == len(library().cards)
    assert [(-hit.score, hit.card.id) for hit in hits] == sorted((-hit.score, hit.card.id) for hit in hits)
    for hit in hits:
        assert hit.meaning_rank is not None
        words = 0 if hit.words_rank is None else (1 - MEANING_WEIGHT) / (FUSION + hit.words_rank)
        assert hit.score == pytest.approx(MEANING_WEIGHT / (FUSION + hit.meaning_rank) + words)


def test_fusion_by_hand() -> None:
    assert fuse({7: 1, 8: 2}, {8: 1, 9: 2}, weight=0.75, constant=10) == {
        7: pytest.approx(0.75 / 11),
        8: pytest.approx(0.75 / 12 + 0.25 / 11),
        9: pytest.approx(0.25 / 12),
    }


def test_like_cards_keep_the_order_of_their_ids() -> None:
    """Cards with the same words score alike in both orders, so only the id can decide."""
    card = library().cards[0]
    twins = [card.model_copy(update={"id": f"twin-{letter}"}) for letter in "cab"]
    hits = Library(twins, embedder=shared_embedder()).search(card.title)
    assert [hit.card.id for hit in hits] == ["twin-a", "twin-b", "twin-c"]


def test_coverage_counts_subjects_only() -> None:
    everything = {hit.card.id: hit.coverage for hit in library().search("trachea", k=1000)}
    assert everything["trachea-diameter-normal"] == 1
    assert everything["recist-1-1-response"] == 0
    assert {hit.coverage for hit in library().search("normal size of the xylophone", k=1000)} == {0.0}
    assert {hit.coverage for hit in library().search("What is normal?", k=1000)} == {0.0}


@pytest.mark.parametrize("query", ["", "   ", "\n\t"])
def test_a_blank_query_finds_nothing(query: str) -> None:
    assert library().search(query) == []


@pytest.mark.parametrize(
    "query", ["\x00\x1b[2J\ud800", "?!…", "of the", "lung " * 100_000, "x" * 1_000_000, "' OR 1=1; --", "肺の体積"]
)
def test_hostile_queries_are_answered_like_others(query: str) -> None:
    hits = library().search(query, k=3)
    assert len(hits) == 3
    assert all(np.isfinite(hit.score) and -1.001 <= hit.similarity <= 1.001 and 0 <= hit.coverage <= 1 for hit in hits)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=60), st.integers(1, 70))
def test_any_text_gives_the_same_hits_twice(query: str, k: int) -> None:
    hits = library().search(query, k=k)
    assert hits == library().search(query, k=k)
    assert len({hit.card.id for hit in hits}) == len(hits) <= k


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="k is 0"):
        library().search("lung", k=0)
    with pytest.raises(ValueError, match="XRAY"):
        library().search("lung", modality="XRAY")


def unknown(count: int = 3) -> list[Card]:
    """Cards whose vectors do not come with the system."""
    return [card.model_copy(update={"text": f"{card.text} More is said."}) for card in library().cards[:count]]


def test_the_embedder_is_loaded_only_when_needed() -> None:
    embedder = Counting()
    lib = Library(unknown(), embedder=embedder)
    assert lib.search(" ") == [] and embedder.texts == 0
    lib.search("lung")
    assert embedder.texts == 3 + 1


def test_the_vectors_that_come_with_the_cards_are_the_models() -> None:
    shipped = read_vectors(VECTORS)
    known = [card for card in load_cards() if digest_of(card.words) in shipped]
    assert len(known) >= 300, "python -m knowledge.card_vectors makes them"
    for card in known[:: len(known) // 5]:
        (made,) = shared_embedder().embed([card.words])
        assert float(made @ shipped[digest_of(card.words)]) == pytest.approx(1, abs=1e-3)


def test_cards_with_vectors_cost_one_embedding_the_query() -> None:
    shipped = read_vectors(VECTORS)
    embedder = Counting()
    Library([card for card in load_cards() if digest_of(card.words) in shipped], embedder=embedder).search("lung")
    assert embedder.texts == 1


def test_cache_saves_the_embedding_and_survives_corruption(tmp_path: Path) -> None:
    cards = unknown(8)
    expected = Library(cards, embedder=shared_embedder()).search(DEMO)
    first = Counting()
    assert Library(cards, embedder=first, cache=tmp_path / "cache").search(DEMO) == expected
    assert first.texts == len(cards) + 1
    (path,) = (tmp_path / "cache").iterdir()
    intact = path.read_bytes()

    second = Counting()
    assert Library(cards, embedder=second, cache=tmp_path / "cache").search(DEMO) == expected
    assert second.texts == 1

    flipped = bytearray(intact)
    flipped[len(flipped) // 2] ^= 1
    for damaged in (b"", intact[:-1], bytes(flipped), b"\x80\x04}" + intact[3:]):
        path.write_bytes(damaged)
        again = Counting()
        assert Library(cards, embedder=again, cache=tmp_path / "cache").search(DEMO) == expected
        assert again.texts == len(cards) + 1
        assert path.read_bytes() == intact


def test_only_cards_that_say_something_new_are_embedded_again(tmp_path: Path) -> None:
    cards = unknown()
    Library(cards, embedder=shared_embedder(), cache=tmp_path).search("lung")
    changed = [cards[0].model_copy(update={"text": cards[0].text + " And more."}), *cards[1:]]
    embedder = Counting()
    Library(changed, embedder=embedder, cache=tmp_path).search("lung")
    assert embedder.texts == 1 + 1


def test_a_cache_that_cannot_be_written_is_only_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING):
        assert Library(unknown(), embedder=shared_embedder(), cache=tmp_path / "cache").search("lung")
    assert "cannot keep embeddings" in caplog.text


def test_vectors_round_trip_and_leave_nothing_behind(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(5, 384)).astype(np.float32)
    known = {digest_of(str(row)): vector for row, vector in enumerate(vectors)}
    write_vectors(tmp_path / "v", known)
    read = read_vectors(tmp_path / "v")
    assert read.keys() == known.keys()
    assert all(np.array_equal(read[digest], rounded(vector)) for digest, vector in known.items())
    write_vectors(tmp_path / "w", dict(reversed(read.items())))
    assert (tmp_path / "v").read_bytes() == (tmp_path / "w").read_bytes()
    assert read_vectors(tmp_path / "absent") == {}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["v", "w"]


def test_opening_reads_the_given_folder(tmp_path: Path) -> None:
    card = library().cards[0]
    (tmp_path / "one.json").write_text(json.dumps([card.model_dump(mode="json")]))
    assert Library.open(tmp_path).cards == (card,)
    assert Library.open().cards == load_cards()


def test_a_fresh_process_finds_the_same_with_faiss_loaded_before_torch(tmp_path: Path) -> None:
    """faiss and torch each bring OpenMP; here both run in one process, in the order the tests do not use."""
    queries = [DEMO, *(query for query, _ in QUESTIONS[::20]), UNRELATED[0]]
    program = (
        "import sys, json, numpy as np, faiss\n"
        "index = faiss.IndexFlatIP(64); index.add(np.ones((4096, 64), 'float32'))\n"
        "index.search(np.ones((64, 64), 'float32'), 5)\n"
        "from pathlib import Path\n"
        "from knowledge.index import Library\n"
        "library = Library.open(cache=Path(sys.argv[1]))\n"
        "rows = [[(h.card.id, h.score, h.similarity, h.coverage) for h in library.search(q)]\n"
        "        for q in json.loads(sys.argv[2])]\n"
        "print(json.dumps(rows))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), json.dumps(queries)],
        cwd=ROOT, capture_output=True, text=True, timeout=280, check=True,
    )  # fmt: skip
    rows = json.loads(result.stdout)
    for query, row in zip(queries, rows, strict=True):
        hits = Library(library().cards, embedder=library()._embedder).search(query)
        assert [[hit.card.id, hit.score, hit.coverage] for hit in hits] == [[r[0], r[1], r[3]] for r in row]
        assert [hit.similarity for hit in hits] == pytest.approx([r[2] for r in row], abs=2e-5)
    assert result.stderr == ""
