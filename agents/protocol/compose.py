"""The answer, composed from evidence: result, caveats, normal value, what could not be done."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agents.protocol import passages, sentences
from agents.protocol.conversation import Conversation, Piece
from agents.protocol.intents import TALK, Intent
from agents.protocol.kit import Kit
from agents.protocol.ledger import Ledger
from agents.protocol.plan import library_query, listed, quantities, structures
from agents.protocol.sentences import Sentence, about
from agents.protocol.understanding import Request
from knowledge.evidence import TRUNCATED

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")


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
        by_id = {str(image["id"]): image for image in conversation.images}
        self.images = [by_id[name] for name in self.request.images]
        self.measured: list[Piece] = []

    def sentences(self) -> Iterator[Sentence]:
        """Every sentence of the answer, in order."""
        if set(self.request.intents) <= TALK or self.request.unclear:
            yield Sentence(self.question_back())
            return
        failed = self._problems()
        for image in self.images:
            yield from self._results(image)
        yield from self._comparisons()
        yield from sentences.caveats(self.measured)
        yield from self._basis()
        yield from self._library()
        for image in self.images:
            yield from self._limits(image)
        yield from self._special()
        if failed:
            yield failed

    def question_back(self) -> str:
        """A question to the clinician that says what can be looked at."""
        if self.request.asks(Intent.GREETING) or not (self.kit.targets or self.kit.tools):
            return "What would you like me to look at?"
        names = self._offers()
        look = f"segment or measure {listed(names).replace(' and ', ' or ')}" if names else "look at one of the images"
        library = ", or look up a guideline or a normal value" if self.kit.retriever else ""
        if self.request.asks(Intent.ABILITIES):
            return f"Shall I {look}{library}?"
        if self.request.unclear:
            return f"Which structure do you mean; shall I {look}?"
        return f"Could you ask that as a question about the images; shall I {look}{library}?"

    def _offers(self) -> list[str]:
        """Declared structures that suit the images, groups before their parts."""
        images = self.conversation.images
        suited = [
            target
            for target in self.kit.targets.values()
            if not images or any(target.admits(image) for image in images)
        ]
        grouped = {part for target in suited for part in target.parts}
        return [f"the {target.name}" for target in suited if target.name not in grouped][:16]

    def _problems(self) -> Sentence | None:
        """A question about files that did not open, on the first turn."""
        files = [str(problem.get("file")) for problem in self.conversation.case.get("problems") or ()]
        if not files or self.conversation.turn.number > 1:
            return None
        what = "file" if len(files) == 1 else "files"
        return Sentence(f"Could you check the {what} {listed(files)}, which did not open?")

    def _where(self, image: Mapping[str, Any]) -> str:
        """Which image a sentence speaks of, where there are several."""
        if len(self.images) < 2 and not self._other_image():
            return ""
        at = [str(other["id"]) for other in self.conversation.images].index(str(image["id"]))
        return f" on the {_ORDINALS[at]} image" if at < len(_ORDINALS) else ""

    def _other_image(self) -> bool:
        return len(self.conversation.images) > 1

    def _results(self, image: Mapping[str, Any]) -> Iterator[Sentence]:
        """What was found and measured on one image."""
        identifier, where = str(image["id"]), self._where(image)
        fact = self.ledger.facts(identifier)
        if fact and self.request.asks(Intent.PICTURE):
            yield from sentences.facts(fact)
        elif fact and self._inspected_now(fact) and (taken := sentences.taken_to_be(fact)):
            yield taken
        if self.request.special:
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
            for piece in pieces:
                results = self.ledger.measured(piece.id, quantities(self.request, self.kit, image))
                self.measured += results
                yield from (sentences.measurement(result, where) for result in results)
            if self.request.asks(Intent.PLACE):
                regions = self.ledger.about(identifier, wanted.name, "region")
                yield from (sentences.place(piece, where) for piece in regions or pieces)
        if found and self.request.asks(Intent.PRESENCE, Intent.OUTLINE, Intent.SHOW) and not self.measured:
            yield sentences.present(found, where)
        yield from sentences.absences(absent, where)
        if self.request.asks(Intent.SHOW):
            views = [piece for call in self.conversation.turn.calls for piece in call.pieces if piece.kind == "view"]
            yield from (sentence for view in views[-1:] for sentence in sentences.generic(view))

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
        """Left against right."""
        if not self.request.asks(Intent.SIDES):
            return
        for left in self.measured:
            right = next(
                (
                    other
                    for other in self.measured
                    if (left.target or "").startswith("left ")
                    and other.target == f"right {(left.target or '').removeprefix('left ')}"
                    and other.quantity["name"] == left.quantity["name"]
                    and other.quantity["unit"] == left.quantity["unit"]
                    and other.image == left.image
                ),
                None,
            )
            if right is not None:
                yield _side_by_side(left, right)

    def _basis(self) -> Iterator[Sentence]:
        """How the last answer was reached, for "why?"."""
        if not self.why:
            return
        ids = {of for piece in self.measured for of in piece.of}
        for piece in self.conversation.pieces():
            if piece.id in ids:
                on = [measured for measured in self.measured if piece.id in measured.of]
                names = listed(list(dict.fromkeys(str(measured.quantity["name"]) for measured in on)))
                basis = "outline" if piece.kind == "mask" else "box"
                yield about(piece, *on, text=f"The {names} rests on the {basis} of the {piece.target}")

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
            if self.measured:
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
                yield about(
                    *self.measured,
                    found[0],
                    text=f"The nearest passage of the library, on {_title(found[0])}, gives no limit that applies here",
                )
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
            subject = sentences.both([piece.target or "" for piece in cut]) or sentences.names(
                p.target or "" for p in cut
            )
            many = len({piece.target for piece in cut}) > 1
            yield about(
                *cut,
                best,
                text=f"{sentences.upper_first(subject)} {'are' if many else 'is'} cut off, so "
                f"{'they' if many else 'it'} cannot be compared with that value",
            )
        for piece in whole:
            limit = passages.limit_for(piece, best, patient)
            if limit is not None:
                yield about(piece, best, text=passages.compared(piece, best, limit))
            else:
                name = piece.quantity.get("name")
                yield about(
                    piece,
                    best,
                    text=f"That passage gives no limit that applies to the {name} of the {piece.target} alone",
                )

    def _limits(self, image: Mapping[str, Any]) -> Iterator[Sentence]:
        """What could not be done on one image."""
        if self.request.special:
            return
        refused: dict[str, tuple[Piece, list[str]]] = {}
        for wanted in structures(self.request, self.kit, image):
            if self.ledger.measurable(str(image["id"]), wanted.name):
                continue
            for piece in self.ledger.refusals(str(image["id"]), wanted.name):
                refused.setdefault(piece.id, (piece, []))[1].append(wanted.name)
        for piece, names in refused.values():
            yield sentences.limitation(piece, names[0] if len(names) == 1 else None)
        for call in self.conversation.turn.calls:
            if self.kit.measurer and call.tool == self.kit.measurer.name and call.image == image["id"]:
                yield from (sentences.limitation(piece) for piece in call.pieces if piece.kind == "limitation")
            if self.kit.inspector and call.tool == self.kit.inspector.name and call.image == image["id"]:
                yield from (sentences.limitation(piece) for piece in call.pieces if piece.kind == "limitation")

    def _special(self) -> Iterator[Sentence]:
        """What a tool of another maker established."""
        if not self.request.special:
            return
        calls = [call for call in self.conversation.calls() if call.tool == self.request.special]
        wished = [call for call in calls if not call.image or call.image in self.request.images]
        pieces = [piece for call in wished for piece in call.pieces]
        for piece in pieces:
            yield from sentences.generic(piece)
        yield from sentences.caveats(pieces)


def _side_by_side(left: Piece, right: Piece) -> Sentence:
    name = str(left.quantity["name"])
    first, second = (left, right) if left.quantity["value"] >= right.quantity["value"] else (right, left)
    if first.quantity["value"] == second.quantity["value"]:
        return about(left, right, text=f"The {name} of the {left.target} and of the {right.target} are the same")
    apart = _apart(second, first)
    tail = "" if apart is not False else ", but their uncertainty intervals overlap"
    cut = " in the imaged parts" if any(TRUNCATED in piece.caveats for piece in (left, right)) else ""
    return about(
        first,
        second,
        text=f"The {name} of the {first.target}, {sentences.without_interval(first)}, is larger than that of the "
        f"{second.target}, {sentences.without_interval(second)}{cut}{tail}",
    )


def _apart(smaller: Piece, larger: Piece) -> bool | None:
    """Whether two intervals do not overlap; None where there is none."""
    high, low = smaller.quantity.get("high"), larger.quantity.get("low")
    return None if high is None or low is None else bool(high < low)


def _title(passage: Piece) -> str:
    return f'"{sentences.one_sentence(passage.text("title"))}"'


def _nothing_on_it(passage: Piece) -> Sentence:
    return about(passage, text=f"The nearest passage of the library is on {_title(passage)} and does not answer this")
