"""Which side, place, severity, course and figure belongs to which finding of a clause."""

from collections import defaultdict
from collections.abc import Iterable

from knowledge.findings import anatomy
from knowledge.findings.clauses import Clause
from knowledge.findings.finding import Course, Finding, Severity, Site, Span, Status
from knowledge.findings.measures import Figure
from knowledge.findings.reading import Mention, place_of
from knowledge.findings.tagging import Kind, Tag

_PREPOSITIONS = frozenset("in within at over overlying near along throughout involving on projecting".split())
_ATTRIBUTES = (Kind.SIDE, Kind.SEVERITY, Kind.COURSE, Kind.PLACE)


def _after_preposition(clause: Clause, token: int) -> bool:
    """Whether a place or side stands in a phrase such as "in the left lower lobe"."""
    for place in range(token - 1, max(clause.first, token - 5) - 1, -1):
        word = clause.tokens[place].lemma
        if word in _PREPOSITIONS:
            return True
        tag = next((tag for tag in clause.tags if tag.first <= place < tag.last), None)
        if word not in ("the", "a") and not (tag and tag.has(Kind.SIDE, Kind.PLACE)):
            return False
    return False


class _Homes:
    """Where an attribute goes.

    Within one member of a list to the nearest mention, of two equally near to the later one; from a member
    without a mention to the mention before it, or to the first.
    """

    def __init__(self, clause: Clause, found: list[Mention]) -> None:
        self.clause = clause
        self.found = found
        self.members: dict[int, list[Mention]] = defaultdict(list)
        for mention in found:
            self.members[clause.segment(mention.at)].append(mention)

    def of(self, token: int) -> list[Mention]:
        """The mentions, mostly one, of what stands at `token`."""
        inside = self.members.get(self.clause.segments[token])
        if inside:
            if _after_preposition(self.clause, token):
                # "Opacity in the left base may represent scar": the base is the opacity's.
                inside = [mention for mention in inside if mention.first <= token] or inside
            nearest = min(mention.distance(token) for mention in inside)
            chosen = [mention for mention in inside if mention.distance(token) == nearest][-1]
        else:
            before = [mention for mention in self.found if mention.first < token]
            chosen = before[-1] if before else self.found[0]
        return [mention for mention in self.found if mention.at is chosen.at]


def attach(clause: Clause, found: list[Mention], figures: Iterable[tuple[int, Figure]]) -> list[Mention]:
    """Give the mentions of a clause their attributes.

    Args:
        figures: Each with the token it begins at.
    """
    if not found:
        return found
    homes = _Homes(clause, found)
    heads = {mention.at.first for mention in found if not mention.neutral}
    within = {place.first for mention in found for place in mention.places}
    loose: dict[int, list[Tag]] = defaultdict(list)
    for tag in clause.tags:
        if not tag.has(*_ATTRIBUTES) or (tag.first in heads and not tag.has(Kind.SIDE)):
            continue
        if clause.segment(tag) not in homes.members:
            loose[clause.segment(tag)].append(tag)
        for mention in homes.of(tag.first):
            # A structure that names one finding says where another is, but not a second one named by a structure.
            if not (tag.first in within and mention.places):
                mention.attributes.append(tag)
    extra = [mention for segment, tags in loose.items() for mention in _without_noun(homes, segment, tags)]
    for token, figure in figures:
        for mention in homes.of(token):
            mention.figures.append(figure)
    return sorted([*found, *extra], key=lambda mention: (mention.first, mention.at.first))


def _without_noun(homes: _Homes, segment: int, tags: list[Tag]) -> Iterable[Mention]:
    """The first finding of "small left and moderate right effusion", whose noun comes with the second."""
    following = homes.members.get(segment + 1, [])
    if not following or following[0].denied or tags[-1].first >= following[0].first:
        return
    whole = following[0]
    sided = any(tag.has(Kind.SIDE) for tag in tags) and any(tag.has(Kind.SIDE) for tag in whole.attributes)
    if sided and not any(tag.has(Kind.PLACE) for tag in tags):
        for mention in homes.found:
            mention.attributes = [tag for tag in mention.attributes if tag not in tags]
        yield Mention(whole.concept, whole.region, whole.at, whole.places, attributes=list(tags))


def _sites(clause: Clause, mention: Mention) -> tuple[Site, ...]:
    groups: dict[int, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for tag in [*mention.places, *(tag for tag in mention.attributes if tag not in mention.places)]:
        sides, places = groups[clause.segment(tag)]
        if Kind.SIDE in tag.kinds:
            sides.append(tag.kinds[Kind.SIDE])
        if Kind.PLACE in tag.kinds:
            place = place_of(tag)
            if place in anatomy.FINE and place not in mention.concept:
                places.append(place)
    found: list[Site] = []
    for sides, places in groups.values():
        if len(sides) == len(places):
            found.extend(Site(side=side, place=place) for side, place in zip(sides, places, strict=True))
        elif len(sides) == 1 and places:
            found.extend(Site(side=sides[0], place=place) for place in places)
        else:
            found.extend(Site(side=side, place=places[0] if len(places) == 1 else "") for side in sides)
            if len(places) > 1:
                found.extend(Site(place=place) for place in places)
            elif places and not sides:
                found.append(Site(place=places[0]))
    return tuple(sorted(set(found), key=lambda site: (site.side, site.place)))


def finding(clause: Clause, mention: Mention, status: Status, span: Span, cues: tuple[str, ...]) -> Finding:
    """The finding of a mention with its attributes."""
    severities = {Severity(tag.kinds[Kind.SEVERITY]) for tag in mention.attributes if Kind.SEVERITY in tag.kinds}
    if mention.at.has(Kind.SEVERITY) and mention.at.text.lower() != "large":
        severities.add(Severity(mention.at.kinds[Kind.SEVERITY]))
    courses = {Course(tag.kinds[Kind.COURSE]) for tag in mention.attributes if Kind.COURSE in tag.kinds}
    if Severity.BORDERLINE in severities and status is Status.PRESENT:
        status = Status.POSSIBLE
    return Finding(
        concept=mention.concept,
        region=mention.region,
        status=status,
        neutral=mention.neutral,
        sites=_sites(clause, mention),
        severities=tuple(sorted(severities, key=lambda severity: severity.rank)),
        courses=tuple(sorted(courses)),
        measures=tuple(measure for figure in mention.figures for measure in figure.measures),
        span=span,
        cues=cues,
    )
