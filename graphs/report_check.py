"""A candidate report held against a reference, criterion by criterion, with every step of the score explained.

After AgentsEval (arXiv:2601.16685), which goes from criteria over evidence and alignment to a consistency score with
language models as its agents; here each step is a rule, so that a score can be followed and comes out the same again.
What counts as an error follows the classes in which radiologists counted errors of generated reports (Yu et al. 2023,
doi:10.1016/j.patter.2023.100802): a finding that is not there, one that is missed, its place, its severity.

    score = coverage x product of (1 - loss) over all differences

The losses are conventions of this project, in the order of harm; they were set before any figure was measured.
"""

from graphs.report_alignment import Alignment, align
from graphs.report_criteria import Criterion, criteria
from knowledge.case import Record
from knowledge.findings.extract import ReportLengthError, read_findings


class ReportError(ValueError):
    """A report cannot be checked; the message says which and why."""


class Step(Record):
    """One step of the score.

    Attributes:
        factor: What the score is multiplied by.
        score: What it is after this step.
    """

    explanation: str
    factor: float
    score: float


class Check(Record):
    """The outcome: criteria, evidence, alignment, score and how it came about.

    Attributes:
        coverage: Weighed part of the reference's criteria that the candidate answers, 0 to 1.
        score: Consistency, 0 to 1.
        steps: From coverage to score.
    """

    reference: tuple[Criterion, ...]
    candidate: tuple[Criterion, ...]
    alignments: tuple[Alignment, ...]
    coverage: float
    score: float
    steps: tuple[Step, ...]


def check_report(candidate: str, reference: str) -> Check:
    """Hold `candidate` against `reference`.

    Raises:
        ReportError: No statement on the image is found in the reference, or a text is too long for a report.
    """
    asked = _criteria(reference, "R", "the reference")
    given = _criteria(candidate, "C", "the candidate")
    if not asked:
        raise ReportError("the reference: no statement about an image is found in it, so nothing can be checked")
    return _scored(asked, given, align(asked, given))


def _criteria(text: str, prefix: str, name: str) -> tuple[Criterion, ...]:
    try:
        return criteria(read_findings(text), prefix)
    except ReportLengthError as error:
        raise ReportError(f"{name}: {error}") from None


def _scored(asked: tuple[Criterion, ...], given: tuple[Criterion, ...], alignments: tuple[Alignment, ...]) -> Check:
    whole = sum(item.weight for item in asked)
    coverage = sum(item.reference.weight * item.credit for item in alignments if item.reference) / whole
    lacking = [item.reference for item in alignments if item.reference and item.credit < 1]
    words = f"the candidate answers {coverage * whole:g} of {whole:g} weighed criteria"
    if lacking:
        words += "; not, or not wholly: " + ", ".join(f"{item.id} {item.concept}" for item in lacking)
    steps = [Step(explanation=words, factor=round(coverage, 6), score=round(coverage, 6))]
    score = coverage
    for alignment in alignments:
        for difference in alignment.differences:
            about = alignment.reference or alignment.candidate
            name = f"{about.id} {about.concept}: " if about else ""
            score *= 1 - difference.loss
            factor = round(1 - difference.loss, 6)
            steps.append(Step(explanation=name + difference.explanation, factor=factor, score=round(score, 6)))
    return Check(
        reference=asked,
        candidate=given,
        alignments=alignments,
        coverage=round(coverage, 6),
        score=round(score, 6),
        steps=tuple(steps),
    )
