"""What a report has to be held to: one criterion for each thing it states, however often it says it."""

from collections.abc import Iterable, Sequence

from knowledge.case import Record
from knowledge.findings.finding import Course, Finding, Measure, Severity, Site, Span, Status, places_of, sides_of

ABNORMAL_WEIGHT = 1.0
NORMAL_WEIGHT = 0.25
"""A finding that is there counts as much as four that are not: a convention of this project, not a measurement."""


class Criterion(Record):
    """One thing a report states, from all the sentences that state it.

    Attributes:
        id: R1, R2, ... in a reference, C1, C2, ... in a candidate.
        words: Content words of a statement that the vocabulary does not know.
        evidence: The sentences it stands on.
        cues: Words that decided the status.
    """

    id: str
    concept: str
    region: str
    status: Status
    known: bool
    neutral: bool
    sites: tuple[Site, ...]
    severities: tuple[Severity, ...]
    courses: tuple[Course, ...]
    measures: tuple[Measure, ...]
    words: tuple[str, ...]
    evidence: tuple[Span, ...]
    cues: tuple[str, ...]

    @property
    def absent(self) -> bool:
        """Whether the report denies it."""
        return self.status is Status.ABSENT

    @property
    def abnormal(self) -> bool:
        """Whether it says that something is, or may be, wrong."""
        return not self.absent and not self.neutral

    @property
    def weight(self) -> float:
        """Its part in the coverage."""
        return ABNORMAL_WEIGHT if self.abnormal else NORMAL_WEIGHT

    @property
    def sides(self) -> frozenset[str]:
        """Left, right or both of them."""
        return sides_of(self.sites)

    @property
    def places(self) -> frozenset[str]:
        """Places it names."""
        return places_of(self.sites)

    @property
    def label(self) -> str:
        """It in a few words, as a person reads it."""
        details = [*self.severities, *self.sites, *self.measures, *self.courses]
        return f"{self.status} {self.concept}" + (f" ({', '.join(map(str, details))})" if details else "")


def _merged(group: Sequence[Finding], identifier: str) -> Criterion:
    first = group[0]
    present = any(item.status is Status.PRESENT for item in group)
    return Criterion(
        id=identifier,
        concept=first.concept,
        region=first.region,
        status=Status.PRESENT if present else first.status,
        known=first.known,
        neutral=first.neutral,
        sites=tuple(sorted({site for item in group for site in item.sites}, key=str)),
        severities=tuple(sorted({s for item in group for s in item.severities}, key=lambda s: s.rank)),
        courses=tuple(sorted({course for item in group for course in item.courses})),
        measures=tuple(sorted({m for item in group for m in item.measures}, key=lambda m: (m.unit, m.value, m.step))),
        words=first.words,
        evidence=tuple(sorted({item.span for item in group}, key=lambda span: span.start)),
        cues=tuple(dict.fromkeys(cue for item in group for cue in item.cues)),
    )


def criteria(findings: Iterable[Finding], prefix: str) -> tuple[Criterion, ...]:
    """One criterion for each concept, polarity and side.

    A mention without a side joins the one with a side. The result does not depend on the order of the sentences,
    except for ids, which follow the text.
    """
    groups: dict[tuple[str, bool, frozenset[str]], list[tuple[int, Finding]]] = {}
    numbered = sorted(enumerate(findings), key=lambda pair: (not pair[1].sides, str(pair[1]), pair[1].words))
    for number, item in numbered:
        absent = item.status is Status.ABSENT
        key = (item.concept, absent, item.sides)
        if key not in groups and not item.sides:
            key = next((known for known in groups if known[:2] == key[:2]), key)
        groups.setdefault(key, []).append((number, item))
    ordered = sorted(groups.values(), key=lambda group: min(number for number, _ in group))
    return tuple(_merged([item for _, item in group], f"{prefix}{place}") for place, group in enumerate(ordered, 1))
