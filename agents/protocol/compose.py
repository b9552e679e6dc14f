"""The answer, composed from evidence: result, what could not be done, caveats, normal value, what is left to ask."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agents.protocol import passages, sentences
from agents.protocol.conversation import Call, Conversation, Piece
from agents.protocol.intents import TALK, Intent
from agents.protocol.kit import Kit
from agents.protocol.ledger import Ledger
from agents.protocol.plan import (
    ANYTHING,
    TOLD_ONE_BY_ONE,
    kinds,
    library_query,
    listed,
    measurements,
    quantities,
    structures,
)
from agents.protocol.request import Request, Wanted
from agents.protocol.sentences import Sentence, about
from agents.protocol.structures import is_anatomy_or_finding
from knowledge.evidence import TRUNCATED


def answer(conversation: Conversation, request: Request, before: Request | None, kit: Kit) -> str:
    """The draft for the last turn, without sentences the verifier did not accept."""
    composer = Composer(conversation, request, before, kit)
    kept = [kept for sentence in composer.sentences() if (kept := _mended(sentence, conversation.turn.objected))]
    texts = list(dict.fromkeys(sentence.marked for sentence in kept))
    return " ".join(texts) or composer.question_back()


def _mended(sentence: Sentence, objected: Sequence[str]) -> Sentence | None:
    """The sentence, its barer form where it was objected to, or None where both were."""
    if not _among(sentence.text, objected):
        return sentence
    if sentence.plain and not _among(sentence.plain, objected):
        return Sentence(sentence.plain, sentence.evidence)
    return None


def _among(text: str, objected: Sequence[str]) -> bool:
    own = _letters(text)
    return any(_letters(other) and (_letters(other) in own or own in _letters(other)) for other in objected)


def _letters(text: str) -> str:
    return "".join(re.findall(r"\w+", text.lower()))


class Composer:
    """Composes the answer to one request."""

    def __init__(self, conversation: Conversation, request: Request, before: Request | None, kit: Kit) -> None:
        self.conversation = conversation
        self.before = before
        self.kit = kit
        self.ledger = Ledger(conversation, kit)
        # "Why?" is answered by what the earlier answer rests on.
        self.why = request.asks(Intent.WHY)
        self.request = before if self.why and before else request
        self.left = request.left
        self.change = request.asks(Intent.CHANGE)
        by_id = {str(image["id"]): image for image in conversation.images}
        self.images = [by_id[name] for name in self.request.images]
        self.measured: list[Piece] = []
        self.placed: list[Piece] = []

    def sentences(self) -> Iterator[Sentence]:
        """Every sentence of the answer, in order."""
        if set(self.request.intents) <= TALK or self.request.unclear:
            yield from self._offer()
            yield Sentence(self.question_back())
            return
        for image in self.images:
            yield from self._results(image)
        yield from self._comparisons()
        yield from sentences.caveats([*self.measured, *self.placed], self._told())
        yield from self._special()
        yield from self._criteria()
        for image in self.images:
            yield from self._limits(image)
        yield from self._about_images()
        yield from self._basis()
        yield from self._library()
        if self.change and self.measured and len(self.images) == 1:
            yield Sentence("Could you send the earlier image for comparison?")
        for number in self.left:
            which = f"{('first', 'second', 'third')[number - 1]} question" if number <= 3 else "other questions"
            yield Sentence(f"What would you like me to measure or look for in your {which}?")

    def question_back(self) -> str:
        """A question to the clinician."""
        if not self.conversation.images:
            return "Could you send an image?"
        if self.request.unclear:
            return "Which structure do you mean?"
        if self.request.asks(Intent.OUTSIDE):
            return "Which structure on the image would you like me to measure or look for?"
        return "What would you like me to look at?"

    def _offer(self) -> Iterator[Sentence]:
        """What can be looked at, as the segmenting tool itself says it."""
        if self.request.asks(Intent.ABILITIES) or self.request.unclear:
            for piece in self.conversation.pieces("limitation"):
                if piece.target == ANYTHING:
                    yield sentences.offer(piece)
                    return

    def _where(self, image: Mapping[str, Any]) -> str:
        """Which image a sentence speaks of, where the case has several."""
        return f" in {image['id']}" if len(self.conversation.images) > 1 else ""

    def _results(self, image: Mapping[str, Any]) -> Iterator[Sentence]:
        """What was found and measured on one image."""
        identifier, where = str(image["id"]), self._where(image)
        fact = self.ledger.facts(identifier)
        if fact and self.request.asks(Intent.PICTURE):
            yield from sentences.facts(fact, where)
        if self.request.only_special:
            return
        if Intent.RATIO in self.request.measured:
            yield from self._ratio(image, where)
            return
        found: list[Piece] = []
        absent: list[Piece] = []
        for wanted in structures(self.request, self.kit, image):
            pieces = self.ledger.measurable(identifier, wanted.name)
            found += pieces
            if not pieces:
                absent += self.ledger.about(identifier, wanted.name, "absence")
            boxes = self.ledger.boxes(identifier, wanted.name)
            count = self.ledger.count(boxes[0].id) if boxes else None
            many = self.request.asks(Intent.PLACE) and len(boxes) > TOLD_ONE_BY_ONE
            counted = Intent.COUNT in self.request.measured
            if count and (counted or many):
                self.measured.append(count)
                yield sentences.measurement(count, where) if counted else sentences.places(count, where)
            for piece in pieces:
                results = self.ledger.measured(piece.id, self._quantities(image, count))
                self.measured += results
                if not self.request.asks(Intent.SIDES):
                    yield from (sentences.measurement(result, where) for result in results)
            if self.request.asks(Intent.PLACE) and not (count and many):
                regions = self.ledger.about(identifier, wanted.name, "region")
                say = sentences.extent if "slice" in self.request.words else sentences.place
                self.placed += regions or pieces
                yield from (say(piece, where) for piece in regions or pieces)
        if found and self.request.asks(Intent.PRESENCE, Intent.OUTLINE, Intent.SHOW) and not self.measured:
            yield sentences.present(found, where)
            self.placed += found
        yield from sentences.absences(absent, where)
        if self.request.asks(Intent.SHOW):
            views = [piece for call in self.conversation.turn.calls for piece in call.pieces if piece.kind == "view"]
            yield from (sentence for view in views[-1:] for sentence in sentences.generic(view))

    def _quantities(self, image: Mapping[str, Any], count: Piece | None) -> tuple[str, ...]:
        """Quantities of the structures themselves: pieces of a mask are no news where instances were counted."""
        return tuple(name for name in quantities(self.request, self.kit, image) if not (count and name == "components"))

    def _criteria(self) -> Iterator[Sentence]:
        """What published limits and criteria say, as code held them; the sources after it."""
        told = [piece for one in self._judgeable() for piece in self.ledger.judged(one.id)]
        told += [piece for call in self._appraisals() for piece in call.pieces if piece.kind == "appraisal"]
        for call in self._appraisals():
            criteria = [one for one in call.pieces if one.kind == "criterion"]
            # Why a criterion was not assessed is worth saying of a disease that was asked about.
            told += [one for one in criteria if self.request.diseases or one.text("status") != "not assessed"]
        for piece in told:
            yield Sentence(piece.text("text"), (*piece.of, piece.id) if piece.kind == "criterion" else (piece.id,))
        yield from sentences.caveats(
            told, [*self._told(), *(note for piece in self.measured for note in piece.caveats)]
        )
        rested = {of for piece in told for of in piece.of}
        for passage in self.conversation.pieces("passage"):
            if passage.id in rested and self.request.asks(Intent.NORMALITY):
                yield sentences.quote(passage, passages.telling(self.request.question, passage, 2, numbers=True))
                break
        calls = [*self._appraisals(), *filter(None, (self.ledger.judging(one.id) for one in self._judgeable()))]
        refused = [piece for call in calls for piece in call.pieces if piece.kind == "limitation"]
        # That nothing is said of a quantity is no news where something is said of another.
        news = [piece for piece in refused if not piece.text("reason").startswith("No limit of the library is about")]
        yield from sentences.limitations([(piece, []) for piece in news])

    def _judgeable(self) -> list[Piece]:
        """Measurements that published limits may be about, where that is asked."""
        if self.kit.judge is None or not self.request.asks(Intent.NORMALITY):
            return []
        return [piece for image in self.images for piece in measurements(self.ledger, self.request, self.kit, image)]

    def _appraisals(self) -> list[Call]:
        """Calls of this turn that went through criteria."""
        appraiser = self.kit.appraiser
        if appraiser is None or not self.request.asks(Intent.DIAGNOSIS):
            return []
        return [call for call in self.conversation.turn.calls if call.tool == appraiser.name]

    def _about_images(self) -> Iterator[Sentence]:
        """What a reader must know of the images, when they are first looked at or asked about."""
        asked = self.request.asks(Intent.PICTURE)
        told: list[Piece] = []
        for image in self.images:
            fact = self.ledger.facts(str(image["id"]))
            if fact is None or not (asked or self._inspected_now(fact)):
                continue
            taken = None if asked else sentences.taken_to_be(fact, self._where(image))
            if taken and not any("modality" in caveat.lower() for caveat in fact.caveats):
                yield taken
            told.append(fact)
        yield from sentences.caveats(told)

    def _told(self) -> list[str]:
        """Caveats of the images themselves, which are said once, when an image is first looked at."""
        return [caveat for piece in self.conversation.pieces("image_facts") for caveat in piece.caveats]

    def _inspected_now(self, fact: Piece) -> bool:
        return any(fact in call.pieces for call in self.conversation.turn.calls)

    def _ratio(self, image: Mapping[str, Any], where: str) -> Iterator[Sentence]:
        for wanted in structures(self.request, self.kit, image):
            pieces = self.ledger.measurable(str(image["id"]), wanted.name)
            if not pieces:
                yield from sentences.absences(self.ledger.about(str(image["id"]), wanted.name, "absence"), where)
            for piece in pieces:
                results = self.ledger.measured(piece.id, quantities(self.request, self.kit, image))
                new = [result for result in results if result not in self.measured]
                self.measured += new
                for result in new:
                    text = f"The cardiothoracic ratio is {sentences.printed(result)}{where}"
                    yield about(result, text=text)

    def _comparisons(self) -> Iterator[Sentence]:
        """Left beside right; what has no counterpart on its own."""
        if not self.request.asks(Intent.SIDES):
            return
        told: set[str] = set()
        for piece in self.measured:
            other = next((other for other in self.measured if _counterparts(piece, other)), None)
            if piece.id in told:
                continue
            told |= {piece.id, other.id} if other else {piece.id}
            yield _side_by_side(piece, other) if other else sentences.measurement(piece)

    def _basis(self) -> Iterator[Sentence]:
        """How the last answer was reached, for "why?"."""
        if not self.why:
            return
        ids = {of for piece in self.measured for of in piece.of}
        for piece in self.conversation.pieces():
            if piece.id in ids:
                on = [measured for measured in self.measured if piece.id in measured.of]
                names = list(dict.fromkeys(str(measured.quantity["name"]) for measured in on))
                basis = "mask" if piece.kind == "mask" else "box"
                verb = "are" if len(names) > 1 else "is"
                yield about(piece, *on, text=f"The {listed(names)} {verb} based on the {basis} of the {piece.target}")

    def _library(self) -> Iterator[Sentence]:
        """What medicine says, and whether it applies."""
        if not self.request.asks(Intent.KNOWLEDGE, Intent.NORMALITY):
            return
        query = library_query(self.request, self.images)
        call = self.ledger.retrieved(query)
        found = [piece for piece in call.pieces if piece.kind == "passage"] if call else []
        for piece in call.pieces if call else ():
            if piece.kind in ("limitation", "absence"):
                yield from sentences.generic(piece)
        if self.request.asks(Intent.NORMALITY):
            if self.measured and not any(self.ledger.judged(one.id) for one in self._judgeable()):
                yield from self._normality(query, found)
            return
        chosen = passages.relevant(query, found)
        if not chosen and found:
            yield _nothing_on_it(found[0])
        for piece in chosen[:1]:
            yield sentences.quote(piece, passages.telling(query, piece, 3))

    def _normality(self, query: str, found: Sequence[Piece]) -> Iterator[Sentence]:
        targets = [piece.target or "" for piece in self.measured]
        ratio = Intent.RATIO in self.request.measured
        chosen = passages.relevant(query, found, () if ratio else targets)
        if not chosen:
            if found:
                yield _nothing_on_it(found[0])
            return
        patient = self.conversation.case.get("patient") or {}
        limits = [
            (passage, passages.limit_for(piece, passage, patient)) for piece in self.measured for passage in chosen
        ]
        best = next((passage for passage, limit in limits if limit), chosen[0])
        yield sentences.quote(best, passages.telling(query, best, 2, numbers=True))
        cut = [piece for piece in self.measured if TRUNCATED in piece.caveats]
        whole = [piece for piece in self.measured if piece not in cut]
        if cut:
            targets = list(dict.fromkeys(piece.target or "" for piece in cut))
            subject = sentences.upper_first(sentences.both(targets) or sentences.names(targets))
            be = sentences.be(targets)
            they = "they" if be == "are" else "it"
            text = f"{subject} {be} cut off, so {they} cannot be compared with that value"
            yield about(*cut, best, text=text)
        unlimited: list[Piece] = []
        for piece in whole:
            limit = passages.limit_for(piece, best, patient)
            if limit is not None:
                text, plain = passages.compared(piece, best, limit)
                yield about(piece, best, text=text, plain=plain)
            else:
                unlimited.append(piece)
        if unlimited:
            quantity = listed(list(dict.fromkeys(str(piece.quantity.get("name")) for piece in unlimited)))
            yield about(*unlimited, best, text=f"The passage states no limit for the {quantity}")

    def _limits(self, image: Mapping[str, Any]) -> Iterator[Sentence]:
        """What could not be done on one image."""
        if self.request.only_special:
            return
        refused: dict[str, tuple[Piece, list[str]]] = {}
        for wanted in structures(self.request, self.kit, image):
            if self.ledger.measurable(str(image["id"]), wanted.name):
                continue
            for piece in self.ledger.refusals(str(image["id"]), wanted.name):
                refused.setdefault(piece.id, (piece, []))[1].append(self._refused_name(wanted, image))
        yield from sentences.limitations(list(refused.values()))
        others = {tool.name for tool in (self.kit.measurer, self.kit.inspector) if tool}
        for call in self.conversation.turn.calls:
            if call.tool in others and call.image == image["id"]:
                yield from sentences.limitations([(piece, []) for piece in call.pieces if piece.kind == "limitation"])

    def _refused_name(self, wanted: Wanted, image: Mapping[str, Any]) -> str:
        """What is strange here as it was asked; of a general finding the rest, where one kind was looked for."""
        if kinds(wanted, self.kit, image):
            return f"other {sentences.plural(wanted.name)}"
        return wanted.name if wanted.known or is_anatomy_or_finding(wanted.name) else f'"{wanted.name}"'

    def _special(self) -> Iterator[Sentence]:
        """What a tool of another maker established, or a model that sees said of what nothing else judges."""
        pieces: list[Piece] = []
        if self.request.special:
            pieces = [piece for call in self._calls_of(self.request.special) for piece in call.pieces]
        elif self.request.strange:
            # That a model has no words for it is no news: who was asked next says what can be asked for.
            pieces = [
                piece for image in self.request.images for piece in self.ledger.seen(image, self.request.question)
            ]
        for piece in pieces:
            yield from sentences.generic(piece)
        yield from sentences.caveats(pieces, self._told())

    def _calls_of(self, tool: str) -> list[Call]:
        """Calls of a tool for the images that are meant, with this question where it was told one."""
        return [
            call
            for call in self.conversation.calls()
            if call.tool == tool
            and (not call.image or call.image in self.request.images)
            and {call.arguments.get(name) for name in ("query", "question", "text")} <= {None, self.request.question}
        ]


def _counterparts(piece: Piece, other: Piece) -> bool:
    """Whether two measurements are of one quantity on the two sides of one image."""
    sides = {str(one.target).partition(" ")[0] for one in (piece, other)}
    bases = {str(one.target).partition(" ")[2] for one in (piece, other)}
    alike = all(piece.quantity.get(name) == other.quantity.get(name) for name in ("name", "unit"))
    return alike and piece.image == other.image and sides == {"left", "right"} and len(bases) == 1


def _side_by_side(left: Piece, right: Piece, where: str = "") -> Sentence:
    """Two sides' values in one sentence, the larger first: what was measured, without a verdict."""
    first, second = sorted((left, right), key=lambda piece: -float(piece.quantity["value"]))
    name = sentences.quantity_words(first)
    return about(
        first,
        second,
        text=f"The {name} of the {first.target} is {sentences.printed(first)} and that of the {second.target} is "
        f"{sentences.printed(second)}{where}",
    )


def _title(passage: Piece) -> str:
    return f'"{sentences.one_sentence(passage.text("title"))}"'


def _nothing_on_it(passage: Piece) -> Sentence:
    return about(passage, text=f"The library passage on {_title(passage)} does not state this")
