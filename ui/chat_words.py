"""What the page says, as Markdown in which every word from outside is plain text.

Answers, file names and passages may hold anything; each is escaped whole, so none of it becomes a
heading, a link, a picture or a mark of the page's own.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from graphs.closing import NOTICE
from knowledge.case import Case
from knowledge.claim import Claim
from knowledge.evidence import CAVEATS, Evidence, ImageFacts, Passage, Statement
from knowledge.quantity import SpacingSource
from ui.chat_uploads import own_name
from ui.terminal import facts, summary

if TYPE_CHECKING:
    from graphs.differential import Differential
    from graphs.events import Answered, Revision, ToolFinished

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
"""Control characters, and those that reorder or hide what is read."""
_MARK = re.compile(r"\[(E\d+(?:\s*,\s*E\d+)*)\]")

KINDS = {
    "image_facts": "Image facts",
    "view": "Picture",
    "region": "Box",
    "mask": "Outline",
    "measurement": "Measurement",
    "passage": "Passage",
    "absence": "Not found",
    "limitation": "Limitation",
    "statement": "Statement",
    "criterion": "Criterion",
    "appraisal": "Appraisal",
}
_SOURCES = {
    SpacingSource.HEADER: "pixel size from the file's header",
    SpacingSource.USER: "pixel size as you stated it",
    SpacingSource.NONE: "",
}


def plain(text: str) -> str:
    """Any text as Markdown that shows exactly that text."""
    clean = _PUNCTUATION.sub(r"\\\1", _INVISIBLE.sub("", text.replace("\r\n", "\n")).strip())
    # Lines within a paragraph stay lines, since the page keeps them; what would indent them goes.
    paragraphs = re.split(r"\n\s*\n", clean)
    return "\n\n".join(re.sub(r"[ \t]*\n[ \t]*", "\n", paragraph).strip() for paragraph in paragraphs)


def mark(identifier: str) -> str:
    """The name of an evidence element, as it stands in an answer.

    The page turns this name into a button wherever it occurs; the invisible joiner, which `plain`
    removes from all other text, keeps E1 from being found in E12 or in other words.
    """
    return f"{identifier}\u2060"


def cited(text: str, evidence: Mapping[str, Evidence]) -> str:
    """An answer with its citations as marks."""
    parts = _MARK.split(text)
    shown = []
    for at, part in enumerate(parts):
        if at % 2 == 0:
            lead = " " if at and part[:1].isspace() else ""
            tail = " " if part[-1:].isspace() and "\n" not in part[-2:] else ""
            shown.append(lead + plain(part) + tail if part.strip() else part)
        else:
            ids = [identifier.strip() for identifier in part.split(",")]
            shown.append(" ".join(mark(one) if one in evidence else plain(f"[{one}]") for one in ids))
    return "".join(shown)


@dataclass(frozen=True)
class Record:
    """Where an answer stands on record.

    Attributes:
        head: Hash of its line in the trace.
        correction: The correction after which it reads so, or None.
    """

    conversation: str
    head: str
    correction: int | None = None


def case(opened: Case, evidence: Iterable[Evidence], names: Mapping[str, str]) -> str:
    """The case panel: images with facts and caveats, what the chart says, then the files that did not open.

    Args:
        evidence: What was filed when the case was read.
        names: Neutral labels of files to what the person calls them, as far as that is known.
    """
    lines = []
    for image in opened.images:
        name = own_name(image.label, names)
        also = "" if name == image.label else f" · {plain(name)}"
        lines.append(f"**{image.id}** {plain(image.label)}{also}\n\n- {plain(', '.join(facts(image)))}")
        lines[-1] += "".join(f"\n- ⚠ {plain(caveat)}" for caveat in image.caveats)
    said = [f"- **{item.id}** {_shortened(item.text)}" for item in evidence if isinstance(item, Statement)]
    if said:
        lines.append("**The chart says**\n\n" + "\n".join(said))
    problems = [
        f"- ✗ **{plain(own_name(problem.file, names))}** {plain(problem.reason)}" for problem in opened.problems
    ]
    if problems:
        lines.append("**These files did not open**\n\n" + "\n".join(problems))
    return "\n\n".join(lines)


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return plain(line if len(line) <= 200 else f"{line[:199]}…")


def result(event: "ToolFinished") -> str:
    """What a step established, was refused or failed with."""
    if event.refused or event.fault:
        return plain(event.refused or f"It failed: {event.fault}")
    if not event.evidence:
        return "Nothing to file\\."
    return "\n".join(f"- **{item.id}** {plain(summary(item))}" for item in event.evidence)


def arguments(tool: str, given: Mapping[str, Any]) -> str:
    """A tool call as JSON that cannot leave the block of code it is shown in."""
    shown = json.dumps({"tool": tool, "arguments": given}, ensure_ascii=False, indent=2)
    return shown.replace("`", "\\u0060")


def verdicts(answer: "Answered") -> str:
    """Every sentence that was checked, with what was found."""
    return "\n".join(f"- {_verdict(claim)}" for claim in (*answer.claims, *answer.withheld))


def _verdict(claim: Claim) -> str:
    ids = f" ({', '.join(claim.evidence)})" if claim.evidence else ""
    reason = f": {plain(claim.reason)}" if claim.reason else ""
    return f"**{claim.verdict.value}**{reason} — {plain(claim.text)}{ids}"


def checking(answer: "Answered") -> str:
    """The name of the step in which an answer was checked."""
    checked, withheld = len(answer.claims) + len(answer.withheld), len(answer.withheld)
    return f"Checking {checked} sentence{'s' if checked > 1 else ''} · {withheld} withheld"


def differential(found: "Differential", evidence: Mapping[str, Evidence]) -> str:
    """Each candidate as a tree, from its conclusion down to the evidence; what was left out, with the reason."""
    from graphs.differential import lines

    told = []
    for candidate in found.candidates:
        share = f"{candidate.met} met, {candidate.not_met} not met, {candidate.open + candidate.not_assessed} open"
        # A tree of one criterion concludes what that says; of which disease it is one is said before.
        name = "" if candidate.tree.step(candidate.tree.root).rule.of_steps else f"**{plain(candidate.disease)}**: "
        for depth, line in lines(candidate.tree):
            tail = plain(f" ({candidate.verdict.value}; criteria: {share})") if depth == 0 else ""
            told.append(f"{'  ' * depth}- {'' if depth else name}{cited(line, evidence)}{' ' if tail else ''}{tail}")
    told += [f"- ⚠ {plain(f'Not in the differential: {reason}')}" for reason in found.withheld]
    return "\n".join(["**Differential**\n", *told]) if told else ""


def answer(
    evidence: Mapping[str, Evidence],
    answered: "Answered | Revision",
    record: Record,
    found: "Differential | None" = None,
    *,
    outdated: int | None = None,
    moved: int | None = None,
) -> str:
    """The verified answer, the differential, what was withheld, the caveats of what it cites, and the ways on.

    Args:
        outdated: The correction that put another answer in its place, or None.
        moved: The correction that changed its differential, which is then not shown here, or None.
    """
    parts = []
    if outdated is not None:
        parts.append(f"⚠ **No longer stands.** After correction {outdated} it reads as shown further below\\.")
    if record.correction is not None:
        parts.append(f"**Answer {answered.turn} as it reads after correction {record.correction}**")
    parts.append(cited(answered.answer, evidence))
    if found is not None and (tree := differential(found, evidence)):
        parts.append(tree)
    if moved is not None:
        parts.append(f"⚠ Correction {moved} changed the differential of this answer: it is shown further below\\.")
    if answered.withheld:
        parts.append("**Withheld, because the evidence does not carry it**\n\n")
        parts[-1] += "\n".join(f"- {_verdict(claim)}" for claim in answered.withheld)
    notes: dict[str, list[str]] = {}
    for identifier in dict.fromkeys(one for claim in answered.claims for one in claim.evidence):
        for caveat in evidence[identifier].caveats if identifier in evidence else ():
            # What the answer itself says need not be said twice.
            if caveat.lower() not in answered.answer.lower():
                notes.setdefault(caveat, []).append(identifier)
    if notes:
        parts.append("\n".join(f"- ⚠ {caveat_words(caveat)} ({', '.join(ids)})" for caveat, ids in notes.items()))
    return "\n\n".join([*parts, *_ways_on(record)])


def differential_alone(
    found: "Differential", evidence: Mapping[str, Evidence], record: Record, *, moved: int | None = None
) -> str:
    """The differential after a correction that changed no sentence of an answer; `moved` by a later one, or None."""
    head = f"**The differential as it stands after correction {record.correction}**"
    tree = differential(found, evidence) or "Nothing of it is left\\."
    if moved is not None:
        tree = f"⚠ Correction {moved} changed it again: it is shown further below\\."
    return "\n\n".join([head, tree, plain(NOTICE), *_ways_on(record)])


def _ways_on(record: Record) -> tuple[str, ...]:
    where = quote(record.conversation)
    ways = f"[Viewer](/viewer/{where}) [Report](/report/{where}) [Record](/trace/{where})"
    check = f"Check: `citrus trace verify {record.conversation} --head {record.head}`"
    return "***", ways, check


def caveat_words(caveat: str) -> str:
    """A caveat in words."""
    return plain(f"{caveat}: {CAVEATS[caveat]}" if caveat in CAVEATS else caveat)


def exhibit(item: Evidence, picture: str | None, viewer: str | None = None, instead: str = "") -> str:
    """One piece of evidence in full.

    Args:
        picture: Address of its picture on this server, or None where there is nothing to draw.
        viewer: Address at which the viewer shows it, or None.
        instead: What stands in its place after a correction, "rejected", or nothing where it stands.
    """
    parts = [f"**{item.id} · {KINDS[item.kind]}**"]
    if instead:
        parts.append(f"⚠ This no longer stands: a reader put it right. {mark(instead) if instead[0] == 'E' else ''}")
    if isinstance(item, Passage):
        parts += _passage(item)
    elif isinstance(item, ImageFacts):
        rows = [f"- {plain(name)}: {plain(value)} ({plain(origin)})" for name, (value, origin) in item.facts.items()]
        parts.append("\n".join(rows))
    else:
        parts.append(plain(summary(item)))
    if picture:
        parts.append(f"[![{plain(f'{item.id}: {summary(item)}')}]({picture})]({viewer or picture})")
    if viewer:
        parts.append(f"[Open {item.id} in the viewer]({viewer})")
    if notes := _notes(item):
        parts.append("\n".join(f"- {note}" for note in notes))
    return "\n\n".join(parts)


def _passage(item: Passage) -> list[str]:
    source = item.source
    where = f"https://doi.org/{source.doi}" if source.doi else source.url
    said = f"{plain(source.title)}, {plain(source.issued)}"
    if item.locator:
        said += f", {plain(item.locator)}"
    if where and where.startswith(("https://", "http://")):
        said += f"\n\n[{plain(where)}]({quote(where, safe=':/?=&%#._-~+')})"
    quoted = plain(item.text).replace("\n", "\n> ")
    return [f"**{plain(item.title)}**", f"> {quoted}", said]


def _notes(item: Evidence) -> list[str]:
    notes = []
    if item.kind == "measurement":
        if source := _SOURCES[item.quantity.spacing]:
            notes.append(source)
        if item.of:
            notes.append(f"measured on {', '.join(item.of)}")
    if item.kind == "limitation" and item.known:
        notes.append(plain(f"what can be done: {', '.join(item.known)}"))
    if item.kind == "mask" and item.slices[1] - item.slices[0] > 1:
        notes.append(f"slices {item.slices[0] + 1} to {item.slices[1]}")
    if item.image:
        notes.append(f"on image {item.image}")
    if item.confidence:
        notes.append(plain(f"confidence {item.confidence.value:.2f} ({item.confidence.method})"))
    return notes + [f"⚠ {caveat_words(caveat)}" for caveat in item.caveats]
