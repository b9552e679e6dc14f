from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.documents.chunk import LONGEST, cut
from knowledge.documents.parsed import Block, Origin, clean

DOCUMENT = Origin(title="Guide")


def test_neighbours_share_a_piece_and_headings_part_them() -> None:
    blocks = [
        Block("One.", ("A",), page=1),
        Block("Two.", ("A",), page=2),
        Block("Three.", ("A", "B"), page=2),
        Block("Four.", ("A", "B"), place="Table 1"),
        Block("Five.", ("A", "B"), place="Table 1", alone=True),
    ]
    assert [(piece.title, piece.text, piece.pages, piece.place) for piece in cut(blocks, DOCUMENT)] == [
        ("Guide: A", "One. Two.", (1, 2), None),
        ("Guide: A: B", "Three.", (2, 2), None),
        ("Guide: A: B", "Four.", None, "Table 1"),
        ("Guide: A: B", "Five.", None, "Table 1"),
    ]


def test_long_blocks_are_cut_at_sentences() -> None:
    sentence = "The spleen is measured in the coronal plane at its hilum. "
    pieces = list(cut([Block(sentence * 60)], DOCUMENT))
    assert all(piece.text.endswith(".") and len(piece.text) <= LONGEST for piece in pieces)
    assert " ".join(piece.text for piece in pieces) == (sentence * 60).strip()


def test_decimals_and_abbreviations_in_lower_case_do_not_end_a_sentence() -> None:
    text = ("Limits of 3.5 cm, e.g. in men, hold. " * 40).strip()
    assert all(piece.text.startswith("Limits") for piece in cut([Block(text)], DOCUMENT))


def test_a_heading_that_names_the_title_stands_for_it() -> None:
    (piece,) = cut([Block("It is.", ("What is Guide ?",))], DOCUMENT)
    assert piece.title == "What is Guide ?"


def test_what_cannot_be_seen_is_dropped() -> None:
    hidden = "nor\u200bmal \u202elungs\u2066 \u00adhere \x1b[2J\ufeff\U000e0041 o\ufb03ce\ud800"
    assert clean(hidden) == "normal lungs here [2J office"


def test_blocks_without_a_letter_or_digit_are_left_out() -> None:
    assert list(cut([Block("---"), Block(" \u200b "), Block("…")], DOCUMENT)) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=2500), max_size=4))
def test_nothing_is_lost_and_no_piece_is_too_long(texts: list[str]) -> None:
    pieces = list(cut([Block(text) for text in texts], DOCUMENT))
    assert all(0 < len(piece.text) <= LONGEST for piece in pieces)
    kept = "".join("".join(piece.text.split()) for piece in pieces)
    expected = ""
    for text in texts:
        for part in ["".join(clean(text).split())]:
            expected += part
    # Only parts without a letter or digit may be missing.
    assert [letter for letter in kept if letter.isalnum()] == [letter for letter in expected if letter.isalnum()]
