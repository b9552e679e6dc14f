"""The words of a sentence that the vocabulary knows, by longest match."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from itertools import product

from knowledge.findings import anatomy, cues, terms
from knowledge.findings.finding import Severity
from knowledge.findings.words import Token, lemma


class Kind(Enum):
    """What a phrase does in a sentence."""

    TERM = auto()
    PLACE = auto()
    ADJECTIVE = auto()
    NORMAL = auto()
    NEGATION = auto()
    NEGATION_AFTER = auto()
    PSEUDO = auto()
    UNCERTAIN_CLAUSE = auto()
    UNCERTAIN_NEAR = auto()
    UNCERTAIN_AFTER = auto()
    NOT_ASSERTED = auto()
    TERMINATOR = auto()
    SIDE = auto()
    SEVERITY = auto()
    COURSE = auto()


@dataclass(frozen=True)
class Tag:
    """A phrase of the vocabulary in a sentence: tokens `first` up to, not including, `last`."""

    kinds: dict[Kind, str]
    first: int
    last: int
    text: str

    def has(self, *kinds: Kind) -> bool:
        """Whether it is of one of these kinds."""
        return any(kind in self.kinds for kind in kinds)


def phrases(text: str) -> Iterable[tuple[str, ...]]:
    """The phrases of a list in the vocabulary's notation, each as lemmas."""
    for phrase in text.split(";"):
        alternatives = [[lemma(word) for word in choice.split("/")] for choice in phrase.split()]
        if alternatives:
            yield from product(*alternatives)


Lexicon = dict[str, list[tuple[tuple[str, ...], Kind, str]]]


@cache
def lexicon() -> Lexicon:
    """Every phrase under its first word, longest first."""
    found: dict[tuple[str, ...], dict[Kind, str]] = defaultdict(dict)

    def add(kind: Kind, value: str, text: str) -> None:
        for phrase in phrases(text):
            found[phrase].setdefault(kind, value)

    for name, (_, _, text) in terms.TERMS.items():
        add(Kind.TERM, name, text)
    for name, (_, text) in anatomy.PLACES.items():
        add(Kind.PLACE, name, text)
    for phrase in phrases(terms.ADJECTIVES):
        word = " ".join(phrase)
        found[phrase].setdefault(Kind.ADJECTIVE, terms.SAME_AS.get(word, word))
    for kind, text in (
        (Kind.NORMAL, cues.NORMAL),
        (Kind.NEGATION, cues.NEGATION),
        (Kind.NEGATION_AFTER, cues.NEGATION_AFTER),
        (Kind.PSEUDO, cues.PSEUDO_NEGATION),
        (Kind.UNCERTAIN_CLAUSE, cues.UNCERTAIN_CLAUSE),
        (Kind.UNCERTAIN_NEAR, cues.UNCERTAIN_NEAR),
        (Kind.UNCERTAIN_AFTER, cues.UNCERTAIN_AFTER),
        (Kind.NOT_ASSERTED, cues.NOT_ASSERTED),
        (Kind.TERMINATOR, cues.TERMINATORS),
    ):
        add(kind, "", text)
    add(Kind.NORMAL, "", cues.UPPER_NORMAL)
    add(Kind.SEVERITY, Severity.BORDERLINE.value, cues.UPPER_NORMAL)
    for side, text in cues.SIDES.items():
        add(Kind.SIDE, side, text)
    for severity, text in cues.SEVERITIES.items():
        add(Kind.SEVERITY, severity.value, text)
    for course, text in cues.COURSES.items():
        add(Kind.COURSE, course.value, text)

    by_first: Lexicon = defaultdict(list)
    for phrase, kinds in found.items():
        by_first[phrase[0]].extend((phrase, kind, value) for kind, value in kinds.items())
    for entries in by_first.values():
        entries.sort(key=lambda entry: -len(entry[0]))
    return dict(by_first)


_LOBES = {"ul": "upper lobe", "ml": "middle lobe", "ll": "lower lobe"}
# Function words inside a phrase, such as "size of (the) heart".
_SKIPPED = frozenset({"the", "a", "an"})


def _match(tokens: Sequence[Token], at: int, phrase: tuple[str, ...]) -> int:
    """The end of `phrase` from `at`, articles skipped; 0 where it does not stand there."""
    place = at
    for number, word in enumerate(phrase):
        while number and place < len(tokens) and tokens[place].lemma in _SKIPPED and word not in _SKIPPED:
            place += 1
        if place >= len(tokens) or tokens[place].lemma != word:
            return 0
        place += 1
    return place


def _abbreviation(token: Token) -> dict[Kind, str] | None:
    """RLL and the like."""
    text = token.text
    if len(text) == 3 and text.isupper() and text[0] in "LR" and text[1:].lower() in _LOBES:
        return {Kind.SIDE: "left" if text[0] == "L" else "right", Kind.PLACE: _LOBES[text[1:].lower()]}
    return None


def tag(tokens: Sequence[Token]) -> list[Tag]:
    """The known phrases of a sentence from left to right, none over another."""
    found = []
    at = 0
    entries = lexicon()
    while at < len(tokens):
        short = _abbreviation(tokens[at])
        if short:
            found.append(Tag(short, at, at + 1, tokens[at].text))
            at += 1
            continue
        kinds: dict[Kind, str] = {}
        end = 0
        length = 0
        for phrase, kind, value in entries.get(tokens[at].lemma, ()):
            if length and len(phrase) < length:
                break
            stop = _match(tokens, at, phrase)
            if stop:
                kinds[kind], end, length = value, stop, len(phrase)
        if kinds:
            text = " ".join(token.text for token in tokens[at:end])
            found.append(Tag(kinds, at, end, text))
            at = end
        else:
            at += 1
    return found
