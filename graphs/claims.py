"""Sentences of a draft with the evidence they cite, and the layout they stand in."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from graphs.draft import REMOVED, Block, blocks, clean
from knowledge.briefing import CITATION

_ABBREVIATIONS = frozenset(
    """e.g i.e vs dr fig figs approx ca cf al mr mrs ms prof st resp ref refs vol incl excl eq sec pt pts tab inc
    ed dept est eg ie""".split()
)
_MARKS = re.compile(r"\[E|[.!?。]+|[\"“”]")
_CLOSERS = re.compile(r"[\"”’')\]*_]*")
_AFTER_CITATION = re.compile(r"[ )*_\"”]*(?:[.!?;。]+|,(?=\s*\[E))?[)*_\"”]*")
_LEFTOVER = re.compile(r"[\[\]{}【】〔〕]|\(\s*E\d+(?:\s*[,;-]\s*E?\d+)*\s*\)")
_SPACE = re.compile(r"\s*")
_STRAY = re.compile(r"\s+(?=[.,;:!?])|\(\s*\)")


LONGEST = 2000
"""Characters above which a sentence is not read."""


@dataclass(frozen=True)
class Sentence:
    """One sentence as shown and as read.

    Attributes:
        shown: With its citation marks and markdown.
        text: As read: without marks, markup and citation marks, in one line.
        citations: Ids it cites, in order, each once.
        scopes: Ends in `text` up to which each citation mark speaks, with its ids.
        gap: What stands before it in its block.
        faults: What makes it unreadable as a claim, in words for a reasoner.
    """

    shown: str
    text: str
    citations: tuple[str, ...]
    scopes: tuple[tuple[int, tuple[str, ...]], ...] = ()
    gap: str = ""
    faults: tuple[str, ...] = ()

    def cited_at(self, position: int) -> tuple[str, ...]:
        """Ids of the citation mark that speaks for this place in `text`."""
        for end, ids in self.scopes:
            if position < end:
                return ids
        return self.scopes[-1][1] if self.scopes else ()


@dataclass(frozen=True)
class Paragraph:
    """A block of the draft with its sentences and the heading it stands under.

    Attributes:
        context: Words of the headings above that a reader would carry over into the sentences.
    """

    block: Block
    sentences: tuple[Sentence, ...] = ()
    context: str = ""


@dataclass
class _Headings:
    section: str = ""
    lead: str = ""
    after_blank: bool = field(default=False)

    def words(self) -> str:
        return f"{self.section} {self.lead}".strip()


def read(draft: str) -> tuple[Paragraph, ...]:
    """Every block of the draft, cleaned, with its sentences; the blocks keep their order."""
    laid = blocks(clean(draft))
    headings = _Headings()
    header: list[str] = []
    passages: list[Paragraph] = []
    for index, block in enumerate(laid):
        following = laid[index + 1].kind if index + 1 < len(laid) else "blank"
        if block.kind == "heading":
            last = (split(block.text) or ("",))[-1]
            words = _unmarked(CITATION.sub(" ", last)).strip(" :")
            if block.prefix.strip().startswith("#"):
                headings.section, headings.lead = words, ""
            else:
                headings.lead = words
        elif block.kind == "blank":
            headings.after_blank = True
            header = []
        elif block.kind == "prose" and headings.after_blank and passages and passages[-1].block.kind == "blank":
            above = next((earlier for earlier in reversed(passages) if earlier.block.kind != "blank"), None)
            if above is not None and above.block.kind != "heading":
                headings.lead = ""
        if block.kind == "row":
            cells = _cells(block.text)
            if not header and following == "divider":
                header = cells
                passages.append(Paragraph(block, (_row(block.text, cells, []),), headings.words()))
            else:
                passages.append(Paragraph(block, (_row(block.text, cells, header),), headings.words()))
            continue
        if block.kind in ("blank", "divider"):
            passages.append(Paragraph(block))
            continue
        passages.append(
            Paragraph(block, tuple(_sentences(block.text)), "" if block.kind == "heading" else headings.words())
        )
    return tuple(passages)


def split(text: str) -> tuple[str, ...]:
    """Sentences of running text, such as a passage of the library."""
    return tuple(piece for _, piece in _pieces(text))


def _sentences(text: str) -> Iterator[Sentence]:
    for gap, piece in _pieces(text):
        yield _sentence(piece, gap)


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    start = 0
    gap = ""
    quote_end = -1
    unclosed = False
    position = 0
    while (mark := _MARKS.search(text, position)) is not None:
        position = mark.end()
        if mark[0] in ('"', "“", "”"):
            if mark[0] != "”" and mark.start() > quote_end and not unclosed:
                # A quotation is one piece, if it is closed before its paragraph ends.
                quote_end = text.find('"' if mark[0] == '"' else "”", mark.end())
                unclosed = quote_end < 0
            continue
        if position <= quote_end:
            continue
        end = _end_of_citation(text, mark.start()) if mark[0] == "[E" else _end_of_punctuation(text, mark)
        if end is None:
            continue
        piece = text[start:end].strip()
        if piece:
            yield gap, piece
        space = _space_end(text, end)
        gap = "\n" if "\n" in text[end:space] else " "
        start = position = space
    if text[start:].strip():
        yield gap, text[start:].strip()


def _space_end(text: str, position: int) -> int:
    space = _SPACE.match(text, position)
    return space.end() if space else position


def _blank_end(text: str, position: int) -> int:
    while text[position : position + 1] == " ":
        position += 1
    return position


def _end_of_citation(text: str, start: int) -> int | None:
    """Where the sentence ends that this citation mark closes, or None where it goes on."""
    position = start
    ended = False
    while (mark := CITATION.match(text, position)) is not None:
        closing = _AFTER_CITATION.match(text, mark.end())
        position = closing.end() if closing else mark.end()
        ended = ended or any(letter in ".!?;。" for letter in text[mark.end() : position])
        space = _blank_end(text, position)
        if CITATION.match(text, space):
            position = space
    if position == start:
        return None
    ahead = _blank_end(text, position)
    following = text[ahead : ahead + 1]
    if ended or not following or following == "\n" or following.isupper() or following in '“"*_':
        return position
    return None


def _end_of_punctuation(text: str, mark: re.Match[str]) -> int | None:
    """Where the sentence ends that this punctuation closes, or None where it is part of a word."""
    closers = _CLOSERS.match(text, mark.end())
    end = closers.end() if closers else mark.end()
    following = text[end : end + 1]
    if following and not following.isspace() and not CITATION.match(text, end):
        return None
    before = text[max(0, mark.start() - 12) : mark.start()].lower()
    word = re.split(r"[\s(]", before)[-1]
    ahead = text[end : end + 80].lstrip()
    if mark[0] == "." and (word in _ABBREVIATIONS or _is_initial(text, mark.start(), end == mark.end())):
        return None if ahead else end
    if mark[0] == "." and word == "no" and ahead[:1].isdigit():
        return None
    space = len(text[end : end + 80]) - len(ahead)
    if CITATION.match(text, end + space) and "\n" not in text[end : end + space]:
        return _end_after_marks(text, end + space)
    if mark[0] in (".", "...") and ahead[:1].islower():
        return None
    return end


def _is_initial(text: str, dot: int, bare: bool) -> bool:
    """Whether a dot ends one letter of a name, not a unit such as "6 L."."""
    before = text[max(0, dot - 4) : dot]
    letter = bare and before[-1:].isalpha() and not before[-2:-1].isalnum()
    return letter and not before[:-1].rstrip()[-1:].isdigit()


def _end_after_marks(text: str, position: int) -> int:
    while (mark := CITATION.match(text, position)) is not None:
        closing = _AFTER_CITATION.match(text, mark.end())
        position = closing.end() if closing else mark.end()
        space = 1 if text[position : position + 1] == " " else 0
        if CITATION.match(text, position + space):
            position += space
    return position


def _sentence(piece: str, gap: str) -> Sentence:
    if len(piece) > LONGEST:
        return Sentence(piece, piece[:LONGEST], (), (), gap, ("it is too long to be read; split it, each part cited",))
    ids: list[str] = []
    scopes: list[tuple[int, tuple[str, ...]]] = []
    faults: list[str] = []
    words = ""
    position = 0
    for mark in CITATION.finditer(piece):
        words = _joined(words, _unmarked(piece[position : mark.start()]))
        cited = tuple(part.strip() for part in mark[1].split(","))
        ids.extend(part for part in cited if part not in ids)
        if scopes and scopes[-1][0] >= len(words.rstrip(" .,;")):
            scopes[-1] = (scopes[-1][0], (*scopes[-1][1], *cited))
        else:
            scopes.append((len(words), cited))
        before, after = piece[mark.start() - 1 : mark.start()], piece[mark.end() : mark.end() + 1]
        if before.isalnum() and after.isalnum():
            faults.append("a citation mark stands inside a word; put it after the sentence")
        position = mark.end()
    words = _joined(words, _unmarked(piece[position:]))
    if _LEFTOVER.search(words):
        faults.append("brackets or malformed citation marks are left over; cite as [E1] or [E1, E2]")
    if words.count('"') % 2 or words.count("“") != words.count("”"):
        faults.append("a quotation is not closed")
    text = _STRAY.sub("", words).strip()
    shift = len(words) - len(words.lstrip())
    return Sentence(piece, text, tuple(ids), tuple((end - shift, cited) for end, cited in scopes), gap, tuple(faults))


def _row(shown: str, cells: list[str], header: list[str]) -> Sentence:
    named = [
        f"{header[index]}: {cell}" if index < len(header) and header[index] and cell else cell
        for index, cell in enumerate(cells)
    ]
    read_row = _sentence("; ".join(cell for cell in named if cell), "")
    return Sentence(shown, read_row.text, read_row.citations, read_row.scopes, "", read_row.faults)


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip().strip("|").split("|")]


def _joined(before: str, after: str) -> str:
    if before and after and before[-1] == " ":
        return before + after.lstrip()
    return before + after


def _unmarked(text: str) -> str:
    """Without emphasis marks and line breaks, so that words stand as they are read."""
    text = text.replace(REMOVED, " ")
    return re.sub(r"\s+", " ", re.sub(r"\*+|(?<![^\W_])_+|_+(?![^\W_])", "", text))
