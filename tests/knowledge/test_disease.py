"""Criteria of diseases are data that name limits which the library has."""

import json
from pathlib import Path
from typing import Any

import pytest

from knowledge.card import CardError, load_cards
from knowledge.disease import DISEASES, load_diseases
from knowledge.disease import faults_of as faults

CARDS = {card.id: card for card in load_cards()}


def test_every_criterion_names_a_card_and_a_limit_of_it() -> None:
    diseases = load_diseases()
    assert len(diseases) >= 15
    assert faults(diseases, CARDS) == []
    assert {path.suffix for path in DISEASES.iterdir()} == {".json"}


def test_several_diseases_have_criteria_of_several_sources() -> None:
    for_sources = [{CARDS[one.card].source.title for one in disease.criteria} for disease in load_diseases()]
    assert sum(len(sources) > 1 for sources in for_sources) >= 5


def test_what_is_not_in_the_library_is_told() -> None:
    (one, *_) = load_diseases()
    assert "there is no card" in faults([one], {})[0]
    criterion = one.criteria[0].model_copy(update={"limit": "no such limit"})
    changed = one.model_copy(update={"criteria": (criterion,)})
    assert "has no limit 'no such limit'" in faults([changed], CARDS)[0]


ROW: dict[str, Any] = {
    "name": "a disease",
    "criteria": [{"name": "one", "card": "c", "limit": "l", "target": ["spleen"], "quantity": ["volume"]}],
}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("no json", "not a list"),
        ([], "at least 1"),
        ([ROW | {"name": "<b>"}], "pattern"),
        ([ROW | {"criteria": []}], "at least 1"),
        ([ROW | {"needs": 2}], "needs 2 of 1"),
        ([ROW | {"extra": 1}], "Extra inputs"),
        ([ROW | {"criteria": [{"name": "one", "card": "c", "limit": "l"}]}], "needs the targets"),
        ([ROW | {"criteria": [{"name": "one", "card": "c", "finding": "present"}]}], "needs its target"),
        ([ROW, ROW], "is there already"),
        ([ROW | {"criteria": ROW["criteria"] * 2}], "have one name"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: object, reason: str) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    (tmp_path / "some.json").write_text(text)
    with pytest.raises(CardError, match=reason) as told:
        load_diseases(tmp_path)
    assert "some.json" in str(told.value)
