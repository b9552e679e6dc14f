"""A card: one cluster of medical facts in plain sentences, with the source they were checked in."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError, model_validator

from knowledge.case import Modality, Record
from knowledge.evidence import Source
from knowledge.threshold import Threshold

LIBRARY = Path(__file__).parent / "library"
"""The cards that come with the system."""

Prose = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$")]
"""Text on one line."""

Term = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9 -]*$")]


class CardError(Exception):
    """Cards that cannot be used: one line per fault, with file and card.

    Attributes:
        faults: The lines.
    """

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class Card(Record):
    """One passage of the library.

    Attributes:
        id: Unique in the library: lower case with hyphens.
        text: At most 900 characters, so that all of it is embedded and it can be quoted whole.
        locator: Where in the source it stands, such as "Table 1".
        modality: Where it applies; empty means any.
        body_part: DICOM body parts in lower case that it speaks of; empty means any.
        thresholds: The limits of the text that a program may compare with.

    Raises:
        ValueError: The source has neither DOI nor URL, or no year.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    title: Annotated[Prose, StringConstraints(max_length=120)]
    text: Annotated[Prose, StringConstraints(min_length=40, max_length=900)]
    source: Source
    locator: Prose | None = None
    modality: tuple[Modality, ...] = ()
    body_part: tuple[Term, ...] = ()
    topic: Term
    thresholds: tuple[Threshold, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not (self.source.doi or self.source.url):
            raise ValueError("the source needs a doi or a url")
        if self.source.year is None:
            raise ValueError("source.year is missing")
        for threshold in self.thresholds:
            if (threshold.comparison == "between") != (threshold.high is not None):
                raise ValueError(f"threshold {threshold.name!r}: 'between' has a high end, and nothing else has")
            if threshold.high is not None and threshold.high <= threshold.value:
                raise ValueError(f"threshold {threshold.name!r}: {threshold.high} is not above {threshold.value}")
        return self

    @property
    def words(self) -> str:
        """What is searched: title and text."""
        return f"{self.title}. {self.text}"

    def fits(self, modality: Modality | None, body_part: str | None) -> bool:
        """Whether the card speaks of this modality and body part; None leaves it open."""
        return (modality is None or not self.modality or modality in self.modality) and (
            body_part is None or not self.body_part or body_part.strip().lower() in self.body_part
        )


_ROWS = TypeAdapter(Annotated[list[dict[str, object]], Field(min_length=1)])


def load_cards(folder: Path = LIBRARY) -> tuple[Card, ...]:
    """The cards of every `*.json` file in `folder`, each a list of cards, ordered by id.

    Raises:
        CardError: A file or a card is not as it should be, an id is there twice, or there is no
            card at all; every fault is named.
    """
    cards: dict[str, Card] = {}
    faults: list[str] = []
    for path in sorted(folder.glob("*.json")):
        try:
            rows = _ROWS.validate_python(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, RecursionError) as error:
            faults.append(f"{path.name}: not a list of cards: {error}")
            continue
        for place, row in enumerate(rows, start=1):
            name = f"{path.name}: {row.get('id') or f'card {place}'}"
            try:
                card = Card.model_validate(row)
            except ValidationError as error:
                faults += [f"{name}: {_fault(fault['loc'], fault['msg'])}" for fault in error.errors(include_url=False)]
                continue
            if card.id in cards:
                faults.append(f"{name}: this id is there already")
            cards[card.id] = card
    if not cards and not faults:
        faults.append(f"{folder}: no cards")
    if faults:
        raise CardError(faults)
    return tuple(cards[card_id] for card_id in sorted(cards))


def _fault(location: Sequence[int | str], message: str) -> str:
    return f"{'.'.join(map(str, location))}: {message}" if location else message
