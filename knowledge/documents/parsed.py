"""What every reader makes of a file: what is said of it, and its blocks of text in reading order."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

_LIGATURES = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
_YEAR = re.compile(r"(?<!\d)(1[89]\d\d|20\d\d|21\d\d)(?!\d)")
_DOI = re.compile(r"10\.\d{4,9}/[^\s\"<>]+")


class DocumentError(Exception):
    """A document cannot be used; the message names it and says why."""


@dataclass(frozen=True)
class Origin:
    """Where words come from, as far as it is known.

    Attributes:
        organisation: Who publishes it: a journal, a society, a site.
        licence: A name or a URL, as the document gives it.
    """

    title: str | None = None
    organisation: str | None = None
    year: int | None = None
    doi: str | None = None
    url: str | None = None
    licence: str | None = None

    def over(self, other: "Origin") -> "Origin":
        """This one, with the gaps filled from `other`."""
        return Origin(
            title=self.title or other.title,
            organisation=self.organisation or other.organisation,
            year=self.year or other.year,
            doi=self.doi or other.doi,
            url=self.url or other.url,
            licence=self.licence or other.licence,
        )


@dataclass(frozen=True)
class Block:
    """A paragraph, list, table, figure caption or entry.

    Attributes:
        headings: Those it stands under, outermost first.
        page: From 1, where the format has pages.
        place: Where it stands, where that is not a page or a heading, such as "Figure 2A".
        alone: Whether it must not share an excerpt with its neighbours.
        origin: Its own, where it differs from the document's.
    """

    text: str
    headings: tuple[str, ...] = ()
    page: int | None = None
    place: str | None = None
    alone: bool = False
    origin: Origin | None = None


@dataclass(frozen=True)
class Parsed:
    """A file that was read.

    Attributes:
        problems: Parts that could not be read, each with its place and the reason.
    """

    origin: Origin
    blocks: Iterable[Block]
    problems: list[str] = field(default_factory=list)


def clean(text: str) -> str:
    """`text` on one line, without what a reader would not see: control and format characters, which
    can hide words or turn their direction, are dropped; ligatures are spelt out."""
    kept = "".join(
        _LIGATURES.get(character, character)
        if character.isspace() or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn")
        else ""
        for character in text
    )
    return " ".join(kept.split())


def year_in(text: str | None) -> int | None:
    """The first year in `text`, such as a date's."""
    found = _YEAR.search(text or "")
    return int(found[1]) if found else None


def doi_in(text: str | None) -> str | None:
    """The first DOI in `text`, without a resolver's address."""
    found = _DOI.search(text or "")
    return found[0].rstrip(".,;)") if found else None


def web(url: str | None) -> str | None:
    """`url` if it is one of the web; no other scheme is kept, since a reader may click it."""
    cleaned = clean(url or "")
    return cleaned if cleaned.startswith(("http://", "https://")) and " " not in cleaned else None
