"""Drafts are cleaned, laid out and split into sentences with what they cite."""

import pytest

from graphs.claims import LONGEST, read, split
from graphs.draft import clean
from graphs.reading_numbers import figures
from graphs.reading_words import Polarity
from graphs.reading_words import read as read_words


def sentences(draft: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(item.text, item.citations) for paragraph in read(draft) for item in paragraph.sentences]


@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        ("A is 1.5 mm [E1]. B is 2 mm [E2].", [("A is 1.5 mm.", ("E1",)), ("B is 2 mm.", ("E2",))]),
        ("A is 1.5 mm. [E1] B is 2 mm. [E2, E3]", [("A is 1.5 mm.", ("E1",)), ("B is 2 mm.", ("E2", "E3"))]),
        ("A is 1.5 mm [E1][E2] B is 2 mm [E3]", [("A is 1.5 mm", ("E1", "E2")), ("B is 2 mm", ("E3",))]),
        ("A, e.g. in Fig. 2 vs. Dr. Smith's, is J. Doe's [E1].",
         [("A, e.g. in Fig. 2 vs. Dr. Smith's, is J. Doe's.", ("E1",))]),
        ("It holds 6 L. Then more.", [("It holds 6 L.", ()), ("Then more.", ())]),
        ("A is large [E1]; it grows.", [("A is large;", ("E1",)), ("it grows.", ())]),
        ("A [E1] is as B [E2].", [("A is as B.", ("E1", "E2"))]),
        ("One line\nof a paragraph [E1].", [("One line of a paragraph.", ("E1",))]),
        ("no punctuation [E1]\nNext [E2]", [("no punctuation", ("E1",)), ("Next", ("E2",))]),
        ('They say: "A. B is so." [E1] C.', [('They say: "A. B is so."', ("E1",)), ("C.", ())]),
        ("1. A [E1]\n2) B [E2]\n- C [E3]", [("A", ("E1",)), ("B", ("E2",)), ("C", ("E3",))]),
        ("**A** is _b_ [E1].", [("A is b.", ("E1",))]),
        ("Is it? Yes! No.", [("Is it?", ()), ("Yes!", ()), ("No.", ())]),
    ],
)  # fmt: skip
def test_sentences_end_where_a_reader_ends_them(draft: str, expected: list[tuple[str, tuple[str, ...]]]) -> None:
    assert sentences(draft) == expected


def test_a_table_is_read_row_by_row_with_its_head() -> None:
    draft = "| Structure | Volume (mL) |\n|---|---:|\n| Left lung | 512 [E3] |\n| Right lung | 630 [E4] |"
    assert sentences(draft)[1:] == [
        ("Structure: Left lung; Volume (mL): 512", ("E3",)),
        ("Structure: Right lung; Volume (mL): 630", ("E4",)),
    ]


def test_headings_lend_their_words_to_what_stands_below() -> None:
    paragraphs = read("## Left lung\n\nThe volume is 5 mL [E1].\n\n## Right lung\n\nIt is 6 mL [E2].")
    assert [paragraph.context for paragraph in paragraphs if paragraph.block.kind == "prose"] == [
        "Left lung",
        "Right lung",
    ]
    below = read("Left lung:\n- Volume: 5 mL [E1]\n\nThe spleen is absent [E2].")
    assert [item.context for item in below if item.sentences] == ["", "Left lung", ""]


@pytest.mark.parametrize(
    ("draft", "shown"),
    [
        ("<think>The mass is 3 cm.</think>Hello.", "Hello."),
        ("The mass is 3 cm.</think>Hello.", "Hello."),
        ("Hello. <think>never closed", "Hello. "),
        ("```\nrm -rf\n```\nHello.", "Hello."),
        ("Hello.\n~~~\nnever closed", "Hello."),
        ("a <!-- hidden --> b", "a  b"),
        ("5<b></b>12 mL", "512 mL"),
        ("&#53;12 &lt;script&gt;x", "512 x"),
        ("&amp;#53;12", "512"),
        ("<scr<b>ipt>x", "‹script>x"),
        ("![alt](http://a/b.png)x", "x"),
        ("[512 mL](http://a.b)", "512 mL"),
        ("[E1](http://a.b)", "[E1]"),
        ("see https://a.b/c.", "see (link removed)."),
        ("javascript:alert(1)", "(link removed))"),
        ("5\u200b1\u202e2", "512"),
        ("５１２ and ٥١٢", "512 and 512"),
        ("ｎｏｒｍａｌ", "normal"),
        ("1\u202f234 mL", "1234 mL"),
        ("−5 HU", "-5 HU"),
        ("a < 5 mL", "a < 5 mL"),
    ],
)  # fmt: skip
def test_what_is_hidden_or_active_is_gone_before_anything_is_read(draft: str, shown: str) -> None:
    assert clean(draft) == shown


@pytest.mark.parametrize(
    "draft",
    [
        "<img src=x onerror=alert(1)>",
        "<<a>script>",
        "[a](b(c)d)",
        "[a][1]\n[1]: http://b",
        "&amp;lt;b&amp;gt;",
        "![a][b]",
    ],
)
def test_no_html_and_no_link_survives(draft: str) -> None:
    shown = clean(draft)
    assert "](" not in shown and "]:" not in shown and "![" not in shown and "://" not in shown
    assert not any(shown[index + 1 : index + 2].isalpha() for index, letter in enumerate(shown) if letter == "<")


@pytest.mark.parametrize(
    "draft",
    [
        "lung[E1]s measure 5 mL.",
        "It is [[E1]].",
        "It is (E1) [E2].",
        "It is [E1-E3] [E1].",
        'It "is [E1].',
        "【E1】 [E1]",
    ],
)
def test_broken_marks_and_quotes_are_faults(draft: str) -> None:
    assert any(item.faults for paragraph in read(draft) for item in paragraph.sentences)


def test_a_sentence_too_long_to_be_read_is_a_fault() -> None:
    (paragraph,) = read("a " * LONGEST + "[E1].")
    assert "too long" in paragraph.sentences[0].faults[0]


@pytest.mark.parametrize(
    "draft",
    ["[" * 40000, "<" * 40000, "“a " * 20000, "[E1]" * 20000, "<!--" * 10000, "[a](" * 10000, ". " * 20000,
     "a\n" * 20000,
     "5 x " * 20000, "| a " * 10000, "> " * 20000, "*" * 40000, "1," * 20000, "<think>" * 8000, "- " * 20000],
)  # fmt: skip
def test_hostile_drafts_are_read_in_one_pass(draft: str) -> None:
    # A pass that is not linear would run into the suite's time limit here.
    assert isinstance(read(draft), tuple)


def test_running_text_is_split_at_units_and_not_at_decimals() -> None:
    assert split("It holds 6 L. A node of 1.5 cm is large.") == ("It holds 6 L.", "A node of 1.5 cm is large.")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("512 mL", [(512, "volume", 1)]),
        ("0.5 L", [(0.5, "volume", 1000)]),
        ("5 cm³", [(5, "volume", 1)]),
        ("5 cc", [(5, "volume", 1)]),
        ("1,234.5 mm²", [(1234.5, "area", 1)]),
        ("8-mm", [(8, "length", 1)]),
        ("12 x 8 mm", [(12, "length", 1), (8, "length", 1)]),
        ("-800 HU", [(-800, "HU", 1)]),
        ("-900 to -800 HU", [(-900, "HU", 1), (-800, "HU", 1)]),
        ("512 mL (480 to 540)", [(512, "volume", 1), (480, "volume", 1), (540, "volume", 1)]),
        ("1.2e3 mL", [(1200, "volume", 1)]),
        ("1.2 × 10³ mL", [(1200, "volume", 1)]),
        ("slices 12 to 40", [(12, "slice", 1), (40, "slice", 1)]),
        ("volume (mL): 5", [(5, "volume", 1)]),
        ("two centimetres", [(2, "length", 10)]),
        ("5 mL/m2", [(5, "ml/m2", 1)]),
        ("50 %", [(50, "%", 1)]),
        ("120 px", [(120, "px", 1)]),
        ("ratio 0.55", [(0.55, None, 1)]),
        ("this one and no one", []),
    ],
)
def test_figures_have_value_and_unit(text: str, expected: list[tuple[float, str | None, float]]) -> None:
    found, codes = figures(text)
    assert [(figure.value, figure.dimension, figure.factor) for figure in found] == expected
    assert not codes


@pytest.mark.parametrize(
    "text", ["1,5 mm", "T1", "3-D", "2017-05-12", "120/80", "5th", "E3", "10.1148/radiol.2017161659", "5O0 mL"]
)
def test_digits_that_are_no_plain_number_are_codes(text: str) -> None:
    found, codes = figures(text)
    assert codes and not found


@pytest.mark.parametrize(
    ("text", "relation"),
    [
        ("below 6 mm", "<"), ("smaller than 6 mm", "<"), ("at most 6 mm", "<="), ("up to 6 mm", "<="),
        ("6 mm or more", ">="),
        ("not above 6 mm", "<="), ("does not exceed 6 mm", "<="), ("no more than 6 mm", "<="),
        ("above the limit of 6 mm", ">"),
        ("exceeds 6 mm", ">"), ("is not less than 6 mm", ">="), ("≥ 6 mm", ">="), ("<6 mm", "<"), ("is 6 mm", None),
    ],
)  # fmt: skip
def test_words_beside_a_figure_give_its_relation(text: str, relation: str | None) -> None:
    assert figures(text)[0][0].relation == relation


@pytest.mark.parametrize(
    ("printed", "true", "prints"),
    [
        ("51.3 mL", 51.26, True), ("51.2 mL", 51.26, False), ("0.5 L", 512, True), ("1 L", 512, False),
        ("51 cm", 512, True),
        ("500 mL", 512, False), ("0 mL", 0.3, False), ("0.0512 L", 51.26, False), ("0.0513 L", 51.26, True),
    ],
)  # fmt: skip
def test_a_figure_prints_a_value_at_its_own_precision_only(printed: str, true: float, prints: bool) -> None:
    assert figures(printed)[0][0].prints(true) is prints


@pytest.mark.parametrize(
    ("text", "word", "polarity"),
    [
        ("No left lung is seen.", "lung", Polarity.DENIED),
        ("The lung is absent.", "lung", Polarity.DENIED),
        ("The lung is not absent.", "lung", Polarity.AFFIRMED),
        ("No lung is absent.", "lung", Polarity.AFFIRMED),
        ("There is no absence of the lung.", "lung", Polarity.AFFIRMED),
        ("The lung isn't visible.", "lung", Polarity.DENIED),
        ("Lung: not seen", "lung", Polarity.DENIED),
        ("A nodule cannot be excluded.", "nodule", Polarity.OPEN),
        ("The lung is not enlarged.", "lung", Polarity.AFFIRMED),
        ("The lung is not enlarged.", "enlarged", Polarity.DENIED),
        ("No spleen is seen, but the lung is.", "lung", Polarity.AFFIRMED),
        ("No spleen is seen, the lung is.", "lung", Polarity.AFFIRMED),
        ("No spleen, liver or lung is seen.", "lung", Polarity.DENIED),
        ("Scan without contrast or lung.", "lung", Polarity.DENIED),
        ("It is not only large but the lung is full.", "large", Polarity.AFFIRMED),
    ],
)
def test_denial_has_direction_and_reach(text: str, word: str, polarity: Polarity) -> None:
    reading = read_words(text)
    assert [found for item, found in zip(reading.words, reading.polarity, strict=True) if item.text == word] == [
        polarity
    ]
