"""The page on which a clinician opens a case and asks: what happens at each event of a session.

Imported by `ui.serve` alone, after the folder that Chainlit reads its settings from is furnished.
"""

# mypy: disable-error-code="untyped-decorator"
# Chainlit's own decorators have no types.

import asyncio
import logging
import re
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import chainlit as cl
from chainlit.types import ThreadDict

from graphs.equipment import EquipmentError
from graphs.home import HomeError
from graphs.trace import TraceError
from ui import chat_visits as visits
from ui import chat_words as words
from ui.chat_case import admit, open_demo, open_files
from ui.chat_dialogs import consent
from ui.chat_house import HOUSE
from ui.chat_panel import offer
from ui.chat_return import resume, take_up
from ui.chat_settings import Choices
from ui.chat_threads import Threads
from ui.chat_turn import show_answer, showing
from ui.chat_uploads import Upload
from ui.chat_visits import Visit

log = logging.getLogger("citrus.chat")

_RESUME = re.compile(r"/?resume\s+(\S{1,100})", re.IGNORECASE)
_DEMO = re.compile(r"/?demo", re.IGNORECASE)
_OWN_FAULTS = (EquipmentError, HomeError, TraceError)
"""Errors whose words are written for the person."""
_SETTLE = 0.3
"""Seconds in which the page puts a record in place."""


def _start(visit: Visit, work: Coroutine[Any, Any, object]) -> asyncio.Task[None]:
    """Run `work` on its own, so that pressing stop does not tear it; a failure is told to the person.

    While it runs, the page shows the button that stops it.
    """

    async def told() -> None:
        visit.running += 1
        await cl.context.emitter.task_start()
        try:
            await work
        except _OWN_FAULTS as error:
            await cl.ErrorMessage(content=words.plain(str(error))).send()
        except Exception as error:
            # The words of an unexpected error may quote the patient's data, so they stay out of the log.
            log.exception("a step of a session failed: %s", type(error).__name__, exc_info=False)
            text = f"Something in this program failed ({type(error).__name__}). What was done is in the trace."
            await cl.ErrorMessage(content=words.plain(text)).send()
        finally:
            visit.running -= 1
            if not visit.running:
                await cl.context.emitter.task_end()

    return visits.kept(asyncio.create_task(told()))


@cl.on_app_shutdown
async def shutdown() -> None:
    """Close every conversation and delete every upload."""
    await visits.close()
    HOUSE.leave()


@cl.set_starters
async def starters() -> list[cl.Starter]:
    """What a newcomer may press."""
    return [
        cl.Starter(label="Try it on a phantom chest CT whose truth is known", message="demo"),
        cl.Starter(label="What can be opened and asked here?", message="help"),
    ]


@cl.on_chat_start
async def chat_start() -> None:
    """Offer the settings; the welcome screen says the rest."""
    visits.here()
    # Else Chainlit would list the session as a case before one is open, under the words that were typed.
    cl.context.session.has_first_interaction = True
    await offer(HOUSE.reasoner)


@cl.on_chat_resume
async def chat_resume(thread: ThreadDict) -> None:
    """Take up the case whose record the page is about to show."""
    visit = visits.here()
    await offer(HOUSE.reasoner)

    async def after_the_record() -> None:
        # The page puts the record in place of all that it was shown before.
        await asyncio.sleep(_SETTLE)
        await take_up(visit, thread["id"])

    _start(visit, after_the_record())


@cl.data_layer
def data_layer() -> Threads:
    """The list of cases, and thumbs."""
    return Threads(HOUSE)


@cl.on_settings_update
async def settings_update(settings: dict[str, Any]) -> None:
    """Keep the settings for the next files, and offer to read the open ones again."""
    visit = visits.here()
    try:
        Choices.of(settings, HOUSE.reasoner)
    except ValueError as error:
        await cl.ErrorMessage(content=words.plain(str(error))).send()
        return
    visit.settings = settings
    if visit.uploads:
        await cl.Message(
            content="The settings are kept for the next files. The open ones were read without them.",
            actions=[cl.Action(name="again", label="Read the files again", payload={})],
        ).send()


@cl.on_message
async def message(received: cl.Message) -> None:
    """Files open a case; words ask about it."""
    visit = visits.here()
    uploads = [Upload(element.name, Path(element.path)) for element in received.elements if element.path]
    task = _start(visit, _take(visit, uploads, received.content.strip()))
    try:
        # Pressing stop cancels what waits here; the turn itself ends at its next step.
        await asyncio.shield(task)
    finally:
        # The page puts thumbs under the last words of a run, but not of one by this name: they belong under answers,
        # each of which is a run of its own.
        if cl.context.current_run is not None:
            cl.context.current_run.name = "on_chat_start"


@cl.on_stop
async def stop() -> None:
    """End the running turn at its next step."""
    visits.here().sitting.stop()


@cl.on_chat_end
async def chat_end() -> None:
    """Let the session go: at once where the person left, else after a while."""
    session = cl.context.session
    await (visits.part(session.id) if session.to_clear else visits.linger(session.id))


@cl.action_callback("ask")
async def ask_again(action: cl.Action) -> None:
    """A question that was offered."""
    question = str(action.payload.get("question", ""))
    await cl.Message(content=question, type="user_message", author="You").send()
    visit = visits.here()
    _start(visit, _take(visit, [], question))


@cl.action_callback("again")
async def read_again(action: cl.Action) -> None:
    """Read the same files with the settings as they are now."""
    visit = visits.here()
    _start(visit, open_files(visit, list(visit.uploads)))


async def _take(visit: Visit, uploads: list[Upload], text: str) -> None:
    """Do what a message asks for."""
    await visit.sitting.wake()
    if uploads and not await admit(visit, uploads):
        return
    if wanted := _RESUME.fullmatch(text):
        await resume(visit, wanted[1])
    elif _DEMO.fullmatch(text):
        await open_demo(visit)
    elif text and visit.sitting.conversation is None:
        await cl.Message(content=_HELP).send()
    elif text:
        await _ask(visit, text)


_HELP = """Drop the images of one patient here: a DICOM zip or several DICOM files, NIfTI, PNG, JPEG or TIFF. Letters as
PDF and laboratory tables as CSV may come with them. Then ask, for example how large something is, where it is, or what
is known about it.

- Type **demo** to open a phantom chest CT whose truth is known.
- Your cases are listed at the side; press one to take it up again.
- The settings beside the message box hold the patient's age, sex, complaint, history and laboratory values, the
  reasoner, and the modality and pixel spacing where files are silent.
"""


async def _ask(visit: Visit, question: str) -> None:
    async with showing() as show:
        try:
            answer = await visit.sitting.ask(question, show, consent)
        except ValueError as error:
            if type(error) is not ValueError:
                raise
            await cl.ErrorMessage(content=words.plain(str(error))).send()
            return
    if visit.sitting.conversation is not None:
        await show_answer(visit.sitting.conversation, answer)
