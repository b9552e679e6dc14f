"""Rules a sentence of fact must pass on quotation, side, presence, inability and what is cut off."""

import re
from collections.abc import Iterator, Sequence

from graphs.assertion import Assertion, Finding, contradicted, unsupported
from graphs.draft import plain
from graphs.grounds import Ground
from graphs.lexicon import (
    TRUNCATION_CUES,
)
from graphs.mentions import Mention
from graphs.reading_words import Polarity, find, stems
from knowledge.evidence import (
    TRUNCATED,
    Absence,
    Limitation,
    Mask,
    Measurement,
    Region,
)

_QUOTE = re.compile(r"[\"“]([^\"“”]*)[\"”]")


def quotation_findings(assertion: Assertion) -> Iterator[Finding]:
    """Quoted words stand verbatim in a cited text."""
    texts = [_spaced(text) for ground in assertion.grounds for text in ground.texts]
    for match in _QUOTE.finditer(assertion.sentence.text):
        quoted = _spaced(match[1])
        bare = quoted[:-1] if quoted.endswith((".", ",")) else quoted
        if not bare.strip():
            continue
        if not any(_stands_in(bare, text) for text in texts):
            yield unsupported(
                f'the words "{quoted}" do not stand so in the cited evidence; quote verbatim and cite its source'
            )


def _spaced(text: str) -> str:
    return " ".join(text.replace("“", '"').replace("”", '"').split())


def _stands_in(words: str, text: str) -> bool:
    """Whether `words` are in `text`, not beginning or ending inside a word or a number."""
    start = text.find(words)
    while start >= 0:
        before, after = text[:start][-1:], text[start + len(words) :][:2]
        inside = (before.isalnum() and words[0].isalnum()) or (after[:1].isalnum() and words[-1].isalnum())
        number = words[-1].isdigit() and len(after) == 2 and after[0] in ".," and after[1].isdigit()
        if not inside and not number:
            return True
        start = text.find(words, start + 1)
    return False


def side_findings(assertion: Assertion) -> Iterator[Finding]:
    """Every side the sentence names is that of a cited target, or stands in a cited text."""
    for mention in assertion.mentions:
        if mention.side is None:
            continue
        if any(ground.speaks_of(mention) for ground in assertion.grounds if ground.target):
            continue
        if mention.side == "both" and _both_sides(assertion.grounds, mention):
            continue
        if any(_text_has(ground, mention) for ground in assertion.grounds):
            continue
        anywhere = Mention(mention.subject, None, mention.plural, 0, 0)
        others = [
            ground for ground in assertion.grounds if ground.target and ground.side and ground.speaks_of(anywhere)
        ]
        if others:
            yield contradicted(
                f"the sentence says {mention.side}, but {others[0].id} is of the {others[0].target} ({others[0].side})"
            )
        else:
            yield unsupported(f"no cited evidence establishes the side {mention.side!r} of what the sentence names")


def _both_sides(grounds: Sequence[Ground], mention: Mention) -> bool:
    anywhere = Mention(mention.subject, None, mention.plural, 0, 0)
    sides = {ground.side for ground in grounds if ground.target and ground.speaks_of(anywhere)}
    return sides >= {"left", "right"} or "both" in sides


def _text_has(ground: Ground, mention: Mention) -> bool:
    words = {mention.side, "bilateral"} if mention.side == "both" else {mention.side}
    if isinstance(ground.evidence, Limitation):
        named = {word for name in ground.evidence.known for word in name.lower().split()}
        if mention.side in named and set(mention.subject) <= ground.names:
            return True
    return any(
        any(word.text in words for word in reading.words)
        and set(mention.subject) <= {word.stem for word in reading.words}
        for reading in ground.readings
    )


def presence_findings(assertion: Assertion) -> Iterator[Finding]:
    """What is said to be there or not agrees with masks, measurements, absences and limitations."""
    for mention in assertion.mentions:
        if not mention.words or not mention.subject:
            continue
        polarity = assertion.reading.polarity[mention.words[-1]]
        loose = Mention(mention.subject, mention.side, mention.plural, 0, 0)
        shown = [ground for ground in assertion.seen if ground.speaks_of(loose)]
        absent = [ground for ground in assertion.of(Absence) if ground.speaks_of(loose)]
        name = assertion.sentence.text[mention.start : mention.end]
        if polarity is Polarity.DENIED:
            if shown and not (assertion.cannot and assertion.cannot_because):
                yield contradicted(f"the sentence denies {name!r}, but {shown[0].id} shows it")
            elif not shown and not absent and not _denial_in_text(assertion, mention):
                yield unsupported(f"no cited evidence is an absence of {name!r}")
            elif absent and mention.side is None and {ground.side for ground in absent} in ({"left"}, {"right"}):
                yield unsupported(f"{absent[0].id} is an absence on the {absent[0].side} only; name the side")
        elif polarity is Polarity.OPEN and (shown or absent):
            yield contradicted(f"the sentence leaves {name!r} open, but {(shown or absent)[0].id} settles it")
        elif polarity is Polarity.AFFIRMED:
            if (
                absent
                and not shown
                and not (assertion.searched or assertion.cannot or _told_in_text(assertion, mention))
            ):
                yield contradicted(f"{absent[0].id} says that {name!r} is absent")
            yield from _limited(assertion, mention, name, bool(shown))


def _limited(assertion: Assertion, mention: Mention, name: str, shown: bool) -> Iterator[Finding]:
    """A target that a limitation excludes may only stand in a sentence of inability."""
    for ground in assertion.of(Limitation):
        item = ground.evidence
        if not isinstance(item, Limitation) or shown or assertion.cannot or not ground.target:
            continue
        known = {" ".join(sorted(stems(entry))) for entry in item.known}
        whole = set(mention.subject) | ({mention.side} if mention.side else set())
        if ground.speaks_of(mention) and " ".join(sorted(whole)) not in known and not _is_told(assertion, item.reason):
            yield contradicted(f"{ground.id} says that {name!r} cannot be given: {item.reason}")


def _denial_in_text(assertion: Assertion, mention: Mention) -> bool:
    """Whether a cited text denies the subject; a limitation denies only what can be done."""
    if assertion.cannot and assertion.cannot_because:
        return True
    texts = [
        ground
        for ground in assertion.grounds
        if not isinstance(ground.evidence, Limitation) or _is_told(assertion, ground.evidence.reason)
    ]
    return any(Polarity.DENIED in ground.said.get(mention.subject[-1], ()) for ground in texts)


def _is_told(assertion: Assertion, reason: str) -> bool:
    """Whether the sentence is a text of the evidence, word for word."""
    return assertion.sentence.text.strip(" .").lower() in plain(reason).lower()


def inability_findings(assertion: Assertion) -> Iterator[Finding]:
    """What cannot be done is what cited evidence says so of, and was not done after all."""
    if not assertion.cannot:
        return
    said = {word.stem for word in assertion.reading.words}
    for mention in assertion.mentions:
        if not mention.words or not mention.subject:
            continue
        if assertion.reading.clauses[mention.words[-1]] not in assertion.inability:
            continue
        name = assertion.sentence.text[mention.start : mention.end]
        shown = [ground for ground in assertion.seen if ground.speaks_of(mention)]
        limits = [ground for ground in assertion.of(Limitation) if _limits(ground, mention)]
        done = [ground for ground in shown if _DONE[type(ground.evidence)] & said]
        if done and not limits and not said & _WHOLE:
            yield contradicted(f"{done[0].id} did so with {name!r}")
        elif assertion.of(Limitation) and not shown and not limits and not _told_in_text(assertion, mention):
            yield unsupported(f"no cited limitation is about {name!r}")
        elif any(isinstance(ground.evidence, Limitation) and _is_known(ground, mention) for ground in limits):
            yield contradicted(f"the cited limitation lists {name!r} among what can be done")


_DONE: dict[type, frozenset[str]] = {
    Mask: stems("segment segmented locate located seen found"),
    Region: stems("locate located ground grounded seen found"),
    Measurement: stems("measure measured"),
}
_WHOLE = stems("whole entire complete full true completely fully")


def _limits(ground: Ground, mention: Mention) -> bool:
    return (bool(ground.target) and ground.speaks_of(mention)) or set(
        mention.subject
    ) <= ground.said.keys() | ground.names


def _is_known(ground: Ground, mention: Mention) -> bool:
    """Whether a limitation lists the structure among what can be done, and not as its target."""
    whole = frozenset(mention.subject) | ({mention.side} if mention.side else frozenset())
    known = {stems(name) for name in getattr(ground.evidence, "known", ())}
    return whole in known and not (ground.target and ground.speaks_of(mention))


def _told_in_text(assertion: Assertion, mention: Mention) -> bool:
    """Whether another cited text, not the absence, speaks of the subject."""
    others = [ground for ground in assertion.grounds if not isinstance(ground.evidence, Absence)]
    return any(mention.subject[-1] in ground.said or mention.subject[-1] in ground.names for ground in others)


def caveat_findings(assertion: Assertion) -> Iterator[Finding]:
    """Cut off, and what follows from it, only where cited evidence says so."""
    reading = assertion.reading
    cues = [index for cue in TRUNCATION_CUES for index in find(reading.words, cue)]
    whole = any(word.text in _WHOLLY and polarity is Polarity.AFFIRMED for word, polarity in assertion.paired())
    if not (cues or whole) or assertion.about_medicine:
        return
    told = [ground for ground in assertion.grounds if _says_truncated(ground)]
    if whole or any(reading.polarity[index] is not Polarity.AFFIRMED for index in cues):
        if told:
            yield contradicted(f"{told[0].id} says that the structure is cut off by the field of view")
        else:
            yield unsupported("that a structure is not cut off is not recorded; leave it out")
        return
    if not told:
        reason = "no cited evidence says that the structure is cut off by the field of view"
        yield contradicted(reason) if assertion.of(Measurement) else unsupported(reason)
        return
    for mention in assertion.mentions:
        matching = [ground for ground in assertion.seen if ground.speaks_of(mention)]
        if matching and mention.subject and not any(ground in told for ground in matching):
            yield contradicted(f"{matching[0].id} does not say that it is cut off by the field of view")


_WHOLLY = frozenset("completely fully entirely wholly".split())


def _says_truncated(ground: Ground) -> bool:
    if TRUNCATED in ground.evidence.caveats:
        return True
    return any(find(reading.words, cue) for reading in ground.readings for cue in TRUNCATION_CUES)
