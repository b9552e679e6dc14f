"""Where a user's documents are kept: one SQLite file, so that a killed process leaves no half of anything."""

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from knowledge.case import Modality, Record
from knowledge.documents.excerpt import Excerpt
from knowledge.embedding import DIMENSIONS
from knowledge.vectors import digest_of

_SCHEMA = """
CREATE TABLE IF NOT EXISTS document (
    id TEXT PRIMARY KEY, place TEXT NOT NULL, ready INTEGER NOT NULL, about TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS excerpt (
    id TEXT PRIMARY KEY, document TEXT NOT NULL REFERENCES document (id) ON DELETE CASCADE,
    digest BLOB NOT NULL, seal BLOB NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS excerpt_document ON excerpt (document);
CREATE INDEX IF NOT EXISTS excerpt_digest ON excerpt (digest);
CREATE TABLE IF NOT EXISTS vector (digest BLOB PRIMARY KEY, value BLOB NOT NULL);
"""
_VERSION = 1


class StoreError(Exception):
    """The documents cannot be read or written; the message names the file and says why."""


class Document(Record):
    """A document that was added.

    Attributes:
        name: The file's own name.
        sha256: Of its bytes.
        title: The file's own where it says one, else its name.
        excerpts: How many it was cut into.
        added: When, in UTC.
        problems: Parts that could not be read.
    """

    id: str
    name: str
    sha256: str
    bytes: int
    title: str
    organisation: str
    year: int | None = None
    doi: str | None = None
    url: str | None = None
    licence: str | None = None
    modality: tuple[Modality, ...] = ()
    body_part: tuple[str, ...] = ()
    excerpts: int
    added: datetime
    problems: tuple[str, ...] = ()


class DocumentStore:
    """The documents in one file; safe to share by threads, and by processes.

    Args:
        file: Made on the first writing; without it, there are no documents.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def documents(self) -> tuple[tuple[Document, int], ...]:
        """Every document with the number of its excerpts that can be searched, ordered by name."""
        if not self._there():
            return ()
        with self._reading() as connection:
            rows = connection.execute("SELECT id, ready, about FROM document").fetchall()
            found = []
            for identifier, ready, about in rows:
                document = self._document(about)
                done = document.excerpts
                if not ready:
                    (done,) = connection.execute(
                        "SELECT count(*) FROM excerpt JOIN vector USING (digest) WHERE document = ?", (identifier,)
                    ).fetchone()
                found.append((document, done if not ready else document.excerpts))
        return tuple(sorted(found, key=lambda item: (item[0].name, item[0].id)))

    def ready(self) -> tuple[str, ...]:
        """Ids of the documents that are complete, in order: they alone can be searched."""
        if not self._there():
            return ()
        with self._reading() as connection:
            rows = connection.execute("SELECT id FROM document WHERE ready ORDER BY id").fetchall()
        return tuple(identifier for (identifier,) in rows)

    def is_ready(self, identifier: str) -> bool:
        """Whether the document is there and complete."""
        return identifier in self.ready()

    def begin(self, document: Document, place: Path, excerpts: Iterable[Excerpt]) -> None:
        """Write a document with its excerpts, not yet to be searched, in place of an unfinished one."""
        rows = []
        for excerpt in excerpts:
            body = excerpt.model_dump_json()
            rows.append((excerpt.id, excerpt.document, digest_of(excerpt.words), _seal(body), body))
        with self._writing() as connection:
            connection.execute("DELETE FROM document WHERE id = ?", (document.id,))
            connection.execute(
                "INSERT INTO document VALUES (?, ?, 0, ?)", (document.id, str(place), document.model_dump_json())
            )
            connection.executemany("INSERT INTO excerpt VALUES (?, ?, ?, ?, ?)", rows)

    def begun(self, identifier: str) -> bool:
        """Whether the document is there, complete or not."""
        if not self._there():
            return False
        with self._reading() as connection:
            return connection.execute("SELECT 1 FROM document WHERE id = ?", (identifier,)).fetchone() is not None

    def missing(self, identifier: str) -> list[str]:
        """Words of the document's excerpts that have no vector yet, each once, short ones first."""
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT DISTINCT digest, id FROM excerpt LEFT JOIN vector USING (digest) "
                "WHERE document = ? AND value IS NULL GROUP BY digest",
                (identifier,),
            ).fetchall()
        words = [excerpt.words for excerpt in self.excerpts([row[1] for row in rows]).values()]
        return sorted(words, key=lambda text: (len(text), text))

    def keep(self, words: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """Keep the vectors, (len(words), 384), of these words."""
        values = np.ascontiguousarray(vectors, dtype="<f4")
        rows = [(digest_of(text), value.tobytes()) for text, value in zip(words, values, strict=True)]
        with self._writing() as connection:
            connection.executemany("INSERT OR REPLACE INTO vector VALUES (?, ?)", rows)

    def finish(self, identifier: str) -> bool:
        """The document is complete: it can be searched, and an older one from the same place goes.

        Returns:
            Whether there was an older one.
        """
        with self._writing() as connection:
            connection.execute("UPDATE document SET ready = 1 WHERE id = ?", (identifier,))
            older = connection.execute(
                "DELETE FROM document WHERE id <> ?1 AND place = (SELECT place FROM document WHERE id = ?1)",
                (identifier,),
            ).rowcount
            _drop_unused(connection)
        return older > 0

    def remove(self, identifier: str) -> None:
        """Forget a document, its excerpts and their vectors."""
        with self._writing() as connection:
            connection.execute("DELETE FROM document WHERE id = ?", (identifier,))
            _drop_unused(connection)

    def excerpts(self, identifiers: Sequence[str]) -> dict[str, Excerpt]:
        """The excerpts of these ids; one that is gone, or is not as it was written, is left out."""
        found = {}
        with self._reading() as connection:
            for identifier in identifiers:
                row = connection.execute("SELECT seal, body FROM excerpt WHERE id = ?", (identifier,)).fetchone()
                if row and row[0] == _seal(row[1]):
                    found[identifier] = Excerpt.model_validate_json(row[1])
        return found

    def all_excerpts(self, documents: Sequence[str]) -> Iterator[tuple[Excerpt, NDArray[np.float32]]]:
        """Every excerpt of these documents with its vector, (384,), by id; damaged ones are left out."""
        if not documents or not self._there():
            return
        with self._reading() as connection:
            wanted = json.dumps(list(documents))
            for digest, seal, body, value in connection.execute(
                "SELECT digest, seal, body, value FROM excerpt JOIN vector USING (digest) "
                "WHERE document IN (SELECT value FROM json_each(?)) ORDER BY id",
                (wanted,),
            ):
                if seal != _seal(body) or len(value) != DIMENSIONS * 4:
                    continue
                excerpt = Excerpt.model_validate_json(body)
                if digest == digest_of(excerpt.words):
                    yield excerpt, np.frombuffer(value, dtype="<f4").astype(np.float32)

    def _there(self) -> bool:
        return self._connection is not None or self.file.exists()

    def _document(self, about: str) -> Document:
        try:
            return Document.model_validate_json(about)
        except ValidationError as error:
            raise StoreError(f"{self.file}: a document's entry is damaged: {error}") from None

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._open()
            except sqlite3.Error as error:
                raise StoreError(f"{self.file}: {error}") from None

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of it is kept, or nothing."""
        with self._lock:
            try:
                connection = self._open()
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                except BaseException:
                    connection.rollback()
                    raise
                connection.commit()
            except (sqlite3.Error, OSError) as error:
                raise StoreError(f"{self.file}: {error}") from None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self.file, timeout=30, check_same_thread=False, isolation_level=None)
            try:
                connection.execute("PRAGMA foreign_keys = ON")
                (version,) = connection.execute("PRAGMA user_version").fetchone()
                if version == 0:
                    with closing(connection.cursor()) as cursor:
                        cursor.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")
                elif version != _VERSION:
                    raise StoreError(f"{self.file}: written by another version of this program ({version})")
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection


def _drop_unused(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM vector WHERE NOT EXISTS (SELECT 1 FROM excerpt WHERE digest = vector.digest)")


def now() -> datetime:
    """This moment, to the second, in UTC."""
    return datetime.now(UTC).replace(microsecond=0)


def _seal(body: str) -> bytes:
    return hashlib.sha256(body.encode()).digest()[:16]
