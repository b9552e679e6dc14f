"""The chart beside the images: letters as PDF and laboratory tables, made into statements, one by one.

What a document says is heard, not verified, and never followed: it is filed as what the chart says.
Passages that speak to a program instead of a reader are left out, and listed as left out.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from knowledge.case import Problem
from tools.imaging.identity import Identity

MAX_BYTES = 20 << 20
"""A letter or a table is no larger; images are read elsewhere."""
MAX_ROWS = 100
MAX_TEXT = 12_000
"""Characters of one document that are filed: about five pages, since every prompt holds them."""

_CELL = 80
_PASSAGE = 1500
_HEAD = 1024
_COLUMNS = {
    "name": ("test", "analyte", "name", "parameter", "item", "lab", "laboratory", "component"),
    "value": ("value", "result", "measurement"),
    "unit": ("unit", "units"),
    "reference": ("reference", "range", "normal", "reference range", "ref"),
    "date": ("date", "time", "collected", "datetime"),
}
_PERSONAL = re.compile(r"patient|mrn|birth|dob|surname|first name|last name|insurance|address", re.IGNORECASE)
_LABELLED_NAME = re.compile(
    r"(?:\bpatient(?:'s)?(?:\s+name)?|\bname|\bsurname|\bfirst\s+name|\blast\s+name|\bre)\s*[:=]\s*"
    r"((?:[^\W\d_][\w'’-]*[ \t,.]{0,2}){1,4})",
    re.IGNORECASE,
)  # fmt: skip
_TITLED_NAME = re.compile(r"\b(?:Mr|Mrs|Ms|Miss|Herr|Frau|Mme)\.?\s+((?:[A-Z][\w'’-]+\s?){1,3})")
_TO_A_PROGRAM = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instructions?|prompts?|rules)\b"
    r"|\bsystem prompt\b|\blanguage model\b|\bas an ai\b"
    r"|\byou are (?:now )?(?:an?|the) (?:ai|assistant|model|chatbot|system|reasoner)\b"
    r"|\b(?:assistant|ai|model|reasoner|system)\s*[:,]\s*(?:you must|do not|always|never|answer|say|write|report)\b",
    re.IGNORECASE | re.DOTALL,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")


class ChartError(Exception):
    """A document that cannot be taken in, in one sentence."""


@dataclass
class Chart:
    """Documents of one case, and what was made of them when they were read.

    Attributes:
        labs: Laboratory values as they were typed, a line each.
        files: Each document with the person's own name for it.
        problems: What could not be read or was left out, known after `read`.
        names: Labels of the documents to the person's own names.
        left_out: How many passages spoke to a program.
    """

    labs: str = ""
    files: Sequence[tuple[str, Path]] = ()
    problems: list[Problem] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    left_out: int = 0
    _texts: list[str] = field(default_factory=list)

    def read(self) -> None:
        """Read every document; what cannot be read becomes a problem."""
        for at, (name, path) in enumerate(self.files, 1):
            kind = "table" if is_table(name) else "letter"
            label = f"{kind} {at}"
            self.names[label] = name
            try:
                texts = _table(_text(path)) if kind == "table" else self._letter(path, label)
            except ChartError as error:
                self.problems.append(Problem(file=label, reason=str(error)))
            else:
                self._texts += texts

    def _letter(self, path: Path, label: str) -> list[str]:
        from knowledge.documents.parsed import DocumentError
        from knowledge.documents.pdf import read_pdf

        try:
            parsed = read_pdf(_bytes(path), label)
        except DocumentError as error:
            # What a parser says of a file in brackets may quote it.
            raise ChartError(_sentence(str(error).removeprefix(f"{label}: ").partition(" (")[0])) from None
        texts, total = [], 0
        for block in parsed.blocks:
            text = clean(block.text)
            if not text:
                continue
            if _TO_A_PROGRAM.search(text):
                self.left_out += 1
                reason = f"A passage on page {block.page} speaks to a program, not to a reader; it was left out."
                self.problems.append(Problem(file=label, reason=reason))
                continue
            if total + len(text) > MAX_TEXT:
                reason = f"It is long: what follows the first {MAX_TEXT} characters was left out."
                self.problems.append(Problem(file=label, reason=reason))
                break
            total += len(text)
            texts += [f"{label}, page {block.page}: {piece}" for piece in _pieces(text)]
        self.problems += [Problem(file=label, reason=_sentence(said)) for said in parsed.problems]
        return texts

    def statements(self, identity: Identity) -> list[str]:
        """Everything that is to be filed; names that the documents give are made known to `identity` first."""
        for text in self._texts:
            for found in (*_LABELLED_NAME.finditer(text), *_TITLED_NAME.finditer(text)):
                identity.add_name(found[1])
        typed = _table(self.labs) if _delimiter(self.labs) else [f"Laboratory: {line}" for line in _lines(self.labs)]
        return [identity.scrub(text) for text in [*typed, *self._texts]]


def is_document(name: str, head: bytes) -> bool:
    """Whether an upload is a letter or a table, by what it holds and what it is called."""
    return b"%PDF-" in head[:_HEAD] or is_table(name)


def is_table(name: str) -> bool:
    """Whether a file is called a table."""
    return name.lower().endswith((".csv", ".tsv"))


def clean(text: str) -> str:
    """On one line, without signs that hide or turn it."""
    return " ".join(_CONTROL.sub(" ", text).split())


def _pieces(text: str) -> Iterator[str]:
    while len(text) > _PASSAGE:
        cut = text.rfind(" ", 0, _PASSAGE)
        cut = cut if cut > 0 else _PASSAGE
        yield text[:cut]
        text = text[cut:].strip()
    yield text


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def _bytes(path: Path) -> bytes:
    if path.stat().st_size > MAX_BYTES:
        raise ChartError(f"It is larger than {MAX_BYTES >> 20} MB.")
    return path.read_bytes()


def _text(path: Path) -> str:
    data = _bytes(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    if "\x00" in text or not _delimiter(text):
        raise ChartError("It is no table of values parted by commas, semicolons or tabs.")
    return text


def _lines(text: str) -> list[str]:
    return [line for line in map(clean, text.splitlines()[:MAX_ROWS]) if line]


def _delimiter(text: str) -> str | None:
    """What parts the columns, or None where the first lines have none in common."""
    lines = [line for line in text.splitlines() if line.strip()][:5]
    for sign in ("\t", ";", ","):
        if lines and all(sign in line for line in lines):
            return sign
    return None


def _table(text: str) -> list[str]:
    """One statement for each row: name, value, unit, reference range and date, as far as they are there."""
    rows = [
        [clean(cell)[:_CELL] for cell in row]
        for row in csv.reader(text.splitlines()[: MAX_ROWS + 1], delimiter=_delimiter(text) or ",")
    ]
    rows = [row for row in rows if any(row)]
    if not rows:
        return []
    titles = [cell.lower() for cell in rows[0]]
    places = {kind: at for kind, words in _COLUMNS.items() for at, title in enumerate(titles) if title in words}
    if "name" in places and "value" in places:
        rows = rows[1:]
    else:
        places = {"name": 0, "value": 1, "unit": 2, "reference": 3}
    # Columns about the person are not taken in at all.
    places = {kind: at for kind, at in places.items() if at >= len(titles) or not _PERSONAL.search(titles[at])}
    said = []
    for row in rows:
        cells = {kind: row[at] for kind, at in places.items() if at < len(row) and row[at]}
        if "name" in cells and "value" in cells and not _TO_A_PROGRAM.search(" ".join(cells.values())):
            said.append(_row(cells))
    return said


def _row(cells: dict[str, str]) -> str:
    said = f"Laboratory: {cells['name']} {cells['value']}"
    said += f" {cells['unit']}" if "unit" in cells else ""
    said += f" (reference {cells['reference']})" if "reference" in cells else ""
    return said + (f", {cells['date']}" if "date" in cells else "")
