"""Questions that the page puts to the person, and waits for."""

import asyncio

import chainlit as cl

from ui import chat_words as words

_PATIENCE = 600
"""Seconds that a question to the person stays open."""


async def choose(question: str, choices: dict[str, str]) -> str | None:
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
    # The page takes a question for the end of the work; it goes on, and can be stopped again.
    await cl.context.emitter.task_start()
    name = chosen.get("name") if chosen else None
    return name if name in choices else None


async def consent(subject: str, question: str) -> bool | None:
    """Ask for a person's yes; None where the turn is to stop instead."""
    answer = await choose(question, {"yes": "Yes, I agree", "no": "No", "stop": "Stop this turn"})
    return {"yes": True, "no": False}.get(answer or "stop")
