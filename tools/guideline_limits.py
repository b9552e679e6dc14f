"""Which limits of the library may be held against what is on record, and the evidence that comes of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from knowledge.card import Card
from knowledge.case import Image, Patient
from knowledge.disease import Disease, DiseaseCriterion, load_diseases
from knowledge.evidence import (
    Absence,
    Criterion,
    Evidence,
    Mask,
    Measurement,
    Passage,
    Region,
    Statement,
    Status,
)
from knowledge.holding import Held, hold, named_alike
from knowledge.threshold import Threshold
from tools.tool import Context, ToolRefusal


@cache
def diseases() -> tuple[Disease, ...]:
    """The criteria that come with the system."""
    return load_diseases()


def cards_of(context: Context) -> dict[str, Card]:
    """The library's cards by id.

    Raises:
        ToolRefusal: There is no library.
    """
    if context.services.library is None:
        raise ToolRefusal("There is no medical library here.")
    return {card.id: card for card in context.services.library.cards}


def statements(context: Context) -> tuple[str, ...]:
    """What the clinician or the chart said."""
    return tuple(item.text for item in context.evidence.values() if isinstance(item, Statement))


@dataclass(frozen=True)
class Rule:
    """One limit of a card with what it means.

    Attributes:
        name: The criterion it is, in words.
        beyond: Whether the criterion is met where the limit does not hold.
    """

    card: Card
    limit: Threshold
    name: str
    category: str
    beyond: bool = False
    caveat: str | None = None

    def held(self, measurement: Measurement, image: Image, patient: Patient, said: Sequence[str]) -> Held:
        """The limit held against a measurement of this image."""
        if not self.card.fits(image.modality, None):
            wanted = " or ".join(self.card.modality)
            reason = f"the limit is for {wanted}, and {image.id} is {image.modality.value}"
            return Held(Status.NOT_ASSESSED, reason, "meaning")
        return hold(measurement, self.limit, patient, said)

    def criterion(self, measurement: Measurement, held: Held, passage: str) -> Criterion:
        """What came of it, as evidence.

        Args:
            passage: Id of the passage that states the limit.
        """
        notes = dict.fromkeys(note for note in (*measurement.caveats, self.caveat, held.caveat) if note)
        return Criterion(
            image=measurement.image,
            name=self.name,
            category=self.category,
            target=measurement.target,
            side=measurement.side,
            status=turned(held.status) if self.beyond else held.status,
            limit=self.limit,
            beyond=self.beyond,
            quantity=measurement.quantity,
            of=(measurement.id, passage),
            reason=held.reason,
            caveats=tuple(notes),
        )


def turned(status: Status) -> Status:
    """Met for not met, and the other way round."""
    return {Status.MET: Status.NOT_MET, Status.NOT_MET: Status.MET}.get(status, status)


def rules_of(disease: Disease, criterion: DiseaseCriterion, cards: Mapping[str, Card]) -> list[Rule]:
    """The limits of one criterion, several where it has one for each sex or age; none where the card is not there."""
    card = cards.get(criterion.card)
    if card is None:
        return []
    category = criterion.category or disease.name
    return [
        Rule(card, limit, criterion.name, category, criterion.beyond, criterion.caveat)
        for limit in criterion.limits(card, disease.name)
    ]


def every_rule(cards: Mapping[str, Card]) -> Iterator[Rule]:
    """Every limit that may be held against a measurement: of the criteria, then of cards that say what theirs mean."""
    taken: set[tuple[str, str]] = set()
    for disease in diseases():
        for criterion in disease.criteria:
            for rule in rules_of(disease, criterion, cards):
                taken.add((rule.card.id, rule.limit.name))
                yield rule
    for card in cards.values():
        yield from (rule for rule in own_rules(card) if (card.id, rule.limit.name) not in taken)


def own_rules(card: Card) -> Iterator[Rule]:
    """The limits of a card as it stands, those that mean something."""
    for limit in card.thresholds:
        if limit.meaning and limit.comparison != "=":
            yield Rule(card, limit, limit.name, limit.meaning)


def passage_of(card: Card) -> Passage:
    """A card as evidence; it was named, so its relevance is 1."""
    return Passage(
        card=card.id,
        title=card.title,
        text=card.text,
        source=card.source,
        locator=card.locator,
        thresholds=card.thresholds,
        relevance=1.0,
    )


def measurements(context: Context, image: str) -> list[Measurement]:
    """What was measured on an image; of one structure's quantity measured twice, the later."""
    latest: dict[tuple[str, str], Measurement] = {}
    for item in context.evidence.values():
        if isinstance(item, Measurement) and item.image == image:
            latest[item.target, item.quantity.name] = item
    return list(latest.values())


def sightings(context: Context, image: str, targets: Sequence[str]) -> list[Evidence]:
    """Masks, boxes and absences of any of these structures on an image, the latest of each structure."""
    latest: dict[str, Evidence] = {}
    for item in context.evidence.values():
        if not isinstance(item, Mask | Region | Absence) or item.image != image:
            continue
        if any(named_alike(item.target, target) for target in targets):
            latest[item.target] = item
    return list(latest.values())
