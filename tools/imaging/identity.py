"""Who the patient is: known only in memory, so that it can be taken out of what people type.

What is replaced, and why not more: a part of a name of four letters or more is replaced wherever
it stands as a word, in any case and with or without accents. A shorter part ("Li", "Ng", "May")
is replaced only when it is written with a capital, and a part that is also a word of this field
("Lung", "Bone", "Mark", "White") only beside another part of the name or after a title, since a
question that lost its anatomy is worth nothing. Identifiers are replaced whatever they are; dates
only where they are the birth date or are said to be one.
"""

import re
import unicodedata
from collections.abc import Iterable
from datetime import date
from functools import cache

NAME, ID, DATE, CONTACT = "[name]", "[id]", "[date]", "[contact]"

_COMMON = """
air arm back bile bird black blood body bone brain breast brown chest colon cord disc disk ear eye face fat field
fields film finger fluid foot gray green grey gut hand head heart heel hip image jaw joint knee left leg lesion liver
lobe long lung lungs mark marks mass may mean mole neck nerve node nodes nose palm plane point right rib ribs rose
round scan short side size skin skull slice small spine stone stones tail teeth thick thin toe tongue top tumor tumour
ulcer vein view volume wall waters week white young anonymous anonymized anon test patient unknown none male female
what when where which with from this that there have does show large
"""
_WORDS = frozenset(_COMMON.split())
_TITLES = r"(?:mr|mrs|ms|miss|dr|prof|herr|frau|mme|patient(?:'s)? name(?: is)?|named|called)\.?\s+"
_EMAIL = re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}\b")
_PHONE = re.compile(
    r"(?:\+\d{1,3}[\s./-]?(?:\(\d{1,4}\)[\s./-]?)?\d{1,4}(?:[\s./-]?\d{2,4}){2,4}"
    r"|\(\d{3}\)\s?\d{3}[\s.-]\d{4}|\b\d{3}[.-]\d{3}[.-]\d{4}\b)(?!\d)"
)
_TELEPHONE = re.compile(
    r"\b(?:phone|tel|telephone|mobile|cell|fax)\b[\s.:#]*(?:is\s+)?(\+?\d[\d\s()./-]{5,}\d)", re.IGNORECASE
)
_SOCIAL = re.compile(r"\b\d{3}-\d{2}-\d{4}\b")
_LABELLED_ID = re.compile(
    r"\b(?:MRN|medical record(?:\s+(?:number|no))?|patient\s+(?:id|number|no)|hospital\s+(?:id|number|no)|"
    r"accession(?:\s+(?:number|no))?|NHS(?:\s+(?:number|no))?|SSN|passport(?:\s+(?:number|no))?)\b"
    r"[\s.:#=]*(?:is\s+)?((?=[\w/-]*\d)[A-Za-z0-9][\w/-]*(?:\s\d{2,}){0,3})",
    re.IGNORECASE,
)
_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
           "november", "december")  # fmt: skip
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_ANY_DATE = (
    rf"(?:\d{{1,4}}[./-]\d{{1,2}}[./-]\d{{1,4}}|\d{{8}}|\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH},?\s+\d{{2,4}}"
    rf"|{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{2,4}})"
)
_BIRTH = re.compile(
    rf"\b(?:born(?:\s+on)?|birth\s?date|date\s+of\s+birth|birthday|d\.?o\.?b\.?)[\s.:=]*(?:is\s+|was\s+)?({_ANY_DATE})",
    re.IGNORECASE,
)  # fmt: skip


class Identity:
    """What names the patient of a case, and how to take it out of a text.

    It is never written anywhere: it has no fields to print, and cannot be pickled. What may be kept of
    it are `Fingerprints`.
    """

    __slots__ = ("_dates", "_ids", "_names")

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._ids: set[str] = set()
        self._dates: set[date] = set()

    def __repr__(self) -> str:
        return "Identity(...)"

    def __reduce__(self) -> str:
        raise TypeError("an identity stays in memory")

    def add_name(self, text: str) -> None:
        """A person's or an institution's name, in DICOM's form ("Doe^Jane=...") or plain."""
        for part in re.split(r"[\^=,;/\\()\s]+", text):
            clean = part.strip(".'\"-_")
            if len(clean) >= 2 and not clean.isdigit():
                self._names.add(fold(clean))

    def add_phrase(self, text: str) -> None:
        """A name that is replaced only as a whole, such as an institution's or an address."""
        clean = " ".join(text.split())
        if len(clean) >= 4:
            self._ids.add(fold(clean))

    def add_id(self, text: str) -> None:
        """An identifier: patient ID, accession number, study ID. Single characters are ignored."""
        clean = text.strip()
        if len(clean) >= 3 or (len(clean) == 2 and any(letter.isdigit() for letter in clean)):
            self._ids.add(fold(clean))

    def add_birth_date(self, text: str) -> None:
        """A birth date in DICOM's form, YYYYMMDD."""
        digits = re.sub(r"\D", "", text)[:8]
        try:
            self._dates.add(date(int(digits[:4]), int(digits[4:6]), int(digits[6:8])))
        except ValueError:
            return

    def merge(self, other: "Identity") -> None:
        """Take over what another identity knows."""
        self._names |= other._names
        self._ids |= other._ids
        self._dates |= other._dates

    def parts(self) -> tuple[frozenset[str], frozenset[str], frozenset[date]]:
        """Names, identifiers and birth dates, in lower case without accents: for `Fingerprints` alone."""
        return frozenset(self._names), frozenset(self._ids), frozenset(self._dates)

    def scrub(self, text: str) -> str:
        """The text with what identifies the patient replaced by [name], [id], [date], [contact].

        Besides what the headers said, in any text: e-mail addresses, telephone numbers,
        identifiers after a label such as "MRN", and dates that are said to be of birth.
        """
        text = _EMAIL.sub(CONTACT, unicodedata.normalize("NFC", text))
        text = self._scrub_dates(text)
        text = _replace(text, (_literal(item) for item in sorted(self._ids, key=len, reverse=True)), ID)
        text = self._scrub_names(text)
        text = _LABELLED_ID.sub(lambda match: match.group(0).replace(match.group(1), ID), text)
        text = _SOCIAL.sub(ID, text)
        text = _TELEPHONE.sub(lambda match: match.group(0).replace(match.group(1), CONTACT), text)
        return _PHONE.sub(CONTACT, text)

    def _scrub_dates(self, text: str) -> str:
        for born in self._dates:
            text = _replace(text, _date_forms(born), DATE)
        return _BIRTH.sub(lambda match: match.group(0).replace(match.group(1), DATE), text)

    def _scrub_names(self, text: str) -> str:
        if not self._names:
            return text
        folded = fold(text)
        spans: list[tuple[int, int]] = []
        common: list[tuple[int, int]] = []
        for name in self._names:
            for match in re.finditer(_literal(name), folded):
                shown = text[match.start() : match.end()]
                if name in _WORDS:
                    common.append(match.span())
                elif len(name) >= 4 or shown[:1].isupper() or not _cased(name):
                    spans.append(match.span())
        spans += [span for span in common if _beside(span, spans + common, folded)]
        return _cut(text, spans, NAME)


def fold(text: str) -> str:
    """Lower case without accents, letter for letter, so that places in the text stay the same."""
    return text.lower() if text.isascii() else "".join(map(_fold_letter, text))


@cache
def _fold_letter(letter: str) -> str:
    base = unicodedata.normalize("NFKD", letter)
    base = "".join(part for part in base if not unicodedata.combining(part)).lower()
    return base if len(base) == 1 else letter.lower() if len(letter.lower()) == 1 else letter


def _cased(item: str) -> bool:
    """Whether it is written in a script with capitals; others have no word boundaries either."""
    return any(letter.lower() != letter.upper() for letter in item) or item.isascii()


def _literal(item: str) -> str:
    """A pattern for the folded words of `item`, any blanks between them, at word boundaries."""
    if not _cased(item):
        return re.escape(item)
    return (
        r"(?<![^\W_])" + r"[\s^,]+".join(re.escape(word) for word in re.split(r"[\s^]+", item) if word) + r"(?![^\W_])"
    )


def _beside(span: tuple[int, int], others: Iterable[tuple[int, int]], folded: str) -> bool:
    """Whether a part of a name stands beside another part of it or after a title."""
    if re.search(rf"(?:^|\W){_TITLES}$", folded[: span[0]]):
        return True
    for start, end in others:
        between = folded[end : span[0]] if end <= span[0] else folded[span[1] : start] if span[1] <= start else None
        if between is not None and re.fullmatch(r"[\s,^.-]{1,3}", between):
            return True
    return False


def _replace(text: str, patterns: Iterable[str], mark: str) -> str:
    folded = fold(text)
    spans = [match.span() for pattern in patterns for match in re.finditer(pattern, folded)]
    return _cut(text, spans, mark)


def _cut(text: str, spans: list[tuple[int, int]], mark: str) -> str:
    """Put `mark` in place of the spans; spans that touch or have only a blank between are one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and not text[merged[-1][1] : start].strip(" ,^"):
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    for start, end in reversed(merged):
        text = text[:start] + mark + text[end:]
    return text


def _date_forms(born: date) -> list[str]:
    """Patterns of the ways a date is written, for folded text."""
    month = _MONTHS[born.month - 1]
    name = rf"(?:{month}|{month[:3]})\.?"
    day, number, year = rf"0?{born.day}", rf"0?{born.month}", rf"(?:{born.year}|{born.year % 100:02d})"
    ordinal = r"(?:st|nd|rd|th)?"
    forms = [
        rf"{born:%Y%m%d}",
        rf"{born.year}[-./ ]{number}[-./ ]{day}",
        rf"{day}[-./ ]{number}[-./ ]{year}",
        rf"{number}[-./ ]{day}[-./ ]{year}",
        rf"{day}{ordinal}[\s.-]+(?:of )?{name}[\s,.-]+{year}",
        rf"{name}[\s.-]+{day}{ordinal}[\s,.-]+{year}",
    ]
    return [rf"(?<!\d){form}(?!\d)" for form in forms]
