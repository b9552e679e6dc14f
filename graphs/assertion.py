"""What a rule found wrong with a sentence, and the sentence as every rule sees it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from graphs.claims import Sentence
from graphs.draft import plain
from graphs.grounds import Ground, subjects
from graphs.lexicon import ATTRIBUTION, INABILITY_VERBS
from graphs.mentions import Mention, Naming, mentions, namings
from graphs.reading_words import Polarity, Reading, Word, find, read, stem, stems
from knowledge.case import Case
from knowledge.claim import Verdict
from knowledge.evidence import (
    CAVEATS,
    Absence,
    Appraisal,
    Criterion,
    Evidence,
    ImageFacts,
    Limitation,
    Passage,
    Statement,
)

_MODALS = frozenset({"can", "could", "should", "must", "may"})
_VERBS = stems(INABILITY_VERBS)
_ATTRIBUTION = frozenset(stem(word) for word in ATTRIBUTION)


_MISS = re.compile(
    r"The (?:nearest|cited) passage(?: of the library)?(?: is)?(?: on)?,? "
    r"(?:and )?does not answer (?:this|the question)[.]?",
    re.IGNORECASE,
)
_NO_LIMIT = re.compile(
    r"\b(?:gives?|states?|has|have) no (?:limit|threshold|range) (?:that applies|for)\b", re.IGNORECASE
)


def _tokens(text: str) -> list[str]:
    return [word.rstrip(".") for word in re.findall(r"[\w.%<>=+-]+", text.lower())]


def _told(item: Evidence) -> tuple[str, ...]:
    texts = tuple(CAVEATS.get(caveat, caveat) for caveat in item.caveats)
    match item:
        case Limitation():
            return (*texts, item.reason)
        case Absence():
            return (*texts, item.searched)
        case Criterion() | Appraisal():
            return (*texts, item.text)
    return texts


@dataclass(frozen=True)
class Finding:
    """One fault of a sentence.

    Attributes:
        reason: In words that let a reasoner mend the sentence.
    """

    verdict: Verdict
    reason: str


def unsupported(reason: str) -> Finding:
    """No cited evidence carries it."""
    return Finding(Verdict.UNSUPPORTED, reason)


def contradicted(reason: str) -> Finding:
    """Cited evidence says otherwise."""
    return Finding(Verdict.CONTRADICTED, reason)


@dataclass(frozen=True)
class Assertion:
    """A sentence of fact with the evidence it cites.

    Attributes:
        known: Everything the conversation established, by id.
        context: Words of the headings above the sentence.
    """

    sentence: Sentence
    known: Mapping[str, Ground]
    case: Case
    context: str = ""

    @cached_property
    def reading(self) -> Reading:
        """Its words and figures."""
        return read(self.sentence.text)

    @cached_property
    def grounds(self) -> tuple[Ground, ...]:
        """Cited evidence that exists."""
        return tuple(self.known[cited] for cited in self.sentence.citations if cited in self.known)

    def of(self, *kinds: type) -> tuple[Ground, ...]:
        """Cited evidence of these kinds."""
        return tuple(ground for ground in self.grounds if isinstance(ground.evidence, kinds))

    @cached_property
    def seen(self) -> tuple[Ground, ...]:
        """Cited masks, regions and measurements."""
        return tuple(ground for ground in self.grounds if ground.seen)

    @cached_property
    def mentions(self) -> tuple[Mention, ...]:
        """Structures and sides it speaks of, or that the headings above lend where it names none."""
        names = subjects(self.known.values())
        own = mentions(self.reading, names)
        if own or not self.context:
            return own
        lent = mentions(read(self.context), names)
        return tuple(Mention(item.subject, item.side, item.plural, -1, -1) for item in lent)

    @cached_property
    def namings(self) -> tuple[Naming, ...]:
        """Names of quantities in it, or lent by the headings."""
        own = namings(self.reading)
        if own or not self.context:
            return own
        return tuple(Naming(naming.tags, -1) for naming in namings(read(self.context)))

    @cached_property
    def about_medicine(self) -> bool:
        """Whether it rests on passages alone."""
        return bool(self.grounds) and all(isinstance(ground.evidence, Passage) for ground in self.grounds)

    @cached_property
    def unquoted(self) -> str:
        """The sentence without quoted words."""
        return " ".join(re.sub(r"[\"“][^\"“”]*[\"”]", " ", self.sentence.text).split())

    @cached_property
    def verbatim(self) -> bool:
        """Whether it is a whole caveat, reason, criterion or account of a search of cited evidence, word for word."""
        own = _tokens(self.sentence.text)
        return any(own == _tokens(plain(text)) for ground in self.grounds for text in _told(ground.evidence))

    @cached_property
    def misses(self) -> bool:
        """Whether it only says that the library has nothing on the question."""
        return bool(_MISS.fullmatch(self.unquoted)) and self.about_medicine

    @cached_property
    def no_limit(self) -> bool:
        """Whether it says that cited passages have no limit for cited measurements."""
        measured = any(ground.quantity is not None for ground in self.grounds)
        return measured and bool(self.of(Passage)) and bool(_NO_LIMIT.search(self.unquoted))

    @cached_property
    def cannot(self) -> bool:
        """Whether it says that something cannot be done or is not known."""
        words = self.reading.words
        if any(self.reading.has(*cue) for cue in (("unable", "to"), ("impossible",), ("unknown",), ("undetermined",))):
            return True
        if (
            self.reading.has("not", "possible")
            or self.reading.has("not", "available")
            or self.reading.has("no", "tool")
        ):
            return True
        for index, word in enumerate(words):
            ahead = [following.stem for following in words[index + 1 : index + 7]]
            if word.text == "cannot" and index + 1 == len(words):
                return True
            if word.text == "cannot" or (word.text in _MODALS and ahead[:1] == ["not"]):
                if _VERBS.intersection(ahead):
                    return True
            elif (
                word.text == "not"
                and _VERBS.intersection(ahead[:2])
                and words[index + 1].text.endswith(("ed", "known", "given"))
            ):
                return True
        return False

    @cached_property
    def cannot_because(self) -> bool:
        """Whether cited evidence gives a ground for inability: a limitation, absence or caveat."""
        if self.of(Limitation, Absence) or any(ground.evidence.caveats for ground in self.grounds):
            return True
        return any("unknown" in ground.said for ground in self.of(ImageFacts))

    @cached_property
    def inability(self) -> frozenset[int]:
        """Numbers of the clauses that say so."""
        cues = frozenset("cannot not unable impossible unknown undetermined no".split())
        return frozenset(
            clause
            for word, clause in zip(self.reading.words, self.reading.clauses, strict=True)
            if word.text in cues and self.cannot
        )

    @cached_property
    def attributed(self) -> bool:
        """Whether it says who said it."""
        return any(word.stem in _ATTRIBUTION for word in self.reading.words)

    @cached_property
    def searched(self) -> bool:
        """Whether it tells of a search that found nothing."""
        looked = any(
            find(self.reading.words, cue) for cue in (("looked", "for"), ("searched",), ("search",), ("sought",))
        )
        return looked and self.reading.denies

    @property
    def statements(self) -> tuple[Ground, ...]:
        """Cited words of the clinician or the chart."""
        return self.of(Statement)

    def paired(self) -> Sequence[tuple[Word, Polarity]]:
        """Its words with their polarity."""
        return list(zip(self.reading.words, self.reading.polarity, strict=True))
