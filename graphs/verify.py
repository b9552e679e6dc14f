"""The gate between every reasoner and the clinician: a draft's sentences held against their evidence.

`verify` is pure and deterministic: no model, no network, no clock. A sentence is shown if it is no
statement of fact, by a closed set of patterns, or if every figure, side, denial, quotation and word
of it is carried by the evidence it cites. In doubt it is withheld, with a reason a reasoner can use.
"""

from collections.abc import Mapping, Sequence

from graphs.assertion import Assertion, Finding
from graphs.carrying import figure_findings
from graphs.claims import Paragraph, Sentence, read
from graphs.courtesies import is_fact
from graphs.criterion_rules import criterion_findings, standing_findings
from graphs.grounds import Ground
from graphs.provenance import source_findings
from graphs.reading_words import stems
from graphs.rules import (
    caveat_findings,
    inability_findings,
    presence_findings,
    quotation_findings,
    side_findings,
)
from graphs.wording import no_limit_findings, passage_findings, word_findings
from knowledge.case import Case, Record
from knowledge.claim import Claim, Verdict
from knowledge.evidence import Evidence


class Verification(Record):
    """What of a draft may be shown.

    Attributes:
        claims: Every sentence of fact, in order, supported or not.
        answer: The sentences that may be shown, with their citation marks and their layout.
        withheld: The claims that are left out of `answer`.
        ok: Whether nothing was withheld.
    """

    claims: tuple[Claim, ...]
    answer: str
    withheld: tuple[Claim, ...]
    ok: bool


def verify(draft: str, evidence: Mapping[str, Evidence], case: Case) -> Verification:
    """Hold every sentence of `draft` against the evidence it cites.

    Args:
        draft: Prose of any reasoner, with citation marks as `knowledge.briefing.CITATION` reads them.
        evidence: Everything the conversation established, by id.
        case: The images and what is known of them.
    """
    known = {name: Ground(name, item) for name, item in evidence.items()}
    targets = stems(" ".join(ground.target for ground in known.values()))
    claims: list[Claim] = []
    kept: list[tuple[Paragraph, tuple[Sentence, ...]]] = []
    for paragraph in read(draft):
        shown: list[Sentence] = []
        for sentence in paragraph.sentences:
            if not is_fact(sentence, paragraph.block.kind, targets):
                shown.append(sentence)
                continue
            claim = _claim(sentence, paragraph.context, known, case)
            claims.append(claim)
            if claim.verdict is Verdict.SUPPORTED:
                shown.append(sentence)
        kept.append((paragraph, tuple(shown)))
    withheld = tuple(claim for claim in claims if claim.verdict is not Verdict.SUPPORTED)
    return Verification(claims=tuple(claims), answer=_answer(kept), withheld=withheld, ok=not withheld)


def _claim(sentence: Sentence, context: str, known: Mapping[str, Ground], case: Case) -> Claim:
    findings = _findings(sentence, context, known, case)
    wrong = [finding for finding in findings if finding.verdict is Verdict.CONTRADICTED]
    verdict = Verdict.CONTRADICTED if wrong else Verdict.UNSUPPORTED if findings else Verdict.SUPPORTED
    reasons = dict.fromkeys(finding.reason for finding in (*wrong, *findings))
    return Claim(
        text=sentence.text,
        evidence=sentence.citations,
        verdict=verdict,
        reason="; ".join(list(reasons)[:3]) + "." if reasons else "",
    )


def _findings(sentence: Sentence, context: str, known: Mapping[str, Ground], case: Case) -> list[Finding]:
    """Faults of a sentence; later rules run only on a sentence that can be read and cites what exists."""

    def fault(reason: str) -> list[Finding]:
        return [Finding(Verdict.UNSUPPORTED, reason)]

    if sentence.faults:
        return fault(sentence.faults[0])
    if not sentence.citations:
        return fault("no evidence is cited; end the sentence with the ids that carry it, such as [E1]")
    missing = [cited for cited in sentence.citations if cited not in known]
    if missing:
        return fault(f"there is no evidence {', '.join(missing)} in this conversation")
    if not any(letter.isalnum() for letter in sentence.text):
        return fault("a citation mark stands without a sentence")
    assertion = Assertion(sentence, known, case, context)
    if founded := list(standing_findings(assertion)):
        return founded
    findings = [
        *quotation_findings(assertion),
        *figure_findings(assertion),
        *side_findings(assertion),
        *source_findings(assertion),
    ]
    if assertion.verbatim:
        return []
    if assertion.misses:
        return list(quotation_findings(assertion))
    if assertion.no_limit:
        return [*findings, *no_limit_findings(assertion)]
    if assertion.about_medicine:
        return [*findings, *passage_findings(assertion)]
    return [
        *findings,
        *criterion_findings(assertion),
        *presence_findings(assertion),
        *inability_findings(assertion),
        *caveat_findings(assertion),
        *word_findings(assertion),
    ]


def _answer(kept: Sequence[tuple[Paragraph, tuple[Sentence, ...]]]) -> str:
    """Lay out what may be shown; a heading or a table's head with nothing left under it goes too."""
    lines: list[str] = []
    for index, (paragraph, sentences) in enumerate(kept):
        block = paragraph.block
        if block.kind == "blank":
            if lines and lines[-1]:
                lines.append("")
        elif block.kind == "divider":
            if index and kept[index - 1][1] and _has_rows(kept, index + 1):
                lines.append(block.text)
        elif sentences and not (block.kind == "heading" and not _has_body(kept, index)):
            if block.kind == "row" and index + 1 < len(kept) and kept[index + 1][0].block.kind == "divider":
                if _has_rows(kept, index + 2):
                    lines.append(block.text)
                continue
            lines.append(block.prefix + _joined(sentences, paragraph.sentences))
    while lines and not lines[-1]:
        lines.pop()
    return "\n".join(lines)


def _joined(shown: Sequence[Sentence], written: Sequence[Sentence]) -> str:
    text = ""
    kept = {id(sentence) for sentence in shown}
    for place, sentence in enumerate(written):
        if id(sentence) not in kept:
            continue
        words = sentence.shown
        last = place + 1 == len(written) or id(written[place + 1]) not in kept
        if words.endswith(";") and last:
            words = words[:-1] + "."
        text += (sentence.gap or " ") * bool(text) + words
    return text


def _has_rows(kept: Sequence[tuple[Paragraph, tuple[Sentence, ...]]], start: int) -> bool:
    for paragraph, sentences in kept[start:]:
        if paragraph.block.kind != "row":
            return False
        if sentences:
            return True
    return False


def _has_body(kept: Sequence[tuple[Paragraph, tuple[Sentence, ...]]], index: int) -> bool:
    """Whether anything that is no heading is left before the next heading of the same kind."""
    heading = kept[index][0].block.prefix.strip()
    for paragraph, sentences in kept[index + 1 :]:
        block = paragraph.block
        if block.kind == "heading":
            if block.prefix.strip().startswith("#") or not heading.startswith("#"):
                return False
        elif sentences and block.kind not in ("blank", "divider"):
            return True
    return False
