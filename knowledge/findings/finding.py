"""One finding as a report states it: what, whether, where, how much, and the words it stands on."""

from collections.abc import Iterable
from enum import StrEnum

from pydantic import Field

from knowledge.case import Record


class Status(StrEnum):
    """Whether the report holds a finding to be there."""

    PRESENT = "present"
    POSSIBLE = "possible"
    ABSENT = "absent"


class Severity(StrEnum):
    """How much of it, in the three steps that report words fall into, and the border of the normal."""

    BORDERLINE = "borderline"
    MILD = "mild"
    MODERATE = "moderate"
    SEVERE = "severe"

    @property
    def rank(self) -> int:
        """0 for borderline to 3 for severe."""
        return list(Severity).index(self)


class Course(StrEnum):
    """How it compares with an earlier examination."""

    NEW = "new"
    WORSE = "worse"
    STABLE = "stable"
    BETTER = "better"


class Site(Record):
    """Where it lies.

    Attributes:
        side: "left", "right", "both", or a comparison such as "left more than right"; empty where not said.
        place: Lobe, bone, zone or organ by its name in `knowledge.findings.anatomy`; empty where not said.
    """

    side: str = ""
    place: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.side, self.place) if part)


def sides_of(sites: Iterable[Site]) -> frozenset[str]:
    """Left, right or both of them."""
    found: set[str] = set()
    for site in sites:
        found |= {"left", "right"} if site.side == "both" else {site.side} & {"left", "right"}
    return frozenset(found)


def places_of(sites: Iterable[Site]) -> frozenset[str]:
    """Places that are named."""
    return frozenset(site.place for site in sites if site.place)


class Measure(Record):
    """A figure of the report, in the unit that its dimension is compared in.

    Attributes:
        unit: "mm", "mL", "[hnsf'U]" or "%".
        step: Half of the last digit that was given, in `unit`: the figure says no more than that.
    """

    value: float
    unit: str
    step: float = Field(ge=0)

    def agrees(self, other: "Measure") -> bool:
        """Whether both can be roundings of one value."""
        return self.unit == other.unit and abs(self.value - other.value) < (self.step + other.step) * (1 - 1e-9)

    def __str__(self) -> str:
        return f"{self.value:g} {self.unit}"


class Span(Record):
    """Where the words stand in the report, as offsets into its text, and the words."""

    start: int
    end: int
    text: str


class Finding(Record):
    """One statement about one thing.

    Attributes:
        concept: Its name in `knowledge.findings.terms`; for a word of no known concept, that statement's own words.
        region: Organ it belongs to, as in `knowledge.findings.anatomy`.
        known: Whether the concept is in the vocabulary; what is not is compared by its words.
        neutral: Whether it says nothing abnormal, such as a stable silhouette or a plain measurement.
        words: Content words of a statement that the vocabulary does not know.
        span: The sentence it stands in.
        cues: The words that decided status, side, severity and course, for a reader to check.
    """

    concept: str
    region: str
    status: Status
    known: bool = True
    neutral: bool = False
    sites: tuple[Site, ...] = ()
    severities: tuple[Severity, ...] = ()
    courses: tuple[Course, ...] = ()
    measures: tuple[Measure, ...] = ()
    words: tuple[str, ...] = ()
    span: Span
    cues: tuple[str, ...] = ()

    @property
    def abnormal(self) -> bool:
        """Whether it says that something is, or may be, wrong."""
        return self.status is not Status.ABSENT and not self.neutral

    @property
    def sides(self) -> frozenset[str]:
        """Left, right or both of them; comparisons of sides are in `sites` only."""
        return sides_of(self.sites)

    @property
    def places(self) -> frozenset[str]:
        """Places it names."""
        return places_of(self.sites)

    def __str__(self) -> str:
        details = [*map(str, self.severities), *map(str, self.sites), *map(str, self.measures), *map(str, self.courses)]
        return f"{self.status} {self.concept}" + (f" ({', '.join(details)})" if details else "")
