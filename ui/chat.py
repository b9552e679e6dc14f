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
from chainlit.input_widget import Select, TextInput

from graphs.conversation import Conversation
from graphs.equipment import EquipmentError, reasoners
from graphs.home import HomeError
from graphs.trace import TraceError
from knowledge.blobs import BlobStore
from tools.imaging.read import Reading, read_case
from ui import chat_visits as visits
from ui import chat_words as words
from ui.chat_house import HOUSE
from ui.chat_settings import Choices, modalities
from ui.chat_turn import show_answer, showing, working
from ui.chat_uploads import Upload, lay_out
from ui.chat_visits import Visit

log = logging.getLogger("citrus.chat")

_RESUME = re.compile(r"/?resume\s+(\S{1,100})", re.IGNORECASE)
_DEMO = re.compile(r"/?demo", re.IGNORECASE)
_OWN_FAULTS = (EquipmentError, HomeError, TraceError)
"""Errors whose words are written for the person."""
_PATIENCE = 600
"""Seconds that a question to the person stays open."""


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
    names = list(reasoners())
    await cl.ChatSettings(
        [
            Select(id="reasoner", label="Reasoner", values=names, initial_value=HOUSE.reasoner),
            Select(
                id="modality",
                label="Modality, where the files do not say",
                values=modalities(),
                initial_value=modalities()[0],
            ),
            TextInput(
                id="spacing",
                label="Pixel spacing in mm (x, y), where the files do not say",
                initial="",
                placeholder="0.2, 0.2",
            ),
        ]
    ).send()


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
    # Pressing stop cancels what waits here; the turn itself ends at its next step.
    await asyncio.shield(task)


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
    _start(visit, _open(visit, list(visit.uploads)))


async def _take(visit: Visit, uploads: list[Upload], text: str) -> None:
    """Do what a message asks for."""
    await visit.sitting.wake()
    if uploads and not await _admit(visit, uploads):
        return
    if wanted := _RESUME.fullmatch(text):
        await _resume(visit, wanted[1])
    elif _DEMO.fullmatch(text):
        await _demo(visit)
    elif text and visit.sitting.conversation is None:
        await cl.Message(content=_HELP).send()
    elif text:
        await _ask(visit, text)


_HELP = """Drop the images of one patient here: a DICOM zip or several DICOM files, NIfTI, PNG, JPEG or TIFF. Then ask,
for example how large something is, where it is, or what is known about it.

- Type **demo** to open a phantom chest CT whose truth is known.
- Type **resume** and the id of a conversation to take it up again.
- The settings beside the message box hold the reasoner, and the modality and pixel spacing where files are silent.
"""


async def _admit(visit: Visit, uploads: list[Upload]) -> bool:
    """Open what was sent; whether a case is open afterwards."""
    if visit.sitting.conversation is not None:
        choices = {"new": "Another patient: new case"}
        question = "A case is open, and a case is about one patient."
        if visit.uploads:
            choices = {"same": "The same patient: read all files together"} | choices
            question += " Whose images are these?"
        else:
            question += " Its own files are no longer here, so these cannot be read with them."
        choice = await _choose(question, choices | {"drop": "Do not open these files"})
        if choice not in choices:
            return False
        if choice == "same":
            uploads = [*visit.uploads, *uploads]
    return await _open(visit, uploads)


async def _choose(question: str, choices: dict[str, str]) -> str | None:
    """Let the person choose; None where nobody did."""
    dialog = cl.AskActionMessage(
        content=words.plain(question),
        actions=[cl.Action(name=name, label=label, payload={}) for name, label in choices.items()],
        timeout=_PATIENCE,
    )
    try:
        chosen = await dialog.send()
    except asyncio.CancelledError:
        await dialog.remove()
        raise
    name = chosen.get("name") if chosen else None
    return name if name in choices else None


async def _consent(subject: str, question: str) -> bool | None:
    """Ask for a person's yes; None where the turn is to stop instead."""
    answer = await _choose(question, {"yes": "Yes, I agree", "no": "No", "stop": "Stop this turn"})
    return {"yes": True, "no": False}.get(answer or "stop")


async def _open(visit: Visit, uploads: list[Upload]) -> bool:
    """Read files into a new conversation and show the case."""
    visit.cases += 1
    folder = cl.context.session.files_dir / f"case-{visit.cases}"
    paths = await visit.sitting.do(lambda: lay_out(uploads, folder))
    visit.uploads = uploads
    return await _read(visit, paths, f"Reading {len(uploads)} file{'s' if len(uploads) > 1 else ''}")


async def _demo(visit: Visit) -> None:
    from ui.phantom import chest, write_series

    visit.cases += 1
    visit.uploads = []
    folder = cl.context.session.files_dir / f"case-{visit.cases}" / "phantom"

    def write() -> None:
        folder.mkdir(parents=True)
        write_series(chest(), folder)

    await visit.sitting.do(write)
    await _read(visit, [folder], "Reading the phantom")


async def _read(visit: Visit, paths: list[Path], name: str) -> bool:
    try:
        choices = Choices.of(visit.settings, HOUSE.reasoner)
    except ValueError as error:
        await cl.ErrorMessage(content=words.plain(str(error))).send()
        return False
    equipment = await visit.sitting.do(lambda: HOUSE.equipment(choices.reasoner))

    def read(blobs: BlobStore) -> Reading:
        return read_case(paths, blobs, spacing=choices.spacing, modality=choices.modality)

    async with working(name):
        conversation = await visit.sitting.open(equipment, read, choices.recorded())
    await _panel(conversation)
    if not conversation.case.images:
        await visit.sitting.leave()
        return False
    return True


async def _panel(conversation: Conversation) -> None:
    """Show the case, and what may be asked about it."""
    if not conversation.case.images:
        content = f"{words.case(conversation)}\n\nSo there is nothing to ask about\\."
        await cl.Message(content=content).send()
        return
    actions = [
        cl.Action(name="ask", label=question, payload={"question": question})
        for question in HOUSE.questions(conversation)
    ]
    content = (
        f"{words.case(conversation)}\n\nTo take this conversation up again later: `resume {conversation.identifier}`"
    )
    await cl.Message(content=content, actions=actions).send()


async def _ask(visit: Visit, question: str) -> None:
    async with showing() as show:
        try:
            answer = await visit.sitting.ask(question, show, _consent)
        except ValueError as error:
            if type(error) is not ValueError:
                raise
            await cl.ErrorMessage(content=words.plain(str(error))).send()
            return
    await show_answer(visit.sitting, answer)


async def _resume(visit: Visit, identifier: str) -> None:
    """Take up a conversation: the case, what was said, and the turn that was cut off."""
    visits.adopt(visit, identifier)
    await visit.sitting.wake()
    if visit.sitting.identifier != identifier:
        choices = Choices.of(visit.settings, HOUSE.reasoner)
        equipment = await visit.sitting.do(lambda: HOUSE.equipment(choices.reasoner))
        await visit.sitting.resume(equipment, identifier)
        visit.uploads = []
        await cl.Message(
            content="What names the patient in the files was not kept\\. Please do not type it in this conversation\\."
        ).send()
    conversation = visit.sitting.conversation
    if conversation is None:
        raise TraceError(f"{identifier} was closed while it was taken up")
    await _panel(conversation)
    unfinished = False
    for asked, answered in conversation.turns:
        await cl.Message(content=asked.question, type="user_message", author="You").send()
        unfinished = answered is None
        if answered is not None:
            await show_answer(visit.sitting, answered)
    async with showing() as show:
        answer = await visit.sitting.catch_up(show, _consent)
    if answer is not None and unfinished:
        await show_answer(visit.sitting, answer)
