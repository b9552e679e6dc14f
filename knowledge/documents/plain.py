"""Plain text: paragraphs are parted by blank lines, pages by form feeds."""

import re
from collections.abc import Iterator

from knowledge.documents.files import as_text
from knowledge.documents.parsed import Block, Origin, Parsed

_BLANK = re.compile(r"\n[ \t]*\n\s*")
_RULE = re.compile(r"[=\-~]{3,}")


def read_plain(data: bytes, name: str) -> Parsed:
    """The paragraphs of a text file; a line underlined with = or - is a heading, as in plain text mail.

    Raises:
        DocumentError: It is no text.
    """
    text = as_text(data, name).replace("\r\n", "\n").replace("\r", "\n")
    return Parsed(Origin(), list(_blocks(text)))


def _blocks(text: str) -> Iterator[Block]:
    pages = text.split("\f")
    heading: tuple[str, ...] = ()
    for number, page in enumerate(pages, start=1):
        for paragraph in _BLANK.split(page):
            lines = [line.strip() for line in paragraph.strip().split("\n")]
            if len(lines) > 1 and _RULE.fullmatch(lines[1]):
                heading, lines = (lines[0],), lines[2:]
            if any(lines):
                yield Block("\n".join(lines), heading, page=number if len(pages) > 1 else None)
