"""How files become a case on the page: read, its panel shown, listed under its own name."""

from collections.abc import Sequence
from pathlib import Path

import chainlit as cl

from graphs.conversation import Conversation
from knowledge.blobs import BlobStore
from tools.imaging.read import Reading, read_case
from ui import access_log
from ui import chat_words as words
from ui.chat_chart import Chart
from ui.chat_dialogs import choose
from ui.chat_house import HOUSE
from ui.chat_settings import Choices
from ui.chat_turn import working
from ui.chat_uploads import Upload, lay_out, parted
from ui.chat_visits import Visit


async def admit(visit: Visit, uploads: list[Upload]) -> bool:
    """Open what was sent; whether a case is open afterwards."""
    if visit.sitting.conversation is not None:
        choices = {"new": "Another patient: new case"}
        question = "A case is open, and a case is about one patient."
        if visit.uploads:
            choices = {"same": "The same patient: read all files together"} | choices
            question += " Whose images are these?"
        else:
            question += " Its own files are no longer here, so these cannot be read with them."
        choice = await choose(question, choices | {"drop": "Do not open these files"})
        if choice not in choices:
            return False
        if choice == "same":
            uploads = [*visit.uploads, *uploads]
    return await open_files(visit, uploads)


async def open_files(visit: Visit, uploads: list[Upload]) -> bool:
    """Read files into a new conversation and show the case."""
    visit.cases += 1
    folder = cl.context.session.files_dir / f"case-{visit.cases}"
    images, documents = await visit.sitting.do(lambda: parted(uploads))
    paths = await visit.sitting.do(lambda: lay_out(images, folder))
    visit.uploads = uploads
    return await _read(visit, paths, f"Reading {len(uploads)} file{'s' if len(uploads) > 1 else ''}", documents)


async def open_demo(visit: Visit) -> None:
    """Open a phantom whose truth is known."""
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
        await panel(conversation)
        await visit.sitting.leave()
        return False
    await enlist(conversation)
    await panel(conversation)
    return True


async def enlist(conversation: Conversation) -> None:
    """Let the page know this case by its own name: in its address, in the list, and in what is sent from now on."""
    session = cl.context.session
    session.thread_id = conversation.identifier
    told = {"interaction": conversation.identifier, "thread_id": conversation.identifier}
    await cl.context.emitter.emit("first_interaction", told)


async def panel(conversation: Conversation) -> None:
    """Show the case, and what may be asked about it."""
    case = conversation.case
    content = words.case(case, conversation.evidence.values(), conversation.names)
    if not case.images:
        await cl.Message(content=f"{content}\n\nSo there is nothing to ask about\\.").send()
        return
    await cl.Message(content=content, actions=offered(conversation)).send()


def offered(conversation: Conversation) -> list[cl.Action]:
    """Questions that may be pressed."""
    return [
        cl.Action(name="ask", label=question, payload={"question": question})
        for question in HOUSE.questions(conversation)
    ]
