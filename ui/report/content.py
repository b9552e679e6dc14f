"""What a report says, taken from an intact record and from nothing else: no model, no new sentence of fact.

Findings and impression are the verified sentences of the answers as they stand, sorted by what they
rest on. A sentence that rests on the images is a finding. One that holds a finding against a source,
or appraises criteria, is impression. Quotations, limits and caveats have parts of their own, where
the passage or the evidence itself is printed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphs.differential import Differential, lines
from graphs.events import Asked, Event, Opened, Revision
from graphs.export import is_export, read_export
from graphs.standing import Standing
from graphs.trace import TraceError, verify_trace
from knowledge.case import Case
from knowledge.claim import Claim
from knowledge.evidence import (
    CAVEATS,
    Appraisal,
    Criterion,
    Evidence,
    Limitation,
    Measurement,
    Passage,
    Statement,
    quantity_words,
)
from knowledge.quantity import Quantity, SpacingSource
from ui.pictures import rests_on
from ui.report.marks import Picture, pictures
from ui.terminal import facts
from ui.trace_page.record import Record

_IMAGING = ("image_facts", "view", "region", "mask", "measurement", "absence")
_SPACING = {
    SpacingSource.HEADER: "file header",
    SpacingSource.USER: "stated by the user",
    SpacingSource.NONE: "none",
}


@dataclass(frozen=True)
class Sentence:
    """A verified sentence with the ids of what carries it."""

    text: str
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Turn:
    """A question and its answer as it reads now."""

    number: int
    question: str
    answer: str
    revised: bool


@dataclass(frozen=True)
class Measured:
    """A row of the table of measurements; `flags` are the caveats that stand beside the value itself."""

    id: str
    what: str
    quantity: str
    value: str
    interval: str
    unit: str
    spacing: str
    image: str
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Examined:
    """An image, what is known of it and how."""

    id: str
    label: str
    facts: tuple[str, ...]
    caveats: tuple[str, ...]


@dataclass(frozen=True)
class Cited:
    """A passage with the way to its source."""

    id: str
    title: str
    text: str
    source: str
    address: str | None


@dataclass(frozen=True)
class Candidate:
    """A line of the differential with its reasoning, each step with its depth."""

    name: str
    verdict: str
    score: str
    evidence: str
    steps: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Report:
    """A conversation's outcome, for a reader who was not there.

    Attributes:
        begun, ended: UTC, to the second; empty where the record is an export, which has no clock times.
        withheld: Sentences that the evidence did not carry, each with the reason.
        not_established: What could not be done, with the reason.
        caveats: What limits the evidence that is cited, with its ids.
        head: Hash of the record's last line.
    """

    conversation: str
    begun: str
    ended: str
    patient: tuple[tuple[str, str], ...]
    examined: tuple[Examined, ...]
    unopened: tuple[tuple[str, str], ...]
    turns: tuple[Turn, ...]
    findings: tuple[Sentence, ...]
    impression: tuple[Sentence, ...]
    measurements: tuple[Measured, ...]
    differential: tuple[Candidate, ...]
    pictures: tuple[Picture, ...]
    cited: tuple[Cited, ...]
    not_established: tuple[Sentence, ...]
    withheld: tuple[Claim, ...]
    caveats: tuple[Sentence, ...]
    corrections: tuple[str, ...]
    made_by: tuple[tuple[str, str], ...]
    events: int
    head: str


def report(file: Path) -> Report:
    """Read and check the trace or export at `file`, and say what it established.

    Raises:
        TraceError: It is not intact, or holds no conversation: nothing is reported from it.
    """
    # Counted and hashed by the checker, so that the head is that of what was checked.
    checked = read_export(file)[1] if is_export(file) else _verified(file)
    record = Record.open(file)
    first = record.events[0] if record.events else None
    if not isinstance(first, Opened):
        raise TraceError(f"{file}: does not begin with the opening of a conversation")
    # What a running conversation added since the check is not in this report.
    events = record.events[: checked.events]
    standing = Standing.of(events)
    case = record.case
    claims = tuple(dict.fromkeys(claim for answer in standing.answers.values() for claim in answer.claims))
    cited = _cited(standing, claims)
    sorted_ = {name: tuple(_sorted(claims, standing, name)) for name in ("finding", "impression")}
    clock = [time for time in record.times[: checked.events] if isinstance(time, str)]
    return Report(
        conversation=first.conversation,
        begun=_moment(clock[0]) if clock else "",
        ended=_moment(clock[-1]) if clock else "",
        patient=_patient(case, standing),
        examined=tuple(Examined(image.id, image.label, tuple(facts(image)), image.caveats) for image in case.images),
        unopened=tuple((problem.file, problem.reason) for problem in case.problems),
        turns=tuple(_turns(events, standing)),
        findings=sorted_["finding"],
        impression=sorted_["impression"],
        measurements=tuple(
            _measured(item)
            for item in standing.evidence.values()
            if isinstance(item, Measurement) and item.id not in standing.fates
        ),
        differential=_differential(standing.differential),
        pictures=pictures(record, case, [item for item in cited if item.id not in standing.fates]),
        cited=tuple(_passage(item) for item in cited if isinstance(item, Passage)),
        not_established=tuple(
            Sentence(item.reason, (item.id,))
            for item in standing.evidence.values()
            if isinstance(item, Limitation) and item.id not in standing.fates
        ),
        withheld=tuple(dict.fromkeys(claim for answer in standing.answers.values() for claim in answer.withheld)),
        caveats=_caveats(cited, case),
        corrections=tuple(_corrections(standing)),
        made_by=_made_by(first),
        events=checked.events,
        head=checked.head,
    )


def _verified(file: Path) -> Any:
    try:
        return verify_trace(file)
    except TraceError:
        # The head of a running conversation is read after its lines, and may be ahead of them once.
        return verify_trace(file)


def _moment(time: str) -> str:
    return f"{time[:10]} {time[11:19]} UTC"


def _patient(case: Case, standing: Standing) -> tuple[tuple[str, str], ...]:
    patient = case.patient
    told = [
        ("Age", "" if patient.age_years is None else f"{patient.age_years:g} years"),
        ("Sex", patient.sex or ""),
        ("Complaint", patient.complaint or ""),
        ("History", patient.history or ""),
    ]
    known = {f"{name}: {value}" for name, value in told}
    more = [
        (item.speaker.capitalize(), item.text)
        for item in standing.evidence.values()
        if isinstance(item, Statement) and item.text not in known and item.id not in standing.fates
    ]
    return tuple((name, value) for name, value in [*told, *more] if value)


def _turns(events: Iterable[Event], standing: Standing) -> Iterable[Turn]:
    for event in events:
        if isinstance(event, Asked):
            answer = standing.answers.get(event.turn)
            text = "This question was not answered." if answer is None else answer.answer
            yield Turn(event.turn, event.question, text, isinstance(answer, Revision))


def _cited(standing: Standing, claims: Iterable[Claim]) -> list[Evidence]:
    """What the standing sentences rest on, and what that was taken from, in the order of filing."""
    return rests_on(standing.evidence, [name for claim in claims for name in claim.evidence])


def _sorted(claims: Iterable[Claim], standing: Standing, wanted: str) -> Iterable[Sentence]:
    for claim in claims:
        items = [standing.evidence[name] for name in claim.evidence if name in standing.evidence]
        if _kind(claim, items) == wanted:
            yield Sentence(claim.text, claim.evidence)


def _kind(claim: Claim, items: Sequence[Evidence]) -> str:
    """Which part of the report a verified sentence belongs to."""
    said = claim.text.rstrip(".").lower()
    if any(said == caveat.rstrip(".").lower() for item in items for caveat in item.caveats):
        return "caveat"
    imaging = any(item.kind in _IMAGING for item in items)
    quoting = any(isinstance(item, Passage) for item in items)
    if any(isinstance(item, Criterion | Appraisal) for item in items) or (imaging and quoting):
        return "impression"
    return "finding" if imaging else "other"


def _measured(item: Measurement) -> Measured:
    quantity = item.quantity
    # The side is part of most names already.
    side = "" if item.side is None or item.side.value in item.target else f", {item.side.value}"
    return Measured(
        id=item.id,
        what=f"{item.target}{side}",
        quantity=quantity_words(quantity),
        value=f"{quantity.value:.{quantity.decimals}f}",
        interval=_interval(quantity),
        unit=quantity.unit.label or "no unit",
        spacing=_SPACING[quantity.spacing] if quantity.unit.physical else "not needed",
        image=item.image or "",
        flags=tuple(caveat for caveat in item.caveats if caveat in CAVEATS),
    )


def _interval(quantity: Quantity) -> str:
    if quantity.low is None or quantity.high is None:
        return "not known"
    return f"{quantity.low:.{quantity.decimals}f} to {quantity.high:.{quantity.decimals}f}"


def _passage(item: Passage) -> Cited:
    source = item.source
    where = f"https://doi.org/{source.doi}" if source.doi else source.url
    place = f", {item.locator}" if item.locator else ""
    address = where if where and where.startswith(("https://", "http://")) else None
    return Cited(
        item.id, item.title, item.text, f"{source.title}. {source.organisation}, {source.year}{place}", address
    )


def _caveats(cited: Iterable[Evidence], case: Case) -> tuple[Sentence, ...]:
    notes: dict[str, list[str]] = {}
    for holder in (*case.images, *cited):
        for caveat in holder.caveats:
            notes.setdefault(caveat, []).append(holder.id)
    return tuple(Sentence(_words(caveat), tuple(ids)) for caveat, ids in notes.items())


def _words(caveat: str) -> str:
    return f"{caveat}: {CAVEATS[caveat]}" if caveat in CAVEATS else caveat


def _corrections(standing: Standing) -> Iterable[str]:
    for correction, revised in standing.corrections:
        new = ", ".join(item.id for item in correction.evidence)
        done = f"{correction.of} was replaced by {new}" if new else f"{correction.of} was rejected"
        because = f" ({correction.reason})" if correction.reason else ""
        yield f"{done} by {correction.by}{because}."
        if revised is not None and (revised.replaced or revised.withdrawn):
            renewed = [f"{old} by {now}" for old, now in revised.replaced.items() if old != correction.of]
            gone = [name for name in revised.withdrawn if name != correction.of]
            if renewed:
                yield f"What rested on it was established again: {', '.join(renewed)}."
            if gone:
                yield f"What rested on it no longer stands: {', '.join(gone)}."


def _differential(found: Differential) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(
            name=f"{one.disease}, {one.side.value}" if one.side else one.disease,
            verdict=one.verdict.value,
            score=f"{one.met} met, {one.not_met} not met, {one.open + one.not_assessed} undecided",
            evidence=one.evidence,
            steps=tuple(lines(one.tree)),
        )
        for one in found.candidates
    )


def _made_by(first: Opened) -> tuple[tuple[str, str], ...]:
    tools = ", ".join(f"{name} {version}" for name, version in sorted(first.tools.items()))
    return (
        ("Software", f"Citrus-V {first.versions.get('citrus-v', 'of unknown version')}"),
        ("Reasoner", str(first.reasoner.get("name", "unknown"))),
        ("Tools", tools),
        ("Library", first.library or "none"),
    )
