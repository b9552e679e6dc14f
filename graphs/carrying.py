"""Whether cited evidence carries the figures of a sentence, for the target and the name they stand with."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from graphs.assertion import Assertion, Finding, contradicted, unsupported
from graphs.comparing import check_range, check_relation, says_uncertain
from graphs.grounds import Ground
from graphs.lexicon import MUST_BE_NAMED, SIDES
from graphs.mentions import Mention, Naming, governed
from graphs.reading_numbers import Figure, unit_of
from graphs.reading_words import FUNCTION_STEMS, Polarity, stems
from knowledge.evidence import TRUNCATED, Appraisal, Criterion, Passage, Statement
from knowledge.quantity import Unit

_REFERENCE = stems(
    """limit threshold cutoff cut-off reference normal value range guideline criterion criteria above below exceeds than
    between recommends recommended according upper lower published passage defines defined adults beyond under over"""
)
_RANGES = stems("range ranges ranging between from")


def figure_findings(assertion: Assertion) -> Iterator[Finding]:
    """Faults of the sentence's figures, group by group."""
    groups = [tuple(group) for _, group in groupby(assertion.reading.figures, key=lambda figure: figure.group)]
    spoken = _spoken(assertion)
    owned = [group[0].start for group in groups if not _is_ordinal(group[0])]
    named = [group[0].start for group in groups if not _is_count(group[0])]
    targets = dict(zip(owned, governed(len(spoken), [mention.start for mention in spoken], owned), strict=True))
    places = [naming.start for naming in assertion.namings]
    names = dict(zip(named, governed(len(places), places, named), strict=True))
    if trailing := _trailing(assertion, spoken, owned, targets):
        yield unsupported(f"what the sentence says of {trailing!r} cannot be read; give it its own sentence")
    for group in groups:
        start = group[0].start
        mentions = tuple(spoken[index] for index in targets.get(start, ()))
        chosen = names.get(start, ())
        naming = assertion.namings[chosen[-1]] if chosen else None
        yield from _group_findings(assertion, group, mentions, naming)


def _trailing(
    assertion: Assertion, spoken: Sequence[Mention], owned: Sequence[int], targets: Mapping[int, tuple[int, ...]]
) -> str:
    """A structure after the last figure that the sentence says nothing of, as in "... and the right lung too"."""
    if not owned or not spoken or spoken[-1].start < owned[-1] or spoken[0].start > owned[0]:
        return ""
    if any(len(spoken) - 1 in governing for governing in targets.values()):
        return ""
    named = {index for mention in spoken for index in mention.words}
    after = [
        word
        for index, word in enumerate(assertion.reading.words)
        if word.start > owned[-1] and index not in named and word.stem not in FUNCTION_STEMS and word.text not in SIDES
    ]
    return "" if after else assertion.sentence.text[spoken[-1].start : spoken[-1].end]


def _is_ordinal(figure: Figure) -> bool:
    """A slice's number, a year or a number word, which belongs to no target."""
    return figure.dimension == "slice" or _is_count(figure)


def _is_count(figure: Figure) -> bool:
    """A year or a number word without unit, which has no name."""
    year = figure.dimension is None and figure.decimals == 0 and 1800 <= figure.value <= 2200
    return year or (figure.word and figure.dimension is None)


def _spoken(assertion: Assertion) -> list[Mention]:
    """Mentions that may govern figures: "both lungs" only introduces the sides named after it."""
    found = list(assertion.mentions)
    sided = [mention for mention in found if mention.side in ("left", "right")]
    if sided:
        found = [mention for mention in found if mention.side or not mention.plural]
    named = {mention.subject for mention in found if mention.subject}
    if len(named) == 1 and any(not mention.subject for mention in found):
        # "The kidney measures 5 mL on the left and 6 mL on the right": one structure, two sides.
        (subject,) = named
        found = [replace(mention, subject=subject) for mention in found if mention.side]
    unique: list[Mention] = []
    for mention in found:
        if unique and (mention.subject, mention.side) == (unique[-1].subject, unique[-1].side):
            continue
        unique.append(mention)
    return unique


def _group_findings(
    assertion: Assertion, group: Sequence[Figure], mentions: Sequence[Mention], naming: Naming | None
) -> Iterator[Finding]:
    cited = assertion.sentence.cited_at(group[0].start)
    grounds = [ground for ground in assertion.grounds if ground.id in cited]
    pictured = _image_at(assertion, group[0].start)
    fitting = [ground for ground in grounds if _fits(ground, mentions) and pictured in (None, ground.evidence.image)]
    denied = assertion.reading.at(group[0].start) is not Polarity.AFFIRMED
    if _measured(group, fitting, naming, assertion):
        if denied and group[0].relation is None:
            yield contradicted(f"{group[0].text} is what was measured, but the sentence denies it")
        return
    ends = {figure.role: figure for figure in group}
    if "low" in ends and "high" in ends and _in_passage(ends["low"], grounds, assertion):
        yield from _range_findings(assertion, ends["low"], ends["high"], mentions, naming)
    for figure in group:
        if _recorded(figure, grounds, assertion) or _in_text(figure, grounds, assertion):
            continue
        if _in_passage(figure, grounds, assertion):
            yield from _relation_findings(assertion, figure, mentions, naming)
            continue
        yield _missing(figure, group, grounds, fitting, mentions, naming)
        return


def _image_at(assertion: Assertion, position: int) -> str | None:
    """The image that the sentence names before a figure, or after it where none stands before."""
    named = [(match.start(), match[0]) for match in re.finditer(r"\bI\d+\b", assertion.sentence.text)]
    before = [name for start, name in named if start < position]
    return before[-1] if before else named[0][1] if named else None


def _fits(ground: Ground, mentions: Sequence[Mention]) -> bool:
    if not mentions:
        return True
    if len(mentions) == 1:
        return ground.speaks_of(mentions[0], strict=True)
    sides = {mention.side for mention in mentions}
    subjects = {mention.subject for mention in mentions if mention.subject}
    if sides >= {"left", "right"} and len(subjects) <= 1:
        whole = Mention(next(iter(subjects), ()), "both", True, 0, 0)
        return ground.speaks_of(whole)
    return ground.speaks_of(mentions[-1], strict=True)


def _named(ground: Ground, naming: Naming | None, place: int | None) -> bool:
    """Whether the name in the sentence is the quantity's, or none is needed."""
    tags = ground.tags
    said = naming.tags if naming else frozenset()
    if place == 0:
        said -= {"short"}
    elif place == 1 and "short" in tags:
        said = (said - {"long", "max"}) | {"short"}
    # "Largest diameter" and "longest diameter" are one.
    if tags & {"long", "max"} and said & {"long", "max"}:
        tags, said = tags - {"max"} | {"long"}, said - {"max"} | {"long"}
    return said <= tags and tags & MUST_BE_NAMED <= said


def _measured(group: Sequence[Figure], grounds: Sequence[Ground], naming: Naming | None, assertion: Assertion) -> bool:
    """Whether one recorded quantity prints as this group: its value, its interval, or both."""
    products = [figure for figure in group if figure.place is not None]
    if products:
        return all(
            any(_prints(figure, ground, assertion) and _named(ground, naming, figure.place) for ground in grounds)
            for figure in products
        )
    for ground in grounds:
        if _named(ground, naming, None) and all(_prints(figure, ground, assertion) for figure in group):
            return True
    return _spread(group, grounds, naming, assertion) or _extremes(group, grounds, assertion)


def _prints(figure: Figure, ground: Ground, assertion: Assertion) -> bool:
    quantity = ground.quantity
    if quantity is None or figure.dimension != _dimension(ground, figure):
        return False
    factor = ground.dimension[1]
    match figure.role:
        case "low":
            return quantity.low is not None and figure.prints(quantity.low, factor, quantity.decimals)
        case "high":
            return quantity.high is not None and figure.prints(quantity.high, factor, quantity.decimals)
        case "spread":
            if quantity.low is None or quantity.high is None:
                return False
            return figure.prints(quantity.value - quantity.low, factor) and figure.prints(
                quantity.high - quantity.value, factor
            )
    if figure.relation == ">" and TRUNCATED in ground.evidence.caveats and assertion.reading.has("may", "be"):
        return figure.prints(quantity.value, factor, quantity.decimals)  # "may be larger than"
    if figure.relation in (">", "<"):
        return False
    if figure.relation and (figure.factor != factor or figure.decimals < quantity.decimals):
        return False  # rounding may carry a bound to its wrong side
    if figure.relation == ">=":
        whole = TRUNCATED in ground.evidence.caveats and figure.prints(quantity.value, factor)
        return whole or (quantity.low is not None and figure.prints(quantity.low, factor))
    if figure.relation == "<=":
        return quantity.high is not None and figure.prints(quantity.high, factor)
    return figure.prints(quantity.value, factor, quantity.decimals)


def _dimension(ground: Ground, figure: Figure) -> str | None:
    """A count of slices may be printed as "12 slices" or as "slice 12" was meant."""
    dimension = ground.dimension[0]
    if dimension == "slice" and figure.dimension in ("slice", "slices"):
        return figure.dimension
    return dimension


def _spread(group: Sequence[Figure], grounds: Sequence[Ground], naming: Naming | None, assertion: Assertion) -> bool:
    """ "-780 ± 50 HU" as a recorded mean with a recorded standard deviation of the same target."""
    if len(group) != 2 or group[1].role != "spread":
        return False
    return any(
        _prints(group[0], mean, assertion)
        and _named(mean, naming, None)
        and other.quantity is not None
        and "sd" in other.tags
        and (other.subject, other.side) == (mean.subject, mean.side)
        and group[1].dimension == other.dimension[0]
        and group[1].prints(other.quantity.value, other.dimension[1])
        for mean in grounds
        for other in grounds
    )


def _extremes(group: Sequence[Figure], grounds: Sequence[Ground], assertion: Assertion) -> bool:
    """ "from -950 to -400 HU" as a recorded minimum and maximum of the same target."""
    if [figure.role for figure in group] != ["low", "high"]:
        return False
    if not any(word.stem in _RANGES for word in assertion.reading.words):
        return False
    return any(
        low.quantity is not None
        and high.quantity is not None
        and "min" in low.tags
        and "max" in high.tags
        and low.tags - {"min"} == high.tags - {"max"}
        and (low.subject, low.side) == (high.subject, high.side)
        and group[0].dimension == low.dimension[0] == high.dimension[0] == group[1].dimension
        and group[0].prints(low.quantity.value, low.dimension[1])
        and group[1].prints(high.quantity.value, high.dimension[1])
        for low in grounds
        for high in grounds
    )


def _recorded(figure: Figure, grounds: Sequence[Ground], assertion: Assertion) -> bool:
    said = {word.stem for word in assertion.reading.words}
    return any(
        figure.dimension == item.dimension
        and (not item.word or item.word in said)
        and (
            figure.role == item.role or (figure.role == "value" and item.role in ("low", "high")) or item.word == "box"
        )
        and figure.prints(item.value)
        for ground in grounds
        for item in ground.recorded
    )


def _in_text(figure: Figure, grounds: Sequence[Ground], assertion: Assertion) -> bool:
    return any(
        figure.same(other) and figure.relation == other.relation and figure.role in (other.role, "value")
        for ground in grounds
        # A criterion's figures are those of its measurement and its passage, which must be cited for them.
        if not isinstance(ground.evidence, Passage | Criterion | Appraisal)
        and (assertion.attributed or not isinstance(ground.evidence, Statement))
        for other in ground.figures
    )


def _in_passage(figure: Figure, grounds: Sequence[Ground], assertion: Assertion) -> bool:
    """Whether a passage has the figure; beside a measurement the sentence must say that it is a reference."""
    passages = [ground for ground in grounds if isinstance(ground.evidence, Passage)]
    if not passages:
        return False
    if not assertion.about_medicine and figure.relation is None and not _is_ordinal(figure):
        start = max(
            (
                other.end
                for other in assertion.reading.figures
                if other.end <= figure.start and other.group != figure.group
            ),
            default=0,
        )
        near = {word.stem for word in assertion.reading.words if start <= word.start < figure.start}
        quoted = assertion.reading.text[: figure.start].count('"') % 2 or (
            assertion.reading.text[: figure.start].count("“") > assertion.reading.text[: figure.start].count("”")
        )
        if not near & _REFERENCE and not quoted:
            return False
    # Beside a measurement the relation is the sentence's own, and is checked against the measured value.
    free = not assertion.about_medicine and figure.relation is not None
    return any(
        figure.same(other) and figure.role == other.role and (free or figure.relation == other.relation)
        for ground in passages
        for other in ground.figures
    ) or any(_is_threshold(figure, ground, free) for ground in passages)


def _is_threshold(figure: Figure, ground: Ground, free: bool) -> bool:
    if not isinstance(ground.evidence, Passage):
        return False
    for threshold in ground.evidence.thresholds:
        unit = unit_of(threshold.unit)
        if unit is None or unit[0] != figure.dimension:
            continue
        ends = {"value": threshold.value, "low": threshold.value, "high": threshold.high}
        end = ends.get(figure.role)
        between = threshold.comparison == "between"
        if end is None or (figure.role in ("low", "high")) != between:
            continue
        if (free or figure.relation in (None, threshold.comparison)) and abs(
            figure.value * figure.factor - end * unit[1]
        ) < 1e-9:
            return True
    return False


_INSIDE = re.compile(
    r"\b(within|inside|in|outside|out of|beyond)(?: the| a)?(?: \w+){0,3} range(?: of| from)?\s*$", re.IGNORECASE
)


def _comparable(
    assertion: Assertion, figure: Figure, mentions: Sequence[Mention], naming: Naming | None
) -> list[Ground]:
    """Cited measurements that a passage's figure may be held against."""
    tags = naming.tags if naming else frozenset()
    return [
        ground
        for ground in assertion.grounds
        if ground.quantity is not None
        and (ground.dimension[0] == figure.dimension or (figure.dimension == "%" and "ratio" in ground.tags))
        and _fits(ground, mentions)
        and (tags <= ground.tags or not tags & ground.tags)
    ]


def _relation_findings(
    assertion: Assertion, figure: Figure, mentions: Sequence[Mention], naming: Naming | None
) -> Iterator[Finding]:
    if figure.relation is None or assertion.about_medicine or (assertion.cannot and assertion.cannot_because):
        return
    comparable = _comparable(assertion, figure, mentions, naming)
    if not comparable and any(ground.quantity is not None for ground in assertion.grounds):
        yield unsupported(
            f"no cited measurement can be held against {figure.text}; give the reference its own sentence"
        )
    if objection := check_relation(figure, comparable, says_uncertain(assertion.reading)):
        yield contradicted(objection.reason) if objection.false else unsupported(objection.reason)


def _range_findings(
    assertion: Assertion, low: Figure, high: Figure, mentions: Sequence[Mention], naming: Naming | None
) -> Iterator[Finding]:
    match = _INSIDE.search(assertion.reading.text[: low.start])
    if match is None or assertion.about_medicine or (assertion.cannot and assertion.cannot_because):
        return
    comparable = _comparable(assertion, low, mentions, naming)
    if not comparable:
        yield unsupported(f"no cited measurement can be held against {low.text} to {high.text}")
    inside = match[1].lower() in ("within", "inside", "in")
    if assertion.reading.at(low.start) is not Polarity.AFFIRMED:
        inside = not inside
    if objection := check_range(low, high, comparable, inside):
        yield contradicted(objection.reason) if objection.false else unsupported(objection.reason)


def _missing(
    figure: Figure,
    group: Sequence[Figure],
    grounds: Sequence[Ground],
    fitting: Sequence[Ground],
    mentions: Sequence[Mention],
    naming: Naming | None,
) -> Finding:
    """Say why the figure is not carried, as exactly as can be said."""
    for ground in grounds:
        quantity = ground.quantity
        if (
            quantity is None
            or figure.dimension != ground.dimension[0]
            or not figure.prints(quantity.value, ground.dimension[1])
        ):
            continue
        told = f"{figure.text} is the {quantity.name} of {ground.target or 'its target'} ({ground.id})"
        if ground not in fitting:
            return contradicted(f"{told}, not of what the sentence names")
        if figure.relation is not None:
            return contradicted(f"{told}: the recorded value itself, not a bound of it")
        if not _named(ground, naming, figure.place):
            return contradicted(f"{told}; call it by that name")
    for ground in fitting:
        quantity = ground.quantity
        if quantity is None or (not mentions and len(fitting) > 1):
            continue
        if ground.dimension[0] == figure.dimension and _named(ground, naming, figure.place):
            return contradicted(f"{ground.id} records {quantity.name} {quantity.text()}, not {figure.text}")
        if figure.dimension is None and quantity.unit not in (Unit.ONE, Unit.COUNT):
            return unsupported(f"{figure.text} has no unit; {ground.id} records {quantity.name} {quantity.text()}")
        if _length_for_pixels(figure, ground):
            return contradicted(f"{ground.id} is in pixels, and no physical size is known; {figure.text} is physical")
    return unsupported(
        f"no cited evidence records {figure.text}; write measurements as recorded, and compute nothing from them"
    )


def _length_for_pixels(figure: Figure, ground: Ground) -> bool:
    return figure.dimension in ("length", "area", "volume") and str(ground.dimension[0]).startswith("px")
