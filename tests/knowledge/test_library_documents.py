"""The library with a user's documents in it, and its index on disk."""

import json
import logging
import threading
from pathlib import Path

import numpy as np
import pytest

from knowledge import shelf
from knowledge.card import load_cards
from knowledge.case import Modality
from knowledge.documents.excerpt import Excerpt
from knowledge.documents.ingest import Wishes, add
from knowledge.documents.store import DocumentStore
from knowledge.index import Library
from knowledge.stock import Stock
from tests.knowledge.documents.files import MARKDOWN, medquad
from tests.knowledge.documents.test_ingest import Hashing

CARDS = load_cards()[:6]
QUERY = "Local spleen guide: Spleen: Reporting. Report the splenic index."


@pytest.fixture
def store(tmp_path: Path) -> DocumentStore:
    store = DocumentStore(tmp_path / "documents.sqlite")
    (tmp_path / "spleen.md").write_text(MARKDOWN)
    add(tmp_path / "spleen.md", store, Wishes(modality=(Modality.US,), body_part=("abdomen",)), Hashing())
    add(medquad(tmp_path / "m.jsonl"), store, embedder=Hashing())
    return store


def opened(store: DocumentStore, cache: Path | None = None) -> Library:
    return Library(CARDS, embedder=Hashing(), cache=cache, documents=store)


def test_excerpts_are_found_beside_the_cards_with_source_and_locator(store: DocumentStore) -> None:
    library = opened(store)
    assert len(library) == len(CARDS) + 4
    best, *_ = hits = library.search(QUERY, k=100)
    assert len(hits) == len(library)
    assert isinstance(best.card, Excerpt) and best.card.text == "Report the splenic index."
    assert best.card.locator == "spleen.md, section Reporting" and best.card.source.organisation == "County Radiology"
    assert best.similarity == pytest.approx(1, abs=1e-5) and (best.meaning_rank, best.words_rank) == (1, 1)


@pytest.mark.parametrize(
    ("filters", "files"),
    [
        ({"source": "documents"}, {"spleen.md", "m.jsonl"}),
        ({"source": "County"}, {"spleen.md"}),
        ({"source": "M.JSONL"}, {"m.jsonl"}),
        ({"source": "documents", "modality": "CT"}, {"m.jsonl"}),
        ({"source": "documents", "modality": "US", "body_part": "abdomen"}, {"spleen.md", "m.jsonl"}),
        ({"source": "documents", "body_part": "brain"}, {"m.jsonl"}),
        ({"source": "nobody of this name"}, set()),
    ],
)
def test_filters(store: DocumentStore, filters: dict[str, str], files: set[str]) -> None:
    hits = opened(store).search(QUERY, k=100, **filters)  # type: ignore[arg-type]
    assert {hit.card.file for hit in hits if isinstance(hit.card, Excerpt)} == files
    assert all(isinstance(hit.card, Excerpt) for hit in hits)


def test_cards_alone(store: DocumentStore) -> None:
    hits = opened(store).search(QUERY, k=100, source="cards")
    assert {hit.card.id for hit in hits} == {card.id for card in CARDS}


def test_the_index_on_disk_answers_like_the_one_in_memory(tmp_path: Path, store: DocumentStore) -> None:
    expected = opened(store).search(QUERY, k=100)
    made = opened(store, tmp_path / "cache").search(QUERY, k=100)
    (folder,) = (tmp_path / "cache").glob("library-*")
    before = sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir())
    read = opened(store, tmp_path / "cache").search(QUERY, k=100)
    assert expected == made == read
    assert before == sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir())


@pytest.mark.parametrize("name", ["vectors.npy", "rows.json", "facets.npy", "seal.json", "vocab.index.json", "more"])
@pytest.mark.parametrize("harm", ["flip", "cut", "empty", "gone"])
def test_a_damaged_index_is_made_anew(
    tmp_path: Path, store: DocumentStore, caplog: pytest.LogCaptureFixture, name: str, harm: str
) -> None:
    expected = opened(store, tmp_path / "cache").search(QUERY, k=100)
    (folder,) = (tmp_path / "cache").glob("library-*")
    path = folder / name
    data = bytearray(path.read_bytes() if path.exists() else b"more")
    match harm:
        case "flip":
            data[len(data) // 2] ^= 1
        case "cut":
            del data[-1:]
        case "empty":
            data.clear()
    if harm == "gone" and name != "more":
        path.unlink()
    else:
        path.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        assert opened(store, tmp_path / "cache").search(QUERY, k=100) == expected
    assert "made anew" in caplog.text
    shelf.check(folder)


def test_an_index_that_cannot_be_written_is_only_a_warning(
    tmp_path: Path, store: DocumentStore, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING):
        assert opened(store, tmp_path / "cache").search(QUERY)
    assert "cannot keep the index" in caplog.text


def test_adding_and_removing_changes_the_index_and_sweeps_the_old_one(tmp_path: Path, store: DocumentStore) -> None:
    first = opened(store, tmp_path / "cache")
    first.prepare()
    (old,) = (tmp_path / "cache").glob("library-*")
    (document,) = (document for document, _ in store.documents() if document.name == "spleen.md")
    store.remove(document.id)
    second = opened(store, tmp_path / "cache")
    assert second.fingerprint != first.fingerprint
    assert len(second) == len(CARDS) + 2
    assert [path.name for path in (tmp_path / "cache").glob("library-*")] != [old.name]
    # The one that was open leaves out what is gone, and goes on.
    hits = first.search(QUERY, k=100)
    assert len(hits) == len(CARDS) + 2


def test_a_damaged_store_leaves_the_cards(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "documents.sqlite").write_bytes(b"not a database")
    with caplog.at_level(logging.WARNING):
        library = opened(DocumentStore(tmp_path / "documents.sqlite"))
        assert len(library.search("lung", k=100)) == len(CARDS)
    assert "documents.sqlite" in caplog.text


def test_no_cards_and_no_documents_find_nothing(tmp_path: Path) -> None:
    library = Library([], embedder=Hashing(), documents=DocumentStore(tmp_path / "none.sqlite"))
    assert library.search("lung") == [] and len(library) == 0
    assert not (tmp_path / "none.sqlite").exists()


def test_many_threads_get_the_same_hits(store: DocumentStore) -> None:
    library = opened(store)
    expected = library.search(QUERY, k=10)
    found: list[bool] = []

    def ask() -> None:
        found.extend(library.search(QUERY, k=10) == expected for _ in range(5))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 30


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "shelf"
    shelf.write(folder, lambda fresh: (fresh / "a").write_text("one") and None)

    def fail(fresh: Path) -> None:
        (fresh / "a").write_text("half")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        shelf.write(folder, fail)
    shelf.check(folder)
    assert (folder / "a").read_text() == "one"
    shelf.write(folder, lambda fresh: (fresh / "a").write_text("two") and None)
    assert (folder / "a").read_text() == "two"
    assert [path.name for path in tmp_path.iterdir()] == ["shelf"]


def test_rows_of_another_version_are_refused(tmp_path: Path, store: DocumentStore) -> None:
    opened(store, tmp_path / "cache").prepare()
    (folder,) = (tmp_path / "cache").glob("library-*")
    rows = json.loads((folder / "rows.json").read_text())
    for change in ({"version": "0"}, {"ids": rows["ids"][1:]}):
        (folder / "rows.json").write_text(json.dumps(rows | change))
        with pytest.raises(ValueError, match=r"version|length"):
            Stock.load(folder)


def clustered(count: int) -> np.ndarray:
    """Vectors in 40 clusters, as those of passages on as many subjects lie."""
    draw = np.random.default_rng(1)
    rows = draw.normal(size=(40, 384))[draw.integers(0, 40, count)] + draw.normal(size=(count, 384)) * 0.7
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_the_inverted_file_finds_nearly_what_exact_search_finds(tmp_path: Path) -> None:
    from knowledge.meaning import Meaning

    vectors = clustered(6000)
    exact, inverted = Meaning.build(vectors), Meaning.build(vectors, flat_up_to=1000)
    inverted.save(tmp_path)
    again = Meaning.load(tmp_path)
    admitted = np.arange(len(vectors)) % 3 == 0
    for mask in (None, admitted):
        shared = 0
        for query in vectors[:50, None] + np.float32(0.01):
            truth = set(exact.nearest(query, 10, mask).tolist())
            found = set(inverted.nearest(query, 10, mask).tolist())
            assert found == set(again.nearest(query, 10, mask).tolist())
            assert mask is None or all(mask[row] for row in found)
            shared += len(truth & found)
        assert shared / 500 >= 0.9
