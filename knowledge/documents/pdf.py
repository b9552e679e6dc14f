"""PDF, page by page; its outline gives the headings."""

import io
import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from knowledge.documents.parsed import Block, DocumentError, Origin, Parsed, clean, doi_in, year_in

MAX_PAGES = 5000

_LOG = logging.getLogger("pypdf")
_BLANK = re.compile(r"\n[ \t]*\n\s*")
_HYPHEN = re.compile(r"(?<=[a-z])[-‐]\n(?=[a-z])")
_DIGITS = re.compile(r"\d+")
_REPEATED = 4
"""From so many pages on, a first or last line that most pages share is taken for a running title."""


def read_pdf(data: bytes, name: str) -> Parsed:
    """The text of every page, less running titles; a page that cannot be read is a problem, not the end.

    Raises:
        DocumentError: It is no PDF, is locked, has too many pages, or holds no text.
    """
    _LOG.setLevel(logging.ERROR)  # It warns of every small flaw of a file that it can read all the same.
    problems: list[str] = []
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise DocumentError(f"{name}: it is locked with a password")
        count = len(reader.pages)
        if count > MAX_PAGES:
            raise DocumentError(f"{name}: {count} pages; at most {MAX_PAGES} are read")
        pages = [_page(reader, number, problems) for number in range(count)]
        origin = _origin(reader)
    except DocumentError:
        raise
    except _FAULTS as error:
        raise DocumentError(f"{name}: cannot be read as PDF ({error or type(error).__name__})") from None
    if not any(page.strip() for page in pages):
        reason = problems[0] if problems else "scanned pages need text recognition (OCR) first"
        raise DocumentError(f"{name}: it holds no text; {reason}")
    head = "\n".join(pages[:2])
    return Parsed(
        origin.over(Origin(doi=doi_in(head))),
        list(_blocks(_without_running_titles(pages), _headings(reader))),
        problems,
    )


# pypdf meets a broken file with whatever its parsing trips over.
_FAULTS = (PyPdfError, ValueError, TypeError, KeyError, IndexError, AttributeError, OSError, RecursionError,
           ArithmeticError, NotImplementedError, AssertionError, MemoryError)  # fmt: skip


def _page(reader: PdfReader, number: int, problems: list[str]) -> str:
    try:
        return reader.pages[number].extract_text()
    except _FAULTS as error:
        problems.append(f"page {number + 1} cannot be read ({error or type(error).__name__})")
        return ""


def _origin(reader: PdfReader) -> Origin:
    about = reader.metadata
    if about is None:
        return Origin()
    return Origin(
        title=clean(str(about.get("/Title") or "")) or None,
        organisation=clean(str(about.get("/Author") or "")) or None,
        year=year_in(str(about.get("/CreationDate") or "")[:6]),  # D:YYYYMMDD...
    )


def _headings(reader: PdfReader) -> list[tuple[int, tuple[str, ...]]]:
    """From which page on, counted from 0, which headings hold, by the outline."""
    found: list[tuple[int, tuple[str, ...]]] = []

    def gather(entries: Sequence[Any], above: tuple[str, ...]) -> None:
        last = above
        for entry in entries:
            if isinstance(entry, list):
                if len(above) < 8:
                    gather(entry, last)
                continue
            last = (*above, clean(str(entry.title)))
            page = reader.get_destination_page_number(entry)
            if page is not None and page >= 0:
                found.append((page, last))

    try:
        gather(reader.outline, ())
    except _FAULTS:
        return []  # An outline is a help, not the text.
    return sorted(found, key=lambda place: place[0])


def _without_running_titles(pages: Sequence[str]) -> list[list[str]]:
    """The lines of each page without the first and the last, where more than half of the pages have the
    same there but for its numbers."""
    lines = [[line.rstrip() for line in page.split("\n")] for page in pages]
    filled = [[place for place, line in enumerate(page) if line.strip()] for page in lines]
    full = sum(map(bool, filled))
    for end in (0, -1):
        at = [(page, places[end]) for page, places in zip(lines, filled, strict=True) if len(places) > 1]
        seen = Counter(_shape(page[place]) for page, place in at)
        for page, place in at:
            if full >= _REPEATED and seen[_shape(page[place])] > full / 2:
                page[place] = ""
    return lines


def _shape(line: str) -> str:
    return _DIGITS.sub("0", " ".join(line.split()))


def _blocks(pages: Sequence[Sequence[str]], headings: Sequence[tuple[int, tuple[str, ...]]]) -> Iterator[Block]:
    holding: tuple[str, ...] = ()
    begun = 0
    for number, lines in enumerate(pages):
        # Where in a page a heading stands is not known: the first that begins on it holds for all of it.
        before = begun
        while begun < len(headings) and headings[begun][0] <= number:
            begun += 1
        if begun > before:
            holding = headings[before][1] if headings[before][0] == number else headings[begun - 1][1]
        for paragraph in _BLANK.split(_HYPHEN.sub("", "\n".join(lines))):
            if paragraph.strip():
                yield Block(paragraph, holding, page=number + 1)
        if begun > before:
            holding = headings[begun - 1][1]
