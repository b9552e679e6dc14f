"""Rules on where a sentence comes from: who said it, which image, which modality, codes and scripts."""

import re
from collections.abc import Iterator

from graphs.assertion import Assertion, Finding, contradicted, unsupported
from graphs.grounds import Ground
from graphs.lexicon import (
    MODALITY_WORDS,
)
from graphs.reading_words import Polarity, find, stem, stems
from knowledge.case import Modality
from knowledge.evidence import (
    ImageFacts,
)

_MODALITIES = {
    stem(word): code for code, words in MODALITY_WORDS.items() for word in words.split() if word not in ("x", "ray")
}


def source_findings(assertion: Assertion) -> Iterator[Finding]:
    """Who said it, which image, which modality, and codes such as "T1" agree with what is cited."""
    images = {ground.evidence.image for ground in assertion.grounds if ground.evidence.image}
    for code in assertion.reading.codes:
        if code in assertion.sentence.citations or code in images:
            continue
        if re.fullmatch(r"I\d+", code) and images:
            yield contradicted(f"the cited evidence is of {', '.join(sorted(images))}, not of {code}")
        elif not any(_has_code(ground, code) for ground in assertion.grounds):
            yield unsupported(f"{code!r} does not stand in the cited evidence, or is no number that can be read")
    if any(letter.isalpha() and not _latin(letter) for letter in assertion.sentence.text):
        texts = " ".join(text for ground in assertion.grounds for text in ground.texts)
        if any(letter.isalpha() and not _latin(letter) and letter not in texts for letter in assertion.sentence.text):
            yield unsupported("letters of another script stand in the sentence; write it in English")
    if any(
        letter.isnumeric() and not letter.isdecimal() and letter not in "²³⁰¹⁴⁵⁶⁷⁸⁹"
        for letter in assertion.sentence.text
    ):
        yield unsupported("a numeral in the sentence cannot be read; write it in digits")
    if assertion.statements and not assertion.attributed:
        yield unsupported("a statement is heard, not verified; write who said it")
    yield from _origin_findings(assertion)
    yield from _modality_findings(assertion, images)


def _origin_findings(assertion: Assertion) -> Iterator[Finding]:
    """Where a fact of the image comes from is what its record says."""
    said = {word.stem for word, polarity in assertion.paired() if polarity is Polarity.AFFIRMED}
    facts = [
        (stems(name.replace("_", " ")), origin, value.lower())
        for ground in assertion.of(ImageFacts)
        if isinstance(ground.evidence, ImageFacts)
        for name, (value, origin) in ground.evidence.facts.items()
    ]
    named = [
        (origin, value) for name, origin, value in facts if name <= {word.stem for word in assertion.reading.words}
    ]
    for origin, words in _ORIGINS.items():
        if named and said & words and origin not in {other for other, _ in named}:
            yield contradicted(f"no fact the sentence names is {origin}: see where each comes from")
    known = any(find(assertion.reading.words, (verb, "known")) for verb in ("is", "are"))
    if not named or not known or "known" not in said or assertion.reading.has("what", "is", "known"):
        return
    if all(value.startswith("unknown") or origin == "unknown" for origin, value in named):
        yield contradicted("the facts that the sentence names are unknown")


_ORIGINS = {
    "header": stems("header"),
    "inferred": stems("inferred"),
    "assumed": stems("assumed assumption"),
}


def _latin(letter: str) -> bool:
    return letter.isascii() or letter in "µμαβγδ" or "À" <= letter <= "ɏ"


def _has_code(ground: Ground, code: str) -> bool:
    names = (ground.target, getattr(ground.quantity, "name", ""), *getattr(ground.evidence, "known", ()))
    pattern = re.compile(rf"(?<![^\W_]){re.escape(code)}(?![^\W_])", re.IGNORECASE)
    return any(pattern.search(text) for text in (*ground.texts, *names))


def _modality_findings(assertion: Assertion, images: set[str]) -> Iterator[Finding]:
    known = {image.modality for image in assertion.case.images if image.id in images} - {Modality.UNKNOWN}
    if not known:
        return
    for word in assertion.reading.words:
        code = _MODALITIES.get(word.stem)
        if code is None or (word.stem == "us" and word.text != "ultrasound"):
            continue
        fitting = any(word.stem in stems(MODALITY_WORDS.get(modality.value, "")) for modality in known)
        if not fitting and not any(
            ground.carries(word.stem, Polarity.AFFIRMED) or word.stem in ground.said for ground in assertion.grounds
        ):
            yield contradicted(
                f"the image is {', '.join(sorted(modality.value for modality in known))}, not {word.text!r}"
            )
