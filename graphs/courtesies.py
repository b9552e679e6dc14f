"""What in a draft is no statement of fact: a closed set of patterns; anything else needs evidence."""

import re
from collections.abc import Collection

from graphs.claims import Sentence
from graphs.draft import Kind
from graphs.lexicon import (
    ANATOMY,
    ASSESSMENT,
    CONVERSATION,
    HEADINGS,
    NAME_TAGS,
    NOTICE_WORDS,
    QUESTION,
    SIDES,
    SPEAKERS,
)
from graphs.reading_words import FUNCTION_STEMS, Polarity, Reading, read, stems

_ASSESSMENT = stems(ASSESSMENT)
_ANATOMY = stems(ANATOMY)
_HEADINGS = stems(HEADINGS)
_CONVERSATION = stems(CONVERSATION)
_QUESTION = stems(QUESTION)
_NOTICE = stems(NOTICE_WORDS)
_NAMES = stems(" ".join((*NAME_TAGS, *SIDES)))
_UNITS = stems("mm cm mL HU px millimetres centimetres pixels percent voxels units")
_ASKING = re.compile(
    r"(?:(?:please|so|and|hello|hi|doctor)[,:]? )*(?:would you like|do you (?:want|wish|need|have|mean)|"
    r"shall i|should i|may i|can i|could you|can you|which|what|where|how|is there any|are there any)\b",
    re.IGNORECASE,
)


def is_fact(sentence: Sentence, kind: Kind, targets: Collection[str]) -> bool:
    """Whether a sentence states something that evidence must carry.

    Not facts are, without any citation mark: headings and heads of tables, the notice that a
    qualified reader must confirm, questions to the clinician, and sentences purely about the
    conversation. Each is recognised by a closed vocabulary, so that nothing can ride along.

    Args:
        sentence: The sentence.
        kind: Of the block it stands in.
        targets: Stems of the names of this conversation's targets.
    """
    if sentence.citations or sentence.faults:
        return True
    if not any(letter.isalnum() for letter in sentence.text):
        return False
    reading = read(sentence.text)
    structures = frozenset(targets) - _ASSESSMENT
    return not (
        _is_heading(reading, kind, structures)
        or _is_notice(reading)
        or _is_question(reading, structures)
        or _is_conversation(reading)
    )


def _said(reading: Reading) -> frozenset[str]:
    return frozenset(word.stem for word in reading.words)


def _is_heading(reading: Reading, kind: Kind, structures: frozenset[str]) -> bool:
    bare = not reading.figures and not reading.codes and not reading.denies
    if kind in ("heading", "row"):
        return bare and _said(reading) <= _HEADINGS | FUNCTION_STEMS | _NAMES | _UNITS | structures
    title = len(reading.words) <= 4 and reading.text[-1:].isalpha()
    return kind == "prose" and title and bare and _said(reading) <= _HEADINGS


def _is_notice(reading: Reading) -> bool:
    said = _said(reading)
    affirmed = {
        word.stem
        for word, polarity in zip(reading.words, reading.polarity, strict=True)
        if polarity is Polarity.AFFIRMED
    }
    bare = not reading.figures and not reading.codes
    return bare and said <= _NOTICE and "qualifi" in " ".join(affirmed) and "confirm" in affirmed


def _is_question(reading: Reading, structures: frozenset[str]) -> bool:
    if not reading.text.endswith("?") or reading.figures or reading.denies or not _ASKING.match(reading.text):
        return False
    # To offer a normal value to look up says nothing of this patient.
    asked = read(re.sub(r"\b(?:a|the) normal (?:value|range)s?\b", "", reading.text))
    known = _QUESTION | _ANATOMY | _NAMES | structures
    return _said(asked) <= known and all(re.fullmatch(r"I\d+", code) for code in reading.codes)


def _is_conversation(reading: Reading) -> bool:
    opening = [word.text for word in reading.words[:2]]
    counted = all(figure.word and figure.dimension is None for figure in reading.figures)
    if reading.denies or reading.codes or not counted or not SPEAKERS.intersection(opening):
        return False
    return _said(reading) <= _CONVERSATION
