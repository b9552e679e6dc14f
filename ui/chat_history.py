"""A conversation's record as the messages and steps of the page, so that a case reads as it did when it was left.

The page keeps nothing itself: what it shows after a restart is made from the trace.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphs.events import Admitted, Answered, Asked, Revised, ToolFinished, ToolStarted
from graphs.standing import Standing
from graphs.trace import Entry
from ui import chat_words as words
from ui.chat_answers import Said, content, message_id, said
from ui.chat_gallery import address
from ui.chat_root import NAME

Json = dict[str, Any]


@dataclass(frozen=True)
class History:
    """What the page shows of a conversation."""

    steps: list[Json]
    elements: list[Json]

    @classmethod
    def of(cls, conversation: str, entries: list[Entry], purposes: dict[str, str]) -> "History":
        """From its record; `purposes` says in plain words what each tool does."""
        standing = Standing.of(entry.event for entry in entries)
        answers = said(conversation, entries)
        elements = [_element(one, name) for one in answers for name in one.rests_on if name in standing.evidence]
        return cls(list(_steps(conversation, entries, purposes, answers, standing)), elements)


def _steps(
    conversation: str, entries: list[Entry], purposes: dict[str, str], answers: list[Said], standing: Standing
) -> Iterator[Json]:
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

    def shown(at: Entry) -> Iterator[Json]:
        for one in answers:
            if one.at is at:
                yield step("run", "", 0, at, "", id=one.run)
                words_of = content(one, standing)
                yield step("assistant_message", "", 0, at, words_of, id=one.message, parentId=one.run)

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
                yield from shown(at)
            case Revised():
                yield from shown(at)
            case _:
                pass


def _element(one: Said, identifier: str) -> Json:
    return {
        "id": message_id(one.message, identifier, 0),
        "threadId": one.conversation,
        "forId": one.message,
        "type": "text",
        "name": words.mark(identifier),
        "url": address(one.conversation, identifier),
        "display": "side",
        "mime": "text/plain",
    }
