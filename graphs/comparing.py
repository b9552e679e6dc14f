"""Measured values held against the limits of cited passages, in code and never by wording alone."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from graphs.grounds import Ground
from graphs.lexicon import GRADED, POLES, REFERENCE_NOUNS
from graphs.mentions import tags_of
from graphs.reading_numbers import Figure, Relation, unit_of
from graphs.reading_words import Polarity, Reading, Word, stem, stems
from knowledge.case import Case
from knowledge.evidence import TRUNCATED, Passage
from knowledge.quantity import Quantity
from knowledge.threshold import Threshold, compares

_GRADED = stems(GRADED)
_POLES = {stem(word): (stem(other), sign) for word, (other, sign) in POLES.items()}
_ABOVE = frozenset("above over beyond exceed exceeds exceeding exceeded".split())
_BELOW = frozenset("below under".split())
_NEUTRAL = stems("value values size measurement of the a an in")
_WOMEN, _MEN = frozenset({"women", "woman", "female", "females"}), frozenset({"men", "man", "male", "males"})
_YOUNG = frozenset({"children", "child", "paediatric", "pediatric", "infants", "neonates"})


_UNCERTAIN = frozenset("uncertainty interval intervals uncertain".split())
_SPANS = frozenset("within span spans include includes overlap overlaps straddles contains".split())


@dataclass(frozen=True)
class Objection:
    """Why a comparison does not stand; `false` where code shows it to be wrong."""

    reason: str
    false: bool = False


@dataclass(frozen=True)
class LimitPhrase:
    """A comparison in words, such as "above the upper limit of normal"; `words` are its indices."""

    way: str
    polarity: Polarity
    words: range


def limit_phrases(reading: Reading) -> tuple[LimitPhrase, ...]:
    """Comparisons with a limit that is not given as a figure."""
    found = []
    for index, word in enumerate(reading.words):
        way = (
            "above" if word.text in _ABOVE else "below" if word.text in _BELOW
            else "within" if word.text == "within" else "outside" if word.text == "outside" else ""
        )  # fmt: skip
        if not way:
            continue
        for step in range(index + 1, min(index + 8, len(reading.words))):
            if reading.words[step].text.rstrip("s") in REFERENCE_NOUNS or reading.words[step].text in REFERENCE_NOUNS:
                end = step + 1
                while end < len(reading.words) and reading.words[end].text in ("of", "normal", "the", "for", "adults"):
                    end += 1
                between = reading.text[word.end : reading.words[step].end + 6]
                if not any(letter.isdigit() for letter in between):
                    found.append(LimitPhrase(way, reading.polarity[index], range(index, end)))
                break
    return tuple(found)


def check_phrase(
    phrase: LimitPhrase, measured: Sequence[Ground], passages: Sequence[Ground], case: Case
) -> Objection | None:
    """Hold a comparison in words against every limit that applies."""
    pairs = _pairs(measured, passages)
    if not pairs:
        return Objection("no cited passage has a machine-readable limit for a cited measurement")
    for ground, passage, threshold in pairs:
        if objection := _unfit(ground, threshold, case):
            return objection
        quantity = ground.quantity
        assert quantity is not None  # noqa: S101 - _pairs gives measurements only
        low, high = _ends(threshold)
        if phrase.way in ("within", "outside") and threshold.comparison != "between":
            return Objection(f"{passage.id} gives one limit, not a range; compare with its figure")
        holds = {
            "above": _holds(quantity, ground, ">", high),
            "below": _holds(quantity, ground, "<", low),
            "within": _between(quantity, ground, low, high),
            "outside": _not(_between(quantity, ground, low, high)),
        }[phrase.way]
        if phrase.polarity is Polarity.DENIED:
            holds = _not(holds)
        if objection := _verdict(
            holds, f"{quantity.text()} ({ground.id}) is not {phrase.way} the limit of {passage.id}"
        ):
            return objection
    return None


def says_uncertain(reading: Reading) -> bool:
    """Whether the sentence says that the limit lies within the measurement's uncertainty."""
    said = {word.text for word in reading.words}
    return bool(said & _UNCERTAIN and said & _SPANS)


def check_relation(figure: Figure, measured: Sequence[Ground], uncertain: bool) -> Objection | None:
    """Hold "above 0.5" against the measurements of the same kind.

    Args:
        figure: A passage's limit with the relation the sentence says the measurement has to it.
        measured: The measurements it may speak of.
        uncertain: Whether the sentence says that the limit lies within the uncertainty.
    """
    if figure.relation is None:
        return None
    for ground in measured:
        quantity = ground.quantity
        if quantity is None:
            continue
        if TRUNCATED in ground.evidence.caveats:
            return _cut_off(ground)
        share = 0.01 if figure.dimension == "%" and ground.dimension[0] is None else 1.0
        limit = figure.value * figure.factor * share
        holds = _holds(quantity, ground, figure.relation, limit)
        if uncertain:
            if holds is not None:
                return Objection(f"{figure.text} lies outside the uncertainty of {quantity.text()} ({ground.id})", True)
            holds = compares(quantity.value * ground.dimension[1], figure.relation, limit)
        wrong = f"{quantity.text()} ({ground.id}) is not {figure.relation} {figure.text}"
        if objection := _verdict(holds, wrong):
            return objection
    return None


def check_range(low: Figure, high: Figure, measured: Sequence[Ground], inside: bool) -> Objection | None:
    """Hold "within the range from 4 to 6 L", or outside it, against the measurements of the same kind."""
    for ground in measured:
        quantity = ground.quantity
        if quantity is None:
            continue
        if TRUNCATED in ground.evidence.caveats:
            return _cut_off(ground)
        holds = _between(quantity, ground, low.value * low.factor, high.value * high.factor)
        way = "within" if inside else "outside"
        wrong = f"{quantity.text()} ({ground.id}) does not lie {way} {low.text} to {high.text}"
        if objection := _verdict(holds if inside else _not(holds), wrong):
            return objection
    return None


_MORE = frozenset("larger greater higher bigger longer wider".split())
_LESS = frozenset("smaller lower less shorter narrower".split())


def is_order(reading: Reading) -> bool:
    """Whether it compares two figures, such as "the right lung, 6 mL, is larger than the left, 5 mL"."""
    values = [figure for figure in reading.figures if figure.role == "value"]
    if len(values) != 2 or any(figure.relation for figure in values):
        return False
    than = [
        after.start for word, after in pairwise(reading.words) if word.text in _MORE | _LESS and after.text == "than"
    ]
    return len(than) == 1 and values[0].end <= than[0] < values[1].start


def check_order(reading: Reading, measured: Sequence[Ground]) -> Objection | None:
    """Hold an order of two recorded values against the records; intervals that overlap must be said to."""
    first, second = (figure for figure in reading.figures if figure.role == "value")
    said = {word.text for word in reading.words}
    for one in measured:
        for other in measured:
            a, b = one.quantity, other.quantity
            if a is None or b is None or one is other or one.tags != other.tags or a.unit != b.unit:
                continue
            factor = one.dimension[1]
            if not (first.prints(a.value, factor) and second.prints(b.value, factor)):
                continue
            if (a.value > b.value) != bool(said & _MORE) or a.value == b.value:
                return Objection(f"{a.text()} ({one.id}) does not stand so to {b.text()} ({other.id})", True)
            cut = any(TRUNCATED in ground.evidence.caveats for ground in (one, other))
            if cut and not said & {"imaged", "part", "parts", "portion"}:
                return Objection("a structure that is cut off may be compared in its imaged part only; say so")
            if _overlap(a, b) and not said & {"overlap", "overlaps", "overlapping"}:
                return Objection("the uncertainty intervals of the two values overlap; say so")
            return None
    return Objection("the two figures are not of one quantity of two structures")


def _overlap(a: Quantity, b: Quantity) -> bool:
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return False
    return a.low <= b.high and b.low <= a.high


def no_limit_applies(measured: Sequence[Ground], passages: Sequence[Ground]) -> bool:
    """Whether no cited passage has a machine-readable limit for a cited measurement."""
    return not _pairs(measured, passages)


def _cut_off(ground: Ground) -> Objection:
    return Objection(f"a structure that is cut off ({ground.id}) cannot be compared with a normal value", True)


def check_assessment(
    words: Sequence[tuple[Word, Polarity]], measured: Sequence[Ground], passages: Sequence[Ground], case: Case
) -> Objection | None:
    """Hold words such as "enlarged" against the limit that the passage states beside them.

    The passage's sentence with the word and the limit says on which side of the limit the word
    holds. Within the limit, the opposite follows only for words of size and normality.
    """
    for spoken, polarity in words:
        word = spoken.stem
        supported = False
        for ground, passage, threshold in _pairs(measured, passages):
            if objection := _unfit(ground, threshold, case):
                return objection
            for relation, stated in _conditions(passage, threshold, word):
                quantity = ground.quantity
                assert quantity is not None  # noqa: S101 - _pairs gives measurements only
                low, high = _ends(threshold)
                holds = (
                    _between(quantity, ground, low, high) if relation == "between"
                    else _holds(quantity, ground, relation, low)
                )  # fmt: skip
                if holds is None:
                    return Objection(
                        f"the uncertainty of {quantity.text()} ({ground.id}) spans the limit of {passage.id}"
                    )
                if holds != (polarity is stated):
                    value = f"{quantity.text()} ({ground.id})"
                    return Objection(f"by {passage.id}, {value} means the opposite of {spoken.text!r}", True)
                if not holds and word not in _GRADED:
                    return Objection(
                        f"{passage.id} does not say what {spoken.text!r} is on the other side of its limit"
                    )
                supported = True
        if not supported:
            return Objection(
                f"{spoken.text!r} needs a cited passage that states a machine-readable limit beside that word, "
                "and a measurement the limit applies to"
            )
    return None


def _conditions(passage: Ground, threshold: Threshold, word: str) -> list[tuple[str, Polarity]]:
    """Relations under which a passage states a word, with the polarity it states it in."""
    base, sign = _POLES.get(word, (word, True))
    found: list[tuple[str, Polarity]] = []
    for named in stems(threshold.name):
        other, agrees = _POLES.get(named, (named, True))
        if other == base:
            found.append((threshold.comparison, Polarity.AFFIRMED if agrees == sign else Polarity.DENIED))
    for reading in passage.readings:
        for stated_word, polarity in zip(reading.words, reading.polarity, strict=True):
            other, agrees = _POLES.get(stated_word.stem, (stated_word.stem, True))
            if other != base or polarity is Polarity.OPEN:
                continue
            for figure in reading.figures:
                if not _is_limit(figure, threshold) or re.search(r"[,;:]", _between_text(reading, figure, stated_word)):
                    continue
                relation = "between" if figure.role == "low" else figure.relation
                if relation is None:
                    continue
                stated = polarity is Polarity.AFFIRMED
                if agrees != sign:
                    stated = not stated
                found.append((relation, Polarity.AFFIRMED if stated else Polarity.DENIED))
    return found


def _is_limit(figure: Figure, threshold: Threshold) -> bool:
    unit = unit_of(threshold.unit)
    if unit is None or figure.role == "high":
        return False
    value = figure.value * figure.factor
    if figure.dimension == "%" and unit[0] is None:
        value /= 100
    elif figure.dimension != unit[0]:
        return False
    return abs(value - threshold.value * unit[1]) <= 1e-9 * max(1.0, abs(value))


def _between_text(reading: Reading, figure: Figure, word: Word) -> str:
    """What stands between a limit and a word; a comma there begins another condition."""
    return reading.text[min(figure.end, word.end) : max(figure.start, word.start)]


def _pairs(measured: Sequence[Ground], passages: Sequence[Ground]) -> list[tuple[Ground, Ground, Threshold]]:
    return [
        (ground, passage, threshold)
        for ground in measured
        for passage in passages
        if isinstance(passage.evidence, Passage)
        for threshold in passage.evidence.thresholds
        if threshold.comparison != "=" and _applies(threshold, ground)
    ]


def _applies(threshold: Threshold, ground: Ground) -> bool:
    unit = unit_of(threshold.unit)
    if ground.quantity is None or unit is None or unit[0] != ground.dimension[0]:
        return False
    # After the comma a name says what the limit means; a mean is no limit.
    name = threshold.name.partition(",")[0]
    tags = tags_of(name)
    known = stems(ground.quantity.name) | stems(ground.target) | _NEUTRAL
    others = frozenset(word for word in stems(name) if not tags_of(word))
    return others <= known and tags <= ground.tags | tags_of(ground.target)


def _unfit(ground: Ground, threshold: Threshold, case: Case) -> Objection | None:
    if TRUNCATED in ground.evidence.caveats:
        return _cut_off(ground)
    words = frozenset(threshold.population.lower().replace(",", " ").split())
    age, sex = case.patient.age_years, case.patient.sex
    if (words & {"adults", "adult"} and age is not None and age < 18) or (
        words & _YOUNG and (age is None or age >= 18)
    ):
        return Objection(f"the limit is for {threshold.population}, and the patient is not known to be one of them")
    if (words & _WOMEN and not words & _MEN and sex != "female") or (
        words & _MEN and not words & _WOMEN and sex != "male"
    ):
        return Objection(f"the limit is for {threshold.population}, and the patient is not known to be one of them")
    return None


def _ends(threshold: Threshold) -> tuple[float, float]:
    unit = unit_of(threshold.unit) or (None, 1.0)
    high = threshold.value if threshold.high is None else threshold.high
    return threshold.value * unit[1], high * unit[1]


def _holds(quantity: Quantity, ground: Ground, relation: Relation | str, limit: float) -> bool | None:
    """Whether the value stands so to the limit; None where its interval leaves that open."""
    factor = ground.dimension[1]
    ends = {
        compares(value * factor, relation, limit)
        for value in (quantity.value, quantity.low, quantity.high)
        if value is not None
    }
    return ends.pop() if len(ends) == 1 else None


def _between(quantity: Quantity, ground: Ground, low: float, high: float) -> bool | None:
    above, below = _holds(quantity, ground, ">=", low), _holds(quantity, ground, "<=", high)
    if above is False or below is False:
        return False
    return None if above is None or below is None else True


def _not(holds: bool | None) -> bool | None:
    return None if holds is None else not holds


def _verdict(holds: bool | None, wrong: str) -> Objection | None:
    if holds is None:
        return Objection("the uncertainty interval of the measurement spans the limit, so the comparison stays open")
    return None if holds else Objection(wrong, True)
