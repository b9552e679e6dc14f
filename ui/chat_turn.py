"""How one turn looks on the page: its steps as they run, the answer, and the evidence beside it."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import chainlit as cl
from chainlit.utils import utc_now

from ui import chat_words as words
from ui.chat_answers import Said, content, said
from ui.chat_gallery import address
from ui.chat_root import NAME
from ui.chat_sitting import Show

if TYPE_CHECKING:
    from graphs.conversation import Conversation
    from graphs.events import Answered

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


async def show_answer(conversation: "Conversation", answer: "Answered") -> None:
    """The verdicts, the answer, its record, and each cited piece of evidence in the panel beside it."""
    if answer.claims or answer.withheld:
        step = _step(words.checking(answer))
        step.end = step.start
        step.output = words.verdicts(answer)
        await step.send()
    await _show([one for one in _said(conversation) if one.answer == answer], conversation)


async def show_standing(conversation: "Conversation", turn: int = 0) -> None:
    """The answer of a turn as it reads now; of no turn, the differential where a correction alone changed it."""
    await _show([one for one in _said(conversation) if one.turn == turn and one.stands], conversation)


async def show_evidence(conversation: "Conversation") -> None:
    """In the panel beside, what the last answer that stands rests on; the page would show that of all answers."""
    standing = [one for one in _said(conversation) if one.stands]
    if standing:
        await _open_panel(_elements(standing[-1], conversation), standing[-1].message)


async def show_corrected(conversation: "Conversation", number: int) -> None:
    """What correction `number` brought, after each answer that it took the place of is marked so."""
    told = _said(conversation)
    for one in told:
        if number in (one.outdated, one.moved):
            await _message(one, conversation).update()
    await _show([one for one in told if one.correction == number], conversation)


def _said(conversation: "Conversation") -> list[Said]:
    return said(conversation.identifier, conversation.trace.entries)


def _message(one: Said, conversation: "Conversation") -> cl.Message:
    message = cl.Message(id=one.message, content=content(one, conversation.standing))
    message.parent_id = one.run
    return message


async def _show(answers: list[Said], conversation: "Conversation") -> None:
    """Each as a run of its own, since the page puts thumbs under the last message of a run."""
    elements: list[cl.Text] = []
    for one in answers:
        parent = cl.context.current_step
        run = cl.Step(name=NAME, type="run", id=one.run, parent_id=parent.id if parent else None)
        run.start = run.end = utc_now()
        await run.send()
        await _message(one, conversation).send()
        elements = _elements(one, conversation)
        for element in elements:
            await element.send(for_id=one.message)
    if elements:
        await _open_panel(elements, answers[-1].message)


def _elements(one: Said, conversation: "Conversation") -> list[cl.Text]:
    evidence, case = conversation.evidence, conversation.identifier
    return [
        cl.Text(name=words.mark(name), url=address(case, name), display="side")
        for name in one.rests_on
        if name in evidence
    ]


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
