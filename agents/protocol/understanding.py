"""From a question's words to what is wanted: intents, structures, images."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.protocol.clauses import asks, asks_of_it, clauses, cued
from agents.protocol.examples import EXAMPLES
from agents.protocol.images import meant
from agents.protocol.intents import MEASURED, TALK, Intent
from agents.protocol.kit import BoundTool, Kit, KnownTarget
from agents.protocol.meaning import vector, vectors
from agents.protocol.plan import kinds
from agents.protocol.request import Request, Wanted
from agents.protocol.structures import MASKED, Named, Structures
from agents.protocol.vocabulary import Vocabulary
from agents.protocol.words import mend, stem, stems, tokens

MEANING = 0.5
"""Least cosine at which a question counts as a paraphrase of an intent's example."""

OVERRIDING = 0.75
"""Least cosine at which "and ...?" asks for something new rather than for the same elsewhere, and at which words that
betray an intent ask for what a special tool answers.
"""

PARAPHRASE = 0.6
"""Least cosine at which unknown words count as another name of a declared target."""

UNMISTAKABLE = 0.8
"""Least cosine at which words that nothing here knows change nothing: "is the lung captured" asks whether it is seen,
"is the lung collapsed" does not.
"""

SPECIAL = 0.6
"""Least cosine at which a question is one that a special tool declares to answer."""

_IT = re.compile(r"\b(it|its|that|this|these|those|they|them|their)\b")
_BACK = re.compile(rf"{_IT.pattern}|\b(he|she|his|her)\b")
_STATING = re.compile(r"\b(?:is|are|was|were|has|have|had|am|i|he|she|my)\b")
_NAMING = re.compile(
    r"\b(?:(?:is|are) there|any|see|where (?:is|are)|how \w+ (?:is|are)|locate|find|rule out|exclude|detect|of)"
    r"(?: (?:a|an|any|the|some|no))*"
)
_SCENE = re.compile(r"\b(?:scan|image|study|picture|film|mr|ct) (?:\w+ )?(?:ab)?normal\b")
_AND = re.compile(r"^(?:ok |okay |so )?(?:and|what about|how about|same|also|but|then|now)\b")
_GENERAL = TALK | {Intent.KNOWLEDGE, Intent.WHY, Intent.REPORT}
"""Intents that are about no single structure, and so about any words."""

_OF_A_STRUCTURE = (
    Intent.PLACE, Intent.PRESENCE, Intent.OUTLINE, Intent.SIDES, Intent.CHANGE, Intent.NORMALITY,
)  # fmt: skip


class Understanding:
    """Understands questions against one set of bound tools; holds no conversation."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.structures = Structures(kit)
        self._examples = [(intent, text) for intent, texts in EXAMPLES.items() for text in texts]
        self._example_vectors = _example_vectors()
        self._phrases = [(" ".join(phrase), name) for phrase, name in self.structures.phrases.items()]
        self._phrase_vectors = vectors([phrase for phrase, _ in self._phrases])
        self._special = [(tool, intent) for tool in kit.special for intent in tool.intents]
        self._special_vectors = vectors([intent for _, intent in self._special])
        bare = [" ".join(self.structures.find(tokens(intent)).masked) for _, intent in self._special]
        self._special_masked = vectors(bare)
        self.vocabulary = Vocabulary(kit, self.structures)

    def read(self, question: str, before: Request | None, images: Sequence[Mapping[str, Any]]) -> Request:
        """Understand a question after the one `before` it.

        Args:
            images: The image briefs of the case.
        """
        words = mend(tokens(question), self.vocabulary.holds, self.vocabulary.wanted)
        named = self.structures.find(words)
        masked = " ".join(named.masked)
        own, special = self._special_clause(words, named)
        intents, strange, left = self._intents(masked, before, own)
        measured = tuple(intent for intent in intents if intent in MEASURED)
        special = special or self._special_tool(" ".join(words), named, intents)
        wanted = self._wanted_structures(words, named, intents, before)
        request = Request(question, masked, intents, measured, wanted, special=special.name if special else None)
        if Intent.QUALITY in intents and (own is not None or special is None):
            request = replace(request, strange=strange or (before.strange if before else ()))
        beside = _beside(request, by_clause=own is not None) if special else ()
        if beside:
            request = replace(request, intents=beside)
        request = self._diagnostic(_complete(request, before), words)
        if not set(intents) & MEASURED:
            request = self._searching(request, named, images)
        needs = request.asks(*MEASURED - {Intent.RATIO}, *_OF_A_STRUCTURE)
        return replace(
            request,
            images=meant(request, words, before, images, self.kit),
            only_special=special is not None and not beside,
            left=() if special and own is None else left,
            unclear=needs and not request.wanted and special is None and Intent.RATIO not in request.measured,
        )

    def _searching(self, request: Request, named: Named, images: Sequence[Mapping[str, Any]]) -> Request:
        """A question whether all of an image is normal looks for what is not, where a finding can be looked for."""
        scene = not named.mentions and _SCENE.search(request.words)
        whole = {wanted.name for wanted in request.wanted} <= {str(image.get("body_part")) for image in images}
        sought = Wanted("abnormality", known=False)
        if not request.asks(Intent.NORMALITY) or not (scene or whole):
            return request
        if not any(kinds(sought, self.kit, image) for image in images):
            return request
        return replace(request, intents=(Intent.PRESENCE,), measured=(), wanted=(sought,))

    def _diagnostic(self, request: Request, words: Sequence[str]) -> Request:
        """A question about this patient that names a disease asks for its criteria, and for what those are about."""
        named = self._diseases(words)
        if not named or request.special or Intent.KNOWLEDGE in request.intents or Intent.RATIO in request.measured:
            return request
        parts = list(dict.fromkeys(part for disease in named for part in disease.parts))
        known = [Wanted(leaf) for part in parts for leaf in self.kit.leaves(part) if leaf in self.kit.targets]
        wanted = tuple(dict.fromkeys(known)) or tuple(Wanted(part, known=False) for part in parts[:1])
        diseases = tuple(disease.name for disease in named)
        measured = (Intent.SIZE, Intent.DENSITY) if known else ()
        return replace(
            request, intents=(Intent.DIAGNOSIS,), measured=measured, wanted=wanted, strange=(), diseases=diseases
        )

    def _diseases(self, words: Sequence[str]) -> list[KnownTarget]:
        """Diseases that the appraiser knows, by any of their names."""
        text = f" {' '.join(map(stem, words))} "
        return [
            disease
            for disease in (self.kit.appraiser.targets if self.kit.appraiser else ())
            if any(f" {' '.join(stems(name))} " in text for name in (disease.name, *disease.synonyms))
        ]

    def _intents(
        self, masked: str, before: Request | None, own: int | None
    ) -> tuple[tuple[Intent, ...], tuple[str, ...], tuple[int, ...]]:
        """Intents in the order asked, what is asked in strange words, and which of several questions have no answer.

        Args:
            own: Place of the clause that a special tool answers.
        """
        intents: list[Intent] = []
        strange: list[str] = []
        asked = 0
        left: list[int] = []
        parts = clauses(masked)
        for place, clause in enumerate(parts):
            if place == own:
                asked += 1
                continue
            if len(parts) > 1 and set(clause.split()) <= {MASKED, "the", "a", "an"}:
                continue  # a bare structure beside what is asked of it
            # Beside a clause whose words are plain, another must be as plain.
            unknown = self.vocabulary.strange(clause)
            curious = bool(unknown) and _asks_strangely(clause, before, intents, _marked(masked) and len(parts) == 1)
            found = self._clause(clause, before, intents, unknown, curious)
            strange += [unknown] if found == [Intent.QUALITY] else []
            intents += [intent for intent in found if intent not in intents]
            if asks(clause) or set(found) - {Intent.GREETING}:
                asked += 1
                left += [asked] if set(found) <= TALK else []
        if any(intent not in TALK for intent in intents):
            return tuple(intent for intent in intents if intent not in TALK), tuple(filter(None, strange)), tuple(left)
        if own is not None:
            return (Intent.REPORT,), (), tuple(left)
        if not intents and before and not any(map(self.vocabulary.strange, parts)):
            return before.intents, (), ()
        return tuple(intents or [Intent.ABILITIES]), (), ()

    def _clause(
        self, clause: str, before: Request | None, beside: Sequence[Intent], unknown: str, curious: bool
    ) -> list[Intent]:
        """What one clause asks for.

        Args:
            beside: What the clauses before it ask for.
            unknown: Words in it that nothing here knows; "" where there are none.
            curious: Whether it asks in these.
        """
        betrayed = cued(clause)
        best, score = self._by_meaning(clause)
        if betrayed:
            # "Is there air trapping" does not ask for air.
            compound = unknown and re.search(rf"{_NAMING.pattern} {MASKED} {re.escape(unknown)}\b", clause)
            other = compound and betrayed == [Intent.PRESENCE] and score < UNMISTAKABLE
            return [Intent.QUALITY] if other else betrayed
        general = best in _GENERAL and not (before and _AND.match(clause))
        if curious and score < (MEANING if general else UNMISTAKABLE):
            return [Intent.QUALITY]
        if before and not before.asks(*TALK) and _AND.match(clause) and score < OVERRIDING:
            return list(before.intents)
        if beside:
            return [best] if score >= OVERRIDING and best not in TALK else []
        if score >= MEANING and not (before and _AND.match(clause) and best in TALK):
            return [best]
        if before and (
            _AND.match(clause) or _BACK.search(clause) or MASKED in clause or (len(clause.split()) <= 4 and not unknown)
        ):
            return [] if before.asks(*TALK) else list(before.intents)
        if MASKED in clause:
            return [Intent.REPORT]
        return []

    def _by_meaning(self, clause: str) -> tuple[Intent, float]:
        scores = self._example_vectors @ vector(clause)
        best = int(np.argmax(scores))
        return self._examples[best][0], float(scores[best])

    def _special_tool(self, words: str, named: Named, intents: Sequence[Intent]) -> BoundTool | None:
        """A tool of no role that declares to answer this question better than any role would."""
        if not self._special:
            return None
        meaning = vector(words)
        scores = self._special_vectors @ meaning
        best = int(np.argmax(scores))
        tool = self._special[best][0]
        declared = any(tool.knows(mention.name) for mention in named.mentions)
        served = any(role.knows(mention.name) for role in self._roles() for mention in named.mentions)
        if served:
            # Beside a structure that a role serves, what is asked of it decides, and not its name.
            meaning = vector(" ".join(named.masked))
            scores = self._special_masked @ meaning
            best = int(np.argmax(scores))
            tool = self._special[best][0]
        own = float(np.max(self._example_vectors @ meaning))
        least = OVERRIDING if served and cued(" ".join(named.masked)) else SPECIAL
        if float(scores[best]) >= least and ((declared and not served) or float(scores[best]) > own):
            return tool
        routed = [tool for tool in self.kit.special for mention in named.mentions if tool.knows(mention.name)]
        unserved = [
            tool for tool in routed if not any(role.knows(m.name) for role in self._roles() for m in named.mentions)
        ]
        return unserved[0] if unserved and not set(intents) <= {Intent.KNOWLEDGE} else None

    def _special_clause(self, words: Sequence[str], named: Named) -> tuple[int | None, BoundTool | None]:
        """A special tool for one of several clauses that betrays nothing else, and that clause's place.

        What the clause points back at is what the others name.
        """
        parts = clauses(" ".join(words))
        name = named.mentions[0].name if named.mentions else "it"
        for place, part in enumerate(parts if len(parts) > 1 else ()):
            clause = (_BACK.sub(name, part) if _BACK.search(part) else f"{part} of {name}").split()
            found = self.structures.find(clause)
            if not cued(" ".join(found.masked)) and (tool := self._special_tool(" ".join(clause), found, ())):
                return place, tool
        return None, None

    def _roles(self) -> tuple[BoundTool, ...]:
        return (*self.kit.segmenters, *self.kit.grounders)

    def _wanted_structures(
        self, words: Sequence[str], named: Named, intents: Sequence[Intent], before: Request | None
    ) -> tuple[Wanted, ...]:
        found: list[Wanted] = []
        for mention in named.mentions:
            if mention.known:
                found += [Wanted(leaf) for leaf in self.structures.on_sides(mention.name, named.sides)]
            else:
                found.append(Wanted(mention.name, known=False))
        if not found and not set(intents) <= TALK | {Intent.KNOWLEDGE, Intent.PICTURE, Intent.RATIO, Intent.QUALITY}:
            strict = bool(before and before.wanted) or Intent.REPORT in intents
            found = self._paraphrased(named, " ".join(words) if strict else None)
        anew = set(intents) <= TALK | {Intent.REPORT, Intent.PICTURE, Intent.KNOWLEDGE}
        if anew and not (named.sides or named.opposite or _BACK.search(" ".join(words))):
            return tuple(dict.fromkeys(found))
        if Intent.PICTURE in intents and set(intents) <= {Intent.PICTURE, Intent.REPORT}:
            return tuple(dict.fromkeys(found))
        if not found and before and before.wanted:
            found = [Wanted(name, wanted.known) for wanted in before.wanted for name in self._turned(wanted, named)]
        return tuple(dict.fromkeys(found))

    def _turned(self, wanted: Wanted, named: Named) -> tuple[str, ...]:
        if not wanted.known:
            return (wanted.name,)
        if named.opposite:
            return (self.structures.other_side(wanted.name),)
        if named.sides:
            known = self.kit.targets.get(wanted.name)
            wished = tuple(
                wanted.name if known and known.side == side else self.structures.other_side(wanted.name)
                for side in named.sides
            )
            return wished if known and known.side else (wanted.name,)
        return (wanted.name,)

    def _paraphrased(self, named: Named, text: str | None) -> list[Wanted]:
        """What the words that serve no other purpose mean: a declared target by another name, or an unknown thing.

        Args:
            text: The question, where it may be about what was spoken of: then only words that stand as a name are one.
        """
        for run in self.vocabulary.unknown(named.free):
            phrase = " ".join(run)
            if self._phrases:
                scores = self._phrase_vectors @ vector(phrase)
                best = int(np.argmax(scores))
                if float(scores[best]) >= PARAPHRASE:
                    name = self._phrases[best][1]
                    return [Wanted(leaf) for leaf in self.structures.on_sides(name, named.sides)]
            if text is None or re.search(rf"{_NAMING.pattern} {re.escape(phrase)}\b", text):
                return [Wanted(phrase, known=False)]
        return []


def _beside(request: Request, by_clause: bool) -> tuple[Intent, ...]:
    """What the words of several clauses betray beside what a special tool answers.

    Args:
        request: What is asked.
        by_clause: Whether one clause alone is the special tool's, so that the others surely are not. Otherwise only
            known structures that are to be measured or placed are certain enough.
    """
    parts = clauses(request.words)
    betrayed = tuple(dict.fromkeys(intent for part in parts for intent in cued(part) if intent not in TALK))
    known = bool(request.wanted) and all(wanted.known for wanted in request.wanted)
    certain = known and len(parts) > 1 and set(betrayed) & (MEASURED | {Intent.PLACE})
    return betrayed if by_clause or certain else ()


@cache
def _example_vectors() -> NDArray[np.float32]:
    return vectors([text for texts in EXAMPLES.values() for text in texts])


def _complete(request: Request, before: Request | None) -> Request:
    """Say which measurement "normal", "compare" and "and there?" are about."""
    if request.measured:
        return request
    if request.asks(Intent.NORMALITY, Intent.SIDES, Intent.CHANGE):
        if request.asks(Intent.NORMALITY) and "cardiomegaly" in request.words:
            return replace(request, measured=(Intent.RATIO,))
        return replace(request, measured=(before.measured if before and before.measured else (Intent.SIZE,)))
    if request.asks(Intent.REPORT, Intent.DIAGNOSIS):
        return replace(request, measured=(Intent.SIZE, Intent.DENSITY) if request.wanted else (Intent.SIZE,))
    if request.asks(Intent.WHY) and before:
        return replace(request, measured=before.measured)
    return request


def _asks_strangely(clause: str, before: Request | None, beside: Sequence[Intent], marked: bool) -> bool:
    """Whether a clause with words that nothing here knows asks of what is spoken of.

    Args:
        beside: What the clauses before it ask for.
        marked: Whether it stands alone, before a question mark or as the mere name of something.
    """
    on = before is not None and _AND.match(clause) is not None and MASKED not in clause
    of_it = MASKED in clause or _IT.search(clause) is not None
    return (on or asks_of_it(clause, marked)) and (not beside or (of_it and Intent.KNOWLEDGE not in beside))


def _marked(masked: str) -> bool:
    """Whether a question mark stands in it, or a structure and no verb: "texture of the organ"."""
    return "?" in masked or (MASKED in masked and _STATING.search(masked) is None)
