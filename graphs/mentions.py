"""Which structures, sides and quantities a sentence names, and which of them its figures belong to."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from graphs.lexicon import NAME_TAGS, SIDES
from graphs.reading_words import Reading, stem
from knowledge.evidence import Side


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
