"""Cut a document into excerpts that keep their headings and pages."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from knowledge.documents.parsed import Block, Origin, clean

LONGEST = 900
"""Characters of an excerpt, as of a card: all of it is embedded, and it can be quoted whole."""

_TITLE = 300
_SENTENCE = re.compile(r"(?<=[.!?])[\"”')\]]*\s+(?=[\"“'(\[]?[A-Z0-9])")
_CLAUSE = re.compile(r"(?<=[;:,])\s+|\s+(?=[-•] )")


@dataclass(frozen=True)
class Piece:
    """The words of one excerpt and where they stand.

    Attributes:
        section: The innermost heading.
        pages: First and last, from 1, or None.
    """

    title: str
    text: str
    origin: Origin
    place: str | None
    section: str | None
    pages: tuple[int, int] | None


def cut(blocks: Iterable[Block], document: Origin) -> Iterator[Piece]:
    """The pieces of a document in order.

    Neighbouring blocks under the same headings share a piece as long as it stays within LONGEST
    characters; a longer block is cut at its sentences. Blocks that are alone stay so.

    Args:
        document: What is known of the whole.
    """
    held: list[Block] = []
    for block in blocks:
        for part in _parts(block):
            if held and (
                part.alone
                or held[-1].alone
                or (part.headings, part.place) != (held[-1].headings, held[-1].place)
                or sum(len(other.text) + 1 for other in held) + len(part.text) > LONGEST
            ):
                yield _piece(held, document)
                held = []
            held.append(part)
    if held:
        yield _piece(held, document)


def _parts(block: Block) -> Iterator[Block]:
    """The block, cleaned, in parts of at most LONGEST characters; nothing if it says nothing."""
    text = clean(block.text)
    for part in _within(text):
        if any(character.isalnum() for character in part):
            yield Block(part, block.headings, block.page, block.place, block.alone, block.origin)


def _within(text: str) -> Iterator[str]:
    if len(text) <= LONGEST:
        yield text
        return
    held = ""
    for sentence in _split(text):
        if held and len(held) + 1 + len(sentence) > LONGEST:
            yield held
            held = sentence
        else:
            held = f"{held} {sentence}".strip()
    yield held


def _split(text: str) -> Iterator[str]:
    """Sentences; of one that is too long its clauses, and of such a clause its words."""
    for sentence in _between(_SENTENCE, text):
        if len(sentence) <= LONGEST:
            yield sentence
            continue
        for clause in _between(_CLAUSE, sentence):
            yield from _folded(clause)


def _between(pattern: re.Pattern[str], text: str) -> Iterator[str]:
    start = 0
    for found in pattern.finditer(text):
        # Closing quotation marks belong to the sentence they end.
        end = found.start() + len(found[0].rstrip())
        yield text[start:end]
        start = found.end()
    yield text[start:]


def _folded(text: str) -> Iterator[str]:
    while len(text) > LONGEST:
        space = text.rfind(" ", 1, LONGEST + 1)
        end = space if space > 0 else LONGEST
        yield text[:end]
        text = text[end:].lstrip()
    if text:
        yield text


def _piece(held: Sequence[Block], document: Origin) -> Piece:
    block = held[0]
    origin = (block.origin or Origin()).over(document)
    pages = [part.page for part in held if part.page is not None]
    return Piece(
        title=_title(origin.title or "", block.headings),
        text=" ".join(part.text for part in held),
        origin=origin,
        place=block.place,
        section=clean(block.headings[-1]) if block.headings else None,
        pages=(min(pages), max(pages)) if pages else None,
    )


def _title(title: str, headings: Sequence[str]) -> str:
    """The title and the headings, each once: a heading that names the title stands for it."""
    parts = [clean(title)] if title else []
    for heading in map(clean, headings):
        if parts and parts[-1].lower() in heading.lower():
            parts[-1] = heading
        elif heading and heading not in parts:
            parts.append(heading)
    return ": ".join(part.rstrip(":") for part in parts if part)[:_TITLE].strip()
