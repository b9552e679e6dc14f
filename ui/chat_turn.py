"""How one turn looks on the page: its steps as they run, the answer, and the evidence beside it."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import chainlit as cl
from chainlit.utils import utc_now

from ui import chat_words as words
from ui.chat_gallery import address
from ui.chat_history import cited, message_id
from ui.chat_root import NAME
from ui.chat_sitting import Show, Sitting

if TYPE_CHECKING:
    from graphs.conversation import Conversation
    from graphs.events import Answered, Revision

_SETTLE = 0.3
"""Seconds in which the page takes in new elements before it is told which of them to show."""


def _step(name: str, **more: Any) -> cl.Step:
    """A step among the messages of the running turn, under the name of this system."""
    parent = cl.context.current_step
    step = cl.Step(
        name=name, type="tool", parent_id=parent.id if parent else None, metadata={"avatarName": NAME}, **more
    )
    step.start = utc_now()
    return step


@asynccontextmanager
async def working(name: str) -> AsyncIterator[cl.Step]:
    """A step that is shown as running until what is inside ends; then with its seconds."""
    step = _step(name)
    began = time.monotonic()
    await step.send()
    try:
        yield step
    except BaseException:
        step.is_error = True
        raise
    finally:
        step.name = f"{name} · {time.monotonic() - began:.1f} s"
        step.end = utc_now()
        await step.update()


@asynccontextmanager
async def showing() -> AsyncIterator[Show]:
    """Gives what shows the steps of a turn; a step that never finished is closed at the end."""
    running: dict[str, cl.Step] = {}

    async def show(update: dict[str, Any]) -> None:
        if update["type"] == "tool_started":
            # A call that waited for consent begins again.
            if update["call"] not in running:
                running[update["call"]] = await _begun(update)
        elif update["type"] == "tool_finished":
            event = update["event"]
            step = running.pop(event.call, None)
            if step is None:
                return
            step.output = words.result(event)
            step.is_error = event.fault is not None
            step.name = f"{step.name} · {event.seconds:.1f} s"
            step.end = utc_now()
            await step.update()

    try:
        yield show
    finally:
        for step in running.values():
            step.end = utc_now()
            step.output = "Not finished\\."
            await step.update()


async def _begun(update: dict[str, Any]) -> cl.Step:
    step = _step(update["purpose"], show_input="json")
    step.input = words.arguments(update["tool"], update["arguments"])
    await step.send()
    return step


async def show_answer(sitting: Sitting, answer: "Answered") -> None:
    """The verdicts, the answer, its record, and each cited piece of evidence in the panel beside it."""
    conversation = sitting.conversation
    if conversation is None:
        return
    if answer.claims or answer.withheld:
        step = _step(words.checking(answer))
        step.end = step.start
        step.output = words.verdicts(answer)
        await step.send()
    record = words.Record(conversation.identifier, conversation.trace.head)
    await _show(conversation, answer, record, "answer")


async def show_revision(conversation: "Conversation", number: int, revision: "Revision") -> None:
    """An answer as it reads after correction `number`."""
    record = words.Record(conversation.identifier, conversation.trace.head, number)
    await _show(conversation, revision, record, f"revision {number}")


async def _show(conversation: "Conversation", answer: "Answered | Revision", record: words.Record, what: str) -> None:
    found = conversation.differential(answer.turn)
    content = words.answer(conversation.evidence, answer, record, found)
    identifier = message_id(conversation.identifier, what, answer.turn)
    await cl.Message(id=identifier, content=content).send()
    elements = [_element(conversation.identifier, one) for one in cited(answer, found) if one in conversation.evidence]
    for element in elements:
        await element.send(for_id=identifier)
    if elements:
        await _open_panel(elements, identifier)


def _element(conversation: str, identifier: str) -> cl.Text:
    return cl.Text(name=words.mark(identifier), url=address(conversation, identifier), display="side")


async def _open_panel(elements: list[cl.Text], message_id: str) -> None:
    """Show this answer's evidence, where the page would show that of all answers."""
    await cl.sleep(_SETTLE)
    emit = cl.context.emitter.emit
    if "Mobi" in cl.context.session.environ.get("HTTP_USER_AGENT", ""):
        # On a telephone the panel would cover the answer.
        await emit("set_sidebar_elements", {"elements": [], "key": message_id})
        return
    shown = [element.to_dict() for element in elements]
    await emit("set_sidebar_elements", {"elements": shown, "key": message_id})
    await emit("set_sidebar_title", "Evidence of this answer")
