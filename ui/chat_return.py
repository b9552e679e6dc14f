"""How a case is taken up again: by its id, or from the list with its record on the page already."""

import chainlit as cl

from graphs.conversation import Conversation
from graphs.trace import TraceError
from ui import access_log
from ui import chat_visits as visits
from ui.chat_case import enlist, offered, panel
from ui.chat_dialogs import consent
from ui.chat_house import HOUSE
from ui.chat_settings import Choices
from ui.chat_turn import show_answer, show_evidence, show_standing, showing
from ui.chat_visits import Visit


async def resume(visit: Visit, identifier: str) -> None:
    """Take up a conversation by its id: the case and what was said, then the turn that was cut off."""
    if not HOUSE.access.may_open(visit.user, identifier):
        access_log.note("refused", user=visit.user, why="another's case, or none")
        raise TraceError("There is no such case among yours.")
    await _enter(visit, identifier)
    conversation = _opened(visit, identifier)
    await enlist(conversation)
    await panel(conversation)
    for asked, _ in conversation.turns:
        await cl.Message(content=asked.question, type="user_message", author="You").send()
        await show_standing(conversation, asked.turn)
    await show_standing(conversation)
    await _catch_up(visit, conversation)


async def take_up(visit: Visit, identifier: str) -> None:
    """Take up a conversation whose record the page shows already."""
    await _enter(visit, identifier)
    conversation = _opened(visit, identifier)
    if not await _catch_up(visit, conversation):
        await cl.Message(content="The case is open again\\.", actions=offered(conversation)).send()
        await show_evidence(conversation)


async def _enter(visit: Visit, identifier: str) -> None:
    visits.adopt(visit, identifier)
    await visit.sitting.wake()
    if visit.sitting.identifier == identifier:
        return
    choices = Choices.of(visit.settings, HOUSE.reasoner)
    equipment = await visit.sitting.do(lambda: HOUSE.equipment(choices.reasoner))
    await visit.sitting.resume(equipment, identifier)
    visit.uploads = []
    if not _opened(visit, identifier).knows_whom:
        words = "What names the patient in the files was not kept\\. Please do not type it in this conversation\\."
        await cl.Message(content=words).send()


def _opened(visit: Visit, identifier: str) -> Conversation:
    conversation = visit.sitting.conversation
    if conversation is None:
        raise TraceError(f"{identifier} was closed while it was taken up")
    return conversation


async def _catch_up(visit: Visit, conversation: Conversation) -> bool:
    """Finish the turn that was cut off; whether there was one."""
    unfinished = any(answered is None for _, answered in conversation.turns)
    async with showing() as show:
        answer = await visit.sitting.catch_up(show, consent)
    if answer is not None and unfinished:
        await show_answer(conversation, answer)
    return unfinished
