"""The page on which a clinician opens a case and asks: what happens at each event of a session.

Imported by `ui.serve` alone, after the folder that Chainlit reads its settings from is furnished.
"""

# mypy: disable-error-code="untyped-decorator"
# Chainlit's own decorators have no types.

import asyncio
import logging
import re
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import chainlit as cl
from chainlit.input_widget import Select, Tab, TextInput
from chainlit.types import ThreadDict

from graphs.conversation import Conversation
from graphs.equipment import EquipmentError, reasoners
from graphs.home import HomeError
from graphs.trace import TraceError
from knowledge.blobs import BlobStore
from tools.imaging.read import Reading, read_case
from ui import access_log
from ui import chat_visits as visits
from ui import chat_words as words
from ui.chat_chart import Chart
from ui.chat_house import HOUSE
from ui.chat_settings import SEXES, Choices, modalities
from ui.chat_threads import Threads
from ui.chat_turn import show_answer, showing, working
from ui.chat_uploads import Upload, lay_out, parted
from ui.chat_visits import Visit

log = logging.getLogger("citrus.chat")

_RESUME = re.compile(r"/?resume\s+(\S{1,100})", re.IGNORECASE)
_DEMO = re.compile(r"/?demo", re.IGNORECASE)
_OWN_FAULTS = (EquipmentError, HomeError, TraceError)
"""Errors whose words are written for the person."""
_PATIENCE = 600
"""Seconds that a question to the person stays open."""
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
    await _offer_settings()


async def _offer_settings() -> None:
    patient = Tab(
        id="patient",
        label="Patient",
        inputs=[
            TextInput(id="age", label="Age in years", initial="", placeholder="61"),
            Select(id="sex", label="Sex", values=list(SEXES), initial_value=SEXES[0]),
            TextInput(id="complaint", label="Complaint", initial="", placeholder="Cough for three weeks"),
            TextInput(id="history", label="History", initial="", multiline=True),
            TextInput(
                id="labs",
                label="Laboratory values, one a line; or drop a CSV table",
                initial="",
                placeholder="CRP, 48, mg/L",
                multiline=True,
            ),
        ],
    )
    files = Tab(
        id="files",
        label="Files and reasoner",
        inputs=[
            Select(id="reasoner", label="Reasoner", values=list(reasoners()), initial_value=HOUSE.reasoner),
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
        ],
    )
    await cl.ChatSettings([patient, files]).send()


@cl.on_chat_resume
async def chat_resume(thread: ThreadDict) -> None:
    """Take up the case whose record the page is about to show."""
    visit = visits.here()
    await _offer_settings()

    async def take_up() -> None:
        # The page puts the record in place of all that it was shown before.
        await asyncio.sleep(_SETTLE)
        await _take_up(visit, thread["id"])

    _start(visit, take_up())


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


_HELP = """Drop the images of one patient here: a DICOM zip or several DICOM files, NIfTI, PNG, JPEG or TIFF. Letters as
PDF and laboratory tables as CSV may come with them. Then ask, for example how large something is, where it is, or what
is known about it.

- Type **demo** to open a phantom chest CT whose truth is known.
- Your cases are listed at the side; press one to take it up again.
- The settings beside the message box hold the patient's age, sex, complaint, history and laboratory values, the
  reasoner, and the modality and pixel spacing where files are silent.
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
    images, documents = await visit.sitting.do(lambda: parted(uploads))
    paths = await visit.sitting.do(lambda: lay_out(images, folder))
    visit.uploads = uploads
    return await _read(visit, paths, f"Reading {len(uploads)} file{'s' if len(uploads) > 1 else ''}", documents)


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


async def _read(visit: Visit, paths: list[Path], name: str, documents: Sequence[Upload] = ()) -> bool:
    try:
        choices = Choices.of(visit.settings, HOUSE.reasoner)
    except ValueError as error:
        await cl.ErrorMessage(content=words.plain(str(error))).send()
        return False
    equipment = await visit.sitting.do(lambda: HOUSE.equipment(choices.reasoner))
    chart = Chart(choices.labs, [(one.name, one.path) for one in documents])

    def read(blobs: BlobStore) -> Reading:
        reading = read_case(paths, blobs, spacing=choices.spacing, modality=choices.modality, patient=choices.patient)
        chart.read()
        problems = (*reading.case.problems, *chart.problems)
        case = reading.case.model_copy(update={"problems": problems})
        return Reading(case, reading.identity, reading.names | chart.names)

    async with working(name):
        conversation = await visit.sitting.open(equipment, read, choices.recorded(), chart.statements)
        await visit.sitting.do(lambda: HOUSE.access.own(visit.user, conversation.identifier))
    if conversation.case.problems:
        access_log.note("files not opened", user=visit.user, count=len(conversation.case.problems))
    if chart.left_out:
        access_log.note("refused", user=visit.user, why="instructions in a document", count=chart.left_out)
    if not conversation.case.images:
        await _panel(conversation)
        await visit.sitting.leave()
        return False
    await _enlist(conversation)
    await _panel(conversation)
    return True


async def _enlist(conversation: Conversation) -> None:
    """Let the page know this case by its own name: in its address, in the list, and in what is sent from now on."""
    session = cl.context.session
    session.thread_id = conversation.identifier
    told = {"interaction": conversation.identifier, "thread_id": conversation.identifier}
    await cl.context.emitter.emit("first_interaction", told)


async def _panel(conversation: Conversation) -> None:
    """Show the case, and what may be asked about it."""
    case = conversation.case
    content = words.case(case, conversation.evidence.values(), conversation.names)
    if not case.images:
        await cl.Message(content=f"{content}\n\nSo there is nothing to ask about\\.").send()
        return
    await cl.Message(content=content, actions=_offered(conversation)).send()


def _offered(conversation: Conversation) -> list[cl.Action]:
    return [
        cl.Action(name="ask", label=question, payload={"question": question})
        for question in HOUSE.questions(conversation)
    ]


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
    """Take up a conversation by its id: the case and what was said, then the turn that was cut off."""
    if not HOUSE.access.may_open(visit.user, identifier):
        access_log.note("refused", user=visit.user, why="another's case, or none")
        raise TraceError("There is no such case among yours.")
    await _enter(visit, identifier)
    conversation = _opened(visit, identifier)
    await _enlist(conversation)
    await _panel(conversation)
    for asked, answered in conversation.turns:
        await cl.Message(content=asked.question, type="user_message", author="You").send()
        if answered is not None:
            await show_answer(visit.sitting, answered)
    await _catch_up(visit, conversation)


async def _take_up(visit: Visit, identifier: str) -> None:
    """Take up a conversation whose record the page shows already."""
    await _enter(visit, identifier)
    conversation = _opened(visit, identifier)
    if not await _catch_up(visit, conversation):
        await cl.Message(content="The case is open again\\.", actions=_offered(conversation)).send()


async def _enter(visit: Visit, identifier: str) -> None:
    visits.adopt(visit, identifier)
    await visit.sitting.wake()
    if visit.sitting.identifier == identifier:
        return
    choices = Choices.of(visit.settings, HOUSE.reasoner)
    equipment = await visit.sitting.do(lambda: HOUSE.equipment(choices.reasoner))
    await visit.sitting.resume(equipment, identifier)
    visit.uploads = []
    await cl.Message(
        content="What names the patient in the files was not kept\\. Please do not type it in this conversation\\."
    ).send()


def _opened(visit: Visit, identifier: str) -> Conversation:
    conversation = visit.sitting.conversation
    if conversation is None:
        raise TraceError(f"{identifier} was closed while it was taken up")
    return conversation


async def _catch_up(visit: Visit, conversation: Conversation) -> bool:
    """Finish the turn that was cut off; whether there was one."""
    unfinished = any(answered is None for _, answered in conversation.turns)
    async with showing() as show:
        answer = await visit.sitting.catch_up(show, _consent)
    if answer is not None and unfinished:
        await show_answer(visit.sitting, answer)
    return unfinished
