import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from knowledge.card import LIBRARY, Card, CardError, load_cards
from knowledge.case import Modality

CARDS = load_cards()


def raw(**changes: Any) -> dict[str, Any]:
    """A card that is as it should be, with `changes`."""
    return {
        "id": "lung-weight",
        "title": "Weight of the lungs",
        "text": "A text that is long enough to be a passage of the library.",
        "source": {"title": "On lungs", "organisation": "A society", "year": 2020, "doi": "10.1000/x"},
        "topic": "lung",
    } | changes


def folder(path: Path, **files: Any) -> Path:
    """`path` with one JSON file per keyword."""
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (path / f"{name}.json").write_text(text, encoding="utf-8")
    return path


def test_built_in_library_is_whole() -> None:
    assert len(CARDS) >= 45
    assert len({card.id for card in CARDS}) == len(CARDS) == len({card.title for card in CARDS})
    assert [card.id for card in CARDS] == sorted(card.id for card in CARDS)
    assert {path.suffix for path in LIBRARY.iterdir()} == {".json", ".vectors"}


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_every_card_leads_to_a_source(card: Card) -> None:
    assert 1900 <= card.source.year <= 2026
    assert card.source.organisation and card.source.title
    assert card.source.doi or card.source.url
    if card.source.doi:
        assert re.fullmatch(r"10\.\d{4,9}/\S+", card.source.doi)
    if card.source.url:
        assert re.match(r"https?://[^/]+\.[^/]+/", card.source.url)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_every_text_is_plain_short_prose(card: Card) -> None:
    assert len(card.text) <= 900
    assert card.text.endswith((".", ")"))
    assert "  " not in card.text and card.text == card.text.strip()


@pytest.mark.parametrize("card", [card for card in CARDS if card.thresholds], ids=lambda card: card.id)
def test_every_threshold_stands_in_its_text(card: Card) -> None:
    """A program and a reader must be told the same: each limit is in the passage, in mm, cm, mL and so on."""
    numbers = {float(number.replace(",", "")) for number in re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", card.text)}
    for threshold in card.thresholds:
        for value in (threshold.value, threshold.high):
            if value is None:
                continue
            shown = {abs(value) * scale for scale in (1, 0.1, 0.01)}
            # Whole cm and rounded figures: the passage may print fewer digits than the source.
            assert any(abs(a - b) <= max(0.06, 0.001 * b) for a in shown for b in numbers) or (
                value in WORDS and WORDS[value] in card.text
            ), (threshold.name, value)


WORDS = {2.0: "two"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": {"title": "t", "organisation": "o", "year": 2020}}, "doi or a url"),
        ({"source": {"title": "t", "organisation": "o", "doi": "10.1/x"}}, "source.year"),
        ({"text": "x" * 901}, "text"),
        ({"text": "too short"}, "text"),
        ({"text": "A text of many words with a \x1b[31mcontrol character in it."}, "text"),
        ({"id": "Lung Weight"}, "id"),
        ({"modality": ["XRAY"]}, "modality.0"),
        ({"colour": "red"}, "colour"),
        ({"thresholds": [{"name": "n", "comparison": "between", "value": 1, "unit": "mm"}]}, "high end"),
        ({"thresholds": [{"name": "n", "comparison": "<", "value": 1, "high": 2, "unit": "mm"}]}, "high end"),
        ({"thresholds": [{"name": "n", "comparison": "between", "value": 3, "high": 2, "unit": "mm"}]}, "not above"),
    ],
)
def test_a_faulty_card_is_named_with_its_fault(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CardError) as caught:
        load_cards(folder(tmp_path, chest=[raw(), raw(**({"id": "other"} | changes))]))
    assert len(caught.value.faults) == 1
    assert caught.value.faults[0].startswith(f"chest.json: {changes.get('id', 'other')}: ")
    assert message in caught.value.faults[0]


def test_all_faults_of_all_files_are_reported(tmp_path: Path) -> None:
    with pytest.raises(CardError) as caught:
        load_cards(folder(tmp_path, a="{not json", b=[raw(), raw()], c={"id": "x"}, d=[{}], e="[" * 100_000))
    text = str(caught.value)
    assert [fault.split(":")[0] for fault in caught.value.faults if "Field required" not in fault] == [
        "a.json", "b.json", "c.json", "e.json",
    ]  # fmt: skip
    assert "b.json: lung-weight: this id is there already" in text
    assert "d.json: card 1: id: Field required" in text


def test_an_empty_folder_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(CardError, match="no cards"):
        load_cards(tmp_path)


def test_a_card_is_immutable() -> None:
    with pytest.raises(ValidationError):
        CARDS[0].text = "changed"  # type: ignore[misc]


def test_fits_leaves_open_what_is_not_said() -> None:
    card = Card.model_validate(raw(modality=["CT"], body_part=["chest"]))
    assert card.fits(None, None) and card.fits(Modality.CT, " Chest ")
    assert not card.fits(Modality.MR, None) and not card.fits(None, "brain")
    anywhere = Card.model_validate(raw())
    assert anywhere.fits(Modality.US, "neck")
