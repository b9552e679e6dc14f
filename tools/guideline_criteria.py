"""The criteria of a disease from several sources, each held against what is on record: met, not met, not assessed."""

from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

from pydantic import Field

from knowledge.card import Card
from knowledge.case import Image
from knowledge.disease import Disease, DiseaseCriterion
from knowledge.evidence import Absence, Appraisal, Criterion, Evidence, Mask, Region, Side, Status
from tools.backends import Target
from tools.guideline_limits import (
    Rule,
    cards_of,
    diseases,
    measurements,
    own_rules,
    passage_of,
    rules_of,
    sightings,
    statements,
)
from tools.tool import Context, ImageArguments, Services, Tool, ToolRefusal

MOST = 8
"""Diseases that are appraised in one call."""


class CriteriaArguments(ImageArguments):
    """Which disease is held against an image's evidence."""

    disease: str | None = Field(
        default=None,
        max_length=120,
        description='The candidate, such as "splenomegaly"; left out: every one that something on record speaks to.',
    )


class Criteria(Tool):
    """Guideline-grounded appraisal of candidate diseases."""

    name: ClassVar[str] = "criteria"
    description: ClassVar[str] = (
        "Holds the published criteria of a candidate disease, from several sources, against what was measured and "
        "seen on an image. Returns each source's passage, each criterion as met, not met, open or not assessed, and "
        "an appraisal with the guideline recall. Use it for a differential; measure and segment first."
    )
    purpose: ClassVar[str] = "Going through the criteria of guidelines"
    arguments: ClassVar[type[CriteriaArguments]] = CriteriaArguments
    returns: ClassVar[tuple[str, ...]] = ("passage", "criterion", "appraisal")
    intents: ClassVar[tuple[str, ...]] = (
        "what could this be",
        "what is the differential diagnosis",
        "does this meet the criteria",
        "which disease fits these findings",
    )
    examples: ClassVar[tuple[dict[str, Any], ...]] = (
        {"image": "I1", "disease": "cardiomegaly"},
        {"image": "I1", "disease": "abdominal aortic aneurysm"},
    )
    version: ClassVar[str] = "1"

    def targets(self, services: Services) -> tuple[Target, ...]:
        """The diseases whose criteria are known, each with the structures and findings they are about."""
        return tuple(
            Target(
                name=disease.name.lower(),
                synonyms=tuple(name for name in disease.names if name != disease.name.lower()),
                parts=tuple(dict.fromkeys(name for criterion in disease.criteria for name in criterion.target)),
                modalities=disease.modality,
            )
            for disease in diseases()
        )

    def run(self, arguments: CriteriaArguments, context: Context) -> list[Evidence]:
        """For each disease its passages, its criteria, and an appraisal for each side it was assessed on.

        Raises:
            ToolRefusal: The disease has no criteria here, or nothing on record speaks to any.
        """
        image = context.image(arguments.image)
        cards = cards_of(context)
        appraiser = _Appraiser(context, image, cards)
        if arguments.disease is not None:
            appraiser.appraise(_named(arguments.disease, cards))
            return appraiser.found
        fitting = [one for one in diseases() if not one.modality or image.modality in one.modality]
        touched = [one for one in fitting if appraiser.touches(one)][:MOST]
        if not touched:
            raise ToolRefusal(
                f"Nothing on record of {image.id} speaks to a criterion of any disease that is known here.",
                known=[one.name for one in fitting],
            )
        for disease in touched:
            appraiser.appraise(disease)
        return appraiser.found


def _named(asked: str, cards: dict[str, Card]) -> Disease:
    """The disease of that name, or one made of the library's limits that mean it."""
    name = " ".join(asked.lower().split())
    for disease in diseases():
        if name in disease.names:
            return disease
    criteria = tuple(
        DiseaseCriterion(
            name=f"{rule.limit.name} ({card.id})", card=card.id, limit=rule.limit.name, category=rule.category,
            target=tuple(name.lower() for name in rule.limit.target), quantity=rule.limit.quantity,
        )
        for card in cards.values()
        for rule in own_rules(card)
        if rule.category.lower() == name and rule.limit.target and rule.limit.quantity
    )  # fmt: skip
    if not criteria:
        known = [disease.name for disease in diseases()]
        raise ToolRefusal(f"There are no criteria of {asked[:120]!r} here.", target=asked[:120], known=known)
    return Disease(name=name, criteria=criteria)


class _Assessed(NamedTuple):
    """A criterion held against one thing on record; `name` tells criteria apart."""

    name: str
    evidence: Criterion


class _Appraiser:
    """Appraises diseases one after the other and collects the evidence of one call."""

    def __init__(self, context: Context, image: Image, cards: dict[str, Card]) -> None:
        self.context, self.image, self.cards = context, image, cards
        self.said = statements(context)
        self.measured = measurements(context, image.id)
        self.found: list[Evidence] = []
        self._passages: dict[str, str] = {}

    def touches(self, disease: Disease) -> bool:
        """Whether something on record decides one of its criteria, or comes near to."""
        decided = [one for criterion in disease.criteria for one in self._assess(disease, criterion, "#0")]
        return any(one.evidence.status is not Status.NOT_ASSESSED for one in decided)

    def appraise(self, disease: Disease) -> None:
        """File the disease's passages, its criteria, and an appraisal for each side."""
        assessed: list[_Assessed] = []
        for criterion in disease.criteria:
            passage = self._passage(criterion.card)
            assessed += self._assess(disease, criterion, passage) or [
                _Assessed(criterion.name, self._unassessed(disease, criterion, passage))
            ]
        places: list[tuple[_Assessed, str]] = []
        for one in assessed:
            self.found.append(one.evidence)
            places.append((one, f"#{len(self.found)}"))
        sides = dict.fromkeys(one.evidence.side for one in assessed if one.evidence.side in _SIDES)
        for side in sides or (None,):
            self.found.append(self._appraisal(disease, side, places))

    def _appraisal(self, disease: Disease, side: Side | None, places: list[tuple[_Assessed, str]]) -> Appraisal:
        chosen: dict[str, tuple[Criterion, str]] = {}
        for one, place in places:
            # Each criterion counts once: on its own side, and of several structures by the most telling.
            if one.evidence.side in (side, None) or one.evidence.side not in _SIDES:
                before = chosen.get(one.name)
                if before is None or _ORDER[one.evidence.status] < _ORDER[before[0].status]:
                    chosen[one.name] = (one.evidence, place)
        statuses = [criterion.status for criterion, _ in chosen.values()]
        names = {one.name: one.card for one in disease.criteria}
        sources = {self._source(names[name]) for name in chosen if names[name] in self.cards}
        return Appraisal(
            image=self.image.id,
            disease=disease.name,
            side=side,
            needs=disease.needs,
            of=tuple(place for _, place in chosen.values()),
            met=statuses.count(Status.MET),
            not_met=statuses.count(Status.NOT_MET),
            open=statuses.count(Status.OPEN),
            not_assessed=statuses.count(Status.NOT_ASSESSED),
            sources=max(1, len(sources)),
            caveats=tuple(dict.fromkeys(caveat for criterion, _ in chosen.values() for caveat in criterion.caveats)),
        )

    def _source(self, card: str) -> str:
        source = self.cards[card].source
        return source.doi or source.url or card

    def _passage(self, card: str) -> str:
        """The place of a card's passage among what is filed; empty where the library does not have it."""
        if card not in self.cards:
            return ""
        if card not in self._passages:
            self.found.append(passage_of(self.cards[card]))
            self._passages[card] = f"#{len(self.found)}"
        return self._passages[card]

    def _assess(self, disease: Disease, criterion: DiseaseCriterion, passage: str) -> list[_Assessed]:
        """The criterion held against everything on record that it is about."""
        if criterion.finding is not None:
            return [_Assessed(criterion.name, one) for one in self._sighted(disease, criterion, passage)]
        rules = rules_of(disease, criterion, self.cards)
        return [_Assessed(criterion.name, one) for one in self._measured(rules, passage)]

    def _measured(self, rules: list[Rule], passage: str) -> Iterator[Criterion]:
        for measurement in self.measured:
            held = [(rule, rule.held(measurement, self.image, self.context.case.patient, self.said)) for rule in rules]
            about = [(rule, one) for rule, one in held if one.misfit != "meaning"]
            if about:
                # Of a limit for each sex, the patient's; where none fits, the first says why.
                rule, one = next((pair for pair in about if pair[1].misfit != "population"), about[0])
                yield rule.criterion(measurement, one, passage)

    def _sighted(self, disease: Disease, criterion: DiseaseCriterion, passage: str) -> Iterator[Criterion]:
        for item in sightings(self.context, self.image.id, criterion.target):
            if not isinstance(item, Mask | Region | Absence):
                continue
            wanted = criterion.finding == "present"
            yield Criterion(
                image=self.image.id,
                name=criterion.name,
                category=criterion.category or disease.name,
                target=item.target,
                side=item.side,
                status=Status.MET if isinstance(item, Absence) != wanted else Status.NOT_MET,
                beyond=not wanted,
                of=tuple(filter(None, (item.id, passage))),
                caveats=item.caveats,
            )

    def _unassessed(self, disease: Disease, criterion: DiseaseCriterion, passage: str) -> Criterion:
        if not passage:
            reason = f"the library has no card {criterion.card}"
        elif criterion.limit is not None:
            what = f"the {' or '.join(criterion.quantity)} of the {criterion.target[0]}"
            reason = f"{what} was not measured on {self.image.id}"
        elif criterion.finding is not None:
            reason = f"the {criterion.target[0]} was not looked for on {self.image.id}"
        else:
            reason = "a reader must assess it"
        return Criterion(
            image=self.image.id,
            name=criterion.name,
            category=criterion.category or disease.name,
            target=criterion.target[0] if criterion.target else disease.name,
            status=Status.NOT_ASSESSED,
            of=(passage,) if passage else (),
            reason=reason,
        )


_SIDES = (Side.LEFT, Side.RIGHT)
_ORDER = {Status.MET: 0, Status.OPEN: 1, Status.NOT_MET: 2, Status.NOT_ASSESSED: 3}
