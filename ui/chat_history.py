"""A conversation's record as the messages and steps of the page, so that a case reads as it did when it was left.

The page keeps nothing itself: what it shows after a restart is made from the trace.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from graphs.differential import Differential
from graphs.differential_build import differentiate
from graphs.events import (
    Admitted,
    Answered,
    Asked,
    Differentiated,
    Event,
    Key,
    Revised,
    Revision,
    ToolFinished,
    ToolStarted,
)
from graphs.standing import Standing
from graphs.trace import Entry
from knowledge.case import Case
from ui import chat_words as words
from ui.chat_gallery import address
from ui.chat_root import NAME

Json = dict[str, Any]


def message_id(conversation: str, what: str, number: int) -> str:
    """The id of a message, the same whenever it is shown: so a thumb finds its answer after a restart."""
    return str(uuid5(NAMESPACE_URL, f"citrus:{conversation}/{what}/{number}"))


def turn_of(message: str, conversation: str, turns: int) -> int | None:
    """The turn whose answer a message is, or None."""
    return next((turn for turn in range(1, turns + 1) if message_id(conversation, "answer", turn) == message), None)


@dataclass(frozen=True)
class History:
    """What the page shows of a conversation."""

    steps: list[Json]
    elements: list[Json]

    @classmethod
    def of(cls, conversation: str, entries: list[Entry], purposes: dict[str, str]) -> "History":
        """From its record; `purposes` says in plain words what each tool does."""
        found = _differentials(entries)
        return cls(
            list(_steps(conversation, entries, purposes, found)),
            _elements(conversation, [entry.event for entry in entries], found),
        )


def _differentials(entries: list[Entry]) -> dict[Key, Differential]:
    """The differential of each answer, by the key of the event that gave it; of a correction, as it left things."""
    found: dict[Key, Differential] = {}
    case = Case()
    for at, entry in enumerate(entries, 1):
        event = entry.event
        if isinstance(event, Admitted):
            case = event.case
        elif isinstance(event, Differentiated):
            found["answered", event.turn] = event.differential
        elif isinstance(event, Revised) and event.answers:
            standing = Standing.of(one.event for one in entries[:at])
            kept = {name: item for name, item in standing.evidence.items() if name not in standing.fates}
            found[event.key] = differentiate(kept, case)
    return found


def _steps(
    conversation: str, entries: list[Entry], purposes: dict[str, str], found: dict[Key, Differential]
) -> Iterator[Json]:
    evidence = Standing.of(entry.event for entry in entries).evidence

    def step(kind: str, what: str, number: int, at: Entry, output: str, **more: Any) -> Json:
        time = at.time.isoformat()
        return {
            "id": message_id(conversation, what, number),
            "threadId": conversation,
            "parentId": None,
            "name": NAME,
            "type": kind,
            "output": output,
            "createdAt": time,
            "start": time,
            "end": time,
            "streaming": False,
            **more,
        }

    begun: dict[tuple[int, str], ToolStarted] = {}
    for at in entries:
        match event := at.event:
            case Admitted():
                yield step("assistant_message", "case", 0, at, words.case(event.case, event.evidence, {}))
            case Asked():
                yield step("user_message", "question", event.turn, at, event.question, name="You")
            case ToolStarted():
                begun[event.turn, event.call] = event
            case ToolFinished() if started := begun.pop((event.turn, event.call), None):
                yield step(
                    "tool",
                    f"call {event.call}",
                    event.turn,
                    at,
                    words.result(event),
                    name=f"{purposes.get(event.tool, event.tool)} · {event.seconds:.1f} s",
                    input=words.arguments(event.tool, started.arguments),
                    showInput="json",
                    isError=event.fault is not None,
                    metadata={"avatarName": NAME},
                )
            case Answered():
                if event.claims or event.withheld:
                    yield step(
                        "tool",
                        "checks",
                        event.turn,
                        at,
                        words.verdicts(event),
                        name=words.checking(event),
                        metadata={"avatarName": NAME},
                    )
                record = words.Record(conversation, at.hash)
                yield step(
                    "assistant_message",
                    "answer",
                    event.turn,
                    at,
                    words.answer(evidence, event, record, found.get(event.key)),
                )
            case Revised():
                for revision in event.answers:
                    record = words.Record(conversation, at.hash, event.number)
                    yield step(
                        "assistant_message",
                        f"revision {event.number}",
                        revision.turn,
                        at,
                        words.answer(evidence, revision, record, found.get(event.key)),
                    )
            case _:
                pass


def cited(answer: Answered | Revision, found: Differential | None = None) -> list[str]:
    """Ids of the evidence that an answer and its differential rest on, in order."""
    of_claims = [one for claim in answer.claims for one in claim.evidence]
    of_trees = [leaf for candidate in found.candidates for leaf in candidate.tree.leaves] if found else []
    return list(dict.fromkeys([*of_claims, *of_trees]))


def _elements(conversation: str, events: list[Event], found: dict[Key, Differential]) -> list[Json]:
    shown: list[tuple[str, list[str]]] = []
    for event in events:
        if isinstance(event, Answered):
            rests_on = cited(event, found.get(event.key))
            shown.append((message_id(conversation, "answer", event.turn), rests_on))
        elif isinstance(event, Revised):
            what = f"revision {event.number}"
            shown += [
                (message_id(conversation, what, one.turn), cited(one, found.get(event.key))) for one in event.answers
            ]
    return [_element(conversation, message, identifier) for message, ids in shown for identifier in ids]


def _element(conversation: str, message: str, identifier: str) -> Json:
    return {
        "id": str(uuid5(NAMESPACE_URL, f"{message}/{identifier}")),
        "threadId": conversation,
        "forId": message,
        "type": "text",
        "name": words.mark(identifier),
        "url": address(conversation, identifier),
        "display": "side",
        "mime": "text/plain",
    }
