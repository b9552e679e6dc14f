"""Where two statements on one thing part: side, place, severity, certainty, course, figures, and what each costs."""

from graphs.report_criteria import Criterion
from knowledge.case import Record

OTHER_SIDE = 0.3
PART_OF_SIDE = 0.15
SIDE_UNSAID = 0.1
OTHER_PLACE = 0.1
PLACE_UNSAID = 0.03
SEVERITY_STEP = 0.12
SEVERITY_PARTLY = 0.08
SEVERITY_UNSAID = 0.05
CERTAINTY = 0.1
COURSE = 0.08
FIGURE = 0.15
FIGURE_UNSAID = 0.03
"""Parts of the score that a difference takes: conventions of this project, in the order of harm."""
SAME_WORDS = 0.5
"""Share of common words from which two statements outside the vocabulary are on one thing."""


class Difference(Record):
    """One difference.

    Attributes:
        aspect: "side", "place", "severity", "certainty", "course", "figure", "status", "finding", "missed" or "added".
        loss: Part of the score it takes, 0 to 1.
        silent: Whether one of the two just does not say it.
    """

    aspect: str
    reference: str
    candidate: str
    loss: float
    explanation: str
    silent: bool = False


def likeness(asked: Criterion, given: Criterion) -> float:
    """1 for statements on the same thing with the same polarity, 0 for others; by words outside the vocabulary."""
    if asked.known != given.known:
        return 0.0
    if asked.known:
        return float(asked.concept == given.concept and asked.absent == given.absent)
    if asked.absent != given.absent or not asked.words or not given.words:
        return float(asked.words == given.words and asked.absent == given.absent)
    ours, theirs = set(asked.words), set(given.words)
    share = len(ours & theirs) / len(ours | theirs)
    return share if share >= SAME_WORDS else 0.0


def _difference(aspect: str, ours: str, theirs: str, loss: float, silent: bool = False) -> Difference:
    if silent:
        who, what = ("the candidate", ours) if ours else ("the reference", theirs)
        words = f"{who} does not say the {aspect} ({what})"
    else:
        words = f"the {aspect} is {theirs}, not {ours}"
    return Difference(aspect=aspect, reference=ours, candidate=theirs, loss=loss, explanation=words, silent=silent)


def compare(asked: Criterion, given: Criterion) -> tuple[Difference, ...]:
    """What differs between two statements on the same thing."""
    found = [*_sides(asked, given), *_places(asked, given), *_severities(asked, given)]
    if asked.status is not given.status:
        found.append(_difference("certainty", asked.status.value, given.status.value, CERTAINTY))
    if asked.courses and given.courses and not set(asked.courses) & set(given.courses):
        ours, theirs = ("/".join(item.courses) for item in (asked, given))
        found.append(_difference("course", ours, theirs, COURSE))
    found.extend(_figures(asked, given))
    return tuple(found)


def _sides(asked: Criterion, given: Criterion) -> list[Difference]:
    ours, theirs = " and ".join(sorted(asked.sides)), " and ".join(sorted(given.sides))
    if asked.sides != given.sides:
        if not ours or not theirs:
            # "Both lungs are clear" says no more than "the lungs are clear".
            if asked.absent and len(asked.sides | given.sides) == 2:
                return []
            return [_difference("side", ours, theirs, SIDE_UNSAID, silent=True)]
        return [_difference("side", ours, theirs, PART_OF_SIDE if asked.sides & given.sides else OTHER_SIDE)]
    # The same sides, but of other places, or the other way round: "left more than right".
    mine, yours = set(asked.sites) - set(given.sites), set(given.sites) - set(asked.sites)
    for site in mine:
        for other in yours:
            if site.side and other.side and site.side != other.side and site.place == other.place:
                return [_difference("side", str(site), str(other), OTHER_SIDE)]
    return []


def _places(asked: Criterion, given: Criterion) -> list[Difference]:
    ours, theirs = "/".join(sorted(asked.places)), "/".join(sorted(given.places))
    if not ours and not theirs:
        return []
    if not ours or not theirs:
        return [_difference("place", ours, theirs, PLACE_UNSAID, silent=True)]
    return [] if asked.places & given.places else [_difference("place", ours, theirs, OTHER_PLACE)]


def _severities(asked: Criterion, given: Criterion) -> list[Difference]:
    mine, yours = set(asked.severities), set(given.severities)
    if mine == yours:
        return []
    ours, theirs = "/".join(asked.severities), "/".join(given.severities)
    if not mine or not yours:
        return [_difference("severity", ours, theirs, SEVERITY_UNSAID, silent=True)]
    if mine & yours:
        return [_difference("severity", ours, theirs, SEVERITY_PARTLY)]
    steps = min(abs(one.rank - other.rank) for one in mine for other in yours)
    return [_difference("severity", ours, theirs, SEVERITY_STEP * steps)]


def _figures(asked: Criterion, given: Criterion) -> list[Difference]:
    unmet = [m for m in asked.measures if not any(m.agrees(other) for other in given.measures)]
    if not unmet:
        return []
    ours, theirs = ", ".join(map(str, unmet)), ", ".join(map(str, given.measures))
    if not given.measures:
        return [_difference("figure", ours, "", FIGURE_UNSAID, silent=True)]
    return [_difference("figure", ours, theirs, FIGURE)]
