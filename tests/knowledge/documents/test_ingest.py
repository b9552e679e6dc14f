"""Adding documents: what is kept, what is not done twice, and what a kill leaves behind."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from knowledge.case import Modality
from knowledge.documents.ingest import LOCAL, Outcome, Wishes, add, files_in
from knowledge.documents.parsed import DocumentError, Origin
from knowledge.documents.store import DocumentStore, StoreError
from knowledge.embedding import DIMENSIONS, Embedder
from tests.knowledge.documents.files import MARKDOWN, medquad, pdf


class Hashing(Embedder):
    """Vectors that stand for their text, without the model; breaks off after so many texts."""

    def __init__(self, breaks_after: int | None = None) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._left = breaks_after

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self._left is not None:
            self._left -= len(texts)
            if self._left < 0:
                raise KeyboardInterrupt
        self.texts += texts
        rows = [np.random.default_rng(list(text.encode())).normal(size=DIMENSIONS) for text in texts]
        return np.array([row / np.linalg.norm(row) for row in rows], dtype=np.float32)


@pytest.fixture
def store(tmp_path: Path) -> DocumentStore:
    return DocumentStore(tmp_path / "home" / "documents.sqlite")


def many(path: Path, count: int = 100) -> Path:
    rows = [{"question": f"What is disease {row} ?", "answer": f"Disease {row} is one."} for row in range(count)]
    return medquad(path, rows)


def test_excerpts_carry_source_licence_and_locator(tmp_path: Path, store: DocumentStore) -> None:
    path = pdf(tmp_path / "guide.pdf", [["First page."], ["Second page."]], Title="Guide")
    wishes = Wishes(Origin(organisation="A Society", licence="CC BY 4.0"), (Modality.CT,), ("chest",))
    document, outcome = add(path, store, wishes, Hashing())
    assert outcome is Outcome.ADDED and document.excerpts == 1 and document.bytes == path.stat().st_size
    ((excerpt, vector),) = store.all_excerpts(store.ready())
    assert excerpt.text == "First page. Second page." and excerpt.locator == "guide.pdf, pp. 1-2"
    assert (excerpt.source.title, excerpt.source.organisation, excerpt.source.licence) == (
        "Guide", "A Society", "CC BY 4.0",
    )  # fmt: skip
    assert excerpt.source.year is None and excerpt.modality == (Modality.CT,) and excerpt.body_part == ("chest",)
    assert excerpt.thresholds == () and vector.shape == (DIMENSIONS,)
    assert store.documents() == ((document, 1),)


def test_what_a_document_does_not_tell_is_not_made_up(tmp_path: Path, store: DocumentStore) -> None:
    (tmp_path / "note.txt").write_text("A local rule.")
    document, _ = add(tmp_path / "note.txt", store, embedder=Hashing())
    assert (document.title, document.organisation, document.year, document.licence) == ("note", LOCAL, None, None)


def test_the_same_file_is_not_read_twice(tmp_path: Path, store: DocumentStore) -> None:
    (tmp_path / "a.md").write_text(MARKDOWN)
    add(tmp_path / "a.md", store, embedder=Hashing())
    again = Hashing()
    assert add(tmp_path / "a.md", store, embedder=again)[1] is Outcome.KNOWN
    (tmp_path / "copy.md").write_text(MARKDOWN)
    assert add(tmp_path / "copy.md", store, embedder=again)[1] is Outcome.KNOWN
    assert again.texts == [] and len(store.documents()) == 1


def test_a_changed_file_takes_its_own_place_and_embeds_only_what_is_new(tmp_path: Path, store: DocumentStore) -> None:
    path = tmp_path / "a.md"
    path.write_text(MARKDOWN)
    old, _ = add(path, store, embedder=Hashing())
    path.write_text(MARKDOWN + "\n## New\n\nA new rule.\n")
    embedder = Hashing()
    new, outcome = add(path, store, embedder=embedder)
    assert outcome is Outcome.CHANGED and new.id != old.id
    assert [document.id for document, _ in store.documents()] == [new.id]
    assert embedder.texts == ["Local spleen guide: Spleen: New. A new rule."]


def test_a_killed_addition_goes_on_where_it_stood(tmp_path: Path, store: DocumentStore) -> None:
    path = many(tmp_path / "m.jsonl")
    with pytest.raises(KeyboardInterrupt):
        add(path, store, embedder=Hashing(breaks_after=70))
    assert store.ready() == () and list(store.all_excerpts(store.ready())) == []
    ((document, done),) = store.documents()
    assert (document.excerpts, done) == (100, 64)
    store.close()

    after = DocumentStore(store.file)
    seen: list[tuple[int, int]] = []
    embedder = Hashing()
    assert add(path, after, embedder=embedder, progress=lambda *now: seen.append(now))[1] is Outcome.RESUMED
    assert len(embedder.texts) == 36 and seen[0] == (64, 100) and seen[-1] == (100, 100)
    assert len(list(after.all_excerpts(after.ready()))) == 100


def test_an_old_version_stays_until_the_new_one_is_complete(tmp_path: Path, store: DocumentStore) -> None:
    path = many(tmp_path / "m.jsonl", 10)
    old, _ = add(path, store, embedder=Hashing())
    many(path, 100)
    with pytest.raises(KeyboardInterrupt):
        add(path, store, embedder=Hashing(breaks_after=40))
    assert store.ready() == (old.id,)


def test_removing_leaves_nothing_behind(tmp_path: Path, store: DocumentStore) -> None:
    first, _ = add(many(tmp_path / "a.jsonl", 5), store, embedder=Hashing())
    second, _ = add(many(tmp_path / "b.jsonl", 8), store, embedder=Hashing())
    store.remove(second.id)
    assert len(list(store.all_excerpts(store.ready()))) == 5
    store.remove(first.id)
    with sqlite3.connect(store.file) as raw:
        for table in ("document", "excerpt", "vector"):
            assert raw.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)  # noqa: S608


def test_two_processes_may_add_the_same(tmp_path: Path, store: DocumentStore) -> None:
    other = DocumentStore(store.file)
    path = many(tmp_path / "m.jsonl", 40)
    add(path, store, embedder=Hashing())
    assert add(path, other, embedder=Hashing())[1] is Outcome.KNOWN


def test_a_file_that_cannot_be_read_leaves_no_trace(tmp_path: Path, store: DocumentStore) -> None:
    (tmp_path / "bad.xml").write_text("<article>")
    with pytest.raises(DocumentError, match=r"bad\.xml"):
        add(tmp_path / "bad.xml", store, embedder=Hashing())
    assert store.documents() == () and not store.file.exists()


def test_folders_are_searched_and_hidden_files_left_out(tmp_path: Path) -> None:
    for name in ("b.md", "a.txt", "deep/c.html", "picture.png", ".hidden.md", ".git/d.md"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
    assert [str(file.relative_to(tmp_path)) for file in files_in(tmp_path)] == ["a.txt", "b.md", "deep/c.html"]
    with pytest.raises(DocumentError, match="no such file"):
        files_in(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DocumentError, match="no file in it"):
        files_in(tmp_path / "empty")


def test_a_damaged_excerpt_is_left_out(tmp_path: Path, store: DocumentStore) -> None:
    document, _ = add(many(tmp_path / "m.jsonl", 3), store, embedder=Hashing())
    with sqlite3.connect(store.file) as raw:
        raw.execute("UPDATE excerpt SET body = replace(body, 'one', 'two') WHERE id LIKE '%-00001'")
    ids = [f"{document.id}-{number:05d}" for number in range(3)]
    assert list(store.excerpts([*ids, "absent"])) == [ids[0], ids[2]]
    assert [excerpt.id for excerpt, _ in store.all_excerpts(store.ready())] == [ids[0], ids[2]]


@pytest.mark.parametrize("content", [b"not a database", b"SQLite format 3\x00" + bytes(84)])
def test_a_file_that_is_no_store_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "documents.sqlite"
    file.write_bytes(content)
    with pytest.raises(StoreError, match=r"documents\.sqlite"):
        DocumentStore(file).documents()
    assert file.read_bytes() == content
