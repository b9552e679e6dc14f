"""What a measurement means: held by code against the limits of the library, with both as evidence."""

from typing import ClassVar

from pydantic import Field

from knowledge.case import Modality
from knowledge.evidence import Evidence, Measurement, Passage, Status
from knowledge.holding import Held
from tools.backends import Target
from tools.guideline_limits import Rule, cards_of, diseases, every_rule, own_rules, passage_of, statements
from tools.measurable import Measurable
from tools.tool import Context, ImageArguments, Services, Tool, ToolRefusal

MOST = 6
"""Limits that are held against one measurement."""


class GuidelineArguments(ImageArguments):
    """Which measurement is held against which limits."""

    measurement: str = Field(max_length=64, description='Evidence id of the measurement to judge, such as "E4".')
    passage: str | None = Field(
        default=None,
        max_length=64,
        description="Evidence id of the passage whose limits apply; left out: every limit of the library that is about "
        "what was measured.",
    )
    limit: str | None = Field(
        default=None, max_length=200, description="Name of the one limit to apply, as its passage gives it."
    )


class Guideline(Tool):
    """The category of a measurement by the limits of guidelines and papers."""

    name: ClassVar[str] = "guideline"
    description: ClassVar[str] = (
        "Says what a recorded measurement means: holds it, by code, against the limits of the library that are about "
        "this structure and quantity (is it enlarged, aneurysmal, within the normal range), and returns each limit's "
        "passage and the category. It refuses where unit, pixel size, population or meaning do not fit. Measure "
        "first; never apply a limit yourself."
    )
    purpose: ClassVar[str] = "Holding the measurement against published limits"
    arguments: ClassVar[type[GuidelineArguments]] = GuidelineArguments
    returns: ClassVar[tuple[str, ...]] = ("passage", "criterion")
    intents: ClassVar[tuple[str, ...]] = (
        "is this aorta aneurysmal",
        "is that enlarged",
        "what does this measurement mean",
        "is the value beyond the normal limit",
    )
    version: ClassVar[str] = "1"

    def targets(self, services: Services) -> tuple[Target, ...]:
        """Structures that a limit is about, each with the measurable quantities as synonyms: "spleen volume"."""
        measurable = {name.value.lower() for name in Measurable}
        found: dict[str, set[Modality]] = {}
        quantities: dict[str, set[str]] = {}
        for disease in diseases():
            for criterion in disease.criteria:
                wanted = measurable & {name.lower() for name in criterion.quantity}
                for name in criterion.target if criterion.limit and wanted else ():
                    found.setdefault(name, set()).update(disease.modality)
                    quantities.setdefault(name, set()).update(f"{name} {quantity}" for quantity in wanted)
        return tuple(
            Target(name=name, synonyms=tuple(sorted(quantities[name])), modalities=tuple(sorted(where)))
            for name, where in sorted(found.items())
        )

    def run(self, arguments: GuidelineArguments, context: Context) -> list[Evidence]:
        """The passages of the limits that fit, and what each means for the measurement.

        Raises:
            ToolRefusal: It is no measurement of this image, or no limit fits it, and why.
        """
        image = context.image(arguments.image)
        measurement = context.find(arguments.measurement)
        if not isinstance(measurement, Measurement):
            known = [item.id for item in context.evidence.values() if isinstance(item, Measurement)]
            raise ToolRefusal(f"{measurement.id} is a {measurement.kind}, and no measurement.", known=known)
        if measurement.image != image.id:
            raise ToolRefusal(f"{measurement.id} was measured on {measurement.image}, not on {image.id}.")
        rules = _rules(arguments, context)
        said = statements(context)
        held = [(rule, rule.held(measurement, image, context.case.patient, said)) for rule in rules]
        fitting = [(rule, one) for rule, one in held if one.status is not Status.NOT_ASSESSED][:MOST]
        if not fitting:
            raise ToolRefusal(_why_none(measurement, held), target=measurement.target)
        return _evidence(measurement, fitting, arguments.passage)


def _rules(arguments: GuidelineArguments, context: Context) -> list[Rule]:
    """The limits that were asked for."""
    cards = cards_of(context)
    if arguments.passage is None:
        rules = list(every_rule(cards))
    else:
        passage = context.find(arguments.passage)
        if not isinstance(passage, Passage):
            known = [item.id for item in context.evidence.values() if isinstance(item, Passage)]
            raise ToolRefusal(f"{passage.id} is a {passage.kind}, and no passage.", known=known)
        card = cards.get(passage.card)
        if card is None or card.thresholds != passage.thresholds:
            raise ToolRefusal(f"The limits of {passage.id} are not those of the library's card {passage.card!r}.")
        known_rules = [rule for rule in every_rule({card.id: card}) if rule.card.id == card.id]
        named = {rule.limit.name for rule in known_rules}
        rules = [*known_rules, *(rule for rule in own_rules(card) if rule.limit.name not in named)]
    if arguments.limit is None:
        return rules
    asked = [rule for rule in rules if rule.limit.name == arguments.limit]
    if not asked:
        names = list(dict.fromkeys(rule.limit.name for rule in rules))
        raise ToolRefusal(f"There is no limit {arguments.limit!r} here.", known=names[:20])
    return asked


def _why_none(measurement: Measurement, held: list[tuple[Rule, Held]]) -> str:
    """The most telling reason: that of a limit which is about what was measured, where there is one."""
    what = f"the {measurement.quantity.name} of the {measurement.target}"
    telling = [f"{rule.limit.name}: {one.reason}" for rule, one in held if one.misfit not in ("", "meaning")]
    if telling:
        return f"No limit can be held against {what}: {'; '.join(dict.fromkeys(telling[:2]))}."
    if len(held) == 1:
        return f"That limit cannot be held against {what}: {held[0][1].reason}."
    return f"No limit of the library is about {what}."


def _evidence(measurement: Measurement, fitting: list[tuple[Rule, Held]], passage: str | None) -> list[Evidence]:
    """Each card's passage once, unless it was filed before, each followed by what its limits mean."""
    found: list[Evidence] = []
    for card in {rule.card.id: rule.card for rule, _ in fitting}.values():
        place = passage
        if place is None:
            found.append(passage_of(card))
            place = f"#{len(found)}"
        found += [rule.criterion(measurement, one, place) for rule, one in fitting if rule.card.id == card.id]
    return found
