"""What a clause names: findings by their own word, by adjective and structure, or denied by "normal"."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from knowledge.findings import anatomy, terms
from knowledge.findings.clauses import Clause
from knowledge.findings.finding import Severity
from knowledge.findings.measures import Figure
from knowledge.findings.tagging import Kind, Tag

_JOINED = frozenset({",", "and", "or", "/", "the", "a", "of", "&", "both", "left", "right", "bilateral", "pulmonary"})
_PARTING = frozenset("in of at on over is are was were appear with to from near".split())
_VERBS = frozenset("is are was were appear remain look".split())
_VOLUME_WORDS = ("aerated", "expanded", "inflated", "ventilated")


@dataclass
class Mention:
    """A finding named in a clause, before its attributes are gathered.

    Attributes:
        at: The tag that a negation before or after must reach.
        places: Structures that are part of its name.
        denied: Whether it is by itself a denial, as "normal" is.
    """

    concept: str
    region: str
    at: Tag
    places: tuple[Tag, ...] = ()
    denied: bool = False
    neutral: bool = False
    attributes: list[Tag] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)

    @property
    def first(self) -> int:
        """First token."""
        return min(self.at.first, *(tag.first for tag in self.places)) if self.places else self.at.first

    @property
    def last(self) -> int:
        """Token after the last."""
        return max(self.at.last, *(tag.last for tag in self.places)) if self.places else self.at.last

    def distance(self, token: int) -> int:
        """Tokens from its nearer end to `token`; 0 inside."""
        if self.first <= token < self.last:
            return 0
        return min(abs(token - self.first), abs(token - self.last + 1))


def _organ(place: str) -> str:
    return anatomy.PLACES[place][0] if place else "chest"


def normal_concepts(place: str) -> tuple[str, ...]:
    """The findings that a normal `place` is without."""
    return anatomy.NORMAL_OF.get(place, (f"{place} {terms.ABNORMALITY}",))


def region_of(concept: str) -> str:
    """The organ of a concept; empty for what can be anywhere."""
    if concept in terms.TERMS:
        return terms.TERMS[concept][0]
    place = next((name for name in sorted(anatomy.PLACES, key=len, reverse=True) if name in concept), "")
    return _organ(place) if place else ""


def place_of(tag: Tag) -> str:
    """The name of the place that a tag stands for."""
    return tag.kinds[Kind.PLACE]


def _adjective_mentions(clause: Clause, found: list[Mention], subjects: list[Tag]) -> Iterable[Mention]:
    """ "Enlarged" and the like, with the structure beside them."""
    # "Tortuous calcified aorta": what can be anywhere does not take the adjective.
    named = [
        mention.at for mention in found if mention.at.kinds.get(Kind.TERM) not in ("calcification", "atherosclerosis")
    ]
    places = clause.of(Kind.PLACE)
    for tag in clause.of(Kind.ADJECTIVE):
        if tag.has(Kind.TERM):
            continue
        segment = clause.segment(tag)
        own = [place for place in places if place is not tag]
        after = [place for place in own if place.first >= tag.last and clause.segment(place) == segment]
        before = [place for place in own if place.last <= tag.first]
        # "Prominent interstitial markings": the adjective belongs to the finding after it.
        stop = next((term.first for term in named if term.first >= tag.last and clause.segment(term) == segment), None)
        named_pair = bool(after) and (tag.kinds[Kind.ADJECTIVE], place_of(after[0])) in terms.NAMED
        if stop is not None and not named_pair and not clause.between(tag.last, stop) & _PARTING:
            continue
        candidates: list[Tag] = []
        # "The pleura is thickened at the apex": said of what stands before the verb.
        predicative = bool(before) and bool(clause.between(before[-1].last, tag.first) & _VERBS)
        if not predicative and after and (stop is None or after[0].first < stop):
            candidates = [after[0]]
        elif before:
            # Back through "heart and aorta are enlarged".
            candidates = [before[-1]]
            for place in reversed(before[:-1]):
                if clause.between(place.last, candidates[-1].first) <= _JOINED:
                    candidates.append(place)
                else:
                    break
        elif any(place.first - tag.last <= 4 for place in own if place.first >= tag.last):
            candidates = [place for place in own if place.first >= tag.last][:1]
        elif subjects and not named:
            candidates = subjects[-1:]
        word = tag.kinds[Kind.ADJECTIVE]
        only = terms.ONLY_OF.get(word)
        if only and not any(place_of(place) in only for place in candidates):
            candidates = [Tag({Kind.PLACE: only[0]}, tag.first, tag.last, tag.text)]
        for place in candidates:
            name = terms.NAMED.get((word, place_of(place)))
            yield Mention(name or f"{word} {place_of(place)}", _organ(place_of(place)), tag, (place,))


def _normal_mentions(clause: Clause, claimed: set[int], subjects: list[Tag]) -> Iterable[Mention]:
    """ "Normal" and the like, for each structure they speak of."""
    blockers = sorted(
        tag.first
        for tag in clause.tags
        if tag.has(Kind.NORMAL, Kind.ADJECTIVE) or (tag.has(Kind.TERM) and not tag.has(Kind.PLACE))
    )
    places = [tag for tag in clause.of(Kind.PLACE) if tag.first not in claimed]
    for tag in clause.of(Kind.NORMAL):
        back = max((place for place in blockers if place < tag.first), default=-1)
        ahead = min((place for place in blockers if place > tag.first), default=clause.last)
        before = [place for place in places if back < place.first < tag.first]
        after = [place for place in places if tag.last <= place.first < ahead]
        chosen = before or after or subjects
        volume = tag.text.lower().endswith(_VOLUME_WORDS)
        names = {place_of(place): place for place in chosen}
        if not names:
            if volume or tag.text.lower() == "clear":
                names = {"lung": tag}
            elif tag.text.lower() in ("normal", "unremarkable", "negative") and len(clause.tags) == 1:
                names = {"chest": tag}
        for name, place in names.items():
            own = () if place is tag or place not in places else (place,)
            concepts = ("abnormal lung volume",) if volume and _organ(name) == "lung" else normal_concepts(name)
            for concept in concepts:
                yield Mention(concept, _organ(name), tag, own, denied=True)


def _terms(clause: Clause) -> Iterable[tuple[Tag, str]]:
    """The terms of a clause; two that make one finding, as in "calcified lingular granuloma", as that one."""
    tags = clause.of(Kind.TERM)
    skipped: set[int] = set()
    for number, first in enumerate(tags):
        if number in skipped:
            continue
        tag, concept = first, first.kinds[Kind.TERM]
        for other in range(number + 1, len(tags)):
            pair = terms.TOGETHER.get(frozenset((concept, tags[other].kinds[Kind.TERM])))
            if pair and clause.segment(tags[other]) == clause.segment(tag):
                skipped.add(other)
                tag, concept = tags[other], pair
                break
        yield tag, concept


def _spoken_of(clause: Clause, tag: Tag, places: list[Tag]) -> list[Tag]:
    """The structures an "abnormality" is of: before it ("pulmonary or pleural disease"), after it ("of the heart"),
    or the subject of the clause ("the spine shows no abnormality").
    """
    chain: list[Tag] = []
    edge = tag.first
    for place in reversed([place for place in places if place.last <= tag.first]):
        if not clause.between(place.last, edge) <= _JOINED | {"acute", "active", "focal", "significant"}:
            break
        chain.append(place)
        edge = place.first
    if chain:
        return chain
    edge = tag.last
    for place in [place for place in places if place.first >= tag.last]:
        if not clause.between(edge, place.first) <= _JOINED | {"in", "within", "involving", "seen", "is"}:
            break
        chain.append(place)
        edge = place.last
    return chain or [place for place in places if place.last <= tag.first]


def mentions(clause: Clause, subjects: list[Tag]) -> list[Mention]:
    """What a clause names, from left to right.

    Args:
        subjects: Structures of the clause before, for "and is enlarged".
    """
    found: list[Mention] = []
    places = clause.of(Kind.PLACE)
    for tag, concept in _terms(clause):
        near = [place for place in places if place is not tag and clause.segment(place) == clause.segment(tag)]
        if concept == terms.ABNORMALITY:
            if tag.text.lower() == "abnormal" and any(other.first > tag.first for other in clause.of(Kind.TERM)):
                continue
            beside = _spoken_of(clause, tag, places)
            if not beside:
                found.append(Mention(f"chest {terms.ABNORMALITY}", "chest", tag))
            for place in beside:
                for name in normal_concepts(place_of(place)) if place_of(place) != "lung volume" else ():
                    found.append(Mention(name, _organ(place_of(place)), tag, (place,)))
            continue
        region = region_of(concept)
        if not region and not near:
            near = sorted(places, key=lambda place: abs(place.first - tag.first))[:1]
        retold = next(
            (terms.RETOLD[concept, place_of(place)] for place in near if (concept, place_of(place)) in terms.RETOLD),
            None,
        )
        if retold is None and not region and near:
            region = _organ(place_of(near[0]))
        found.append(Mention(retold or concept, region_of(retold) if retold else region, tag))
    found.extend(_adjective_mentions(clause, found, subjects))
    claimed = {place.first for mention in found for place in mention.places}
    found.extend(_normal_mentions(clause, claimed, subjects))
    named = {mention.at.first for mention in found} | {place.first for mention in found for place in mention.places}
    for tag in clause.of(Kind.SEVERITY):
        if (
            tag.kinds[Kind.SEVERITY] == Severity.BORDERLINE
            and not tag.has(Kind.NORMAL)
            and not any(mention.at.has(Kind.ADJECTIVE) for mention in found)
        ):
            for place in [place for place in places if place.first not in named][:1] or subjects[:1]:
                name = terms.NAMED.get(("enlarged", place_of(place)), f"enlarged {place_of(place)}")
                found.append(Mention(name, _organ(place_of(place)), tag, (place,)))
        if tag.text.lower() == "large" and not found and places:
            name = terms.NAMED.get(("enlarged", place_of(places[0])), f"enlarged {place_of(places[0])}")
            found.append(Mention(name, _organ(place_of(places[0])), tag, (places[0],)))
    if not found and clause.of(Kind.COURSE) and places:
        for place in {place_of(place): place for place in places}.values():
            parts = anatomy.PARTS.get(place_of(place), (place_of(place),))
            found.extend(Mention(f"{part}, as before", _organ(part), place, neutral=True) for part in parts)
    return sorted(found, key=lambda mention: (mention.first, mention.at.first))
