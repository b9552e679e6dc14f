"""Each criterion of a reference set beside what a candidate says to it."""

from collections.abc import Sequence
from enum import StrEnum

from graphs.report_criteria import Criterion
from graphs.report_differences import Difference, compare, likeness
from knowledge.case import Record
from knowledge.findings.terms import ABNORMALITY, ancestors

CONTRADICTED_LOSS = 0.5
ADDED_LOSS = 0.4
MISSED_LOSS = 0.3
VAGUER_LOSS = 0.2
ADDED_PLAIN_LOSS = 0.1
IMPLIED_CREDIT = 0.5
"""Parts of the score, conventions like those in `graphs.report_differences`."""

_ACUTE = frozenset(
    (
        "opacity",
        "consolidation",
        "pneumonia",
        "infiltrate",
        "airspace disease",
        "pulmonary edema",
        "pleural effusion",
        "pneumothorax",
        "vascular congestion",
        "lung abnormality",
        "heart failure",
        "infection",
    )
)
"""What "no acute cardiopulmonary abnormality" denies along with it."""


class Verdict(StrEnum):
    """How the candidate answers one criterion; the last two are of statements that only the candidate makes."""

    AGREES = "agrees"
    DIFFERS = "differs"
    IMPLIED = "implied"
    CONTRADICTED = "contradicted"
    MISSING = "missing"
    ADDED = "added"
    UNASKED = "unasked"


class Alignment(Record):
    """One criterion of the reference with what the candidate says to it, or a statement of the candidate alone.

    Attributes:
        reference, candidate: The criteria; None where one report is silent.
        credit: Part of the criterion's weight that counts as answered, 0 to 1.
        differences: What differs, each with the part of the score that it costs.
        explanation: One sentence for a person.
    """

    verdict: Verdict
    reference: Criterion | None
    candidate: Criterion | None
    credit: float
    differences: tuple[Difference, ...] = ()
    explanation: str


def align(asked: Sequence[Criterion], given: Sequence[Criterion]) -> tuple[Alignment, ...]:
    """Every criterion of the reference in its order, then what only the candidate says.

    Args:
        asked, given: Criteria of the reference and of the candidate.
    """
    return _Aligner(asked, given).run()


def _denies(denial: str, finding: Criterion) -> bool:
    """Whether the absence of `denial` rules `finding` out."""
    if denial == finding.concept or denial in ancestors(finding.concept):
        return True
    return denial == f"{finding.region} {ABNORMALITY}"


def _follows(asked: Criterion, given: Criterion) -> bool:
    """Whether `given` takes `asked` along without saying it."""
    if given.concept == asked.concept:
        return False
    if not asked.absent:
        return asked.concept in ancestors(given.concept) and _compatible(asked, given)
    if given.concept == f"chest {ABNORMALITY}":
        return asked.concept in _ACUTE
    return _denies(given.concept, asked)


def _compatible(one: Criterion, other: Criterion) -> bool:
    return not one.sides or not other.sides or bool(one.sides & other.sides)


def _cost(differences: Sequence[Difference]) -> float:
    return sum(difference.loss for difference in differences)


class _Aligner:
    """Settles criteria from the clearest case to the rest; a candidate's statement that is used up is not added."""

    def __init__(self, asked: Sequence[Criterion], given: Sequence[Criterion]) -> None:
        self.asked = asked
        self.given = given
        self.open_asked = {item.id: item for item in asked}
        self.open_given = {item.id: item for item in given}
        self.found: dict[str, Alignment] = {}

    def run(self) -> tuple[Alignment, ...]:
        self._same()
        self._repeated()
        self._contradicted()
        self._implied()
        self._vaguer()
        for asked in list(self.open_asked.values()):
            self._missing(asked)
        extras = [self._extra(given) for given in self.open_given.values()]
        return (*(self.found[item.id] for item in self.asked), *extras)

    def _open(self) -> list[Criterion]:
        return list(self.open_asked.values())

    def _spare(self) -> list[Criterion]:
        # By content, so that the order of sentences does not matter.
        return sorted(self.open_given.values(), key=lambda item: (item.label, item.id))

    def _settle(
        self,
        verdict: Verdict,
        asked: Criterion,
        given: Criterion | None,
        credit: float,
        words: str,
        differences: tuple[Difference, ...] = (),
        uses: bool = True,
    ) -> None:
        self.found[asked.id] = Alignment(
            verdict=verdict,
            reference=asked,
            candidate=given,
            credit=credit,
            differences=differences,
            explanation=words,
        )
        del self.open_asked[asked.id]
        if given is not None and uses:
            self.open_given.pop(given.id, None)

    def _pair(self, asked: Criterion, given: Criterion, differences: tuple[Difference, ...]) -> None:
        if differences:
            told = "; ".join(difference.explanation for difference in differences)
            self._settle(Verdict.DIFFERS, asked, given, 1, f"both say {asked.concept}, but {told}", differences)
        else:
            self._settle(Verdict.AGREES, asked, given, 1, f"both say: {asked.label}")

    def _same(self) -> None:
        """The same thing, said or denied by both; closest pairs first."""
        pairs = []
        for asked in self.asked:
            for given in self.given:
                near = likeness(asked, given)
                if near > 0:
                    differences = compare(asked, given)
                    order = (-near, _cost(differences), asked.label, given.label, asked.id, given.id)
                    pairs.append((order, asked, given, differences))
        for _, asked, given, differences in sorted(pairs, key=lambda pair: pair[0]):
            if asked.id in self.open_asked and given.id in self.open_given:
                self._pair(asked, given, differences)

    def _repeated(self) -> None:
        """A criterion that a statement answers which already answered another, as "bilateral" answers "left"."""
        for asked in self._open():
            answers = [
                (_cost(compare(asked, item)), item.label, item.id, item)
                for item in self.given
                if asked.known and likeness(asked, item) > 0 and _compatible(asked, item)
            ]
            if answers:
                best = min(answers, key=lambda answer: answer[:3])[3]
                covered = asked.sides <= best.sides
                kept = tuple(
                    item for item in compare(asked, best) if not item.silent and not (covered and item.aspect == "side")
                )
                self._pair(asked, best, kept)

    def _contradicted(self) -> None:
        for asked in self._open():
            if not asked.known or asked.neutral:
                continue
            for given in self._spare():
                if not given.known or given.neutral or given.absent == asked.absent or not _compatible(asked, given):
                    continue
                denial, finding = (given, asked) if given.absent else (asked, given)
                if _denies(denial.concept, finding):
                    words = f"the reference says {asked.label}, the candidate {given.label}"
                    lost = _lost("status", asked.label, given.label, CONTRADICTED_LOSS, words)
                    self._settle(Verdict.CONTRADICTED, asked, given, 0, words, lost)
                    break

    def _implied(self) -> None:
        for asked in self._open():
            for given in self.given:
                comparable = given.known and asked.known and given.neutral == asked.neutral
                if comparable and given.absent == asked.absent and _follows(asked, given):
                    words = f"{asked.label} is not said, but follows from {given.label}"
                    self._settle(Verdict.IMPLIED, asked, given, IMPLIED_CREDIT, words, uses=False)
                    break

    def _vaguer(self) -> None:
        for asked in self._open():
            for given in self._spare():
                if asked.abnormal and given.abnormal and _follows(given, asked):
                    words = f"the candidate says only {given.concept} where the reference says {asked.concept}"
                    lost = _lost("finding", asked.concept, given.concept, VAGUER_LOSS, words)
                    self._settle(Verdict.DIFFERS, asked, given, 1, words, lost)
                    break

    def _missing(self, asked: Criterion) -> None:
        words = f"the candidate does not say: {asked.label}"
        counts = asked.abnormal and asked.known
        lost = _lost("missed", asked.label, "", MISSED_LOSS, words) if counts else ()
        self._settle(Verdict.MISSING, asked, None, 0, words, lost)

    def _extra(self, given: Criterion) -> Alignment:
        """What only the candidate says: an added finding costs, a further normal statement does not."""
        verdict, aspect, loss, words = self._judged_extra(given)
        return Alignment(
            verdict=verdict,
            reference=None,
            candidate=given,
            credit=0,
            differences=_lost(aspect, "", given.label, loss, words) if loss else (),
            explanation=words,
        )

    def _judged_extra(self, given: Criterion) -> tuple[Verdict, str, float, str]:
        words = f"only the candidate says: {given.label}"
        if not given.known:
            if given.absent:
                return Verdict.UNASKED, "", 0.0, words
            return Verdict.ADDED, "added", ADDED_PLAIN_LOSS, words
        if not given.abnormal:
            opposed = [item for item in self.asked if item.abnormal and item.concept == given.concept]
            said = any(item.absent and item.concept == given.concept for item in self.asked)
            if opposed and not said and given.absent:
                words = f"the candidate also says {given.label}, against {opposed[0].label} of the reference"
                return Verdict.ADDED, "status", CONTRADICTED_LOSS, words
            return Verdict.UNASKED, "", 0.0, words
        same = [item for item in self.asked if item.concept == given.concept and item.abnormal]
        if same:
            closest = min(same, key=lambda item: (_cost(compare(item, given)), item.label))
            loss = max((item.loss for item in compare(closest, given)), default=0.0)
            words = f"the candidate also says {given.label}, where the reference has {closest.label}"
            return (Verdict.DIFFERS if loss else Verdict.UNASKED), "side", loss, words
        if any(item.abnormal and _follows(given, item) for item in self.asked):
            return Verdict.UNASKED, "", 0.0, f"{given.label} follows from what the reference says"
        return Verdict.ADDED, "added", ADDED_LOSS, words


def _lost(aspect: str, ours: str, theirs: str, loss: float, words: str) -> tuple[Difference, ...]:
    return (Difference(aspect=aspect, reference=ours, candidate=theirs, loss=loss, explanation=words),)
