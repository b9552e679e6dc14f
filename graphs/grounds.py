"""Evidence as something a sentence can rest on: its words, figures, side, caveats and texts."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from graphs import claims
from graphs.draft import plain
from graphs.lexicon import CAVEAT_SAYINGS, MODALITY_WORDS
from graphs.mentions import Mention, sides_of, subject_of, tags_of
from graphs.reading_numbers import QUANTITY_UNITS, Figure
from graphs.reading_words import FUNCTION_STEMS, Polarity, Reading, read, stem, stems
from knowledge.evidence import (
    CAVEATS,
    Absence,
    Appraisal,
    Criterion,
    Evidence,
    ImageFacts,
    Limitation,
    Mask,
    Measurement,
    Passage,
    Region,
    Statement,
    Status,
    View,
)
from knowledge.quantity import Quantity, Unit

_UNIT_TAGS = {Unit.ML: "volume", Unit.PX3: "volume", Unit.MM2: "area", Unit.PX2: "area", Unit.HU: "density",
              Unit.SIGNAL: "density", Unit.COUNT: "count"}  # fmt: skip
_UNIT_WORDS = {
    Unit.MM: "mm millimetres centimetres cm", Unit.MM2: "square mm millimetres", Unit.ML: "mL millilitres litres",
    Unit.HU: "HU hounsfield attenuation density", Unit.SIGNAL: "signal units intensity", Unit.PX: "pixels px",
    Unit.PX2: "square pixels px", Unit.PX3: "voxels", Unit.PERCENT: "percent", Unit.SLICE: "slice slices",
}  # fmt: skip
_STANDS = {Status.MET: Polarity.AFFIRMED, Status.NOT_MET: Polarity.DENIED}
_UNKNOWN = frozenset({"unknown", "none", "not known", ""})


@dataclass(frozen=True)
class Recorded:
    """A number of evidence that is no Quantity: a slice, a box's corner, a score.

    Attributes:
        word: Stem the sentence must have to speak of it; empty where the dimension says it.
    """

    value: float
    dimension: str | None
    word: str
    role: str = "value"


@dataclass(frozen=True)
class Ground:
    """One piece of cited evidence, read."""

    id: str
    evidence: Evidence

    @property
    def target(self) -> str:
        """The name of its target, or empty."""
        return plain(getattr(self.evidence, "target", None) or "").lower()

    @cached_property
    def subject(self) -> tuple[str, ...]:
        """Stems of its target without the side."""
        return subject_of(self.target)

    @cached_property
    def side(self) -> str | None:
        """The side it speaks of."""
        return sides_of(getattr(self.evidence, "side", None), self.target)

    @property
    def plural(self) -> bool:
        """Whether its target is named in the plural, such as "lungs"."""
        return self.target.endswith("s") and not self.target.endswith(("ss", "us", "is"))

    @property
    def seen(self) -> bool:
        """Whether it shows its target to be there."""
        return isinstance(self.evidence, Mask | Region | Measurement)

    @property
    def quantity(self) -> Quantity | None:
        """What was measured, for a measurement."""
        return self.evidence.quantity if isinstance(self.evidence, Measurement) else None

    @cached_property
    def tags(self) -> frozenset[str]:
        """Notions its quantity is named by; a unit names one too."""
        if self.quantity is None:
            return frozenset()
        implied = _UNIT_TAGS.get(self.quantity.unit)
        return tags_of(self.quantity.name) | ({implied} if implied else frozenset())

    @cached_property
    def dimension(self) -> tuple[str | None, float]:
        """Dimension and factor of its quantity, as `Figure` has them."""
        return QUANTITY_UNITS[self.quantity.unit] if self.quantity else (None, 1.0)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Its texts, from which a quotation may come."""
        return tuple(plain(text) for text in _texts(self.evidence) if text)

    @cached_property
    def readings(self) -> tuple[Reading, ...]:
        """Its texts, sentence by sentence."""
        return tuple(read(sentence) for text in self.texts for sentence in claims.split(text))

    @cached_property
    def body(self) -> tuple[Reading, ...]:
        """A passage's own sentences, without title and source."""
        text = self.evidence.text if isinstance(self.evidence, Passage) else ""
        return tuple(read(sentence) for sentence in claims.split(plain(text)))

    @cached_property
    def names(self) -> frozenset[str]:
        """Stems it carries whatever a sentence affirms: names, units, modality."""
        return stems(plain(" ".join(_names(self.evidence)))) | stems(self.target)

    @cached_property
    def said(self) -> dict[str, frozenset[Polarity]]:
        """Stems of its texts and caveats with the polarities they occur in."""
        found: defaultdict[str, set[Polarity]] = defaultdict(set)
        sayings = [read(saying) for saying in _sayings(self.evidence)]
        for reading in (*self.readings, *sayings):
            for word, polarity in zip(reading.words, reading.polarity, strict=True):
                found[word.stem].add(polarity)
        if isinstance(self.evidence, Criterion | Appraisal):
            # What a criterion would mean is said of the case only where it is met, and denied where it is not.
            found.update({word: {_STANDS.get(self.verdict or Status.OPEN, Polarity.OPEN)} for word in self.meaning})
        return {word: frozenset(polarities) for word, polarities in found.items()}

    @property
    def verdict(self) -> Status | None:
        """How a criterion or an appraisal stands."""
        if isinstance(self.evidence, Criterion):
            return self.evidence.status
        return self.evidence.verdict if isinstance(self.evidence, Appraisal) else None

    @cached_property
    def meaning(self) -> frozenset[str]:
        """Stems of what a criterion or an appraisal would mean, without those of its target."""
        if isinstance(self.evidence, Criterion):
            return stems(plain(self.evidence.category)) - stems(self.target) - FUNCTION_STEMS
        return stems(plain(self.evidence.disease)) if isinstance(self.evidence, Appraisal) else frozenset()

    @cached_property
    def frame(self) -> frozenset[str]:
        """Stems of a passage's title and source, which may frame a sentence from it."""
        return stems(" ".join(frame_of(self.evidence))) if isinstance(self.evidence, Passage) else frozenset()

    @cached_property
    def figures(self) -> tuple[Figure, ...]:
        """Figures in its texts."""
        return tuple(figure for reading in self.readings for figure in reading.figures)

    @cached_property
    def recorded(self) -> tuple[Recorded, ...]:
        """Its numbers that are no Quantity."""
        return tuple(_recorded(self.evidence))

    def carries(self, word: str, polarity: Polarity) -> bool:
        """Whether it has this stem in this polarity."""
        return word in self.names or polarity in self.said.get(word, ())

    def speaks_of(self, mention: Mention, strict: bool = False) -> bool:
        """Whether the mention may mean its target.

        Args:
            mention: Structure and side the sentence names.
            strict: Also hold "lungs" apart from one lung, as a figure must.
        """
        if mention.subject and mention.subject != self.subject[-len(mention.subject) :]:
            return False
        if mention.side is not None:
            return mention.side == self.side or (mention.side == "both" and self.side is None and self.plural)
        return not (strict and mention.plural and not self.plural and self.side in ("left", "right"))


def frame_of(passage: Passage) -> tuple[str, str]:
    """A passage's title, and its source in one line."""
    source = passage.source
    place = f", {passage.locator}" if passage.locator else ""
    doi = f", {source.doi}" if source.doi else ""
    year = f", {source.year}" if source.year else ""
    return passage.title, f"{source.title}, {source.organisation}{year}{place}{doi}"


def _texts(item: Evidence) -> Iterator[str]:
    yield from (CAVEATS.get(caveat, caveat) for caveat in item.caveats)
    match item:
        case ImageFacts():
            for name, (value, origin) in item.facts.items():
                named = name.replace("_", " ")
                yield f"{named} {value}, {origin}"
                yield value
        case View():
            yield item.description
        case Passage():
            yield item.text
            yield from frame_of(item)
        case Absence():
            yield item.searched
        case Limitation():
            yield item.reason
        case Statement() | Criterion() | Appraisal():
            yield item.text
        case _:
            pass
    if item.confidence is not None:
        yield item.confidence.method


def _sayings(item: Evidence) -> Iterator[str]:
    """Other ways to say what it says; they carry words, but no quotation."""
    for caveat in item.caveats:
        yield from CAVEAT_SAYINGS.get(caveat, ())
    if not isinstance(item, ImageFacts):
        return
    for name, (value, origin) in item.facts.items():
        named = plain(name.replace("_", " "))
        if value.lower() in _UNKNOWN or value.lower().startswith("unknown") or origin == "unknown":
            yield f"the {named} is unknown undetermined"
            yield f"the {named} is not known given stated recorded available in the header file"
        if origin in ("inferred", "assumed"):
            yield f"the file does not state give say the {named}"
            yield f"the {named} is not stated given in the header"
            yield "it is taken to be inferred assumed from its values by assumption"
        if origin == "user":
            yield "as stated given by you the user"


def _names(item: Evidence) -> Iterator[str]:
    match item:
        case ImageFacts():
            yield "known facts"
            yield from (name.replace("_", " ") for name in item.facts)
            yield f"{item.modality.value} {MODALITY_WORDS.get(item.modality.value, '')}"
        case View():
            yield from item.shows
            yield item.plane or ""
        case Measurement():
            yield item.quantity.name
            yield _UNIT_WORDS.get(item.quantity.unit, "")
        case Mask():
            yield "voxels pixels slices"
            yield from item.scores
        case Region():
            yield "box slices pixels"
        case Passage():
            yield from (threshold.name for threshold in item.thresholds)
            yield "passage guideline source library reference literature publication"
        case Criterion():
            yield "criterion criteria limit guideline"
            if item.quantity is not None:
                yield item.quantity.name
                yield _UNIT_WORDS.get(item.quantity.unit, "")
        case Appraisal():
            yield "criterion criteria guideline recall sources"
        case Limitation():
            yield item.tool.replace("_", " ")
            yield from item.known
        case Statement():
            yield item.speaker
        case _:
            pass


def _recorded(item: Evidence) -> Iterator[Recorded]:
    if item.confidence is not None:
        yield Recorded(item.confidence.value, None, stem("confidence"))
    if isinstance(item, View) and item.slice_index is not None:
        yield Recorded(item.slice_index + 1, "slice", "")
    if isinstance(item, Mask | Region):
        yield Recorded(item.slices[0] + 1, "slice", "", "low")
        yield Recorded(item.slices[1], "slice", "", "high")
        for corner in item.box:
            yield Recorded(corner, None, stem("box"))
            yield Recorded(corner, "px", stem("box"))
    if isinstance(item, Mask):
        yield Recorded(item.voxels, "px3", "")
        for name, score in item.scores.items():
            yield Recorded(score, None, stem(plain(name).lower()))


def subjects(grounds: Iterable[Ground]) -> frozenset[tuple[str, ...]]:
    """Names of every target, as `reading_words.mentions` wants them."""
    found = {ground.subject for ground in grounds if ground.subject}
    for ground in grounds:
        if isinstance(ground.evidence, Limitation):
            found.update(subject_of(name) for name in ground.evidence.known)
    return frozenset(found - {()})
