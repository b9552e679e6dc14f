"""Words of a sentence: stems, sides, what is denied, and which structures are spoken of.

Denial is read in the tradition of NegEx and ConText (Harkema 2009, doi:10.1016/j.jbi.2009.05.002):
triggers with a direction, pseudo-triggers, and scopes that end at a terminator. Two denials cancel.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from graphs.lexicon import (
    ABSENT_WORDS,
    ALIASES,
    FUNCTION,
    NAME_TAGS,
    NO_WORDS,
    NOT_WORDS,
    PRESENCE_WORDS,
    PSEUDO,
    SIDES,
    TERMINATORS,
    UNCERTAIN,
)
from graphs.reading_numbers import Figure, figures
from knowledge.evidence import Side


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
class Mention:
    """A structure the sentence speaks of.

    Attributes:
        subject: Stems of its name without the side; empty where only a side is named.
        side: "left", "right", "both", "midline", "one" or None.
        plural: Whether the name stands in the plural.
        start: Place in the text; -1 where a heading lends it.
        words: Indices of its words.
    """

    subject: tuple[str, ...]
    side: str | None
    plural: bool
    start: int
    end: int
    words: tuple[int, ...] = ()


@dataclass(frozen=True)
class Naming:
    """Words that name a quantity, as notions such as {"long", "length"}."""

    tags: frozenset[str]
    start: int


@dataclass(frozen=True)
class Reading:
    """A text read once: its words with polarity, figures and codes; `cues` counts triggers of denial."""

    text: str
    words: tuple[Word, ...]
    polarity: tuple[Polarity, ...]
    cues: int
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
        lower = match[0].lower().replace("’", "'")
        if lower.endswith("n't"):
            lower = _CONTRACTED.get(lower[:-3], "not")
        words.append(Word(lower, stem(lower), match.start(), match.end()))
    polarity, cues = _polarities(text, words)
    return Reading(text, tuple(words), polarity, cues, numbers, tuple(text[start:end] for start, end in codes))


def find(words: Sequence[Word], pattern: Sequence[str]) -> list[int]:
    """Indices at which the words (or stems) of `pattern` stand in a row."""
    size = len(pattern)
    return [
        index
        for index in range(len(words) - size + 1)
        if all(pattern[step] in (words[index + step].text, words[index + step].stem) for step in range(size))
    ]


_TRIGGERS = NO_WORDS | NOT_WORDS | ABSENT_WORDS


def _polarities(text: str, words: Sequence[Word]) -> tuple[tuple[Polarity, ...], int]:
    count = len(words)
    flips = [0] * count
    cues = 0
    pseudo: set[int] = set()
    open_scopes: set[int] = set()
    breaks = _breaks(text, words)
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
    first = max((start for start in breaks if start <= index), default=0)
    last = min((start for start in breaks if start > index), default=count)
    return first, last


def sides_of(side: Side | None, target: str) -> str | None:
    """The side of a piece of evidence, by its field or by its target's name."""
    if side is not None:
        return side.value
    named = {SIDES[word] for word in re.findall(r"[a-z]+", target.lower()) if word in SIDES}
    return named.pop() if len(named) == 1 else "both" if named >= {"left", "right"} else None


def subject_of(target: str) -> tuple[str, ...]:
    """Stems of a target's name without its side."""
    return tuple(
        stem(word)
        for word in re.findall(r"[^\W\d_]+", target.lower())
        if word not in SIDES and word not in ("the", "of")
    )


def mentions(reading: Reading, subjects: Collection[tuple[str, ...]]) -> tuple[Mention, ...]:
    """Structures and sides that a sentence speaks of, in order.

    Args:
        reading: The sentence.
        subjects: Names it may know, as `subject_of` gives them; the last word alone also counts.
    """
    words = reading.words
    names = sorted({*subjects, *(name[-1:] for name in subjects)} - {()}, key=len, reverse=True)
    found: list[Mention] = []
    index = 0
    while index < len(words):
        name = next(
            (name for name in names if tuple(word.stem for word in words[index : index + len(name)]) == name), None
        )
        if name is not None:
            last = words[index + len(name) - 1]
            plural = last.text.endswith("s") and last.text != last.stem and not last.text.endswith(("ss", "us", "is"))
            span = tuple(range(index, index + len(name)))
            found.append(Mention(name, None, plural, words[index].start, last.end, span))
            index += len(name)
            continue
        if words[index].text in SIDES:
            found.append(Mention((), SIDES[words[index].text], False, words[index].start, words[index].end, (index,)))
        index += 1
    return tuple(_located(_sided(found, reading.text), reading))


def _sided(found: list[Mention], text: str) -> list[Mention]:
    """Join a side to the structure it belongs to: "left lung", "lung on the left", "left and right lungs"."""
    joined: list[Mention] = []
    for mention in reversed(found):
        following = joined[-1] if joined else None
        between = text[mention.end : following.start] if following else ""
        close = following is not None and len(between.split()) <= 2 and not re.search(r"[\d.;:,()]", between)
        if mention.side and not mention.subject and following and close and following.subject:
            listed = re.fullmatch(r"\s*(?:and|or|/|,|-)\s*(?:the )?", between)
            if following.side is None and not listed:
                joined[-1] = replace(
                    following, side=mention.side, start=mention.start, words=(*mention.words, *following.words)
                )
                continue
            if listed:
                joined.append(replace(mention, subject=following.subject))
                continue
            if following.side in ("left", "right", "both") and mention.side == "both":
                continue
        joined.append(mention)
    ordered = joined[::-1]
    merged: list[Mention] = []
    for mention in ordered:
        previous = merged[-1] if merged else None
        between = text[previous.end : mention.start] if previous else ""
        if (
            previous is not None and previous.subject and previous.side is None and mention.side and not mention.subject
            and re.fullmatch(r"[ ,(]*(?:on|at|in)?(?: the)? *", between)
        ):  # fmt: skip
            merged[-1] = replace(previous, side=mention.side, end=mention.end, words=(*previous.words, *mention.words))
        else:
            merged.append(mention)
    return merged


def _located(found: list[Mention], reading: Reading) -> list[Mention]:
    """Fold a place into what lies there: "the nodule in the left lung" speaks of a nodule on the left."""
    folded: list[Mention] = []
    for mention in found:
        previous = folded[-1] if folded else None
        between = reading.text[previous.end : mention.start] if previous else ""
        if (
            previous is not None and previous.subject and mention.subject and previous.subject != mention.subject
            and re.fullmatch(r"\s*(?:in|within|inside|of|at)(?: the| both| a)?\s*", between)
        ):  # fmt: skip
            side = previous.side or mention.side
            folded[-1] = replace(previous, side=side, end=mention.end, words=(*previous.words, *mention.words))
        else:
            folded.append(mention)
    return folded


_AXES = ("x", "y", "z")


def tag_of(word: str) -> str | None:
    """The notion a word names a quantity by."""
    return NAME_TAGS.get(word) or NAME_TAGS.get(word.removesuffix("s"))


def namings(reading: Reading) -> tuple[Naming, ...]:
    """Names of quantities in order; "long and short axis" is two."""
    found: list[Naming] = []
    end = -1
    for word in reading.words:
        tag = tag_of(word.text)
        if word.text in _AXES and found and not reading.text[end : word.start].strip(" -"):
            tag = word.text
        if tag is None:
            continue
        between = reading.text[end : word.start] if end >= 0 else ""
        if found and re.fullmatch(r"[\s-]*(?:in-plane |D |of |standard )?", between):
            found[-1] = Naming(found[-1].tags | {tag}, found[-1].start)
        else:
            found.append(Naming(frozenset({tag}), word.start))
        end = word.end
    return tuple(found)


def tags_of(name: str) -> frozenset[str]:
    """Notions in a quantity's name."""
    words = re.findall(r"[a-z]+", name.lower())
    return frozenset(tag_of(word) or word for word in words if tag_of(word) or word in _AXES)


def governed(count: int, places: Sequence[int], groups: Sequence[int]) -> list[tuple[int, ...]]:
    """For each group of figures, which of `count` mentions govern it.

    Equal numbers pair in order ("the left and right lungs measure 5 and 6 mL"). Otherwise a group
    belongs to the run of mentions before it, or, where none stands before, to nothing.

    Args:
        count: Number of mentions.
        places: Start of each mention, ascending.
        groups: Start of each group of figures, ascending.
    """
    if count == len(groups):
        return [(index,) for index in range(count)]
    result: list[tuple[int, ...]] = []
    for position, start in enumerate(groups):
        before = [index for index in range(count) if places[index] < start]
        if not before:
            leading = [
                index for index in range(count) if position + 1 >= len(groups) or places[index] < groups[position + 1]
            ]
            result.append(tuple(leading[:1]) if count < len(groups) - 1 or count == 1 else ())
            continue
        # The run: mentions back to the figures before them.
        floor = max((other for other in groups if other < places[before[-1]]), default=-2)
        run = [index for index in before if places[index] > floor]
        beside = [other for other in groups if floor < other and other > places[run[-1]]]
        if len(run) > 1:
            stop = min((places[index] for index in range(count) if places[index] > start), default=1 << 30)
            row = [other for other in beside if other < stop]
            if len(row) == len(run):
                result.append((run[row.index(start)],))
                continue
        result.append(tuple(run))
    return result
