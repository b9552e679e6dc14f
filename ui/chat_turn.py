"""How one turn looks on the page: its steps as they run, the answer, and the evidence beside it."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import chainlit as cl
from chainlit.utils import utc_now

from knowledge.evidence import Evidence, View
from tools.imaging.volume import Volume
from ui import chat_words as words
from ui.chat_root import NAME
from ui.chat_sitting import Show, Sitting
from ui.pictures import draw, rests_on

if TYPE_CHECKING:
    from graphs.conversation import Conversation
    from graphs.events import Answered

_SETTLE = 0.3
"""Seconds in which the page takes in new elements before it is told which of them to show."""


@dataclass(frozen=True)
class Exhibit:
    """A piece of evidence and its picture."""

    item: Evidence
    picture: bytes | None


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
        checked, withheld = len(answer.claims) + len(answer.withheld), len(answer.withheld)
        step = _step(f"Checking {checked} sentence{'s' if checked > 1 else ''} · {withheld} withheld")
        step.end = step.start
        step.output = words.verdicts(answer)
        await step.send()
    message = cl.Message(content=words.answer(conversation, answer))
    await message.send()
    exhibits = await sitting.do(lambda: exhibits_of(conversation, answer))
    elements = [await _element(exhibit, message.id) for exhibit in exhibits]
    if elements:
        await _open_panel(elements, message.id)


async def _element(exhibit: Exhibit, message_id: str) -> cl.Text:
    session = cl.context.session
    picture = None
    if exhibit.picture is not None:
        name = f"{exhibit.item.id}.png"
        stored = await session.persist_file(name=name, content=exhibit.picture, mime="image/png")
        picture = f"/project/file/{stored['id']}?session_id={session.id}"
    content = words.exhibit(exhibit.item, picture)
    element = cl.Text(name=words.mark(exhibit.item.id), content=content, display="side")
    await element.send(for_id=message_id)
    return element


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


def exhibits_of(conversation: "Conversation", answer: "Answered") -> list[Exhibit]:
    """Each piece of evidence that the answer cites, in order, drawn where it can be."""
    evidence, blobs = conversation.evidence, conversation.trace.blobs
    images = {image.id: image for image in conversation.case.images}
    volumes: dict[str, Volume] = {}
    exhibits = []
    for identifier in dict.fromkeys(one for claim in answer.claims for one in claim.evidence):
        item = evidence.get(identifier)
        if item is None:
            continue
        picture = blobs.get(item.blob) if isinstance(item, View) else None
        image = images.get(item.image or "")
        if picture is None and image is not None and item.kind in ("mask", "region", "measurement"):
            if image.id not in volumes:
                volumes[image.id] = Volume.load(image, blobs)
            picture = draw(image, rests_on(evidence, [identifier]), volumes[image.id], blobs)
        exhibits.append(Exhibit(item, picture))
    return exhibits
