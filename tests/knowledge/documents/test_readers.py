"""What each reader makes of a file that says known things."""

from pathlib import Path

import pytest
from pypdf import PdfWriter

from knowledge.documents.chunk import Piece, cut
from knowledge.documents.files import read_bytes
from knowledge.documents.parsed import DocumentError, Origin, Parsed
from knowledge.documents.read import is_known, parse
from tests.knowledge.documents.files import HTML, JATS, MARKDOWN, OBO, ROWS, medquad, pdf


def reading(path: Path, text: str | None = None) -> tuple[Parsed, list[Piece]]:
    if text is not None:
        path.write_text(text, encoding="utf-8")
    parsed = parse(read_bytes(path), path)
    return parsed, list(cut(parsed.blocks, parsed.origin))


def test_markdown_keeps_headings_and_tells_its_source(tmp_path: Path) -> None:
    parsed, pieces = reading(tmp_path / "spleen.md", MARKDOWN)
    assert parsed.origin == Origin("Local spleen guide", "County Radiology", 2022, licence="internal use")
    assert [piece.title for piece in pieces] == [
        "Local spleen guide: Spleen: Measuring",
        "Local spleen guide: Spleen: Reporting",
    ]
    assert pieces[0].text == (
        "Measure the spleen in the coronal plane. See the figure. - Use the portal venous phase. "
        "sex | limit; men | 13 cm;"
    )
    assert pieces[1].section == "Reporting"


def test_html_is_what_a_reader_sees(tmp_path: Path) -> None:
    parsed, pieces = reading(tmp_path / "gb.html", HTML)
    assert parsed.origin == Origin(
        "Gallbladder wall",
        "Biliary Society",
        2019,
        "10.1000/gall.7",
        "https://example.org/gb",
        "https://example.org/by",
    )
    text = " ".join(piece.text for piece in pieces)
    assert "A fasting gallbladder's wall is at most 3 mm thick." in text
    assert "10⁹ cells" in text and "sex | n; men | 7;" in text
    assert not any(word in text for word in ("HIDDEN", "Home", "Imprint"))
    assert [piece.title for piece in pieces] == ["Gallbladder wall", "Gallbladder wall: Counts"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_html_in_its_own_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.html"
    page = f"<html><head><meta charset='{encoding}'></head><body><p>Größe der Leber in Fällen</p></body></html>"
    path.write_bytes(page.encode(encoding))
    assert reading(path)[1][0].text == "Größe der Leber in Fällen"


def test_jats_tells_its_source_and_keeps_sections(tmp_path: Path) -> None:
    parsed, pieces = reading(tmp_path / "a.xml", JATS)
    assert parsed.origin == Origin(
        "Nodules of the zebra lung",
        "Journal of Striped Lungs",
        2020,
        "10.1234/abc.5",
        licence="http://creativecommons.org/licenses/by/4.0/",
    )
    told = {(piece.title.partition(": ")[2], piece.place): piece.text for piece in pieces}
    assert told["Abstract", None] == "We studied α-zebras."
    assert told["Results", None] in ("Ten nodules (10³ voxels) were found.", "Back in the results.")
    assert told["Results: Follow-up", None] == "None grew."
    assert told["Results", "Table 1"] == "Sizes nodule | mm; 1 | 5;"
    assert not any("Never an excerpt" in text for text in told.values())


def test_jats_splits_compound_figures_with_their_own_captions(tmp_path: Path) -> None:
    _, pieces = reading(tmp_path / "a.xml", JATS)
    assert {piece.place: piece.text for piece in pieces if (piece.place or "").startswith("Figure")} == {
        "Figure 1A": "Figure 1A. Zebra lungs. CT of one zebra. (A) Axial image shows a nodule.",
        "Figure 1B, C": "Figure 1B, C. Zebra lungs. CT of one zebra. (B, C) Coronal and sagittal images",
        "Figure 1D": "Figure 1D. Zebra lungs. CT of one zebra. (D) the same nodule a year later.",
        "Figure 2a": "Figure 2a. MR of a foal. T1 weighted.",
        "Figure 2b": "Figure 2b. MR of a foal. T2 weighted.",
    }


def test_pdf_keeps_pages_and_outline_and_drops_running_titles(tmp_path: Path) -> None:
    pages = [
        [
            "Journal of Lungs 2020",
            "",
            f"Sentence number {number} speaks of pneu-",
            "mothorax.",
            "",
            f"Page {number} of 5",
        ]
        for number in range(1, 6)
    ]
    path = pdf(
        tmp_path / "a.pdf",
        pages,
        [("Introduction", 0), ("Methods", 2)],
        Title="On lungs",
        Author="A Society",
        CreationDate="D:20200102",
    )
    parsed, pieces = reading(path)
    assert parsed.origin == Origin("On lungs", "A Society", 2020)
    assert [(piece.title, piece.pages) for piece in pieces] == [
        ("On lungs: Introduction", (1, 2)),
        ("On lungs: Methods", (3, 5)),
    ]
    assert "Sentence number 3 speaks of pneumothorax." in pieces[1].text
    assert not any("Journal of Lungs" in piece.text or "of 5" in piece.text for piece in pieces)


def test_json_lines_with_medquads_fields(tmp_path: Path) -> None:
    for name in ("m.jsonl", "m.jsonl.gz"):
        parsed, pieces = reading(medquad(tmp_path / name))
        assert not parsed.problems
        assert [(piece.title, piece.text, piece.place) for piece in pieces] == [
            ("What are the symptoms of Striped lung ?", "Stripes on the chest film.", "entry 1-1"),
            ("Is Striped lung inherited ?", "It is not.", "entry 1-2"),
        ]
        assert pieces[0].origin == Origin("Striped lung", "GARD", url="https://example.org/s")
        assert pieces[1].origin.url is None


def test_faulty_lines_are_named_and_the_rest_is_read(tmp_path: Path) -> None:
    path = medquad(tmp_path / "m.jsonl", [ROWS[0], "{", {"question": "q"}, {"question": "q", "answer": " "}, "[1]", ""])
    parsed, pieces = reading(path)
    assert len(pieces) == 1
    assert [problem.partition(":")[0] for problem in parsed.problems] == ["line 2", "line 3", "line 4", "line 5"]


def test_obo_terms_that_are_not_obsolete(tmp_path: Path) -> None:
    parsed, pieces = reading(tmp_path / "o.obo", OBO)
    assert parsed.origin == Origin(
        "doid", "disease_ontology", 2024, licence="https://creativecommons.org/publicdomain/zero/1.0/"
    )
    assert [(piece.place, piece.title, piece.text) for piece in pieces] == [
        (
            "DOID:1",
            "doid: zebra disease",
            'A disease of "zebras". Also called: stripe disease. Is a kind of: disease.',
        ),
        ("DOID:4", "doid: disease", "Any."),
    ]
    assert pieces[0].origin.url == "https://example.org/z"


def test_plain_text_with_headings_and_pages(tmp_path: Path) -> None:
    _, pieces = reading(tmp_path / "a.txt", "Heading\n=======\n\nFirst page,\nsecond line.\n\f\nSecond page.\n")
    assert [(piece.title, piece.text, piece.pages) for piece in pieces] == [
        ("Heading", "First page, second line. Second page.", (1, 2))
    ]
    (tmp_path / "b.txt").write_bytes("Lunge mit Verschattung, Größe 3 cm".encode("cp1252"))
    assert reading(tmp_path / "b.txt")[1][0].text == "Lunge mit Verschattung, Größe 3 cm"


def test_a_pdf_is_known_whatever_its_name(tmp_path: Path) -> None:
    path = pdf(tmp_path / "a.pdf", [["Words on a page."]]).rename(tmp_path / "a.txt")
    assert reading(path)[1][0].text == "Words on a page."


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.docx", b"PK\x03\x04", "not a kind of file"),
        ("a", b"words", "not a kind of file"),
        ("a.txt", b" \n", "empty"),
        ("a.txt", b"\x00\x01binary", "no text"),
        ("a.md", b"\xff\xfe\x00", "UTF-16"),
        ("a.xml", b"<article><p></article>", "not well-formed"),
        ("a.xml", b"<html><p>x</p></html>", "only JATS"),
        ("a.pdf", b"%PDF-1.4 and then nothing", "cannot be read as PDF"),
        ("a.jsonl", b"not json", "no question"),
        ("a.obo", b"format-version: 1.2\n", "no \\[Term\\]"),
        ("a.txt.gz", b"\x1f\x8bnot gzip", "cannot be unpacked"),
    ],
)
def test_what_cannot_be_read_is_named_with_the_reason(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(DocumentError, match=reason) as caught:
        reading(path)
    assert str(caught.value).startswith(name)


def test_pdfs_without_text_or_with_a_password_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="OCR"):
        reading(pdf(tmp_path / "scan.pdf", [[]]))
    writer = PdfWriter(clone_from=pdf(tmp_path / "a.pdf", [["secret"]]))
    writer.encrypt("word")
    writer.write(tmp_path / "locked.pdf")
    with pytest.raises(DocumentError, match="password"):
        reading(tmp_path / "locked.pdf")


def test_known_names() -> None:
    assert all(is_known(Path(name)) for name in ("a.PDF", "b.nxml", "c.jsonl.gz", "d.htm"))
    assert not any(is_known(Path(name)) for name in ("a.gz", "b.py", "c", ".pdf"))
