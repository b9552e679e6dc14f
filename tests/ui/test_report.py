"""The report: every line of it from the record, in HTML and PDF, on the server and by the command."""

import re
from pathlib import Path

import pypdfium2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from graphs.closing import NOTICE
from graphs.export import export
from graphs.trace import TraceError, verify_trace
from knowledge.evidence import Mask, Measurement, Region
from knowledge.quantity import Quantity, SpacingSource, Unit
from tests.ui.records import HOSTILE, Doors, OneHouse, conversation
from ui.cli import app as command
from ui.report import router, words
from ui.report.content import report
from ui.report.fonts import OWN_FONT
from ui.report.html import html, policy
from ui.report.marks import grouped
from ui.report.pdf import pdf
from ui.trace_page.record import Record

QUESTIONS = ("survey it", "lie to me", "weigh it")


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return conversation(tmp_path / "home", *QUESTIONS)


def pages(data: bytes) -> list[str]:
    """The text of each page of a PDF, as a reader selects it, its lines joined."""
    document = pypdfium2.PdfDocument(data)
    try:
        return [" ".join(page.get_textpage().get_text_range().split()) for page in document]
    finally:
        document.close()


def test_every_part_comes_from_the_record(trace: Path) -> None:
    made = report(trace)
    assert made.head == verify_trace(trace).head
    assert made.conversation == trace.parent.name
    assert ("Age", "61 years") in made.patient
    assert [turn.question for turn in made.turns] == list(QUESTIONS)
    assert [one.text for one in made.findings] == [
        "The cube measures 5.0 mm (4.5 to 5.5).", "No sphere was found.", "The body measures 1.3 mL.",
    ]  # fmt: skip
    assert made.impression == ()
    first = made.measurements[0]
    assert (first.what, first.quantity, first.value, first.interval, first.unit, first.spacing) == (
        "cube", "long axis", "5.0", "4.5 to 5.5", "mm", "file header",
    )  # fmt: skip
    assert first.flags == ("truncated",)
    assert [one.source for one in made.cited] == ["On cubes. Society of Cubes, 2020, Table 1"]
    assert made.cited[0].address == "https://doi.org/10.1000/cubes"
    assert [claim.text for claim in made.withheld] == ["The body has a volume of 999 mL."]
    assert [one.text.split(":")[0] for one in made.caveats] == ["truncated"]
    assert made.unopened == (("file 2", "It is empty."),)
    assert [picture.title for picture in made.pictures] == [f"I1, a cube: cube, long axis ({first.id})"]


def test_both_forms_say_all_of_it_with_the_notice_and_the_head(trace: Path) -> None:
    made = report(trace)
    document, sheets = html(made), pages(pdf(made))
    whole = " ".join(sheets)
    said = [one.text for one in (*made.findings, *made.caveats)]
    said += [made.head, made.conversation, *QUESTIONS, "The body has a volume of 999 mL.", "E10", "not known"]
    said += ["A cube has six faces.", "https://doi.org/10.1000/cubes", "It is empty.", "61 years", words.NO_IMPRESSION]
    for text in said:
        assert text in document, text
        assert text in whole, text
    assert NOTICE in document
    for sheet in sheets:
        assert NOTICE in sheet
        assert made.head in sheet
    assert f"Page 1 of {len(sheets)}" in sheets[0]
    assert document.count('src="data:image/png;base64,') == len(made.pictures) == 1


def test_a_number_in_a_report_is_one_of_the_record(trace: Path) -> None:
    made = report(trace)
    quantities = [item.quantity for item in Record.open(trace).evidence.values() if isinstance(item, Measurement)]
    recorded = {number for quantity in quantities for number in re.findall(r"-?[\d.]+", quantity.text())}
    rows = [number for row in made.measurements for number in re.findall(r"-?[\d.]+", f"{row.value} {row.interval}")]
    said = [number for one in made.findings for number in re.findall(r"\d+\.\d+", one.text)]
    assert len(rows) == 5
    assert set(rows) | set(said) <= recorded


def test_nothing_is_reported_from_a_record_that_was_changed(trace: Path, tmp_path: Path) -> None:
    trace.write_bytes(trace.read_bytes().replace(b"999", b"998", 1))
    with pytest.raises(TraceError, match="line"):
        report(trace)
    empty = tmp_path / "trace.jsonl"
    empty.write_bytes(b"")
    with pytest.raises(TraceError):
        report(empty)


def test_a_conversation_without_questions_says_so_and_invents_nothing(tmp_path: Path) -> None:
    made = report(conversation(tmp_path / "home"))
    assert (made.findings, made.impression, made.measurements, made.pictures, made.turns) == ((), (), (), (), ())
    document, sheets = html(made), " ".join(pages(pdf(made)))
    for text in (words.NO_FINDING, words.NO_IMPRESSION, words.NO_DIFFERENTIAL, "Nothing was measured.", NOTICE):
        assert text in document
        assert text in sheets


def test_hostile_words_are_words(tmp_path: Path) -> None:
    made = report(conversation(tmp_path / "home", f"survey {HOSTILE}", hostile=True))
    document = html(made)
    assert "<script" not in document
    assert "<img src=x" not in document
    assert "<!--" not in document
    assert "\u202e" not in document
    assert "[U+202E]" in document
    assert "中文" in document
    sheets = " ".join(pages(pdf(made)))
    assert "window.broken=1" in sheets
    assert "[U+202E]" in sheets
    assert "\u202e" not in sheets
    # No font here has these two; their codes stand for them, and nothing is lost in silence.
    assert "[U+4E2D][U+6587]" in sheets


def test_letters_of_many_scripts_are_printed(tmp_path: Path) -> None:
    question = "survey Ελλάδα Кириллица שלום नमस्ते µ ² ≥ → žluťoučký"
    sheets = " ".join(pages(pdf(report(conversation(tmp_path / "home", question)))))
    assert "[U+" not in sheets
    for word in ("Ελλάδα", "Кириллица", "žluťoučký", "≥", "→"):
        assert word in sheets, word


def test_a_font_that_is_not_there_is_named(trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OWN_FONT, "/nowhere/own.ttf")
    made = report(trace)
    assert pdf(made)
    strange = report(conversation(trace.parents[2], "survey 中"))
    with pytest.raises(OSError, match=r"own\.ttf"):
        pdf(strange)


def test_the_same_record_gives_the_same_bytes(trace: Path) -> None:
    assert pdf(report(trace)) == pdf(report(trace))
    assert html(report(trace)) == html(report(trace))


def test_an_export_is_reported_too_without_clock_times(trace: Path, tmp_path: Path) -> None:
    target = tmp_path / "case.jsonl"
    head = export(trace, target)
    made = report(target)
    assert made.head == head
    assert made.begun == made.ended == ""
    assert made.findings == report(trace).findings
    assert len(made.pictures) == 1


def mask(name: str, first: int, stop: int) -> Mask:
    return Mask(id=name, image="I1", target="liver", blob="0" * 64, voxels=1, box=(0, 0, 1, 1), slices=(first, stop))


def line(name: str, depth: float, of: tuple[str, ...] = ()) -> Measurement:
    quantity = Quantity(name="long axis", value=1, unit=Unit.MM, spacing=SpacingSource.HEADER)
    return Measurement(
        id=name, image="I1", target="liver", quantity=quantity, of=of, points=((0, 0, depth), (1, 0, depth))
    )


def test_marks_share_a_picture_where_one_slice_shows_them() -> None:
    near, far, box = mask("E1", 0, 10), mask("E2", 40, 50), Region(id="E3", target="node", box=(0, 0, 1, 1))
    together = [[item.id for item in group] for group in grouped([near, mask("E4", 4, 12), far, box])]
    assert together == [["E1", "E4"], ["E2"], ["E3"]]
    lines = grouped([near, line("E5", 3, ("E1",)), line("E6", 3, ("E1",)), line("E7", 8, ("E1",))])
    assert [[item.id for item in group] for group in lines] == [["E1"], ["E1", "E5", "E6"], ["E1", "E7"]]


def test_the_addresses_ask_who_is_there_and_give_all_forms(trace: Path, tmp_path: Path) -> None:
    house = OneHouse(tmp_path / "home")
    doors = Doors(house)
    own = trace.parent.name
    doors.owners[own] = "me"
    app = FastAPI()
    app.include_router(router(house, doors))
    client = TestClient(app, base_url="http://127.0.0.1")
    for path in (f"/report/{own}", f"/report/{own}.pdf", f"/report/{own}.html"):
        assert client.get(path).status_code == 401
        assert client.get(path, headers={"x-user": "you"}).status_code == 404
        answer = client.get(path, headers={"x-user": "me"})
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
    page = client.get(f"/report/{own}", headers={"x-user": "me"})
    assert f'href="/report/{own}.pdf"' in page.text
    assert f'href="/trace/{own}"' in page.text
    assert page.headers["content-security-policy"] == f"{policy()}; frame-ancestors 'none'"
    assert "<nav" not in client.get(f"/report/{own}.html", headers={"x-user": "me"}).text
    assert client.get("/report/..%2fx.pdf", headers={"x-user": "me"}).status_code == 404
    trace.write_bytes(trace.read_bytes()[:-9])
    broken = client.get(f"/report/{own}.pdf", headers={"x-user": "me"})
    assert broken.status_code == 409
    assert str(trace.parent) not in broken.text


def test_the_command_writes_and_never_overwrites(trace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITRUS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke
    own = trace.parent.name
    done = run(command, ["report", own])
    assert done.exit_code == 0, done.output
    assert (tmp_path / f"citrus-{own}.pdf").read_bytes().startswith(b"%PDF")
    assert verify_trace(trace).head in done.stdout
    assert run(command, ["report", own]).exit_code == 2
    both = run(command, ["report", str(trace), "--pdf", "a.pdf", "--html", "a.html"])
    assert both.exit_code == 0
    assert NOTICE in (tmp_path / "a.html").read_text()
    assert run(command, ["report", own, "--html", "no/a.html"]).exit_code == 2
    assert run(command, ["report", "no-such-conversation"]).exit_code == 1
