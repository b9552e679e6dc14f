"""What names a patient as keyed fingerprints: enough to know a name again when it is typed, not to tell it.

An `Identity` is never written. What may be kept of it over a restart are HMAC-SHA-256 of its parts under a key
that lies elsewhere. Who has that key can test a guess, so key and fingerprints are for the same eyes as the images.
"""

import hmac
import re
from collections.abc import Iterable, Iterator
from datetime import date

from pydantic import BaseModel, ConfigDict

from tools.imaging.identity import Identity, fold

_ATOM = re.compile(r"[^\W_]+")
_BLANK = re.compile(r"[\s^,]+")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"({'|'.join(_MONTHS)})[a-z]*\.?"
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(\d{4}|\d{2})(?!\d)"
# Each looks ahead, so that dates that overlap are all seen.
_COMPACT = re.compile(r"(?<!\d)(?=(\d{4})(\d{2})(\d{2})(?!\d))")
_NUMBERS = re.compile(r"(?<!\d)(?=(\d{1,4})[-./ ](\d{1,2})[-./ ](\d{1,4})(?!\d))")
_DAY_FIRST = re.compile(rf"(?<!\d)(?={_DAY}[\s.-]+(?:of )?{_MONTH}[\s,.-]+{_YEAR})")
_MONTH_FIRST = re.compile(rf"(?<![a-z])(?={_MONTH}[\s.-]+{_DAY}[\s,.-]+{_YEAR})")


class Fingerprints(BaseModel):
    """An identity, each part as 32 hexadecimal digits.

    Attributes:
        words: Words of the longest part.
        letters: Letters of the longest part in a script without capitals, which has no word boundaries.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: frozenset[str]
    ids: frozenset[str]
    dates: frozenset[str]
    words: int
    letters: int

    @classmethod
    def of(cls, identity: Identity, key: bytes) -> "Fingerprints":
        """The fingerprints of all that `identity` knows."""
        names, ids, dates = identity.parts()
        plain = [_normal(part) for part in (*names, *ids)]
        return cls(
            names=frozenset(_print(key, "name", _normal(part)) for part in names),
            ids=frozenset(_print(key, "id", _normal(part)) for part in ids),
            dates=frozenset(_print(key, "date", day.isoformat()) for day in dates),
            words=max((len(_ATOM.findall(part)) for part in plain), default=0),
            letters=max((len(part) for part in plain if not part.isascii()), default=0),
        )


class Remembered(Identity):
    """An identity of which fingerprints alone are left: it knows again what a text says of it, and takes it out."""

    __slots__ = ("_key", "_prints")

    def __init__(self, prints: Fingerprints, key: bytes) -> None:
        super().__init__()
        self._prints, self._key = prints, key

    def scrub(self, text: str) -> str:
        """As `Identity.scrub`, with the names that `text` itself gives away."""
        folded = fold(text)
        prints, key = self._prints, self._key
        for part in dict.fromkeys(_candidates(folded, prints.words, prints.letters)):
            if _print(key, "name", part) in prints.names:
                self.add_name(part)
            if _print(key, "id", part) in prints.ids:
                self.add_id(part)
        for day in _dates(folded):
            if _print(key, "date", day.isoformat()) in prints.dates:
                self.add_birth_date(f"{day:%Y%m%d}")
        return super().scrub(text)


def _print(key: bytes, kind: str, part: str) -> str:
    return hmac.new(key, f"{kind}\0{part}".encode(), "sha256").hexdigest()[:32]


def _normal(part: str) -> str:
    """A part with one blank between its words and nothing around them."""
    atoms = list(_ATOM.finditer(part))
    return _BLANK.sub(" ", part[atoms[0].start() : atoms[-1].end()]) if atoms else ""


def _candidates(folded: str, words: int, letters: int) -> Iterator[str]:
    """Everything in a text that may be a part of an identity, in its normal form."""
    atoms = [match.span() for match in _ATOM.finditer(folded)]
    for at, (start, _) in enumerate(atoms):
        for _, end in atoms[at : at + words]:
            yield _BLANK.sub(" ", folded[start:end])
    for start, end in atoms:
        if not folded[start:end].isascii():
            for first in range(start, end):
                yield from (folded[first:last] for last in range(first + 1, min(first + letters, end) + 1))


def _dates(folded: str) -> Iterator[date]:
    """Every date that a text may mean, day before month or after."""
    for year, month, day in _COMPACT.findall(folded):
        yield from _days(year, month, day)
    for first, second, third in _NUMBERS.findall(folded):
        for year, month, day in ((first, second, third), (third, second, first), (third, first, second)):
            yield from _days(year, month, day)
    for day, month, year in _DAY_FIRST.findall(folded):
        yield from _days(year, str(_MONTHS.index(month) + 1), day)
    for month, day, year in _MONTH_FIRST.findall(folded):
        yield from _days(year, str(_MONTHS.index(month) + 1), day)


def _days(year: str, month: str, day: str) -> Iterable[date]:
    years = [int(year)] if len(year) == 4 else [1900 + int(year), 2000 + int(year)] if len(year) <= 2 else []
    for one in years:
        try:
            yield date(one, int(month), int(day))
        except ValueError:
            continue
