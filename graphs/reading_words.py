"""Words of a sentence: stems, and what is affirmed, denied or left open.

Denial is read in the tradition of NegEx and ConText (Harkema 2009, doi:10.1016/j.jbi.2009.05.002):
triggers with a direction, pseudo-triggers, and scopes that end at a terminator. Two denials cancel.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from graphs.lexicon import (
    ABSENT_WORDS,
    ALIASES,
    FUNCTION,
    NO_WORDS,
    NOT_WORDS,
    PRESENCE_WORDS,
    PSEUDO,
    TERMINATORS,
    UNCERTAIN,
)
from graphs.reading_numbers import Figure, figures


class Polarity(StrEnum):
    """Whether a sentence affirms a word, denies it, or leaves it open."""

    AFFIRMED = "affirmed"
    DENIED = "denied"
    OPEN = "open"


@dataclass(frozen=True)
class Word:
    """A word as it stands in a text, in lower case, with its stem."""

    text: str
    stem: str
    start: int
    end: int


@dataclass(frozen=True)
class Reading:
    """A text read once: its words with polarity, figures and codes; `cues` counts triggers of denial,
    and `clauses` gives for each word the number of its clause."""

    text: str
    words: tuple[Word, ...]
    polarity: tuple[Polarity, ...]
    cues: int
    clauses: tuple[int, ...]
    figures: tuple[Figure, ...]
    codes: tuple[str, ...]

    @property
    def denies(self) -> bool:
        """Whether any word is denied or left open."""
        return any(polarity is not Polarity.AFFIRMED for polarity in self.polarity)

    def at(self, position: int) -> Polarity:
        """Polarity at a place in the text: that of the word before it in its clause."""
        found = Polarity.AFFIRMED
        for word, polarity in zip(self.words, self.polarity, strict=True):
            if word.start >= position:
                break
            found = polarity
        return found

    def has(self, *stems: str) -> bool:
        """Whether these stems stand beside each other."""
        return bool(find(self.words, stems))


_WORD = re.compile(r"(?:[^\W\d_]+(?:n['’]t)|[^\W\d_]+)")
_CONTRACTED = {"can": "cannot", "won": "not", "shan": "not", "ca": "cannot"}


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """A word without its inflection: "measures", "measured" and "measuring" are one."""
    word = ALIASES.get(word, word)
    if len(word) <= 3:
        return word
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith(("sses", "shes", "ches", "xes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ingly", "edly", "ing", "ed", "ly"):
        if (
            word.endswith(ending)
            and len(word) - len(ending) >= 3
            and any(vowel in "aeiouy" for vowel in word[: -len(ending)])
        ):
            word = word[: -len(ending)]
            if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            break
    return word[:-1] if word.endswith("e") and len(word) > 4 else word


def stems(text: str) -> frozenset[str]:
    """Stems of all words of a list."""
    return frozenset(stem(word) for word in re.findall(r"[^\W\d_]+", text.lower()))


FUNCTION_STEMS = stems(FUNCTION)


@lru_cache(maxsize=4096)
def read(text: str) -> Reading:
    """Read a sentence or a short text."""
    numbers, codes = figures(text)
    taken = sorted([(figure.start, figure.end) for figure in numbers] + list(codes))
    words: list[Word] = []
    index = 0
    for match in _WORD.finditer(text):
        while index < len(taken) and taken[index][1] <= match.start():
            index += 1
        if index < len(taken) and taken[index][0] < match.end():
            continue
        lower = match[0].lower().replace("’", "'").rstrip("²³")
        if lower.endswith("n't"):
            lower = _CONTRACTED.get(lower[:-3], "not")
        words.append(Word(lower, stem(lower), match.start(), match.end()))
    breaks = _breaks(text, words)
    polarity, cues = _polarities(text, words, breaks)
    clauses = tuple(bisect_right(breaks, index) for index in range(len(words)))
    return Reading(text, tuple(words), polarity, cues, clauses, numbers, tuple(text[start:end] for start, end in codes))


def find(words: Sequence[Word], pattern: Sequence[str]) -> list[int]:
    """Indices at which the words (or stems) of `pattern` stand in a row."""
    size = len(pattern)
    return [
        index
        for index in range(len(words) - size + 1)
        if all(pattern[step] in (words[index + step].text, words[index + step].stem) for step in range(size))
    ]


_TRIGGERS = NO_WORDS | NOT_WORDS | ABSENT_WORDS


def _polarities(text: str, words: Sequence[Word], breaks: Sequence[int]) -> tuple[tuple[Polarity, ...], int]:
    count = len(words)
    flips = [0] * count
    cues = 0
    pseudo: set[int] = set()
    open_scopes: set[int] = set()
    for seeming in PSEUDO:
        for index in find(words, seeming):
            if seeming == ("not", "only") and not any(word.text == "but" for word in words[index:]):
                continue
            pseudo.update(range(index, index + len(seeming)))
    for doubting in UNCERTAIN:
        for index in find(words, doubting):
            pseudo.update(range(index, index + len(doubting)))
            first, last = _clause(index, breaks, count)
            open_scopes.update(range(first, last))
    for index, word in enumerate(words):
        if index in pseudo or word.text not in _TRIGGERS:
            continue
        cues += 1
        first, last = _clause(index, breaks, count)
        if first and ":" in text[words[first - 1].end : words[first].start]:
            label, _ = _clause(first - 1, breaks, count)
            first = label if first - label <= _LABEL else first
        if word.text in NO_WORDS or word.text in NOT_WORDS:
            for step in range(index + 1, last):
                flips[step] += 1
        if word.text in NOT_WORDS:
            ahead = [following.text for following in words[index + 1 : min(last, index + 4)]]
            if set(ahead) & (PRESENCE_WORDS | ABSENT_WORDS) and not set(ahead) & _DEGREES:
                for step in range(first, index):
                    flips[step] += 1
        if word.text in ABSENT_WORDS:
            for step in range(first, index):
                flips[step] += 1
    polarity = tuple(
        Polarity.OPEN if step in open_scopes else Polarity.DENIED if flips[step] % 2 else Polarity.AFFIRMED
        for step in range(count)
    )
    return polarity, cues


_LABEL = 5
"""Words before a colon that a denial after it may reach, as in "Spleen: absent"."""

_CLAUSE_STARTERS = frozenset("the it its there this that a an both left right and".split())
_AFTER_AND = frozenset("the it its there measures measured has have is are was were shows contains lies".split())
_DEGREES = frozenset("completely fully entirely wholly whole complete entire".split())


def _breaks(text: str, words: Sequence[Word]) -> list[int]:
    """Indices of words that begin a clause a denial does not reach into."""
    found = [0]
    count = len(words)
    for index in range(1, count):
        between = text[words[index - 1].end : words[index].start]
        comma = "," in between or " - " in between or "–" in between or "—" in between
        if (
            words[index].text in TERMINATORS
            or any(letter in between for letter in ";:.!?)(")
            or (comma and words[index].text in _CLAUSE_STARTERS and words[index].text != "and")
            or (words[index].text == "and" and index + 1 < count and words[index + 1].text in _AFTER_AND)
            or (
                comma and words[index].text == "and" and index + 1 < count and words[index + 1].text in _CLAUSE_STARTERS
            )
        ):
            found.append(index)
    return found


def _clause(index: int, breaks: Sequence[int], count: int) -> tuple[int, int]:
    place = bisect_right(breaks, index)
    return breaks[place - 1], breaks[place] if place < len(breaks) else count
