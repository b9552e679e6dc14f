"""Whatever comes from outside is shown as the text that it is."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from knowledge.evidence import TRUNCATED, Absence, Evidence, Limitation, Measurement, Passage, Source
from knowledge.quantity import Quantity, SpacingSource, Unit
from tests.ui.cases import cube, slices
from ui import chat_words as words
from ui.chat_guard import is_session_id
from ui.chat_settings import UNSTATED, Choices
from ui.chat_uploads import Upload, lay_out, own_name, safe_name

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])

MARKUP = st.text(
    st.one_of(
        st.sampled_from(list("\n\t *_`#>|~-+=[]()<>!\\&:/.0123456789aE1")), st.characters(exclude_categories=["Cs"])
    ),
    max_size=60,
)


def shown(markdown: str) -> str:
    """The text that a reader of Markdown sees; a failure where there is anything but text."""
    text = []
    for token in READER.parse(markdown):
        assert token.type in ("paragraph_open", "paragraph_close", "inline"), token
        for child in token.children or ():
            assert child.type in ("text", "softbreak", "text_special"), child
            text.append("\n" if child.type == "softbreak" else child.content)
        text.append(" ")
    return "".join(text)


def squeezed(text: str) -> str:
    return " ".join(text.split())


@given(MARKUP)
def test_plain_text_is_shown_as_it_is(text: str) -> None:
    visible = words._INVISIBLE.sub("", text)
    assert squeezed(shown(words.plain(text))) == squeezed(visible)


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", "![x](https://example.org)", "[a](javascript:1)", ":a[b]{c}", "# a", "1. a", "- a",
     "    a", "```\na\n```", "a | b\n- | -\n", "https://example.org", "www.example.org", "a@example.org", "&lt;",
     "> [!NOTE]"],
)  # fmt: skip
def test_no_markup_comes_through(text: str) -> None:
    escaped = words.plain(text)
    assert squeezed(shown(escaped)) == squeezed(text)
    # What the page's reader knows beyond CommonMark begins with one of these unescaped.
    assert not re.search(r"(?<!\\)[:@/.<!\[|`~*_#]", escaped)


def test_letters_that_hide_or_turn_text_are_left_out() -> None:
    assert words.plain("gpj.\u202eexe\u200b\u2060 E1\u2060\x07") == "gpj\\.exe E1"


def volume(identifier: str, value: float) -> Measurement:
    quantity = Quantity(
        name="volume", value=value, unit=Unit.ML, low=value - 1, high=value + 2, spacing=SpacingSource.HEADER
    )
    return Measurement(id=identifier, image="I1", target="body", quantity=quantity, of=("E2",), caveats=(TRUNCATED,))


def test_citations_become_marks_of_known_evidence_only() -> None:
    evidence: dict[str, Evidence] = {"E1": volume("E1", 10), "E12": volume("E12", 20)}
    text = words.cited("A *b* [E1, E12]. C [E3].\n\nEnd, E1.", evidence)
    assert text == "A \\*b\\* E1\u2060 E12\u2060\\. C \\[E3\\]\\.\n\nEnd\\, E1\\."


def test_an_exhibit_says_all_there_is_to_know() -> None:
    said = words.exhibit(volume("E5", 10), "/project/file/x?session_id=y")
    assert "body\\, volume\\: 10\\.0 mL \\(9\\.0 to 12\\.0\\)" in said
    assert "(/project/file/x?session_id=y)" in said
    assert "pixel size from the file's header" in said
    assert "measured on E2" in said
    assert "the structure reaches the border of the field of view" in said
    absent = Absence(id="E6", image="I1", target="spleen", searched="all 20 slices")
    assert "spleen\\: not found\\. all 20 slices" in words.exhibit(absent, None)
    limit = Limitation(id="E7", tool="segment", reason="CT only.", known=("lungs",))
    assert "what can be done\\: lungs" in words.exhibit(limit, None)


@pytest.mark.parametrize(("url", "linked"), [("https://example.org/a b?c=(d)", True), ("javascript:alert(1)", False)])
def test_a_passage_is_quoted_with_its_source(url: str, linked: bool) -> None:
    source = Source(title="Guide", organisation="Society", year=2017, url=url)
    passage = Passage(id="E8", card="c", title="T", text="One.\n\n## Two", source=source, locator="p. 3", relevance=1.0)
    said = words.exhibit(passage, None)
    assert "> One\\.\n> \n> \\#\\# Two" in said
    assert "Guide, Society 2017, p\\. 3" in said
    assert ("](https://example.org/a%20b?c=%28d%29)" in said) == linked
    assert ("](" in said) == linked


def test_arguments_stay_in_their_block() -> None:
    assert "`" not in words.arguments("tool", {"text": "```\n# out"})


def test_slices_are_laid_together_and_other_files_apart(tmp_path: Path) -> None:
    uploads = []
    for at, data in enumerate([*slices(3), cube(1), cube(2)]):
        path = tmp_path / f"upload{at}"
        path.write_bytes(data)
        uploads.append(Upload("../same.nii.gz" if at > 2 else "IM", path))
    paths = lay_out(uploads, tmp_path / "case")
    assert paths[0].is_dir()
    assert len(list(paths[0].rglob("IM"))) == 3
    assert [path.name for path in paths[1:]] == ["same.nii.gz", "same.nii.gz"]
    assert len({path.read_bytes() for path in paths[1:]}) == 2
    assert all((tmp_path / "case") in path.parents for path in paths)


@given(st.text(max_size=300))
def test_a_safe_name_is_one_name(name: str) -> None:
    safe = safe_name(name)
    assert safe
    assert "/" not in safe
    assert "\\" not in safe
    assert safe not in (".", "..")
    assert len(safe.encode("utf-8", "surrogatepass")) <= 200
    assert not re.search(r"[\x00-\x1f]", safe)


def test_own_names_are_those_of_the_person() -> None:
    assert own_name("file 1", {"file 1": "/a/b/Scan of Jane.dcm"}) == "Scan of Jane.dcm"
    assert own_name("file 2", {}) == "file 2"


@pytest.mark.parametrize("text", ["0.2", "0.2, 0.2", "0.2,0.2"])
def test_spacing_is_read(text: str) -> None:
    assert Choices.of({"spacing": text, "modality": UNSTATED}, "protocol") == Choices("protocol", None, (0.2, 0.2))


@pytest.mark.parametrize("text", ["0", "-1,1", "nan", "1,2,3", "a", "1e9"])
def test_a_spacing_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(text))):
        Choices.of({"spacing": text}, "protocol")


@pytest.mark.parametrize("text", ["", "..", None, 3, "0" * 36, "6F9619FF-8B86-D011-B42D-00CF4FC964FF"])
def test_a_session_id_is_a_plain_uuid(text: object) -> None:
    assert not is_session_id(text)
    assert is_session_id("6f9619ff-8b86-d011-b42d-00cf4fc964ff")
