"""Rules on words: a sentence says no more than its evidence, and judges only as far as code can check."""

import re
from collections.abc import Iterator, Sequence

from graphs.assertion import Assertion, Finding, contradicted, unsupported
from graphs.comparing import (
    LimitPhrase,
    check_assessment,
    check_order,
    check_phrase,
    is_order,
    limit_phrases,
    no_limit_applies,
)
from graphs.grounds import Ground, frame_of
from graphs.lexicon import (
    AMOUNTS,
    ANATOMY,
    ASSESSMENT,
    ATTRIBUTION,
    CONDITIONS,
    FIRM,
    GENERAL,
    GRADED,
    HEDGES,
    INABILITY_VERBS,
    INABILITY_WORDS,
    MODALITY_WORDS,
    QUALIFIERS,
    REPORT,
    SIDES,
)
from graphs.mentions import tag_of
from graphs.reading_numbers import Figure
from graphs.reading_words import FUNCTION_STEMS, Polarity, Reading, Word, read, stem, stems
from knowledge.evidence import (
    Absence,
    ImageFacts,
    Measurement,
    Passage,
    View,
)

PASSAGE_SHARE = 0.8
"""Least share of a sentence's content words that cited passages must have, when it rests on them alone."""

WINDOW_SHARE = 0.6
"""Least share of them that stand together in one place (one to three sentences) of a cited passage."""

LONGEST_QUOTATION = 6
"""Sentences of a passage that one quotation may run over."""

_REPORT = stems(REPORT)
_ASSESSMENT = stems(ASSESSMENT)
_ANATOMY = stems(ANATOMY)
_GENERAL = stems(GENERAL)
_INABILITY = stems(INABILITY_WORDS) | stems(INABILITY_VERBS)
_QUALIFIERS = frozenset(stem(word) for word in QUALIFIERS)
_FIRM = stems(FIRM) | stems(GRADED)
_HEDGES = frozenset(stem(word) for word in HEDGES)
_DOUBTS = stems("may might could suggest suggests possibly probably likely")
_AMOUNTS = frozenset(AMOUNTS)
_ATTRIBUTION = frozenset(stem(word) for word in ATTRIBUTION)
_CUES = frozenset("no not without cannot never absent absence missing neither nor none non lack lacking".split())
_RELATIONS = stems(
    """less more greater larger bigger smaller fewer lower higher longer shorter exceed exceeds exceeding equal least
    most beyond above below under over"""
)
_QUOTE = re.compile(r"[\"“]([^\"“”]*)[\"”]")
_HERE = (("this", "patient"), ("the", "patient"), ("this", "case"), ("this", "image"), ("this", "scan"), ("here",))


def passage_findings(assertion: Assertion) -> Iterator[Finding]:
    """A sentence resting on passages alone says what one place in them says."""
    reading = assertion.reading
    if not _is_sentence(assertion) and any(read(assertion.unquoted).has(*cue) for cue in _HERE):
        yield unsupported("a passage says nothing of this patient; cite evidence from the images too")
    if not _is_sentence(assertion) and _as_if_seen(assertion):
        yield unsupported("it reads as if it were of this patient; say of whom the passage says it, or quote it")
    passages = assertion.of(Passage)
    spoken = [(word, polarity) for word, polarity in assertion.paired() if word.stem not in FUNCTION_STEMS]
    spoken = [(word, polarity) for word, polarity in spoken if word.text not in _CUES and word.stem not in _RELATIONS]
    carried = frozenset[str]().union(*(ground.names | ground.said.keys() for ground in passages))
    unknown = [word for word, _ in spoken if word.stem not in carried and word.stem not in _FRAME]
    weighty = [
        word for word in unknown if word.stem in _ASSESSMENT | _ANATOMY or word.text in _AMOUNTS or word.text in SIDES
    ]
    if weighty or len(unknown) > (1 - PASSAGE_SHARE) * max(1, len(spoken)):
        words = ", ".join(repr(word.text) for word in weighty or unknown)
        yield unsupported(f"the cited passage does not say {words}")
        return
    windows = _windows(reading, [word for word, _ in spoken], passages)
    if not windows:
        yield unsupported("no one place in the cited passage says this; keep to its words, or quote it")
    for window in windows:
        found = list(_window_findings(assertion, spoken, window, passages))
        if found:
            yield from found
            return


def _is_sentence(assertion: Assertion) -> bool:
    """Whether it is a whole sentence of a cited passage, word for word."""
    own = assertion.sentence.text.rstrip(" .").lower()
    return any(own == sentence.text.rstrip(" .").lower() for ground in assertion.grounds for sentence in ground.body)


def _as_if_seen(assertion: Assertion) -> bool:
    """Whether a sentence from a passage could be taken for a finding: a value or a presence of nobody named."""
    reading = assertion.reading
    said = {word.stem for word in reading.words}
    frames = frozenset[str]().union(*(ground.frame for ground in assertion.grounds)) - _ANATOMY
    general = said & _GENERAL or _QUOTE.search(reading.text) or said & CONDITIONS or said & frames & _NAMED
    if general or any(figure.relation or figure.role != "value" for figure in reading.figures):
        return False
    valued = any(figure.dimension for figure in reading.figures)
    return valued or any(word.text in _SEEN for word in reading.words)


_SEEN = frozenset("seen present visible found identified detected shows there".split())
_NAMED = stems("society association college radiology classification criteria guideline recist fleischner")


def _window_findings(
    assertion: Assertion, spoken: Sequence[tuple[Word, Polarity]], window: Sequence[Reading], passages: Sequence[Ground]
) -> Iterator[Finding]:
    """Hold the sentence's denials, certainty and condition against the place it is taken from."""
    reading = assertion.reading
    said = {word.stem for sentence in window for word in sentence.words}
    near = said | _FRAME | frozenset[str]().union(*(ground.frame for ground in passages))
    afar = [word.text for word, _ in spoken if word.stem in _ASSESSMENT and word.stem not in near]
    if afar:
        yield unsupported(f"the cited passage says {', '.join(map(repr, afar))} in another place, of something else")
        return
    heard = {word.stem: _heard(window, word) for word, _ in spoken}
    agreed = any(polarity is Polarity.DENIED and Polarity.DENIED in heard[word.stem] for word, polarity in spoken)
    for word, polarity in spoken:
        there = heard[word.stem]
        # "No follow-up is needed for nodules" and "nodules need no follow-up" deny the same.
        moved = agreed and word.stem not in _FIRM
        if there and polarity not in there and not moved:
            told = next(iter(there)).value
            yield contradicted(f"the cited passage has {word.text!r} {told}, the sentence {polarity.value}")
            return
    for figure in reading.figures:
        same = [(place, other) for place in window for other in place.figures if figure.same(other)]
        stated = {place.at(other.start) for place, other in same}
        if stated and not agreed and figure.relation is None and reading.at(figure.start) not in stated:
            yield contradicted(f"the sentence denies or affirms {figure.text} against the cited passage")
    mine = {word.stem for word in reading.words}
    hedges = said & (_HEDGES if mine & _ASSESSMENT else _DOUBTS)
    if hedges and not mine & _HEDGES:
        yield unsupported(f"the cited passage is less certain: it says {', '.join(sorted(hedges))}")
    conditional = any(figure.relation for sentence in window for figure in sentence.figures) or said & CONDITIONS
    if (
        conditional
        and mine & _ASSESSMENT
        and not (mine & CONDITIONS or any(figure.relation or figure.role != "value" for figure in reading.figures))
    ):
        yield unsupported("the cited passage says this under a condition; state the condition too")


def _heard(window: Sequence[Reading], word: Word) -> frozenset[Polarity]:
    """Polarities a word has in a place of a passage."""
    return frozenset(
        polarity
        for sentence in window
        for other, polarity in zip(sentence.words, sentence.polarity, strict=True)
        if other.stem == word.stem
    )


_FRAME = stems(
    """passage guideline guidelines source library reference literature publication according states state says say
    report reports define defines defined describe describes definition published cited value values limit threshold"""
)


def _windows(reading: Reading, spoken: Sequence[Word], passages: Sequence[Ground]) -> list[tuple[Reading, ...]]:
    """Places in passages that have the sentence's figures and most of its words; several where they tie.

    A place is the fewest sentences in a row that have enough of the words; a quotation may be longer.
    """
    quoted = bool(_QUOTE.search(reading.text))
    best: list[tuple[Reading, ...]] = []
    most = 0
    for size in range(1, LONGEST_QUOTATION + 1 if quoted else 4):
        if (size > 1 and not quoted and len(reading.figures) > 1) or (best and not quoted):
            break
        for ground in passages:
            for window in _rows(ground.body, size):
                shared = _shared(reading, spoken, window, ground)
                if shared > most:
                    best, most = [window], shared
                elif shared and shared == most and len(window) == len(best[0]):
                    best.append(window)
    return best


def _rows(readings: Sequence[Reading], size: int) -> Iterator[tuple[Reading, ...]]:
    for start in range(len(readings) - size + 1):
        yield tuple(readings[start : start + size])


def _shared(reading: Reading, spoken: Sequence[Word], window: Sequence[Reading], ground: Ground) -> int:
    """How many of the words stand in the window; 0 where too few do or a figure is not there."""
    said = {word.stem for sentence in window for word in sentence.words}
    near = said | _FRAME | ground.frame
    framed = sum(word.stem in near for word in spoken)
    there = [figure for sentence in window for figure in sentence.figures]
    absent = [
        figure
        for figure in reading.figures
        if not any(figure.same(other) for other in (*there, *_frame_figures(ground)))
    ]
    if absent or framed < WINDOW_SHARE * max(1, len(spoken)):
        return 0
    return sum(word.stem in said for word in spoken)


def _frame_figures(ground: Ground) -> tuple[Figure, ...]:
    if not isinstance(ground.evidence, Passage):
        return ()
    return tuple(figure for text in frame_of(ground.evidence) for figure in read(text).figures)


def word_findings(assertion: Assertion) -> Iterator[Finding]:
    """A sentence about the images has no word that neither reports nor stands in cited evidence."""
    excused = assertion.cannot and assertion.cannot_because
    if assertion.cannot and not excused and not assertion.of(Passage):
        yield unsupported("no cited evidence says why this cannot be done: cite a limitation, an absence or a caveat")
    phrases = limit_phrases(assertion.reading) if assertion.of(Passage) else ()
    ordered = is_order(assertion.reading)
    phrased = {index for phrase in phrases for index in phrase.words}
    settled = {index for mention in assertion.mentions for index in mention.words}
    absence = _absence_told(assertion)
    unknown: list[str] = []
    denied: list[str] = []
    lent: list[tuple[Word, Polarity]] = []
    whether = [word.start for word in assertion.reading.words if word.text in ("whether", "if")]
    compared = {
        index + step
        for index, word in enumerate(assertion.reading.words)
        if word.text in ("compare", "compared", "comparison")
        for step in range(1, 13)
    }
    for index, (word, polarity) in enumerate(assertion.paired()):
        if word.stem in FUNCTION_STEMS or word.text in _CUES or word.text in SIDES or index in phrased:
            continue
        own = [ground for ground in assertion.grounds if not isinstance(ground.evidence, Passage)]
        under = polarity is Polarity.DENIED or any(start < word.start for start in whether) or index in compared
        if excused and word.stem in _INABILITY and (word.stem not in _QUALIFIERS or under):
            continue
        if _carried(word, polarity, own, assertion):
            if (
                polarity is not Polarity.AFFIRMED
                and index not in settled
                and not (absence or excused or any(polarity in ground.said.get(word.stem, ()) for ground in own))
            ):
                denied.append(word.text)
            continue
        related = ordered or any(figure.relation for figure in assertion.reading.figures)
        if (related and word.stem in _RELATIONS) or (ordered and word.stem == "overlap"):
            continue
        if any(word.stem in ground.names or word.stem in ground.said for ground in assertion.of(Passage)):
            lent.append((word, polarity))
        elif word.stem not in _FRAME or not assertion.of(Passage):
            unknown.append(word.text)
    if unknown:
        yield unsupported(f"no cited evidence carries: {', '.join(repr(word) for word in dict.fromkeys(unknown))}")
    if (
        not assertion.mentions
        and not assertion.context
        and all(word.stem in FUNCTION_STEMS for word in assertion.reading.words)
    ):
        yield unsupported("the sentence does not say what it is about")
    if denied:
        yield unsupported(f"the sentence denies {', '.join(repr(word) for word in denied)}, and no cited evidence does")
    if _empty_denial(assertion):
        yield unsupported("it cannot be read what the sentence denies; write it out")
    yield from _comparison_findings(assertion, lent, phrases, bool(excused))


def _carried(word: Word, polarity: Polarity, grounds: Sequence[Ground], assertion: Assertion) -> bool:
    if any(ground.carries(word.stem, polarity) for ground in grounds):
        return True
    tag = tag_of(word.text)
    if tag is not None:
        near = {"long": {"long", "max"}, "max": {"long", "max"}}.get(tag, {tag})
        return any(ground.tags & near for ground in grounds)
    if word.text in _AMOUNTS:
        return False
    images = {ground.evidence.image for ground in grounds}
    modalities = {image.modality.value for image in assertion.case.images if image.id in images}
    if any(word.stem in stems(f"{code} {MODALITY_WORDS.get(code, '')}") for code in modalities):
        return True
    if assertion.statements and word.stem in _ATTRIBUTION:
        return True
    return word.stem in _REPORT and any(not isinstance(ground.evidence, Passage) for ground in grounds)


def _absence_told(assertion: Assertion) -> bool:
    """Whether the sentence's denial is that of a cited absence."""
    for mention in assertion.mentions:
        if not mention.subject or not any(ground.speaks_of(mention) for ground in assertion.of(Absence)):
            continue
        lent = not mention.words
        if lent or assertion.searched or assertion.reading.polarity[mention.words[-1]] is Polarity.DENIED:
            return True
    return False


def _empty_denial(assertion: Assertion) -> bool:
    """Whether a trigger of denial stands with nothing in its reach."""
    return assertion.reading.cues == 1 and not assertion.reading.denies and not assertion.cannot


def _comparison_findings(
    assertion: Assertion, lent: Sequence[tuple[Word, Polarity]], phrases: Sequence[LimitPhrase], excused: bool
) -> Iterator[Finding]:
    """Words that only a passage carries say something of the patient only as far as code can check it."""
    measured, passages = assertion.of(Measurement), assertion.of(Passage)
    reading = assertion.reading
    compares = any(word.text == "than" for word in reading.words)
    if is_order(reading):
        if objection := check_order(reading, measured):
            yield contradicted(objection.reason) if objection.false else unsupported(objection.reason)
    elif compares and not passages and not any(figure.relation for figure in reading.figures):
        yield unsupported("a comparison between measurements is not recorded; state each by itself")
    if excused:
        return
    for phrase in phrases:
        if objection := check_phrase(phrase, measured, passages, assertion.case):
            yield contradicted(objection.reason) if objection.false else unsupported(objection.reason)
    judged = [(word, polarity) for word, polarity in lent if word.stem in _ASSESSMENT and word.stem not in _HEDGES]
    if judged and not measured and not assertion.seen and not assertion.of(Absence, ImageFacts, View):
        judged = []
    if judged:
        if objection := check_assessment(judged, measured, passages, assertion.case):
            yield contradicted(objection.reason) if objection.false else unsupported(objection.reason)
            return
        said = {word.stem for ground in passages for sentence in ground.readings for word in sentence.words}
        if (
            said & _HEDGES
            and not {word.stem for word in reading.words} & _HEDGES
            and {word.stem for word, _ in judged} - _QUALIFIERS
        ):
            yield unsupported(f"the cited passage is less certain: it says {', '.join(sorted(said & _HEDGES))}")


def no_limit_findings(assertion: Assertion) -> Iterator[Finding]:
    """That a passage has no limit for a measurement is checked against its limits."""
    passages = assertion.of(Passage)
    if not no_limit_applies(assertion.of(Measurement), passages):
        yield contradicted("a cited passage has a limit that applies to a cited measurement; compare with it")
    known = _REPORT | FUNCTION_STEMS | _FRAME | stems("near limit threshold range applies alone here gives")
    names = frozenset[str]().union(*(ground.names for ground in assertion.grounds))
    words = read(assertion.unquoted).words
    unknown = [
        word.text
        for word in words
        if word.stem not in known | names and word.text not in SIDES and word.text not in _CUES
    ]
    if unknown:
        yield unsupported(f"no cited evidence carries: {', '.join(repr(word) for word in unknown)}")
