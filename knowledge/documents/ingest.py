"""Add documents: read, cut, embed, keep. What was killed half way goes on where it stood."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from pydantic import ValidationError

from knowledge.case import Modality
from knowledge.documents.chunk import Piece, cut
from knowledge.documents.excerpt import Excerpt
from knowledge.documents.files import read_bytes
from knowledge.documents.parsed import DocumentError, Origin, clean
from knowledge.documents.read import is_known, parse
from knowledge.documents.store import Document, DocumentStore, now
from knowledge.embedding import Embedder, shared_embedder
from knowledge.evidence import Source

MAX_EXCERPTS = 500_000

VERSION = "1"
"""Changes whenever a file may be cut otherwise, so that adding it again reads it anew."""

LOCAL = "local document"
"""Stands for the organisation where a document names none."""

_BATCH = 32
"""Excerpts whose vectors are kept together: so many are lost at most when the process is killed."""


class Outcome(StrEnum):
    """What became of a file."""

    ADDED = "added"
    CHANGED = "changed since it was added, and read anew"
    RESUMED = "taken up where it was broken off"
    KNOWN = "there already"


@dataclass(frozen=True)
class Wishes:
    """What the person who adds a document says of it.

    Attributes:
        origin: Holds before what the document says itself.
        modality: Where it applies; empty means any.
        body_part: DICOM body parts in lower case; empty means any.
    """

    origin: Origin = field(default_factory=Origin)
    modality: tuple[Modality, ...] = ()
    body_part: tuple[str, ...] = ()


Progress = Callable[[int, int], None]
"""Is told how many excerpts of how many can be searched."""


def files_in(path: Path) -> list[Path]:
    """The file itself, or the files under a folder that can be read, hidden ones left out, by name.

    Raises:
        DocumentError: There is no such path, or nothing to read in it.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DocumentError(f"{path}: there is no such file or folder")
    found = []
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(folder) / name for name in names if not name.startswith(".")]
    known = sorted(file for file in found if is_known(file) and file.is_file())
    if not known:
        raise DocumentError(f"{path}: no file in it is of a kind that is read here")
    return known


def add(
    path: Path,
    store: DocumentStore,
    wishes: Wishes | None = None,
    embedder: Embedder | None = None,
    progress: Progress | None = None,
) -> tuple[Document, Outcome]:
    """Add one file, so that the library finds its words.

    The same bytes with the same wishes are not read again. A file that has changed takes the place
    of what it was, when it is complete and not before.

    Raises:
        DocumentError: It cannot be read; nothing of it is kept.
        knowledge.documents.store.StoreError: The store cannot be written.
        knowledge.embedding.EmbeddingError: The embedding model cannot be loaded.
    """
    wishes = wishes or Wishes()
    place = path.resolve()
    data = read_bytes(path)
    sha256 = hashlib.sha256(data).hexdigest()
    identifier = f"doc-{hashlib.sha256(f'{VERSION} {sha256} {wishes}'.encode()).hexdigest()[:12]}"
    known = {document.id: document for document, _ in store.documents()}
    if store.is_ready(identifier):
        return known[identifier], Outcome.KNOWN
    outcome = Outcome.RESUMED if identifier in known else Outcome.ADDED
    if outcome is Outcome.ADDED:
        document, excerpts = _read(data, path, sha256, identifier, wishes)
        store.begin(document, place, excerpts)
    else:
        document = known[identifier]
    _embed(document, store, embedder or shared_embedder(), progress)
    older = store.finish(identifier)
    return document, Outcome.CHANGED if older else outcome


def _read(data: bytes, path: Path, sha256: str, identifier: str, wishes: Wishes) -> tuple[Document, Sequence[Excerpt]]:
    name = clean(path.name)[:120] or "document"
    parsed = parse(data, path)
    origin = wishes.origin.over(parsed.origin).over(Origin(title=path.stem, organisation=LOCAL))
    try:
        source = _source(origin)
        excerpts = list(_excerpts(cut(parsed.blocks, _with(origin, source)), name, identifier, wishes))
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        raise DocumentError(f"{path.name}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}") from None
    if not excerpts:
        raise DocumentError(f"{path.name}: it holds no text")
    if len(excerpts) > MAX_EXCERPTS:
        raise DocumentError(f"{path.name}: {len(excerpts)} excerpts; at most {MAX_EXCERPTS} are kept of one file")
    document = Document(
        id=identifier,
        name=name,
        sha256=sha256,
        bytes=len(data),
        excerpts=len(excerpts),
        modality=wishes.modality,
        body_part=wishes.body_part,
        added=now(),
        problems=tuple(clean(problem)[:300] for problem in parsed.problems[:100]),
        **source.model_dump(),
    )
    return document, excerpts


def _excerpts(pieces: Iterator[Piece], name: str, identifier: str, wishes: Wishes) -> Iterator[Excerpt]:
    for number, piece in enumerate(pieces):
        source = _source(piece.origin)
        yield Excerpt(
            id=f"{identifier}-{number:05d}",
            document=identifier,
            file=name,
            title=piece.title or source.title,
            text=piece.text,
            source=source,
            locator=_locator(name, piece),
            modality=wishes.modality,
            body_part=wishes.body_part,
        )


def _locator(name: str, piece: Piece) -> str:
    parts = [name]
    if piece.pages:
        first, last = piece.pages
        parts.append(f"p. {first}" if first == last else f"pp. {first}-{last}")
    if piece.place:
        parts.append(clean(piece.place)[:80])
    elif piece.section and not piece.pages:
        parts.append(f"section {piece.section[:80]}")
    return ", ".join(parts)


def _source(origin: Origin) -> Source:
    """The origin as a source, on one line each."""

    def line(value: str | None, most: int) -> str | None:
        return clean(value)[:most] or None if value else None

    return Source(
        title=line(origin.title, 200) or "document",
        organisation=line(origin.organisation, 120) or LOCAL,
        year=origin.year,
        doi=line(origin.doi, 200),
        url=line(origin.url, 500),
        licence=line(origin.licence, 200),
    )


def _with(origin: Origin, source: Source) -> Origin:
    return Origin(source.title, source.organisation, origin.year, source.doi, source.url, source.licence)


def _embed(document: Document, store: DocumentStore, embedder: Embedder, progress: Progress | None) -> None:
    """Give every excerpt its vector, some at a time; those that have one, also of other documents, cost nothing."""
    words = store.missing(document.id)
    done = document.excerpts - len(words)
    if progress:
        progress(done, document.excerpts)
    for start in range(0, len(words), _BATCH):
        batch = words[start : start + _BATCH]
        store.keep(batch, embedder.embed(batch))
        if progress:
            progress(min(done + start + len(batch), document.excerpts), document.excerpts)
