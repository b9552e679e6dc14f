"""`citrus knowledge`: search the library, check its cards, add documents of one's own."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from knowledge.case import Modality
    from knowledge.documents.ingest import Wishes
    from knowledge.documents.store import Document, DocumentStore

app = typer.Typer(no_args_is_help=True, help="Search the library, check its cards, add documents of your own.")

BAD_INPUT = 2

ModalityCode = Annotated[str | None, typer.Option("--modality", metavar="CODE", help="DICOM modality.")]
BodyPart = Annotated[str | None, typer.Option("--body-part", help='Such as "chest".')]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="What you want to know.")],
    k: Annotated[int, typer.Option("-k", min=1, max=50, help="How many passages.")] = 5,
    modality: ModalityCode = None,
    body_part: BodyPart = None,
    source: Annotated[
        str | None, typer.Option("--source", help='Words in the source\'s name; or "cards", or "documents".')
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find passages with their sources."""
    from graphs.home import Home
    from knowledge.card import CardError
    from knowledge.embedding import EmbeddingError
    from knowledge.index import Library
    from ui.terminal import Terminal

    home = Home()
    code = _modality(modality)
    try:
        library = Library.open(cache=home.cache, documents=home.documents)
        hits = library.search(query, k=k, modality=code, body_part=body_part, source=source)
    except (CardError, EmbeddingError) as error:
        raise _fail(str(error)) from None
    if as_json:
        rows = [{"score": hit.score, **hit.card.model_dump(mode="json")} for hit in hits]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        Terminal().hits(hits)
        if not hits:
            typer.echo("Nothing passes these filters." if query.strip() else "The query is blank.", err=True)


@app.command()
def check(
    folder: Annotated[Path | None, typer.Argument(help="A folder of cards; by default the built-in ones.")] = None,
) -> None:
    """Hold every evidence card against the rules; exit 1 and name each fault if one is broken."""
    from knowledge.card import LIBRARY, CardError, load_cards

    chosen = folder or LIBRARY
    if not chosen.is_dir():
        raise _fail(f"{chosen}: there is no such folder")
    try:
        cards = load_cards(chosen)
    except CardError as error:
        for fault in error.faults:
            typer.secho(fault, err=True, fg="red")
        typer.echo(f"{len(error.faults)} fault{'s'[: len(error.faults) != 1]}", err=True)
        raise typer.Exit(1) from None
    files = len(list(chosen.glob("*.json")))
    sources = len({card.source.doi or card.source.url for card in cards})
    limits = sum(len(card.thresholds) for card in cards)
    typer.echo(f"{len(cards)} cards in {files} files: all sound; {sources} sources, {limits} machine-readable limits")


@app.command()
def add(
    paths: Annotated[
        list[Path], typer.Argument(help="PDF, HTML, Markdown, JATS XML, JSON Lines, OBO, text; or a folder.")
    ],
    title: Annotated[str | None, typer.Option("--title", help="Of the one document you add.")] = None,
    organisation: Annotated[str | None, typer.Option("--organisation", help="Who publishes it.")] = None,
    year: Annotated[int | None, typer.Option("--year", min=1800, max=2200, help="When it was published.")] = None,
    doi: Annotated[str | None, typer.Option("--doi")] = None,
    url: Annotated[str | None, typer.Option("--url")] = None,
    licence: Annotated[str | None, typer.Option("--licence", help="Under which you may use it.")] = None,
    modality: ModalityCode = None,
    body_part: BodyPart = None,
) -> None:
    """Add documents to the library; they stay on this machine.

    What a document says of itself is recorded as its source; these options hold before it. The same
    file is not read twice, a changed one replaces what it was, and what was broken off goes on.
    """
    from knowledge.documents.ingest import Wishes, files_in
    from knowledge.documents.parsed import DocumentError, Origin, doi_in, web

    if doi is not None and doi_in(doi) is None:
        raise _fail(f"--doi {doi}: not a DOI such as 10.1000/182")
    if url is not None and web(url) is None:
        raise _fail(f"--url {url}: not an address that begins with http:// or https://")
    code = _modality(modality)
    part = (body_part or "").strip().lower()
    try:
        files = [file for path in paths for file in files_in(path)]
    except DocumentError as error:
        raise _fail(str(error)) from None
    if len(files) > 1 and (title or doi or url):
        raise _fail(f"--title, --doi and --url are of one document, and these are {len(files)} files")
    origin = Origin(title, organisation, year, doi_in(doi), web(url), licence)
    wishes = Wishes(origin, (code,) if code else (), (part,) if part else ())
    failed = _add_all(files, wishes)
    if failed:
        raise typer.Exit(BAD_INPUT)


def _add_all(files: list[Path], wishes: "Wishes") -> int:
    """Add the files one by one, with a bar for each; how many could not be."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from graphs.home import Home
    from knowledge.documents.ingest import Outcome
    from knowledge.documents.ingest import add as add_file
    from knowledge.documents.parsed import DocumentError
    from knowledge.documents.store import DocumentStore, StoreError
    from knowledge.embedding import EmbeddingError
    from knowledge.index import Library

    home = Home()
    failed = changed = 0
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True, highlight=False)
    with DocumentStore(home.documents) as store, Progress(*columns, console=console, transient=True) as bar:
        for file in files:
            task = bar.add_task(file.name, total=None)
            try:
                document, outcome = add_file(
                    file, store, wishes,
                    progress=lambda done, total, task=task: bar.update(task, completed=done, total=total),  # type: ignore[misc]
                )  # fmt: skip
            except DocumentError as error:
                failed += 1
                console.print(f"✗ {error}", style="red", markup=False, soft_wrap=True)
            except (StoreError, EmbeddingError) as error:
                raise _fail(str(error)) from None
            else:
                changed += outcome is not Outcome.KNOWN
                console.print(f"✓ {document.name}: {outcome.value}; {_told(document)}", markup=False, soft_wrap=True)
                for problem in document.problems:
                    console.print(f"   ! {problem}", style="yellow", markup=False, soft_wrap=True)
            bar.remove_task(task)
        if changed:
            bar.add_task("Making the index", total=None)
            Library.open(cache=home.cache, documents=home.documents).prepare()
    return failed


@app.command("list")
def list_documents(as_json: AsJson = False) -> None:
    """The documents that were added, with their sources."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    with _store() as store:
        documents = _documents(store)
    if as_json:
        rows = [{**document.model_dump(mode="json"), "searchable": done} for document, done in documents]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    if not documents:
        typer.echo("No documents yet: citrus knowledge add PATH")
        return
    table = Table("id", "file", "source", "licence", "excerpts", box=None, padding=(0, 2, 0, 0))
    for document, done in documents:
        source = f"{document.title}, {document.organisation}{f' {document.year}' if document.year else ''}"
        count = str(done) if done == document.excerpts else f"{done} of {document.excerpts}: add it again to go on"
        cells = (document.id, document.name, source, document.licence or "not told", count)
        table.add_row(*(Text(cell, overflow="fold") for cell in cells))
    Console(highlight=False).print(table)


@app.command()
def remove(
    names: Annotated[list[str], typer.Argument(help="Id or file name, as `list` shows them.")],
) -> None:
    """Take documents out of the library."""
    from knowledge.documents.store import StoreError

    with _store() as store:
        documents = [document for document, _ in _documents(store)]
        chosen = []
        for name in names:
            found = [document for document in documents if name in (document.id, document.name)]
            if not found:
                raise _fail(f"{name}: no document of this id or name; citrus knowledge list shows them")
            if len(found) > 1:
                ids = ", ".join(document.id for document in found)
                raise _fail(f"{name}: {len(found)} documents have this name; say which by its id: {ids}")
            chosen += found
        try:
            for document in chosen:
                store.remove(document.id)
                typer.echo(f"{document.name} ({document.id}): removed")
        except StoreError as error:
            raise _fail(str(error)) from None


def _told(document: "Document") -> str:
    year = f" {document.year}" if document.year else ""
    licence = document.licence or "licence not told"
    return f"{document.excerpts} excerpts; {document.title}, {document.organisation}{year}; {licence}"


def _store() -> "DocumentStore":
    from graphs.home import Home
    from knowledge.documents.store import DocumentStore

    return DocumentStore(Home().documents)


def _documents(store: "DocumentStore") -> "tuple[tuple[Document, int], ...]":
    from knowledge.documents.store import StoreError

    try:
        return store.documents()
    except StoreError as error:
        raise _fail(str(error)) from None


def _modality(code: str | None) -> "Modality | None":
    from knowledge.case import Modality

    try:
        return None if code is None else Modality(code.upper())
    except ValueError:
        raise _fail(f"--modality {code}: not a DICOM modality that is known here") from None


def _fail(message: str) -> typer.Exit:
    typer.secho(message, err=True, fg="red")
    return typer.Exit(BAD_INPUT)
