"""Markdown, by its headings; a front matter of `name: value` lines tells the source."""

import re
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from knowledge.documents.files import as_text
from knowledge.documents.parsed import Block, Origin, Parsed, doi_in, web, year_in

_FRONT = re.compile(r"---[ \t]*\n(.*?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"(\w+)[ \t]*:[ \t]*(.*\S)")


def read_markdown(data: bytes, name: str) -> Parsed:
    """Paragraphs, lists, tables and code under their headings; raw HTML in it is left out.

    Raises:
        DocumentError: It is no text.
    """
    text = as_text(data, name).replace("\r\n", "\n").replace("\r", "\n")
    origin = Origin()
    if front := _FRONT.match(text):
        origin, text = _told(front[1]), text[front.end() :]
    blocks = list(_blocks(MarkdownIt("commonmark").enable("table").parse(text)))
    first = next((block.headings[0] for block in blocks if block.headings), None)
    return Parsed(origin.over(Origin(title=first)), blocks)


def _told(front: str) -> Origin:
    fields = {field[1].lower(): field[2].strip("\"'") for line in front.split("\n") if (field := _FIELD.match(line))}
    return Origin(
        title=fields.get("title"),
        organisation=fields.get("organisation") or fields.get("publisher") or fields.get("author"),
        year=year_in(fields.get("year") or fields.get("date")),
        doi=doi_in(fields.get("doi")),
        url=web(fields.get("url")),
        licence=fields.get("licence") or fields.get("license"),
    )


def _blocks(tokens: Sequence[Token]) -> Iterator[Block]:
    headings: list[tuple[int, str]] = []
    level = 0
    cells: list[str] | None = None
    bullet = False
    for token in tokens:
        match token.type:
            case "heading_open":
                level = int(token.tag[1:])
            case "heading_close":
                level = 0
            case "list_item_open":
                bullet = True
            case "tr_open":
                cells = []
            case "tr_close":
                if cells and any(cells):
                    yield Block(" | ".join(cells) + ";", _path(headings))
                cells = None
            case "fence" | "code_block":
                yield Block(token.content, _path(headings))
            case "inline":
                words = _words(token)
                if level:
                    headings = [(depth, heading) for depth, heading in headings if depth < level]
                    headings.append((level, words))
                elif cells is not None:
                    cells.append(words)
                elif words.strip():
                    yield Block(f"- {words}" if bullet else words, _path(headings))
                    bullet = False


def _path(headings: Sequence[tuple[int, str]]) -> tuple[str, ...]:
    return tuple(words for _, words in headings if words.strip())


def _words(token: Token) -> str:
    """The text of a paragraph as it would be seen: without marks, addresses and HTML."""
    parts = []
    for child in token.children or ():
        if child.type in ("text", "code_inline"):
            parts.append(child.content)
        elif child.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif child.type == "image":
            parts.append(child.content)
    return "".join(parts)
