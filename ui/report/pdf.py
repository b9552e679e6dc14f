"""The report as PDF, with the same parts in the same order as in HTML."""

import dataclasses
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import PIL.Image
from fpdf import FPDF
from fpdf.enums import MethodReturnValue, XPos, YPos
from fpdf.fonts import FontFace

from graphs.closing import NOTICE
from ui.report import words
from ui.report.content import Report, Sentence
from ui.report.fonts import MONO, SANS, fonts
from ui.report.marks import Picture

_MARGIN = 18.0
_LINE = 5.0
_NAMES = 36.0
"""Width of the column of names in a list of facts, mm as everything here."""
_GAP = 6.0
_TALLEST = 105.0
_PAGES = "{n}"
_TEXT, _QUIET, _MAIN, _WARN, _RULE = (23, 36, 43), (81, 99, 107), (15, 117, 108), (122, 77, 0), (208, 218, 220)
_COLUMNS = ("Structure", "Quantity", "Value", "Interval", "Unit", "Pixel size from", "Image", "Evidence")
_WIDTHS = (33, 25, 16, 29, 14, 24, 15, 18)


class _Paper(FPDF):
    """A4 with the notice, the record and the page's number on every page."""

    def __init__(self, report: Report) -> None:
        super().__init__(format="A4")
        self.report = report
        self.known: set[int] = set()
        self.set_margins(_MARGIN, _MARGIN, _MARGIN)
        self.set_auto_page_break(True, margin=24)
        self.alias_nb_pages(_PAGES)
        self.set_lang("en")
        self.set_title(f"Image report {report.conversation}")
        self.set_creator("Citrus-V")
        self.set_subject(NOTICE)
        if report.ended:
            self.set_creation_date(datetime.strptime(report.ended, "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC))

    def printable(self, text: str) -> str:
        """The text with what no font has, or nobody could see, shown by its code."""
        clean = words.visible(text).replace(_PAGES, _PAGES.strip("{}"))
        return "".join(
            letter if letter == "\n" or ord(letter) in self.known else f"[U+{ord(letter):04X}]" for letter in clean
        )

    def style(self, size: float = 10, style: str = "", colour: Sequence[int] = _TEXT, family: str = SANS) -> None:
        """Size in points, style and colour of what follows."""
        self.set_font(family, style, size)
        self.set_text_color(*colour)

    def header(self) -> None:
        """From the second page on, whose report it is."""
        if self.page_no() == 1:
            return
        self.style(8, colour=_QUIET)
        self.set_y(9)
        self.cell(0, 5, self.printable(f"Citrus-V · Image report · {self.report.conversation}"))
        self.set_y(_MARGIN)

    def footer(self) -> None:
        """The notice, the head and the page's number."""
        self.set_y(-19)
        self.set_draw_color(*_RULE)
        self.line(_MARGIN, self.get_y(), self.w - _MARGIN, self.get_y())
        self.ln(1.5)
        self.style(8, "B", _WARN)
        self.cell(0, 4, NOTICE, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.style(7, colour=_QUIET)
        self.cell(0, 4, f"Head {self.report.head}")
        self.set_x(_MARGIN)
        self.cell(0, 4, f"Page {self.page_no()} of {_PAGES}", align="R")

    def words(self, text: str, *, indent: float = 0, line: float = _LINE, link: str = "") -> None:
        """A paragraph, wrapped, beginning at `indent` mm."""
        self.set_x(_MARGIN + indent)
        self.multi_cell(
            self.epw - indent, line, self.printable(text), align="L", link=link, new_x=XPos.LMARGIN, new_y=YPos.NEXT
        )

    def heading(self, text: str) -> None:
        """A part's title, never alone at the end of a page."""
        if self.will_page_break(24):
            self.add_page()
        self.ln(3.5)
        self.start_section(text)
        self.style(12.5, "B", _MAIN)
        self.cell(0, 6.5, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.set_draw_color(*_RULE)
        self.line(_MARGIN, self.get_y(), self.w - _MARGIN, self.get_y())
        self.ln(2)
        self.style()

    def smaller(self, text: str) -> None:
        """A title within a part."""
        if self.will_page_break(14):
            self.add_page()
        self.ln(1)
        self.style(10, "B")
        self.words(text)
        self.style()

    def quiet(self, text: str) -> None:
        """A remark of the report's own."""
        self.style(9.5, colour=_QUIET)
        self.words(text)
        self.style()

    def item(self, text: str, *, indent: float = 0, colour: Sequence[int] = _TEXT) -> None:
        """One entry of a list."""
        if self.will_page_break(_LINE):
            self.add_page()
        self.style(colour=_MAIN)
        self.set_x(_MARGIN + indent)
        self.cell(4, _LINE, "•")
        self.style(colour=colour)
        self.words(text, indent=indent + 4)
        self.ln(0.8)

    def facts(self, rows: Iterable[tuple[str, str]], family: str = SANS) -> None:
        """Names and values side by side."""
        for name, value in rows:
            if self.will_page_break(_LINE):
                self.add_page()
            self.style(colour=_QUIET)
            self.cell(_NAMES, _LINE, self.printable(name))
            self.style(9 if family == MONO else 10, family=family)
            self.words(value, indent=_NAMES)
        self.style()


def pdf(report: Report) -> bytes:
    """The document; the same report gives the same bytes.

    Raises:
        OSError: `CITRUS_FONT` names a font that is not there.
    """
    paper = _Paper(report)
    with fonts(paper, _letters(report)) as known:
        paper.known = known
        paper.add_page()
        _top(paper)
        _case(paper)
        _established(paper)
        _pictures(paper)
        _limits(paper)
        _sources(paper)
        _answers(paper)
        _record(paper)
        return bytes(paper.output())


def _letters(value: Any) -> set[str]:
    """Every character in a report."""
    if isinstance(value, str):
        return set(words.visible(value)) - {"\n"}
    if dataclasses.is_dataclass(value):
        return _letters([getattr(value, one.name) for one in dataclasses.fields(value)])
    if isinstance(value, Iterable) and not isinstance(value, bytes):
        return set().union(*map(_letters, value))
    return set()


def _top(paper: _Paper) -> None:
    report = paper.report
    paper.style(11, "B", _MAIN)
    paper.words("Citrus-V")
    paper.style(20, "B")
    paper.words("Image report", line=9)
    paper.style(10, "B", _WARN)
    paper.words(words.DRAFT)
    paper.ln(1)
    paper.set_fill_color(255, 246, 227)
    paper.style(10, "B", _TEXT)
    paper.multi_cell(0, 5.5, NOTICE, fill=True, align="L", padding=(2, 3), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    paper.ln(2)
    paper.facts([("Record", report.conversation)])
    if report.ended:
        paper.facts([("Conversation", f"{report.begun} to {report.ended}")])


def _case(paper: _Paper) -> None:
    report = paper.report
    paper.heading("Patient")
    if report.patient:
        paper.facts(report.patient)
    else:
        paper.quiet("Nothing was stated. Names and identifiers are never kept.")
    paper.heading("Examination")
    for image in report.examined:
        paper.item(f"{image.id}  {image.label}: {', '.join(image.facts)}")
        for caveat in image.caveats:
            paper.item(caveat, indent=5, colour=_WARN)
    for file, reason in report.unopened:
        paper.item(f"{file} did not open: {reason}", colour=_WARN)
    paper.smaller("Asked")
    for turn in report.turns:
        paper.words(f"{turn.number}. {turn.question}")


def _sentences(paper: _Paper, items: Sequence[Sentence], none: str) -> None:
    for item in items:
        paper.item(f"{item.text} [{', '.join(item.evidence)}]")
    if not items and none:
        paper.quiet(none)


def _established(paper: _Paper) -> None:
    report = paper.report
    paper.heading("Findings")
    paper.quiet(words.HOW_SORTED)
    paper.ln(1)
    _sentences(paper, report.findings, words.NO_FINDING)
    paper.heading("Measurements")
    if report.measurements:
        _table(paper)
    else:
        paper.quiet("Nothing was measured.")
    paper.heading("Impression")
    _sentences(paper, report.impression, words.NO_IMPRESSION)
    paper.heading("Differential")
    for number, one in enumerate(report.differential, 1):
        paper.style(10, "B")
        paper.words(f"{number}. {one.name}: criteria {one.verdict}")
        paper.quiet(f"{one.score} [{one.evidence}]")
        for depth, step in one.steps:
            paper.words(step, indent=4 + 5 * min(depth, 8))
        paper.ln(1.5)
    if not report.differential:
        paper.quiet(words.NO_DIFFERENTIAL)


def _table(paper: _Paper) -> None:
    paper.style(9)
    paper.set_draw_color(*_RULE)
    paper.set_fill_color(255, 255, 255)
    head = FontFace(emphasis="BOLD", color=_QUIET)
    with paper.table(
        col_widths=_WIDTHS,
        text_align=("LEFT", "LEFT", "RIGHT", "LEFT", "LEFT", "LEFT", "LEFT", "LEFT"),
        borders_layout="HORIZONTAL_LINES",
        headings_style=head,
        line_height=4.6,
        padding=(1, 1.2),
        v_align="TOP",
    ) as table:
        table.row(_COLUMNS)
        for row in report_rows(paper.report):
            table.row([paper.printable(cell) for cell in row])
    paper.style()


def report_rows(report: Report) -> Iterator[tuple[str, ...]]:
    """The table of measurements, cell by cell."""
    for row in report.measurements:
        yield (
            "\n".join((row.what, *row.flags)),
            row.quantity,
            row.value,
            row.interval,
            row.unit,
            row.spacing,
            row.image,
            row.id,
        )


def _pictures(paper: _Paper) -> None:
    pictures = paper.report.pictures
    if not pictures:
        return
    wide = (paper.epw - _GAP) / 2
    if paper.will_page_break(max(_size(picture, wide)[1] for picture in pictures[:2]) + 30):
        paper.add_page()
    paper.heading("Images")
    for at in range(0, len(pictures), 2):
        pair = pictures[at : at + 2]
        sizes = [_size(picture, wide) for picture in pair]
        paper.style(8.5, colour=_QUIET)
        titles = [paper.printable(picture.title) for picture in pair]
        lines = [
            paper.multi_cell(wide, 4, title, align="L", dry_run=True, output=MethodReturnValue.HEIGHT)
            for title in titles
        ]
        high = max(size[1] for size in sizes)
        if paper.will_page_break(high + max(map(float, lines)) + 4):  # type: ignore[arg-type]
            paper.add_page()
            paper.style(8.5, colour=_QUIET)
        top = paper.get_y()
        for place, (picture, size, title) in enumerate(zip(pair, sizes, titles, strict=True)):
            left = _MARGIN + place * (wide + _GAP)
            paper.image(io.BytesIO(picture.png), left, top, *size, alt_text=title)
            paper.set_xy(left, top + high + 1)
            paper.multi_cell(wide, 4, title, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        paper.set_y(top + high + max(map(float, lines)) + 4)  # type: ignore[arg-type]
    paper.style()


def _size(picture: Picture, wide: float) -> tuple[float, float]:
    with PIL.Image.open(io.BytesIO(picture.png)) as opened:
        columns, rows = opened.size
    high = wide * rows / columns
    return (wide, high) if high <= _TALLEST else (wide * _TALLEST / high, _TALLEST)


def _limits(paper: _Paper) -> None:
    report = paper.report
    if report.caveats or report.not_established:
        paper.heading("Limits")
        if report.caveats:
            paper.smaller("Caveats of the evidence")
            _sentences(paper, report.caveats, "")
        if report.not_established:
            paper.smaller("Could not be established")
            _sentences(paper, report.not_established, "")
    paper.heading("Withheld")
    if report.withheld:
        paper.quiet("Drafted, but not carried by the evidence, and so not shown as fact:")
        for claim in report.withheld:
            paper.item(f"{claim.text} ({claim.verdict.value}: {claim.reason})", colour=_WARN)
    else:
        paper.quiet("No sentence was withheld.")
    if report.corrections:
        paper.heading("Corrections")
        for line in report.corrections:
            paper.item(line)


def _sources(paper: _Paper) -> None:
    report = paper.report
    if not report.cited:
        return
    paper.heading("Sources")
    for one in report.cited:
        paper.style(10, "B")
        paper.words(f"{one.id}  {one.title}")
        paper.style(10, "I")
        paper.words(f"“{one.text}”", indent=4)
        paper.style(9, colour=_QUIET)
        paper.words(one.source, indent=4)
        if one.address:
            paper.style(9, colour=_MAIN)
            # An address may hold anything; only a plain one becomes a link.
            plain = one.address if re.fullmatch(r"https?://[!-~]+", one.address) else ""
            paper.words(one.address, indent=4, link=plain)
        paper.ln(1.5)


def _answers(paper: _Paper) -> None:
    paper.heading("Answers as they read now")
    for turn in paper.report.turns:
        paper.smaller(f"{turn.number}. {turn.question}{' (revised after a correction)' if turn.revised else ''}")
        paper.words(words.without_notice(turn.answer))
        paper.ln(1)


def _record(paper: _Paper) -> None:
    report = paper.report
    if paper.will_page_break(90):
        paper.add_page()
    paper.heading("Confirmed by")
    paper.ln(13)
    paper.set_draw_color(*_TEXT)
    top, third = paper.get_y(), (paper.epw - 2 * _GAP) / 5
    paper.style(8.5, colour=_QUIET)
    left = _MARGIN
    for title, share in (("Name of the qualified reader", 2), ("Date", 1), ("Signature", 2)):
        paper.line(left, top, left + share * third, top)
        paper.set_xy(left, top + 1)
        paper.cell(share * third, 4, title)
        left += share * third + _GAP
    paper.ln(8)
    paper.heading("Record")
    paper.facts(
        [
            ("Conversation", report.conversation),
            ("Events", f"{report.events}, every line, link and blob intact when this was made"),
        ]
    )
    paper.facts([("Head", report.head)], MONO)
    paper.facts([("Check", f"citrus trace verify {report.conversation} --head {report.head}")], MONO)
    paper.facts(report.made_by)
