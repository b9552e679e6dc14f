"""A sentence cut where one statement ends and the next begins, and a clause into the parts of its lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from knowledge.findings import cues
from knowledge.findings.tagging import Kind, Tag
from knowledge.findings.words import Token, lemma

_LINKS = frozenset(cues.LINKS.split())
_COPULAS = frozenset(lemma(word) for word in cues.COPULAS)
_SPLITTING = frozenset({",", "and", "-", "–", "—", "(", ":", ")"})


@dataclass(frozen=True)
class Clause:
    """One statement with its tags.

    Attributes:
        segments: For each token of the sentence, the number of the list member it stands in.
    """

    first: int
    last: int
    tokens: Sequence[Token]
    tags: tuple[Tag, ...]
    segments: tuple[int, ...]

    def of(self, kind: Kind) -> list[Tag]:
        """Its tags of one kind."""
        return [tag for tag in self.tags if kind in tag.kinds]

    def segment(self, tag: Tag) -> int:
        """The list member a tag stands in."""
        return self.segments[tag.first]

    def between(self, first: int, last: int) -> set[str]:
        """Lemmas of the tokens from `first` up to `last`."""
        return {token.lemma for token in self.tokens[first:last]}


def _states(tokens: Sequence[Token], tags: Sequence[Tag], first: int, last: int) -> bool:
    """Whether tokens hold a verb and something for it to be about."""
    verb = any(token.lemma in _COPULAS for token in tokens[first:last])
    subject = any(
        tag.has(Kind.TERM, Kind.PLACE, Kind.ADJECTIVE, Kind.NORMAL) for tag in tags if first <= tag.first < last
    )
    return verb and subject


def split(tokens: Sequence[Token], tags: Sequence[Tag]) -> list[Clause]:
    """The clauses of a sentence, each with at least one token."""
    covered = {place for tag in tags for place in range(tag.first, tag.last)}
    cuts = {0, len(tokens)}
    for tag in tags:
        if tag.has(Kind.TERMINATOR):
            cuts.add(tag.first)
    for place, token in enumerate(tokens):
        if token.lemma == ":" and place not in covered:
            cuts.add(place)
    for place, token in enumerate(tokens):
        if place in covered or token.lemma not in _SPLITTING:
            continue
        before = max(cut for cut in cuts if cut <= place)
        after = min(cut for cut in cuts if cut > place)
        following = next((cut for cut in range(place + 1, after) if tokens[cut].lemma == ","), after)
        if _states(tokens, tags, before, place) and _states(tokens, tags, place, following):
            cuts.add(place)
    parting = {tag.first for tag in tags if tag.text.lower() in ("without", "versus", "vs", "as well as")}
    segments, number = [], 0
    for place, token in enumerate(tokens):
        if (place not in covered and token.lemma in _LINKS) or place in parting:
            number += 1
        segments.append(number)
    edges = sorted(cuts)
    return [
        Clause(first, last, tokens, tuple(tag for tag in tags if first <= tag.first < last), tuple(segments))
        for first, last in pairwise(edges)
        if first < last
    ]
