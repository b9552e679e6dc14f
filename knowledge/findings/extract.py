"""A report read into findings, each with the sentence it stands on."""

from knowledge.findings import clauses, measures
from knowledge.findings.attributes import attach, finding
from knowledge.findings.context import judge
from knowledge.findings.finding import Course, Finding, Severity, Site, Span, Status
from knowledge.findings.plain import content
from knowledge.findings.reading import Mention, mentions
from knowledge.findings.tagging import Kind, Tag, tag
from knowledge.findings.terms import ABNORMALITY, VAGUE
from knowledge.findings.words import Sentence, sentences

LONGEST = 200_000
"""Characters of a report that are read; a longer text is no report."""


class ReportLengthError(ValueError):
    """The text is longer than any report."""


def read_findings(report: str) -> tuple[Finding, ...]:
    """The findings of a report in the order of its text.

    What stands under indication, history, technique and comparison is not read, nor what is only asked for,
    recommended or to be excluded.

    Raises:
        ReportLengthError: It has more than `LONGEST` characters.
    """
    if len(report) > LONGEST:
        raise ReportLengthError(f"{len(report)} characters; a report has at most {LONGEST}")
    found: list[Finding] = []
    for sentence in sentences(report):
        read = _read(sentence)
        if found and len(read) <= 1 and sentence.tokens[0].lemma in _POINTING and all(not item.known for item in read):
            said = _read_about(sentence, found[-1])
            if said is not None:
                found[-1] = said
                continue
        found.extend(read)
    return tuple(found)


_POINTING = frozenset({"this", "these", "it", "they"})


def _read_about(sentence: Sentence, before: Finding) -> Finding | None:
    """The finding of the sentence before with what "this measures 3 cm" adds to it; None where it adds nothing."""
    tags = tag(sentence.tokens)
    severities = {Severity(item.kinds[Kind.SEVERITY]) for item in tags if Kind.SEVERITY in item.kinds}
    courses = {Course(item.kinds[Kind.COURSE]) for item in tags if Kind.COURSE in item.kinds}
    sides = {Site(side=item.kinds[Kind.SIDE]) for item in tags if Kind.SIDE in item.kinds}
    figures = [measure for figure in measures.figures(sentence.text) for measure in figure.measures]
    if not (severities or courses or sides or figures):
        return None
    return before.model_copy(
        update={
            "severities": tuple(sorted({*before.severities, *severities}, key=lambda severity: severity.rank)),
            "courses": tuple(sorted({*before.courses, *courses})),
            "sites": tuple(dict.fromkeys([*before.sites, *sorted(sides, key=str)])),
            "measures": (*before.measures, *figures),
        }
    )


def _read(sentence: Sentence) -> list[Finding]:
    tags = tag(sentence.tokens)
    span = Span(start=sentence.start, end=sentence.end, text=sentence.text)
    figures = list(measures.figures(sentence.text))
    parts = clauses.split(sentence.tokens, tags)
    found: list[Finding] = []
    subjects: list[Tag] = []
    asked = False
    for clause in parts:
        # What follows "if" or "recommended to exclude" is not asserted up to the end of the sentence, or to a "but".
        asked = asked and clause.tokens[clause.first].lemma not in ("but", "however")
        named = mentions(clause, subjects)
        begin, end = clause.tokens[clause.first].start, clause.tokens[clause.last - 1].end
        inside = []
        for figure in figures:
            at = figure.start + sentence.start
            if begin <= at < end:
                token = next(place for place in range(clause.first, clause.last) if clause.tokens[place].end > at)
                inside.append((token, figure))
        for mention in attach(clause, named, inside):
            judged = None if asked else judge(clause, mention)
            if judged is not None and not _vague(clause, mention, judged[0]):
                found.append(finding(clause, mention, judged[0], span, judged[1]))
        if not named and not asked:
            plain = _plain(clause, span, inside)
            if plain is not None:
                found.append(plain)
        subjects = clause.of(Kind.PLACE) or subjects
        asked = asked or bool(clause.of(Kind.NOT_ASSERTED))
    return found


def _vague(clause: clauses.Clause, mention: Mention, status: Status) -> bool:
    """Whether it only points back, as "these findings" does."""
    bare = mention.at.text.lower() in VAGUE and not mention.places and mention.concept.endswith(ABNORMALITY)
    before = clause.tokens[mention.first - 1].lemma if mention.first > clause.first else ""
    return bare and status is not Status.ABSENT and before not in ("acute", "active")


def _plain(clause: clauses.Clause, span: Span, inside: list[tuple[int, measures.Figure]]) -> Finding | None:
    """A clause in which no finding is known, kept by its own words so that a change in it shows."""
    words = content(clause)
    asked = clause.of(Kind.NOT_ASSERTED)
    if asked or not (words or inside) or (len(words) < 2 and not inside and not clause.of(Kind.PLACE)):
        return None
    sides = tuple(Site(side=item.kinds[Kind.SIDE]) for item in clause.of(Kind.SIDE))
    denied = clause.of(Kind.NEGATION) or clause.of(Kind.NEGATION_AFTER)
    doubted = clause.of(Kind.UNCERTAIN_CLAUSE) or clause.of(Kind.UNCERTAIN_NEAR) or clause.of(Kind.UNCERTAIN_AFTER)
    cues = denied or doubted
    return Finding(
        concept=" ".join(words) or "measurement",
        region="",
        status=Status.ABSENT if denied else Status.POSSIBLE if doubted else Status.PRESENT,
        known=False,
        neutral=True,
        sites=tuple(dict.fromkeys(sides)),
        severities=tuple(sorted({Severity(item.kinds[Kind.SEVERITY]) for item in clause.of(Kind.SEVERITY)})),
        courses=tuple(sorted({Course(item.kinds[Kind.COURSE]) for item in clause.of(Kind.COURSE)})),
        measures=tuple(measure for _, figure in inside for measure in figure.measures),
        words=words,
        span=span,
        cues=tuple(cue.text for cue in cues),
    )
