"""An answer after a correction: its sentences, put on the evidence that stands now and verified again.

No reasoner is asked. A sentence that rests on corrected evidence gets the ids and the figures of
what took its place, and must pass the verifier as any other; one that rests on rejected evidence
goes. All other sentences stay as they were.
"""

import re
from collections.abc import Iterable, Mapping

from graphs import claims
from graphs.closing import closed
from graphs.events import Revision
from graphs.standing import latest
from graphs.verify import verify
from knowledge.briefing import CITATION, cite
from knowledge.case import Case
from knowledge.claim import Claim, Verdict
from knowledge.evidence import Evidence, Mask, Measurement, Region

Fates = Mapping[str, str | None]

NOTHING_LEFT = "Nothing of this answer is left after a reader's correction."


def revised(
    turn: int,
    verified: str,
    withheld: Iterable[Claim],
    bound: str | None,
    filed: Mapping[str, Evidence],
    fates: Fates,
    case: Case,
) -> Revision | None:
    """The answer of `turn` as it must read now, or None where no sentence rests on what changed.

    Args:
        verified: Its verified sentences as they read before.
        withheld: Claims that it withheld before.
        bound: The limit at which the turn had stopped, if it did.
        filed: Everything on record by id, what no longer stands among it as it was.
        fates: What took the place of evidence that no longer stands, or None.
    """
    draft = redrafted(verified, filed, fates)
    if draft is None:
        return None
    # What no longer stands cannot be cited, so a sentence that still cites it cannot pass.
    standing = {name: item for name, item in filed.items() if name not in fates}
    found = verify(draft, standing, case)
    lost = tuple(_explained(claim, fates) for claim in found.withheld)
    text = found.answer.strip()
    kept = tuple(claim for claim in found.claims if claim not in found.withheld)
    return Revision(
        turn=turn,
        draft=draft,
        verified=text,
        answer=closed(text if kept else f"{NOTHING_LEFT}\n\n{text}".strip(), bound, revised=True),
        claims=kept,
        withheld=(*withheld, *lost),
    )


def _explained(claim: Claim, fates: Fates) -> Claim:
    gone = [name for name in claim.evidence if name in fates]
    if not gone:
        return claim.model_copy(update={"reason": f"it does not hold after the correction: {claim.reason}"})
    reason = f"{', '.join(gone)} no longer stands after a reader's correction."
    return claim.model_copy(update={"verdict": Verdict.UNSUPPORTED, "reason": reason})


def redrafted(text: str, filed: Mapping[str, Evidence], fates: Fates) -> str | None:
    """`text` with each sentence that cites evidence in `fates` put on what took its place; None where none does."""
    place, parts, changed = 0, [], False
    for paragraph in claims.read(text):
        for sentence in paragraph.sentences:
            if not fates.keys() & set(sentence.citations):
                continue
            changed = True
            start = text.find(sentence.shown, place)
            if start < 0:
                continue  # it keeps its old citations, and so cannot pass
            parts += [text[place:start], _renewed(sentence, filed, fates)]
            place = start + len(sentence.shown)
    return "".join([*parts, text[place:]]) if changed else None


def _renewed(sentence: claims.Sentence, filed: Mapping[str, Evidence], fates: Fates) -> str:
    """The sentence with new ids and figures; ids with nothing in their place stay, and make it fail."""
    figures: dict[str, str] = {}
    for name in sentence.citations:
        new = latest(name, fates)
        if new is not None and new != name:
            for old_words, new_words in _words(filed[name], filed[new]):
                figures.setdefault(old_words, new_words)
    pieces, place = [], 0
    for mark in CITATION.finditer(sentence.shown):
        pieces.append(_refigured(sentence.shown[place : mark.start()], figures))
        names = [name.strip() for name in mark[1].split(",")]
        pieces.append(cite(*dict.fromkeys(latest(name, fates) or name for name in names)))
        place = mark.end()
    return "".join([*pieces, _refigured(sentence.shown[place:], figures)])


def _refigured(text: str, figures: Mapping[str, str]) -> str:
    if not figures:
        return text
    # One pass, longest first: a figure that was put in is not taken for an old one.
    known = "|".join(re.escape(words) for words in sorted(figures, key=len, reverse=True))
    return re.sub(rf"(?<![\w.])(?:{known})(?![\w]|\.\d)", lambda match: figures[match[0]], text)


def _words(old: Evidence, new: Evidence) -> Iterable[tuple[str, str]]:
    """How sentences print what evidence holds: before, and now."""
    if isinstance(old, Measurement) and isinstance(new, Measurement):
        before, after = old.quantity, new.quantity
        yield before.text(), after.text()
        yield before.text().partition(" (")[0], after.text().partition(" (")[0]
    if isinstance(old, Mask | Region) and isinstance(new, Mask | Region):
        yield _slices(old), _slices(new)
        yield _box(old), _box(new)


def _slices(item: Mask | Region) -> str:
    first, last = item.slices[0] + 1, item.slices[1]
    return f"on slice {first}" if first == last else f"from slice {first} to slice {last}"


def _box(item: Mask | Region) -> str:
    ends = [f"{float(end):g}" for end in item.box]
    return f"from ({ends[0]}, {ends[1]}) to ({ends[2]}, {ends[3]})"
