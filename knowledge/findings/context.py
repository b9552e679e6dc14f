"""Whether a mentioned finding is there: the reach of negation and doubt, as NegEx and ConText have it."""

from knowledge.findings.clauses import Clause
from knowledge.findings.finding import Severity, Status
from knowledge.findings.reading import Mention
from knowledge.findings.tagging import Kind, Tag


def _reaches(clause: Clause, cue: Tag, mention: Mention) -> bool:
    """Whether a negation before a mention reaches it.

    It goes through a list ("no A, B or C") and ends at "with", at something normal, and at a member of the
    list that opens with a degree ("no A, small B").
    """
    at = mention.at.first if mention.at.first >= cue.last else mention.first
    if at < cue.last:
        return False
    for place in range(cue.last, at):
        # "No findings consistent with A" goes on; "no A with B" does not.
        if clause.tokens[place].lemma == "with" and clause.tokens[place - 1].lemma not in ("consistent", "compatible"):
            return False
    if any(tag.has(Kind.NORMAL) for tag in clause.tags if cue.last <= tag.first < at):
        return False
    for place in range(cue.last, at):
        if clause.tokens[place].lemma in (",", "and"):
            opening = next((tag for tag in clause.tags if tag.first == place + 1), None)
            if opening and _opens_anew(opening) and not {"or", "nor"} & clause.between(place, clause.last):
                return False
    return True


def _opens_anew(tag: Tag) -> bool:
    """Whether a list member that begins with it is a statement of its own; "large" belongs to denials."""
    if tag.has(Kind.TERM, Kind.ADJECTIVE):
        return False
    return tag.has(Kind.COURSE) or (tag.has(Kind.SEVERITY) and tag.kinds[Kind.SEVERITY] != Severity.SEVERE)


def judge(clause: Clause, mention: Mention) -> tuple[Status, tuple[str, ...]] | None:
    """The status of a mention and the words that decided it; None where it is not asserted at all."""
    told: list[str] = []
    for cue in clause.of(Kind.NOT_ASSERTED):
        if cue.last <= mention.at.first:
            return None
    if mention.neutral:
        return Status.PRESENT, ()
    denials = [cue for cue in clause.of(Kind.NEGATION) if _reaches(clause, cue, mention)]
    denials += [
        cue
        for cue in clause.of(Kind.NEGATION_AFTER)
        if cue.first >= mention.at.last and not cue.has(Kind.PSEUDO) and cue not in denials
    ]
    denied = mention.denied
    if denials:
        told.extend(cue.text for cue in denials)
        denied = not mention.denied
    if mention.denied:
        told.insert(0, mention.at.text)
    if denied:
        return Status.ABSENT, tuple(dict.fromkeys(told))
    doubts = [cue for cue in clause.of(Kind.UNCERTAIN_CLAUSE) if cue.last <= mention.at.first]
    doubts += [
        cue
        for cue in clause.of(Kind.UNCERTAIN_NEAR)
        if cue.last <= mention.at.first and clause.segment(cue) == clause.segment(mention.at)
    ]
    doubts += [cue for cue in clause.of(Kind.UNCERTAIN_AFTER) if cue.first >= mention.at.last]
    doubts += [
        cue
        for cue in clause.tags
        if cue.text.lower() in ("versus", "vs") and abs(clause.segment(cue) - clause.segment(mention.at)) <= 1
    ]
    if doubts:
        return Status.POSSIBLE, tuple(dict.fromkeys(cue.text for cue in doubts))
    return Status.PRESENT, ()
