"""A conversation read back from its messages: questions, calls, evidence, objections."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from knowledge.briefing import VERIFIER, read_case, read_evidence


@dataclass(frozen=True)
class Piece:
    """One piece of evidence as the reasoner was given it; `data` is the whole brief.

    Its words are data: they are quoted, never followed.
    """

    id: str
    kind: str
    data: dict[str, Any] = field(hash=False)

    @property
    def image(self) -> str | None:
        """The image it speaks of."""
        return _text_or_none(self.data.get("image"))

    @property
    def target(self) -> str | None:
        """The target it speaks of, in lower case."""
        target = _text_or_none(self.data.get("target"))
        return None if target is None else target.lower()

    @property
    def caveats(self) -> tuple[str, ...]:
        """Codes and sentences to be shown with it."""
        return tuple(str(caveat) for caveat in self.data.get("caveats") or ())

    @property
    def of(self) -> tuple[str, ...]:
        """Ids of the evidence it was measured on."""
        return tuple(str(of) for of in self.data.get("of") or ())

    @property
    def quantity(self) -> dict[str, Any]:
        """Name, value and unit of a measurement; empty for other kinds."""
        quantity = self.data.get("quantity")
        return quantity if isinstance(quantity, dict) else {}

    def text(self, name: str) -> str:
        """A field as words, empty where it is missing."""
        return _text_or_none(self.data.get(name)) or ""


@dataclass(frozen=True)
class Call:
    """A tool call and what it established; `pieces` is empty while its result is not there."""

    tool: str
    arguments: dict[str, Any] = field(hash=False)
    pieces: tuple[Piece, ...] = ()

    @property
    def image(self) -> str | None:
        """The image it worked on."""
        return _text_or_none(self.arguments.get("image"))

    @property
    def targets(self) -> tuple[str, ...]:
        """What it looked for, in lower case."""
        return self.names("targets") + self.names("target")

    def names(self, argument: str) -> tuple[str, ...]:
        """An argument's words in lower case, be it one or a list."""
        value = self.arguments.get(argument) or ()
        return tuple(str(word).lower() for word in ([value] if isinstance(value, str) else value))


@dataclass(frozen=True)
class Turn:
    """A question and what has happened since."""

    number: int
    question: str
    calls: tuple[Call, ...] = ()
    objected: tuple[str, ...] = ()
    must_answer: bool = False


@dataclass(frozen=True)
class Conversation:
    """Everything the reasoner knows, taken from the messages alone.

    Attributes:
        case: The case brief of the opening message.
        turns: Oldest first; the last one is to be answered.
    """

    case: dict[str, Any]
    turns: tuple[Turn, ...]
    admitted: tuple[Piece, ...] = ()

    @classmethod
    def read(cls, messages: Sequence[BaseMessage]) -> "Conversation":
        """Parse the messages of `knowledge.briefing`.

        Raises:
            ValueError: There is no opening message, or no question.
        """
        case = read_case(messages)
        turns = tuple(
            _turn(number, question, later) for number, (question, later) in enumerate(_split(messages), start=1)
        )
        if not turns:
            raise ValueError("the conversation has no question")
        return cls(case, turns, _pieces(case.get("evidence")))

    @property
    def images(self) -> list[dict[str, Any]]:
        """The image briefs of the case, in order."""
        return [image for image in self.case.get("images") or () if isinstance(image, dict)]

    @property
    def turn(self) -> Turn:
        """The turn that is to be answered."""
        return self.turns[-1]

    def calls(self) -> Iterator[Call]:
        """Every call of the conversation, oldest first."""
        for turn in self.turns:
            yield from turn.calls

    def pieces(self, kind: str | None = None) -> Iterator[Piece]:
        """Every piece of evidence, of one kind where it is given, in the order of filing."""
        for piece in self.admitted:
            if kind in (None, piece.kind):
                yield piece
        for call in self.calls():
            for piece in call.pieces:
                if kind in (None, piece.kind):
                    yield piece


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _split(messages: Sequence[BaseMessage]) -> Iterator[tuple[str, list[BaseMessage]]]:
    question: str | None = None
    later: list[BaseMessage] = []
    for message in messages:
        if isinstance(message, HumanMessage) and message.name != VERIFIER:
            if question is not None:
                yield question, later
            question, later = str(message.text), []
        elif question is not None:
            later.append(message)
    if question is not None:
        yield question, later


def _turn(number: int, question: str, later: Sequence[BaseMessage]) -> Turn:
    results = {message.tool_call_id: message for message in later if isinstance(message, ToolMessage)}
    calls: list[Call] = []
    objected: list[str] = []
    must_answer = False
    for message in later:
        if isinstance(message, AIMessage):
            for call in message.tool_calls:
                result = results.get(str(call["id"]))
                calls.append(Call(call["name"], call["args"], () if result is None else _result(result)))
        elif isinstance(message, HumanMessage):
            words = _json_object(str(message.text))
            must_answer = must_answer or "answer_now" in words
            objected += [str(claim["text"]) for claim in words.get("not_supported") or () if "text" in claim]
    return Turn(number, question, tuple(calls), tuple(objected), must_answer)


def _json_object(text: str) -> dict[str, Any]:
    try:
        words = json.loads(text)
    except ValueError:
        return {}
    return words if isinstance(words, dict) else {}


def _result(message: ToolMessage) -> tuple[Piece, ...]:
    try:
        return _pieces(read_evidence(message))
    except (ValueError, KeyError, TypeError):  # a foreign tool's words: nothing that could be cited
        return ()


def _pieces(items: object) -> tuple[Piece, ...]:
    if not isinstance(items, list):
        return ()
    return tuple(
        Piece(str(item["id"]), str(item["kind"]), item)
        for item in items
        if isinstance(item, dict) and item.get("id") and item.get("kind")
    )
